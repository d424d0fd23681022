"""Training of the second reader of pictures; the loop is loop.py's."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch

from drive_gen.imagine.data import Pictures
from drive_gen.imagine.slots import SlotReader, SlotReaderConfig, labels_of, slots_loss
from drive_gen.train.config import LoopConfig
from drive_gen.train.loop import Batch, step_seed, train
from drive_gen.train.run import Progress, RunFolder


def train_slots(
    out: Path, learn: Pictures, held_out: Pictures, steps: int, config: SlotReaderConfig | None = None
) -> Progress:
    """Train on pictures and the facts of their scenes; the run's folder is `out`."""
    config = config or SlotReaderConfig()
    loop = LoopConfig(
        steps=steps,
        batch_size=64,
        learning_rate=2e-3,
        warmup=min(50, steps // 4),
        evaluate_every=max(steps // 4, 1),
        ema=0.99,
    )
    run = RunFolder(out, {"model": SlotReader.model_type, "config": asdict(config), "loop": asdict(loop)})
    run.start(device=loop.device)
    labels, true = labels_of(learn.scenes), labels_of(held_out.scenes)

    def batch_of(step: int) -> Batch:
        rng = np.random.default_rng(step_seed(loop.seed, step, "batch"))
        chosen = rng.integers(len(learn), size=loop.batch_size)
        return {
            "picture": torch.from_numpy(learn.pictures[chosen]),
            **{name: values[chosen] for name, values in labels.items()},
        }

    @torch.no_grad()
    def evaluate(model: SlotReader) -> dict[str, float]:
        device = next(model.parameters()).device
        there = {name: values.to(device) for name, values in true.items()}
        loss = float(slots_loss(model, torch.from_numpy(held_out.pictures).to(device), there)["loss"])
        return {"score": -loss, "validation_loss": loss}

    return train(
        SlotReader(config, loop.seed),
        lambda model, batch: slots_loss(model, batch["picture"], batch),
        batch_of,
        loop,
        run,
        evaluate,
    )
