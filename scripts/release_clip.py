"""Train the bundled CLIP: python scripts/release_clip.py --work runs/release-clip [--data STORE]

Its episodes are made by seed if no store of `drive-gen collect requests` is given. About half an hour on one
core. A stopped run goes on where it was.
"""

from __future__ import annotations

import argparse
import shutil
from dataclasses import replace
from pathlib import Path

from drive_gen.perception.clip_config import ClipTraining
from drive_gen.train.clip import resume_clip, train_clip

ASSETS = Path(__file__).parents[1] / "drive_gen" / "assets"


def settings(store: str | None) -> ClipTraining:
    """Fewer updates than base, at a higher rate: what half an hour of a core gives."""
    base = ClipTraining()
    loop = replace(base.loop, steps=1250, batch_size=256, learning_rate=2e-3, warmup=60, ema=0.99,
                   evaluate_every=125, save_every=125)
    return replace(base, loop=loop, data=replace(base.data, store=store, episodes=1500))


def main() -> None:
    """Train, or go on; copy the best checkpoint to drive_gen/assets/clip."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--work", type=Path, default=Path("runs/release-clip"))
    parser.add_argument("--data", default=None)
    parser.add_argument("--workers", type=int, default=0)
    options = parser.parse_args()
    run = options.work / "run"
    if (run / "training_state" / "state.json").exists():
        resume_clip(run, options.work)
    else:
        train_clip(run, settings(options.data), cache=options.work, workers=options.workers)
    shutil.rmtree(ASSETS / "clip", ignore_errors=True)
    shutil.copytree(run / "checkpoints" / "best", ASSETS / "clip")
    print(f"wrote {ASSETS / 'clip'}; next: drive-gen search 'two trucks side by side' STORE")


if __name__ == "__main__":
    main()
