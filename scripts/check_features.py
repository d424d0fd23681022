"""Whether a risk network's frozen features tell pictures apart: python scripts/check_features.py
[--checkpoint drive_gen/assets/risk] [--episodes 400]

Frechet distances (Heusel et al., 2017, by torchmetrics) from clips of unseen seeds to others of the same
kind, and to clips that are more and more unlike them.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
import tyro
from torchmetrics.image.fid import FrechetInceptionDistance

from drive_gen.perception.features import FrozenFeatures
from drive_gen.perception.risk import Risk
from drive_gen.perception.risk_config import UNSEEN_ROADS, RiskConfig, RiskTraffic
from drive_gen.perception.risk_data import moments_of
from drive_gen.train.config import FIRST_TEST_SEED

NOISE = (4, 16, 48)  # standard deviations, of 255


def main(checkpoint: Path = Path("drive_gen/assets/risk"), episodes: int = 400) -> None:
    """Print each set's distance from the first half of the real clips, by trained and untrained features."""
    model = Risk.from_pretrained(checkpoint)
    sets = clips(model.config.pictures, episodes)
    real = sets.pop("real")
    for name, network in (("trained", model), ("untrained", Risk(model.config, seed=1))):
        measure = FrechetInceptionDistance(FrozenFeatures(network), reset_real_features=False)
        put(measure, real, real=True)
        for what, others in sets.items():
            put(measure, others, real=False)
            print(f"{name:10} {what:24} {float(measure.compute()):8.3f}  ({len(others)} clips)", flush=True)
            measure.reset()


def clips(pictures: RiskConfig, episodes: int) -> dict[str, np.ndarray]:
    """Sets of clips (N, F, S, S, 3), "real" first; all but the last two are of the same roads and looks."""
    traffic = RiskTraffic(first=FIRST_TEST_SEED, episodes=episodes)
    real = moments_of(traffic, pictures)
    half = real.seed < np.median(real.seed)
    draws = np.random.default_rng(0)
    other = real.frames[~half]
    found = {"real": real.frames[half], "real, other seeds": other}
    for strength in NOISE:
        noisy = other + draws.normal(0, strength, other.shape)
        found[f"noise of {strength}/255"] = noisy.clip(0, 255).astype(np.uint8)
    found["frames in wrong order"] = other[:, ::-1].copy()
    found["one colour a frame"] = np.broadcast_to(
        np.median(other, axis=(2, 3), keepdims=True), other.shape).astype(np.uint8)
    fewer = replace(traffic, episodes=episodes // 2)
    found["other roads"] = moments_of(replace(fewer, envs=UNSEEN_ROADS), pictures).frames
    found["looks of strength 1"] = moments_of(replace(fewer, look=1.0), pictures).frames
    return found


def put(measure: FrechetInceptionDistance, frames: np.ndarray, real: bool) -> None:
    """Add clips in parts."""
    for start in range(0, len(frames), 256):
        measure.update(torch.from_numpy(frames[start : start + 256].copy()).movedim(-1, -3), real=real)


if __name__ == "__main__":
    tyro.cli(main)
