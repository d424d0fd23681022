"""Scores of probabilities: answers worked by hand, and torchmetrics' own."""

from __future__ import annotations

import numpy as np
import pytest

from drive_gen.evaluate.classification import (
    auroc,
    average_precision,
    bootstrapped,
    calibration_error,
    macro_f1,
    temperature_of,
)


def test_by_hand() -> None:
    score, positive = np.array([0.9, 0.8, 0.7, 0.1]), np.array([True, False, True, False])
    assert auroc(score, positive) == 3 / 4
    assert average_precision(score, positive) == pytest.approx((1 + 2 / 3) / 2)
    assert calibration_error(np.array([0.9, 0.9]), np.array([True, False])) == pytest.approx(0.4)
    assert macro_f1(np.array([0, 0, 1]), np.array([0, 1, 1]), 3) == pytest.approx(2 / 3)


def test_one_class_alone_says_nothing() -> None:
    assert np.isnan(auroc(np.ones(3), np.ones(3, bool)))
    assert np.isnan(average_precision(np.ones(3), np.zeros(3, bool)))


def test_a_constant_score_is_the_base_rate() -> None:
    positive = np.arange(10) < 3
    assert auroc(np.full(10, 0.2), positive) == 0.5
    assert average_precision(np.full(10, 0.2), positive) == pytest.approx(0.3)


def test_temperature_undoes_overconfidence() -> None:
    draw = np.random.default_rng(0)
    logit = draw.normal(size=20_000) * 2
    positive = draw.random(20_000) < 1 / (1 + np.exp(-logit))
    assert temperature_of(3 * logit, positive) == pytest.approx(3, rel=0.05)
    said = 1 / (1 + np.exp(-logit))
    sharper = 1 / (1 + np.exp(-3 * logit))
    assert calibration_error(said, positive) < 0.02 < calibration_error(sharper, positive)


def test_intervals_resample_whole_groups() -> None:
    """Copies of a group's moments add nothing to what is known."""
    values = np.random.default_rng(0).normal(size=40)
    alone = bootstrapped(lambda at: float(values[at].mean()), np.arange(40), 0)
    copied = np.repeat(values, 5)
    together = bootstrapped(lambda at: float(copied[at].mean()), np.repeat(np.arange(40), 5), 0)
    assert alone == pytest.approx(together)
    assert alone.low < alone.value < alone.high


@pytest.mark.parametrize("seed", [0, 1])
def test_as_torchmetrics(seed: int) -> None:
    metrics = pytest.importorskip("torchmetrics.functional.classification", reason="needs torchmetrics")
    import torch

    draw = np.random.default_rng(seed)
    positive = draw.random(500) < 0.2
    score = np.round(np.clip(0.5 * draw.random(500) + 0.4 * positive, 0, 1), 2)  # with ties
    said, true = draw.integers(4, size=500), draw.integers(3, size=500)
    x, y = torch.from_numpy(score), torch.from_numpy(positive.astype(np.int64))
    close = {"abs": 1e-4}
    assert auroc(score, positive) == pytest.approx(float(metrics.binary_auroc(x, y)), **close)
    assert average_precision(score, positive) == pytest.approx(float(metrics.binary_average_precision(x, y)),
                                                               **close)
    unrounded = np.clip(score + draw.uniform(0, 0.009, 500), 0, 1)  # no score on an edge of two bins
    assert calibration_error(unrounded, positive) == pytest.approx(
        float(metrics.binary_calibration_error(torch.from_numpy(unrounded), y, n_bins=15)), **close)
    f1 = metrics.multiclass_f1_score(torch.from_numpy(said), torch.from_numpy(true), 4, average="macro")
    assert macro_f1(said, true, 4) == pytest.approx(float(f1), **close)
