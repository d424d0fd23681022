"""Frames of the simulator beside highway-env's, for its tests."""

from __future__ import annotations

import importlib
import shutil
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from simulator_worlds import make

from drive_gen.envs.episode import META_ACTIONS
from drive_gen.envs.reference import export_state, replace_ego
from drive_gen.envs.simulator import step
from drive_gen.envs.simulator.control import commands_of
from drive_gen.envs.simulator.convert import cars_of, rules_of, state_after
from drive_gen.envs.simulator.network import network_of
from drive_gen.envs.simulator.order import scratch_of
from drive_gen.envs.world import WorldState

PACKAGE = Path(step.__file__).parent
TOLERANCE = 1e-6  # of states, where numpy and the C library differ in the last place
SLOW_MPS = 1.0  # below this, commanded steering magnifies them without bound


@dataclass(frozen=True)
class Case:
    """An episode of random actions: highway-env's id, what differs from its config, and how long."""

    env: str
    config: dict[str, Any] = field(default_factory=dict)
    seed: int = 0
    steps: int = 4
    idm_ego: bool = False
    action: int | None = None  # in highway-env's own numbers, where all are the same


def two(action: dict[str, Any]) -> dict[str, Any]:
    """Two cars, an action each."""
    return {"action": {"type": "MultiAgentAction", "action_config": action}, "controlled_vehicles": 2,
            "observation": {"type": "MultiAgentObservation", "observation_config": {"type": "Kinematics"}}}


def traffic(name: str) -> dict[str, Any]:
    """The class of the traffic."""
    return {"other_vehicles_type": f"highway_env.vehicle.behavior.{name}Vehicle"}


META: dict[str, Any] = {"type": "DiscreteMetaAction"}
CONTROLS: dict[str, Any] = {"type": "ContinuousAction"}
DENSE = {"vehicles_count": 20, "vehicles_density": 2.5}
CASES = [
    Case("highway-v0", {"vehicles_count": 25}, steps=2),
    Case("highway-v0", {**DENSE, "lanes_count": 2, "simulation_frequency": 5}, seed=3, steps=9, action=3),
    Case("highway-fast-v0", {}, seed=1, steps=8),
    Case("highway-fast-v0", DENSE, seed=2, steps=8, action=3),
    Case("highway-fast-v0", {"target_speeds": [5, 12, 19, 26, 33]}, seed=4, idm_ego=True, steps=8),
    Case("highway-fast-v0", {**DENSE, "action": {**CONTROLS, "speed_range": [0, 22]}}, seed=5, steps=8),
    Case("highway-fast-v0", {**two(META), "lanes_count": 4}, seed=6, steps=6),
    Case("highway-fast-v0", {**traffic("Linear"), **DENSE}, seed=7, steps=6),
    Case("highway-fast-v0", {**traffic("Aggressive"), **DENSE}, seed=8, steps=6),
    Case("highway-fast-v0", {**traffic("Defensive"), **DENSE}, seed=9, steps=6),
    Case("exit-v0", {"vehicles_count": 10}, steps=17, action=2),
    Case("exit-v1", {"vehicles_count": 10}, seed=1, steps=8),
    Case("merge-v0", {}, steps=11),
    Case("merge-v0", traffic("Aggressive"), seed=2, steps=11, action=3),
    Case("merge-v1", {}, seed=1, steps=11, idm_ego=True),
    Case("merge-generic-v0", {"lanes_count": 3, "vehicles_count": 6}, steps=8),
    Case("merge-generic-v1", {"vehicles_count": 8}, seed=1, steps=8, action=3),
    Case("roundabout-v0", {}, steps=8),
    Case("roundabout-v1", traffic("Linear"), seed=1, steps=8),
    Case("roundabout-generic-v0", {"roundabout_lanes": 3}, steps=8),
    Case("roundabout-generic-v1", {}, seed=2, steps=8),
    Case("two-way-v0", {}, steps=10, action=3),
    Case("two-way-v0", {}, seed=1, steps=8),
    Case("u-turn-v0", {}, steps=8, action=3),
    Case("u-turn-v1", traffic("Defensive"), seed=1, steps=8),
    Case("intersection-v0", {"initial_vehicle_count": 6}, steps=6, action=2),
    Case("intersection-v0", {"initial_vehicle_count": 6, "action": CONTROLS}, seed=1, steps=4),
    Case("intersection-v2", {"initial_vehicle_count": 8}, seed=2, steps=6),
    Case("intersection-multi-agent-v0", {"initial_vehicle_count": 4}, seed=3, steps=4),
    Case("racetrack-v0", {"other_vehicles": 3}, steps=15),
    Case("racetrack-v1", two({**CONTROLS, "lateral": False}), seed=1, steps=12),
    Case("racetrack-oval-v0", {"block_lane": True}, seed=2, steps=12),
    Case("racetrack-large-v1", {"action": CONTROLS}, seed=3, steps=12)]


# --- the comparison ---------------------------------------------------------------------------------------


class Engine:
    """The simulator's functions, compiled or not, on one world."""

    def __init__(self, module: ModuleType, state: WorldState, stock: Any) -> None:
        self.module, self.state, self.network = module, state, network_of(stock)
        self.rules = rules_of(state, stock.unwrapped.config)
        self.cars, self.world = cars_of(state, self.network)
        self.scratch = scratch_of(self.cars, self.rules)

    def decide(self, actions: np.ndarray, controls: np.ndarray) -> None:
        self.module.decide(self.cars, self.world, self.network, self.rules, self.scratch, actions, controls)

    def frame(self) -> WorldState:
        self.module.simulate_frame(self.cars, self.world, self.network, self.rules, self.scratch)
        return state_after(self.state, self.cars, self.world)


