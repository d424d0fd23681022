"""The one training loop of every network: AdamW, warm-up and cosine, averaged weights, exact resume.

Everything random in step s is drawn from SeedSequence([seed, s]): the batch, by the caller's `batch_of(s)`,
and dropout, under a generator seeded for that step alone. So a run that was stopped and goes on takes the
very updates that an uninterrupted one takes, and no generator's state needs to be kept.
"""

from __future__ import annotations

import math
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, replace
from types import FrameType
from typing import Any, TypeVar

import numpy as np
import torch
from rich import progress as bars
from torch import Tensor, nn, optim

from drive_gen.data.progress import progress_bar
from drive_gen.envs.files import InputError
from drive_gen.policies.pretrained import Pretrained
from drive_gen.train.config import LoopConfig
from drive_gen.train.run import Learner, Progress, RunFolder, device_of

Batch = dict[str, Tensor]
Model = TypeVar("Model", bound=Pretrained)
LossOf = Callable[[Model, Batch], Mapping[str, Tensor]]  # scalars; the one named "loss" is minimised
Evaluate = Callable[[Model], Mapping[str, float]]  # the one named "score" is the better the higher
FINAL_RATE = 0.1  # of the learning rate, at the last step


def train(model: Model, loss_of: LossOf[Model], batch_of: Callable[[int], Batch], config: LoopConfig,
          run: RunFolder, evaluate: Evaluate[Model] | None = None) -> Progress:
    """Train until `config.steps`, or until `patience` evaluations brought no better score.

    The run must have been started (`run.start`); where it holds a training state, training goes on from
    there. On ^C or SIGTERM the step is finished, the state saved, and KeyboardInterrupt raised.
    """
    device = device_of(config.device)
    learner = make_learner(model.to(device), config)
    run.load_state(learner)
    with _own_randomness(device), _Stop() as stop, _bar(config, learner) as show:
        try:
            while True:
                if evaluate is not None and _evaluation_is_due(learner.progress, config):
                    scores = evaluate(learner.average)
                    with stop.held():
                        _keep(learner, scores, run)
                    show(scores)
                if _is_finished(learner.progress, config):
                    break
                with stop.held():
                    losses = update(learner, loss_of, batch_of, config)
                    _record(learner, losses, config, run)
                show(losses)
        except KeyboardInterrupt:
            with stop.held():
                run.save_state(learner)
                print(f"stopped at step {learner.progress.step}; go on with: {run.resume_command} {run.path}",
                      file=sys.stderr)
            raise
    _finish(learner, run)
    return learner.progress


def update(learner: Learner, loss_of: LossOf[Any], batch_of: Callable[[int], Batch],
           config: LoopConfig) -> dict[str, Tensor]:
    """One optimiser step; gives its losses, the gradient's norm and the learning rate."""
    step = learner.progress.step
    device = next(learner.model.parameters()).device
    batch = {name: tensor.to(device, non_blocking=True) for name, tensor in batch_of(step).items()}
    rate = learning_rate(step, config)
    for group in learner.optimizer.param_groups:
        group["lr"] = rate
    learner.model.train()
    torch.manual_seed(step_seed(config.seed, step, "dropout"))
    with torch.autocast(device.type, torch.bfloat16, enabled=config.bfloat16 or device.type == "cuda"):
        losses = loss_of(learner.model, batch)
    learner.optimizer.zero_grad(set_to_none=True)
    losses["loss"].backward()  # type: ignore[no-untyped-call]
    norm = nn.utils.clip_grad_norm_(learner.model.parameters(), config.clip_norm)
    learner.optimizer.step()
    average_weights(learner.average, learner.model, ema_decay(step, config))
    learner.progress = replace(learner.progress, step=step + 1)
    return {**{name: value.detach() for name, value in losses.items()}, "gradient_norm": norm,
            "learning_rate": torch.tensor(rate)}


def learning_rate(step: int, config: LoopConfig) -> float:
    """Linear from 0 over the warm-up, then half a cosine down to a tenth at the last step."""
    if step < config.warmup:
        return config.learning_rate * (step + 1) / config.warmup
    share = (step - config.warmup) / max(config.steps - 1 - config.warmup, 1)
    cosine = 0.5 * (1 + math.cos(math.pi * min(share, 1.0)))
    return config.learning_rate * (FINAL_RATE + (1 - FINAL_RATE) * cosine)


def ema_decay(step: int, config: LoopConfig) -> float:
    """The average's decay: small at first, so that the untrained weights are soon forgotten."""
    return min(config.ema, (1 + step) / (10 + step))


@torch.no_grad()
def average_weights(average: nn.Module, model: nn.Module, decay: float) -> None:
    """average <- decay * average + (1 - decay) * model, for parameters; buffers are copied."""
    torch._foreach_lerp_(list(average.parameters()), list(model.parameters()), 1 - decay)
    for kept, buffer in zip(average.buffers(), model.buffers(), strict=True):
        kept.copy_(buffer)


