"""EnvConfig and WorldState: which world it is, and everything it holds. Pure data; no simulator in here."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Literal

import numpy as np

from drive_gen.envs.config import check_choice
from drive_gen.envs.files import InputError

LaneKey = tuple[str, str, int]  # highway-env's lane index: from node, to node, number
RouteStep = tuple[str, str, int | None]
TRAFFIC = ("idm", "aggressive", "defensive", "linear")

# Environment family -> what can be set, and highway-env's key for it. A key highway-env does not read is
# accepted by it in silence, so only those that act are here.
_COMMON = {"policy_hz": "policy_frequency", "simulation_hz": "simulation_frequency"}
_HIGHWAY = {**_COMMON, "lanes": "lanes_count", "vehicles": "vehicles_count", "density": "vehicles_density",
            "duration_s": "duration", "ego_spacing": "ego_spacing", "controlled": "controlled_vehicles"}
_RACETRACK = {**_COMMON, "duration_s": "duration", "vehicles": "other_vehicles",
              "controlled": "controlled_vehicles"}
FAMILIES: dict[str, dict[str, str]] = {
    "highway": {**_HIGHWAY, "initial_lane": "initial_lane_id"},
    "highway-fast": {**_HIGHWAY, "initial_lane": "initial_lane_id"},
    "exit": _HIGHWAY,
    "merge": _COMMON,
    "merge-generic": {**_COMMON, "lanes": "lanes_count", "vehicles": "vehicles_count"},
    "roundabout": {**_COMMON, "duration_s": "duration"},
    "roundabout-generic": {**_COMMON, "duration_s": "duration", "lanes": "roundabout_lanes",
                           "vehicles": "vehicles_count"},
    "two-way": _COMMON,
    "u-turn": {**_COMMON, "duration_s": "duration"},
    "intersection": {**_COMMON, "duration_s": "duration", "vehicles": "initial_vehicle_count",
                     "controlled": "controlled_vehicles"},
    "racetrack": _RACETRACK,
    "racetrack-large": _RACETRACK,
    "racetrack-oval": _RACETRACK,
}
SUPPORTED = ("highway-v0", "highway-fast-v0", "merge-v0", "merge-v1", "merge-generic-v0", "merge-generic-v1",
             "roundabout-v0", "roundabout-v1", "roundabout-generic-v0", "roundabout-generic-v1", "exit-v0",
             "exit-v1", "two-way-v0", "u-turn-v0", "u-turn-v1", "intersection-v0", "intersection-v2",
             "racetrack-v0", "racetrack-v1", "racetrack-large-v0", "racetrack-large-v1", "racetrack-oval-v0",
             "racetrack-oval-v1")
ACTIONS = ("meta", "continuous", "steering")
# Their rewards read a meta-action vehicle's speed index, which a car under direct control lacks.
META_ONLY = ("two-way", "u-turn")
# Theirs ask whether the action is one of two numbers, which no pair of controls can answer.
NO_PAIRS = ("merge", "merge-generic", "roundabout", "roundabout-generic")


@dataclass(frozen=True)
class EnvConfig:
    """One of highway-env's road environments and its settings; None is highway-env's default for that id."""

    env: str = "highway-fast-v0"
    lanes: int | None = None
    vehicles: int | None = None  # other than the ego
    controlled: int | None = None  # cars that actions drive
    density: float | None = None  # 1 is highway-env's usual spacing
    duration_s: float | None = None
    policy_hz: int | None = None
    simulation_hz: int | None = None
    target_speeds_mps: tuple[float, ...] | None = None  # grid of the meta-actions, evenly spaced
    ego_spacing: float | None = None
    initial_lane: int | None = None
    traffic: Literal["idm", "aggressive", "defensive", "linear"] | None = None
    # auto: meta, and on racetracks steering, at the speed that the car has; there is always one of the others
    # in a config that has been made.
    actions: Literal["auto", "meta", "continuous", "steering"] = "auto"

    def __post_init__(self) -> None:
        check_choice(self.env, SUPPORTED, "environment")
        if self.actions == "auto":
            object.__setattr__(self, "actions", "steering" if self.is_racetrack else "meta")
        check_choice(self.actions, ACTIONS, "kind of actions")
        if self.traffic is not None:
            check_choice(self.traffic, TRAFFIC, "traffic")
        for name in ("lanes", "policy_hz", "simulation_hz", "density", "duration_s", "ego_spacing",
                     "controlled"):
            value = getattr(self, name)
            if value is not None and not (np.isfinite(value) and value > 0):
                raise InputError(f"{name} is {value}, expected a number above 0")
        if self.vehicles is not None and self.vehicles < 0:
            raise InputError(f"vehicles is {self.vehicles}, expected 0 or more")
        self._check_settings()
        self._check_initial_lane()
        self._check_target_speeds()

    @property
    def family(self) -> str:
        """The id without its version: "highway-fast"."""
        return self.env.rsplit("-", 1)[0]

    @property
    def is_racetrack(self) -> bool:
        """Whether it is a lap, whose own actions are steering alone."""
        return self.family.startswith("racetrack")

    def _check_settings(self) -> None:
        known = FAMILIES[self.family]
        for name in ("lanes", "vehicles", "density", "duration_s", "ego_spacing", "initial_lane",
                     "controlled"):
            if getattr(self, name) is not None and name not in known:
                raise InputError(f"{self.env} has no setting {name}; it has: {', '.join(known)}")
        if self.actions == "meta" and self.is_racetrack:
            raise InputError(f"{self.env} is driven with controls only; set actions to 'steering' or "
                             "'continuous'")
        if self.actions != "meta" and self.family in META_ONLY:
            raise InputError(f"{self.env} is driven with meta-actions only; leave actions at 'meta'")
        if self.actions == "continuous" and self.family in NO_PAIRS:
            raise InputError(f"{self.env} is driven with meta-actions or steering; set actions to one of them")
        if self.is_racetrack and self.traffic is not None:
            raise InputError(f"{self.env} has IDM traffic only; leave traffic out")
        if self.policy_hz and self.simulation_hz and self.simulation_hz % self.policy_hz:
            raise InputError(f"simulation_hz {self.simulation_hz} is not a multiple of "
                             f"policy_hz {self.policy_hz}")

    def _check_initial_lane(self) -> None:
        if self.initial_lane is None:
            return
        lanes = self.lanes or (3 if self.family == "highway-fast" else 4)
        if not 0 <= self.initial_lane < lanes:
            raise InputError(f"initial_lane is {self.initial_lane}, expected 0 to {lanes - 1}")

    def _check_target_speeds(self) -> None:
        speeds = self.target_speeds_mps
        if speeds is None:
            return
        if self.actions != "meta":
            raise InputError("target_speeds_mps is for meta-actions; leave it out with continuous ones")
        steps = np.diff(speeds)
        # highway-env finds the nearest speed by arithmetic on an even grid (MDPVehicle.speed_to_index).
        if len(speeds) < 2 or not (steps > 0).all() or not np.allclose(steps, steps[0]):
            raise InputError(f"target_speeds_mps is {list(speeds)}, expected two or more, rising evenly")

    def to_highway_env(self) -> dict[str, Any]:
        """The overrides of highway-env's own config dict; nothing for what is left at None."""
        keys = FAMILIES[self.family]
        config = {key: getattr(self, name) for name, key in keys.items() if getattr(self, name) is not None}
        if self.actions != "meta":
            # Both ranges are highway-env's defaults, spelt out since 1.0 has to mean CONTROL_SCALE.
            config["action"] = {"type": "ContinuousAction", "acceleration_range": [-5.0, 5.0],
                                "steering_range": [-np.pi / 4, np.pi / 4],
                                "longitudinal": self.actions == "continuous"}
        elif self.target_speeds_mps is not None:
            lateral = {"longitudinal": True, "lateral": False} if self.family == "intersection" else {}
            config["action"] = {"type": "DiscreteMetaAction", **lateral,
                                "target_speeds": list(self.target_speeds_mps)}
        return config


