"""What a simulator's worlds share, what they are asked, and what came of it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from drive_gen.envs.simulator.goals import Goals
from drive_gen.envs.simulator.lines import Lines
from drive_gen.envs.simulator.logs import Logs
from drive_gen.envs.simulator.spawn import Spawn
from drive_gen.envs.simulator.types import Network, Rules

WAIT, STEP, BEGIN = range(3)  # what a world is due for


class Place(NamedTuple):
    """What all worlds of a simulator share."""

    network: Network
    rules: Rules
    goals: Goals
    spawn: Spawn
    lines: Lines  # the road as drive_gen's own observation sees it
    idm_ego: bool  # IDM and MOBIL drive the ego
    logs: Logs  # what logged cars did; no rows where there are none


class Wanted(NamedTuple):
    """What the worlds are to do next."""

    due: np.ndarray  # (W,) int8: WAIT, STEP or BEGIN
    given: np.ndarray  # (W, A) int64, meta-actions as given, not checked yet
    known: np.ndarray  # (5,) int64, what each of META_ACTIONS means here
    meta: np.ndarray  # (W, A) int64, meta-actions of the controlled cars
    efforts: np.ndarray  # (W, A) float64, what a reward reads of each car's action
    controls: np.ndarray  # (W, A, 2) m/s^2 and rad
    read: np.ndarray  # (W,) float64, and of all of a world's, see outcome.outcome
    taken: np.ndarray  # (W, D) int8, the first controlled car's meta-actions so far; no rows without a tape


class Results(NamedTuple):
    """What a policy step came to, an entry a world (W,)."""

    reward: np.ndarray  # float64
    terminated: np.ndarray  # bool
    truncated: np.ndarray  # bool
    full: np.ndarray  # bool: a car came for which there was no room
    speed: np.ndarray  # float64, the first controlled car's, m/s; 0 where there is none
    crashed: np.ndarray  # bool, it has
    off_road: np.ndarray  # bool, it is


def blank_results(worlds: int) -> Results:
    """Results of so many worlds."""
    def flags() -> np.ndarray:
        return np.zeros(worlds, np.bool_)

    return Results(np.zeros(worlds), flags(), flags(), flags(), np.zeros(worlds), flags(), flags())
