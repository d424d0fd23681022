"""How near smoothed tracks come to the true ones: position, speed and acceleration, by smoother."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import torch
from scipy.signal import lfilter

from drive_gen.data.tracks import Smoothing, smooth
from drive_gen.data.tracks import Tracks as Table
from drive_gen.evaluate.statistics import Estimate, bootstrap_mean
from drive_gen.predict.smoother import Smoother, Tracks

FIGURES = ("position_m", "speed_mps", "acceleration_mps2")
# Measured positions (N, T, 2) and their period -> positions (N, T, 2) and speeds (N, T)
Smooths = Callable[[np.ndarray, float], tuple[np.ndarray, np.ndarray]]


def raw(measured_m: np.ndarray, dt_s: float) -> tuple[np.ndarray, np.ndarray]:
    """As measured; speeds from central differences."""
    return measured_m, np.linalg.norm(np.gradient(measured_m, dt_s, axis=1), axis=-1)


def savgol(smoothing: Smoothing) -> Smooths:
    """The importers' own smoothing, with these settings."""
    def smoothed(measured_m: np.ndarray, dt_s: float) -> tuple[np.ndarray, np.ndarray]:
        tracks, frames = measured_m.shape[:2]
        rows = tracks * frames
        table = Table(vehicle=np.repeat(np.arange(tracks), frames), frame=np.tile(np.arange(frames), tracks),
                      position_m=measured_m.reshape(rows, 2).astype(np.float64), heading_rad=np.zeros(rows),
                      speed_mps=np.zeros(rows), size_m=np.ones((rows, 2)), kind=np.zeros(rows, np.uint8),
                      dt_s=dt_s)
        found = smooth(table, smoothing)[0]
        return found.position_m.reshape(measured_m.shape), found.speed_mps.reshape(tracks, frames)

    return smoothed


def learnt(model: Smoother) -> Smooths:
    """A trained smoother."""
    @torch.inference_mode()
    def smoothed(measured_m: np.ndarray, dt_s: float) -> tuple[np.ndarray, np.ndarray]:
        if dt_s != model.config.dt_s:
            raise ValueError(f"the smoother was trained at {model.config.dt_s} s, the tracks' is {dt_s} s")
        found = model(torch.from_numpy(measured_m.astype(np.float32)))
        return found.position_m.numpy(), found.velocity_mps.norm(dim=-1).numpy()

    return smoothed


def tuned(tracks: Tracks, measured_m: np.ndarray, dt_s: float, windows_s: Iterable[float],
          orders: Iterable[int]) -> Smoothing:
    """The Savitzky-Golay settings of least error in speed on these tracks."""
    settings = [Smoothing(window_s=window, order=order) for order in orders for window in windows_s]
    return min(settings, key=lambda each: float(
        errors_of(savgol(each), tracks, measured_m, dt_s)["speed_mps"].mean()))


def noisy(position_m: np.ndarray, noise_m: float, seed: int, correlation: float = 0.0) -> np.ndarray:
    """Positions (N, T, 2) with Gaussian noise of a standard deviation, white or AR(1) of a correlation."""
    drawn = np.random.default_rng(seed).standard_normal(position_m.shape)
    drawn[:, 1:] *= np.sqrt(1 - correlation**2)  # so that every frame's variance is 1
    return np.asarray(position_m + noise_m * lfilter([1.0], [1.0, -correlation], drawn, axis=1))


def errors_of(smooths: Smooths, tracks: Tracks, measured_m: np.ndarray, dt_s: float) -> dict[str, np.ndarray]:
    """Mean absolute errors of each track, (N,): distance of positions, speeds, and the speeds' changes."""
    position, speed = smooths(measured_m, dt_s)
    truth = np.linalg.norm(tracks.velocity_mps, axis=-1)
    changes = np.diff(speed - truth, axis=1) / dt_s
    return {"position_m": np.linalg.norm(position - tracks.position_m, axis=-1).mean(1),
            "speed_mps": np.abs(speed - truth).mean(1), "acceleration_mps2": np.abs(changes).mean(1)}


def estimates(errors: dict[str, np.ndarray], groups: np.ndarray) -> dict[str, Estimate]:
    """Means over tracks with 95 % intervals over groups."""
    return {name: bootstrap_mean(errors[name], 0, groups) for name in FIGURES}
