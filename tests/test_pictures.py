"""Metrics of pictures, by hand and in closed form."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import linalg
from torch import Tensor, nn

from drive_gen.envs.files import InputError

pytest.importorskip("torchmetrics", reason="picture metrics need the extra [image]")
from drive_gen.evaluate.pictures import distances, inception_score, psnr_db, ssim


class Means(nn.Module):
    """A picture's mean colours, doubled once more: three features."""

    num_features = 3

    def forward(self, pictures: Tensor) -> Tensor:
        return pictures.float().mean((2, 3)) / 50


def pictures(count: int, shift: int = 0, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    level = rng.integers(40, 160, size=(count, 1, 1, 3)) + shift
    return np.asarray(
        np.broadcast_to(level, (count, 16, 16, 3)) + rng.integers(0, 30, (count, 16, 16, 3)), np.uint8
    )


def test_psnr_by_hand() -> None:
    one = pictures(3)
    other = one + np.uint8(4)
    assert psnr_db(one, other) == pytest.approx(10 * np.log10(255**2 / 16), abs=1e-4)
    assert psnr_db(one, one) == np.inf


def test_ssim_in_closed_form() -> None:
    """Of flat pictures only the means differ: (2 a b + c) / (a^2 + b^2 + c)."""
    one, other = np.full((2, 32, 32, 3), 100, np.uint8), np.full((2, 32, 32, 3), 150, np.uint8)
    c = (0.01 * 255) ** 2
    assert ssim(one, other) == pytest.approx((2 * 100 * 150 + c) / (100**2 + 150**2 + c), abs=1e-4)
    assert ssim(one, one) == pytest.approx(1, abs=1e-6)


def test_frechet_distance_in_closed_form() -> None:
    real, other = pictures(60), pictures(50, 20, seed=1)
    one, two = (
        Means()(torch.from_numpy(each.transpose(0, 3, 1, 2).copy())).double().numpy()
        for each in (real, other)
    )
    first, second = np.cov(one.T), np.cov(two.T)
    expected = ((one.mean(0) - two.mean(0)) ** 2).sum() + np.trace(
        first + second - 2 * linalg.sqrtm(first @ second).real
    )
    assert distances(real, other, Means()).fid == pytest.approx(expected, abs=1e-4)


def test_kernel_distance_by_hand() -> None:
    """All pairs of one subset that holds all pictures, the same ones left out on each side."""
    real, other = pictures(20), pictures(20, 20, seed=1)
    one, two = (
        Means()(torch.from_numpy(each.transpose(0, 3, 1, 2).copy())).double().numpy()
        for each in (real, other)
    )

    def kernel(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return np.asarray((a @ b.T / 3 + 1) ** 3)

    def apart(a: np.ndarray) -> float:
        k = kernel(a, a)
        return float((k.sum() - np.trace(k)) / (20 * 19))

    expected = apart(one) + apart(two) - 2 * kernel(one, two).mean()
    assert distances(real, other, Means()).kid == pytest.approx(expected, abs=1e-4 * max(1, abs(expected)))


def test_inception_score_in_closed_form() -> None:
    """Classes that are sure and even score their number; one class scores 1."""

    class Sure(nn.Module):
        def forward(self, given: Tensor) -> Tensor:
            return 60 * torch.nn.functional.one_hot(given[:, 0, 0, 0].long() % 3, 3).float()

    even = np.zeros((30, 16, 16, 3), np.uint8)
    even[:, 0, 0, 0] = np.arange(30)
    assert inception_score(even, Sure()) == pytest.approx(3, abs=1e-4)
    assert inception_score(np.zeros_like(even), Sure()) == pytest.approx(1, abs=1e-4)


def test_more_alike_is_nearer_and_seeds_do_not_matter() -> None:
    real, near, far = pictures(40), pictures(40, 5, seed=1), pictures(40, 60, seed=2)
    assert distances(real, near, Means()).fid < distances(real, far, Means()).fid
    torch.manual_seed(1)
    first = distances(real, far, Means())
    torch.manual_seed(2)
    assert distances(real, far, Means()) == first


def test_what_are_no_pictures() -> None:
    with pytest.raises(InputError, match=r"expected \(N, H, W, 3\)"):
        psnr_db(np.zeros((2, 3, 16, 16), np.uint8), np.zeros((2, 3, 16, 16), np.uint8))
    with pytest.raises(InputError, match="2 pictures a side"):
        distances(pictures(1), pictures(5), Means())
