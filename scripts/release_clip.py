"""Train the bundled CLIP: python scripts/release_clip.py --work runs/release-clip [--data STORE]

Its episodes are made by seed if no store of `drive-gen collect requests` is given. Half an hour of a shared
core beside the making of its clips. A stopped run goes on where it was.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from drive_gen.perception.clip import Clip
from drive_gen.perception.clip_config import ClipTraining
from drive_gen.train.clip import resume_clip, train_clip

ASSETS = Path(__file__).parents[1] / "drive_gen" / "assets"


def settings(store: str | None) -> ClipTraining:
    """Base, with fewer episodes and updates: half an hour of a shared core."""
    base = ClipTraining()
    loop = replace(base.loop, steps=1000, learning_rate=2e-3, warmup=50, ema=0.99, evaluate_every=200,
                   save_every=100)
    return replace(base, data=replace(base.data, store=store, episodes=1500), loop=loop, framed=0.25,
                   false_texts=0.5, written=0.1)


def main() -> None:
    """Train, or go on; put the best checkpoint into drive_gen/assets/clip."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--work", type=Path, default=Path("runs/release-clip"))
    parser.add_argument("--data", default=None)
    parser.add_argument("--init", default=None, help="run or checkpoint that is begun with")
    parser.add_argument("--workers", type=int, default=0)
    options = parser.parse_args()
    run = options.work / "run"
    if (run / "training_state" / "state.json").exists():
        resume_clip(run, options.work)
    else:
        config = replace(settings(options.data), init=options.init)
        train_clip(run, config, cache=options.work, workers=options.workers)
    publish(run)
    print(f"wrote {ASSETS / 'clip'}; next: drive-gen search 'two trucks side by side' STORE")


def publish(run: Path) -> None:
    """The best checkpoint, its weights in half precision: below 5 MB."""
    Clip.from_pretrained(run).half().save_pretrained(ASSETS / "clip")


if __name__ == "__main__":
    main()
