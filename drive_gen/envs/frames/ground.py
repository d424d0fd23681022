"""A road as pieces in a grid, built once, and the kernel that says what of it is at any point."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from drive_gen.envs.frames.jit import compiled
from drive_gen.envs.frames.views import MOST_PAINT_M, Pose, Rays
from drive_gen.envs.markings import Piece, dashes, markings
from drive_gen.envs.road import Road

CELL_M, MOST_CELLS = 2.0, 2_000_000
PIECE_M = 16.0  # longer ones are cut, so that a slanted one is in few cells
SKY, GRASS, ASPHALT, WHITE, YELLOW = range(5)  # what the ground is made of


class Ground(NamedTuple):
    """Pieces of lanes and lines, and in which cells of a grid each one is.

    A piece is the points within half its width of a segment and between its ends, and where its start is
    round the disc about it too, which closes the wedges of a bend. Lines stand before lanes: the first wins.
    """

    # (P, 8) float64: start x and y, unit vector, length, half width (of lines it is the view's), whether the
    # start is round, and what it is made of; one row is one line of the processor's cache.
    pieces: np.ndarray
    corner_m: np.ndarray  # (2,) of the grid
    cell_m: float
    shape: np.ndarray  # (2,) int64, cells along x and y
    first: np.ndarray  # (cells + 1,) int64: cell c holds members[first[c] : first[c + 1]]
    members: np.ndarray  # (M,) int32


@lru_cache(maxsize=16)  # a Road is hashed by identity: equal ones, as a store has them, meet in _built
def ground_of(road: Road) -> Ground:
    """The grid of a road."""
    digest = hashlib.sha256()
    for lane in road.lanes:
        digest.update(np.asarray(lane.center_m, np.float64).tobytes())
        digest.update(repr((lane.width_m, lane.left, lane.right, lane.successors)).encode())
    return _built(_Same(digest.hexdigest(), road))


@dataclass(frozen=True)
class _Same:
    """A road that equals any other of the same lanes."""

    digest: str
    road: Road = field(compare=False)


@lru_cache(maxsize=64)
def _built(same: _Same) -> Ground:
    road = same.road
    lines = [_line(style, points) for style, points in markings(road)]
    lanes = [_pieces(_whole(np.asarray(lane.center_m)), ASPHALT, lane.width_m / 2) for lane in road.lanes]
    parts = [part for part in (*lines, *lanes) if len(part[0])]
    start, step, half, rounded, made_of = (np.concatenate(column) for column in zip(*parts, strict=True))
    length = np.sqrt((step**2).sum(-1))
    reach = np.where(made_of == ASPHALT, half, MOST_PAINT_M / 2)[:, None] + 1e-6
    low = np.minimum(start, start + step) - reach
    high = np.maximum(start, start + step) + reach
    corner = low.min(0)
    cell = max(CELL_M, float(np.sqrt((high.max(0) - corner).prod() / MOST_CELLS)))
    shape = np.floor((high.max(0) - corner) / cell).astype(np.int64) + 1
    first_cell = np.floor((low - corner) / cell).astype(np.int64)
    last_cell = np.floor((high - corner) / cell).astype(np.int64)
    first, members = _binned(first_cell, last_cell, shape)
    pieces = np.column_stack((start, step / length[:, None], length, half, rounded, made_of))
    return Ground(pieces, corner, cell, shape, first, members)


def look_down(ground: Ground, rays: Rays, pose: Pose) -> tuple[np.ndarray, np.ndarray]:
    """What the ground is made of at each pixel, and a grain that stays on its place; both (S, S) uint8."""
    material, grain = np.empty(rays.paint_m.shape, np.uint8), np.empty(rays.paint_m.shape, np.uint8)
    _look(*ground, rays.ground_m, rays.paint_m, pose.x_m, pose.y_m, *pose.ahead, material, grain)
    return material, grain


def _line(style: str, points_m: np.ndarray) -> tuple[np.ndarray, ...]:
    whole = _whole(points_m)
    return _pieces(dashes(Piece(*whole)) if style == "divider" else whole,
                   YELLOW if style == "opposing" else WHITE, 0.0)


def _whole(points_m: np.ndarray) -> Piece:
    """A polyline's segments."""
    length = np.sqrt((np.diff(points_m, axis=0) ** 2).sum(-1))
    return Piece(points_m[:-1], points_m[1:], np.concatenate(([0.0], length.cumsum()[:-1])))


