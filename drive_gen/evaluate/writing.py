"""How well a writer writes: what is new in its programs, what was asked for, and facts of commentaries."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from drive_gen.envs.files import InputError
from drive_gen.language.agree import agreement
from drive_gen.language.commentary import Told, read_commentary
from drive_gen.language.facts import Facts
from drive_gen.language.play import play
from drive_gen.language.program import Program, read_program
from drive_gen.language.read_scene import facts_of_scene

LATE_S = 1.0  # an event may be told so much too early or too late
FEATURES = ("road", "lanes", "density", "agents", "trucks", "styles", "roles", "does")


class Prf(NamedTuple):
    """Precision and recall of facts."""

    precision: float
    recall: float

    @property
    def f1(self) -> float:
        """Their harmonic mean."""
        return 2 * self.precision * self.recall / max(self.precision + self.recall, 1e-12)


def slots_told(told: Told) -> set[str]:
    """The slots of its first scene that a commentary says.

    Not counted is what goes without saying: who is not there, that a lead is one, that trucks are trucks.
    """
    found = set()
    for slot, value in told.start.slots().items():
        who, _, what = slot.partition(".")
        implied = "kind" if who in ("cars", "trucks") else "count"
        if who != "without" and what != implied:
            found.add(f"{slot}={value}")
    return found


def counts_of(wanted: str, said: str) -> dict[str, np.ndarray]:
    """Facts right, said and wanted, of the start, of events and of all; (3,) each."""
    truth, strange = read_commentary(wanted)
    if truth is None or strange:
        raise InputError("the commentary that another is measured by cannot be read")
    got, more = read_commentary(said)
    start = _start(slots_told(truth), slots_told(got) if got else set())
    events = _events(truth, got)
    nonsense = np.array([0, len(more), 0])  # what cannot be understood was said and is wrong
    return {"start": start, "events": events, "all": start + events + nonsense}


def fact_f1(wanted: Sequence[str], said: Iterable[str]) -> dict[str, Prf]:
    """Precision and recall of facts over commentaries: of the start, of events (within LATE_S), of all."""
    totals = {name: np.zeros(3) for name in ("start", "events", "all")}
    for one, other in zip(wanted, said, strict=True):
        for name, counts in counts_of(one, other).items():
            totals[name] += counts
    return {name: Prf(float(right / max(given, 1)), float(right / max(there, 1)))
            for name, (right, given, there) in totals.items()}


def _start(wanted: set[str], said: set[str]) -> np.ndarray:
    return np.array([len(wanted & said), len(said), len(wanted)])


def _events(wanted: Told, said: Told | None) -> np.ndarray:
    given = {(moment.who, moment.what): moment.time_s for moment in said.moments} if said else {}
    repeated = len(said.moments) - len(given) if said else 0
    right = sum(abs(given.get((moment.who, moment.what), np.inf) - moment.time_s) <= LATE_S + 1e-9
                for moment in wanted.moments)
    return np.array([right, len(given) + repeated, len(wanted.moments)])


def slots_that_hold(wanted: Sequence[Facts], programs: Sequence[str]) -> dict[str, float]:
    """Shares of slots, and of whole requests, that hold when the programs are driven; what does not run holds
    nothing."""
    right, asked, whole = 0, 0, 0
    for facts, text in zip(wanted, programs, strict=True):
        try:
            held = agreement(facts, play(read_program(text).scenario()))
        except InputError:
            held = dict.fromkeys(facts.slots(), False)
        right, asked, whole = right + sum(held.values()), asked + len(held), whole + all(held.values())
    return {"slots": right / max(asked, 1), "requests": whole / max(len(wanted), 1)}


def features_of(program: Program) -> dict[str, list[str]]:
    """What is compared of two heaps of programs: each feature's values."""
    facts = facts_of_scene(replace(program.scenario().to_scene(), road=program.map))
    placed = [f"{agent.role} {agent.distance} {agent.speed}" for agent in facts.agents
              if agent.role not in ("ego", "cars", "trucks")]
    does = [act.go or ("brakes" if (act.half_mps2 or 0) < 0 else "speeds up") for act in program.acts
            if act.go or act.half_mps2]
    return {"road": [program.road], "lanes": [str(facts.lanes)], "density": [str(facts.density)],
            "agents": [str(min(len(program.cars), 12))],
            "trucks": [str(min(sum(car.kind == "truck" for car in program.cars), 6))],
            "styles": [car.style for car in program.cars], "roles": placed or ["nobody"],
            "does": does or ["nothing"]}


def features(programs: Sequence[Program]) -> dict[str, Counter[str]]:
    """How often each value of each feature is in a heap of programs."""
    counts = {name: Counter[str]() for name in FEATURES}
    for program in programs:
        for name, values in features_of(program).items():
            counts[name].update(values)
    return counts


def distances(one: Mapping[str, Counter[str]], other: Mapping[str, Counter[str]]) -> dict[str, float]:
    """Total variation distance of each feature's distributions: 0 equal, 1 without anything in common."""
    return {name: _total_variation(one[name], other[name]) for name in FEATURES}


def _total_variation(one: Counter[str], other: Counter[str]) -> float:
    """Half of the sum of differences of shares; 1 where one has nothing."""
    if not one or not other:
        return 1.0
    return sum(abs(one[value] / one.total() - other[value] / other.total())
               for value in one.keys() | other.keys()) / 2


def skeleton(program: Program) -> str:
    """A program without numbers: its road, who is in which lane, and what they do."""
    return " ".join([program.road, str(program.lanes), *(f"{car.kind}{car.lane}" for car in program.cars),
                     *(f"{act.who}{act.go or np.sign(act.half_mps2 or 0)}" for act in program.acts)])


def novelty(programs: Sequence[Program], learnt: Sequence[Program]) -> dict[str, float]:
    """Shares of programs that differ from each other, that were not learnt, and whose skeleton was not."""
    count, shapes = max(len(programs), 1), {skeleton(program) for program in learnt}
    known = set(learnt)
    return {"different": len(set(programs)) / count,
            "new": sum(program not in known for program in programs) / count,
            "new skeleton": sum(skeleton(program) not in shapes for program in programs) / count}


def nearest_commentary(traces: Sequence[Sequence[str]], commentaries: Sequence[str]
                       ) -> Callable[[Sequence[str]], str]:
    """A floor: the commentary of the trace that shares most words (as bags) with the one that is given."""
    names = sorted({word for trace in traces for word in trace})
    places = {word: place for place, word in enumerate(names)}
    bags = np.zeros((len(traces), len(names)), np.float32)
    for row, trace in enumerate(traces):
        for word in trace:
            bags[row, places[word]] += 1
    sizes = bags.sum(1)

    def nearest(trace: Sequence[str]) -> str:
        own = np.zeros(len(names), np.float32)
        for word in trace:
            if word in places:
                own[places[word]] += 1
        shared = np.minimum(bags, own).sum(1)
        return commentaries[int((shared / np.maximum(sizes + len(trace) - shared, 1)).argmax())]

    return nearest
