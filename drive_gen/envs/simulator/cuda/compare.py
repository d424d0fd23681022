"""How long the GPU's worlds stay those of the CPU: the same seeds and actions, compared step by step.

The two have other mathematical libraries, so states part by roundings, and stay at such distances until one
tips a decision: a lane change, a collision. From there on a world is another one, and is compared no more.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from drive_gen.envs.episode import META_ACTIONS
from drive_gen.envs.simulator.cuda.device import to_device, to_host
from drive_gen.envs.simulator.cuda.simulator import CudaSimulator, CudaStep
from drive_gen.envs.simulator.simulator import Simulator, Snapshot
from drive_gen.envs.simulator.types import Rules

DISCRETE = ("lane", "target_lane", "speed_index", "crashed", "number")
CONTINUOUS = ("x", "y", "heading", "speed")  # m, m, rad, m/s


@dataclass(frozen=True)
class Agreement:
    """What came out for one environment. Differences are those of worlds whose decisions were still equal."""

    family: str
    worlds: int
    steps: int  # policy steps compared, at most
    decisions: int  # of the egos, compared until the worlds ended or parted
    equal: int  # worlds whose discrete values were equal to their ends
    first: int | None  # the first policy step after which one was not; 0 is the reset
    state: float  # largest difference of CONTINUOUS
    observation: float
    reward: float


def compare(family: str, worlds: int, steps: int, seed: int, **overrides: Any) -> Agreement:
    """Drive worlds of seeds seed, seed + 1, ... on both, under random actions."""
    host = Simulator(env=family, worlds=worlds, **overrides)
    gpu = CudaSimulator(env=family, worlds=worlds, **overrides)  # whose ended worlds begin anew, unobserved
    draws, running = np.random.default_rng([seed, 1]), np.ones(worlds, np.bool_)
    parted, gaps = compared(host, gpu, host.reset(seed), to_host(gpu.reset(seed)))
    first, largest = (0 if parted.any() else None), gaps[~parted].max(0, initial=0.0)
    lost, decisions, running = parted.copy(), 0, ~parted
    for step in range(1, steps + 1):
        decisions += int(running.sum())
        actions = draw_actions(draws, host.place.rules, worlds, host.agents)
        ours = host.step(actions, running)
        theirs = CudaStep(*map(to_host, gpu.step(to_device(actions))))
        parted, gaps = compared(host, gpu, host.observe(), to_host(gpu.observe()))
        parted |= (ours.terminated != theirs.terminated) | (ours.truncated != theirs.truncated)
        gaps[:, 2] = abs(ours.reward - theirs.reward)
        lost |= running & parted
        first = step if first is None and lost.any() else first
        running &= ~parted
        largest = np.maximum(largest, gaps[running].max(0, initial=0.0))
        running &= ~(ours.terminated | ours.truncated)
        if not running.any():
            break
    gpu.check()
    return Agreement(family, worlds, steps, decisions, int((~lost).sum()), first, *largest.tolist())


def compared(host: Simulator, gpu: CudaSimulator, seen: np.ndarray, theirs: np.ndarray,
             ) -> tuple[np.ndarray, np.ndarray]:
    """Which worlds have parted (W,), and the largest gaps of states and observations, (W, 3) with a 0."""
    one, other = host.snapshot(), gpu.snapshot()
    gaps = state_gap(one, other), abs(seen - theirs).max(axis=(1, 2, 3)), np.zeros(len(seen))
    return differs(one, other), np.stack(gaps, axis=-1)


def draw_actions(draws: np.random.Generator, rules: Rules, worlds: int, agents: int) -> np.ndarray:
    """Random actions as a CudaSimulator takes them: (W, A) int64 or (W, A, K) float32."""
    if not rules.continuous:
        return draws.integers(len(META_ACTIONS), size=(worlds, agents))
    columns = int(rules.longitudinal) + int(rules.lateral)
    return draws.uniform(-1, 1, (worlds, agents, columns)).astype(np.float32)


def differs(one: Snapshot, other: Snapshot) -> np.ndarray:
    """Worlds whose counts or discrete values differ, (W,) bool."""
    here = present(one)
    apart = (one.clocks["count"] != other.clocks["count"]) | (one.clocks["things"] != other.clocks["things"])
    for name in DISCRETE:
        apart |= ((one.cars[name] != other.cars[name]) & here).any(1)
    return np.asarray(apart)


def state_gap(one: Snapshot, other: Snapshot) -> np.ndarray:
    """Largest difference of any car's position, heading or speed, (W,)."""
    gaps = [abs(one.cars[name] - other.cars[name]) for name in CONTINUOUS]
    return np.asarray(np.where(present(one), np.maximum.reduce(gaps), 0.0).max(1))


def present(worlds: Snapshot) -> np.ndarray:
    """Which of the cars are in a world, (W, V) bool."""
    return np.asarray(np.arange(worlds.cars.shape[1]) < worlds.clocks["things"][:, None])

