"""What rows say of each driver, and of one driver against another on the same seeds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from drive_gen.evaluate.rows import Row, finite
from drive_gen.evaluate.statistics import (
    bootstrap_mean,
    clopper_pearson,
    mcnemar_exact,
    paired_bootstrap,
    wilson,
)

BOOTSTRAP_SEED = 0


def driver_metrics(rows: Sequence[Row]) -> dict[str, Any]:
    """The figures of one driver over its episodes; None where undefined (no lead, no conflict).

    Intervals are 95 %: Wilson for success, Clopper-Pearson for crashes, bootstrap over episodes for the
    return and the planner's score. Speed is distance over time. Shares of time are pooled over episodes,
    headways over the time with a lead.
    """
    episodes, crashes = len(rows), sum(row["crashed"] for row in rows)
    success, crash = wilson(sum(row["success"] for row in rows), episodes), clopper_pearson(crashes, episodes)
    gain = bootstrap_mean(_column(rows, "return"), BOOTSTRAP_SEED)
    scores = _scores(rows)
    score = bootstrap_mean(scores, BOOTSTRAP_SEED) if len(scores) else None
    seconds, metres = _total(rows, "duration_s"), _total(rows, "distance_m")
    return {"episodes": episodes, "success": _mean(rows, "success"),
            "success_low": success.low, "success_high": success.high,
            "mean_speed_mps": finite(metres / seconds if seconds else np.nan),
            "return": gain.value, "return_low": finite(gain.low), "return_high": finite(gain.high),
            "planner_score": score and score.value, "planner_score_low": score and finite(score.low),
            "planner_score_high": score and finite(score.high),
            "crash_rate": _mean(rows, "crashed"), "crash_low": crash.low, "crash_high": crash.high,
            "at_fault_rate": _mean(rows, "at_fault"), "off_road_rate": _mean(rows, "off_road"),
            **_conflicts(rows, seconds),
            "hard_brakes_per_100km": finite(_total(rows, "hard_brakes") / metres * 1e5 if metres else np.nan),
            "lane_changes_per_km": finite(_total(rows, "lane_changes") / metres * 1e3 if metres else np.nan),
            "comfortable_share": finite(_mean_known(rows, "comfortable_share")),
            "km": metres / 1e3, "decision_ms": finite(_column(rows, "decision_ms").mean())}


def compare(rows: Sequence[Row], others: Sequence[Row]) -> dict[str, Any]:
    """One driver against another on the seeds that both drove: paired bootstrap and McNemar's exact test.

    The planner's score is compared on the seeds on which both have one; None without any.
    """
    mine, theirs = ({row["seed"]: row for row in side} for side in (rows, others))
    seeds = sorted(mine.keys() & theirs.keys())
    first, second = [mine[seed] for seed in seeds], [theirs[seed] for seed in seeds]
    gain = paired_bootstrap(_column(first, "return"), _column(second, "return"), BOOTSTRAP_SEED)
    test = mcnemar_exact(_column(first, "success") > 0, _column(second, "success") > 0)
    scored = [pair for pair in zip(first, second, strict=True) if len(_scores(pair)) == len(pair)]
    score = (paired_bootstrap(_scores([one for one, _ in scored]), _scores([other for _, other in scored]),
                              BOOTSTRAP_SEED) if scored else None)
    return {"seeds": len(seeds), "return_difference": gain.value, "return_low": gain.low,
            "return_high": gain.high, "planner_score_difference": score and score.value,
            "planner_score_low": score and finite(score.low),
            "planner_score_high": score and finite(score.high),
            "success_only_driver": test.only_first,
            "success_only_other": test.only_second, "success_p": test.p_value}


def _conflicts(rows: Sequence[Row], seconds: float) -> dict[str, float | None]:
    least = _column(rows, "min_ttc_s", missing=np.inf)
    following, short = _total(rows, "following_s"), _total(rows, "headway_below_1s_s")
    weighted = np.nansum(_column(rows, "mean_headway_s") * _column(rows, "following_s"))
    # Frames are counted at both ends of an episode, so that a share can pass 1 by a frame.
    exposed = min(_total(rows, "tet_s") / seconds, 1.0) if seconds else np.nan
    return {"min_ttc_s": finite(np.median(least)), "ttc_below_2s": finite(exposed),
            "mean_headway_s": finite(weighted / following if following else np.nan),
            "headway_below_1s": finite(short / following if following else np.nan)}


def _scores(rows: Sequence[Row]) -> np.ndarray:
    """The planner's scores, where there are any; rows written by an older version have none."""
    return np.array([row["planner_score"] for row in rows if row.get("planner_score") is not None], float)


def _column(rows: Sequence[Row], name: str, missing: float = np.nan) -> np.ndarray:
    return np.array([missing if row[name] is None else row[name] for row in rows], dtype=np.float64)


def _total(rows: Sequence[Row], name: str) -> float:
    return float(_column(rows, name).sum())


def _mean_known(rows: Sequence[Row], name: str) -> float:
    known = [row[name] for row in rows if row[name] is not None]
    return float(np.mean(known)) if known else np.nan


def _mean(rows: Sequence[Row], name: str) -> float:
    return float(_column(rows, name).mean())
