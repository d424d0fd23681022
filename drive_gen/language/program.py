"""Programs: a scenario in few words and whole numbers, which a language model can write.

    road=highway lanes=3
    car lane=1 from=+200 at=+0 v=20          the ego, metres from its lane's start
    truck lane=0 at=-25 v=19                 the others: metres before the ego's place, by lane and place
    car lane=1 at=+38 v=20 style=aggressive
    t=4.0 who=2 a=-6.0                       from 4 s on the second brakes
    t=5.2 who=2 a=+0.0
    t=6.4 who=1 go=right

A scenario that comes from a program gives the very same program again. A scenario of its own is first put on
the program's grid: metres, m/s, tenths of a second and halves of m/s2, in the middle of lanes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np

from drive_gen.envs.episode import Source
from drive_gen.envs.files import InputError
from drive_gen.envs.road import Road
from drive_gen.envs.scenario import AgentRecipe, Condition, LaneRecipe, Scenario
from drive_gen.envs.scenario import Event as Cue
from drive_gen.language.facts import KINDS, MOST_LANES, ROADS, STYLES, Facts
from drive_gen.language.place import SIZES_M, lanes_of, road_of
from drive_gen.language.program_words import (
    GOES,
    LAST_TENTH,
    MOST_AGENTS,
    MOST_HALF_MPS2,
    MOST_LANE,
    MOST_M,
    MOST_MPS,
    half,
    place_words,
    text_of,
    words_of,
)

LANED = ("highway", "merge", "exit")  # roads with as many lanes as asked for
ACTIONS = {action: go for go, action in GOES.items()}
NAME = "drive_gen.writer"


@dataclass(frozen=True)
class Car:
    """An agent at the start."""

    kind: str
    lane: int
    place_m: int  # along its lane: the ego's from the start, others' from the ego's place on
    speed_mps: int
    style: str = ""


@dataclass(frozen=True)
class Act:
    """What an agent does from a time on: a meta-action, or an acceleration in halves of m/s2."""

    tenth: int
    who: int  # place in the program's agents
    go: str | None = None
    half_mps2: int | None = None


@dataclass(frozen=True)
class Program:
    """A scenario on the grid; the ego is the first of the cars."""

    road: str
    lanes: int | None
    cars: tuple[Car, ...]
    acts: tuple[Act, ...] = ()

    def words(self) -> list[str]:
        """As tokens."""
        found = [f"\nroad={self.road}"] + ([f" lanes={self.lanes}"] if self.lanes else [])
        for car in self.cars:
            found += [f"\n{car.kind}", f" lane={car.lane}", *place_words(car.place_m), f" v={car.speed_mps}"]
            found += [f" style={car.style}"] if car.style else []
        for act in self.acts:
            does = f" go={act.go}" if act.go else f" a={half(act.half_mps2 or 0)}"
            found += [f"\nt={act.tenth / 10:.1f}", f" who={act.who}", does]
        return found

    def text(self) -> str:
        """As lines."""
        return text_of(self.words())

    @cached_property
    def map(self) -> Road:
        """Its road."""
        return road_named(self.road, self.lanes)

    def scenario(self, seed: int = 0, notes: Mapping[str, Any] | None = None) -> Scenario:
        """The world; an InputError where it names a lane, a place or an agent that is not there."""
        start = self.cars[0].place_m
        recipes = tuple(self._recipe(number, car, start if number else 0)
                        for number, car in enumerate(self.cars))
        source = Source("generated", NAME, f"writer/{seed}", seed=seed,
                        notes={**(notes or {}), "program": self.text()})
        return Scenario(lanes_of(self.map), recipes, ego=0, events=tuple(map(_cue, self.acts)), seed=seed,
                        provenance=source)

    def _recipe(self, number: int, car: Car, start_m: int) -> AgentRecipe:
        if car.lane >= len(self.map.lanes):
            raise InputError(f"agent {number} is in lane {car.lane}; the road has {len(self.map.lanes)}")
        lane, s_m = self.map.lanes[car.lane], start_m + car.place_m
        if not 0 <= s_m <= lane.length_m:
            raise InputError(f"agent {number} is at {s_m} m of lane {car.lane}, of {lane.length_m:.0f} m")
        x, y = lane.position_at(np.array(float(s_m))).tolist()
        length, width = SIZES_M[car.kind]
        kind: Any = car.kind
        return AgentRecipe(id=number, position_m=(x, y), speed_mps=float(car.speed_mps), length_m=length,
                           heading_rad=float(lane.frame_of(np.array([x, y])).heading_rad), width_m=width,
                           kind=kind, driver=car.style)


@lru_cache(maxsize=64)
def road_named(kind: str, lanes: int | None) -> Road:
    """The road of a program's first line."""
    return road_of(Facts(road=kind, lanes=lanes))  # type: ignore[arg-type]


