"""One number a drive, of the terms by which nuPlan scores planners in closed loop.

Source: Caesar et al., 2021, NuPlan; the metrics of nuplan-devkit (closed loop, non-reactive). Hard terms are
multiplied, the others weighed: no at-fault collision x on the road x the right way x under way x (5 progress
+ 5 TTC + 4 speed limit + 2 comfort) / 16. Other than there: progress is not measured along a human driver's
route, which simulated worlds have none of, but against the speed limit; the lane driven in is any that the
car's middle is in and that goes its way best; TTC is to the lead in the lane alone.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from drive_gen.envs.episode import Episode

LEAST_TTC_S = 0.95
UNDER_WAY = 0.2  # of the metres that the limit would have allowed
WRONG_WAY_S = 1.0
WRONG_WAY_M = (2.0, 6.0)  # against the traffic within so long: up to the first 1, then a half, then 0
MOST_OVER_MPS = 2.23  # above the limit, on average, which leaves nothing of the term
WEIGHTS = {"progress": 5.0, "ttc": 5.0, "speed_limit": 4.0, "comfort": 2.0}


class Terms(NamedTuple):
    """Each from 0 to 1; NaN where it is not defined (no limit known, too few frames)."""

    no_at_fault: float
    on_road: float
    right_way: float
    under_way: float
    progress: float
    ttc: float
    speed_limit: float
    comfort: float


def planner_score(terms: Terms) -> float:
    """From 0 to 1; 0 where a hard term is, else NaN where a term is not defined."""
    hard = (terms.no_at_fault, terms.on_road, terms.right_way, terms.under_way)
    if 0.0 in hard:
        return 0.0
    soft = sum(weight * getattr(terms, name) for name, weight in WEIGHTS.items()) / sum(WEIGHTS.values())
    return float(np.prod(hard) * soft)


def planner_terms(episode: Episode, agent: int, at_fault: bool, off_road: bool, min_ttc_s: float | None,
                  comfortable_share: float | None) -> Terms:
    """The terms of one agent's drive, of which an evaluation's row already holds some."""
    ahead_mps, limit_mps = _along(episode, agent)
    driven, allowed = float(ahead_mps.sum()), float(limit_mps.sum())
    progress = float(np.clip(driven / allowed, 0, 1)) if 0 < allowed < np.inf else np.nan
    speed = episode.speed_mps[agent, episode.valid[agent]].astype(np.float64)
    over = float(np.maximum(speed - limit_mps, 0).mean()) if len(speed) else np.nan
    return Terms(
        float(not at_fault), float(not off_road), _right_way(ahead_mps, episode.dt_s),
        np.nan if np.isnan(progress) else float(progress > UNDER_WAY), progress,
        float(min_ttc_s is None or min_ttc_s >= LEAST_TTC_S), max(0.0, 1 - over / MOST_OVER_MPS),
        np.nan if comfortable_share is None else float(comfortable_share == 1))


def _along(episode: Episode, agent: int) -> tuple[np.ndarray, np.ndarray]:
    """Speed along the lane driven in, against it negative, and its limit (m/s), at each frame it is there."""
    here = episode.valid[agent]
    frame = episode.road.frames_of(episode.position_m[agent, here])
    heading = episode.heading_rad[agent, here].astype(np.float64)
    aligned = np.cos(heading[:, None] - frame.heading_rad)  # (T, lanes)
    lanes = episode.road.lanes
    lengths, widths = (np.array([getattr(lane, name) for lane in lanes]) for name in ("length_m", "width_m"))
    inside = (np.abs(frame.d_m) <= widths / 2) & (frame.s_m >= 0) & (frame.s_m <= lengths)
    best = np.where(inside, aligned, -np.inf).argmax(1)
    lane = np.where(inside.any(1), best, episode.road.nearest_of(frame))
    limits = np.array([each.speed_limit_mps for each in lanes])
    speed = episode.speed_mps[agent, here].astype(np.float64)
    return speed * aligned[np.arange(len(lane)), lane], limits[lane]


def _right_way(ahead_mps: np.ndarray, dt_s: float) -> float:
    """1, a half or 0 by the most metres against the traffic within a second."""
    against = np.maximum(-ahead_mps, 0) * dt_s
    if not against.any():
        return 1.0
    window = np.ones(max(round(WRONG_WAY_S / dt_s), 1))
    most = float(np.convolve(against, window).max())
    full, half = WRONG_WAY_M
    return 1.0 if most <= full else 0.5 if most <= half else 0.0
