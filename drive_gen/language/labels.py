"""Facts as a row of classes, one a slot, and back: what networks and linear readers learn."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from drive_gen.envs.files import InputError
from drive_gen.language.facts import (
    DENSITIES,
    DISTANCES,
    KINDS,
    LAST_S,
    MOST_COUNT,
    MOST_LANES,
    PHASES,
    PLACED,
    ROADS,
    ROLES,
    SPEEDS,
    STYLES,
    TASKS,
    TIMES,
    WEATHERS,
    WHATS,
    WHOS,
    WITHOUTS,
    Agent,
    Event,
    Facts,
)

# Values of each family of slots; the first says nothing.
FAMILIES: dict[str, tuple[Any, ...]] = {
    "road": (None, *ROADS), "lanes": (None, *range(1, MOST_LANES + 1)), "density": (None, *DENSITIES),
    "weather": (None, *WEATHERS), "time": (None, *TIMES), "task": (None, *TASKS), "there": (False, True),
    "kind": KINDS, "count": tuple(range(1, MOST_COUNT + 1)), "style": (None, *STYLES),
    "speed": (None, *SPEEDS), "distance": (None, *DISTANCES), "abreast": (False, True),
    "without": (False, True), "event": ("none", "never", "sometime", *PHASES, *range(1, LAST_S + 1))}
SINGLE = ("road", "lanes", "density", "weather", "time", "task")
GROUPS = ("cars", "trucks")


class Slot(NamedTuple):
    """One question that a text answers: of whom (a role or "someone"; "" of the request), and what."""

    family: str
    who: str
    what: str


def _slots() -> tuple[Slot, ...]:
    found = [Slot(name, "", name) for name in SINGLE]
    for role in ROLES:
        named = {"there": role != "ego", "kind": role not in GROUPS, "count": role not in ("ego", "cut-in"),
                 "style": True, "speed": True, "distance": role in PLACED, "abreast": role in GROUPS}
        found += [Slot(name, role, name) for name, held in named.items() if held]
    found += [Slot("without", "", name) for name in WITHOUTS]
    return (*found, *(Slot("event", who, what) for who in WHOS for what in WHATS))


SLOTS = _slots()
WHOSE = tuple(sorted({slot.who for slot in SLOTS}))
PLACE = {slot: number for number, slot in enumerate(SLOTS)}
SIZES = tuple(len(FAMILIES[slot.family]) for slot in SLOTS)


def labels_of(facts: Facts) -> np.ndarray:
    """The class of every slot, (S,) int8."""
    found = np.zeros(len(SLOTS), np.int8)

    def put(slot: Slot, value: Any) -> None:
        found[PLACE[slot]] = FAMILIES[slot.family].index(value)

    for name in SINGLE:
        put(Slot(name, "", name), getattr(facts, name))
    for agent in facts.agents:
        for name in ("there", "kind", "count", "style", "speed", "distance", "abreast"):
            slot = Slot(name, agent.role, name)
            if slot in PLACE:
                put(slot, name == "there" or getattr(agent, name))
    for without in facts.without:
        put(Slot("without", "", without), True)
    for event in facts.events:
        when = event.at_s if event.at_s is not None else event.when or "sometime"
        put(Slot("event", event.who, event.what), when if event.happens else "never")
    return found


def facts_of_labels(labels: np.ndarray, surety: np.ndarray | None = None) -> Facts:
    """The facts of some classes (S,). Where Facts refuses them, slots are said in order of `surety` (S,) as
    long as nothing contradicts what was said before."""
    said = [int(place) for place in np.flatnonzero(labels)]
    try:
        return _built(labels, said)
    except InputError:
        order = sorted(said, key=lambda place: 0.0 if surety is None else -float(surety[place]))
    kept: list[int] = []
    for place in order:
        try:
            _built(labels, [*kept, place])
        except InputError:
            continue
        kept.append(place)
    return _built(labels, kept)


def _built(labels: np.ndarray, places: list[int]) -> Facts:
    """Facts of the slots at some places; what is said of somebody who is not there is left out."""
    single: dict[str, Any] = {}
    here = {SLOTS[place].who for place in places if SLOTS[place].family in ("there", "event")} | {"ego"}
    agents: dict[str, dict[str, Any]] = {role: {} for role in ROLES if role in here}
    without, events = [], []
    for place in places:
        slot, value = SLOTS[place], FAMILIES[SLOTS[place].family][labels[place]]
        if slot.family == "event":
            events.append(_event(slot, value))
        elif slot.family == "without":
            without.append(slot.what)
        elif not slot.who:
            single[slot.what] = value
        elif slot.family != "there" and slot.who in agents:
            agents[slot.who][slot.what] = value
    return Facts(**single, without=tuple(without), events=tuple(events),  # type: ignore[arg-type]
                 agents=tuple(Agent(role, **values) for role, values in agents.items()))  # type: ignore[arg-type]


def _event(slot: Slot, value: Any) -> Event:
    if value == "never":
        return Event(slot.who, slot.what, happens=False)  # type: ignore[arg-type]
    when = {"when": value} if value in PHASES else {"at_s": value} if isinstance(value, int) else {}
    return Event(slot.who, slot.what, **when)  # type: ignore[arg-type]
