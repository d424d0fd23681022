"""Noisy tracks -> smooth states by a recurrent network; reading from both ends, it knows what comes after."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from drive_gen.envs.episode import Episode
from drive_gen.envs.files import InputError
from drive_gen.generate.scenes import resample
from drive_gen.policies.blocks import initialize
from drive_gen.policies.pretrained import Pretrained
from drive_gen.policies.sequences import Recurrence
from drive_gen.predict.config import SmootherConfig
from drive_gen.predict.windows import motion_of, starts_of

FEATURES = 7
CORRECTION_M, DEVIATION_MPS = 0.3, 2.0  # the outputs' units


class Tracks(NamedTuple):
    """N true tracks of T frames."""

    position_m: np.ndarray  # (N, T, 2) float32, from the first frame on
    velocity_mps: np.ndarray  # (N, T, 2) float32, along the heading
    groups: np.ndarray  # (N,) str


class Smooth(NamedTuple):
    """What a smoother makes of B tracks."""

    position_m: Tensor  # (B, T, 2)
    velocity_mps: Tensor  # (B, T, 2)


def tracks_of(episodes: Sequence[Episode], config: SmootherConfig, stride: int = 20,
              most: int | None = None, seed: int = 0) -> Tracks:
    """Every stretch in which a car is there throughout and has not crashed, or `most` of them at random."""
    fine = [resample(episode, config.dt_s) for episode in episodes]
    found = [(motion_of(episode, agent)[start : start + config.frames], episode.source.group)
             for episode in fine for agent, start in starts_of(episode, config.frames, stride)]
    if not found:
        raise InputError(f"none of the {len(fine)} episodes has {(config.frames - 1) * config.dt_s:.1f} s of "
                         "one car without a crash; collect longer episodes")
    if most is not None and len(found) > most:
        keep = np.random.default_rng(seed).choice(len(found), most, replace=False)
        found = [found[place] for place in np.sort(keep)]
    motion = np.stack([part for part, _ in found])
    heading, speed = motion[..., 2], motion[..., 3]
    return Tracks((motion[..., :2] - motion[:, :1, :2]).astype(np.float32),
                  np.stack((speed * np.cos(heading), speed * np.sin(heading)), -1).astype(np.float32),
                  np.array([group for _, group in found]))


class Smoother(Pretrained):
    """Positions measured with noise -> positions and velocities, in whatever axes they were measured."""

    model_type = "smoother"
    config_class = SmootherConfig
    config: SmootherConfig

    def __init__(self, config: SmootherConfig, seed: int = 0) -> None:
        super().__init__(config)
        self.embed = nn.Linear(FEATURES, config.width)
        self.memory = Recurrence(config.memory, config.width, config.layers, 0.0, config.bidirectional)
        self.project = nn.Linear(config.width, 4)  # so named, it begins small: with the track as measured
        initialize(self, torch.Generator().manual_seed(seed), config.layers)

    def forward(self, measured_m: Tensor) -> Smooth:
        """(B, T, 2), T as in the config or not."""
        axes, middle, rate = line_through(measured_m, self.config.dt_s)
        local = (measured_m - middle) @ axes  # (B, T, 2): along the line and across
        line_mps = torch.stack((rate, torch.zeros_like(rate)), dim=-1)[:, None]  # (B, 1, 2)
        time_s = self.config.dt_s * torch.arange(local.shape[1], device=local.device)[:, None]
        off = local - line_mps * (time_s - time_s.mean())
        faster = torch.diff(local, dim=1, prepend=local[:, :1]) / self.config.dt_s - line_mps
        speed = (rate / 20)[:, None, None].expand(-1, local.shape[1], 1)
        x = torch.cat((off / 5, off.clamp(-2, 2), faster / 5, speed), dim=-1)
        told = self.project(self.memory(self.embed(x))[0]).float()
        position = local + CORRECTION_M * told[..., :2]
        velocity = line_mps + DEVIATION_MPS * told[..., 2:]
        return Smooth(position @ axes.mT + middle, velocity @ axes.mT)


def line_through(measured_m: Tensor, dt_s: float) -> tuple[Tensor, Tensor, Tensor]:
    """The line of constant velocity nearest to tracks (B, T, 2), by least squares.

    Gives its axes as columns (B, 2, 2), its middle (B, 1, 2) and its speed in m/s (B,).
    """
    time_s = dt_s * torch.arange(measured_m.shape[1], device=measured_m.device)
    centred = (time_s - time_s.mean())[:, None]
    middle = measured_m.mean(1, keepdim=True)
    slope = (centred * (measured_m - middle)).sum(1) / centred.square().sum()  # (B, 2)
    rate = slope.norm(dim=-1)
    still = rate[:, None] < 0.1  # the direction of a standing car's noise is none
    ahead = torch.where(still, slope.new_tensor([1.0, 0.0]), slope / rate.clamp(min=0.1)[:, None])
    aside = torch.stack((-ahead[:, 1], ahead[:, 0]), dim=-1)
    return torch.stack((ahead, aside), dim=-1), middle, rate


def smoother_loss(smooth: Smooth, position_m: Tensor, velocity_mps: Tensor) -> dict[str, Tensor]:
    """Mean distances from the true positions and velocities (B, T, 2), in m and m/s, and their sum."""
    position, velocity = (((one - other).square().sum(-1) + 1e-6).sqrt().mean() for one, other in
                          ((smooth.position_m, position_m), (smooth.velocity_mps, velocity_mps)))
    return {"loss": position + velocity, "position_m": position, "velocity_mps": velocity}