@lru_cache(maxsize=1)
def known_roads() -> dict[tuple[LaneRecipe, ...], tuple[str, int | None]]:
    """What a program calls each road that it knows."""
    found: dict[tuple[LaneRecipe, ...], tuple[str, int | None]] = {}
    for kind in ROADS:
        for lanes in (range(1 if kind == "highway" else 2, MOST_LANES + 1) if kind in LANED else [None]):
            found.setdefault(lanes_of(road_named(kind, lanes)), (kind, lanes))
    return found


def program_of(scenario: Scenario) -> Program:
    """The nearest program; an InputError says what of the scenario a program cannot say."""
    named = known_roads().get(scenario.road)
    if named is None:
        raise InputError("programs know the roads of requests alone, and this is another")
    if scenario.ego is None or len(scenario.agents) > MOST_AGENTS:
        raise InputError(f"a program has an ego and at most {MOST_AGENTS} agents; this scenario has "
                         f"{len(scenario.agents)} and {'an' if scenario.ego is not None else 'no'} ego")
    road, scene = road_named(*named), scenario.to_scene()
    lane = road.nearest_lane(scene.position_m, scene.heading_rad)
    frame = road.lane_frame(scene.position_m, lane)
    cars: dict[int, Car] = {}
    start = 0
    for number in sorted(range(len(lane)), key=lambda each: scenario.agents[each].id != scenario.ego):
        agent, where = scenario.agents[number], road.lanes[int(lane[number])]
        if abs(frame.d_m[number]) > where.width_m / 2:
            raise InputError(f"agent {agent.id} is beside the road; a program's stand in lanes")
        s_m = int(np.clip(round(float(frame.s_m[number])), 0, int(where.length_m)))
        cars[agent.id] = _car(agent, int(lane[number]), s_m - start)
        start = s_m if len(cars) == 1 else start  # the ego comes first
    ordered = sorted(cars, key=lambda name: (name != scenario.ego, cars[name].lane, cars[name].place_m))
    acts = sorted((_act(cue, ordered.index(cue.agent)) for cue in scenario.events), key=lambda act: act.tenth)
    return Program(*named, tuple(cars[name] for name in ordered), tuple(acts))


def read_program(text: str) -> Program:
    """The program that a text is; an InputError says what is wrong with it."""
    words = words_of(text)
    lines: list[list[tuple[str, str]]] = []
    for word in words:
        name, _, value = word[1:].partition("=")
        if word[0] == "\n":
            lines.append([])
        lines[-1].append((name, value))
    if not lines or lines[0][0][0] != "road":
        raise InputError("a program begins with road=KIND")
    head = _fields(lines[0], ("road",), ("lanes",))
    road = _choice(head["road"], ROADS, "road")
    lanes = _number(head, "lanes", 1, MOST_LANES) if "lanes" in head else None
    if (lanes is not None) != (road in LANED):
        raise InputError(f"a program's {road} has {'a' if road in LANED else 'no'} number of lanes")
    agents = [line for line in lines[1:] if line[0][0] in KINDS]
    rest = lines[1 + len(agents):]
    if not 1 <= len(agents) <= MOST_AGENTS or lines[1 : 1 + len(agents)] != agents:
        raise InputError(f"a program has 1 to {MOST_AGENTS} agents, all before its events")
    return Program(road, lanes, tuple(map(_read_car, agents)),
                   tuple(_read_act(line, len(agents)) for line in rest))


def _car(agent: AgentRecipe, lane: int, place_m: int) -> Car:
    speed = round(agent.speed_mps)
    if (agent.length_m, agent.width_m) != SIZES_M.get(agent.kind) or agent.crashed:
        raise InputError(f"agent {agent.id}: a program has whole cars and trucks of {SIZES_M} m")
    if not 0 <= speed <= MOST_MPS or abs(place_m) > MOST_M or agent.driver not in ("", *STYLES):
        raise InputError(f"agent {agent.id}: a program has speeds to {MOST_MPS} m/s, places to {MOST_M} m "
                         f"and styles {', '.join(STYLES)}")
    return Car(agent.kind, lane, place_m, speed, agent.driver)


