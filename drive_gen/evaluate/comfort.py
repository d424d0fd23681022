"""Comfort after nuPlan: share of time within bounds on acceleration, jerk and yaw, smoothed first.

Derivatives of recorded motion are noise without smoothing, so all come from one Savitzky-Golay fit of the
speed and the heading (a parabola over about a second), for logs and simulation alike.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy.signal import savgol_filter

from drive_gen.envs.episode import Episode

SMOOTHING_S = 1.0
BOUNDS: dict[str, tuple[float, float]] = {  # low and high; nuPlan's ego_is_comfortable
    "lon_acceleration_mps2": (-4.05, 2.40),
    "lat_acceleration_mps2": (-4.89, 4.89),
    "yaw_rate_radps": (-0.95, 0.95),
    "yaw_acceleration_radps2": (-1.93, 1.93),
    "lon_jerk_mps3": (-4.13, 4.13),
    "jerk_mps3": (-8.37, 8.37),
}


def derivative(values: np.ndarray, dt_s: float, order: int) -> np.ndarray:
    """Smoothed derivative of evenly spaced values (T,), in their unit / s^order: (T,).

    Exact for a parabola. The window shrinks to what there is; NaN throughout with fewer than three frames.
    """
    frames = len(values)
    window = min(_odd(SMOOTHING_S / dt_s), frames if frames % 2 else frames - 1)
    if window < 3:
        return np.full(frames, np.nan)
    return np.asarray(_filter(frames, window, order) @ np.asarray(values, np.float64)) / dt_s**order


@lru_cache(maxsize=64)
def _filter(frames: int, window: int, order: int) -> np.ndarray:
    """The filter, which is linear, as a matrix (T, T): fitting the ends anew each time is slow."""
    return np.asarray(savgol_filter(np.eye(frames), window, 2, deriv=order, axis=0))


def comfort_signals(speed_mps: np.ndarray, heading_rad: np.ndarray, dt_s: float) -> dict[str, np.ndarray]:
    """The quantities of BOUNDS for one agent's speed and heading (T,), each (T,).

    The body frame turns with the car: lateral acceleration is speed times yaw rate, and the jerk's length is
    that of (d a_lon/dt - a_lat w, d a_lat/dt + a_lon w) with yaw rate w.
    """
    heading = np.unwrap(np.asarray(heading_rad, np.float64))
    speed = np.asarray(speed_mps, np.float64)
    acceleration, lon_jerk = (derivative(speed, dt_s, order) for order in (1, 2))
    yaw_rate, yaw_acceleration = (derivative(heading, dt_s, order) for order in (1, 2))
    lateral = speed * yaw_rate
    lat_jerk = acceleration * yaw_rate + speed * yaw_acceleration
    jerk = np.hypot(lon_jerk - lateral * yaw_rate, lat_jerk + acceleration * yaw_rate)
    return {"lon_acceleration_mps2": acceleration, "lat_acceleration_mps2": lateral,
            "yaw_rate_radps": yaw_rate, "yaw_acceleration_radps2": yaw_acceleration,
            "lon_jerk_mps3": lon_jerk, "jerk_mps3": jerk}


def comfortable(signals: dict[str, np.ndarray]) -> np.ndarray:
    """Whether every signal is within its bounds, (T,) bool; NaN (too few frames) is not."""
    within = [(low <= signals[name]) & (signals[name] <= high) for name, (low, high) in BOUNDS.items()]
    return np.asarray(np.all(within, axis=0))


def comfortable_share(episode: Episode, agent: int) -> float:
    """Share of an agent's frames that are comfortable; NaN where it is present for fewer than three.

    The frames from its first to its last one are taken as one stretch, over whose gaps is interpolated.
    """
    here = np.flatnonzero(episode.valid[agent])
    if len(here) < 3:
        return float("nan")
    frames = np.arange(here[0], here[-1] + 1)
    there = episode.speed_mps[agent, here], np.unwrap(episode.heading_rad[agent, here].astype(np.float64))
    speed, heading = (np.interp(frames, here, values) for values in there)
    signals = comfort_signals(speed, heading, episode.dt_s)
    return float(comfortable(signals)[here - here[0]].mean())


def _odd(count: float) -> int:
    """The odd number of frames nearest above, at least 3."""
    return max(2 * int(np.ceil((count - 1) / 2 - 1e-9)) + 1, 3)
