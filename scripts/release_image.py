"""Train the bundled VAE and what draws: python scripts/release_image.py --work runs/release-image

Learns from episodes played by seed, or from a store (--data) that `drive-gen collect requests` made sooner.
What was stopped goes on.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
import tyro

from drive_gen.imagine.config import PainterTraining, VaeLoss, VaeTraining, painter_preset, vae_preset
from drive_gen.imagine.data import Pictures, pictures_of
from drive_gen.imagine.pipeline import BUNDLED
from drive_gen.train.image import PIPELINE, train_image
from drive_gen.train.vae import train_vae


@dataclass(frozen=True)
class Release:
    """Train with the bundled settings; the pipeline goes to drive_gen/assets/image."""

    work: Path
    data: Path | None = None  # the last 60 of its 4,000 episodes are for validation
    rough_steps: int = 1200  # of the VAE with a heavy divergence, by which its latents stay small
    vae_steps: int = 2000
    requests: int = 20_000  # set up and not driven; the bundled VAE and 2,669 of the updates had none
    steps: int = 8000


def main(release: Release, learn: Pictures | None = None, held_out: Pictures | None = None) -> int:
    """All trainings, on the same pictures, which may be given; stopped runs go on."""
    torch.set_num_threads(1)
    rough, vae, image = settings(release)
    learn, held_out = learn or pictures_of(image.traffic), held_out or pictures_of(image.validation)
    for name, of_vae in (("vae-rough", rough), ("vae", vae)):
        out = release.work / name
        train_vae(out, of_vae, (out / "training_state").exists(), learn, held_out)
    out = release.work / "image"
    train_image(out, image, (out / "training_state").exists(), learn, held_out)
    shutil.rmtree(BUNDLED, ignore_errors=True)
    shutil.copytree(out / PIPELINE, BUNDLED)
    print(f'wrote {BUNDLED}; next: drive-gen imagine "..." --out FOLDER')
    return 0


def settings(release: Release) -> tuple[VaeTraining, VaeTraining, PainterTraining]:
    """Of the bundled pipeline: the base presets, with fewer and smaller updates."""
    store = None if release.data is None else str(release.data)
    vae, image = vae_preset("base", store), painter_preset("base", str(release.work / "vae"), store)
    traffic = replace(vae.traffic, episodes=3940, requests=release.requests)
    few: dict[str, Any] = {"batch_size": 8, "warmup": 50, "ema": 0.995,
                           "evaluate_every": 500, "save_every": 500}
    many: dict[str, Any] = {"warmup": 100, "evaluate_every": 250, "save_every": 250}
    rough = replace(
        vae,
        traffic=traffic,
        loss=VaeLoss(divergence=1e-6),
        loop=replace(vae.loop, steps=release.rough_steps, bfloat16=True, **few),
    )
    fine = replace(
        vae,
        traffic=traffic,
        init=str(release.work / "vae-rough"),
        loop=replace(vae.loop, steps=release.vae_steps, learning_rate=1.5e-3, bfloat16=True, **few),
    )
    return (
        rough,
        fine,
        replace(image, traffic=traffic, loop=replace(image.loop, steps=release.steps, **many)),
    )


if __name__ == "__main__":
    raise SystemExit(main(tyro.cli(Release)))
