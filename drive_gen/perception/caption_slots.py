"""A caption's facts as a row of choices: what the captioner's head names, slot by slot; no torch in here."""

from __future__ import annotations

import numpy as np

from drive_gen.language.caption import OF, PLACES
from drive_gen.language.facts import DENSITIES, KINDS, PHASES, ROADS, SPEEDS
from drive_gen.language.sight import Seen, Sight

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
# Of a patch: nobody, car or truck; role; band of speed; and for each deed not at all or a part of the clip.
OBJECT = (1 + len(KINDS), len(OF["who"]), len(SPEEDS), *(1 + len(PHASES),) * len(OF["what"]))
MIRROR = {"left": "right", "right": "left", "lane-left": "lane-right", "lane-right": "lane-left"}


def labels_of(seen: Seen) -> np.ndarray:
    """The value of each slot as a place in SLOTS, (S,) int8; NOT_SAID of those who are not there."""
    said = seen.slots()
    labels = []
    for name, values in SLOTS.items():
        value = said.get(name, "")
        labels.append(values.index(value) if value in values else NOT_SAID)
    return np.array(labels, np.int8)


def patches_of(objects: np.ndarray, sight: Sight, patch_px: tuple[int, int], mirror: bool = False
               ) -> np.ndarray:
    """Who is in each patch, (patches, len(OBJECT)) int8: NOT_SAID of empty ones but for the first, 0.

    Of two in one patch the one nearer to the ego counts. In a mirror, left is right.
    """
    _, rows, columns = sight.shape
    high, wide = rows // patch_px[0], columns // patch_px[1]
    found = np.full((high * wide, len(OBJECT)), NOT_SAID, np.int8)
    found[:, 0] = 0
    for one in sorted(objects, key=lambda each: -float(np.hypot(each[0], each[1]))):
        right = -one[1] if mirror else one[1]
        row = (rows / 2 - one[0] / (sight.m_per_px * sight.along_px)) / patch_px[0]
        column = (columns / 2 + right / sight.m_per_px) / patch_px[1]
        values = one[2:].astype(int)
        if mirror:
            values[1] = _swapped("who")[values[1]]
            values[3:] = values[3:][list(_swapped("what"))]
        place = min(max(int(row), 0), high - 1) * wide + min(max(int(column), 0), wide - 1)
        found[place] = values
        found[place, 0] += 1
    return found


def _swapped(kind: str) -> tuple[int, ...]:
    return tuple(OF[kind].index(MIRROR.get(name, name)) for name in OF[kind])
