"""How close an agent came to harm: functions over arrays, with no sentinel in them.

inf means no conflict, NaN that the quantity is undefined there (no lead, standing still), 0 s an overlap.
Leads are those of the agent's lane (`drive_gen.envs.geometry.leads`); one frame stands for dt_s seconds.
"""

from __future__ import annotations

import numpy as np

from drive_gen.envs import reward
from drive_gen.envs.episode import Episode

TTC_S = 2.0  # tau of the exposure metrics; the trigger of the R157 driver model
STANDSTILL_MPS = 0.5  # below this a headway means nothing
HARD_BRAKE_MPS2, HARD_BRAKE_S, HARD_BRAKE_MERGE_S = -4.0, 0.2, 1.0


def time_to_collision(gap_m: np.ndarray, closing_mps: np.ndarray) -> np.ndarray:
    """Seconds until contact at constant speeds, (...): inf where the gap does not close, 0 on overlap.

    gap_m is bumper to bumper along the lane and closing_mps the follower's speed less the lead's, both (...);
    NaN where either is NaN (no lead). Source: Hayward, 1972, as in Minderhoud and Bovy, 2001.
    """
    gap, closing = _floats(gap_m), _floats(closing_mps)
    seconds = np.full(np.broadcast(gap, closing).shape, np.inf)
    # A closing speed near the smallest float overflows to inf, which is what it means.
    with np.errstate(over="ignore"):
        np.divide(gap, closing, out=seconds, where=closing > 0)
    seconds = np.where(gap <= 0, 0.0, seconds)
    return np.where(np.isnan(gap) | np.isnan(closing), np.nan, seconds)


def time_exposed(ttc_s: np.ndarray, dt_s: float, tau_s: float = TTC_S) -> np.ndarray:
    """TET: seconds with 0 <= TTC <= tau, (..., T) -> (...); NaN and inf add nothing.

    Source: Minderhoud and Bovy, 2001.
    """
    return np.asarray((_floats(ttc_s) <= tau_s).sum(-1) * dt_s)


def time_integrated(ttc_s: np.ndarray, dt_s: float, tau_s: float = TTC_S) -> np.ndarray:
    """TIT: the area of tau - TTC where 0 <= TTC <= tau, in s^2, (..., T) -> (...); NaN and inf add nothing.

    Source: Minderhoud and Bovy, 2001.
    """
    ttc = _floats(ttc_s)
    return np.asarray(np.where(ttc <= tau_s, tau_s - ttc, 0.0).sum(-1) * dt_s)


def time_headway(gap_m: np.ndarray, speed_mps: np.ndarray) -> np.ndarray:
    """THW: seconds the follower needs to cover the gap at its speed, (...); 0 on overlap.

    NaN without a lead and below 0.5 m/s.
    """
    gap, speed = _floats(gap_m), _floats(speed_mps)
    seconds = np.full(np.broadcast(gap, speed).shape, np.nan)
    np.divide(np.maximum(gap, 0.0), speed, out=seconds, where=speed >= STANDSTILL_MPS)
    return seconds


def deceleration_to_avoid_crash(gap_m: np.ndarray, closing_mps: np.ndarray) -> np.ndarray:
    """DRAC in m/s^2, (...): closing^2 / (2 gap), the braking that just avoids a lead of constant speed.

    0 where the gap does not close, inf where it closes on an overlap, NaN without a lead.
    Source: Cooper and Ferguson, 1976.
    """
    gap, closing = np.broadcast_arrays(_floats(gap_m), _floats(closing_mps))
    needed = np.where(gap > 0, 0.0, np.inf)
    with np.errstate(over="ignore"):
        np.divide(closing**2, 2 * gap, out=needed, where=gap > 0)
    needed = np.where(closing > 0, needed, 0.0)
    return np.where(np.isnan(gap) | np.isnan(closing), np.nan, needed)


def hard_brakes(acceleration_mps2: np.ndarray, dt_s: float) -> int:
    """Events of a <= -4 m/s^2 for at least 0.2 s; those less than 1 s apart are one.

    acceleration_mps2 is (T,), over T intervals of dt_s; NaN (absent) ends an event. The thresholds are this
    project's choice.
    """
    braking = _floats(acceleration_mps2) <= HARD_BRAKE_MPS2
    edges = np.flatnonzero(np.diff(np.concatenate(([False], braking, [False]))))
    starts, stops = edges[::2], edges[1::2]
    slack = 1e-9  # 0.2 s may be 0.19999 in floats
    long = (stops - starts) * dt_s >= HARD_BRAKE_S - slack
    starts, stops = starts[long], stops[long]
    apart = (starts[1:] - stops[:-1]) * dt_s >= HARD_BRAKE_MERGE_S - slack
    return int(len(starts) > 0) + int(apart.sum())


def accelerations(episode: Episode, agent: int) -> np.ndarray:
    """Change of speed over each of the T - 1 intervals, m/s^2; NaN where the agent is absent at an end."""
    change = np.diff(episode.speed_mps[agent].astype(np.float64)) / episode.dt_s
    present = episode.valid[agent, 1:] & episode.valid[agent, :-1]
    return np.where(present, change, np.nan)


def distance_m(episode: Episode, agent: int) -> float:
    """Metres driven: the length of the path through the frames in which the agent is present."""
    steps = np.hypot(*np.diff(episode.position_m[agent].astype(np.float64), axis=0).T)
    return float(steps[episode.valid[agent, 1:] & episode.valid[agent, :-1]].sum())


def off_road(episode: Episode, agent: int) -> np.ndarray:
    """Whether a corner of the body is more than 0.3 m outside every lane; (T,) bool, False where absent.

    Source: the drivable-area check of nuPlan; the ends of the map as in `Road.overhang_m`.
    """
    return np.asarray(reward.off_road(episode, agent, np.arange(episode.steps)) & episode.valid[agent])


def lane_changes(episode: Episode, agent: int) -> int:
    """How often the agent's nearest lane gave way to its neighbour; going on to a successor is no change."""
    here = episode.valid[agent]
    lanes = episode.road.nearest_lane(episode.position_m[agent, here], episode.heading_rad[agent, here])
    beside = [(lane.left, lane.right) for lane in episode.road.lanes]
    moved = np.flatnonzero(np.diff(lanes))
    return sum(int(lanes[frame + 1]) in beside[lanes[frame]] for frame in moved)


def _floats(values: np.ndarray) -> np.ndarray:
    return np.asarray(values, dtype=np.float64)
