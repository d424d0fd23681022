"""highway-env's own worlds step by step, as the simulator's records, for its tests."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import warnings
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import gymnasium
import numpy as np
import pytest

from drive_gen.envs.reference import EnvConfig, export_state, make_stock
from drive_gen.envs.simulator.convert import cars_of, rules_of
from drive_gen.envs.simulator.network import network_of
from drive_gen.envs.simulator.rounding import PLAIN_ROUNDING
from drive_gen.envs.simulator.types import Network
from drive_gen.envs.world import SUPPORTED, WorldState


@dataclass(frozen=True, eq=False)
class Step:
    """What highway-env returned, and the records of the state that it saw then."""

    cars: np.ndarray
    world: Any
    rules: Any
    action: Any
    observation: Any
    reward: float
    terminated: bool
    truncated: bool
    info: dict[str, Any]
    state: WorldState


class Run:
    """A stock environment that exports its state whenever it has made an observation."""

    def __init__(self, env: str, **config: Any) -> None:
        self.stock = make(env, config)
        self.world: Any = self.stock.unwrapped
        self._seen: list[WorldState] = []
        inform = self.world._info

        def watched(*arguments: Any, **named: Any) -> Any:
            self._seen.append(export_state(self.stock))
            return inform(*arguments, **named)

        self.world._info = watched

    def reset(self, seed: int) -> Step:
        observation, info = self.stock.reset(seed=seed)
        self.network: Network = network_of(self.stock)
        return self._step(None, observation, 0.0, False, False, info)

    def step(self, action: Any) -> Step:
        return self._step(action, *self.stock.step(action))

    def now(self) -> tuple[np.ndarray, Any, Any]:
        """The records of the state between two steps: an intersection has cleared and spawned vehicles."""
        return records(export_state(self.stock), self.network, self.world.config)

    def actions(self, seed: int, count: int) -> list[Any]:
        """Random actions in highway-env's own form."""
        space = self.world.action_space
        space.seed(seed)
        return [as_float64(space.sample()) for _ in range(count)]

    def _step(self, action: Any, observation: Any, reward: Any, terminated: Any, truncated: Any,
              info: dict[str, Any]) -> Step:
        state = self._seen[-1]
        cars, world, rules = records(state, self.network, self.world.config)
        return Step(cars, world, rules, action, observation, float(reward), bool(terminated), bool(truncated),
                    info, state)


def make(env: str, config: dict[str, Any]) -> gymnasium.Env[Any, Any]:
    """A stock environment; those that make_stock knows by it: it guards IDMVehicle against intersections."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if env not in SUPPORTED:
            return gymnasium.make(env, config=config, disable_env_checker=True)
        stock = make_stock(EnvConfig(env=env))
        stock.unwrapped.config.update(config)  # type: ignore[attr-defined]
        return stock


def records(state: WorldState, network: Network, config: dict[str, Any]) -> tuple[np.ndarray, Any, Any]:
    """Cars, world and rules of a state."""
    return *cars_of(state, network), rules_of(state, config)


def as_float64(action: Any) -> Any:
    """An action with its controls as float64; of float32 ones highway-env computes in float32."""
    if isinstance(action, tuple):
        return tuple(as_float64(part) for part in action)
    return action.astype(float) if isinstance(action, np.ndarray) else action


def interpreted(module: ModuleType, folder: Path, old: str, new: str) -> ModuleType:
    """A module of the simulator as plain Python, one piece of its source replaced."""
    source = Path(str(module.__file__)).read_text()
    assert source.count(old) == 1
    path = folder / "mutant.py"
    path.write_text(source.replace(old, new).replace(
        "from drive_gen.envs.simulator.lean import lean", "lean = lambda function, inline=True: function"))
    spec = importlib.util.spec_from_file_location("mutant", path)
    assert spec is not None
    assert spec.loader is not None
    mutant = importlib.util.module_from_spec(spec)
    sys.modules["mutant"] = mutant  # where the type hints of its records are looked up
    spec.loader.exec_module(mutant)
    return mutant


def in_plain_rounding(file: str) -> list[str]:
    """What a test file, run as a script, finds different in a process whose numpy leaves AVX-512 alone."""
    environment = {**os.environ, **PLAIN_ROUNDING, "PYTHONWARNINGS": "ignore"}
    run = subprocess.run([sys.executable, file], env=environment, capture_output=True, text=True, timeout=300,
                         check=True)
    report: dict[str, Any] = json.loads(run.stdout.splitlines()[-1])
    if not report["same_rounding"]:
        pytest.skip("this machine's numpy does not round as the C library, whatever it is told")
    found: list[str] = report["differences"]
    return found
