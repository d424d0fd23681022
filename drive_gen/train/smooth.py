"""Training a smoother on true tracks with noise added; the loop is loop.py's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from drive_gen.data.store import read_index
from drive_gen.policies.pretrained import Card
from drive_gen.predict.config import SmootherTraining
from drive_gen.predict.smoother import Smoother, Tracks, smoother_loss, tracks_of
from drive_gen.train.diffusion import identity_of, split_real
from drive_gen.train.loop import Batch, step_seed, train
from drive_gen.train.run import Progress, RunFolder


def train_smoother(data: Sequence[Path], out: Path, config: SmootherTraining,
                   resume: bool = False) -> Progress:
    """Train on the stores' train splits, whose tracks must be true (simulated); the run's folder is `out`."""
    rows = [row for folder in data for row in read_index(folder) if row.kind != "generated"]
    learn, held_out = split_real(data)
    settings = {"model": Smoother.model_type, "data": [str(path) for path in data],
                "episodes": identity_of(rows), "training": asdict(config)}
    run = RunFolder(out, settings, Card(tuple(sorted({f"{row.kind} {row.name}" for row in rows})),
                                        config.loop.seed))
    tracks = tracks_of(learn, config.model, config.stride, config.windows)
    validation = batches_of(tracks_of(held_out, config.model, config.stride, 1024), config)
    run.start(resume, config.loop.device)

    @torch.no_grad()
    def evaluate(model: Smoother) -> dict[str, float]:
        device = next(model.parameters()).device
        losses = [loss_of(model, {name: tensor.to(device) for name, tensor in validation(number).items()})
                  for number in range(8)]
        loss = float(np.mean([float(found["loss"]) for found in losses]))
        return {"score": -loss, "validation_loss": loss}

    return train(Smoother(config.model, config.loop.seed), loss_of, batches_of(tracks, config), config.loop,
                 run, evaluate)


def loss_of(model: Smoother, batch: Batch) -> dict[str, Tensor]:
    """`smoother_loss` of a batch."""
    return smoother_loss(model(batch["measured"]), batch["position"], batch["velocity"])


def batches_of(tracks: Tracks, config: SmootherTraining) -> Callable[[int], Batch]:
    """The batch of any step, noise included: the same seed and step give the same batch."""
    low, high = np.log(config.noise_m)

    def batch_of(step: int) -> Batch:
        draws = np.random.default_rng(step_seed(config.loop.seed, step, "batch"))
        places = draws.integers(len(tracks.position_m), size=config.loop.batch_size)
        position = tracks.position_m[places]
        noise_m = np.exp(draws.uniform(low, high, (len(places), 1, 1)))
        measured = position + noise_m * draws.standard_normal(position.shape)
        return {"measured": torch.from_numpy(measured.astype(np.float32)),
                "position": torch.from_numpy(position),
                "velocity": torch.from_numpy(tracks.velocity_mps[places])}

    return batch_of
