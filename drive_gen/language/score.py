"""How well facts are read: all slots exactly, and slot by slot."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from drive_gen.envs.files import InputError
from drive_gen.language.facts import SINGLE, Facts
from drive_gen.language.splits import Request


@dataclass(frozen=True)
class Score:
    """Shares of requests and of slots that were read right."""

    count: int
    exact: float  # all slots of the request
    precision: float  # of the slots read
    recall: float  # of the slots said
    by_group: dict[str, float]  # F1 by group of slots: road, ..., agents, without, events

    @property
    def f1(self) -> float:
        """Of slots."""
        return _f1(self.precision, self.recall)


def group_of(slot: str) -> str:
    """A slot's row in a table."""
    if slot in SINGLE or slot == "task":
        return slot
    if slot.startswith("without."):
        return "without"
    name = slot.split(".")[1]
    return name if name in ("kind", "count", "style", "speed", "distance", "abreast") else "events"


def score(wanted: Sequence[Facts], read: Sequence[Facts | None]) -> Score:
    """None was not understood."""
    right, said, given = Counter[str](), Counter[str](), Counter[str]()
    exact = 0
    for want, got in zip(wanted, read, strict=True):
        exact += want == got
        ours = got.slots() if got else {}
        for slot, value in want.slots().items():
            said[group_of(slot)] += 1
            right[group_of(slot)] += ours.get(slot) == value
        given.update(group_of(slot) for slot in ours)
    by_group = {name: _f1(right[name] / max(given[name], 1), right[name] / said[name])
                for name in sorted(said)}
    return Score(len(wanted), exact / max(len(wanted), 1), right.total() / max(given.total(), 1),
                 right.total() / max(said.total(), 1), by_group)


def score_reader(requests: Sequence[Request], reader: Callable[[str, str], Facts]) -> Score:
    """Of a function of text and language; what it refuses counts as not understood."""
    read: list[Facts | None] = []
    for request in requests:
        try:
            read.append(reader(request.text, request.language))
        except InputError:
            read.append(None)
    return score([request.facts for request in requests], read)


def _f1(precision: float, recall: float) -> float:
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0
