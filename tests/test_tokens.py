"""Bins lose no more than they must, and k-means bins with offsets nothing."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from drive_gen.envs.files import InputError
from drive_gen.policies.tokens import KMeansBins, ReturnBins


def test_return_bins_by_hand() -> None:
    bins = ReturnBins(4)
    torch.testing.assert_close(bins.centers, torch.tensor([0.125, 0.375, 0.625, 0.875]))
    assert bins.encode(torch.tensor([-1.0, 0.0, 0.24, 0.25, 0.99, 1.0, 7.0])).tolist() == [
        0,
        0,
        0,
        1,
        3,
        3,
        3,
    ]
    assert ReturnBins(3, -30.0, 30.0).encode(torch.tensor([[-11.0], [11.0]])).tolist() == [[0], [2]]


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 350), st.floats(-5, 5), st.floats(0.1, 10), st.floats(0, 1))
def test_decoding_is_within_half_a_bin(count: int, low: float, span: float, share: float) -> None:
    bins = ReturnBins(count, low, low + span)
    value = torch.tensor([low + share * span])
    code = bins.encode(value)
    assert (bins.decode(code) - value).abs() <= span / count / 2 + 1e-5
    assert torch.equal(bins.encode(bins.centers), torch.arange(count))


@pytest.mark.parametrize(("bins", "low", "high"), [(0, 0.0, 1.0), (4, 1.0, 1.0)])
def test_impossible_bins_are_refused(bins: int, low: float, high: float) -> None:
    with pytest.raises(InputError, match="at least one bin between low < high"):
        ReturnBins(bins, low, high)


def clusters(seed: int, each: int = 60) -> tuple[np.ndarray, np.ndarray]:
    """Tight clusters of controls around known centres."""
    centers = np.array([[-0.8, 0.0], [0.0, -0.3], [0.0, 0.0], [0.0, 0.3], [0.6, 0.0]])
    draw = np.random.default_rng(seed)
    return centers, (centers[:, None] + draw.normal(0, 0.01, (5, each, 2))).reshape(-1, 2)


def test_clusters_are_found_in_order_of_acceleration() -> None:
    centers, controls = clusters(0)
    found = KMeansBins.fit(controls, 5, seed=1)
    assert (np.diff(found.centers[:, 0].numpy()) >= 0).all()
    distances = np.linalg.norm(found.centers.numpy()[:, None] - centers, axis=-1)
    assert distances.min(1).max() < 0.02
    assert torch.equal(found.centers, KMeansBins.fit(controls, 5, seed=1).centers)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000), st.integers(1, 12))
def test_bin_and_offset_give_back_the_control(seed: int, bins: int) -> None:
    controls = np.random.default_rng(seed).uniform(-1, 1, (200, 2))
    tokens = KMeansBins.fit(controls, bins, seed)
    values = torch.tensor(controls, dtype=torch.float32).reshape(10, 20, 2)
    code, offset = tokens.encode(values)
    assert code.shape == (10, 20)
    torch.testing.assert_close(tokens.decode(code, offset), values, atol=1e-6, rtol=0)
    distance = (values[..., None, :] - tokens.centers).norm(dim=-1)
    torch.testing.assert_close(offset.norm(dim=-1), distance.min(-1).values, atol=1e-6, rtol=0)


def test_more_bins_than_controls_are_refused() -> None:
    with pytest.raises(InputError, match="3 bins need as many different controls"):
        KMeansBins.fit(np.repeat([[0.0, 0.0], [1.0, 0.0]], 50, axis=0), 3, seed=0)
    with pytest.raises(InputError, match=r"expected \(bins, 2\)"):
        KMeansBins(torch.zeros(3))
