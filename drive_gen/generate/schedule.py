"""The noise of the diffusion, apart from the network and the sampler: how much, and what is told from it.

A noisy sample is sqrt(signal) clean + sqrt(1 - signal) noise. Its velocity is
v = sqrt(signal) noise - sqrt(1 - signal) clean (Salimans and Ho, 2022, appendix D).
"""

from __future__ import annotations

import torch
from torch import Tensor


def cosine_signal(steps: int, offset: float = 0.008) -> Tensor:
    """Share of signal in the variance after each step, (steps,); Nichol and Dhariwal, 2021, eq. 17."""
    progress = torch.linspace(0, 1, steps + 1, dtype=torch.float64)
    signal = torch.cos((progress + offset) / (1 + offset) * torch.pi / 2) ** 2
    return (signal[1:] / signal[0]).clamp(min=1e-5).float()


def add_noise(clean: Tensor, noise: Tensor, signal: Tensor) -> Tensor:
    """(B, ...), (B, ...) and (B,) -> (B, ...)."""
    signal = _spread(signal, clean)
    return signal.sqrt() * clean + (1 - signal).sqrt() * noise


def clean_of(noisy: Tensor, velocity: Tensor, signal: Tensor) -> Tensor:
    """The clean sample that a noisy one and its velocity imply; (B, ...), (B, ...) and (B,) -> (B, ...)."""
    signal = _spread(signal, noisy)
    return signal.sqrt() * noisy - (1 - signal).sqrt() * velocity


def noise_of(noisy: Tensor, clean: Tensor, signal: Tensor) -> Tensor:
    """The noise in a noisy sample whose clean one is known; (B, ...), (B, ...) and (B,) -> (B, ...)."""
    signal = _spread(signal, noisy)
    return (noisy - signal.sqrt() * clean) / (1 - signal).sqrt()


def velocity_weight(signal: Tensor, most: float = 25.0) -> Tensor:
    """What a squared error of the clean sample weighs to count as one of the velocity; (B,) -> (B,).

    Limited, because next to no noise the smallest error would be a great one.
    """
    return (1 / (1 - signal)).clamp(max=most)


def _spread(signal: Tensor, like: Tensor) -> Tensor:
    """(B,) -> (B, 1, ...) with as many axes as `like`."""
    return signal.view(-1, *[1] * (like.ndim - 1))
