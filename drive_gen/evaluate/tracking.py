"""How well a film was read: bodies, places and speeds of an Episode against those that are so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from drive_gen.envs.episode import Episode
from drive_gen.language.read_scene import road_kind
from drive_gen.language.sight import Sight, in_picture

EVERY = 5  # frames
NEAR_M = 3.0  # a body read so near to a true one is it


@dataclass(frozen=True)
class Tracking:
    """Of several films together; places are relative to the ego, in its frame."""

    films: int
    refused: int  # not read at all
    roads: float  # share of those read on a road of the right kind with as many lanes
    position_m: float  # root mean square
    speed_mps: float
    kinds: float  # share of the bodies found whose kind is right
    missed: float  # share of the true bodies in the picture
    false: float  # share of those read in the picture


def score_tracking(true: Sequence[Episode], read: Sequence[Episode | None]) -> Tracking:
    """Every EVERY-th frame's bodies, matched by place; None where a film was not read. NaN where none was."""
    pairs = [(one, other) for one, other in zip(true, read, strict=True) if other is not None]
    if not pairs:
        return Tracking(len(true), len(true), *(float("nan"),) * 6)
    rows = [_frame(*pair, frame) for pair in pairs for frame in range(0, pair[1].steps, EVERY)]
    away, speed, kinds = (np.concatenate([row[place] for row in rows]) for place in range(3))
    found, there, said = len(away), sum(row[3] for row in rows), sum(row[4] for row in rows)
    roads = [road_kind(one.road) == road_kind(other.road) and len(one.road.lanes) == len(other.road.lanes)
             for one, other in pairs]
    return Tracking(len(true), len(true) - len(pairs), float(np.mean(roads)),
                    float(np.sqrt((away**2).mean())), float(np.sqrt((speed**2).mean())), float(kinds.mean()),
                    1 - found / there, 1 - found / said)


def _frame(true: Episode, read: Episode, frame: int
           ) -> tuple[np.ndarray, np.ndarray, np.ndarray, int, int]:
    """Distances, errors of speed and right kinds of those matched; how many there are, and were read."""
    sight = Sight()
    one, other = (np.flatnonzero(in_picture(episode, frame, sight)) for episode in (true, read))
    ours, theirs = _places(true, frame)[one], _places(read, frame)[other]
    away = np.hypot(*(ours[:, None] - theirs[None]).transpose(2, 0, 1))
    rows, columns = linear_sum_assignment(np.minimum(away, 10 * NEAR_M))
    near = away[rows, columns] < NEAR_M
    rows, columns = rows[near], columns[near]
    off = true.speed_mps[one[rows], frame] - read.speed_mps[other[columns], frame]
    kinds = true.kind[one[rows]] == read.kind[other[columns]]
    return away[rows, columns], off, kinds, len(one), len(other)


def _places(episode: Episode, frame: int) -> np.ndarray:
    """Metres ahead and right of the ego, (A, 2)."""
    ego = episode.ego or 0
    away = episode.position_m[:, frame].astype(np.float64) - episode.position_m[ego, frame]
    heading = float(episode.heading_rad[ego, frame])
    cosine, sine = np.cos(heading), np.sin(heading)
    return np.stack((away @ (cosine, sine), away @ (-sine, cosine)), -1)