def _pieces(segments: Piece | np.ndarray, made_of: int, half_m: float) -> tuple[np.ndarray, ...]:
    """Segments, or dashes (N, 2 ends, 2), cut short: starts, steps, half widths, round starts, materials."""
    ends = segments if isinstance(segments, np.ndarray) else np.stack(segments[:2], axis=1)
    start, step = ends[:, 0], ends[:, 1] - ends[:, 0]
    length = np.sqrt((step**2).sum(-1))
    start, step = start[length > 1e-6], step[length > 1e-6]
    parts = np.maximum(np.ceil(length[length > 1e-6] / PIECE_M), 1).astype(np.int64)
    owner = np.repeat(np.arange(len(parts)), parts)
    number = np.arange(len(owner)) - np.repeat(parts.cumsum() - parts, parts)
    share = step[owner] / parts[owner][:, None]
    joins = (number == 0) & (owner > 0) if isinstance(segments, Piece) else np.zeros(len(owner), bool)
    return (start[owner] + number[:, None] * share, share, np.full(len(owner), half_m), joins,
            np.full(len(owner), made_of, np.uint8))


@compiled
def _binned(low: np.ndarray, high: np.ndarray, shape: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Cells low to high (P, 2) of each piece -> where each cell's list starts, and the lists."""
    first = np.zeros(shape[0] * shape[1] + 1, np.int64)
    for piece in range(len(low)):
        for column in range(low[piece, 0], high[piece, 0] + 1):
            for row in range(low[piece, 1], high[piece, 1] + 1):
                first[column * shape[1] + row + 1] += 1
    first = np.cumsum(first)
    members, filled = np.empty(first[-1], np.int32), first[:-1].copy()
    for piece in range(len(low)):
        for column in range(low[piece, 0], high[piece, 0] + 1):
            for row in range(low[piece, 1], high[piece, 1] + 1):
                cell = column * shape[1] + row
                members[filled[cell]] = piece
                filled[cell] += 1
    return first, members


@compiled
def _holds(piece: np.ndarray, x: float, y: float, paint_m: float) -> bool:
    """Whether a point is on a piece."""
    away_x, away_y = x - piece[0], y - piece[1]
    along = away_x * piece[2] + away_y * piece[3]
    half = piece[5] if piece[7] == ASPHALT else paint_m
    if 0 <= along <= piece[4] and abs(piece[2] * away_y - piece[3] * away_x) <= half:
        return True
    return bool(piece[6] and away_x * away_x + away_y * away_y <= half * half)


@compiled
def _grain(x: float, y: float) -> int:
    """A byte that looks random, of the half-metre square of a point."""
    mixed = np.uint32(int(np.floor(2 * x))) * np.uint32(0x9E3779B1)
    mixed ^= np.uint32(int(np.floor(2 * y))) * np.uint32(0x85EBCA77)
    mixed = (mixed ^ (mixed >> np.uint32(15))) * np.uint32(0x2C1B3C6D)
    return int((mixed ^ (mixed >> np.uint32(13))) & np.uint32(255))


@compiled
def _look(pieces: np.ndarray, corner_m: np.ndarray, cell_m: float, shape: np.ndarray, first: np.ndarray,
          members: np.ndarray, seen_m: np.ndarray, paint_m: np.ndarray, x_m: float, y_m: float, cosine: float,
          sine: float, material: np.ndarray, grain: np.ndarray) -> None:
    for row in range(seen_m.shape[0]):
        for column in range(seen_m.shape[1]):
            ahead, right = seen_m[row, column, 0], seen_m[row, column, 1]
            if np.isnan(ahead):
                material[row, column], grain[row, column] = SKY, 128
                continue
            x, y = x_m + cosine * ahead - sine * right, y_m + sine * ahead + cosine * right
            grain[row, column], found = _grain(x, y), GRASS
            along = int(np.floor((x - corner_m[0]) / cell_m))
            across = int(np.floor((y - corner_m[1]) / cell_m))
            if 0 <= along < shape[0] and 0 <= across < shape[1]:
                cell = along * shape[1] + across
                for place in range(first[cell], first[cell + 1]):
                    if _holds(pieces[members[place]], x, y, paint_m[row, column]):
                        found = int(pieces[members[place], 7])
                        break
            material[row, column] = found
