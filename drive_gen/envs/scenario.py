"""Scenario: the recipe of a world, kept as YAML that a person can read and change.

Road, agents, events and constraints, with the seed and where it came from. Written and read again, a scenario
is equal to the last bit; keys it does not know are refused.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import yaml

from drive_gen.envs.config import from_mapping, read_yaml
from drive_gen.envs.episode import KINDS, META_ACTIONS, Scene, Source
from drive_gen.envs.files import InputError, write_text
from drive_gen.envs.road import Lane, Road

Quantity = Literal["time_s", "speed_mps", "along_m", "gap_m", "ttc_s"]


@dataclass(frozen=True)
class LaneRecipe:
    """One lane, as `road.Lane`; no speed limit means that none is known."""

    center_m: tuple[tuple[float, float], ...]
    width_m: float
    speed_limit_mps: float | None = None
    left: int | None = None
    right: int | None = None
    successors: tuple[int, ...] = ()


@dataclass(frozen=True)
class AgentRecipe:
    """One agent at the scenario's start, and who drives it (a policy; empty: the simulator's traffic)."""

    id: int
    position_m: tuple[float, float]
    heading_rad: float
    speed_mps: float
    length_m: float = 5.0
    width_m: float = 2.0
    kind: Literal["car", "truck", "motorcycle", "obstacle"] = "car"
    driver: str = ""
    crashed: bool = False


@dataclass(frozen=True)
class Condition:
    """A quantity within bounds: when an event is due, or what must hold throughout.

    time_s is since the start; speed_mps and along_m (along its lane) are `agent`'s; gap_m (bumper to bumper,
    along `agent`'s lane) and ttc_s are from `agent` to `other`, ahead of it. Agents are named by id. What is
    undefined, such as the gap to a car behind, is never within bounds.
    """

    quantity: Quantity
    agent: int | None = None
    other: int | None = None
    low: float | None = None
    high: float | None = None

    def __post_init__(self) -> None:
        needed = {"time_s": 0, "speed_mps": 1, "along_m": 1, "gap_m": 2, "ttc_s": 2}[self.quantity]
        given = [name for name in (self.agent, self.other) if name is not None]
        if len(given) != needed or (needed == 1 and self.agent is None):
            raise InputError(f"a condition on {self.quantity} names {needed} agents, got {len(given)}")
        if self.low is None and self.high is None:
            raise InputError(f"a condition on {self.quantity} needs low, high or both")

    def holds(self, scene: Scene, time_s: float) -> bool:
        """Whether it holds in a scene, time_s after the start; never where an agent it names is absent."""
        value = self.measure(scene, time_s)
        low = -np.inf if self.low is None else self.low
        return bool(low <= value <= (np.inf if self.high is None else self.high))

    def measure(self, scene: Scene, time_s: float) -> float:
        """The quantity in a scene; NaN where it is undefined."""
        if self.quantity == "time_s":
            return time_s
        place = {int(name): number for number, name in enumerate(scene.agent_id)}
        named = [name for name in (self.agent, self.other) if name is not None]
        if not all(name in place for name in named):
            return float("nan")
        numbers = [place[name] for name in named]
        if self.quantity == "speed_mps":
            return float(scene.speed_mps[numbers[0]])
        along, speed = _along_lane(scene, numbers)
        return float(along[0]) if self.quantity == "along_m" else self._between(scene, numbers, along, speed)

    def _between(self, scene: Scene, numbers: list[int], along_m: np.ndarray, speed_mps: np.ndarray) -> float:
        """The gap or the time to collision between two agents; NaN where the other is not ahead."""
        if along_m[1] <= along_m[0]:
            return float("nan")
        gap = float(along_m[1] - along_m[0] - scene.size_m[numbers, 0].sum() / 2)
        closing = float(speed_mps[0] - speed_mps[1])
        if self.quantity == "gap_m":
            return gap
        return 0.0 if gap <= 0 else gap / closing if closing > 0 else float("inf")


@dataclass(frozen=True)
class Event:
    """What an agent does once a condition holds: a meta-action, or a constant acceleration from then on."""

    agent: int
    when: Condition
    action: Literal["LANE_LEFT", "IDLE", "LANE_RIGHT", "FASTER", "SLOWER"] | None = None
    acceleration_mps2: float | None = None

    def __post_init__(self) -> None:
        if (self.action is None) == (self.acceleration_mps2 is None):
            raise InputError(f"the event of agent {self.agent} needs an action ({', '.join(META_ACTIONS)}) "
                             "or an acceleration_mps2, one of them")


@dataclass(frozen=True)
class Scenario:
    """The recipe of a world."""

    road: tuple[LaneRecipe, ...]
    agents: tuple[AgentRecipe, ...]
    ego: int | None = None  # id
    events: tuple[Event, ...] = ()
    seed: int = 0
    constraints: tuple[Condition, ...] = ()
    provenance: Source | None = None

    def __post_init__(self) -> None:
        ids = [agent.id for agent in self.agents]
        if not ids or len(set(ids)) != len(ids):
            raise InputError(f"a scenario's agents need different ids, at least one, got {ids}")
        conditions = [*self.constraints, *(event.when for event in self.events)]
        named = {self.ego, *(event.agent for event in self.events), *(each.agent for each in conditions),
                 *(each.other for each in conditions)}
        if missing := {name for name in named if name is not None} - set(ids):
            raise InputError(f"the scenario names agents {sorted(missing)}, which it does not have")
        self.to_road()

    @classmethod
    def from_scene(cls, scene: Scene, seed: int = 0, provenance: Source | None = None) -> Scenario:
        """The recipe whose world begins as the scene."""
        lanes = tuple(_lane_recipe(lane) for lane in scene.road.lanes)
        agents = tuple(_agent_recipe(scene, number) for number in range(len(scene.agent_id)))
        return cls(lanes, agents, ego=None if scene.ego is None else agents[scene.ego].id, seed=seed,
                   provenance=provenance)

    def to_road(self) -> Road:
        """The road."""
        return Road(tuple(
            Lane(center_m=np.array(lane.center_m, dtype=np.float64).reshape(-1, 2), width_m=lane.width_m,
                 speed_limit_mps=float("inf") if lane.speed_limit_mps is None else lane.speed_limit_mps,
                 left=lane.left, right=lane.right, successors=lane.successors) for lane in self.road))

    def to_scene(self) -> Scene:
        """The world at its start."""
        ids = [agent.id for agent in self.agents]

        def column(values: list[Any]) -> np.ndarray:
            return np.array(values, dtype=np.float32)

        return Scene(position_m=column([agent.position_m for agent in self.agents]),
                     heading_rad=column([agent.heading_rad for agent in self.agents]),
                     speed_mps=column([agent.speed_mps for agent in self.agents]),
                     size_m=column([(agent.length_m, agent.width_m) for agent in self.agents]),
                     crashed=np.array([agent.crashed for agent in self.agents]),
                     agent_id=np.array(ids, dtype=np.int64),
                     kind=np.array([KINDS.index(agent.kind) for agent in self.agents], np.uint8),
                     road=self.to_road(), ego=None if self.ego is None else ids.index(self.ego))

    def to_yaml(self) -> str:
        """The scenario as YAML; `from_yaml` gives an equal one."""
        values = _plain(dataclasses.asdict(self))
        return yaml.safe_dump(values, sort_keys=False, default_flow_style=None, width=110)

    @classmethod
    def from_yaml(cls, text: str, where: str = "scenario") -> Scenario:
        """Read a scenario; `where` names its origin in an InputError."""
        try:
            values = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise InputError(f"{where} is not readable YAML: {' '.join(str(error).split())}") from None
        return from_mapping(cls, values or {}, where)

    def write(self, path: Path) -> None:
        """Write the scenario's YAML file."""
        write_text(path, self.to_yaml())

    @classmethod
    def read(cls, path: Path) -> Scenario:
        """Read a scenario's YAML file."""
        return read_yaml(cls, path)


