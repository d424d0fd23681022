"""Continuous quantities as tokens: returns in even bins, controls in k-means bins with an offset."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import torch
from scipy.cluster.vq import kmeans2
from torch import Tensor

from drive_gen.envs.files import InputError

MOST_FITTED = 50_000  # controls that k-means sees; more do not move its centres


@dataclass(frozen=True)
class ReturnBins:
    """Even bins between two returns; what lies outside counts as the first or last bin."""

    bins: int = 32
    low: float = 0.0
    high: float = 1.0

    def __post_init__(self) -> None:
        if self.bins < 1 or not self.low < self.high:
            raise InputError(f"returns need at least one bin between low < high, got {self.bins} "
                             f"between {self.low} and {self.high}")

    @property
    def centers(self) -> Tensor:
        """Middle of each bin; (bins,) float32."""
        edges = torch.linspace(self.low, self.high, self.bins + 1)
        return (edges[:-1] + edges[1:]) / 2

    def encode(self, returns: Tensor) -> Tensor:
        """Returns (...) -> bins (...) int64."""
        share = (returns - self.low) / (self.high - self.low)
        return (share * self.bins).floor().clamp(0, self.bins - 1).long()

    def decode(self, bins: Tensor) -> Tensor:
        """Bins (...) -> their middles (...), at most half a bin from what was encoded."""
        return self.centers.to(bins.device)[bins]


class KMeansBins:
    """Bins of controls around k-means centres, and what is left over as an offset; centers are (bins, 2).

    The action tokens of BeT (Shafiullah et al., 2022, section 3.1); bin and offset together lose nothing.
    """

    def __init__(self, centers: Tensor) -> None:
        if centers.ndim != 2 or not len(centers):
            raise InputError(f"KMeansBins.centers has shape {tuple(centers.shape)}, expected (bins, 2)")
        self.centers = centers.to(torch.float32)

    @classmethod
    def fit(cls, controls: np.ndarray, bins: int, seed: int) -> KMeansBins:
        """Centres of controls (N, 2): Lloyd's algorithm from a k-means++ start, ordered by acceleration."""
        values = np.asarray(controls, dtype=np.float64)
        if values.ndim != 2 or len(np.unique(values, axis=0)) < bins:
            raise InputError(f"{bins} bins need as many different controls, got an array {values.shape}")
        generator = np.random.default_rng(seed)
        if len(values) > MOST_FITTED:
            values = values[generator.choice(len(values), MOST_FITTED, replace=False)]
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="One of the clusters is empty")  # its centre stays
            centers, _ = kmeans2(values, bins, minit="++", seed=generator, iter=50)
        return cls(torch.from_numpy(centers[np.lexsort(centers.T[::-1])]))

    def encode(self, controls: Tensor) -> tuple[Tensor, Tensor]:
        """Controls (..., 2) -> nearest bins (...) int64 and offsets from their centres (..., 2)."""
        centers = self.centers.to(controls.device)
        flat = controls.reshape(-1, controls.shape[-1])
        nearest = torch.cdist(flat, centers, compute_mode="donot_use_mm_for_euclid_dist").argmin(-1)
        bins = nearest.reshape(controls.shape[:-1])
        return bins, controls - centers[bins]

    def decode(self, bins: Tensor, offsets: Tensor) -> Tensor:
        """Bins (...) and offsets (..., 2) -> controls (..., 2)."""
        return self.centers.to(bins.device)[bins] + offsets
