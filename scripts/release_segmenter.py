"""Train the bundled segmenter: python scripts/release_segmenter.py --work runs/release

Four trainings in bfloat16, each begun with the one before, which a core that has such instructions takes an
hour and a half for: the base preset, `further_training`, and `last_training` twice. A stopped run goes on
where it was. The checkpoint of the highest validation score goes to drive_gen/assets/segmenter. With
`--init drive_gen/assets/segmenter` there is only one more of the last.
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import tyro

from drive_gen.perception.config import SegmentTraining, further_training, last_training, segment_preset
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
    if not init:
        begun = str(trained(work / "segmenter-base", segment_preset("base"), steps))
        begun = str(trained(work / "segmenter-further", further_training(begun), steps))
        init = str(trained(work / "segmenter-last", last_training(begun), steps))
    best = trained(work / "segmenter", last_training(init, 9000, seed=12, held_out=96), steps)
    shutil.rmtree(ASSETS / "segmenter", ignore_errors=True)
    shutil.copytree(best, ASSETS / "segmenter")
    print(f"wrote {ASSETS / 'segmenter'}; next: drive-gen segment PICTURE")


if __name__ == "__main__":
    tyro.cli(main)
