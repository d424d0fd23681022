"""Train the bundled CLIP: python scripts/release_clip.py --work runs/release-clip [--data STORE]

Its episodes are made by seed if no store of `drive-gen collect requests` is given. Two rounds: few updates of
many clips, then more of fewer clips, each with a false text. About half an hour on one core. A stopped run
goes on where it was.
"""

from __future__ import annotations

import argparse
import shutil
from dataclasses import replace
from pathlib import Path

from drive_gen.perception.clip_config import ClipTraining
from drive_gen.train.clip import resume_clip, train_clip

ASSETS = Path(__file__).parents[1] / "drive_gen" / "assets"


def settings(store: str | None) -> tuple[ClipTraining, ClipTraining]:
    """Of both rounds: what half an hour of a core gives."""
    base = ClipTraining()
    data = replace(base.data, store=store, episodes=1500)
    loop = replace(base.loop, steps=180, learning_rate=2e-3, warmup=60, ema=0.99, evaluate_every=90)
    first = replace(base, data=data, loop=loop)
    loop = replace(base.loop, steps=800, batch_size=128, learning_rate=1.5e-3, warmup=30, ema=0.99,
                   evaluate_every=100, save_every=100)
    return first, replace(first, loop=loop, false_texts=1.0, framed=0.25)


def main() -> None:
    """Train, or go on; copy the best checkpoint to drive_gen/assets/clip."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--work", type=Path, default=Path("runs/release-clip"))
    parser.add_argument("--data", default=None)
    parser.add_argument("--workers", type=int, default=0)
    options = parser.parse_args()
    former: Path | None = None
    for number, config in enumerate(settings(options.data)):
        run = options.work / f"run-{number}"
        if (run / "training_state" / "state.json").exists():
            resume_clip(run, options.work)
        else:
            begun = replace(config, init=None if former is None else str(former))
            train_clip(run, begun, cache=options.work, workers=options.workers)
        former = run
    assert former is not None
    shutil.rmtree(ASSETS / "clip", ignore_errors=True)
    shutil.copytree(former / "checkpoints" / "best", ASSETS / "clip")
    print(f"wrote {ASSETS / 'clip'}; next: drive-gen search 'two trucks side by side' STORE")


if __name__ == "__main__":
    main()
