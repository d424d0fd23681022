"""How near generated driving is to real driving, always beside how near real driving is to itself.

A distance alone says nothing: two halves of the same recordings differ too. So the held-out real episodes are
halved by group (recording) several times, and each half is a reference for the other half and for the
generated episodes alike.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.spatial.distance import jensenshannon
from scipy.stats import wasserstein_distance

from drive_gen.envs.episode import Episode
from drive_gen.envs.files import InputError
from drive_gen.envs.geometry import all_leads
from drive_gen.envs.kinematics import inverse_bicycle, step_bicycle, wrap
from drive_gen.evaluate.safety import time_headway

PERIOD_S = 0.2  # derivatives are taken over this, so that recordings of other frame rates compare
BINS = 50
RANGES: dict[str, tuple[float, float]] = {  # of the JSD's bins, whose outermost hold what lies beyond
    "speed_mps": (0.0, 45.0),
    "acceleration_mps2": (-8.0, 5.0),
    "jerk_mps3": (-15.0, 15.0),
    "gap_m": (0.0, 150.0),
    "headway_s": (0.0, 8.0),
    "lateral_offset_m": (-2.5, 2.5),
}
# What no car does: acceleration, jerk, yaw rate, and metres off what the bicycle model can follow.
LEAST_MPS2, MOST_MPS2, MOST_JERK_MPS3, MOST_YAW_RADPS, MOST_RESIDUAL_M = -8.0, 5.0, 15.0, 0.95, 0.2

Signals = dict[str, np.ndarray]


@dataclass(frozen=True)
class RealismRow:
    """Distances of one signal: generated to real, and real to real (the floor), in W1's unit and in bits."""

    signal: str
    w1: float  # 1-Wasserstein distance, in the signal's unit
    w1_floor: float
    jsd: float  # Jensen-Shannon divergence, 0 to 1 bit
    jsd_floor: float


def signals_of(episodes: Iterable[Episode]) -> Signals:
    """Every agent's values of each signal in RANGES, pooled; 1-D arrays of different lengths.

    Gap and headway are to the lead of the same lane where there is one; negative gaps (side by side) are
    left out. Source of the set: the kinematic and interactive features of the field's realism metrics.
    """
    pooled: dict[str, list[np.ndarray]] = {name: [np.empty(0)] for name in RANGES}
    for episode in episodes:
        for name, values in _signals(episode).items():
            pooled[name].append(values)
    return {name: np.concatenate(values) for name, values in pooled.items()}


def jensen_shannon(first: np.ndarray, second: np.ndarray, low: float, high: float) -> float:
    """Jensen-Shannon divergence (bits, 0 to 1) of two samples' histograms with BINS bins from low to high."""
    edges = np.linspace(low, high, BINS + 1)
    one, other = (np.histogram(np.clip(values, low, high), edges)[0] for values in (first, second))
    return float(jensenshannon(one, other, base=2) ** 2)


def realism_table(real_a: Sequence[Episode], real_b: Sequence[Episode],
                  generated: Sequence[Episode]) -> list[RealismRow]:
    """Distance of generated to real_b beside that of real_a to real_b, one row a signal."""
    return _rows(signals_of(real_a), signals_of(real_b), signals_of(generated))


def realism_against_floor(real: Sequence[Episode], generated: Sequence[Episode], *, splits: int = 8,
                          seed: int = 0) -> list[RealismRow]:
    """`realism_table` averaged over random halvings of the real episodes by their source's group."""
    by_group: dict[str, list[Episode]] = {}
    for episode in real:
        by_group.setdefault(episode.source.group, []).append(episode)
    if len(by_group) < 2:
        raise InputError(f"the real episodes come from {len(by_group)} group; a real-against-real floor "
                         "needs at least 2: hold out more recordings")
    real_signals = [signals_of(members) for _, members in sorted(by_group.items())]
    made, rng, tables = signals_of(generated), np.random.default_rng(seed), []
    for _ in range(splits):
        order = rng.permutation(len(real_signals))
        one, other = (_pool([real_signals[group] for group in half]) for half in np.array_split(order, 2))
        tables.append(_rows(one, other, made))
    return [_mean_row(rows) for rows in zip(*tables, strict=True)]


