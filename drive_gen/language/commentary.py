"""Commentary: what an episode holds as timed lines, in English and Korean, and back.

    0.0 s: 3-lane highway, light traffic; our car, at normal speed; truck ahead, close, slow; 2 other cars
    3.2 s: the truck ahead brakes hard
    12.0 s: end

Exact: `facts_of_commentary(commentary(episode, language))` are `facts_of_episode(episode)`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import product
from typing import Any, Literal, NamedTuple

from drive_gen.envs.config import check_choice
from drive_gen.envs.episode import Episode
from drive_gen.envs.files import InputError
from drive_gen.language.facts import (
    DENSITIES,
    DISTANCES,
    KINDS,
    MOST_COUNT,
    MOST_LANES,
    PHASES,
    ROADS,
    SPEEDS,
    Agent,
    Event,
    Facts,
)
from drive_gen.language.inflect import english, korean, particles
from drive_gen.language.read_episode import happenings, names_of
from drive_gen.language.read_scene import facts_of_scene
from drive_gen.language.words_en import DENSITY as DENSITY_EN
from drive_gen.language.words_en import EVENT as EVENT_EN
from drive_gen.language.words_en import ROAD as ROAD_EN
from drive_gen.language.words_ko import DENSITY as DENSITY_KO
from drive_gen.language.words_ko import EVENT as EVENT_KO
from drive_gen.language.words_ko import ROAD as ROAD_KO

Language = Literal["en", "ko"]
LANGUAGES: tuple[Language, ...] = ("en", "ko")
DOES = ("brake", "cut-in", "lane-left", "lane-right", "stop", "accelerate", "crash", "merge")
PLACES = ("lead", "follower", "left", "right")
GROUPS = ("cars", "trucks")
NEWCOMER = "newcomer"  # who was not there at the start; facts do not name them
LOOKED_FOR = ("brake", "cut-in", "lane-change", "crash")  # of which facts say that nobody does it
CHANGES = ("lane-left", "lane-right", "cut-in")


class Moment(NamedTuple):
    """The first time that somebody of a role does something."""

    time_s: float
    who: str
    what: str


@dataclass(frozen=True)
class Told:
    """What a commentary says."""

    start: Facts  # of the first scene
    moments: tuple[Moment, ...]  # by time
    end_s: float


class Phrases(NamedTuple):
    """A language's phrases: value -> what is said. Phrases of one table differ."""

    roads: dict[tuple[str, int, str], str]  # road kind, lanes, density
    agents: dict[Agent, str]
    moments: dict[tuple[str, str, str], str]  # who, kind, what
    unit: str
    end: str


def told_of(episode: Episode) -> Told:
    """What there is to be told of an episode."""
    start = episode.scene(0)
    if start.ego is None:
        raise InputError("a commentary is told from an ego, and this episode has none")
    names, first = names_of(start), dict[tuple[str, str], float]()
    for one in sorted(happenings(episode), key=lambda each: each.time_s):
        who = names.get(int(episode.agent_id[one.agent]), NEWCOMER)
        first.setdefault((who, one.what), one.time_s)
    moments = sorted(Moment(round(time_s, 3), who, what) for (who, what), time_s in first.items())
    return Told(facts_of_scene(start), tuple(moments), round(episode.duration_s, 3))


def commentary(episode: Episode, language: Language = "en") -> str:
    """The commentary of an episode."""
    return say(told_of(episode), language)


def say(told: Told, language: Language = "en") -> str:
    """What is told, in a language."""
    check_choice(language, LANGUAGES, "language")
    phrases, facts = phrases_of(language), told.start
    ego = facts.agent("ego")
    assert ego is not None
    parts = [phrases.roads[facts.road or "", facts.lanes or 1, facts.density or ""], phrases.agents[ego],
             *(phrases.agents[agent] for agent in facts.agents if agent.role != "ego")]
    lines = [(0.0, "; ".join(parts))]
    for moment in told.moments:
        agent = facts.agent(moment.who)
        kind = agent.kind if agent else "car"
        lines.append((moment.time_s, phrases.moments[moment.who, kind, moment.what]))
    lines.append((told.end_s, phrases.end))
    return "\n".join(f"{_clock(time_s)}{phrases.unit}: {line}" for time_s, line in lines)


