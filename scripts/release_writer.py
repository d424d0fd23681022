"""Train the bundled writer: python scripts/release_writer.py --work runs/release-writer

The worlds are made by seed and driven (or read from --data, a store of `drive-gen collect requests` with 3072
episodes from seed 0 on, which are the same), then come updates in bfloat16, and more at rates that begin
anew: an hour and a half on one core. A stopped run goes on where it was.
"""

from __future__ import annotations

import argparse
import shutil
from dataclasses import replace
from pathlib import Path

from drive_gen.envs.files import InputError
from drive_gen.language.writer_config import WriterTraining, writer_preset
from drive_gen.train.writer import WRITINGS, resume_writer, train_writer

ASSETS = Path(__file__).parents[1] / "drive_gen" / "assets"
MOST_BYTES = 5_000_000


def main() -> None:
    """Train, or go on; copy the best checkpoint to drive_gen/assets/writer."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, default=Path("runs/release-writer"))
    parser.add_argument("--data")
    parser.add_argument("--steps", type=int, default=3400)
    parser.add_argument("--more-steps", type=int, default=2000)
    options = parser.parse_args()
    base = replace(writer_preset("base"), store=options.data, more_programs=6900)
    first, second = (options.work / name for name in ("first", "second"))
    loop = replace(base.loop, steps=options.steps, bfloat16=True, evaluate_every=425)
    learn(first, replace(base, loop=loop))
    loop = replace(loop, steps=options.more_steps, learning_rate=1.5e-3, evaluate_every=400)
    learn(second, replace(base, loop=loop, init=str(first / "checkpoints" / "best")), first)
    best = second / "checkpoints" / "best"
    size = sum(path.stat().st_size for path in best.iterdir())
    if size > MOST_BYTES:
        raise InputError(f"{best} has {size} bytes; what is bundled has at most {MOST_BYTES}")
    shutil.rmtree(ASSETS / "writer", ignore_errors=True)
    shutil.copytree(best, ASSETS / "writer")
    print(f"wrote {ASSETS / 'writer'}, {size / 1e6:.1f} MB; next: drive-gen sample --out scenarios")


def learn(out: Path, config: WriterTraining, worlds: Path | None = None) -> None:
    """Train, or go on with a stopped training; on the worlds of another run where one is given."""
    if (out / "training_state").exists():
        resume_writer(out)
        return
    if worlds is not None:
        out.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(worlds / WRITINGS, out / WRITINGS)
    train_writer(out, config)


if __name__ == "__main__":
    main()