def _lane_recipe(lane: Lane) -> LaneRecipe:
    return LaneRecipe(center_m=tuple((float(x), float(y)) for x, y in lane.center_m),
                      width_m=float(lane.width_m),
                      speed_limit_mps=None if np.isinf(lane.speed_limit_mps) else float(lane.speed_limit_mps),
                      left=lane.left, right=lane.right, successors=lane.successors)


def _agent_recipe(scene: Scene, number: int) -> AgentRecipe:
    x, y = scene.position_m[number].tolist()
    length, width = scene.size_m[number].tolist()
    kind: Any = KINDS[int(scene.kind[number])]
    return AgentRecipe(id=int(scene.agent_id[number]), position_m=(x, y), length_m=length, width_m=width,
                       heading_rad=float(scene.heading_rad[number]), kind=kind,
                       speed_mps=float(scene.speed_mps[number]), crashed=bool(scene.crashed[number]))


def _along_lane(scene: Scene, numbers: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """Metres and m/s of agents along the lane of the first."""
    position, heading = scene.position_m[numbers], scene.heading_rad[numbers]
    lane = int(scene.road.nearest_lane(position[0], heading[0]))
    frame = scene.road.lanes[lane].frame_of(position)
    return frame.s_m, scene.speed_mps[numbers] * np.cos(heading - frame.heading_rad)


def _plain(value: Any) -> Any:
    """Tuples as lists, which YAML has."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value
