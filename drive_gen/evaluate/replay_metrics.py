"""How far a driver goes from what the logged car did, case by case and over all cases."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import wasserstein_distance

from drive_gen.data.store import iterate_episodes
from drive_gen.envs.episode import Episode
from drive_gen.evaluate.cases import Case
from drive_gen.evaluate.folder import EPISODES
from drive_gen.evaluate.rows import Row, finite
from drive_gen.evaluate.safety import accelerations
from drive_gen.evaluate.statistics import bootstrap_mean, wilson

AT_S = (1, 2, 3, 4, 5)
BOOTSTRAP_SEED = 0
INTERVALS = ("ade_m", "fde_m", "longitudinal_m", "lateral_m", *(f"error_{second}s_m" for second in AT_S))


def displacement_figures(log: Episode, driven: Episode, case: Case) -> Row:
    """Displacement errors in metres of one case; the logged car's heading says what is along and across.

    ADE is the mean over the horizon and FDE the end's; a car that has crashed stays where it was hit, so
    that an early end is no smaller error.
    """
    agent, frames = case.agent, np.arange(1, case.frames)
    truth = log.position_m[agent, case.start + frames].astype(np.float64)
    heading = log.heading_rad[agent, case.start + frames]
    error = driven.position_m[agent, np.minimum(frames, driven.steps - 1)] - truth
    distance = np.hypot(*error.T)
    along = error[:, 0] * np.cos(heading) + error[:, 1] * np.sin(heading)
    across = -error[:, 0] * np.sin(heading) + error[:, 1] * np.cos(heading)
    places = {second: round(second / log.dt_s) - 1 for second in AT_S}
    return {"ade_m": float(distance.mean()), "fde_m": float(distance[-1]),
            "longitudinal_m": float(np.abs(along).mean()), "lateral_m": float(np.abs(across).mean()),
            **{f"error_{second}s_m": float(distance[place]) if place < len(distance) else None
               for second, place in places.items()}}


def rows_by_driver(rows: Sequence[Row], names: Iterable[str]) -> dict[str, list[Row]]:
    """Each driver's rows in the order of the cases."""
    return {name: sorted((row for row in rows if row["driver"] == name), key=lambda row: int(row["seed"]))
            for name in names}


def motion_distances(out: Path, log: str) -> dict[str, dict[str, float]]:
    """Each driver's W1 distance to the driver `log` in speed and in acceleration, over all stored frames."""
    motion = _motion(out)
    return {name: {"w1_speed_mps": float(wasserstein_distance(speed, motion[log][0])),
                   "w1_acceleration_mps2": float(wasserstein_distance(acceleration, motion[log][1]))}
            for name, (speed, acceleration) in motion.items()}


def case_figures(rows: Sequence[Row]) -> dict[str, Any]:
    """Intervals resample groups of recordings, which share cars and traffic; Wilson's for collisions."""
    groups, cases = np.array([row["group"] for row in rows]), len(rows)
    figures: dict[str, Any] = {"episodes": cases}
    for name in INTERVALS:
        known = np.array([row[name] is not None for row in rows])
        values = np.array([row[name] for row in rows if row[name] is not None])
        estimate = bootstrap_mean(values, BOOTSTRAP_SEED, groups[known])
        figures |= {name: finite(estimate.value), f"{name}_low": finite(estimate.low),
                    f"{name}_high": finite(estimate.high)}
    collided = wilson(sum(row["collision"] for row in rows), cases)
    least = [np.inf if row["min_ttc_s"] is None else row["min_ttc_s"] for row in rows]
    times = [row["decision_ms"] for row in rows if row["decision_ms"] is not None]
    return {**figures, "collision": float(np.mean([row["collision"] for row in rows])),
            "collision_low": collided.low, "collision_high": collided.high,
            "at_fault_rate": float(np.mean([row["at_fault"] for row in rows])),
            "off_road_rate": float(np.mean([row["off_road"] for row in rows])),
            "min_ttc_s": finite(np.median(least)), "decision_ms": finite(np.mean(times) if times else np.nan),
            "km": sum(row["distance_m"] for row in rows) / 1e3}


def ade_difference(rows: Sequence[Row], others: Sequence[Row]) -> dict[str, Any]:
    """ADE of one driver less that of another, in metres, on the same cases in the same order."""
    difference = np.array([one["ade_m"] - other["ade_m"] for one, other in zip(rows, others, strict=True)])
    estimate = bootstrap_mean(difference, BOOTSTRAP_SEED, np.array([row["group"] for row in rows]))
    return {"cases": len(rows), "ade_difference_m": estimate.value,
            "ade_difference_low_m": finite(estimate.low), "ade_difference_high_m": finite(estimate.high)}


def _motion(out: Path) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Each driver's speeds and accelerations over all its frames, from the stored episodes."""
    speeds: dict[str, list[np.ndarray]] = {}
    changes: dict[str, list[np.ndarray]] = {}
    for episode in iterate_episodes(out / EPISODES):
        ego, name = episode.ego or 0, episode.source.driver
        speeds.setdefault(name, []).append(episode.speed_mps[ego, episode.valid[ego]])
        change = accelerations(episode, ego)
        changes.setdefault(name, []).append(change[~np.isnan(change)])
    return {name: (np.concatenate(speeds[name]), np.concatenate(changes[name])) for name in speeds}
