"""Whether a generated episode can be believed: the simulator drives it so, on the road, through nobody.

The checks read an episode alone, so what is on disk can be checked again at any time.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from drive_gen.envs.episode import Episode
from drive_gen.envs.geometry import corners, overlaps
from drive_gen.envs.kinematics import wrap
from drive_gen.envs.simulator.redrive import redrive
from drive_gen.generate.config import Limits

REASONS = ("overlap", "crash", "off_road", "acceleration", "jerk", "yaw_rate", "speed", "states", "residual")
SWEEP_M = 0.25  # the most that two bodies move against each other between two tests
ROUNDING = 2e-3  # metres, radians, m/s: float32 at 10 km from the origin


@dataclass(frozen=True)
class Verdict:
    """What `verify` found. `reason` is the first of REASONS that does not hold, and None where all do."""

    reason: str | None
    measurements: dict[str, float] = field(default_factory=dict)

    @property
    def accepted(self) -> bool:
        """Whether every check holds."""
        return self.reason is None


def verify(episode: Episode, limits: Limits | None = None, residual_m: float | None = None) -> Verdict:
    """Check every agent of an episode at and between all frames.

    No two bodies touch, every corner stays on the road, accelerations, jerks, yaw rates and speeds keep to
    the limits, the simulator makes the same states of the controls and finds nobody to crash, and the
    residual (the episode's own note where not given) is small enough.
    """
    bounds = limits or Limits()
    if residual_m is None:
        residual_m = float(episode.source.notes.get("residual_m", 0.0))
    found = {**_motion(episode), **_driven_again(episode), "residual": residual_m,
             "off_road": off_road_m(episode), "overlap": float(touches(episode))}
    low, high = bounds.acceleration_mps2
    slow, fast = bounds.speed_mps
    holds = {"overlap": found["overlap"] == 0,
             "crash": found["crash"] == 0,
             "off_road": found["off_road"] <= bounds.off_road_m,
             "acceleration": low <= found["acceleration_low"] and found["acceleration_high"] <= high,
             "jerk": found["jerk"] <= bounds.jerk_mps3,
             "yaw_rate": found["yaw_rate"] <= bounds.yaw_rate_rps,
             "speed": slow <= found["speed_low"] and found["speed_high"] <= fast,
             "states": found["states"] <= ROUNDING,
             "residual": found["residual"] <= bounds.residual_m}
    return Verdict(next((reason for reason in REASONS if not holds[reason]), None), found)


def off_road_m(episode: Episode) -> float:
    """Metres by which the worst corner of any agent at any frame lies outside every lane."""
    here = episode.valid
    size = np.broadcast_to(episode.size_m[:, None], (*here.shape, 2))[here]
    body = corners(episode.position_m[here].astype(np.float64), episode.heading_rad[here], size)
    return float(episode.road.overhang_m(body).max())


def touches(episode: Episode) -> int:
    """In how many frame intervals two bodies touch, summed over the pairs; swept every SWEEP_M or less."""
    one, other = np.triu_indices(episode.agents, 1)
    here = episode.valid[one] & episode.valid[other]  # (pairs, T)
    stays = np.zeros_like(here)
    stays[:, :-1] = here[:, 1:]
    position = episode.position_m.astype(np.float64)
    apart = position[other] - position[one]
    moved = np.zeros(here.shape)
    moved[:, :-1] = np.where(stays[:, :-1], np.hypot(*np.moveaxis(np.diff(apart, axis=1), -1, 0)), 0)
    diagonal = np.hypot(*episode.size_m.T)
    reach = (diagonal[one] + diagonal[other])[:, None] / 2
    pair, frame = np.nonzero(here & (np.hypot(*np.moveaxis(apart, -1, 0)) <= reach + moved))
    if not len(pair):
        return 0
    tests = max(int(np.ceil(moved[pair, frame].max() / SWEEP_M)), 1)
    share = np.where(stays[pair, frame][:, None], np.arange(tests) / tests, 0)  # (K, tests)
    first, second = (_swept(episode, agents[pair], frame, share) for agents in (one, other))
    hits = overlaps(*first, episode.size_m[one[pair]][:, None], *second, episode.size_m[other[pair]][:, None])
    return int(hits.any(1).sum())


def _swept(episode: Episode, agent: np.ndarray, frame: np.ndarray,
           share: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Poses at shares (K, n) of the intervals that begin at frames (K,): (K, n, 2) and (K, n)."""
    after = np.minimum(frame + 1, episode.steps - 1)
    position = episode.position_m.astype(np.float64)
    here, step = position[agent, frame], position[agent, after] - position[agent, frame]
    heading = episode.heading_rad[agent, frame]
    turn = wrap(episode.heading_rad[agent, after] - heading)
    return here[:, None] + share[..., None] * step[:, None], heading[:, None] + share * turn[:, None]


def _motion(episode: Episode) -> dict[str, float]:
    """The extremes of what agents do."""
    moves = episode.valid[:, :-1] & episode.valid[:, 1:]
    speed, heading = episode.speed_mps.astype(np.float64), episode.heading_rad.astype(np.float64)
    acceleration = np.diff(speed, axis=1) / episode.dt_s
    jerk = np.abs(np.diff(acceleration, axis=1) / episode.dt_s)[moves[:, :-1] & moves[:, 1:]]
    yaw_rate = np.abs(wrap(np.diff(heading, axis=1)) / episode.dt_s)[moves]
    return {"acceleration_low": float(acceleration[moves].min(initial=0)),
            "acceleration_high": float(acceleration[moves].max(initial=0)),
            "jerk": float(jerk.max(initial=0)), "yaw_rate": float(yaw_rate.max(initial=0)),
            "speed_low": float(episode.speed_mps[episode.valid].min()),
            "speed_high": float(episode.speed_mps[episode.valid].max())}


def _driven_again(episode: Episode) -> dict[str, float]:
    """How the simulator's drive by the episode's controls differs, and in how many states it sees contact.

    `states` is the largest difference (m, rad, m/s), in float32; inf where a control is unknown, or an agent
    leaves and returns.
    """
    moves = episode.valid[:, :-1] & episode.valid[:, 1:]
    returns = (np.diff(episode.valid.astype(int), axis=1) > 0).sum(1) + episode.valid[:, 0] > 1
    stored = np.concatenate((episode.position_m, episode.heading_rad[..., None],
                             episode.speed_mps[..., None]), axis=-1)
    driven = redrive(episode)
    apart = np.abs(driven.states.astype(np.float32) - stored)[episode.valid].max(initial=0)
    known = not returns.any() and episode.control_known[:, :-1][moves].all()
    return {"states": float(apart) if known else float("inf"),
            "crash": float((driven.touching & episode.valid).sum())}
