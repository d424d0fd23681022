"""Train the bundled behaviour transformer: python scripts/release_behavior.py --work runs/release

A teacher (search on the exact simulator, with all it knows) drives, with and without random errors; rules
drive too. The transformer learns from all of them, then drives itself while the teacher says at each decision
what it would have done (DAgger, Ross et al., 2011), and learns again. About an hour on two cores; --device cuda
trains on a GPU. A stopped run goes on where it was.
"""

from __future__ import annotations

import argparse
import shutil
from dataclasses import replace
from pathlib import Path

from drive_gen.data.rollout import collect
from drive_gen.envs.world import EnvConfig
from drive_gen.train.behavior import resume_behavior, train_behavior
from drive_gen.train.config import TrainBehaviorConfig, behavior_preset

ASSETS = Path(__file__).parents[1] / "drive_gen" / "assets"
ROUNDS = 2  # of DAgger


def main() -> None:
    """Collect, train, correct, train again; copy the best checkpoint to drive_gen/assets/behavior."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--work", type=Path, default=Path("runs/release"))
    parser.add_argument("--device", default="auto")
    parser.add_argument("--episodes", type=int, default=700, help="of the teacher; the others in proportion")
    parser.add_argument("--steps", type=int, default=3000, help="updates of each training")
    options = parser.parse_args()
    stores = teach(options.work, options.episodes)
    settings = behavior_preset("base")
    loop = replace(
        settings.loop, steps=options.steps, device=options.device, evaluate_every=options.steps // 4
    )
    settings = replace(settings, loop=loop, drive=replace(settings.drive, engine="kernel", episodes=40))
    for number in range(ROUNDS + 1):
        run = options.work / f"behavior-{number}"
        train(stores, run, settings)
        if number < ROUNDS:
            stores.append(options.work / f"own-{number}")
            collect(
                EnvConfig(),
                [str(run)],
                options.episodes,
                140_000 + 10_000 * number,
                stores[-1],
                advisor="planner",
                engine="kernel",
                mode="bc",
            )
    shutil.rmtree(ASSETS / "behavior", ignore_errors=True)
    shutil.copytree(run / "checkpoints" / "best", ASSETS / "behavior")
    print(f"wrote {ASSETS / 'behavior'}; next: drive-gen evaluate {ASSETS / 'behavior'} --out ev")


def teach(work: Path, episodes: int) -> list[Path]:
    """The stores of the teacher and of the others."""
    config, few = EnvConfig(), max(episodes // 6, 1)
    collect(config, ["planner"], episodes, 100_000, work / "planner", engine="kernel")
    collect(
        config,
        ["planner"],
        episodes,
        110_000,
        work / "noisy",
        explore=0.2,
        advisor="planner",
        engine="kernel",
    )
    collect(config, ["idm", "gap", "slower"], few, 120_000, work / "rules", engine="kernel")
    collect(config, ["random"], few, 130_000, work / "random", advisor="planner", engine="kernel")
    return [work / name for name in ("planner", "noisy", "rules", "random")]


def train(stores: list[Path], run: Path, settings: TrainBehaviorConfig) -> None:
    """Train, or go on with a run that was stopped."""
    if (run / "training_state").exists():
        resume_behavior(run)
    else:
        train_behavior(stores, run, settings)


if __name__ == "__main__":
    main()
