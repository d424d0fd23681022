"""Scores of probabilities and classes; as torchmetrics', which a test compares them with."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import optimize, special, stats

from drive_gen.evaluate.statistics import Estimate

RESAMPLES = 500


def auroc(score: np.ndarray, positive: np.ndarray) -> float:
    """Chance that a positive scores above a negative, ties half; (n,) each. NaN without one of either."""
    positives, negatives = int(positive.sum()), int((~positive).sum())
    if not positives or not negatives:
        return float("nan")
    above = stats.rankdata(score)[positive].sum() - positives * (positives + 1) / 2
    return float(above / (positives * negatives))


def average_precision(score: np.ndarray, positive: np.ndarray) -> float:
    """Precision at each threshold, weighed by the recall that it adds; (n,) each. NaN without a positive."""
    if not positive.any():
        return float("nan")
    order = np.argsort(-score, kind="stable")
    last = np.flatnonzero(np.append(np.diff(score[order]) != 0, True))  # of each group of equal scores
    hits = positive[order].cumsum()[last]
    return float((np.diff(hits, prepend=0) / hits[-1] * hits / (last + 1)).sum())


def calibration_error(probability: np.ndarray, positive: np.ndarray, bins: int = 15) -> float:
    """Expected calibration error: mean distance of said and seen rates over equal bins, by their sizes.

    Source: Guo et al., 2017.
    """
    number = np.clip(np.ceil(probability * bins).astype(int) - 1, 0, bins - 1)  # a bin holds its upper end
    said = np.bincount(number, probability, bins)
    seen = np.bincount(number, positive.astype(np.float64), bins)
    return float(np.abs(said - seen).sum() / len(probability))


def temperature_of(logit: np.ndarray, positive: np.ndarray) -> float:
    """What logits (n,) are divided by to be likeliest, from 1/20 to 20. Source: Guo et al., 2017."""
    sign = np.where(positive, 1.0, -1.0)

    def surprise(log_temperature: float) -> float:
        return float(-special.log_expit(sign * logit / np.exp(log_temperature)).mean())

    return float(np.exp(optimize.minimize_scalar(surprise, bounds=(-3.0, 3.0), method="bounded").x))


def macro_f1(said: np.ndarray, true: np.ndarray, classes: int) -> float:
    """Mean over classes of F1; a class neither said nor true does not count. (n,) int each."""
    hit = np.bincount(true[said == true], minlength=classes)
    both = np.bincount(said, minlength=classes) + np.bincount(true, minlength=classes)
    return float((2 * hit[both > 0] / both[both > 0]).mean())


def bootstrapped(score: Callable[[np.ndarray], float], groups: np.ndarray, seed: int) -> Estimate:
    """A score of places (n,) and its 95 % percentile interval, whole groups (n,) being resampled."""
    order = np.argsort(groups, kind="stable")
    members = np.split(order, np.flatnonzero(np.diff(groups[order])) + 1)
    draw = np.random.default_rng(seed)
    found = [score(np.concatenate([members[number] for number in drawn]))
             for drawn in draw.integers(len(members), size=(RESAMPLES, len(members)))]
    low, high = np.nanquantile(found, [0.025, 0.975])
    return Estimate(score(order), float(low), float(high))
