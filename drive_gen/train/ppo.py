"""A small PPO driver (stable-baselines3) on DriveEnv: the learned baseline."""

from __future__ import annotations

import math
import random
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from drive_gen.data.progress import progress_bar
from drive_gen.envs.episode import META_ACTIONS
from drive_gen.envs.files import InputError, read_json, replacing, write_json
from drive_gen.envs.observe import COLUMNS, ROWS
from drive_gen.envs.world import EnvConfig
from drive_gen.policies.policy import State
from drive_gen.policies.pretrained import Card, Pretrained, check_tensors
from drive_gen.train.run import STATE, RunFolder

TENSORS = "training_state/ppo.safetensors"


@dataclass(frozen=True)
class PpoConfig:
    """The actor's shape."""

    hidden: tuple[int, ...] = (128, 128)

    def __post_init__(self) -> None:
        if not self.hidden or min(self.hidden) < 1:
            raise ValueError(f"hidden is {list(self.hidden)}, expected widths of 1 or more")


class PpoActor(Pretrained):
    """(W, 17, 9) -> logits of the meta-actions (W, 5): the actor of stable-baselines3's MlpPolicy."""

    model_type = "ppo"
    config_class = PpoConfig

    def __init__(self, config: PpoConfig | None = None) -> None:
        super().__init__(config or PpoConfig())
        widths = (ROWS * COLUMNS, *self.config.hidden)
        layers: list[nn.Module] = []
        for before, after in pairwise(widths):
            layers += [nn.Linear(before, after), nn.Tanh()]
        self.body = nn.Sequential(*layers)
        self.head = nn.Linear(widths[-1], len(META_ACTIONS))

    def forward(self, observation: Tensor) -> Tensor:
        """Unnormalised log-probabilities."""
        return self.head(self.body(observation.flatten(1)))  # type: ignore[no-any-return]


class PpoPolicy:
    """A PpoActor as a Policy; it samples where `deterministic` is False."""

    def __init__(self, actor: PpoActor, seed: int = 0) -> None:
        self.actor = actor
        self._draws = torch.Generator().manual_seed(seed)

    @classmethod
    def from_checkpoint(cls, path: Path, seed: int = 0) -> Self:
        """From a checkpoint or run folder; no pickle is read."""
        return cls(PpoActor.from_pretrained(path), seed)

    @torch.no_grad()
    def predict(self, observation: np.ndarray, state: State | None = None,
                episode_start: np.ndarray | None = None,
                deterministic: bool = False) -> tuple[np.ndarray, State | None]:
        """Meta-actions (W,)."""
        logits = self.actor(torch.from_numpy(np.ascontiguousarray(observation)))
        if deterministic:
            return logits.argmax(-1).numpy(), state
        return torch.multinomial(logits.softmax(-1), 1, generator=self._draws)[:, 0].numpy(), state


@dataclass(frozen=True)
class PpoTraining:
    """Settings of a run; the rest is as highway-env's own PPO script has it (scripts/sb3_highway_ppo.py)."""

    steps: int = 20_000  # decisions, over all processes
    seed: int = 0
    hidden: tuple[int, ...] = (128, 128)
    learning_rate: float = 5e-4
    discount: float = 0.8
    batch: int = 64
    rollout: int = 768  # decisions between updates, over all processes
    epochs: int = 10
    worlds: int = 16  # of the simulator, at once
    engine: Literal["simulator", "reference"] = "simulator"  # what steps the worlds

    def __post_init__(self) -> None:
        for name in ("steps", "batch", "rollout", "epochs", "worlds", "learning_rate"):
            if getattr(self, name) <= 0:
                raise InputError(f"{name} is {getattr(self, name)}, expected a number above 0")


def train_ppo(config: EnvConfig, out: Path, training: PpoTraining, workers: int = 1,
              resume: bool = False) -> Path:
    """Train until `training.steps` decisions are taken; gives the checkpoint's folder.

    ^C keeps the last checkpoint and the training state, from which `resume` goes on; the episodes that were
    under way begin anew.
    """
    settings = {"model": "ppo", "env": asdict(config), "training": asdict(training)}
    card = Card(data=(f"{config.env}, simulated while training",), seed=training.seed)
    run = RunFolder(out, settings, card, resume_command="drive-gen train ppo --resume --out")
    run.start(resume)
    with _own_randomness(), _one_thread():
        learner = _make_learner(config, training, workers)
        done = _load_state(learner, out) if resume else 0
        try:
            _learn(learner, run, training, done)
        finally:
            learner.get_env().close()
            run.tensorboard.close()
    return out / "checkpoints" / "last"


def actor_of(policy: Any, config: PpoConfig) -> PpoActor:
    """The actor alone of stable-baselines3's MlpPolicy."""
    actor = PpoActor(config)
    found = {f"body.{name}": tensor for name, tensor in policy.mlp_extractor.policy_net.state_dict().items()}
    found |= {f"head.{name}": tensor for name, tensor in policy.action_net.state_dict().items()}
    actor.load_state_dict(found)
    return actor


