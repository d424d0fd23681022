"""A world's Rules, from its state and highway-env's config."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

import numpy as np

from drive_gen.envs.files import InputError
from drive_gen.envs.simulator.types import (
    IDM,
    LANDMARK,
    LINEAR,
    MDP,
    OBSTACLE,
    RULES,
    SPEEDS_MOST,
    VEHICLE,
    Rules,
)
from drive_gen.envs.world import IdmConstants, WorldState

# Classes that the simulator moves, and as what; "Intersection..." are highway-env's own under other names.
CLASSES = {"Vehicle": VEHICLE, "MDPVehicle": MDP, "IdmEgo": IDM, "IDMVehicle": IDM, "IntersectionIdm": IDM,
           "LinearVehicle": LINEAR, "AggressiveVehicle": LINEAR, "DefensiveVehicle": LINEAR,
           "IntersectionLinear": LINEAR, "IntersectionAggressive": LINEAR, "IntersectionDefensive": LINEAR,
           "Obstacle": OBSTACLE, "Landmark": LANDMARK}
EGO_CLASS = "IdmEgo"
# Drivers' parameters in Rules, and their names in IdmConstants.
DRIVERS = {"min_acc_gain": "lane_change_min_acc_gain", "lane_change_delay": "lane_change_delay",
           "max_braking_imposed": "lane_change_max_braking_imposed",
           **{name: name for name in ("acc_max", "comfort_acc_max", "comfort_acc_min", "distance_wanted",
                                      "time_wanted", "politeness")}}
REGULATIONS_HZ = 2  # RegulatedRoad.REGULATION_FREQUENCY
MOST_SPEED_MPS = 40.0  # Vehicle.MAX_SPEED, and -MIN_SPEED
ACCELERATION_MPS2, STEERING_RAD = (-5.0, 5.0), (-np.pi / 4, np.pi / 4)  # ContinuousAction's


def traffic_classes(state: WorldState) -> set[str]:
    """Names of the classes of the vehicles that drive themselves."""
    return {name for name in state.classes if CLASSES.get(name) in (IDM, LINEAR) and name != EGO_CLASS}


def rules_of(state: WorldState, settings: Mapping[str, Any]) -> Rules:
    """The constants of a world; `settings` is highway-env's resolved config of its environment."""
    if state.target_speeds.size > SPEEDS_MOST:
        raise InputError(f"the simulator knows up to {SPEEDS_MOST} target speeds, "
                         f"got {state.target_speeds.size}")
    dt_s = 1 / settings["simulation_frequency"]
    regulated = "initial_vehicle_count" in settings  # the intersection's own setting
    rules = np.zeros(1, RULES)
    values = {
        "speeds": max(state.target_speeds.size, 1), "dt_s": dt_s, "square": 2.0,
        "frames": int(settings["simulation_frequency"] // settings["policy_frequency"]),
        "policy_s": 1 / settings["policy_frequency"],
        "regulation": int(1 / dt_s / REGULATIONS_HZ) if regulated else 0,
        "connected": settings["neighbour_vehicles_connected_lanes"], **_action_values(settings["action"]),
        **_driver_values(_traffic(state, settings))}
    for name, value in values.items():
        rules[name] = value
    rules["target_speeds"][0, : state.target_speeds.size] = state.target_speeds
    return cast(Rules, rules[0])


def _traffic(state: WorldState, settings: Mapping[str, Any]) -> IdmConstants:
    """Parameters of the class of the traffic; racetracks have IDM vehicles, whatever is configured."""
    present, configured = traffic_classes(state), str(settings["other_vehicles_type"]).rsplit(".", 1)[1]
    if present <= {configured}:
        return state.idm
    if present == {"IDMVehicle"}:
        return IdmConstants()
    raise InputError(f"the simulator moves traffic of one class, configured is {configured}, this world has "
                     f"{', '.join(sorted(present))}")


def _driver_values(traffic: IdmConstants) -> dict[str, tuple[float, float]]:
    """Parameters of the traffic and of IdmEgo, which has IDMVehicle's but for what the intersection sets."""
    ego = replace(IdmConstants(), distance_wanted=traffic.distance_wanted,
                  comfort_acc_max=traffic.comfort_acc_max, comfort_acc_min=traffic.comfort_acc_min)
    values = {ours: (getattr(traffic, theirs), getattr(ego, theirs)) for ours, theirs in DRIVERS.items()}
    scale = 2 * float(np.sqrt(-traffic.comfort_acc_max * traffic.comfort_acc_min))
    return {**values, "braking_scale": (scale, scale)}


def _action_values(action: Mapping[str, Any]) -> dict[str, Any]:
    """What a config's kind of action says; of several cars, each one's."""
    action = action.get("action_config", action)
    speeds = action.get("speed_range") or (-MOST_SPEED_MPS, MOST_SPEED_MPS)
    acceleration = action.get("acceleration_range") or ACCELERATION_MPS2
    steering = action.get("steering_range") or STEERING_RAD
    return {"continuous": action["type"] != "DiscreteMetaAction", "lateral": action.get("lateral", True),
            "longitudinal": action.get("longitudinal", True), "least_speed": speeds[0],
            "most_speed": speeds[1], "least_acceleration": acceleration[0],
            "most_acceleration": acceleration[1], "least_steering": steering[0], "most_steering": steering[1]}
