"""Scenes by seed: simulated traffic at some moment of an episode, some of it made trucks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from drive_gen.envs.config import check_choice
from drive_gen.envs.episode import KINDS, Scene
from drive_gen.envs.files import InputError
from drive_gen.envs.geometry import overlaps
from drive_gen.envs.world import SUPPORTED, EnvConfig

HIGHWAYS = ("highway-v0", "merge-v0", "exit-v0", "two-way-v0", "intersection-v0", "racetrack-v0")
UNSEEN_ROADS = ("roundabout-v0", "u-turn-v0", "merge-generic-v0", "racetrack-oval-v0")
WORLDS = 64  # simulated together
CARS_M, TRUCKS_M = ((4.2, 5.0), (1.75, 2.0)), ((8.0, 14.0), (2.3, 2.6))  # ranges of lengths and widths


@dataclass(frozen=True)
class Traffic:
    """Which scenes there are: environments in equal shares, with an ego that acts at random."""

    envs: tuple[str, ...] = HIGHWAYS
    most_decisions: int = 12
    trucks: float = 0.25  # share of the other cars that become trucks, where there is room

    def __post_init__(self) -> None:
        for env in self.envs:
            check_choice(env, SUPPORTED, "environment")
        if not self.envs or self.most_decisions < 0 or not 0 <= self.trucks <= 1:
            raise InputError("Traffic needs an environment, most_decisions of 0 or more and a share of "
                             "trucks from 0 to 1")


def scenes_of(traffic: Traffic, seeds: Sequence[int]) -> list[Scene]:
    """The scene of each seed; it does not depend on which others are asked for."""
    found: dict[int, Scene] = {}
    for env_number, env in enumerate(traffic.envs):
        mine = [seed for seed in dict.fromkeys(seeds) if seed % len(traffic.envs) == env_number]
        for start in range(0, len(mine), WORLDS):
            found |= _simulated(env, traffic, mine[start : start + WORLDS])
    return [found[seed] for seed in seeds]


def _simulated(env: str, traffic: Traffic, seeds: list[int]) -> dict[int, Scene]:
    """Worlds side by side, each looked at after as many decisions as its seed says."""
    from drive_gen.envs.simulator.simulator import Simulator

    draws = [np.random.default_rng(np.random.SeedSequence([seed, *b"scene"])) for seed in seeds]
    moments = np.array([draw.integers(traffic.most_decisions + 1) for draw in draws])
    config = EnvConfig(env)
    simulator = Simulator(config, len(seeds), threads=1)
    simulator.reset(np.array(seeds))
    found = {}
    for decision in range(int(moments.max()) + 1):
        for world in np.flatnonzero(moments == decision):
            found[seeds[world]] = with_trucks(simulator.scene(int(world)), traffic.trucks, draws[world])
        if config.actions == "meta":
            simulator.step(np.array([draw.integers(5) for draw in draws]), observe=False)
        else:
            simulator.step(np.array([[draw.uniform(-0.2, 0.2)] for draw in draws]), observe=False)
    return found


def with_trucks(scene: Scene, share: float, draw: np.random.Generator) -> Scene:
    """The scene with cars of many sizes, some of them trucks; none that would touch another by it."""
    count = len(scene.agent_id)
    size, kind = scene.size_m.copy(), scene.kind.copy()
    cars, trucks = (draw.uniform((low, thin), (high, broad), (count, 2))
                    for (low, high), (thin, broad) in (CARS_M, TRUCKS_M))
    wanted = draw.random(count) < share
    plain = (kind == KINDS.index("car")) & (np.arange(count) != scene.ego)
    size[plain] = np.minimum(cars, size)[plain]
    for agent in np.flatnonzero(plain & wanted):
        others = np.arange(count) != agent
        touched = overlaps(scene.position_m[agent], scene.heading_rad[agent], trucks[agent],
                           scene.position_m[others], scene.heading_rad[others], size[others])
        if not touched.any():
            size[agent], kind[agent] = trucks[agent], KINDS.index("truck")
    return replace(scene, size_m=size.astype(np.float32), kind=kind)