def infeasible_share(episodes: Iterable[Episode]) -> float:
    """Share of steps that no car drives: acceleration, jerk, yaw rate or bicycle residual beyond the limits.

    A step is an interval between two frames in which the agent is present; NaN where there is none.
    """
    steps = impossible = 0
    for episode in episodes:
        known, bad = _infeasible(episode)
        steps, impossible = steps + int(known.sum()), impossible + int((known & bad).sum())
    return impossible / steps if steps else float("nan")


def _rows(real_a: Signals, real_b: Signals, generated: Signals) -> list[RealismRow]:
    rows = []
    for name, (low, high) in RANGES.items():
        samples = (generated[name], real_a[name], real_b[name])
        if not all(len(sample) for sample in samples):
            continue  # no agent ever has a lead: there is no gap to compare
        *others, reference = samples
        w1 = [float(wasserstein_distance(sample, reference)) for sample in others]
        jsd = [jensen_shannon(sample, reference, low, high) for sample in others]
        rows.append(RealismRow(name, *w1, *jsd))
    return rows


def _mean_row(rows: Sequence[RealismRow]) -> RealismRow:
    means = {name: float(np.mean([getattr(row, name) for row in rows]))
             for name in ("w1", "w1_floor", "jsd", "jsd_floor")}
    return RealismRow(rows[0].signal, **means)


def _pool(parts: list[Signals]) -> Signals:
    return {name: np.concatenate([part[name] for part in parts]) for name in RANGES}


def _signals(episode: Episode) -> Signals:
    stride = max(1, round(PERIOD_S / episode.dt_s))
    period_s = stride * episode.dt_s
    valid, speed = episode.valid, episode.speed_mps.astype(np.float64)
    change = np.diff(speed[:, ::stride]) / period_s
    both = valid[:, ::stride][:, 1:] & valid[:, ::stride][:, :-1]
    ahead = all_leads(episode)
    led = np.isfinite(ahead.gap_m) & (ahead.gap_m > 0)
    headway = time_headway(ahead.gap_m[led], ahead.speed_mps[led])
    lane = episode.road.nearest_lane(episode.position_m[valid], episode.heading_rad[valid])
    return {"speed_mps": speed[valid], "acceleration_mps2": change[both],
            "jerk_mps3": (np.diff(change) / period_s)[both[:, 1:] & both[:, :-1]],
            "gap_m": ahead.gap_m[led], "headway_s": headway[np.isfinite(headway)],
            "lateral_offset_m": episode.road.lane_frame(episode.position_m[valid], lane).d_m}


def _infeasible(episode: Episode) -> tuple[np.ndarray, np.ndarray]:
    """Which steps (A, T - 1) exist, and which of them leave the limits."""
    known = episode.valid[:, 1:] & episode.valid[:, :-1]
    heading, speed = episode.heading_rad.astype(np.float64), episode.speed_mps.astype(np.float64)
    position, length, dt_s = episode.position_m.astype(np.float64), episode.size_m[:, 0], episode.dt_s
    control = inverse_bicycle(heading, speed, length, dt_s)
    reached, _, _ = step_bicycle(position[:, :-1], heading[:, :-1], speed[:, :-1], control, length[:, None],
                                 dt_s)
    residual = np.hypot(*np.moveaxis(position[:, 1:] - reached, -1, 0))
    acceleration, yaw_rate = control[..., 0], wrap(np.diff(heading)) / dt_s
    jerk = np.zeros_like(acceleration)
    jerk[:, 1:] = np.where(known[:, 1:] & known[:, :-1], np.diff(acceleration) / dt_s, 0.0)
    slack = 1e-3  # states are float32
    bad = ((acceleration < LEAST_MPS2 - slack) | (acceleration > MOST_MPS2 + slack)
           | (np.abs(jerk) > MOST_JERK_MPS3 + slack) | (np.abs(yaw_rate) > MOST_YAW_RADPS + slack)
           | (residual > MOST_RESIDUAL_M))
    return known, np.asarray(bad)
