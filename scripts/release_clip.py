"""Train the bundled CLIP: python scripts/release_clip.py --work runs/release-clip [--data STORE]

Its episodes are made by seed if no store of `drive-gen collect requests` is given. Two runs, the second begun
with the first: 40 minutes of a shared core beside the making of its clips. A stopped run goes on where it
was. docs/search.md says how the bundled one's first run differed.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from drive_gen.perception.clip import Clip
from drive_gen.perception.clip_config import ClipTraining
from drive_gen.train.clip import resume_clip, train_clip

FIRST, SECOND = 1000, 730  # updates
ASSETS = Path(__file__).parents[1] / "drive_gen" / "assets"


def settings(store: str | None, steps: int) -> ClipTraining:
    """Base, with fewer episodes and updates."""
    base = ClipTraining()
    loop = replace(base.loop, steps=steps, learning_rate=2e-3, warmup=50, ema=0.995, evaluate_every=300,
                   save_every=100)
    return replace(base, data=replace(base.data, store=store, episodes=2300), loop=loop, framed=0.25,
                   false_texts=0.5, written=0.1)


def main() -> None:
    """Train, or go on; put the best checkpoint into drive_gen/assets/clip."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--work", type=Path, default=Path("runs/release-clip"))
    parser.add_argument("--data", default=None)
    parser.add_argument("--init", default=None, help="run or checkpoint that the second run is begun with")
    parser.add_argument("--workers", type=int, default=0)
    options = parser.parse_args()
    first, second = options.work / "first", options.work / "run"
    if options.init is None:
        trained(first, settings(options.data, FIRST), options.work, options.workers)
    last = replace(settings(options.data, SECOND), init=options.init or str(first))
    trained(second, last, options.work, options.workers)
    publish(second)
    print(f"wrote {ASSETS / 'clip'}; next: drive-gen search 'two trucks side by side' STORE")


def trained(run: Path, config: ClipTraining, work: Path, workers: int) -> None:
    """Train it, or go on with it."""
    if (run / "training_state" / "state.json").exists():
        resume_clip(run, work)
    else:
        train_clip(run, config, cache=work, workers=workers)


def publish(run: Path) -> None:
    """The best checkpoint, its weights in half precision: below 5 MB."""
    Clip.from_pretrained(run).half().save_pretrained(ASSETS / "clip")


if __name__ == "__main__":
    main()
