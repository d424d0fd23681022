"""Training of risk from pictures: its moments, loss and validation; the loop is loop.py's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from drive_gen.evaluate.classification import auroc, average_precision, macro_f1, temperature_of
from drive_gen.perception.risk import Judgement, Risk, risk_loss
from drive_gen.perception.risk_config import BUCKETS_S, RiskTraining
from drive_gen.perception.risk_data import Moments, moments_of
from drive_gen.perception.vit import begin_with, shape_of
from drive_gen.policies.eyes import cells_loss
from drive_gen.policies.pretrained import Card
from drive_gen.train.loop import Batch, step_seed, train
from drive_gen.train.run import Progress, RunFolder, begun_with

RESUME = "drive-gen train risk --resume"
LIMITS = ("Trained on small pictures of simulated traffic whose driver does nothing; its probabilities say "
          "nothing of real roads, and it must not drive a real vehicle.")


def train_risk(out: Path, config: RiskTraining, resume: bool = False) -> Progress:
    """Train on moments that the settings' seeds give; the run's folder is `out`."""
    if config.init is not None and not resume:
        config = replace(config, model=shape_of(config.init, config.model))
    model = Risk(config.model, config.loop.seed)
    if config.init is not None and not resume:
        begin_with(model, config.init)
    traffic = config.traffic
    card = Card((f"{traffic.episodes} episodes of {', '.join(traffic.envs)}, seeds from {traffic.first} on",),
                config.loop.seed, limits=LIMITS)
    run = RunFolder(out, {"model": Risk.model_type, "training": asdict(config)}, card, RESUME)
    run.start(resume, config.loop.device)
    pictures = config.model.pictures
    learn, held_out = moments_of(traffic, pictures), moments_of(config.validation, pictures)
    batch_of = batches_of(learn, config.loop.batch_size, config.loop.seed)
    loss = partial(loss_of, cells_weight=config.cells_weight)
    return train(model, loss, batch_of, config.loop, run, lambda average: validate(average, held_out))


def resume_risk(out: Path) -> Progress:
    """Go on with a stopped run, with the settings it was begun with."""
    config, _ = begun_with(out, RiskTraining, Risk.model_type, "drive-gen train risk")
    return train_risk(out, config, resume=True)


def loss_of(model: Risk, batch: Batch, cells_weight: float = 1.0) -> dict[str, Tensor]:
    """`risk_loss` of a batch of moments; with `cells_loss` where the model has a head for cells."""
    said = model(batch["frames"])
    losses = risk_loss(said, batch["crash"], batch["bucket"])
    if said.cells is None:
        return losses
    of_cells = cells_loss(said.cells.float(), batch["cells"].float())
    return {**losses, "loss": losses["loss"] + cells_weight * of_cells, "cells": of_cells}


def batches_of(moments: Moments, size: int, seed: int) -> Callable[[int], Batch]:
    """The batch of any step, half of its clips seen in a mirror: left and right crash alike."""
    def batch_of(step: int) -> Batch:
        draws = np.random.default_rng(step_seed(seed, step, "batch"))
        chosen = draws.integers(len(moments), size=size)
        frames, cells = moments.frames[chosen], moments.cells[chosen]
        flip = draws.random(size) < 0.5
        frames[flip] = frames[flip, :, :, ::-1]
        cells[flip] = mirrored(cells[flip])
        return {"frames": torch.from_numpy(frames), "crash": torch.from_numpy(moments.crash[chosen]),
                "bucket": torch.from_numpy(moments.bucket[chosen]), "cells": torch.from_numpy(cells)}

    return batch_of


def mirrored(cells: np.ndarray) -> np.ndarray:
    """Cells (..., rows, columns, FACTS) with left and right exchanged."""
    return np.asarray(cells[..., ::-1, :] * np.array([1, 1, -1, 1, -1], cells.dtype))


def validate(model: Risk, moments: Moments) -> dict[str, float]:
    """Scores on held-out moments, the higher "score" the better; sets the model's temperature by them."""
    said = judged(model, moments.frames)
    losses = risk_loss(said, torch.from_numpy(moments.crash), torch.from_numpy(moments.bucket))
    logit = said.crash.double().numpy()
    temperature = temperature_of(logit, moments.crash)
    model.temperature.fill_(temperature)
    bucket = said.bucket.argmax(-1).numpy()
    return {"score": -float(losses["loss"]), "temperature": temperature,
            "validation_auroc": auroc(logit, moments.crash),
            "validation_average_precision": average_precision(logit, moments.crash),
            "validation_macro_f1": macro_f1(bucket, moments.bucket, len(BUCKETS_S) + 1),
            **{f"validation_{name}": float(value) for name, value in losses.items()}}


@torch.no_grad()
def judged(model: Risk, frames: np.ndarray, at_once: int = 256) -> Judgement:
    """What the model says of clips (N, F, S, S, 3), on the CPU."""
    device = next(model.parameters()).device
    parts = [model(torch.from_numpy(frames[start : start + at_once]).to(device))
             for start in range(0, len(frames), at_once)]
    crash, bucket = zip(*(part[:2] for part in parts), strict=True)
    return Judgement(torch.cat(crash).float().cpu(), torch.cat(bucket).float().cpu())