def _make_learner(config: EnvConfig, training: PpoTraining, workers: int) -> Any:
    from stable_baselines3 import PPO

    worlds = _worlds_of(config, training, workers)
    workers = worlds.num_envs
    widths = list(training.hidden)
    unit = training.batch // math.gcd(training.batch, workers)
    steps = max(training.rollout // workers // unit, 1) * unit  # of each world: a rollout is whole batches
    return PPO("MlpPolicy", worlds, learning_rate=training.learning_rate, batch_size=training.batch,
               n_steps=steps, n_epochs=training.epochs, gamma=training.discount,
               policy_kwargs={"net_arch": {"pi": widths, "vf": widths}}, seed=training.seed, device="cpu")


def _worlds_of(config: EnvConfig, training: PpoTraining, workers: int) -> Any:
    """The simulator's worlds, or highway-env's, each in a process of its own where there are several."""
    if training.engine == "simulator":
        from drive_gen.envs.simulator.sb3 import SimulatorVecEnv

        return SimulatorVecEnv(training.worlds, config)
    from stable_baselines3.common.vec_env import DummyVecEnv, SubprocVecEnv

    makers = [_Maker(config, apart=workers > 1) for _ in range(workers)]
    # Spawned, since a fork would copy torch's threads.
    return SubprocVecEnv(makers, start_method="spawn") if workers > 1 else DummyVecEnv(makers)


@dataclass(frozen=True)
class _Maker:
    """Makes one of highway-env's worlds, in a process of its own or in this one."""

    config: EnvConfig
    apart: bool

    def __call__(self) -> Any:
        from stable_baselines3.common.monitor import Monitor

        from drive_gen.envs.vector import DriveEnv

        if self.apart:  # ^C is for the main process, which closes the others
            signal.signal(signal.SIGINT, signal.SIG_IGN)
        return Monitor(DriveEnv(self.config))


def _learn(learner: Any, run: RunFolder, training: PpoTraining, done: int) -> None:
    from stable_baselines3.common.callbacks import BaseCallback

    class Watch(BaseCallback):  # type: ignore[misc]
        """Shows progress; after each update keeps the checkpoint, the state and a line of the log."""

        def __init__(self, advance: Callable[[int, float], None]) -> None:
            super().__init__()
            self.advance = advance
            self.kept = done

        def _on_step(self) -> bool:
            self.advance(min(self.num_timesteps, training.steps), _mean_return(learner))
            return True

        def _on_rollout_start(self) -> None:  # the former rollout has just been learnt from
            self.keep()

        def keep(self) -> None:
            if learner.num_timesteps > self.kept:
                self.kept = learner.num_timesteps
                _keep(learner, run, training)

    learner.num_timesteps = done
    with _progress(learner, training.steps) as advance:
        watch = Watch(advance)
        # learn() adds what is done already to the steps it is asked for.
        learner.learn(max(training.steps - done, 0), callback=watch, reset_num_timesteps=False)
        watch.keep()


def _mean_return(learner: Any) -> float:
    returns = [episode["r"] for episode in learner.ep_info_buffer or ()]
    return float(np.mean(returns)) if returns else float("nan")


def _keep(learner: Any, run: RunFolder, training: PpoTraining) -> None:
    """Checkpoint, training state and log."""
    value = _mean_return(learner)
    metrics = {} if np.isnan(value) else {"mean_return": value}
    run.save_checkpoint("last", actor_of(learner.policy, PpoConfig(training.hidden)), metrics)
    tensors = {f"policy/{name}": tensor for name, tensor in learner.policy.state_dict().items()}
    for number, slots in learner.policy.optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer/{number}/{slot}": value for slot, value in slots.items()}
    with replacing(run.path / TENSORS) as temporary:
        save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, temporary)
    write_json(run.path / STATE, {"progress": {"step": learner.num_timesteps}})
    run.log("train", learner.num_timesteps, metrics)


def _load_state(learner: Any, out: Path) -> int:
    """Put policy and optimizer back; gives the decisions taken, 0 where the run kept nothing yet."""
    if not (out / STATE).exists():
        return 0
    try:
        found = load_file(out / TENSORS)
    except (OSError, SafetensorError) as error:
        raise InputError(f"{out / TENSORS} is missing or damaged: {error}; use another --out") from None
    weights = {name.removeprefix("policy/"): tensor
               for name, tensor in found.items() if name.startswith("policy/")}
    check_tensors(weights, learner.policy.state_dict(), out / TENSORS)
    learner.policy.load_state_dict(weights)
    slots: dict[int, dict[str, Tensor]] = {}
    for name, tensor in found.items():
        if name.startswith("optimizer/"):
            _, number, slot = name.split("/")
            slots.setdefault(int(number), {})[slot] = tensor
    optimizer = learner.policy.optimizer
    optimizer.load_state_dict({**optimizer.state_dict(), "state": slots})
    return int(read_json(out / STATE, "a run's training state")["progress"]["step"])


@contextmanager
def _progress(learner: Any, total: int) -> Iterator[Callable[[int, float], None]]:
    """What is trained, in a line, and how far it is, with the mean return of late."""
    parameters = sum(parameter.numel() for parameter in learner.policy.parameters())
    with progress_bar("late") as bar:
        about = (f"training ppo: {parameters:,} parameters on cpu (threads: 1), {total:,} decisions in "
                 f"{learner.n_envs} worlds, batches of {learner.batch_size}; ^C saves and stops")
        bar.console.print(about, soft_wrap=True, markup=False, highlight=False)
        task = bar.add_task("training", total=total, completed=learner.num_timesteps, late="")
        yield lambda done, value: bar.update(task, completed=done, late=f"return {value:.2f}")


@contextmanager
def _one_thread() -> Iterator[None]:
    """So small a network's matrices cost torch's threads more than they save, most so on busy cores."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


@contextmanager
def _own_randomness() -> Iterator[None]:
    """stable-baselines3 seeds the global generators; they are given back as they were."""
    plain, arrays = random.getstate(), np.random.get_state()  # noqa: NPY002
    try:
        with torch.random.fork_rng(devices=[]):
            yield
    finally:
        random.setstate(plain)
        np.random.set_state(arrays)  # noqa: NPY002
