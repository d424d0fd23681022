"""Each environment's way to begin, from highway-env's config dict; the numbers are its _make_vehicles'."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from drive_gen.envs.files import InputError
from drive_gen.envs.simulator import spawn as kinds
from drive_gen.envs.simulator.reset_straight import EGO_M, EGO_MPS, MERGE_CARS
from drive_gen.envs.simulator.spawn import RANDOM
from drive_gen.envs.world import LaneKey

ENTRIES = 4  # roads into an intersection


@dataclass(frozen=True)
class Recipe:
    """What differs between environments; lanes and destinations by highway-env's names."""

    plan: Mapping[str, float]  # fields of PLAN
    ego_speed: float  # m/s
    ego: tuple[LaneKey, float] | None = None  # lane and m along, where it always begins there
    ego_destination: str | None = None
    last: tuple[LaneKey, float, float] | None = None  # lane, m along and m/s of the last vehicle
    last_target_speed: float = 0.0  # m/s
    placements: tuple[dict[str, Any], ...] = ()  # fields of PLACEMENT
    destinations: tuple[str, ...] = ()
    traffic: dict[str, bool] = field(default_factory=dict)  # fields of CAR that the traffic has
    traffic_class: str | None = None  # where the config does not say
    chances: tuple[float, ...] = ()
    starts: tuple[float, ...] = ()


def _queueing(settings: Mapping[str, Any], family: int) -> dict[str, float]:
    return {"family": family, "controlled": settings["controlled_vehicles"], "lanes": settings["lanes_count"],
            "vehicles": settings["vehicles_count"], "ego_spacing": settings["ego_spacing"],
            "spacing": 1 / settings["vehicles_density"],
            "crowding": np.exp(-5 / 40 * settings["lanes_count"])}


def _highway(settings: Mapping[str, Any], world: Any) -> Recipe:
    lane = settings["initial_lane_id"]
    plan = {**_queueing(settings, kinds.HIGHWAY), "ego_lane": RANDOM if lane is None else lane}
    return Recipe(plan, EGO_MPS)


def _highway_fast(settings: Mapping[str, Any], world: Any) -> Recipe:
    recipe = _highway(settings, world)
    return Recipe(recipe.plan, EGO_MPS, traffic={"checks": False})


def _exit(settings: Mapping[str, Any], world: Any) -> Recipe:
    lanes = np.arange(settings["lanes_count"])
    cumulated = (lanes / lanes.sum()).cumsum()
    return Recipe(_queueing(settings, kinds.EXIT), EGO_MPS, destinations=("3",),
                  chances=tuple(cumulated / cumulated[-1]), traffic={"changes_lanes": False})


def _merge(settings: Mapping[str, Any], world: Any) -> Recipe:
    plan = {"family": kinds.MERGE, "controlled": 1, "vehicles": len(MERGE_CARS), "lanes": 2}
    return Recipe(plan, 30.0, ego=(("a", "b", 1), EGO_M), last=(("j", "k", 0), 110.0, 20.0),
                  last_target_speed=30.0)


def _merge_generic(settings: Mapping[str, Any], world: Any) -> Recipe:
    lanes = settings["lanes_count"]
    within_m = sum(settings[f"{part}_merge_length"] for part in ("before", "converge", "parallel"))
    plan = {"family": kinds.MERGE_GENERIC, "controlled": 1, "vehicles": settings["vehicles_count"],
            "lanes": lanes, "within_m": within_m}
    return Recipe(plan, 30.0, ego=(("a", "b", lanes - 1), EGO_M), last=(("j", "k", 0), EGO_M + 30, 20.0),
                  last_target_speed=30.0)


def _placed(*placements: dict[str, Any]) -> dict[str, float]:
    return {"family": kinds.PLACED, "controlled": 1, "vehicles": len(placements), "destinations": 3}


def _about(lane: LaneKey, along: float, speed: float, along_spread: float = 2.0, speed_spread: float = 2.0,
           **more: Any) -> dict[str, Any]:
    return {"lane": lane, "along": along, "along_spread": along_spread, "speed": speed,
            "speed_spread": speed_spread, **more}


def _roundabout(settings: Mapping[str, Any], world: Any) -> Recipe:
    incoming = settings["incoming_vehicle_destination"]
    drawn: dict[str, Any] = {"destination": RANDOM, "is_random": True}
    first = drawn if incoming is None else {**drawn, "destination": incoming % 3}  # -1 is a list's last
    cars = ((("we", "sx", 1), 5.0, first), (("we", "sx", 0), 20.0, drawn), (("we", "sx", 0), -20.0, drawn),
            (("eer", "ees", 0), 50.0, drawn))
    placements = tuple(_about(lane, along, 16.0, **more) for lane, along, more in cars)
    return Recipe(_placed(*placements), 8.0, ego=(("ser", "ses", 0), 125.0), ego_destination="nxs",
                  placements=placements, destinations=("exr", "sxr", "nxr", "nxs"))


