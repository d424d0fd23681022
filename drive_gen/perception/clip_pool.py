"""Some texts of each clip that training sees: drawn by seed when first asked for, and kept."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from drive_gen.language.plan import Variety
from drive_gen.perception.clip_texts import Known, Named, draw_text, named, one_changed

PER_CLIP = 4
MORE = 0.1  # share of texts with more than three facts
TRAINING = Variety("train", "train")


class Pair(NamedTuple):
    """A text of a clip and the same with one fact changed, which is false of it; None where none can be."""

    true: Named
    false: Named | None


class Pool:
    """PER_CLIP pairs of texts of each clip (N, C)."""

    def __init__(self, holds: np.ndarray, seed: int) -> None:
        self.holds, self.seed = holds, seed
        self.kept: dict[tuple[int, int], Pair] = {}

    def pair(self, clip: int, number: int) -> Pair:
        """Pair `number` of a clip."""
        if (clip, number) not in self.kept:
            self.kept[clip, number] = self._drawn(clip, number)
        return self.kept[clip, number]

    def _drawn(self, clip: int, number: int) -> Pair:
        rng = np.random.default_rng(np.random.SeedSequence([self.seed, clip, number, *b"pool"]))
        known, language = Known(self.holds[clip]), ("en", "ko")[int(rng.integers(2))]
        true = draw_text(known, language, rng, TRAINING, MORE)
        changed = one_changed(true.facts, known.true, rng)
        return Pair(true, named(changed[1], language, rng, TRAINING) if changed else None)
