"""Which words may follow in a program: its grammar, and what makes it a world.

A word is allowed where it can still become a scenario that runs: lanes that the road has, places in them
where nobody stands yet, events in order, of agents that are there, and changes to lanes that exist.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from drive_gen.envs.geometry import overlaps
from drive_gen.language.facts import KINDS, MOST_LANES, ROADS, STYLES
from drive_gen.language.place import SIZES_M
from drive_gen.language.program import LANED, road_named
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
)

END = ""  # instead of a word: the program is whole
AGENT_WORDS, EVENT_WORDS = 6, 3  # at most
CLEAR_M = 0.2  # between bodies, more than rounding can take away
REACH_M = 20.0  # bodies whose centres are farther apart do not touch
WORDS = {"road": tuple(f"\nroad={road}" for road in ROADS),
         "lanes": tuple(f" lanes={number}" for number in range(1, MOST_LANES + 1)),
         "speed": tuple(f" v={number}" for number in range(MOST_MPS + 1)),
         "style": tuple(f" style={style}" for style in STYLES),
         "push": tuple(f" a={half(number)}" for number in range(-MOST_HALF_MPS2, MOST_HALF_MPS2 + 1))}


class Spots(NamedTuple):
    """Every whole metre of every lane of a road; S of them."""

    lane: np.ndarray  # (S,)
    s_m: np.ndarray  # (S,) int
    position_m: np.ndarray  # (S, 2)
    heading_rad: np.ndarray  # (S,)


@lru_cache(maxsize=32)
def spots_of(road: str, lanes: int | None) -> Spots:
    """The places of a road that a program can name."""
    parts = []
    for number, lane in enumerate(road_named(road, lanes).lanes[:MOST_LANE]):
        s_m = np.arange(min(int(lane.length_m), MOST_M) + 1)
        position = lane.position_at(s_m.astype(np.float64))
        parts.append((np.full(len(s_m), number), s_m, position, lane.frame_of(position).heading_rad))
    return Spots(*(np.concatenate(each) for each in zip(*parts, strict=True)))


class Grammar:
    """A program as it is written, word by word."""

    def __init__(self, room: int) -> None:
        self.room = room  # words that may still follow
        self.expects = "road"
        self.road, self.lanes = "", None  # type: str, int | None
        self.spots: Spots | None = None
        self.free: dict[str, np.ndarray] = {}  # of each kind: (S,) bool, spots clear of everybody
        self.agents: list[int] = []  # lanes where they are, changes counted
        self.kind, self.lane, self.from_m, self.ego_s_m = "", 0, "", 0
        self.tenth, self.who = 0, 0

    def allowed(self) -> list[str]:
        """The words that may follow; END among them where the program may end."""
        match self.expects:
            case "road" | "lanes" | "speed":
                return list(WORDS[self.expects])
            case "lane":
                return [f" lane={lane}" for lane in np.unique(self._spots().lane[self._open()])]
            case "place":
                return list(dict.fromkeys(place_words(place)[0] for place in self._places()))
            case "rest":
                words = (place_words(place) for place in self._places())
                return [said[1] for said in words if said[0] == self.from_m]
            case "who":
                return [f" who={number}" for number in range(len(self.agents))]
            case "does":
                return [f" go={go}" for go in self._ways()] + list(WORDS["push"])
            case _:
                return self._next()

    def take(self, word: str) -> None:
        """Go on by a word that is allowed."""
        self.room -= 1
        name, _, value = word.strip().partition("=")
        match self.expects:
            case "road":
                self.road = value
                self._go_to("lanes" if value in LANED else "line")
            case "lanes":
                self.lanes = int(value)
                self._go_to("line")
            case "lane":
                self.lane = int(value)
                self.expects = "place"
            case "place" if name == "from":
                self.from_m, self.expects = word, "rest"
            case "place" | "rest":
                self._stand(value)
            case "speed":
                self.expects = "style"
            case "who":
                self.who, self.expects = int(value), "does"
            case "does":
                self._act(name, value)
            case _:
                self._begin(name, value)

    def _go_to(self, expects: str) -> None:
        """On to the agents, where the road is known."""
        self.expects = expects
        if expects == "line":
            self.spots = spots_of(self.road, self.lanes)
            self.free = {kind: np.ones(len(self.spots.lane), bool) for kind in KINDS}

    def _begin(self, name: str, value: str) -> None:
        if name == "style":
            self.expects = "line"
        elif name == "t":
            self.tenth, self.expects = round(float(value) * 10), "who"
        else:
            self.kind, self.expects = name, "lane"

    def _next(self) -> list[str]:
        """At the start of a line."""
        found = list(WORDS["style"]) if self.expects == "style" and self.room > 1 else []
        if self.expects in ("style", "line") and len(self.agents) < MOST_AGENTS and self.room > AGENT_WORDS:
            found += [f"\n{kind}" for kind in KINDS if self._open(kind).any()]
        if self.agents and self.room > EVENT_WORDS:
            found += [f"\nt={tenth / 10:.1f}" for tenth in range(self.tenth, LAST_TENTH + 1)]
        return found + [END] * bool(self.agents)

    def _spots(self) -> Spots:
        assert self.spots is not None
        return self.spots

    def _open(self, kind: str = "") -> np.ndarray:
        """Spots where an agent of a kind can stand, near enough to the ego to be said; (S,) bool."""
        free = self.free[kind or self.kind]
        return free & (np.abs(self._spots().s_m - self.ego_s_m) <= MOST_M) if self.agents else free

    def _places(self) -> list[int]:
        """Where in the chosen lane the agent can stand, as programs say it."""
        here = self._open() & (self._spots().lane == self.lane)
        found: list[int] = (self._spots().s_m[here] - self.ego_s_m).tolist()
        return found

    def _stand(self, rest: str) -> None:
        """The agent's place is known: nobody else can stand there."""
        hundreds = int(self.from_m.partition("=")[2] or 0)
        s_m = self.ego_s_m + hundreds + int(rest)
        spots = self._spots()
        own = int(np.flatnonzero((spots.lane == self.lane) & (spots.s_m == s_m))[0])
        near = np.flatnonzero(np.hypot(*(spots.position_m - spots.position_m[own]).T) < REACH_M)
        size = np.array(SIZES_M[self.kind]) + CLEAR_M
        for kind, free in self.free.items():
            bodies = np.broadcast_to(np.array(SIZES_M[kind]), (len(near), 2))
            free[near] &= ~overlaps(spots.position_m[near], spots.heading_rad[near], bodies,
                                    spots.position_m[own], spots.heading_rad[own], size)
        if not self.agents:
            self.ego_s_m = s_m
        self.agents.append(self.lane)
        self.from_m, self.expects = "", "speed"

    def _ways(self) -> list[str]:
        """What the actor can do with its wheel and pedals: change only to a lane that is there."""
        lane = road_named(self.road, self.lanes).lanes[self.agents[self.who]]
        there = {"left": lane.left is not None, "right": lane.right is not None}
        return [go for go in GOES if there.get(go, True)]

    def _act(self, name: str, value: str) -> None:
        if name == "go" and value in ("left", "right"):
            aside = getattr(road_named(self.road, self.lanes).lanes[self.agents[self.who]], value)
            self.agents[self.who] = int(aside)
        self.expects = "event"