def told_in(text: str) -> Told:
    """What a commentary says; an InputError names the first line that is none."""
    told, strange = read_commentary(text)
    if strange:
        raise InputError(f"no line of a commentary: {strange[0]!r}")
    if told is None:
        raise InputError("a commentary begins with a road and an ego")
    return told


def facts_of_commentary(text: str) -> Facts:
    """The facts of the episode whose commentary it is; who is not there, and what nobody does, too."""
    told = told_in(text)
    events = [Event(who, what, when=_phase(time_s, told.end_s))  # type: ignore[arg-type]
              for time_s, who, what in told.moments if who != NEWCOMER]
    done = {moment.what for moment in told.moments}
    done |= {"lane-change"} if done & set(CHANGES) else set()
    never = [Event("someone", what, happens=False) for what in LOOKED_FOR  # type: ignore[arg-type]
             if what not in done]
    return replace(told.start, events=(*events, *never))


def read_commentary(text: str) -> tuple[Told | None, list[str]]:
    """What can be understood of it (None without a road or an ego), and what cannot or is missing."""
    phrases = phrases_of("ko" if re.search(r"\d초:", text) else "en")
    roads, agents, does = (_turned(phrases.roads), _turned(phrases.agents), _turned(phrases.moments))
    road: tuple[str, int, str] | None = None
    here: dict[str, Agent] = {}
    moments: list[Moment] = []
    end_s: float | None = None
    strange: list[str] = []
    for line in filter(None, map(str.strip, text.splitlines())):
        found = re.fullmatch(r"(\d+\.\d+)(?: s|초): (.*)", line)
        time_s = float(found[1]) if found else 0.0
        for part in found[2].split("; ") if found else [line]:
            if part in roads and road is None:
                road = roads[part]
            elif part in agents and agents[part].role not in here:
                here[agents[part].role] = agents[part]
            elif part in does:
                moments.append(Moment(time_s, does[part][0], does[part][2]))
            elif found and part == phrases.end and end_s is None:
                end_s = time_s
            else:
                strange.append(part)
    if end_s is None:
        strange.append("it does not end")
        end_s = max((moment.time_s for moment in moments), default=0.0)
    if road is None or "ego" not in here:
        return None, strange
    try:
        return Told(_start(road, here), tuple(sorted(moments)), end_s), strange
    except InputError as error:  # an empty road and somebody on it
        return None, [*strange, str(error)]


def _start(road: tuple[str, int, str], here: dict[str, Agent]) -> Facts:
    missing = [role for role in PLACES if role not in here]
    if not any(agent.kind == "truck" for agent in here.values() if agent.role != "ego"):
        missing.append("trucks")
    kind, lanes, density = road
    return Facts(kind, lanes, density, agents=tuple(here.values()),  # type: ignore[arg-type]
                 without=tuple(missing))  # type: ignore[arg-type]


@lru_cache(maxsize=2)
def phrases_of(language: Language) -> Phrases:
    """All that can be said in a language."""
    return _english() if language == "en" else _korean()


