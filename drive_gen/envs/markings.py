"""The paint on a road, from its lanes alone: edges, dashed dividers, and lines between opposing lanes."""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise
from typing import Literal, NamedTuple

import numpy as np

from drive_gen.envs.road import Lane, Road

PROBE_M = 0.4  # how far outside an edge is looked for another lane
SAMPLE_M, SAMPLES_MOST = 1.0, 2000
DASH_M, GAP_M = 3.0, 6.0

Style = Literal["edge", "divider", "opposing"]


class Marking(NamedTuple):
    """One painted line; a divider is dashed from its first point on, the others are solid."""

    style: Style
    points_m: np.ndarray  # (K, 2), K >= 2


class Piece(NamedTuple):
    """Straight pieces of a polyline near a point."""

    start_m: np.ndarray  # (N, 2)
    stop_m: np.ndarray  # (N, 2)
    along_m: np.ndarray  # (N,) metres from the polyline's first point to each start


@lru_cache(maxsize=16)  # a Road is hashed by identity
def markings(road: Road) -> tuple[Marking, ...]:
    """All lines of a road. An edge is painted only where no other lane of the road goes on beside it."""
    found: list[Marking] = []
    for number, lane in enumerate(road.lanes):
        if lane.right is not None:
            found.append(Marking("divider", _offset(lane, _samples_m(lane), lane.width_m / 2)))
        for side, neighbour in ((-1, lane.left), (1, lane.right)):
            if neighbour is None:
                found.extend(_edges(road, number, side))
    return tuple(found)


def pieces_near(points_m: np.ndarray, center_m: np.ndarray, reach_m: float) -> Piece:
    """The parts of a polyline (K, 2) within `reach_m` of a point, segment by segment."""
    start, step = points_m[:-1], np.diff(points_m, axis=0)
    length = np.hypot(*step.T)
    unit = step / length[:, None]
    to_center = center_m - start
    nearest = (to_center * unit).sum(-1)
    aside2 = (to_center**2).sum(-1) - nearest**2
    half = np.sqrt(np.maximum(reach_m**2 - aside2, 0))
    low, high = np.clip(nearest - half, 0, length), np.clip(nearest + half, 0, length)
    keep = high > low
    knots = np.concatenate(([0.0], length.cumsum()[:-1]))
    start_m = start + low[:, None] * unit
    return Piece(start_m[keep], (start + high[:, None] * unit)[keep], (knots + low)[keep])


def dashes(piece: Piece) -> np.ndarray:
    """The painted parts of a dashed line's pieces, (N, 2 ends, 2): at the same places whatever the pieces."""
    period, found = DASH_M + GAP_M, []
    for start, stop, along in zip(*piece, strict=True):
        length = float(np.hypot(*(stop - start)))
        first = np.arange(np.floor(along / period), np.floor((along + length) / period) + 1) * period
        low, high = np.clip(first - along, 0, length), np.clip(first + DASH_M - along, 0, length)
        ends = np.stack((low, high), axis=-1)[high > low]
        found.append(start + ends[..., None] * ((stop - start) / length))
    return np.concatenate(found) if found else np.zeros((0, 2, 2))


def _samples_m(lane: Lane) -> np.ndarray:
    """Lengths along a lane at which its edge is looked at; the two ends where it is straight and alone."""
    count = int(np.clip(lane.length_m / SAMPLE_M, 2, SAMPLES_MOST)) if len(lane.center_m) > 2 else 2
    return np.linspace(0, lane.length_m, count)


def _offset(lane: Lane, along_m: np.ndarray, aside_m: float) -> np.ndarray:
    return lane.position_at(along_m, np.full(along_m.shape, aside_m))


def _edges(road: Road, number: int, side: int) -> list[Marking]:
    """The painted runs of one side of a lane."""
    lane = road.lanes[number]
    along = np.linspace(0, lane.length_m, int(np.clip(lane.length_m / SAMPLE_M, 2, SAMPLES_MOST)))
    heading = lane.frame_of(lane.position_at(along)).heading_rad
    probe = _offset(lane, along, side * (lane.width_m / 2 + PROBE_M))
    inside, opposing = np.zeros(len(along), bool), np.zeros(len(along), bool)
    for other_number, other in enumerate(road.lanes):
        if other_number == number:
            continue
        frame = other.frame_of(probe)
        on = (np.abs(frame.d_m) < other.width_m / 2) & (frame.s_m >= 0) & (frame.s_m <= other.length_m)
        against = np.cos(frame.heading_rad - heading) < -0.8
        at_border = np.abs(frame.d_m) > other.width_m / 2 - 2 * PROBE_M
        opposing |= on & against & at_border
        inside |= on & ~(against & at_border)
    code = np.where(inside, 0, np.where(opposing, 2, 1))
    return [Marking("opposing" if code[start] == 2 else "edge", _run(lane, along[start:stop], side))
            for start, stop in _runs(code) if code[start]]


def _run(lane: Lane, along_m: np.ndarray, side: int) -> np.ndarray:
    """Edge points of a stretch: all samples, or the two ends where the lane is straight."""
    chosen = along_m if len(lane.center_m) > 2 else along_m[[0, -1]]
    return _offset(lane, chosen, side * lane.width_m / 2)


def _runs(code: np.ndarray) -> list[tuple[int, int]]:
    """Half-open runs of equal values that hold at least two samples."""
    cuts = [0, *(np.flatnonzero(np.diff(code)) + 1).tolist(), len(code)]
    return [(start, stop) for start, stop in pairwise(cuts) if stop - start > 1]
