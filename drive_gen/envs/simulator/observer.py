"""Observer: what highway-env's own observations would be of a simulator's controlled cars."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gymnasium
import numpy as np

from drive_gen.envs.files import InputError
from drive_gen.envs.simulator.jit import compiled
from drive_gen.envs.simulator.nearest import Near
from drive_gen.envs.simulator.observations import observation_of
from drive_gen.envs.simulator.observe_collisions import DEPTH, Collisions, observe_collisions
from drive_gen.envs.simulator.observe_grid import Grid, observe_grid
from drive_gen.envs.simulator.observe_kinematics import Kinematics, observe_kinematics
from drive_gen.envs.simulator.place import Place
from drive_gen.envs.simulator.sharing import share
from drive_gen.envs.world import WorldState


class Observer:
    """One of highway-env's observation configs, for A controlled cars in each of W worlds.

    `space` is one car's; `array` (W, A, ...) is overwritten by `look`, zeros where a world has fewer cars.
    """

    def __init__(self, config: Mapping[str, Any], settings: Mapping[str, Any], state: WorldState, worlds: int,
                 agents: int) -> None:
        if config.get("type") == "MultiAgentObservation":
            config = config["observation_config"]
        made = observation_of({**settings, "observation": config}, state)
        self.space: gymnasium.spaces.Box = made.space  # type: ignore[assignment]  # of one car it is no Tuple
        self.array = np.zeros((worlds, agents, *self.space.shape), self.space.dtype)
        self._settings, self._loop = made.settings, _LOOPS[made.kind]

    def look(self, cars: np.ndarray, clocks: np.ndarray, place: Place, threads: int) -> np.ndarray:
        """The observations now."""
        share(lambda first, last: self._loop(cars, clocks, place, self._settings, self.array, first, last),
              len(clocks), threads)
        return self.array


def config_of(asked: str | Mapping[str, Any], settings: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """highway-env's observation config where it is asked for, by name or in full; None for drive_gen's."""
    if isinstance(asked, Mapping):
        return asked
    if asked not in ("drive_gen", "highway-env"):
        raise InputError(f"observation is {asked!r}, expected drive_gen, highway-env or a config such as "
                         "{'type': 'TimeToCollision'}")
    config: Mapping[str, Any] = settings["observation"]
    return config if asked == "highway-env" else None


@compiled
def _see_kinematics(cars: np.ndarray, clocks: np.ndarray, place: Place, seen: Kinematics, out: np.ndarray,
                    first: int, last: int) -> None:
    near = Near(np.zeros(seen.rows - 1, np.int64), np.zeros(seen.rows - 1))
    for number in range(first, last):
        row = 0
        for car in range(clocks[number].count):
            if cars[number, car].controlled and row < out.shape[1]:
                observe_kinematics(cars[number], clocks[number], place.network, seen, car, near,
                                   out[number, row])
                row += 1
        out[number, row:] = 0


@compiled
def _see_collisions(cars: np.ndarray, clocks: np.ndarray, place: Place, seen: Collisions, out: np.ndarray,
                    first: int, last: int) -> None:
    stack = np.zeros((1 + DEPTH * place.network.out_of.shape[1], 3), np.int64)  # as stack_of
    for number in range(first, last):
        row = 0
        for car in range(clocks[number].count):
            if cars[number, car].controlled and row < out.shape[1]:
                observe_collisions(cars[number], clocks[number], place.network, place.rules, seen, car, stack,
                                   out[number, row])
                row += 1
        out[number, row:] = 0


@compiled
def _see_grid(cars: np.ndarray, clocks: np.ndarray, place: Place, seen: Grid, out: np.ndarray, first: int,
              last: int) -> None:
    for number in range(first, last):
        row = 0
        for car in range(clocks[number].count):
            if cars[number, car].controlled and row < out.shape[1]:
                observe_grid(cars[number], clocks[number], place.network, seen, car, out[number, row])
                row += 1
        out[number, row:] = 0


_LOOPS: dict[str, Any] = {"kinematics": _see_kinematics, "collisions": _see_collisions, "grid": _see_grid}
