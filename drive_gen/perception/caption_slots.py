"""A caption's facts as a row of choices: what the captioner's head names, slot by slot; no torch in here."""

from __future__ import annotations

import numpy as np

from drive_gen.language.caption import OF, PLACES
from drive_gen.language.facts import DENSITIES, PHASES, ROADS, SPEEDS
from drive_gen.language.sight import Seen

NOT_SAID = -1  # where there is nobody to say it of
DISTANCE = ("beside", "near", "middle", "far")
GROUPS = ("cars", "trucks")


def _slots() -> dict[str, tuple[str, ...]]:
    """Every slot and its values; "" is not there, or not so."""
    found: dict[str, tuple[str, ...]] = {
        "road": tuple(ROADS), "lanes": OF["lanes"], "density": tuple(DENSITIES), "ego.kind": ("car", "truck"),
        "ego.speed": tuple(SPEEDS), "without.trucks": ("", "True")}
    for role in PLACES:
        found |= {f"{role}.kind": ("", "car", "truck"), f"{role}.speed": tuple(SPEEDS),
                  f"{role}.distance": DISTANCE}
    for role in GROUPS:
        found |= {f"{role}.count": ("", *OF["count"]), f"{role}.abreast": ("", "True")}
    return found | {f"{who}.{what}": ("", *PHASES) for who in OF["who"] for what in OF["what"]
                    if (who, what) != ("ego", "cut-in")}


SLOTS = _slots()
CLASSES = max(map(len, SLOTS.values()))


def labels_of(seen: Seen) -> np.ndarray:
    """The value of each slot as a place in SLOTS, (S,) int8; NOT_SAID of those who are not there."""
    said = seen.slots()
    labels = []
    for name, values in SLOTS.items():
        value = said.get(name, "")
        labels.append(values.index(value) if value in values else NOT_SAID)
    return np.array(labels, np.int8)
