"""Train the bundled eyes: python scripts/release_sight.py --work runs/release

The base preset's ViT on 1,150 episodes of the bundled driver, as docs/perception.md collects them. A stopped
run goes on where it was; the checkpoint of the lowest validation loss goes to drive_gen/assets/eyes, its
weights in half precision.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import tyro

from drive_gen.data.rollout import collect
from drive_gen.envs.world import EnvConfig
from drive_gen.policies.behavior import BehaviorTransformer
from drive_gen.train.sight import resume_sight, train_sight
from drive_gen.train.sight_config import sight_preset

ASSETS = Path(__file__).parents[1] / "drive_gen" / "assets"
COLLECTED = ((450, 410_000, 0.0), (450, 420_000, 0.1), (250, 430_000, 0.3))  # episodes, seed, exploration


def main(work: Path = Path("runs/release")) -> None:
    """Collect, train, or go on; copy the best checkpoint."""
    store, run = work / "seen", work / "eyes"
    for episodes, seed, explore in COLLECTED:
        collect(EnvConfig(), [str(ASSETS / "behavior")], episodes, seed, store, explore=explore)
    if (run / "training_state").exists():
        resume_sight(run)
    else:
        train_sight([store], run, replace(sight_preset("base"), teacher=str(ASSETS / "behavior")))
    publish(run)
    print(f"wrote {ASSETS / 'eyes'}; next: drive-gen evaluate {ASSETS / 'eyes'}")


def publish(run: Path) -> None:
    """The best checkpoint, of a run whose settings do not name this machine's folders."""
    settings = json.loads((run / "config.json").read_text(encoding="utf-8"))
    settings["data"] = ["runs/release/seen"]
    settings["training"]["teacher"] = "drive_gen/assets/behavior"
    BehaviorTransformer.from_pretrained(run).half().save_pretrained(ASSETS / "eyes", train_config=settings)


if __name__ == "__main__":
    tyro.cli(main)
