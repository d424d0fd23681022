"""How well classes of pixels are told: intersection over union."""

from __future__ import annotations

import numpy as np


def confusion(truth: np.ndarray, guess: np.ndarray, classes: int) -> np.ndarray:
    """Pixels by true class (rows) and guessed class (columns); (classes, classes) int64."""
    codes = truth.astype(np.int64).ravel() * classes + guess.astype(np.int64).ravel()
    return np.asarray(np.bincount(codes, minlength=classes**2).reshape(classes, classes))


def ious(counts: np.ndarray) -> np.ndarray:
    """Intersection over union of each class, (classes,); NaN where it is neither there nor guessed.

    Source: Everingham et al., 2015 (PASCAL VOC); pixels of all pictures are counted together.
    """
    both = np.diag(counts).astype(np.float64)
    either = counts.sum(0) + counts.sum(1) - both
    return np.asarray(np.divide(both, either, out=np.full(len(counts), np.nan), where=either > 0))


def mean_iou(counts: np.ndarray) -> float:
    """Mean over the classes that are there or guessed."""
    return float(np.nanmean(ious(counts)))
