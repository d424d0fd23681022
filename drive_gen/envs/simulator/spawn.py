"""What a reset needs to know of an environment: the Spawn that `spawning.spawning_of` builds."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from drive_gen.envs.simulator.types import _record

# Families of resets.
HIGHWAY, EXIT, MERGE, MERGE_GENERIC, PLACED, ROUNDABOUT_GENERIC, RACETRACK, INTERSECTION = range(8)
RANDOM = -1  # a lane or a destination that is drawn
LINEAR_PARAMETERS = 5


class Plan:
    """How a family's worlds begin: the fields of a PLAN record. What a family does not use is 0."""

    family: int
    controlled: int
    vehicles: int  # other than those, as many as there is room for
    lanes: int  # of which a first lane is drawn
    ego_lane: int  # highway: place of its lane, or RANDOM
    ego_destination: int  # intersection: place in the routes' table, or RANDOM
    destination: int  # of the traffic: place in the table, or RANDOM
    destinations: int  # that it is drawn from: the table's first
    regulated_frames: int  # intersection: before the ego comes
    ego_spacing: float
    spacing: float
    crowding: float  # share of the spacing that so many lanes leave
    within_m: float  # merge-generic: cars begin up to here
    spawn_probability: float  # intersection: after each policy step


class Placement:
    """One of the traffic's cars: the fields of a PLACEMENT record. Spreads are standard deviations."""

    lane: int
    destination: int  # in the table, or RANDOM; -2 where it has no route
    target_lane: int
    along: float
    along_spread: float
    speed: float
    speed_spread: float
    is_random: bool  # its behaviour is


PLAN, PLACEMENT = _record(Plan), _record(Placement)
NO_ROUTE = -2


class Spawn(NamedTuple):
    """A reset's constants. Cars are records of CAR: those that each world copies, then changes or keeps."""

    plan: Plan  # a record of PLAN
    ego: np.ndarray  # (1,) of CAR; where it begins at one place, it is there
    traffic: np.ndarray  # (1,) of CAR, the timer holding LANE_CHANGE_DELAY, of which a timer is the remainder
    last: np.ndarray  # (0 or 1,) of CAR: the vehicle that is added after the others
    objects: np.ndarray  # (O,) of CAR: the road's obstacles
    placements: np.ndarray  # (P,) of PLACEMENT
    behavior: np.ndarray  # (2, 6) least value and span of LinearVehicle's 5 parameters and of IDM's exponent
    routes: np.ndarray  # (D, N, ROUTE_MOST) int16, roads from a node to a destination; NOBODY fills up
    chances: np.ndarray  # (L,) cumulated, of a car's lane
    starts: np.ndarray  # (S,) m along their lanes, of cars that are there from the first frame
    exits: np.ndarray  # (R,) bool, roads that lead out of an intersection


def capacity_of(spawn: Spawn) -> int:
    """Cars for which a world needs room: vehicles and objects."""
    return int(spawn.plan.controlled + spawn.plan.vehicles) + len(spawn.last) + len(spawn.objects)
