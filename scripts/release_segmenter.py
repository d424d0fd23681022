"""Train the bundled segmenter: python scripts/release_segmenter.py --work runs/release

Two trainings in bfloat16, which a core that has such instructions takes an hour for: the base preset, then
`further_training` from there. A stopped run goes on where it was. The checkpoint of the highest validation
score goes to drive_gen/assets/segmenter. `--init drive_gen/assets/segmenter` leaves the first training out.
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import tyro

from drive_gen.perception.config import SegmentTraining, further_training, segment_preset
from drive_gen.train.run import STATE
from drive_gen.train.segment import resume_segment, train_segment

ASSETS = Path(__file__).parents[1] / "drive_gen" / "assets"


def trained(run: Path, config: SegmentTraining, steps: int | None) -> Path:
    """The best checkpoint of a training that is begun, or gone on with."""
    if (run / STATE).exists():
        resume_segment(run)
    else:
        loop = replace(config.loop, steps=steps or config.loop.steps, bfloat16=True)
        train_segment(run, replace(config, loop=loop))
    return run / "checkpoints" / "best"


def main(work: Path = Path("runs/release"), steps: int | None = None, init: str | None = None) -> None:
    """Train, or go on; copy the best checkpoint."""
    begun = init or str(trained(work / "segmenter-base", segment_preset("base"), steps))
    best = trained(work / "segmenter", further_training(begun), steps)
    shutil.rmtree(ASSETS / "segmenter", ignore_errors=True)
    shutil.copytree(best, ASSETS / "segmenter")
    print(f"wrote {ASSETS / 'segmenter'}; next: drive-gen segment PICTURE")


if __name__ == "__main__":
    tyro.cli(main)