@dataclass(frozen=True)
class IdmConstants:
    """Parameters of the traffic's class (highway_env/vehicle/behavior.py, IDMVehicle)."""

    acc_max: float = 6.0  # m/s^2
    comfort_acc_max: float = 3.0
    comfort_acc_min: float = -5.0
    distance_wanted: float = 10.0  # m, centre to centre
    time_wanted: float = 1.5  # s
    politeness: float = 0.0
    lane_change_min_acc_gain: float = 0.2
    lane_change_max_braking_imposed: float = 2.0
    lane_change_delay: float = 1.0


@dataclass(frozen=True, eq=False)
class WorldState:
    """Everything that a highway-env world holds between two steps; exact both ways.

    N entries: `vehicles` vehicles in highway-env's list order (which its collisions and ties depend on), then
    the road's objects. Floats are float64. Lanes are numbers in highway-env's own order of its network, which
    is `export_road`'s order too: on a highway, lane k is centred on y = 4 k.
    """

    classes: tuple[str, ...]  # N class names: MDPVehicle, IDMVehicle, Obstacle, ...
    vehicles: int
    position: np.ndarray  # (N, 2) m
    heading: np.ndarray  # (N,) rad
    speed: np.ndarray  # (N,) m/s
    lane: np.ndarray  # (N,) int64
    target_lane: np.ndarray  # (N,) int64; the lane where the class has no target
    target_speed: np.ndarray  # (N,) m/s; NaN where the class has none
    speed_index: np.ndarray  # (N,) int64 on the grid of target speeds; -1 where the class has none
    timer: np.ndarray  # (N,) s since the last look at a lane change; NaN where the class has none
    delta: np.ndarray  # (N,) exponent of IDM; NaN where the class has none
    crashed: np.ndarray  # (N,) bool
    hit: np.ndarray  # (N,) bool
    impact: np.ndarray  # (N, 2) m, displacement that a collision gives at the next step; 0 where none
    has_impact: np.ndarray  # (N,) bool
    action: np.ndarray  # (N, 2) acceleration (m/s^2) and steering (rad) last commanded
    length: np.ndarray  # (N,) m
    width: np.ndarray  # (N,) m
    controlled: np.ndarray  # (N,) bool
    check_collisions: np.ndarray  # (N,) bool
    solid: np.ndarray  # (N,) bool
    enable_lane_change: np.ndarray  # (N,) bool
    yielding: np.ndarray  # (N,) int64 regulation checks spent yielding; -1 where it does not yield
    linear: np.ndarray  # (N, 5) parameters of LinearVehicle: 3 of acceleration, 2 of steering; NaN elsewhere
    routes: tuple[tuple[RouteStep, ...] | None, ...]  # N
    lane_keys: tuple[LaneKey, ...]  # highway-env's lane index of each lane number
    target_speeds: np.ndarray  # (S,) grid of the ego's meta-actions; empty under direct control
    time: float  # s
    steps: int  # frames
    done: bool
    road_steps: int  # frames a regulated road has counted; 0 elsewhere
    rng: dict[str, Any]  # state of the world's bit generator
    idm: IdmConstants
    lanes: int  # of a straight highway; 0 where the road is not one, and then the next three are 0 too
    lane_width: float  # m
    road_length: float  # m
    speed_limit: float  # m/s


def differences(one: WorldState, other: WorldState) -> list[str]:
    """Names of the fields in which two states differ by any bit; NaN equals NaN."""
    found = []
    for field in fields(WorldState):
        a, b = getattr(one, field.name), getattr(other, field.name)
        if isinstance(a, np.ndarray):
            equal = a.dtype == b.dtype and np.array_equal(a, b, equal_nan=a.dtype.kind == "f")
        else:
            equal = a == b
        if not equal:
            found.append(field.name)
    return found
