"""Train the bundled VAE and what draws: python scripts/release_image.py --work runs/release-image

Learns from episodes played by seed, or from a store (--data) that `drive-gen collect requests` made sooner.
What was stopped goes on.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import torch
import tyro

from drive_gen.imagine.config import PainterTraining, VaeTraining, painter_preset, vae_preset
from drive_gen.imagine.data import Pictures, pictures_of
from drive_gen.imagine.pipeline import BUNDLED
from drive_gen.train.image import PIPELINE, train_image
from drive_gen.train.vae import train_vae


@dataclass(frozen=True)
class Release:
    """Train with the bundled settings; the pipeline goes to drive_gen/assets/image."""

    work: Path
    data: Path | None = None
    vae_steps: int = 1200
    steps: int = 1418


def main(release: Release, learn: Pictures | None = None, held_out: Pictures | None = None) -> int:
    """Both trainings, on the same pictures, which may be given; stopped runs go on."""
    torch.set_num_threads(1)
    of_vae, of_image = settings(release)
    learn, held_out = learn or pictures_of(of_vae.traffic), held_out or pictures_of(of_vae.validation)
    vae, image = release.work / "vae", release.work / "image"
    train_vae(vae, of_vae, (vae / "training_state").exists(), learn, held_out)
    train_image(image, of_image, (image / "training_state").exists(), learn, held_out)
    shutil.rmtree(BUNDLED, ignore_errors=True)
    shutil.copytree(image / PIPELINE, BUNDLED)
    print(f'wrote {BUNDLED}; next: drive-gen imagine "..." --out FOLDER')
    return 0


def settings(release: Release) -> tuple[VaeTraining, PainterTraining]:
    """Of the bundled pipeline: the base presets, with fewer and smaller updates."""
    store = None if release.data is None else str(release.data)
    vae, image = vae_preset("base", store), painter_preset("base", str(release.work / "vae"), store)
    few = {"warmup": 50, "ema": 0.995, "evaluate_every": 500, "save_every": 500}
    many = {"batch_size": 16, "warmup": 100, "ema": 0.998, "evaluate_every": 1000, "save_every": 500}
    return (
        replace(vae, loop=replace(vae.loop, bfloat16=True, steps=release.vae_steps, batch_size=8, **few)),
        replace(image, loop=replace(image.loop, steps=release.steps, **many)),
    )


if __name__ == "__main__":
    raise SystemExit(main(tyro.cli(Release)))
