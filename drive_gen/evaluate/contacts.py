"""Which bodies touched, when, and whose fault it was: oriented boxes swept between frames."""

from __future__ import annotations

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
    found, near = [], _near(episode, agent)
    for other in np.flatnonzero(near.any(1)).tolist():
        if (touch := _first_touch(episode, agent, other, near[other])) is not None:
            frame, mine, theirs = touch
            kind = _kind(episode, agent, other, frame, mine, theirs)
            at_fault = kind in ("stopped other", "front") or (
                kind == "side" and _between_lanes(episode, agent, mine))
            found.append(Contact(frame, other, kind, at_fault))
    return sorted(found)


def _near(episode: Episode, agent: int) -> np.ndarray:
    """Where both are present and so near that they may touch before the next frame; (A, T) bool."""
    both = episode.valid[agent] & episode.valid
    both[agent] = False
    apart = episode.position_m.astype(np.float64) - episode.position_m[agent]
    diagonals = np.hypot(*episode.size_m.astype(np.float64).T)
    reach = (diagonals + diagonals[agent])[:, None] / 2
    return np.asarray(both & (np.hypot(apart[..., 0], apart[..., 1]) <= reach + _moved(apart)))


def _moved(apart: np.ndarray) -> np.ndarray:
    """How far differences (..., T, 2) of positions move to the next frame; (..., T), 0 at the last."""
    moved = np.zeros(apart.shape[:-1])
    moved[..., :-1] = np.hypot(*np.moveaxis(np.diff(apart, axis=-2), -1, 0))
    return moved


def _first_touch(episode: Episode, agent: int, other: int,
                 near: np.ndarray) -> tuple[int, _Pose, _Pose] | None:
    """The frame before the first contact of two agents and both poses at it; None where they never touch.

    `near` (T,) says at which frames they may touch.
    """
    both = episode.valid[agent] & episode.valid[other]
    moved = _moved(episode.position_m[other].astype(np.float64) - episode.position_m[agent])
    for frame in np.flatnonzero(near):
        goes_on = frame + 1 < episode.steps and both[frame + 1]
        tests = max(int(np.ceil(moved[frame] / SWEEP_M)), 1) if goes_on else 1
        # The pose at the interval's end is the next frame's first test.
        shares = np.arange(tests) / tests
        mine, theirs = (_swept(episode, number, int(frame), shares) for number in (agent, other))
        hit = overlaps(*mine, episode.size_m[agent], *theirs, episode.size_m[other])
        if hit.any():
            first = int(hit.argmax())
            return int(frame), _at(mine, first), _at(theirs, first)
    return None


def _swept(episode: Episode, agent: int, frame: int, shares: np.ndarray) -> _Pose:
    """Poses of one agent at shares (n,) of the interval that begins at `frame`; (n, 2) and (n,)."""
    position = episode.position_m[agent, frame].astype(np.float64)
    heading = float(episode.heading_rad[agent, frame])
    if len(shares) == 1:
        return _Pose(position[None], np.array([heading]))
    step = episode.position_m[agent, frame + 1] - position
    turn = float(wrap(episode.heading_rad[agent, frame + 1] - heading))
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
