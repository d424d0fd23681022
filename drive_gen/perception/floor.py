"""The least that a segmenter must beat: a table from colours to classes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

LEVELS_BITS = 5  # of each channel


@dataclass(frozen=True, eq=False)
class ColourTable:
    """The class that each colour most often was."""

    label: np.ndarray  # (32768,) uint8

    @classmethod
    def fit(cls, rgb: np.ndarray, mask: np.ndarray, classes: int) -> ColourTable:
        """From pictures (B, H, W, 3) uint8 and their classes (B, H, W)."""
        codes = _codes(rgb).ravel() * classes + mask.ravel()
        counts = np.bincount(codes, minlength=classes << 3 * LEVELS_BITS)
        return cls(counts.reshape(-1, classes).argmax(1).astype(np.uint8))

    def predict(self, rgb: np.ndarray) -> np.ndarray:
        """(B, H, W, 3) -> (B, H, W) uint8."""
        return np.asarray(self.label[_codes(rgb)])


def _codes(rgb: np.ndarray) -> np.ndarray:
    red, green, blue = np.moveaxis(rgb.astype(np.int64) >> (8 - LEVELS_BITS), -1, 0)
    return np.asarray((red << 2 * LEVELS_BITS) + (green << LEVELS_BITS) + blue)
