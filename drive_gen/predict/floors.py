"""Forecasts by rule, in one mode: the floors that every learnt predictor stands beside."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from drive_gen.policies.rules import IdmParameters, idm_acceleration, neighbour, see
from drive_gen.predict.predictor import Forecast
from drive_gen.predict.windows import Batch

Forecaster = Callable[[Batch], Forecast]
SLOPE_S = 1.0  # over which the acceleration is taken


def constant_velocity(batch: Batch, dt_s: float) -> Forecast:
    """Straight on at the present speed."""
    return straight_on(batch, dt_s, torch.zeros_like(batch["motion"][:, -1, 3]))


def constant_acceleration(batch: Batch, dt_s: float) -> Forecast:
    """Straight on at the acceleration of the last second, until standstill."""
    frames = min(round(SLOPE_S / dt_s), batch["motion"].shape[1] - 1)
    gained = batch["motion"][:, -1, 3] - batch["motion"][:, -1 - frames, 3]
    return straight_on(batch, dt_s, gained / (frames * dt_s))


def straight_on(batch: Batch, dt_s: float, acceleration_mps2: Tensor) -> Forecast:
    """Straight on at accelerations (B,); who comes to a stop stays."""
    speed = batch["motion"][:, -1, 3]
    time_s = dt_s * torch.arange(1, batch["future"].shape[1] + 1)
    stop_s = torch.where(acceleration_mps2 < 0, -speed / acceleration_mps2.clamp(max=-1e-6), torch.inf)
    moving_s = torch.minimum(time_s, stop_s[:, None])  # (B, F)
    return _ahead(speed[:, None] * moving_s + acceleration_mps2[:, None] * moving_s.square() / 2)


def idm(batch: Batch, dt_s: float) -> Forecast:
    """IDM straight on behind the car ahead, which keeps its speed.

    It wants the speed of the fastest car in sight, as in evaluate.replay: what a driver wants is not known.
    """
    seen, parameters = see(batch["observation"][:, -1].numpy()), IdmParameters()
    lead = neighbour(seen, 0, ahead=True)
    fastest = np.where(seen.present, seen.other_speed_mps, 0).max(1)
    wanted = np.maximum(np.maximum(fastest, seen.speed_mps), 1.0)
    speed, along, steps = seen.speed_mps, np.zeros(len(wanted)), []
    for step in range(1, batch["future"].shape[1] + 1):
        distance = lead.distance_m + lead.speed_mps * (step - 1) * dt_s - along
        acceleration = idm_acceleration(speed, wanted, distance, speed - lead.speed_mps, parameters)
        clipped = np.clip(np.nan_to_num(acceleration), -parameters.most_mps2, parameters.most_mps2)
        faster = np.maximum(speed + clipped * dt_s, 0)
        along, speed = along + (speed + faster) / 2 * dt_s, faster
        steps.append(along)
    return _ahead(torch.from_numpy(np.stack(steps, axis=1)).float())


FLOORS = {"constant velocity": constant_velocity, "constant acceleration": constant_acceleration, "IDM": idm}


def _ahead(along_m: Tensor) -> Forecast:
    """One future of places (B, F) straight ahead."""
    return Forecast(torch.stack((along_m, torch.zeros_like(along_m)), dim=-1)[:, None],
                    torch.zeros(len(along_m), 1))
