"""Training a predictor: its data, loss and validation; the loop is loop.py's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from functools import lru_cache, partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from drive_gen.data.store import read_index
from drive_gen.envs.files import InputError
from drive_gen.policies.pretrained import Card
from drive_gen.predict.config import PredictorConfig, PredictorTraining
from drive_gen.predict.predictor import Predictor, predictor_loss
from drive_gen.predict.windows import Batch, Windows, windows_of
from drive_gen.train.diffusion import identity_of, split_real
from drive_gen.train.loop import step_seed, train
from drive_gen.train.run import SETTINGS, Progress, RunFolder, begun_with

RESUME = "drive-gen train predict --resume"


def train_predictor(data: Sequence[Path], out: Path, config: PredictorTraining,
                    resume: bool = False) -> Progress:
    """Train on the real episodes of the stores' train splits; the run's folder is `out`."""
    if not data:
        raise InputError("no data given; name one or more episode stores with --data")
    rows = [row for folder in data for row in read_index(folder) if row.kind != "generated"]
    identity = identity_of(rows)
    settings = {"model": Predictor.model_type, "data": [str(path) for path in data],
                "episodes": identity, "training": asdict(config)}
    lines = {f"{row.kind} {row.name} ({row.licence or 'no licence recorded'})" for row in rows}
    run = RunFolder(out, settings, Card(tuple(sorted(lines)), config.loop.seed), RESUME)
    windows, validation = _windows(tuple(data), identity, replace(config.model, memory="gru"), config.stride,
                                   config.windows, config.validation_windows)
    run.start(resume, config.loop.device)
    return train(Predictor(config.model, config.loop.seed), partial(loss_of, spread=config.spread),
                 batches_of(windows, config.loop.batch_size, config.loop.seed), config.loop, run,
                 validation_of(validation, config))


@lru_cache(maxsize=1)  # comparisons train many networks on one store
def _windows(data: tuple[Path, ...], identity: str, model: PredictorConfig, stride: int, most: int,
             most_held_out: int) -> tuple[Windows, Windows]:
    """Windows to learn from and held-out ones; `identity` tells stores apart that were added to."""
    learn, held_out = split_real(data)
    return windows_of(learn, model, stride, most), windows_of(held_out, model, stride, most_held_out)


def resume_predictor(out: Path) -> Progress:
    """Go on with a stopped run, with the settings it was begun with."""
    config, settings = begun_with(out, PredictorTraining, Predictor.model_type, "drive-gen train predict")
    data = [Path(path) for path in settings["data"]]
    rows = [row for folder in data for row in read_index(folder) if row.kind != "generated"]
    if identity_of(rows) != settings["episodes"]:
        raise InputError(f"{', '.join(settings['data'])}: the episodes are not those that {out / SETTINGS} "
                         "began with; start a new run with another --out")
    return train_predictor(data, out, config, resume=True)


def loss_of(model: Predictor, batch: Batch, spread: float) -> dict[str, Tensor]:
    """`predictor_loss` of a batch of windows."""
    return predictor_loss(model(batch["observation"], batch["motion"]), batch["future"], spread)


def batches_of(windows: Windows, size: int, seed: int) -> Callable[[int], Batch]:
    """The batch of any step: the same seed and step give the same batch."""
    def batch_of(step: int) -> Batch:
        draws = np.random.default_rng(step_seed(seed, step, "batch"))
        return windows.gather(draws.integers(len(windows), size=size))

    return batch_of


def validation_of(windows: Windows, config: PredictorTraining) -> Callable[[Predictor], dict[str, float]]:
    """Losses over held-out windows; the score is minus the loss, all of it the winner's."""
    parts = np.array_split(np.arange(len(windows)), -(-len(windows) // (4 * config.loop.batch_size)))

    @torch.no_grad()
    def evaluate(model: Predictor) -> dict[str, float]:
        device = next(model.parameters()).device
        totals: dict[str, float] = {}
        for part in parts:
            batch = {name: tensor.to(device) for name, tensor in windows.gather(part).items()}
            for name, value in loss_of(model, batch, 0.0).items():
                totals[name] = totals.get(name, 0.0) + float(value) * len(part) / len(windows)
        return {"score": -totals["loss"], **{f"validation_{name}": value for name, value in totals.items()}}

    return evaluate


def with_changes(config: PredictorTraining, memory: str | None, loop: dict[str, object]) -> PredictorTraining:
    """The settings with another memory and other settings of the loop."""
    model = config.model if memory is None else replace(config.model, memory=memory)  # type: ignore[arg-type]
    return replace(config, model=model, loop=replace(config.loop, **loop))  # type: ignore[arg-type]
