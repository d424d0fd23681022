"""Return of driving from a predicted mask beside the true one: python scripts/drive_from_mask.py
[drive_gen/assets/segmenter] [--driver drive_gen/assets/behavior] [--episodes 60] [--behind 0.2]

highway-fast-v0, seeds from 10000; the same worlds, driver and reader of blobs in both arms, so that they
differ in the mask alone. The state's own observation is the ceiling.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import tyro

from drive_gen.drivers import load_driver
from drive_gen.envs.frames.looks import Look, draw_look
from drive_gen.envs.frames.views import BirdView
from drive_gen.envs.simulator.simulator import Simulator
from drive_gen.envs.world import EnvConfig
from drive_gen.perception.driving import drive_by_sight
from drive_gen.perception.segmenter import Segmenter
from drive_gen.policies.policy import Policy

FIRST_SEED, BATCH, RESAMPLES = 10_000, 32, 2000


def by_state(config: EnvConfig, policy: Policy, seeds: np.ndarray) -> np.ndarray:
    """Returns of driving from the state itself; (W,)."""
    simulator = Simulator(config, len(seeds), threads=1)
    observation, state = simulator.reset(seeds)[:, 0].copy(), None
    returns, running, start = np.zeros(len(seeds)), np.ones(len(seeds), bool), np.ones(len(seeds), bool)
    while running.any():
        actions, state = policy.predict(observation, state, start, deterministic=True)
        result = simulator.step(actions, np.flatnonzero(running))
        returns[running] += result.reward[running]
        running &= ~(result.terminated | result.truncated)
        observation, start = result.observation[:, 0].copy(), np.zeros(len(seeds), bool)
    return returns


def main(run: Path = Path("drive_gen/assets/segmenter"), /, driver: str = "drive_gen/assets/behavior",
         episodes: int = 60, behind: float = 0.2) -> None:
    """Print each arm's mean return and its share of the true mask's, with 95 % intervals over the seeds."""
    config, view, network = EnvConfig(), BirdView(128, 0.4, behind), Segmenter.from_pretrained(run)
    seeds = np.arange(FIRST_SEED, FIRST_SEED + episodes)
    policy = load_driver(driver, config).policy

    def predicted(rgb: np.ndarray, _: np.ndarray) -> np.ndarray:
        return np.concatenate([network.predict(rgb[at : at + BATCH]) for at in range(0, len(rgb), BATCH)])

    def loud(seed: int) -> Look:
        return draw_look(seed, 1.0)

    true = drive_by_sight(config, policy, lambda _, mask: mask, seeds, view)
    arms = {"state (the ceiling)": by_state(config, policy, seeds), "true mask": true,
            "predicted mask": drive_by_sight(config, policy, predicted, seeds, view),
            "predicted mask, unseen looks": drive_by_sight(config, policy, predicted, seeds, view, loud),
            "no car seen (the floor)": drive_by_sight(config, policy, lambda _, mask: mask * 0, seeds, view)}
    draws = np.random.default_rng(0).integers(episodes, size=(RESAMPLES, episodes))
    for name, returns in arms.items():
        low, high = np.percentile(returns[draws].mean(1), (2.5, 97.5))
        share = returns.mean() / true.mean()
        shares = np.percentile(returns[draws].mean(1) / true[draws].mean(1), (2.5, 97.5))  # seed by seed
        print(f"{name:30} {returns.mean():6.2f} [{low:.2f}, {high:.2f}], {share:.1%} [{shares[0]:.1%}, "
              f"{shares[1]:.1%}] of the true mask's", flush=True)


if __name__ == "__main__":
    tyro.cli(main)
