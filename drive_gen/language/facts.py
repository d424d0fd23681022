"""Facts: what a request says of a scene, or what a scene or an episode holds, in slots with closed values.

None means that nothing is said. Equal facts are equal: agents and events are kept sorted, whoever does
something is there, and what says nothing is left out. docs/language_slots.md says every value.
"""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from drive_gen.envs.config import from_mapping
from drive_gen.envs.files import InputError

RoadKind = Literal["highway", "merge", "roundabout", "intersection", "exit", "two-way", "u-turn", "racetrack"]
Density = Literal["empty", "light", "moderate", "heavy"]
Weather = Literal["clear", "rain", "fog", "snow"]
Time = Literal["day", "dusk", "night"]
Task = Literal["keep-lane", "follow", "overtake", "merge", "exit", "turn-left", "turn-right", "go-straight"]
Role = Literal["ego", "lead", "follower", "left", "right", "cut-in", "cars", "trucks"]
Kind = Literal["car", "truck"]
Style = Literal["aggressive", "defensive", "normal"]
Speed = Literal["stopped", "slow", "normal", "fast"]
Distance = Literal["beside", "near", "middle", "far"]
Who = Literal["ego", "lead", "follower", "left", "right", "cut-in", "cars", "trucks", "someone"]
What = Literal["brake", "cut-in", "lane-left", "lane-right", "lane-change", "stop", "accelerate", "crash",
               "merge"]
Phase = Literal["early", "mid", "late"]
Without = Literal["trucks", "lead", "follower", "left", "right", "aggressive"]

ROADS, DENSITIES, WEATHERS, TIMES, TASKS = map(typing.get_args, (RoadKind, Density, Weather, Time, Task))
ROLES, KINDS, STYLES, SPEEDS, DISTANCES = map(typing.get_args, (Role, Kind, Style, Speed, Distance))
WHOS, WHATS, PHASES, WITHOUTS = map(typing.get_args, (Who, What, Phase, Without))
MOST_LANES, MOST_COUNT, LAST_S = 6, 6, 10
SLOW_MPS, FAST_MPS = 15.0, 25.0  # bands of speed
NEAR_M, FAR_M = 20.0, 50.0  # bands of distance
CHANGES = ("lane-left", "lane-right", "cut-in")  # each is a lane-change too
SINGLE = ("road", "lanes", "density", "weather", "time", "task")  # slots of the whole request
PLACED = ("lead", "follower", "left", "right", "cut-in")  # roles with a place beside the ego


@dataclass(frozen=True)
class Agent:
    """Who is there. Of a group (cars, trucks: somewhere in the traffic) the kind goes without saying."""

    role: Role
    kind: Kind = "car"
    count: int = 1
    style: Style | None = None
    speed: Speed | None = None
    distance: Distance | None = None  # of the placed: bumper to bumper from the ego
    abreast: bool = False  # of a group of two or more: side by side

    def __post_init__(self) -> None:
        if self.role == "trucks":
            object.__setattr__(self, "kind", "truck")
        if self.role == "cars" and self.kind == "truck":
            raise InputError("the role 'cars' with kind truck: its role is 'trucks'")
        if not 1 <= self.count <= MOST_COUNT:
            raise InputError(f"count of {self.role} is {self.count}, expected 1 to {MOST_COUNT}")
        if self.count > 1 and self.role in ("ego", "cut-in"):
            raise InputError(f"there is one {self.role}, not {self.count}")
        if self.distance and self.role not in PLACED:
            raise InputError(f"{self.role} has no distance; only {', '.join(PLACED)} have one")
        if self.distance == "beside" and self.role in ("lead", "follower"):
            raise InputError(f"the {self.role} cannot be beside the ego; that is left or right")
        if self.abreast and (self.role not in ("cars", "trucks") or self.count < 2):
            raise InputError("side by side is said of a group of two or more cars or trucks")


@dataclass(frozen=True)
class Event:
    """What somebody does, and when: a part of the episode, or whole seconds from its start.

    With happens=False it is said not to happen; of "someone", that nobody does it.
    """

    who: Who
    what: What
    when: Phase | None = None
    at_s: int | None = None
    happens: bool = True

    def __post_init__(self) -> None:
        if self.when and self.at_s is not None:
            raise InputError(f"{self.who} {self.what} is {self.when} and at {self.at_s} s; say one of them")
        if self.at_s is not None and not 1 <= self.at_s <= LAST_S:
            raise InputError(f"{self.who} {self.what} is at {self.at_s} s, expected 1 to {LAST_S}")
        if not self.happens and (self.when or self.at_s is not None):
            raise InputError(f"{self.who} {self.what} does not happen, so it has no time")


