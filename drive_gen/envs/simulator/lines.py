"""Roads of polyline lanes (drive_gen.envs.road) as arrays, and the lane frame on them, compiled."""

from __future__ import annotations

import math
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from drive_gen.envs import road
from drive_gen.envs.simulator.lean import lean

ROUNDING_M = 1e-6  # more than what rounding does to a distance

PIECE = np.dtype((np.record, np.dtype([(name, "f8") for name in (
    "start_x", "start_y", "unit_x", "unit_y", "low", "high", "knot", "heading")])))
LINE = np.dtype((np.record, np.dtype([
    *((name, "f8") for name in ("length", "width", "limit", "west", "east", "north", "south")),
    *((name, "i8") for name in ("first", "pieces", "left", "right"))])))


class Lines(NamedTuple):
    """A Road's lanes, and the straight pieces of their centre lines."""

    lines: np.ndarray  # (L,) of LINE: m, the speed limit as observed (m/s), the box around it, lanes aside
    pieces: np.ndarray  # (P,) of PIECE: start, direction, range of metres along it, metres before it, heading


def lines_of(seen: road.Road) -> Lines:
    """The arrays of a Road."""
    lines, pieces = np.zeros(len(seen.lanes), LINE), [_pieces_of(lane) for lane in seen.lanes]
    counts = np.array([len(own) for own in pieces])
    lines["first"], lines["pieces"] = counts.cumsum() - counts, counts
    for number, lane in enumerate(seen.lanes):
        line, points = lines[number], lane.center_m
        line["length"], line["width"], line["limit"] = lane.length_m, lane.width_m, lane.speed_limit_mps
        (line["west"], line["north"]), (line["east"], line["south"]) = points.min(0), points.max(0)
        line["left"], line["right"] = seen.lanes_aside(number)
    return Lines(lines, np.concatenate(pieces))


def _pieces_of(lane: road.Lane) -> np.ndarray:
    """As Lane.frame_of has them: the first piece goes on before its start, the last past its end."""
    lengths, steps = np.diff(lane.knots_m), np.diff(lane.center_m, axis=0)
    units = steps / lengths[:, None]
    pieces = np.zeros(len(steps), PIECE)
    pieces["start_x"], pieces["start_y"] = lane.center_m[:-1].T
    pieces["unit_x"], pieces["unit_y"] = units.T
    pieces["high"], pieces["knot"] = lengths, lane.knots_m[:-1]
    pieces["low"][0], pieces["high"][-1] = -np.inf, np.inf
    pieces["heading"] = np.arctan2(units[:, 1], units[:, 0])
    return pieces


@partial(lean, inline=False)
def frame_on(lines: Lines, number: int, x: float, y: float) -> tuple[float, float, float]:
    """Metres along a lane and to its right, and its heading there; road.Lane.frame_of."""
    line: Any = lines.lines[number]
    if line.pieces == 1:
        only: Any = lines.pieces[line.first]
        away_x, away_y = x - only.start_x, y - only.start_y
        return (away_x * only.unit_x + away_y * only.unit_y, only.unit_x * away_y - only.unit_y * away_x,
                only.heading)
    best, least, best_along, best_x, best_y = 0, np.inf, 0.0, 0.0, 0.0
    for place in range(line.first, line.first + line.pieces):
        piece: Any = lines.pieces[place]
        along = (x - piece.start_x) * piece.unit_x + (y - piece.start_y) * piece.unit_y
        along = min(max(along, piece.low), piece.high)
        off_x, off_y = x - (piece.start_x + along * piece.unit_x), y - (piece.start_y + along * piece.unit_y)
        square = off_x * off_x + off_y * off_y
        if square < least:
            best, least, best_along, best_x, best_y = place, square, along, off_x, off_y
    piece = lines.pieces[best]
    side = piece.unit_x * best_y - piece.unit_y * best_x
    return piece.knot + best_along, math.copysign(math.hypot(best_x, best_y), side), piece.heading


@lean
def gap_to_box(line: Any, x: float, y: float) -> float:
    """Metres from a point to the box around a lane's centre line, at most as far as to the line itself."""
    aside = max(line.west - x, x - line.east, 0.0)
    beside = max(line.north - y, y - line.south, 0.0)
    return math.sqrt(aside * aside + beside * beside)


@partial(lean, inline=False)
def nearest_line(lines: Lines, x: float, y: float, heading: float) -> int:
    """The lane of least distance (m) and heading error (rad), the first of equals; road.Road.nearest_lane."""
    best, least = 0, np.inf
    for number in range(lines.lines.size):
        line: Any = lines.lines[number]
        if gap_to_box(line, x, y) > least + ROUNDING_M:
            continue
        along, aside, course = frame_on(lines, number, x, y)
        distance = abs(aside) + max(along - line.length, 0.0) + max(-along, 0.0)
        distance += abs((heading - course + np.pi) % (2 * np.pi) - np.pi)
        if distance < least:
            best, least = number, distance
    return best
