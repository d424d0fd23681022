"""Train the bundled reader: python scripts/release_reader.py --work runs/release

About 40 minutes on one core; a stopped run goes on where it was. Its labelled texts have the phrasings and
the synonyms of training alone (`plan.share_of`), so that the tables of docs/reading.md are of what it never
read.
"""

from __future__ import annotations

import argparse
import shutil
from dataclasses import replace
from pathlib import Path

from drive_gen.language.reader_config import ReaderConfig, ReaderTraining, Texts
from drive_gen.train.config import LoopConfig
from drive_gen.train.reader import train_reader

ASSETS = Path(__file__).parents[1] / "drive_gen" / "assets"
SETTINGS = ReaderTraining(
    model=ReaderConfig(width=96, layers=3, inner=192),
    texts=Texts(requests=20_000, narrations=2000, by_hand=10, driven=500),
    loop=LoopConfig(steps=16_000, batch_size=32, learning_rate=2.5e-3, warmup=150, ema=0.995,
                    evaluate_every=1000, save_every=500, device="cpu"),
    pretraining=0.03, questions=0.25)


def main() -> None:
    """Train and copy the best checkpoint to drive_gen/assets/reader."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--work", type=Path, default=Path("runs/release"))
    parser.add_argument("--data", default=None,
                        help="a store of `drive-gen collect requests`; else driven by seed")
    parser.add_argument("--steps", type=int, default=SETTINGS.loop.steps)
    options = parser.parse_args()
    run = options.work / "reader"
    settings = replace(SETTINGS, texts=replace(SETTINGS.texts, episodes=options.data),
                       loop=replace(SETTINGS.loop, steps=options.steps))
    train_reader(run, settings, resume=(run / "training_state").exists())
    shutil.rmtree(ASSETS / "reader", ignore_errors=True)
    shutil.copytree(run / "checkpoints" / "best", ASSETS / "reader")
    print(f"wrote {ASSETS / 'reader'}; next: python scripts/bench_reader.py")


if __name__ == "__main__":
    main()