def _roundabout_generic(settings: Mapping[str, Any], world: Any) -> Recipe:
    incoming = settings["incoming_vehicle_destination"]
    plan = {"family": kinds.ROUNDABOUT_GENERIC, "controlled": 1, "vehicles": settings["vehicles_count"],
            "destinations": 4}
    destination = RANDOM if incoming is None else min(incoming, 3) % 4
    roads = (("we", "sx"), ("sx", "se"), ("ee", "nx"), ("nx", "ne"), ("eer", "ees"), ("ner", "nes"),
             ("wer", "wes"))
    length = world.road.network.get_lane(("ser", "ses", 0)).length
    return Recipe(plan, 8.0, ego=(("ser", "ses", 0), length - 2.5), ego_destination="nxs",
                  placements=tuple(_about((*road, 0), 0.0, 14.0, destination=destination) for road in roads),
                  destinations=("exr", "sxr", "nxr", "wxr", "nxs"))


def _two_way(settings: Mapping[str, Any], world: Any) -> Recipe:
    same = (_about(("a", "b", 1), 70.0 + 40.0 * number, 24.0, 10.0) for number in range(3))
    oncoming = (_about(("b", "a", 0), 200.0 + 100.0 * number, 20.0, 10.0, 5.0, target_lane=("b", "a", 0))
                for number in range(2))
    placements = (*same, *oncoming)
    return Recipe(_placed(*placements), 30.0, ego=(("a", "b", 1), 30.0), placements=placements,
                  traffic={"changes_lanes": False})


def _u_turn(settings: Mapping[str, Any], world: Any) -> Recipe:
    cars = ((("a", "b", 0), 25.0, 13.5), (("a", "b", 1), 56.0, 14.5), (("b", "c", 1), 0.5, 4.5),
            (("b", "c", 0), 17.5, 5.5), (("c", "d", 0), 1.0, 3.5), (("c", "d", 1), 30.0, 5.5))
    placements = tuple(_about(*car, destination=0, is_random=number == 0) for number, car in enumerate(cars))
    return Recipe(_placed(*placements), 16.0, ego=(("a", "b", 0), 0.0), ego_destination="d",
                  placements=placements, destinations=("d",))


def _racetrack(settings: Mapping[str, Any], world: Any) -> Recipe:
    if 0 in (settings.get("length"), settings.get("no_lanes")):
        raise InputError("with length or no_lanes 0 highway-env draws an oval from no seed at all; set both")
    plan = {"family": kinds.RACETRACK, "controlled": settings["controlled_vehicles"],
            "vehicles": settings["other_vehicles"], "lanes": settings.get("no_lanes", 2)}
    return Recipe(plan, 0.0, placements=({"lane": ("b", "c", 0)},),
                  traffic_class="highway_env.vehicle.behavior.IDMVehicle")


def _intersection(settings: Mapping[str, Any], world: Any) -> Recipe:
    count, destinations = settings["initial_vehicle_count"], [f"o{number}" for number in range(ENTRIES)]
    destination = settings["destination"]
    if destination and destination not in destinations:
        destinations.append(destination)
    starts = np.linspace(0, 80, max(count, 1))[: max(count - 1, 0)]
    plan = {"family": kinds.INTERSECTION, "controlled": settings["controlled_vehicles"],
            "vehicles": len(starts) + 1 + _arrivals(settings), "destinations": ENTRIES,
            "ego_destination": destinations.index(destination) if destination else RANDOM,
            "regulated_frames": 3 * settings["simulation_frequency"],
            "spawn_probability": settings["spawn_probability"]}
    entries = tuple({"lane": (f"o{number}", f"ir{number}", 0)} for number in range(ENTRIES))
    return Recipe(plan, 10.0, placements=entries, destinations=tuple(destinations), starts=tuple(starts))


def _arrivals(settings: Mapping[str, Any]) -> int:
    """The most cars that come to an intersection in an episode.

    One comes at most a policy step, and to a road one at most a second: the one before it has to be 15 m
    away, at the 8 to 10 m/s of the traffic.
    """
    duration = math.ceil(settings["duration"])
    return int(min(math.ceil(settings["duration"] * settings["policy_frequency"]), ENTRIES * (duration + 1)))


RECIPES: dict[str, Callable[[Mapping[str, Any], Any], Recipe]] = {
    "highway": _highway, "highway-fast": _highway_fast, "exit": _exit, "merge": _merge,
    "merge-generic": _merge_generic, "roundabout": _roundabout, "roundabout-generic": _roundabout_generic,
    "two-way": _two_way, "u-turn": _u_turn, "racetrack": _racetrack, "racetrack-large": _racetrack,
    "racetrack-oval": _racetrack, "intersection": _intersection}
