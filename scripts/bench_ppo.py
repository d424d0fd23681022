"""How much of PPO's training the worlds take, ours and highway-env's: python scripts/bench_ppo.py

Trains stable-baselines3's PPO as `drive-gen train ppo` does, and the same PPO on highway-env's own worlds
(with its own observation) in a DummyVecEnv of as many. The share is wall time inside the VecEnv's reset,
step_async and step_wait, over that of the whole training, after a rollout to warm up. Ratios travel, seconds
do not. --quick takes half a minute; --json FILE writes the rows.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import tyro
from stable_baselines3.common.vec_env import DummyVecEnv, VecEnv

from drive_gen.envs.files import write_json
from drive_gen.envs.reference import make_stock
from drive_gen.envs.simulator.sb3 import SimulatorVecEnv
from drive_gen.envs.world import EnvConfig
from drive_gen.train import ppo
from drive_gen.train.ppo import PpoTraining, train_ppo


@dataclass(frozen=True)
class Bench:
    """Measure PPO's training."""

    env: str = "highway-fast-v0"
    steps: int = 20_000  # decisions in our worlds: what `drive-gen train ppo` takes
    rival_steps: int = 1536  # in highway-env's, two rollouts
    quick: bool = False
    json: Path | None = None


@dataclass(frozen=True)
class Row:
    """One training."""

    worlds: str
    steps: int
    seconds: float  # wall time of the training
    inside_s: float  # of these in the VecEnv

    @property
    def share(self) -> float:
        """Of the wall time, inside the VecEnv."""
        return self.inside_s / self.seconds

    @property
    def steps_a_second(self) -> float:
        """Decisions a second of the whole training."""
        return self.steps / self.seconds


def main(wanted: Bench) -> int:
    """Print both shares and the ratio of the trainings' speeds."""
    if wanted.quick:
        wanted = replace(wanted, steps=3072, rival_steps=768)
    config = EnvConfig(env=wanted.env)
    rows = [ours(config, wanted.steps), highway_envs(config, wanted.rival_steps)]
    for row in rows:
        print(f"{row.worlds:12s} {row.steps:6d} steps in {row.seconds:6.1f} s, {row.steps_a_second:8,.0f} a "
              f"second; {100 * row.share:5.1f} % of the time in the worlds, "
              f"{1e6 * row.inside_s / row.steps:9,.0f} us a step")
    print(f"{wanted.env}: training is {rows[0].steps_a_second / rows[1].steps_a_second:.1f} times as fast")
    if wanted.json:
        write_json(wanted.json, [{**asdict(row), "share": row.share, "steps_a_second": row.steps_a_second}
                                 for row in rows])
    return 0


def ours(config: EnvConfig, steps: int) -> Row:
    """The training of `drive-gen train ppo`, checkpoints and log included."""
    def train(count: int) -> None:
        with tempfile.TemporaryDirectory() as folder:
            train_ppo(config, Path(folder) / "run", PpoTraining(steps=count))

    return measured("simulator", SimulatorVecEnv, train, steps)


def highway_envs(config: EnvConfig, steps: int) -> Row:
    """The same PPO on as many of highway-env's own environments."""
    training = PpoTraining(steps=steps)

    def worlds_of(*_: Any) -> DummyVecEnv:
        return DummyVecEnv([lambda: make_stock(config)] * training.worlds)

    with patch.object(ppo, "_worlds_of", worlds_of):
        learner = ppo._make_learner(config, training, training.worlds)
    return measured("highway-env", DummyVecEnv, learner.learn, steps)


def measured(name: str, kind: type[VecEnv], train: Callable[[int], object], steps: int) -> Row:
    """Train, after one rollout to warm up, and time the training and what of it is inside the VecEnv."""
    train(PpoTraining().rollout)
    with clocked(kind, ("reset", "step_async", "step_wait")) as spent_s:
        start_s = time.perf_counter()
        train(steps)
        seconds = time.perf_counter() - start_s
    return Row(name, steps, seconds, sum(spent_s))


@contextmanager
def clocked(kind: type, methods: tuple[str, ...]) -> Iterator[list[float]]:
    """While it lasts, the time that each call of the methods takes is noted."""
    spent_s: list[float] = []

    def timed(method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any) -> Any:
            start_s = time.perf_counter()
            try:
                return method(*args)
            finally:
                spent_s.append(time.perf_counter() - start_s)

        return call

    kept = {name: vars(kind)[name] for name in methods}
    for name, method in kept.items():
        setattr(kind, name, timed(method))
    try:
        yield spent_s
    finally:
        for name, method in kept.items():
            setattr(kind, name, method)


if __name__ == "__main__":
    raise SystemExit(main(tyro.cli(Bench)))
