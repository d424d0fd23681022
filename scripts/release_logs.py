"""Record the bundled logs and train their PPO driver: python scripts/release_logs.py --work runs/release

Several drivers in highway-fast-v0: what the demo augments and learns from, small enough to be bundled. The
simulator's episodes are highway-env's own. Some minutes on two cores.
"""

from __future__ import annotations

import argparse
import os
import shutil
from pathlib import Path

from drive_gen.data.rollout import collect
from drive_gen.envs.world import EnvConfig
from drive_gen.train.ppo import PpoTraining, train_ppo

ASSETS = Path(__file__).parents[1] / "drive_gen" / "assets"
FIRST_SEED = 200_000  # evaluations in training begin at 5,000 and tests at 10,000: these are neither's
EPISODES = {"planner": 32, "idm": 12, "gap": 12, "slower": 6}


def main() -> None:
    """Write drive_gen/assets/ppo and drive_gen/assets/logs anew."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--work", type=Path, default=Path("runs/release"))
    work, config = parser.parse_args().work, EnvConfig()
    if not (work / "ppo").exists():
        train_ppo(config, work / "ppo", PpoTraining(steps=20_000), os.cpu_count() or 1)
    for part in ("ppo", "logs"):
        shutil.rmtree(ASSETS / part, ignore_errors=True)
    shutil.copytree(work / "ppo" / "checkpoints" / "last", ASSETS / "ppo")
    out, seed = ASSETS / "logs", FIRST_SEED
    for driver, episodes in EPISODES.items():
        collect(config, [driver], episodes, seed, out)
        seed += episodes
    # Drivers that err, and what the planner would have done there: how to get out of trouble.
    collect(config, ["planner"], 20, seed, out, explore=0.2, advisor="planner")
    collect(config, [str(ASSETS / "ppo"), "random"], 8, seed + 20, out, advisor="planner")
    size = sum(file.stat().st_size for file in out.iterdir())
    print(f"wrote {out}: {size / 1e6:.1f} MB; next: python scripts/release_behavior.py")


if __name__ == "__main__":
    main()