def _act(cue: Cue, who: int) -> Act:
    if cue.when.quantity != "time_s" or cue.when.low is None or cue.when.high is not None:
        raise InputError(f"an event of agent {cue.agent} waits for {cue.when.quantity}; programs know times")
    tenth = round(cue.when.low * 10)
    push = None if cue.acceleration_mps2 is None else round(2 * cue.acceleration_mps2)
    if not 0 <= tenth <= LAST_TENTH or abs(push or 0) > MOST_HALF_MPS2:
        raise InputError(f"an event of agent {cue.agent} is later than {LAST_TENTH / 10} s or stronger than "
                         f"{MOST_HALF_MPS2 / 2} m/s2")
    return Act(tenth, who, None if cue.action is None else ACTIONS[cue.action], push)


def _cue(act: Act) -> Cue:
    when = Condition("time_s", low=act.tenth / 10)
    if act.go is not None:
        action: Any = GOES[act.go]
        return Cue(act.who, when, action=action)
    return Cue(act.who, when, acceleration_mps2=(act.half_mps2 or 0) / 2)


def _read_car(line: list[tuple[str, str]]) -> Car:
    found = _fields(line[1:], ("lane", "at", "v"), ("from", "style"))
    if line[0][1]:
        raise InputError(f"a program's agent is {line[0][0]}, not {line[0][0]}={line[0][1]}")
    rest, whole = _signed(found["at"], 99), _signed(found.get("from", "+0"), 900)
    if whole % 100 or (whole and found["at"][0] != found["from"][0]):
        raise InputError(f"from={found.get('from')} at={found['at']} is no place: hundreds, then the rest of "
                         "the same sign")
    style = _choice(found["style"], STYLES, "style") if "style" in found else ""
    return Car(line[0][0], _number(found, "lane", 0, MOST_LANE - 1), whole + rest,
               _number(found, "v", 0, MOST_MPS), style)


def _read_act(line: list[tuple[str, str]], agents: int) -> Act:
    found = _fields(line, ("t", "who"), ("go", "a"))
    tenth = _decimal(found["t"], 10, LAST_TENTH)
    who = _number(found, "who", 0, agents - 1)
    if ("go" in found) == ("a" in found):
        raise InputError(f"the event at t={found['t']} needs go or a, one of them")
    if "go" in found:
        return Act(tenth, who, _choice(found["go"], tuple(GOES), "go"))
    return Act(tenth, who, half_mps2=_decimal(found["a"], 2, MOST_HALF_MPS2))


def _fields(line: list[tuple[str, str]], needed: tuple[str, ...], free: tuple[str, ...]) -> dict[str, str]:
    found = dict(line)
    names = set(found)
    if len(found) < len(line) or not set(needed) <= names <= {*needed, *free}:
        said = " ".join(f"{name}={value}" if value else name for name, value in line)
        raise InputError(f"a program's line {said!r} needs {', '.join(needed)} once, and may have "
                         f"{' or '.join(free)}")
    return found


def _choice(value: str, options: tuple[str, ...], what: str) -> str:
    if value not in options:
        raise InputError(f"a program has no {what} {value!r}; one of {', '.join(options)}")
    return value


def _number(found: Mapping[str, str], name: str, low: int, high: int) -> int:
    value = found[name]
    if not (value.isascii() and value.isdigit()) or not low <= int(value) <= high:
        raise InputError(f"{name}={value} in a program; expected {low} to {high}")
    return int(value)


def _signed(value: str, most: int) -> int:
    if value[:1] not in ("+", "-") or not value[1:].isdigit() or int(value[1:]) > most:
        raise InputError(f"{value!r} in a program; expected a sign and at most {most}")
    return int(value)


def _decimal(value: str, parts: int, most: int) -> int:
    try:
        number = float(value) * parts
    except ValueError:
        number = float("nan")
    if not abs(number) <= most or abs(number - round(number)) > 1e-6 or (parts == 10 and number < 0):
        raise InputError(f"{value!r} in a program; expected at most {most / parts} in steps of {1 / parts}")
    return round(number)
