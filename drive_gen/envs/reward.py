"""Rewards and returns from states alone: what a decision was worth, in three components.

Each is in [0, 1]; 1 is as fast as allowed, with room on all sides, and smooth. They are computed the same way
for logs, simulation and generated episodes, so that returns can be compared between them.
"""

from __future__ import annotations

import numpy as np

from drive_gen.envs.actions import frames_per_decision
from drive_gen.envs.episode import Episode
from drive_gen.envs.geometry import Leads, corners, leads
from drive_gen.envs.kinematics import wrap

COMPONENTS = ("progress", "safety", "comfort")
FULL_SPEED_MPS = 30.0  # the fastest of highway-env's target speeds, and its highway's speed limit
SAFE_TTC_S, LOST_TTC_S = 4.0, 1.0  # 4 s: the usual bound of a conflict; below 1 s hardly anybody avoids
SHORT_HEADWAY_S = 0.5  # the shortest that tailgating drivers keep
OFF_ROAD_M = 0.3  # a corner farther outside every lane is off the road (as in nuPlan's metric)
HARSH_MPS2 = 5.0  # acceleration at which comfort is 0; CONTROL_SCALE's, and beyond nuPlan's comfort bounds
DISCOUNT = 0.9  # a decision; about ten decisions count


def rewards(episode: Episode, agent: int, frames: np.ndarray, decision_s: float = 1.0,
            neighbours: Leads | None = None) -> np.ndarray:
    """Progress, safety and comfort of the decisions at the frames given; (F, 3) float32 in [0, 1].

    progress   mean over the interval of speed along the lane / the lane's limit (30 m/s where it has none or
               a higher one)
    safety     least over the interval: 1 without conflict, falling to 0 from a time to collision of 4 s to
               1 s, and from a headway of 0.5 s to 0, with the car ahead and with the car behind (which a
               cut-in leaves too little room); 0 in a crash or off the road
    comfort    1 - mean over the interval of the larger of longitudinal and lateral acceleration / 5 m/s^2

    The interval of a decision is the frames after its own up to the next decision's, as far as the agent is
    present. `neighbours` are its leads at all frames, where the caller has them already.
    """
    frames = np.asarray(frames)
    if not len(frames):
        return np.zeros((0, len(COMPONENTS)), np.float32)
    interval = frames_per_decision(episode, decision_s)
    start = int(frames.min())
    span = np.arange(start, min(int(frames.max()) + interval + 1, episode.steps))
    seen = leads(episode, agent, span) if neighbours is None else neighbours.at(span)
    inside = (frames - start)[:, None] + np.arange(1, interval + 1)  # (F, n) places in the span
    there = inside < len(span)
    inside = np.minimum(inside, len(span) - 1)
    there &= episode.valid[agent, span][inside]
    count = np.maximum(there.sum(1), 1)
    progress, safety, comfort = (values[inside] for values in (
        progress_of(episode, seen), safety_of(episode, agent, seen, span), comfort_of(episode, agent, span)))
    return np.stack((np.where(there, progress, 0).sum(1) / count, np.where(there, safety, 1).min(1),
                     np.where(there, comfort, 0).sum(1) / count), axis=-1).astype(np.float32)


def progress_of(episode: Episode, neighbours: Leads) -> np.ndarray:
    """Speed along the lane as a share of the lane's limit, (T,) in [0, 1]; 0 where the agent is absent."""
    limits = np.array([min(lane.speed_limit_mps, FULL_SPEED_MPS) for lane in episode.road.lanes])
    share = np.nan_to_num(neighbours.speed_mps) / np.maximum(limits[neighbours.lane], 1e-3)
    return np.asarray(np.clip(share, 0, 1))


def safety_of(episode: Episode, agent: int, neighbours: Leads, frames: np.ndarray) -> np.ndarray:
    """Room to the car ahead and the one behind at each of the frames, (F,) in [0, 1]; see `rewards`."""
    ahead = room(neighbours.gap_m, neighbours.closing_mps, neighbours.speed_mps)
    behind = room(neighbours.follower_gap_m, neighbours.follower_closing_mps, neighbours.follower_speed_mps)
    lost = episode.crashed[agent, frames] | off_road(episode, agent, frames)
    return np.where(lost, 0.0, np.minimum(ahead, behind))


