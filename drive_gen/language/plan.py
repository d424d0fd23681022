"""What is said in which order: facts as a row of units, each of which becomes a clause in either language."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeVar

import numpy as np

from drive_gen.language.facts import PLACED, Agent, Event, Facts

Share = Literal["train", "held", "any"]
Reference = Literal["new", "known", "kind", "former", "latter"]  # how a unit's agent is named
T = TypeVar("T")


@dataclass(frozen=True)
class Variety:
    """Which phrasings and which synonyms may be used: those of training, those held out, or any."""

    phrasings: Share = "any"
    synonyms: Share = "any"


def share_of(options: Sequence[T], share: Share) -> Sequence[T]:
    """The last quarter, at least one, is held out; of fewer than three nothing is."""
    if share == "any" or len(options) < 3:
        return options
    kept = len(options) - max(1, len(options) // 4)
    return options[:kept] if share == "train" else options[kept:]


def pick(options: Sequence[T], rng: np.random.Generator, share: Share = "any") -> T:
    """One of them by chance."""
    chosen = share_of(options, share)
    return chosen[int(rng.integers(len(chosen)))]


@dataclass(frozen=True)
class Unit:
    """One clause to be said."""

    form: str  # of words_*.FRAME, mostly
    value: str | int | None = None
    agent: Agent | None = None
    event: Event | None = None
    reference: Reference = "new"


def plan(facts: Facts, rng: np.random.Generator) -> list[Unit]:
    """The units of some facts, in an order by chance: where, who, what happens; the rest anywhere between."""
    setting = [Unit(form, value) for form, value in (("road", facts.road), ("lanes", facts.lanes),
                                                     ("density", facts.density), ("weather", facts.weather),
                                                     ("time", facts.time)) if value is not None]
    rng.shuffle(setting)
    people = _people(facts, rng)
    happenings = _refer(people, _happenings(facts, people, rng), facts, rng)
    loose = [[Unit("without", name)] for name in facts.without]
    loose += [[Unit("task", facts.task)]] if facts.task else []
    # Rows that must not be torn apart: whom the latter is depends on who was named just before.
    pointed = any(unit.reference in ("former", "latter") for unit in happenings)
    rows = [[*people, *happenings]] if pointed else [people, happenings]
    for row in loose:
        rows.insert(int(rng.integers(len(rows) + 1)), row)
    rows.insert(0 if rng.random() < 0.8 else len(rows), setting)
    return [unit for row in rows for unit in row]


def _modifiers(agent: Agent) -> int:
    return sum((agent.style is not None, agent.speed is not None, agent.distance is not None, agent.count > 1,
                agent.abreast))


def _people(facts: Facts, rng: np.random.Generator) -> list[Unit]:
    """Those who are named before anything happens; the others are as they come into it."""
    found: list[Unit] = []
    for agent in facts.agents:
        acts = any(event.who == agent.role and event.happens for event in facts.events)
        if agent.role == "ego":
            said = (("style", agent.style), ("speed", agent.speed), ("kind", agent.kind))
            found += [Unit(f"ego_{name}", value) for name, value in said if value not in (None, "car")]
        elif agent.role == "cut-in" or (agent == Agent("lead") and facts.task == "follow") or (
                acts and agent.count == 1 and (not _modifiers(agent) or rng.random() < 0.5)):
            continue
        elif agent.role in PLACED and agent.count == 1 and _modifiers(agent) and rng.random() < 0.4:
            found.append(Unit("is", agent=agent))
        else:
            found.append(Unit("there", agent=agent))
    rng.shuffle(found)
    return found


def _happenings(facts: Facts, people: list[Unit], rng: np.random.Generator) -> list[Unit]:
    """Events: one who does not do what another just did may be said to be unlike it, one's next is short."""
    known: set[str] = {unit.agent.role for unit in people if unit.agent}
    left = list(facts.events)
    rng.shuffle(left)
    found: list[Unit] = []
    while left:
        event = left.pop(0)
        agent = facts.agent(event.who)
        if not event.happens:
            found.append(Unit("nobody" if event.who == "someone" else "never", agent=agent, event=event,
                              reference="known"))
            continue
        reference: Reference = "known" if event.who in known else "new"
        known.add(event.who)
        found.append(Unit("event", agent=agent, event=event, reference=reference))
        for other in left:
            if other.who == event.who and other.happens and rng.random() < 0.5:
                found.append(Unit("also", agent=agent, event=other))
            elif (other.what == event.what and not other.happens and other.who not in ("someone", "ego")
                  and event.who != "someone" and rng.random() < 0.7):
                found.append(Unit("but_not", agent=facts.agent(other.who), event=other, reference="known"))
            else:
                continue
            left.remove(other)
            break
    return found


def _refer(people: list[Unit], happenings: list[Unit], facts: Facts, rng: np.random.Generator) -> list[Unit]:
    """Some of the known are named by their kind alone, or as the former and the latter of two."""
    trucks = [agent for agent in facts.agents if agent.kind == "truck"]
    found = list(happenings)
    for number, unit in enumerate(found):
        agent = unit.agent
        lone = agent is not None and trucks == [agent] and agent.role in PLACED and agent.count == 1
        cuts = unit.event is not None and unit.event.what == "cut-in"  # "the truck cutting in" is a third one
        if lone and not cuts and unit.reference == "known" and rng.random() < 0.5:
            before = [*people, *found[:number]]
            if any(other.agent == unit.agent for other in before):
                found[number] = replace(unit, reference="kind")
    pair = [unit.agent for unit in people[-2:] if unit.form == "there" and unit.agent]
    first = found[0].agent if found else None
    if first and len(pair) == 2 and first in pair and first.count == 1 and rng.random() < 0.5:
        found[0] = replace(found[0], reference="former" if first == pair[0] else "latter")
    return found
