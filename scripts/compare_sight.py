"""Return of driving by pictures beside driving by states: python scripts/compare_sight.py RUN [RUN ...]
[--state drive_gen/assets/behavior] [--episodes 100]

highway-fast-v0, seeds from 10000, the same worlds for all; RUN are folders of `drive-gen train sight`. Idle
and slower are the floors. Intervals are 95 %, over the seeds.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
import tyro

from drive_gen.data.rollout import BATCH, Outcome, batched, drive
from drive_gen.drivers import load_driver
from drive_gen.envs.world import EnvConfig

FIRST_SEED, RESAMPLES = 10_000, 2000
FLOORS = ("idle", "slower")


def driven(reference: str, episodes: int) -> list[Outcome]:
    """How each seed's episode went."""
    config, seeds = EnvConfig(), range(FIRST_SEED, FIRST_SEED + episodes)
    driver = load_driver(reference, config)
    worlds = driver.simulator_for(config, min(BATCH, episodes))
    return [outcome for part in batched(seeds, BATCH)
            for _, outcome in drive(worlds, driver.policy, part, driver.name)]


def main(runs: Annotated[tuple[str, ...], tyro.conf.Positional], /,
         state: Path = Path("drive_gen/assets/behavior"), episodes: int = 100) -> None:
    """Print every driver's return, its share of the state policy's, and how often it crashed."""
    outcomes = {reference: driven(reference, episodes) for reference in (str(state), *runs, *FLOORS)}
    returns = {name: np.array([one.return_ for one in rows]) for name, rows in outcomes.items()}
    draws = np.random.default_rng(0).integers(episodes, size=(RESAMPLES, episodes))
    base = returns[str(state)]
    print("| driver | return | of the state policy's | crashed | speed, m/s | ms a decision |")
    print("| --- | --- | --- | --- | --- | --- |")
    for name, found in returns.items():
        low, high = np.percentile(found[draws].mean(1), (2.5, 97.5))
        least, most = 100 * np.percentile(found[draws].mean(1) / base[draws].mean(1), (2.5, 97.5))
        crashed, speed, spent = (np.mean([getattr(one, what) for one in outcomes[name]])
                                 for what in ("crashed", "mean_speed_mps", "decision_ms"))
        print(f"| {name} | {found.mean():.2f} [{low:.2f}, {high:.2f}] | {found.mean() / base.mean():.1%} "
              f"[{least:.1f}, {most:.1f}] | {crashed:.0%} | {speed:.1f} | {spent:.1f} |", flush=True)


if __name__ == "__main__":
    tyro.cli(main)
