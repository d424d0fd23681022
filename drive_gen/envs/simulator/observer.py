"""Observer: what highway-env's own observations would be of a simulator's controlled cars."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gymnasium
import numpy as np

from drive_gen.envs.files import InputError
from drive_gen.envs.simulator.observations import observation_of
from drive_gen.envs.simulator.observe_all import see_collisions, see_grid, see_kinematics
from drive_gen.envs.simulator.place import Place
from drive_gen.envs.simulator.sharing import share
from drive_gen.envs.world import WorldState

_LOOPS: dict[str, Any] = {"kinematics": see_kinematics, "collisions": see_collisions, "grid": see_grid}
LOOK_US = 10.0  # of one world


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
              len(clocks), threads, LOOK_US)
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
