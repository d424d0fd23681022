"""Texts of clips by seed: some of what holds, said in either language; and the same with one fact changed."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from drive_gen.envs.files import InputError
from drive_gen.language.facts import (
    DENSITIES,
    DISTANCES,
    KINDS,
    MOST_COUNT,
    MOST_LANES,
    PHASES,
    SPEEDS,
    WHATS,
    Agent,
    Event,
    Facts,
)
from drive_gen.language.plan import Variety
from drive_gen.language.played import SEEN_ROADS
from drive_gen.language.speak import say
from drive_gen.perception.claims import CLAIMS, KIND_OF, MISSING, NEXT, claims_of, facts_of_event, row_of

SHARES = (0.3, 0.35, 0.35)  # of texts with one, two and three facts
TRIES = 30
CHANGED = ("road", "lanes", "density", "kind", "count", "side", "speed", "distance", "without", "event",
           "phase", "happens")
SIDES = {"left": "right", "right": "left", "lead": "follower", "follower": "lead", "lane-left": "lane-right",
         "lane-right": "lane-left"}
# How often a kind of fact is named where there are such facts.
WEIGHTS = {"road": 1.0, "lanes": 0.7, "density": 0.5, "agent": 3.5, "group": 1.5, "without": 0.7,
           "event": 3.0, "never": 0.8}


@dataclass(frozen=True)
class Named:
    """A text, what it says, and its claims (C,)."""

    text: str
    facts: Facts
    claims: np.ndarray


class Known:
    """What a clip's claims (C,) hold, as a row of facts that may be named, by kind."""

    def __init__(self, holds: np.ndarray) -> None:
        self.true = {CLAIMS[place] for place in np.flatnonzero(holds)}
        self.kind = {role: kind for role in ("ego", *NEXT) for kind in KINDS
                     if f"{role}.kind={kind}" in self.true}
        self.total = {f"{kind}s": next((count for count in range(1, MOST_COUNT + len(NEXT) + 1)
                                        if f"{kind}s={count}" in self.true), 0) for kind in KINDS}
        self.facts: dict[str, list[str]] = {}
        for claim in sorted(self.true):
            if KIND_OF[claim] and self._is_told(claim):
                self.facts.setdefault(KIND_OF[claim], []).append(claim)

    def _is_told(self, claim: str) -> bool:
        """Whoever is not there does nothing, but that is not worth a word."""
        who = claim.split(".")[0]
        return not claim.endswith("=never") or who == "someone" or who in self.kind


def draw_facts(known: Known, count: int, rng: np.random.Generator) -> Facts:
    """`count` of what is known, or fewer where there are no more."""
    for _ in range(TRIES):
        chosen: dict[str, str] = {}
        for _ in range(count):
            names = list(known.facts)
            weights = np.array([WEIGHTS[name] for name in names])
            claims = known.facts[names[int(rng.choice(len(names), p=weights / weights.sum()))]]
            claim = claims[int(rng.integers(len(claims)))]
            chosen[claim.split("=")[0].split(">")[0]] = claim
        try:
            facts = assembled(list(chosen.values()), known)
        except InputError:
            continue
        claims_said = claims_of(facts)
        if claims_said and known.true.issuperset(claims_said):
            return facts
    raise InputError("a clip of which nothing can be said")


def assembled(claims: Sequence[str], known: Known) -> Facts:
    """Facts of some claims; whoever is named has its kind, and a group its count."""
    single: dict[str, Any] = {}
    agents: dict[str, dict[str, Any]] = {}
    without: list[Any] = []
    events: list[Event] = []
    for claim in claims:
        head, _, value = claim.partition("=")
        who, _, what = head.partition(".")
        if head in ("road", "lanes", "density"):
            single[head] = int(value) if head == "lanes" else value
        elif who == "without":
            without.append(what)
        elif what.split("=")[0] in WHATS:
            events.append(facts_of_event(claim))
            agents.setdefault(who, {}) if who != "someone" else None
        else:
            about = agents.setdefault(who, {})
            if what in ("speed", "distance"):
                about[what] = value
            elif what == "abreast":
                about["abreast"] = True
            elif what.endswith(">"):
                about["count"] = int(value)
    people = [_agent(role, about, agents, known) for role, about in agents.items()]
    return Facts(agents=tuple(people), without=tuple(without), events=tuple(events), **single)


def _agent(role: str, about: dict[str, Any], named: dict[str, Any], known: Known) -> Agent:
    if role == "cut-in":
        kinds = [kind for kind in KINDS if f"cut-in.kind={kind}" in known.true]
        return Agent("cut-in", kinds[0] if kinds else "car")
    if role in ("cars", "trucks"):
        others = sum(known.kind.get(other) == role.rstrip("s") for other in named if other in NEXT)
        return Agent(role, count=known.total[role] - others, **about)  # type: ignore[arg-type]
    return Agent(role, known.kind[role], **about)  # type: ignore[arg-type]


