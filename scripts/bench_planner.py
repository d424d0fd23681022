"""What the planner reaches, and its time: python scripts/bench_planner.py [--episodes 30]

Success, speed and return from seeds 0, 1, ... of highway-fast-v0, and CPU milliseconds a decision.
"""

from __future__ import annotations

import time

import numpy as np
import tyro

from drive_gen.envs.simulator.simulator import Simulator
from drive_gen.envs.world import EnvConfig
from drive_gen.policies.planner import CAREFUL, Planner

DECISIONS = 30


def planned(planner: Planner, episodes: int) -> str:
    """One row."""
    simulator = Simulator(EnvConfig(), episodes, threads=1)
    observations = simulator.reset(0)[:, 0]
    planner.attach(simulator)
    planner.predict(observations[:1])  # compiled before the clock starts
    begin, returns, alive = simulator.egos()["x"], np.zeros(episodes), np.ones(episodes, bool)
    start_s, decisions = time.process_time(), 0
    for _ in range(DECISIONS):
        result = simulator.step(planner.predict(observations)[0], np.flatnonzero(alive))
        returns[alive] += result.reward[alive]
        decisions += int(alive.sum())
        alive &= ~result.terminated
    spent_s = time.process_time() - start_s
    speed = (simulator.egos()["x"] - begin).mean() / DECISIONS
    return (f"{planner.depth:5d} {planner.caution:7.1f} {alive.mean():8.1%} {speed:10.1f} "
            f"{returns.mean():7.2f} {spent_s / decisions * 1e3:12.1f}")


def main(episodes: int = 30) -> None:
    """Print the table."""
    print("depth caution  success speed, m/s  return  ms/decision")
    for depth in (3, 4, 5):
        for caution in (1.0, 0.0):
            print(planned(Planner(depth=depth, caution=caution), episodes), flush=True)
    print(f"careful, the teacher:\n{planned(CAREFUL, episodes)}")


if __name__ == "__main__":
    tyro.cli(main)
