"""Which bodies touched, when, and whose fault it was: oriented boxes swept between frames."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple

import numpy as np

from drive_gen.envs.episode import Episode
from drive_gen.envs.geometry import corners, overlaps
from drive_gen.envs.kinematics import wrap

SWEEP_M = 0.25  # the most that two bodies move against each other between two tests
STOPPED_MPS = 0.05
BEHIND_RAD = np.deg2rad(150.0)

Kind = Literal["stopped agent", "stopped other", "rear-ended", "front", "side"]


class Contact(NamedTuple):
    """The first touch of one pair. `frame` is the last one before it, or that of the touch itself."""

    frame: int
    other: int
    kind: Kind
    at_fault: bool


class _Pose(NamedTuple):
    position_m: np.ndarray
    heading_rad: np.ndarray


def contacts(episode: Episode, agent: int) -> list[Contact]:
    """Every other agent that this one touches, once each, in order of time.

    At fault, after nuPlan: the agent runs into a stopped one, hits another with its front, or is hit on the
    side while not wholly in one lane. One that stands, or is hit from behind, is not at fault.
    """
    found = []
    for frame, other, mine, theirs in _first_touches(episode, agent):
        kind = _kind(episode, agent, other, frame, mine, theirs)
        at_fault = kind in ("stopped other", "front") or (
            kind == "side" and _between_lanes(episode, agent, mine))
        found.append(Contact(frame, other, kind, at_fault))
    return sorted(found)


def _first_touches(episode: Episode, agent: int) -> Iterator[tuple[int, int, _Pose, _Pose]]:
    """For each other agent that this one touches: the frame before the first contact, its number, both poses.

    Every pair and interval in which they may touch is tested at once, at poses SWEEP_M apart at most.
    """
    both = episode.valid[agent] & episode.valid
    both[agent] = False
    near, moved = _near(episode, agent, both)
    if not near.any():
        return
    others, frames = np.nonzero(near)  # by the other agent, then in order of time
    goes_on = np.zeros_like(near)
    goes_on[:, :-1] = both[:, 1:]
    tests = np.where(goes_on[near], np.maximum(np.ceil(moved[near] / SWEEP_M), 1), 1).astype(np.int64)
    number = np.repeat(np.arange(len(tests)), tests)  # of the pair and interval, of each test
    # The pose at the interval's end is the next frame's first test.
    share = (np.arange(len(number)) - (tests.cumsum() - tests)[number]) / tests[number]
    others, frames = others[number], frames[number]
    egos = np.full_like(others, agent)
    mine, theirs = (_swept(episode, agents, frames, share) for agents in (egos, others))
    hits = np.flatnonzero(overlaps(*mine, episode.size_m[agent], *theirs, episode.size_m[others]))
    for first in hits[np.unique(others[hits], return_index=True)[1]].tolist():
        yield int(frames[first]), int(others[first]), _at(mine, first), _at(theirs, first)


def _near(episode: Episode, agent: int, both: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where they are so near that they may touch before the next frame, and how far apart they move until it.

    (A, T) bool, and metres; `both` (A, T) says where both are present.
    """
    apart = episode.position_m.astype(np.float64) - episode.position_m[agent]
    diagonals = np.hypot(*episode.size_m.astype(np.float64).T)
    reach = (diagonals + diagonals[agent])[:, None] / 2
    moved = np.zeros(both.shape)  # 0 at the last frame
    moved[:, :-1] = np.hypot(*np.moveaxis(np.diff(apart, axis=1), -1, 0))
    return both & (np.hypot(apart[..., 0], apart[..., 1]) <= reach + moved), moved


def _swept(episode: Episode, agents: np.ndarray, frames: np.ndarray, shares: np.ndarray) -> _Pose:
    """Poses at shares of the intervals that begin at the frames; all (n,) -> (n, 2) and (n,)."""
    after = np.minimum(frames + 1, episode.steps - 1)
    position = episode.position_m[agents, frames].astype(np.float64)
    heading = episode.heading_rad[agents, frames]
    step = episode.position_m[agents, after] - position
    turn = wrap(episode.heading_rad[agents, after] - heading)
    return _Pose(position + shares[:, None] * step, heading + shares * turn)


def _at(pose: _Pose, number: int) -> _Pose:
    return _Pose(pose.position_m[number], pose.heading_rad[number])


def _kind(episode: Episode, agent: int, other: int, frame: int, mine: _Pose, theirs: _Pose) -> Kind:
    if abs(episode.speed_mps[agent, frame]) <= STOPPED_MPS:
        return "stopped agent"
    if abs(episode.speed_mps[other, frame]) <= STOPPED_MPS:
        return "stopped other"
    away = theirs.position_m - mine.position_m
    bearing = wrap(np.arctan2(away[1], away[0]) - mine.heading_rad)
    if abs(bearing) > BEHIND_RAD:
        return "rear-ended"
    length, width = episode.size_m[agent]
    unit = np.array([np.cos(mine.heading_rad), np.sin(mine.heading_rad)])
    bumper = mine.position_m + unit * length / 2
    # A strip as wide as the car and a sweep's step deep stands for the front bumper's line.
    hit = overlaps(bumper, mine.heading_rad, np.array([2 * SWEEP_M, width]),
                   *theirs, episode.size_m[other])
    return "front" if bool(hit) else "side"


def _between_lanes(episode: Episode, agent: int, pose: _Pose) -> bool:
    """Whether the body is not wholly inside the lane that its centre is nearest to."""
    number = int(episode.road.nearest_lane(pose.position_m, pose.heading_rad))
    lane = episode.road.lanes[number]
    body = corners(pose.position_m, pose.heading_rad, episode.size_m[agent])
    return bool((np.abs(lane.frame_of(body).d_m) > lane.width_m / 2).any())
