"""One row a driven episode: what the tables, the report and the intervals are made of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from drive_gen.data.store import key_of
from drive_gen.envs.episode import Episode
from drive_gen.envs.geometry import leads, overlaps
from drive_gen.evaluate import safety
from drive_gen.evaluate.comfort import comfortable_share
from drive_gen.evaluate.contacts import contacts
from drive_gen.evaluate.planner import planner_score, planner_terms

Row = dict[str, Any]


class Driven(Protocol):
    """What a rollout says of itself (`drive_gen.data.rollout.Outcome`)."""

    @property
    def driver(self) -> str: ...
    @property
    def seed(self) -> int: ...
    @property
    def return_(self) -> float: ...
    @property
    def decisions(self) -> int: ...
    @property
    def crashed(self) -> bool: ...
    @property
    def off_road(self) -> bool: ...
    @property
    def decision_ms(self) -> float: ...


def episode_row(episode: Episode, agent: int, outcome: Driven) -> Row:
    """Every figure of one episode, as JSON holds them: None means no conflict, or undefined.

    Success is to reach the episode's end with neither a crash nor leaving the road. Times are in seconds:
    tet_s with TTC at most 2 s, following_s with a lead, headway_below_1s_s of these. max_drac_mps2 is the
    largest before contact, where it is infinite. What a wreck does after a crash is nobody's driving: frames
    after the first contact do not count.
    """
    driven = until_crash(episode, agent)
    off_road_frames = safety.off_road(driven, agent)
    left_road = bool(outcome.off_road or off_road_frames.any())
    at_fault = any(contact.at_fault for contact in contacts(driven, agent))
    motion, conflicts = motion_figures(driven, agent), conflict_figures(driven, agent)
    terms = planner_terms(driven, agent, at_fault, left_road, conflicts["min_ttc_s"],
                          motion["comfortable_share"])
    return {"driver": outcome.driver, "seed": outcome.seed, "return": float(outcome.return_),
            "success": not (outcome.crashed or left_road), "crashed": bool(outcome.crashed),
            "at_fault": at_fault, "off_road": left_road, "decisions": outcome.decisions,
            **motion, **conflicts, "planner_score": finite(planner_score(terms)),
            "off_road_share": float(off_road_frames.mean()),
            "decision_ms": float(outcome.decision_ms), "store_key": key_of(episode.source)}


def until_crash(episode: Episode, agent: int) -> Episode:
    """The episode up to and with the first frame in which the agent has crashed; all of it without one."""
    crashed = np.flatnonzero(episode.crashed[agent])
    return episode.window(0, int(crashed[0]) + 1) if len(crashed) else episode


def motion_figures(episode: Episode, agent: int) -> Row:
    """How one agent moved: time, distance, speed, hard brakes, lane changes, comfort."""
    here = episode.valid[agent]
    acceleration = safety.accelerations(episode, agent)
    return {"duration_s": float(max(here.sum() - 1, 0) * episode.dt_s),
            "distance_m": safety.distance_m(episode, agent),
            "mean_speed_mps": finite(episode.speed_mps[agent, here].mean() if here.any() else np.nan),
            "hard_brakes": safety.hard_brakes(acceleration, episode.dt_s),
            "lane_changes": safety.lane_changes(episode, agent),
            "comfortable_share": finite(comfortable_share(episode, agent))}


def conflict_figures(episode: Episode, agent: int) -> Row:
    """How close one agent was to its lead: TTC, exposure, headway and the braking that was needed."""
    gap, closing, speed = following(episode, agent)
    ttc = safety.time_to_collision(gap, closing)
    headway = safety.time_headway(gap, speed)
    braking = safety.deceleration_to_avoid_crash(gap, closing)
    return {"min_ttc_s": _over(np.min, ttc), "tet_s": float(safety.time_exposed(ttc, episode.dt_s)),
            "tit_s2": float(safety.time_integrated(ttc, episode.dt_s)),
            "max_drac_mps2": _over(np.max, braking), "min_headway_s": _over(np.min, headway),
            "mean_headway_s": _over(np.mean, headway),
            "following_s": float(np.isfinite(headway).sum() * episode.dt_s),
            "headway_below_1s_s": float((headway < 1.0).sum() * episode.dt_s)}


def following(episode: Episode, agent: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Gap to the lead (m), closing speed and own speed (m/s) along the lane, each (T,); NaN without a lead.

    A car beside the agent that reaches into its lane has a negative gap too; it is a lead only where the
    bodies do overlap, since a gap along the lane says nothing of two cars side by side.
    """
    ahead = leads(episode, agent)
    gap = ahead.gap_m.astype(np.float64)
    frames = np.flatnonzero(gap <= 0)
    other = ahead.lead[frames]
    touching = overlaps(episode.position_m[agent, frames], episode.heading_rad[agent, frames],
                        episode.size_m[agent], episode.position_m[other, frames],
                        episode.heading_rad[other, frames], episode.size_m[other])
    gap[frames[~touching]] = np.nan
    return gap, ahead.closing_mps, ahead.speed_mps


def finite(value: float) -> float | None:
    """The number, or None where it is NaN or infinite, which JSON has no word for."""
    return float(value) if np.isfinite(value) else None


def _over(reduce: Callable[[np.ndarray], Any], values: np.ndarray) -> float | None:
    """A statistic of the finite values; None where there are none."""
    known = values[np.isfinite(values)]
    return float(reduce(known)) if known.size else None