@dataclass(frozen=True)
class Facts:
    """All that is said. Contradictions are refused."""

    road: RoadKind | None = None
    lanes: int | None = None
    density: Density | None = None
    weather: Weather | None = None
    time: Time | None = None
    task: Task | None = None  # the ego's
    agents: tuple[Agent, ...] = ()
    without: tuple[Without, ...] = ()  # who is not there
    events: tuple[Event, ...] = ()

    def __post_init__(self) -> None:
        if self.lanes is not None and not 1 <= self.lanes <= MOST_LANES:
            raise InputError(f"lanes is {self.lanes}, expected 1 to {MOST_LANES}")
        events, agents = list(dict.fromkeys(self.events)), list(dict.fromkeys(self.agents))
        here = {agent.role for agent in agents}
        if "cut-in" in here and not any(event.who == "cut-in" and event.what == "cut-in" for event in events):
            events.append(Event("cut-in", "cut-in"))
        agents += [Agent(role) for role in ROLES  # whoever does something is there
                   if role not in here and (any(event.who == role for event in events)
                                            or (role == "lead" and self.task == "follow"))]
        agents = [agent for agent in agents if agent != Agent("ego")]  # who says nothing
        put = object.__setattr__
        put(self, "agents", tuple(sorted(agents, key=lambda agent: ROLES.index(agent.role))))
        put(self, "events", tuple(sorted(events, key=lambda event: (WHOS.index(event.who),
                                                                    WHATS.index(event.what)))))
        put(self, "without", tuple(sorted(set(self.without), key=WITHOUTS.index)))
        _check_agents(self)
        _check_events(self)

    def agent(self, role: str) -> Agent | None:
        """The agent of a role, where there is one."""
        return next((agent for agent in self.agents if agent.role == role), None)

    def to_mapping(self) -> dict[str, Any]:
        """Plain values, without what is not said; `from_mapping` gives equal facts."""
        plain: dict[str, Any] = {}
        for item in dataclasses.fields(self):
            value = getattr(self, item.name)
            if value is None or value == ():
                continue
            plain[item.name] = [_said(each) for each in value] if isinstance(value, tuple) else value
        return plain

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any], where: str = "facts") -> Facts:
        """Facts of plain values, as JSON and YAML hold them; `where` names their origin in an InputError."""
        return from_mapping(cls, values, where)

    def slots(self) -> dict[str, str]:
        """Every slot that is said, and its value, as strings: {"road": "merge", "lead.kind": "truck"}."""
        found = {name: str(getattr(self, name)) for name in SINGLE if getattr(self, name) is not None}
        for agent in self.agents:
            found |= {f"{agent.role}.{item.name}": str(getattr(agent, item.name))
                      for item in dataclasses.fields(agent)
                      if item.name != "role" and getattr(agent, item.name) not in (None, False)}
        found |= {f"without.{name}": "True" for name in self.without}
        for event in self.events:
            when = event.when or (f"{event.at_s} s" if event.at_s is not None else "sometime")
            found[f"{event.who}.{event.what}"] = when if event.happens else "never"
        return found


def speed_band(speed_mps: float) -> Speed:
    """The band of a speed."""
    return ("stopped" if speed_mps < 1 else "slow" if speed_mps < SLOW_MPS
            else "normal" if speed_mps <= FAST_MPS else "fast")


def distance_band(gap_m: float) -> Distance:
    """The band of a gap, bumper to bumper; beside where there is none."""
    return "beside" if gap_m < 0 else "near" if gap_m < NEAR_M else "middle" if gap_m <= FAR_M else "far"


def _said(value: Any) -> Any:
    """An agent or an event without its defaults."""
    if not dataclasses.is_dataclass(value):
        return value
    return {item.name: getattr(value, item.name) for item in dataclasses.fields(value)
            if getattr(value, item.name) != item.default and not (
                item.name == "kind" and getattr(value, "role", "") == "trucks")}


def _check_agents(facts: Facts) -> None:
    roles = [agent.role for agent in facts.agents]
    if twice := _twice(roles):
        raise InputError(f"{twice} is said twice, differently")
    others = [agent for agent in facts.agents if agent.role != "ego"]
    if facts.density == "empty" and others:
        raise InputError(f"contradiction: an empty road, and {others[0].role} on it")
    for name in facts.without:
        clash = [agent.role for agent in others
                 if name in (agent.role, f"{agent.kind}s" if agent.kind == "truck" else None, agent.style)]
        if clash:
            raise InputError(f"contradiction: no {name}, and {clash[0]} there")


def _check_events(facts: Facts) -> None:
    if twice := _twice(f"{event.who} {event.what}" for event in facts.events):
        raise InputError(f"the event {twice} is said twice, differently")
    never = [event for event in facts.events if not event.happens]
    for event in (event for event in facts.events if event.happens):
        for ban in never:
            same_what = ban.what == event.what or (ban.what == "lane-change" and event.what in CHANGES)
            if same_what and ban.who in (event.who, "someone"):
                raise InputError(f"contradiction: {ban.who} {ban.what} never happens, "
                                 f"and {event.who} {event.what} does")


def _twice(names: Iterable[str]) -> str | None:
    seen: set[str] = set()
    return next((name for name in names if name in seen or seen.add(name)), None)  # type: ignore[func-returns-value]
