"""Train the bundled behaviour transformer: python scripts/release_behavior.py --work runs/release

A teacher (search on the exact simulator, which keeps its distance) drives, with and without random errors;
rules drive too. The transformer learns from all of them, then drives itself while the teacher says at each
decision what it would have done (DAgger, Ross et al., 2011), and learns again. About 40 minutes on two cores;
--device cuda trains on a GPU. A stopped run goes on where it was.
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
TEACHER = "careful"
ROUNDS = 2  # of DAgger
OWN_EPISODES = 350  # that the learner drives in each round


def main() -> None:
    """Collect, train, correct, train again; copy the best checkpoint to drive_gen/assets/behavior."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--work", type=Path, default=Path("runs/release"))
    parser.add_argument("--device", default="auto")
    parser.add_argument("--steps", type=int, default=1400, help="updates of the last training")
    parser.add_argument("--round-steps", type=int, default=400, help="updates of the trainings before it")
    options = parser.parse_args()
    stores = teach(options.work)
    for number in range(ROUNDS + 1):
        run, last = options.work / f"behavior-{number}", number == ROUNDS
        train(stores, run, settings(options.steps if last else options.round_steps, options.device))
        if not last:
            stores.append(options.work / f"own-{number}")
            collect(EnvConfig(), [str(run)], OWN_EPISODES, 140_000 + 10_000 * number, stores[-1],
                    advisor=TEACHER, engine="kernel")
    shutil.rmtree(ASSETS / "behavior", ignore_errors=True)
    shutil.copytree(run / "checkpoints" / "best", ASSETS / "behavior")
    print(f"wrote {ASSETS / 'behavior'}; next: drive-gen evaluate {ASSETS / 'behavior'} --out ev")


def teach(work: Path) -> list[Path]:
    """The stores of the teacher and of the others."""
    config = EnvConfig()
    collect(config, [TEACHER], 450, 100_000, work / "teacher", engine="kernel")
    collect(config, [TEACHER], 500, 110_000, work / "noisy", explore=0.2, advisor=TEACHER, engine="kernel")
    collect(config, ["idm", "gap", "slower"], 120, 120_000, work / "rules", engine="kernel")
    collect(config, ["random"], 80, 130_000, work / "random", advisor=TEACHER, engine="kernel")
    return [work / name for name in ("teacher", "noisy", "rules", "random")]


def settings(steps: int, device: str) -> TrainBehaviorConfig:
    """A narrower base preset, for small batches and few updates; 40 episodes at each evaluation."""
    base = behavior_preset("base")
    loop = replace(base.loop, steps=steps, batch_size=64, learning_rate=1.5e-3, device=device,
                   evaluate_every=max(steps // 4, 1))
    return replace(base, model=replace(base.model, width=96, dropout=0.05), loop=loop,
                   drive=replace(base.drive, engine="kernel", episodes=40))


def train(stores: list[Path], run: Path, config: TrainBehaviorConfig) -> None:
    """Train, or go on with a run that was stopped."""
    if (run / "training_state").exists():
        resume_behavior(run)
    else:
        train_behavior(stores, run, config)


if __name__ == "__main__":
    main()
