"""Between WorldState, which highway-env's worlds export, and the kernel's World and Rules."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

import numpy as np

from drive_gen.envs.files import InputError
from drive_gen.envs.kernel_types import RULES, SPEEDS_MOST, VEHICLE, Rules, World
from drive_gen.envs.world import WorldState

VEHICLES = ("MDPVehicle", "IDMVehicle", "IdmEgo")  # classes the kernel moves
MOVING = ("heading", "speed", "lane", "target_lane", "target_speed", "speed_index", "timer", "crashed",
          "has_impact")
PAIRS = {"position": ("x", "y"), "action": ("acceleration", "steering"), "impact": ("impact_x", "impact_y")}

# Environment variables under which numpy computes as the C library does, see `same_rounding`.
PLAIN_ROUNDING = {"NPY_DISABLE_CPU_FEATURES": "X86_V4 AVX512_ICL AVX512_SPR", "OPENBLAS_CORETYPE": "Haswell"}


def world_of(state: WorldState) -> World:
    """The kernel's own copy of a straight highway's vehicles; an InputError names what it cannot move."""
    _check(state)
    world = np.zeros(state.vehicles, VEHICLE)
    for name in (*MOVING, "delta", "length", "width"):
        world[name] = getattr(state, name)
    for name, (first, second) in PAIRS.items():
        world[first], world[second] = getattr(state, name).T
    world["cosine"], world["sine"] = np.cos(state.heading), np.sin(state.heading)
    world["is_idm"], world["checks"] = _is_idm(state), state.check_collisions
    return world


def rules_of(state: WorldState, settings: Mapping[str, Any]) -> Rules:
    """The constants of a world; `settings` is highway-env's resolved config of its environment."""
    values = {
        "speeds": max(state.target_speeds.size, 1), "ego": np.flatnonzero(state.controlled)[0],
        "frames": int(settings["simulation_frequency"] // settings["policy_frequency"]),
        "dt_s": 1 / settings["simulation_frequency"],
        "min_acc_gain": state.idm.lane_change_min_acc_gain,
        "max_braking_imposed": state.idm.lane_change_max_braking_imposed,
        "slow_mps": settings["reward_speed_range"][0], "fast_mps": settings["reward_speed_range"][1],
        **{name: getattr(state, name) for name in ("lanes", "lane_width", "road_length", "speed_limit")},
        **{name: getattr(state.idm, name) for name in (
            "acc_max", "comfort_acc_max", "comfort_acc_min", "distance_wanted", "time_wanted",
            "lane_change_delay")},
        **{name: settings[name] for name in ("collision_reward", "right_lane_reward", "high_speed_reward",
                                             "normalize_reward", "offroad_terminal")}}
    rules = np.zeros(1, RULES)
    for name, value in values.items():
        rules[name] = value
    rules["target_speeds"][0, : state.target_speeds.size] = state.target_speeds
    return cast(Rules, rules[0])


def state_after(state: WorldState, world: World, time_s: float, steps: int) -> WorldState:
    """`state` with the vehicles as `world` has them, at another time, s, and count of frames."""
    values: dict[str, Any] = {name: world[name].copy() for name in MOVING}
    for name, (first, second) in PAIRS.items():
        values[name] = np.stack((world[first], world[second]), axis=-1)
    values["impact"][~world["has_impact"]] = 0.0
    return replace(state, **values, time=time_s, steps=steps)


def same_rounding(samples: int = 2000) -> bool:
    """Whether this machine's numpy and the kernel round alike, so that equality with highway-env is bitwise.

    On a CPU with AVX-512 numpy computes tan, arctan, arcsin and powers with a vector library of its own, and
    OpenBLAS fuses the multiply and add of dot products; both differ from plain arithmetic in the last place.
    The variables in PLAIN_ROUNDING, set before Python starts, make such a machine round alike too.
    """
    values, others = np.random.default_rng(0).uniform(-1, 1, (2, samples, 2))
    by_numpy = [(np.tan(a), np.arctan(a), np.arcsin(a), np.power(abs(a), b + 4)) for a, b in values]
    plain = [(math.tan(a), math.atan(a), math.asin(a), abs(a) ** (b + 4)) for a, b in values.tolist()]
    products = (values * others).tolist()
    dots = [np.dot(one, other) for one, other in zip(values, others, strict=True)]
    return by_numpy == plain and dots == [a + b for a, b in products]


def _is_idm(state: WorldState) -> np.ndarray:
    return np.array([name != "MDPVehicle" for name in state.classes])


def _check(state: WorldState) -> None:
    if not state.lanes:
        raise InputError("the kernel moves straight highways only (highway-v0, highway-fast-v0); "
                         "step other roads with highway-env itself")
    if unknown := sorted(set(state.classes) - set(VEHICLES)):
        raise InputError(f"the kernel moves {' and '.join(VEHICLES)} only, this world has "
                         f"{', '.join(unknown)}; set traffic to idm and actions to meta")
    if state.idm.politeness or not state.enable_lane_change[_is_idm(state)].all():
        raise InputError("the kernel knows IDM traffic that changes lanes without politeness only")
    if state.target_speeds.size > SPEEDS_MOST:
        raise InputError(f"the kernel knows up to {SPEEDS_MOST} target speeds, "
                         f"got {state.target_speeds.size}")
    if any(route is not None for route in state.routes):
        raise InputError("the kernel knows no routes; step this world with highway-env itself")
    if not state.controlled.sum() == 1:
        raise InputError(f"the kernel steps worlds with one ego, this one has {int(state.controlled.sum())}")
