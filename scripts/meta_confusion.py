"""How well meta-actions are inferred from motion: python scripts/meta_confusion.py --episodes 100

Drives highway-fast-v0 with random actions and with IDLE mixed with random ones (or reads the train split of
an episode store, --data), infers every ego decision from the motion alone, and compares it with the recorded
one. The effective table reads an action that changes neither target lane nor target speed as IDLE, which is
all that motion can show.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from drive_gen.data.store import read_episodes
from drive_gen.envs.actions import IDLE, MetaController, decision_frames, infer_meta
from drive_gen.envs.episode import META_ACTIONS, Episode
from drive_gen.envs.vector import DriveEnv


def drive(env: str, episodes: int, seed: int) -> Iterator[Episode]:
    """Episodes whose driver acts at random in half of the decisions, or in all, and idles in the rest."""
    world = DriveEnv(env=env, record=True)
    for number in range(episodes):
        generator = np.random.default_rng((seed, number))
        share = (0.5, 1.0)[number % 2]
        world.reset(seed=seed + number)
        ended = False
        while not ended:
            action = int(generator.integers(len(META_ACTIONS))) if generator.random() < share else IDLE
            _, _, terminated, truncated, _ = world.step(action)
            ended = terminated or truncated
        yield world.episode("random")


def effective(episode: Episode, agent: int, frames: np.ndarray, grid: tuple[float, ...]) -> np.ndarray:
    """The recorded meta-actions, those without effect read as IDLE; (F,)."""
    def state(frame: int) -> tuple[np.ndarray, float]:
        return episode.position_m[agent, frame].astype(float), float(episode.speed_mps[agent, frame])

    position, speed = state(0)
    controller = MetaController(episode.road, position, float(episode.heading_rad[agent, 0]), speed,
                                float(episode.size_m[agent, 0]), grid)
    actions = []
    for frame in frames:
        action = int(episode.meta_action[agent, frame])
        before = controller.lane, controller.target_speed_mps
        controller.decide(action, *state(frame))
        actions.append(action if (controller.lane, controller.target_speed_mps) != before else IDLE)
    return np.array(actions, dtype=np.int8)


def confusion(recorded: np.ndarray, inferred: np.ndarray) -> np.ndarray:
    """Counts (5, 5): recorded by row, inferred by column."""
    table = np.zeros((len(META_ACTIONS), len(META_ACTIONS)), int)
    np.add.at(table, (recorded, inferred), 1)
    return table


def show(title: str, table: np.ndarray) -> None:
    """Print a table with its accuracy and each action's precision and recall."""
    print(f"\n{title}: {table.sum()} decisions, accuracy {np.trace(table) / table.sum():.3f}")
    print(f"{'':>12}" + "".join(f"{name:>12}" for name in META_ACTIONS) + f"{'recall':>12}")
    for name, row, count in zip(META_ACTIONS, table, table.sum(1), strict=True):
        recall = row[META_ACTIONS.index(name)] / count if count else float("nan")
        print(f"{name:>12}" + "".join(f"{value:>12}" for value in row) + f"{recall:>12.3f}")
    precision = np.diag(table) / np.where(table.sum(0), table.sum(0), np.nan)
    print(f"{'precision':>12}" + "".join(f"{value:>12.3f}" for value in precision))


def main() -> None:
    """Collect or read, infer, count, print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, help="an episode store to read instead of driving")
    parser.add_argument("--env", default="highway-fast-v0")
    parser.add_argument("--episodes", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--decision", type=float, default=1.0, help="seconds between decisions")
    parser.add_argument("--speeds", type=float, nargs="+", default=[20.0, 25.0, 30.0], help="m/s")
    given = parser.parse_args()
    grid = tuple(given.speeds)
    driven = drive(given.env, given.episodes, given.seed)
    episodes = read_episodes(given.data, "train") if given.data else driven
    raw = np.zeros((len(META_ACTIONS), len(META_ACTIONS)), int)
    seen = raw.copy()
    for episode in episodes:
        agent = episode.ego or 0
        frames = decision_frames(episode, given.decision)
        frames = frames[episode.meta_known[agent, frames] & ~episode.crashed[agent, frames]]
        if not len(frames):
            continue
        inferred = infer_meta(episode, agent, frames, grid, given.decision)
        raw += confusion(episode.meta_action[agent, frames], inferred)
        seen += confusion(effective(episode, agent, frames, grid), inferred)
    show("as recorded", raw)
    show("effective", seen)


if __name__ == "__main__":
    main()
