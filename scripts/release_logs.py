"""Record the simulated logs that come with the package, some minutes: python scripts/release_logs.py

Several drivers in highway-fast-v0: what the demo augments and learns from, small enough to be bundled. The
kernel engine is used, whose episodes are highway-env's own.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from drive_gen.data.rollout import collect
from drive_gen.envs.world import EnvConfig

ASSETS = Path(__file__).parents[1] / "drive_gen" / "assets"
FIRST_SEED = 200_000  # evaluations in training begin at 5,000 and tests at 10,000: these are neither's
EPISODES = {"planner": 32, "idm": 12, "gap": 12, "slower": 6}


def main() -> None:
    """Write drive_gen/assets/logs anew."""
    out, config, seed = ASSETS / "logs", EnvConfig(), FIRST_SEED
    shutil.rmtree(out, ignore_errors=True)
    for driver, episodes in EPISODES.items():
        collect(config, [driver], episodes, seed, out, engine="kernel")
        seed += episodes
    # A driver that errs, and what the planner would have done: how to get out of trouble.
    collect(config, ["planner"], 20, seed, out, explore=0.2, advisor="planner", engine="kernel")
    collect(config, [str(ASSETS / "ppo"), "random"], 6, seed + 20, out, engine="kernel")
    size = sum(file.stat().st_size for file in out.iterdir())
    print(f"wrote {out}: {size / 1e6:.1f} MB; next: python scripts/release_diffusion.py")


if __name__ == "__main__":
    main()