def episode(case: Case) -> Iterator[tuple[Any, WorldState, np.ndarray, np.ndarray, list[WorldState]]]:
    """highway-env's policy steps: environment, state before, actions, controls, states after each frame."""
    stock: Any = make(case.env, case.config)
    for name in ("_reward", "_agent_reward"):  # some of highway-env's own fail with controls
        setattr(stock.unwrapped, name, lambda *_: 0.0)
    stock.unwrapped._rewards = lambda action: {}
    stock.reset(seed=case.seed)
    if case.idm_ego:
        replace_ego(stock)
    frames = watched(stock.unwrapped.road, stock)
    stock.action_space.seed(case.seed)
    for _ in range(case.steps):
        before = export_state(stock)
        action = stock.action_space.sample() if case.action is None else case.action
        stock.step(action)
        yield stock, before, *as_simulated(stock, before, action), frames
        frames.clear()


def watched(road: Any, stock: Any) -> list[WorldState]:
    """A list that receives the state after every frame from now on."""
    frames: list[WorldState] = []
    step_once = road.step

    def stepped(dt: float) -> None:
        step_once(dt)
        frames.append(export_state(stock))

    road.step = stepped
    return frames


def as_simulated(stock: Any, state: WorldState, action: Any) -> tuple[np.ndarray, np.ndarray]:
    """An action of highway-env as the simulator's actions and controls."""
    each = action if isinstance(action, tuple) else (action,)
    kinds = stock.unwrapped.action_type
    kinds = getattr(kinds, "agents_action_types", [kinds])
    if not hasattr(kinds[0], "actions"):
        rules = rules_of(state, stock.unwrapped.config)
        return np.zeros(len(each), np.int64), commands_of(np.array(each), rules)
    names = [kinds[0].actions[int(number)] for number in each]
    return np.array([META_ACTIONS.index(name) for name in names], np.int64), np.zeros((len(each), 2))


def differences_from_highway_env(case: Case, exact: bool,
                                 module: ModuleType = step) -> tuple[list[str], Counter[str]]:
    """Where the two part first, and how often what happened in highway-env."""
    engine, events = None, Counter[str]()
    for number, (stock, before, actions, controls, frames) in enumerate(episode(case)):
        if engine is None or before.vehicles != engine.world.count or "intersection" in case.env:
            engine = Engine(module, before, stock)  # an intersection spawns and clears between policy steps
        engine.decide(actions, controls)
        for frame, expected in enumerate(frames):
            if found := parted(engine.frame(), expected, exact):
                return [f"{case} {number}/{frame} {found}"], events
            events += happened(before, expected)
            before = expected
    return [], events


def parted(ours: WorldState, theirs: WorldState, exact: bool) -> list[str]:
    """Names of the fields that differ; highway-env counts a frame (steps) only after it."""
    if not exact:
        ours, theirs = (replace(state, action=state.action * (np.abs(theirs.speed) > SLOW_MPS)[:, None])
                        for state in (ours, theirs))
    return [one.name for one in fields(WorldState) if one.name != "steps"
            and not alike(getattr(ours, one.name), getattr(theirs, one.name), exact)]


def alike(ours: Any, theirs: Any, exact: bool) -> bool:
    """Equality, or but for rounding where that differs."""
    if not isinstance(ours, np.ndarray):
        return bool(ours == theirs)
    real = ours.dtype.kind == "f"
    if exact or not real:
        return ours.dtype == theirs.dtype and np.array_equal(ours, theirs, equal_nan=real)
    return np.allclose(ours, theirs, rtol=0, atol=TOLERANCE, equal_nan=True)


def happened(before: WorldState, after: WorldState) -> Counter[str]:
    """Events of one frame."""
    return Counter({
        "crashes": int((after.crashed & ~before.crashed).sum()),
        "impacts": int((after.has_impact & ~before.has_impact).sum()),
        "decisions": int((after.target_lane != before.target_lane).sum()),
        "lanes changed": int((after.lane != before.lane).sum()),
        "route steps": sum(a != b for a, b in zip(after.routes, before.routes, strict=True)),
        "yields": int(((after.yielding >= 0) & (before.yielding < 0)).sum()),
        "stopped": int((np.abs(after.speed[: after.vehicles]) < 0.1).sum())})


# --- mutants ----------------------------------------------------------------------------------------------


def interpreted_simulator(folder: Path, file: str, old: str, new: str) -> ModuleType:
    """The step module of a simulator in plain Python, one piece of one file's source replaced."""
    name = f"mutant_{folder.name}"
    shutil.copytree(PACKAGE, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for path in (folder / name).glob("*.py"):
        text = path.read_text().replace("drive_gen.envs.simulator", name)
        if path.name == file:
            assert text.count(old) == 1
            text = text.replace(old, new)
        path.write_text(text)
    (folder / name / "lean.py").write_text("lean = lambda function, inline=True: function\n")
    (folder / name / "jit.py").write_text("compiled = lambda function: function\n")
    sys.path.insert(0, str(folder))
    try:
        return importlib.import_module(f"{name}.step")
    finally:
        sys.path.remove(str(folder))
