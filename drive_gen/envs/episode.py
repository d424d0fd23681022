"""Episode and Scene: the nouns every stage speaks. Facts are stored, the rest is derived from them."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal

import numpy as np

from drive_gen.envs.files import InputError
from drive_gen.envs.road import Road

KINDS = ("car", "truck", "motorcycle", "obstacle")  # codes of Episode.kind
META_ACTIONS = ("LANE_LEFT", "IDLE", "LANE_RIGHT", "FASTER", "SLOWER")  # highway-env's order


@dataclass(frozen=True)
class Source:
    """Where an episode came from. `group` is what splits go by: a recording's group, or a seed's."""

    kind: Literal["simulated", "logged", "generated"]
    name: str  # environment id, recording, or generator
    group: str
    seed: int | None = None
    driver: str = ""  # who drives the ego
    config_hash: str = ""
    licence: str = ""
    versions: dict[str, str] = field(default_factory=dict)
    notes: dict[str, Any] = field(default_factory=dict)  # JSON: smoothing, config, parents, residuals

    def __post_init__(self) -> None:
        if self.kind not in ("simulated", "logged", "generated"):
            raise InputError(f"Source.kind is {self.kind!r}, expected simulated, logged or generated")


@dataclass(frozen=True, eq=False)
class Episode:
    """What A agents did over T frames on one road.

    World frame of highway-env: x along the road, y to its right, heading from +x towards +y. Where
    `valid` is False the agent is absent and its other entries are zero. Commands at frame t act between
    t and t + 1, so the last frame has none. A meta-action (a number in META_ACTIONS) or advice is given at a
    decision's frame only; advice is what a teacher would have done there, whatever was done.
    """

    position_m: np.ndarray  # (A, T, 2) float32, centre of the body
    heading_rad: np.ndarray  # (A, T) float32
    speed_mps: np.ndarray  # (A, T) float32, along the heading
    size_m: np.ndarray  # (A, 2) float32, length and width
    valid: np.ndarray  # (A, T) bool
    crashed: np.ndarray  # (A, T) bool, in contact at this frame or before
    control: np.ndarray  # (A, T, 2) float32, acceleration (m/s^2) and steering (rad) of the bicycle model
    control_known: np.ndarray  # (A, T) bool
    meta_action: np.ndarray  # (A, T) int8
    meta_known: np.ndarray  # (A, T) bool
    advice: np.ndarray  # (A, T) int8
    advice_known: np.ndarray  # (A, T) bool
    agent_id: np.ndarray  # (A,) int64
    kind: np.ndarray  # (A,) uint8, a place in KINDS
    dt_s: float
    road: Road
    source: Source
    ego: int | None = None  # the agent a driver had; None in logs, where any agent may be taken

    def __post_init__(self) -> None:
        if np.ndim(self.valid) != 2:
            raise InputError(f"Episode.valid has shape {np.shape(self.valid)}, expected (agents, frames)")
        agents, steps = self.valid.shape
        for name, (dtype, trailing) in ARRAYS.items():
            array = getattr(self, name)
            expected = tuple({"A": agents, "T": steps}.get(axis, axis) for axis in trailing)
            if array.shape != expected:
                raise InputError(
                    f"Episode.{name} has shape {array.shape}, expected {expected}: "
                    f"`valid` has {agents} agents and {steps} frames"
                )
            if array.dtype != dtype:
                raise InputError(f"Episode.{name} is {array.dtype}, expected {dtype}")
            if array.dtype.kind == "f" and not np.isfinite(array).all():
                where = tuple(int(index) for index in np.argwhere(~np.isfinite(array))[0])
                raise InputError(f"Episode.{name} holds NaN or infinity, first at {where}")
        self._check_values()

    def _check_values(self) -> None:
        agents, steps = self.valid.shape
        if not agents or not steps:
            raise InputError(f"Episode.valid has {agents} agents and {steps} frames; both must be at least 1")
        if not (np.isfinite(self.dt_s) and self.dt_s > 0):
            raise InputError(f"Episode.dt_s is {self.dt_s}, expected a positive number of seconds")
        if not (self.size_m > 0).all():
            raise InputError("Episode.size_m has a length or width that is not positive")
        if len(np.unique(self.agent_id)) != agents:
            raise InputError("Episode.agent_id names one agent twice")
        if (self.kind >= len(KINDS)).any():
            raise InputError(f"Episode.kind has a code outside 0 to {len(KINDS) - 1}")
        for name, known in (("meta_action", self.meta_known), ("advice", self.advice_known)):
            values = getattr(self, name)[known]
            if ((values < 0) | (values >= len(META_ACTIONS))).any():
                raise InputError(f"Episode.{name} has a code outside 0 to {len(META_ACTIONS) - 1}")
        if self.ego is not None and not 0 <= self.ego < agents:
            raise InputError(f"Episode.ego is {self.ego}, expected an agent from 0 to {agents - 1}")

    @property
    def agents(self) -> int:
        """Number of agents, A."""
        return int(self.valid.shape[0])

    @property
    def steps(self) -> int:
        """Number of frames, T."""
        return int(self.valid.shape[1])

    @property
    def duration_s(self) -> float:
        """Seconds from the first frame to the last."""
        return (self.steps - 1) * self.dt_s

    @property
    def velocity_mps(self) -> np.ndarray:
        """World velocity (A, T, 2): speed along the heading, no slip angle, as highway-env reports it."""
        unit = np.stack((np.cos(self.heading_rad), np.sin(self.heading_rad)), axis=-1)
        return np.asarray(self.speed_mps[..., None] * unit)

    def window(self, start: int, stop: int) -> Episode:
        """Frames start to stop - 1; agents absent throughout stay, invalid."""
        if not 0 <= start < stop <= self.steps:
            raise IndexError(f"window {start}:{stop} of an episode of {self.steps} frames")
        moving = [name for name, (_, axes) in ARRAYS.items() if "T" in axes]
        return replace(self, **{name: getattr(self, name)[:, start:stop] for name in moving})

    def only(self, agents: np.ndarray) -> Episode:
        """The agents whose numbers are given, in that order; the ego goes along where it is among them."""
        numbers = np.asarray(agents, dtype=np.int64)
        place = _place(numbers, self.ego)
        return replace(self, **{name: getattr(self, name)[numbers] for name in ARRAYS}, ego=place)

    def scene(self, step: int) -> Scene:
        """The episode at one frame: the agents present there."""
        here = np.flatnonzero(self.valid[:, step])
        return Scene(
            position_m=self.position_m[here, step],
            heading_rad=self.heading_rad[here, step],
            speed_mps=self.speed_mps[here, step],
            size_m=self.size_m[here],
            crashed=self.crashed[here, step],
            agent_id=self.agent_id[here],
            kind=self.kind[here],
            road=self.road,
            ego=_place(here, self.ego),
        )


def _place(numbers: np.ndarray, agent: int | None) -> int | None:
    """Where an agent stands in a list of agents, if it does."""
    places = np.flatnonzero(numbers == agent) if agent is not None else np.zeros(0)
    return int(places[0]) if len(places) else None


# Every array of an Episode: its type, and its axes.
ARRAYS: dict[str, tuple[np.dtype[Any], tuple[Any, ...]]] = {
    "position_m": (np.dtype(np.float32), ("A", "T", 2)),
    "heading_rad": (np.dtype(np.float32), ("A", "T")),
    "speed_mps": (np.dtype(np.float32), ("A", "T")),
    "size_m": (np.dtype(np.float32), ("A", 2)),
    "valid": (np.dtype(np.bool_), ("A", "T")),
    "crashed": (np.dtype(np.bool_), ("A", "T")),
    "control": (np.dtype(np.float32), ("A", "T", 2)),
    "control_known": (np.dtype(np.bool_), ("A", "T")),
    "meta_action": (np.dtype(np.int8), ("A", "T")),
    "meta_known": (np.dtype(np.bool_), ("A", "T")),
    "advice": (np.dtype(np.int8), ("A", "T")),
    "advice_known": (np.dtype(np.bool_), ("A", "T")),
    "agent_id": (np.dtype(np.int64), ("A",)),
    "kind": (np.dtype(np.uint8), ("A",)),
}


def make_episode(
    position_m: np.ndarray,
    heading_rad: np.ndarray,
    speed_mps: np.ndarray,
    size_m: np.ndarray,
    valid: np.ndarray,
    *,
    dt_s: float,
    road: Road,
    source: Source,
    ego: int | None = None,
    **more: np.ndarray,
) -> Episode:
    """An Episode from its motion; arrays not given mean unknown commands, no crash, ids 0..A-1, cars.

    Types are converted, and entries where an agent is absent are set to zero.
    """
    present = np.asarray(valid, dtype=bool)
    if present.ndim != 2:
        raise InputError(f"Episode.valid has shape {present.shape}, expected (agents, frames)")
    given = {
        "position_m": position_m,
        "heading_rad": heading_rad,
        "speed_mps": speed_mps,
        "size_m": size_m,
        "valid": present,
        **more,
    }
    if unknown := given.keys() - ARRAYS.keys():
        raise TypeError(f"an Episode has no arrays {sorted(unknown)}")
    defaults: dict[str, np.ndarray] = {"agent_id": np.arange(len(present))}
    arrays = {}
    for name, (dtype, axes) in ARRAYS.items():
        shape = tuple({"A": present.shape[0], "T": present.shape[1]}.get(axis, axis) for axis in axes)
        array = np.array(given.get(name, defaults.get(name, np.zeros(shape))), dtype=dtype)
        if array.shape == shape and "T" in axes:
            array[~present] = 0
        arrays[name] = array
    return Episode(**arrays, dt_s=float(dt_s), road=road, source=source, ego=ego)


@dataclass(frozen=True, eq=False)
class Scene:
    """An Episode at one instant: the N agents present."""

    position_m: np.ndarray  # (N, 2)
    heading_rad: np.ndarray  # (N,)
    speed_mps: np.ndarray  # (N,)
    size_m: np.ndarray  # (N, 2)
    crashed: np.ndarray  # (N,) bool
    agent_id: np.ndarray  # (N,)
    kind: np.ndarray  # (N,)
    road: Road
    ego: int | None = None


def same(one: Episode, other: Episode) -> bool:
    """Whether two episodes are equal, bit for bit."""
    if any(not np.array_equal(getattr(one, name), getattr(other, name)) for name in ARRAYS):
        return False
    lanes = list(zip(one.road.lanes, other.road.lanes, strict=False))
    return (
        len(one.road.lanes) == len(other.road.lanes)
        and all(np.array_equal(a.center_m, b.center_m) for a, b in lanes)
        and all(
            getattr(a, item.name) == getattr(b, item.name)
            for a, b in lanes
            for item in fields(a)
            if item.name != "center_m"
        )
        and (one.dt_s, one.ego, one.source) == (other.dt_s, other.ego, other.source)
    )