def step_seed(seed: int, step: int, stream: str) -> int:
    """Seed of one step's draws; a stream's name keeps its draws apart from the others'."""
    words = np.random.SeedSequence([seed, step, *stream.encode()]).generate_state(2)
    return int(words[0]) << 31 ^ int(words[1])  # 63 bits: torch takes a signed 64-bit seed


def make_learner(model: Pretrained, config: LoopConfig) -> Learner:
    """A model with its average and its optimiser, before the first step."""
    matrices = [parameter for parameter in model.parameters() if parameter.ndim >= 2]
    rest = [parameter for parameter in model.parameters() if parameter.ndim < 2]
    groups = [{"params": matrices, "weight_decay": config.weight_decay},
              {"params": rest, "weight_decay": 0.0}]
    optimizer = optim.AdamW(groups, lr=config.learning_rate, betas=(0.9, 0.95), fused=True)
    return Learner(model=model, average=deepcopy(model).requires_grad_(False).eval(), optimizer=optimizer)


def _evaluation_is_due(progress: Progress, config: LoopConfig) -> bool:
    at = progress.step % config.evaluate_every == 0 or progress.step == config.steps
    return at and progress.step > progress.evaluated


def _is_finished(progress: Progress, config: LoopConfig) -> bool:
    return progress.step >= config.steps or 0 < config.patience <= progress.stale


def _keep(learner: Learner, scores: Mapping[str, float], run: RunFolder) -> None:
    """After an evaluation: the log, the best checkpoint where this is it, the last one, and the state."""
    learner.progress = learner.progress.scored(scores["score"])
    run.log("evaluation", learner.progress.step, scores)
    if learner.progress.best_step == learner.progress.step:
        run.save_checkpoint("best", learner.average, scores)
    run.save_checkpoint("last", learner.average, scores)
    run.save_state(learner)


def _record(learner: Learner, losses: Mapping[str, Tensor], config: LoopConfig, run: RunFolder) -> None:
    """After an update: a line of the log and the state, where they are due."""
    step = learner.progress.step
    if step % config.log_every == 0 or step == config.steps:
        values = {name: float(value) for name, value in losses.items()}
        if not math.isfinite(values["loss"]):
            raise InputError(f"the loss is {values['loss']} at step {step}; try a lower --learning-rate")
        run.log("train", step, values)
    if step % config.save_every == 0:
        run.save_state(learner)


def _finish(learner: Learner, run: RunFolder) -> None:
    if learner.progress.evaluated < learner.progress.step:
        run.save_checkpoint("last", learner.average, {})
        run.save_state(learner)
    run.tensorboard.close()


@contextmanager
def _own_randomness(device: torch.device) -> Iterator[None]:
    """torch's global generators are used inside and given back as they were."""
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        yield


class _Stop:
    """^C and SIGTERM raise KeyboardInterrupt: at once, or after the block where they are held."""

    SIGNALS = (signal.SIGINT, signal.SIGTERM)

    def __init__(self) -> None:
        self.holding = self.asked = False
        self.former: dict[int, Any] = {}

    def __enter__(self) -> _Stop:
        if threading.current_thread() is threading.main_thread():  # Python allows handlers there only
            self.former = {number: signal.signal(number, self._handle) for number in self.SIGNALS}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self.former.items():
            signal.signal(number, handler)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if not self.holding:
            raise KeyboardInterrupt
        self.asked = True

    @contextmanager
    def held(self) -> Iterator[None]:
        self.holding = True
        try:
            yield
        finally:
            self.holding = False
        if self.asked:
            raise KeyboardInterrupt


@dataclass
class _Shown:
    """What is said beside the step and the time."""

    bar: bars.Progress
    task: bars.TaskID
    learner: Learner
    every: int

    def __call__(self, values: Mapping[str, Any]) -> None:
        """Show the step, and the losses where they are logged: reading one waits for the device."""
        progress = self.learner.progress
        said: dict[str, Any] = {"completed": progress.step}
        if "score" in values or progress.step % self.every == 0:
            name = "score" if "score" in values else "loss"
            said[name] = f"{name} {float(values[name]):.4g}"
        self.bar.update(self.task, **said)


@contextmanager
def _bar(config: LoopConfig, learner: Learner) -> Iterator[_Shown]:
    """What is trained, in a line, and how far it is."""
    with progress_bar("loss", "score") as bar:
        bar.console.print(_about(learner, config), soft_wrap=True, markup=False, highlight=False)
        task = bar.add_task("training", total=config.steps, completed=learner.progress.step, loss="",
                            score="")
        yield _Shown(bar, task, learner, config.log_every)


def _about(learner: Learner, config: LoopConfig) -> str:
    """The line at the start: what is trained, where, and for how long."""
    parameters = sum(parameter.numel() for parameter in learner.model.parameters())
    device = next(learner.model.parameters()).device
    cuda = device.type == "cuda"
    where = torch.cuda.get_device_name(device) if cuda else f"threads: {torch.get_num_threads()}"
    begun = f", from update {learner.progress.step:,} on" if learner.progress.step else ""
    return (f"training {learner.model.model_type}: {parameters:,} parameters on {device.type} ({where}), "
            f"{config.steps:,} updates of {config.batch_size}{begun}; ^C saves and stops")