Change = dict[str, Any]  # fields of Facts


def changes_of(facts: Facts) -> list[tuple[str, Change]]:
    """Everything that may become of the facts when one of them is changed, by what is changed; some of it
    contradictory."""
    found: list[tuple[str, Change]] = []

    def add(what: str, **new: Any) -> None:
        found.append((what, new))

    options = {"road": SEEN_ROADS, "lanes": range(1, MOST_LANES + 1), "density": DENSITIES[1:]}
    for name, values in options.items():
        for value in values:
            if getattr(facts, name) not in (None, value):
                add(name, **{name: value})
    for one in facts.without:
        for other in MISSING:
            if other not in facts.without:
                add("without", without=tuple(other if each == one else each for each in facts.without))
    for number, agent in enumerate(facts.agents):
        for what, other_agent in _agents_like(agent, facts):
            others = facts.agents[:number] + facts.agents[number + 1 :]
            add(what, agents=(*others, other_agent), events=tuple(
                replace(event, who=other_agent.role) if event.who == agent.role else event
                for event in facts.events))
    for number, event in enumerate(facts.events):
        for what, other_event in _events_like(event):
            rest = facts.events[:number] + facts.events[number + 1 :]
            add(what, events=(*rest, other_event))
    return found


def _agents_like(agent: Agent, facts: Facts) -> list[tuple[str, Agent]]:
    """Agents that differ in one thing."""
    found: list[tuple[str, Agent]] = []
    roles = {each.role for each in facts.agents}

    def add(what: str, **new: Any) -> None:
        with suppress(InputError):  # a distance that the other side cannot have
            found.append((what, replace(agent, **new)))

    group = {"cars": "trucks", "trucks": "cars"}.get(agent.role)
    if group is None:
        add("kind", kind="truck" if agent.kind == "car" else "car")
    elif group not in roles:
        add("kind", role=group, kind=group.rstrip("s"))
    if (other := SIDES.get(agent.role)) and other not in roles:
        add("side", role=other)
    if group is not None:
        for count in range(2 if agent.abreast else 1, MOST_COUNT + 1):
            if count != agent.count:
                add("count", count=count)
    for name, values in (("speed", SPEEDS), ("distance", DISTANCES)):
        for value in values:
            if getattr(agent, name) not in (None, value):
                add(name, **{name: value})
    return found


def _events_like(event: Event) -> list[tuple[str, Event]]:
    """Events that differ in one thing."""
    found: list[tuple[str, Event]] = []
    if event.what in SIDES:
        found.append(("side", replace(event, what=SIDES[event.what])))  # type: ignore[arg-type]
    if event.who != "cut-in":
        others: list[Any] = [what for what in WHATS if what not in (event.what, SIDES.get(event.what))]
        found += [("event", Event(event.who, what, event.when, event.at_s, event.happens)) for what in others]
    found += [("phase", replace(event, when=phase)) for phase in PHASES if event.when not in (None, phase)]
    if event.when is None and event.at_s is None and event.who != "cut-in":
        found.append(("happens", replace(event, happens=not event.happens)))
    return found


def one_changed(facts: Facts, true: set[str], rng: np.random.Generator) -> tuple[str, Facts] | None:
    """What was changed, and facts that are false of a clip for it; None where nothing can be."""
    options: dict[str, list[Change]] = {}
    for what, change in changes_of(facts):
        options.setdefault(what, []).append(change)
    kinds = list(options)
    for kind in rng.permutation(len(kinds)):
        changes = options[kinds[kind]]
        for place in rng.permutation(len(changes)):
            with suppress(InputError):  # a contradiction is said of nothing
                other = replace(facts, **changes[place])
                claims = claims_of(other)
                if claims and not true.issuperset(claims):
                    return kinds[kind], other
    return None


def named(facts: Facts, language: str, rng: np.random.Generator, variety: Variety) -> Named:
    """Facts in words."""
    claims = claims_of(facts)
    assert claims is not None
    return Named(say(facts, language, int(rng.integers(2**31)), variety), facts, row_of(claims))


def draw_text(known: Known, language: str, rng: np.random.Generator, variety: Variety, more: float = 0.0
              ) -> Named:
    """One to three facts of a clip in words; a share `more` of texts has up to five."""
    count = int(rng.integers(4, 6)) if rng.random() < more else 1 + int(rng.choice(3, p=SHARES))
    return named(draw_facts(known, count, rng), language, rng, variety)