def room(gap_m: np.ndarray, closing_mps: np.ndarray, speed_mps: np.ndarray) -> np.ndarray:
    """How safely a car at `speed_mps` follows one ahead by `gap_m`; 1 where there is none (NaN); (...)."""
    gap, closing, speed = (np.asarray(values, dtype=np.float64) for values in (gap_m, closing_mps, speed_mps))
    ttc = np.divide(gap, closing, out=np.full_like(gap, np.inf), where=closing > 0)
    headway = np.divide(gap, speed, out=np.full_like(gap, np.inf), where=speed > 0)
    score = np.minimum(np.clip((ttc - LOST_TTC_S) / (SAFE_TTC_S - LOST_TTC_S), 0, 1),
                       np.clip(headway / SHORT_HEADWAY_S, 0, 1))
    return np.where(np.isnan(gap), 1.0, np.where(gap <= 0, 0.0, score))


def off_road(episode: Episode, agent: int, frames: np.ndarray) -> np.ndarray:
    """Whether a corner lies more than OFF_ROAD_M outside every lane, (F,) bool."""
    boxes = corners(episode.position_m[agent, frames].astype(np.float64), episode.heading_rad[agent, frames],
                    episode.size_m[agent])
    return np.asarray((episode.road.overhang_m(boxes) > OFF_ROAD_M).any(-1))


def comfort_of(episode: Episode, agent: int, frames: np.ndarray) -> np.ndarray:
    """1 - (larger of longitudinal and lateral acceleration from the frame before) / HARSH_MPS2; (F,)."""
    before = np.maximum(frames - 1, 0)
    before = np.where(episode.valid[agent, before], before, frames)
    speed = episode.speed_mps[agent].astype(np.float64)
    turn = wrap(episode.heading_rad[agent, frames].astype(np.float64) - episode.heading_rad[agent, before])
    along = np.abs(speed[frames] - speed[before]) / episode.dt_s
    across = np.abs(speed[frames] * turn) / episode.dt_s
    return np.asarray(1 - np.clip(np.maximum(along, across) / HARSH_MPS2, 0, 1))


def returns_to_go(rewards: np.ndarray, ended_in_crash: bool, discount: float = DISCOUNT) -> np.ndarray:
    """Discounted mean of the rewards from each decision on; (F, 3) in [0, 1] -> (F, 3) in [0, 1].

    sum_k discount^k r[t + k] / sum_k discount^k. A crash is for ever: zeros follow it and the sum of the
    discounts is that of an endless road. An episode that was cut off counts what it has.
    """
    values = np.asarray(rewards, dtype=np.float64)
    total, weight = np.zeros(values.shape[1:]), 1 / (1 - discount) if ended_in_crash else 0.0
    result = np.zeros_like(values)
    for number in range(len(values) - 1, -1, -1):
        total = values[number] + discount * total
        weight = 1 + discount * weight
        result[number] = total / weight
    return result.astype(np.float32)


def highway_reward(episode: Episode, agent: int, frames: np.ndarray) -> np.ndarray:
    """highway-v0's own reward of the states at the frames given, (F,); it pays at a decision's last frame.

    -1 for a crash, 0.1 for the rightmost lane, 0.4 for 30 m/s or more (0 at 20), scaled from [-1, 0.5] to
    [0, 1], and 0 off the road (highway_env/envs/highway_env.py). The lane is the one the car is in, where
    highway-env takes its target lane: they differ in the middle of a lane change.
    """
    position, heading = episode.position_m[agent, frames], episode.heading_rad[agent, frames]
    lane = episode.road.nearest_lane(position, heading)
    frame = episode.road.lane_frame(position, lane)
    aside = np.array([episode.road.lanes_aside(number) for number in range(len(episode.road.lanes))])[lane]
    rightness = aside[:, 0] / np.maximum(aside.sum(1), 1)
    forward = episode.speed_mps[agent, frames] * np.cos(heading)
    paid = -1.0 * episode.crashed[agent, frames] + 0.1 * rightness + 0.4 * np.clip((forward - 20) / 10, 0, 1)
    half_width = np.array([item.width_m / 2 for item in episode.road.lanes])[lane]
    return np.asarray((paid + 1) / 1.5 * (np.abs(frame.d_m) <= half_width))
