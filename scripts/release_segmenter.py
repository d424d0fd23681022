"""Train the bundled segmenter: python scripts/release_segmenter.py --work runs/release

The base preset in bfloat16, which a core that has such instructions takes a quarter of an hour for. A stopped
run goes on where it was. The checkpoint of the highest validation score goes to drive_gen/assets/segmenter.
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import tyro

from drive_gen.perception.config import segment_preset
from drive_gen.train.segment import resume_segment, train_segment

ASSETS = Path(__file__).parents[1] / "drive_gen" / "assets"


def main(work: Path = Path("runs/release"), steps: int | None = None) -> None:
    """Train, or go on; copy the best checkpoint."""
    config, run = segment_preset("base"), work / "segmenter"
    if (run / "training_state").exists():
        resume_segment(run)
    else:
        loop = replace(config.loop, steps=steps or config.loop.steps)
        train_segment(run, replace(config, loop=replace(loop, bfloat16=True)))
    shutil.rmtree(ASSETS / "segmenter", ignore_errors=True)
    shutil.copytree(run / "checkpoints" / "best", ASSETS / "segmenter")
    print(f"wrote {ASSETS / 'segmenter'}; next: drive-gen segment PICTURE")


if __name__ == "__main__":
    tyro.cli(main)
