"""Train the bundled captioner: python scripts/release_captioner.py --work runs/captioner [--data STORE]

Episodes of scripted traffic (`drive-gen collect requests --episodes 4000`, seeds below the tests) are seen
from their ego and from two more cars each; half of the clips are in looks drawn by seed. The
network is small, so that it is bundled: under 5 MB. A stopped run goes on where it was.
"""

from __future__ import annotations

import argparse
import shutil
from dataclasses import replace
from pathlib import Path

from drive_gen.commands.caption import BUNDLED
from drive_gen.envs.files import InputError
from drive_gen.perception.captioner_config import CaptionTraining, caption_preset
from drive_gen.train.caption import resume_caption, train_caption
from drive_gen.train.run import STATE

MOST_BYTES = 5_000_000


def main() -> None:
    """Train, and copy the best checkpoint to drive_gen/assets/captioner."""
    flags = argparse.ArgumentParser(description=__doc__)
    flags.add_argument("--work", type=Path, default=Path("runs/captioner"))
    flags.add_argument("--data", help="episode store; played by seed if not given")
    flags.add_argument("--steps", type=int, default=2000)
    flags.add_argument("--episodes", type=int, default=2400)
    chosen = flags.parse_args()
    if (chosen.work / STATE).exists():
        resume_caption(chosen.work)
    else:
        train_caption(chosen.work, settings(chosen.data, chosen.steps, chosen.episodes))
    best = chosen.work / "checkpoints" / "best"
    size = sum(path.stat().st_size for path in best.iterdir())
    if size > MOST_BYTES:
        raise InputError(f"{best} has {size} bytes; at most {MOST_BYTES} are bundled")
    shutil.rmtree(BUNDLED, ignore_errors=True)
    shutil.copytree(best, BUNDLED)
    print(f"wrote {BUNDLED}, {size / 1e6:.1f} MB; next: python scripts/bench_caption.py")


def settings(data: str | None, steps: int, episodes: int) -> CaptionTraining:
    """A network of 1 million parameters, and what it learns from."""
    base = caption_preset("base")
    loop = replace(base.loop, steps=steps, batch_size=32, learning_rate=1.5e-3, warmup=60, evaluate_every=400,
                   save_every=100)
    return replace(base, model=replace(base.model, width=96), loop=loop, validation_episodes=100,
                   data=replace(base.data, store=data, episodes=episodes))


if __name__ == "__main__":
    main()
