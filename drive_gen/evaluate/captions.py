"""How true and how full captions are: facts said against facts that hold, slot by slot."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from drive_gen.evaluate.statistics import Estimate
from drive_gen.language.sight import Seen


@dataclass(frozen=True)
class CaptionScore:
    """Of all facts together; a fact is a slot with its value."""

    precision: float  # of what is said, the share that is so
    recall: float  # of what is so, the share that is said
    exact: float  # captions that say all that is so and nothing else
    by_slot: Mapping[str, tuple[float, int]]  # F1 by kind of slot, and how many facts of it there are

    @property
    def f1(self) -> float:
        """Of facts."""
        return _f1(self.precision, self.recall)

    @property
    def hallucinated(self) -> float:
        """Share of said facts that are not so."""
        return 1 - self.precision


def kind_of_slot(slot: str) -> str:
    """A slot's row in a table: lead.kind -> kind of neighbours; cars.brake -> brake."""
    who, _, name = slot.partition(".")
    if not name or who == "without":
        return who
    if who == "ego" and name in ("kind", "speed"):
        return f"our {name}"
    return "why" if name.endswith("why") else f"nobody: {name}" if who == "someone" else name


def score_captions(wanted: Sequence[Seen], said: Sequence[Seen], without: Sequence[str] = ()) -> CaptionScore:
    """Facts pooled over captions; slots named in `without` are left out on both sides."""
    right, given, true, exact = Counter[str](), Counter[str](), Counter[str](), 0
    for want, got in zip(wanted, said, strict=True):
        ours, theirs = (_but(seen.slots(), without) for seen in (got, want))
        exact += ours == theirs
        given.update(map(kind_of_slot, ours))
        true.update(map(kind_of_slot, theirs))
        right.update(kind_of_slot(slot) for slot, value in ours.items() if theirs.get(slot) == value)
    by_slot = {name: (_f1(right[name] / max(given[name], 1), right[name] / max(true[name], 1)), true[name])
               for name in sorted(given.keys() | true.keys())}
    return CaptionScore(right.total() / max(given.total(), 1), right.total() / max(true.total(), 1),
                        exact / max(len(wanted), 1), by_slot)


def interval(wanted: Sequence[Seen], said: Sequence[Seen], of: Callable[[CaptionScore], float],
             draws: int = 100, without: Sequence[str] = ()) -> Estimate:
    """A score and its 95 % interval, captions being resampled."""
    rng = np.random.default_rng(0)
    values = []
    for _ in range(draws):
        chosen = rng.integers(len(wanted), size=len(wanted))
        values.append(of(score_captions([wanted[n] for n in chosen], [said[n] for n in chosen], without)))
    low, high = np.quantile(values, (0.025, 0.975))
    return Estimate(of(score_captions(wanted, said, without)), float(low), float(high))


def _but(slots: Mapping[str, str], without: Sequence[str]) -> dict[str, str]:
    return {slot: value for slot, value in slots.items() if slot not in without}


def _f1(precision: float, recall: float) -> float:
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0