def _english() -> Phrases:
    speed = dict(zip(SPEEDS, ("standing still", "slow", "at normal speed", "fast"), strict=True))
    away = dict(zip(DISTANCES, ("alongside", "close", "at a medium distance", "far away"), strict=True))
    place = {"lead": "ahead", "follower": "behind", "left": "on the left", "right": "on the right"}

    def agent(one: Agent) -> str:
        if one.role == "ego":
            return f"our {one.kind}, {speed[one.speed or '']}"
        if one.role in GROUPS:
            count = f"{one.count} or more" if one.count == MOST_COUNT else str(one.count)
            return f"{count} other {one.kind}{'s' * (one.count > 1)}" + " side by side" * one.abreast
        return f"{one.kind} {place[one.role]}, {away[one.distance or '']}, {speed[one.speed or '']}"

    def moment(who: str, kind: str, what: str) -> str:
        name = {"ego": f"our {kind}", NEWCOMER: "a newcomer", "cars": "one of the other cars",
                "trucks": "one of the other trucks"}.get(who, f"the {kind} {place.get(who)}")
        return f"{name} {english(EVENT_EN[what][0])['does']}"

    roads = {(road, lanes, density): f"{lanes}-lane {ROAD_EN[road][0]}, {DENSITY_EN[density][0]}"
             for road, lanes, density in _roads()}
    return Phrases(roads, {one: agent(one) for one in _agents()},
                   {key: moment(*key) for key in _moments()}, " s", "end")


def _korean() -> Phrases:
    speed = dict(zip(SPEEDS, ("정지", "느림", "보통 속도", "빠름"), strict=True))
    away = dict(zip(DISTANCES, ("바로 옆", "가까움", "적당한 거리", "멂"), strict=True))
    kinds = {"car": "차", "truck": "트럭"}
    place = {"ego": "우리", "lead": "앞", "follower": "뒤", "left": "왼쪽", "right": "오른쪽"}

    def agent(one: Agent) -> str:
        kind = kinds[one.kind]
        if one.role == "ego":
            return f"우리 {kind}, {speed[one.speed or '']}"
        if one.role in GROUPS:
            count = f"{one.count}대" + " 이상" * (one.count == MOST_COUNT)
            return f"다른 {kind} {count}" + " 나란히" * one.abreast
        return f"{place[one.role]} {kind}, {away[one.distance or '']}, {speed[one.speed or '']}"

    def moment(who: str, kind: str, what: str) -> str:
        name = {NEWCOMER: "새로 나타난 차", "cars": "다른 차 한 대", "trucks": "다른 트럭 한 대"}.get(
            who, f"{place.get(who)} {kinds[kind]}")
        return particles(f"{name}/이 {korean(EVENT_KO[what][0])['does']}")

    roads = {(road, lanes, density): f"{lanes}차로 {ROAD_KO[road][0]}, {DENSITY_KO[density][0]}"
             for road, lanes, density in _roads()}
    return Phrases(roads, {one: agent(one) for one in _agents()},
                   {key: moment(*key) for key in _moments()}, "초", "끝")


def _roads() -> product[Any]:
    return product(ROADS, range(1, MOST_LANES + 1), DENSITIES)


def _agents() -> list[Agent]:
    """Every agent that a scene's facts can hold."""
    make: Any = Agent
    egos = [make("ego", kind, speed=speed) for kind in KINDS for speed in SPEEDS]
    placed = [make(role, kind, speed=speed, distance=distance) for role, kind, speed, distance
              in product(PLACES, KINDS, SPEEDS, DISTANCES)
              if not (role in ("lead", "follower") and distance == "beside")]
    groups = [make(role, count=count, abreast=abreast) for role, count, abreast
              in product(GROUPS, range(1, MOST_COUNT + 1), (False, True)) if count > 1 or not abreast]
    return egos + placed + groups


def _moments() -> list[tuple[str, str, str]]:
    """Who, of which kind, does what."""
    named = list(product(("ego", *PLACES), KINDS, DOES))
    return named + [(who, kind, what) for who, kind in (("cars", "car"), ("trucks", "truck"),
                                                        (NEWCOMER, "car")) for what in DOES]


def _turned(phrases: dict[Any, str]) -> dict[str, Any]:
    return {said: value for value, said in phrases.items()}


def _phase(time_s: float, end_s: float) -> str:
    """As read_episode's."""
    return str(PHASES[min(int(time_s / max(end_s, 1e-3) * 3), 2)])


def _clock(time_s: float) -> str:
    """Tenths of a second, or thousandths where they are needed."""
    return f"{time_s:.1f}" if abs(time_s - round(time_s, 1)) < 1e-6 else f"{time_s:.3f}"
