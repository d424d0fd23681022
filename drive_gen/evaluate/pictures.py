"""How good pictures are: PSNR and SSIM to the true ones; FID, KID and Inception Score of sets of them.

torchmetrics' own metrics, over a network of ours: Inception was trained on photographs of things and says
nothing of roads from above. Any module that maps pictures (B, 3, H, W) uint8 to features (B, F) will do.
"""

from __future__ import annotations

import warnings
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from drive_gen.envs.files import InputError

NEEDS = "picture metrics need torchmetrics: pip install 'drive-gen[image]'"
SUBSETS = 50  # of the kernel distance
LEAST_PICTURES = 2
BATCH = 256


class Distances(NamedTuple):
    """How far one set of pictures is from another, in features."""

    fid: float  # Frechet distance of Gaussians with the features' moments (Heusel et al., 2017)
    kid: float  # squared maximum mean discrepancy, cubic kernel (Binkowski et al., 2018)


def psnr_db(true: np.ndarray, other: np.ndarray) -> float:
    """Peak signal to noise ratio of pictures (N, H, W, 3) uint8, over all pixels; inf of equal ones."""
    metric = _image().PeakSignalNoiseRatio(data_range=255.0)
    return float(metric(_tensor(other).double(), _tensor(true).double()))


def ssim(true: np.ndarray, other: np.ndarray) -> float:
    """Structural similarity of pictures (N, H, W, 3) uint8, mean over them (Wang et al., 2004)."""
    metric = _image().StructuralSimilarityIndexMeasure(data_range=255.0)
    return float(metric(_tensor(other).double(), _tensor(true).double()))


def distances(real: np.ndarray, other: np.ndarray, features: nn.Module) -> Distances:
    """FID and KID of pictures (N, H, W, 3) uint8 under a network's features.

    Both depend on how many pictures there are: compare with the distance of as many real ones to `real`.
    """
    if min(len(real), len(other)) < LEAST_PICTURES:
        raise InputError(
            f"distances need {LEAST_PICTURES} pictures a side or more, got {len(real)} and {len(other)}"
        )
    with warnings.catch_warnings(), torch.random.fork_rng(devices=[]):
        warnings.simplefilter("ignore")
        torch.manual_seed(0)  # of the kernel distance's subsets
        fid = _image().fid.FrechetInceptionDistance(feature=features, normalize=False)
        size = min(len(real), len(other))
        kid = _image().kid.KernelInceptionDistance(feature=features, subsets=SUBSETS, subset_size=size)
        for pictures, is_real in ((real, True), (other, False)):
            for part in torch.split(_tensor(pictures), BATCH):
                fid.update(part, real=is_real)
                kid.update(part, real=is_real)
        return Distances(float(fid.compute()), float(kid.compute()[0]))


def inception_score(pictures: np.ndarray, logits: nn.Module, splits: int = 1) -> float:
    """exp of the mean divergence of a picture's classes from all pictures' (Salimans et al., 2016)."""
    with warnings.catch_warnings(), torch.random.fork_rng(devices=[]):
        warnings.simplefilter("ignore")
        torch.manual_seed(0)
        metric = _image().inception.InceptionScore(feature=logits, splits=splits, normalize=False)
        for part in torch.split(_tensor(pictures), BATCH):
            metric.update(part)
        return float(metric.compute()[0])


def _tensor(pictures: np.ndarray) -> Tensor:
    """(N, H, W, 3) uint8 -> (N, 3, H, W)."""
    if pictures.ndim != 4 or pictures.shape[-1] != 3 or pictures.dtype != np.uint8:
        raise InputError(
            f"pictures have shape {pictures.shape} of {pictures.dtype}, expected (N, H, W, 3) of uint8"
        )
    return torch.from_numpy(np.ascontiguousarray(pictures.transpose(0, 3, 1, 2)))


def _image() -> Any:
    try:
        import torchmetrics.image
        import torchmetrics.image.fid
        import torchmetrics.image.inception
        import torchmetrics.image.kid
    except ImportError:
        raise InputError(NEEDS) from None
    return torchmetrics.image
