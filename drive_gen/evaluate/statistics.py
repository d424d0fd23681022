"""How sure a figure is: intervals for rates and means, and tests on paired seeds.

Episodes are the independent units (agents and frames within one are not), so episodes, or the recordings they
were cut from, are what is resampled. Every draw comes from the seed given.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from scipy import stats

RESAMPLES = 4000
CHUNK = 100  # of them at once, so that 10,000 episodes need 8 MB and not 320


class Interval(NamedTuple):
    """The two ends of a confidence interval."""

    low: float
    high: float


class Estimate(NamedTuple):
    """A figure and its confidence interval, in the figure's unit."""

    value: float
    low: float
    high: float


class McNemar(NamedTuple):
    """Pairs in which one side alone succeeds, and the two-sided p-value that the sides are equal."""

    only_first: int
    only_second: int
    p_value: float


def wilson(successes: int, trials: int, confidence: float = 0.95) -> Interval:
    """Wilson's score interval of a rate; (0, 1) where there are no trials. Source: Wilson, 1927."""
    return _rate_interval(successes, trials, confidence, "wilson")


def clopper_pearson(successes: int, trials: int, confidence: float = 0.95) -> Interval:
    """The exact two-sided interval of a rate, never too narrow; (0, 1) where there are no trials.

    Source: Clopper and Pearson, 1934.
    """
    return _rate_interval(successes, trials, confidence, "exact")


def rule_of_three(trials: int, confidence: float = 0.95) -> float:
    """The rate that `trials` without one event rule out: 1 - (1 - confidence)^(1/n), about 3/n at 95 %.

    One-sided; 1 where there are no trials.
    """
    return float(-np.expm1(np.log1p(-confidence) / trials)) if trials else 1.0


def mcnemar_exact(first: np.ndarray, second: np.ndarray) -> McNemar:
    """McNemar's exact test on outcomes (n,) bool of two drivers on the same n seeds; p is 1 where they agree.

    Source: McNemar, 1947; the exact form is the binomial test on the pairs that differ.
    """
    one, other = _paired(first, second)
    only_first, only_second = int((one & ~other).sum()), int((other & ~one).sum())
    differ = only_first + only_second
    p_value = float(stats.binomtest(only_first, differ).pvalue) if differ else 1.0
    return McNemar(only_first, only_second, p_value)


def bootstrap_mean(values: np.ndarray, seed: int, groups: np.ndarray | None = None,
                   confidence: float = 0.95) -> Estimate:
    """Mean of values (n,) and its percentile bootstrap interval; NaN where undefined.

    Where `groups` (n,) are given, whole groups (recordings) are resampled and the mean stays one over values.
    One value, or one group, says nothing of the spread: its interval is NaN.
    """
    array = np.asarray(values, dtype=np.float64)
    if not array.size:
        return Estimate(np.nan, np.nan, np.nan)
    number = np.arange(len(array)) if groups is None else np.unique(groups, return_inverse=True)[1]
    sums, counts = np.bincount(number, weights=array), np.bincount(number)
    size = len(sums)
    if size < 2:
        return Estimate(float(array.mean()), np.nan, np.nan)
    return _estimate(array.mean(), _resampled_means(sums, counts, seed), confidence)


def _resampled_means(sums: np.ndarray, counts: np.ndarray, seed: int) -> np.ndarray:
    """Means of RESAMPLES resamplings of groups with these sums and counts (G,); (RESAMPLES,)."""
    means = []
    for part in np.array_split(_resamplings(len(sums), seed), RESAMPLES // CHUNK):
        drawn = part.astype(np.float64)  # numpy multiplies matrices of integers slowly
        means.append(drawn @ sums / (drawn @ counts))
    return np.concatenate(means)


@lru_cache(maxsize=2)  # every driver's return, and every difference, is resampled in the same way
def _resamplings(size: int, seed: int) -> np.ndarray:
    """How often each of `size` groups comes in each of RESAMPLES resamplings, (RESAMPLES, size) uint8.

    That one comes more than 255 times has a probability below 1e-500.
    """
    rng, even = np.random.default_rng(seed), np.full(size, 1 / size)
    return np.concatenate([rng.multinomial(size, even, size=CHUNK).astype(np.uint8)
                           for _ in range(RESAMPLES // CHUNK)])


def paired_bootstrap(first: np.ndarray, second: np.ndarray, seed: int) -> Estimate:
    """Mean of first - second, each (n,) on the same n seeds, and its 95 % bootstrap interval over seeds."""
    one, other = _paired(first, second)
    return bootstrap_mean(one.astype(np.float64) - other.astype(np.float64), seed)


def iqm(scores: np.ndarray) -> float:
    """Interquartile mean: the mean without the lowest and the highest quarter (rounded down) of all scores.

    With fewer than four scores it is their mean. Source: Agarwal et al., 2021 (rliable).
    """
    return float(stats.trim_mean(np.asarray(scores, dtype=np.float64), 0.25, axis=None))


def stratified_bootstrap(scores: np.ndarray, seed: int, confidence: float = 0.95) -> Estimate:
    """Interquartile mean of scores (runs, tasks) and its interval: the runs are resampled within each task.

    One score is one training run's mean on one task. Source: Agarwal et al., 2021 (rliable).
    """
    array = np.asarray(scores, dtype=np.float64)
    runs, tasks = array.shape
    drawn = np.random.default_rng(seed).integers(runs, size=(RESAMPLES, runs, tasks))
    resampled = np.take_along_axis(array[None], drawn, axis=1).reshape(RESAMPLES, -1)
    return _estimate(iqm(array), stats.trim_mean(resampled, 0.25, axis=1), confidence)


def run_difference(first: np.ndarray, second: np.ndarray, seed: int, confidence: float = 0.95) -> Estimate:
    """Difference of two arms' mean scores, (runs, n) each on the same n evaluation seeds.

    Training runs are resampled in each arm by itself and evaluation seeds in both at once, since one run
    drives every seed: resampling the seeds alone would leave out the luck of training.
    Source: Owen, 2007 (the pigeonhole bootstrap).
    """
    one, other = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if one.shape[1] != other.shape[1]:
        raise ValueError(f"arms have {one.shape[1]} and {other.shape[1]} evaluation seeds; make them equal")
    rng, seeds = np.random.default_rng(seed), one.shape[1]

    def share(size: int) -> np.ndarray:
        return rng.multinomial(size, np.full(size, 1 / size), size=RESAMPLES) / size  # (R, size)

    columns = share(seeds)
    means = [np.einsum("br,rn,bn->b", share(len(arm)), arm, columns, optimize=True) for arm in (one, other)]
    return _estimate(one.mean() - other.mean(), means[0] - means[1], confidence)


def _rate_interval(successes: int, trials: int, confidence: float, method: str) -> Interval:
    if not trials:
        return Interval(0.0, 1.0)
    found = stats.binomtest(successes, trials).proportion_ci(confidence, method)
    return Interval(float(found.low), float(found.high))


def _paired(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    one, other = np.asarray(first), np.asarray(second)
    if one.shape != other.shape or one.ndim != 1:
        raise ValueError(f"pairs have shapes {one.shape} and {other.shape}; expected the same n seeds")
    return one, other


def _estimate(value: float, resampled: np.ndarray, confidence: float) -> Estimate:
    tail = (1 - confidence) / 2
    low, high = np.quantile(resampled, [tail, 1 - tail])
    return Estimate(float(value), float(low), float(high))
