"""Roads: lanes as centre lines with width, limit and neighbours, and the lane frame (s, d)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from drive_gen.envs.files import InputError

PAST_END_M = 5.0  # past a lane's end, whether the road goes on is asked here
BESIDE_WIDTHS = 1.6  # lane widths within which a lane counts as the one beside, or ahead


class LaneFrame(NamedTuple):
    """Positions seen from one lane each: metres along it, metres to its right, and its heading there."""

    s_m: np.ndarray
    d_m: np.ndarray
    heading_rad: np.ndarray


@dataclass(frozen=True, eq=False)
class Lane:
    """One lane: its centre line in driving direction, in the world frame (x forward, y to the right)."""

    center_m: np.ndarray  # (P, 2) float64, P >= 2
    width_m: float
    speed_limit_mps: float = float("inf")  # inf where none is known
    left: int | None = None  # number of the neighbouring lane of the same direction
    right: int | None = None
    successors: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        center = np.asarray(self.center_m)
        if center.ndim != 2 or center.shape[0] < 2 or center.shape[1] != 2 or not np.isfinite(center).all():
            raise InputError(f"Lane.center_m has shape {center.shape}, expected (P >= 2, 2) finite metres")
        if (np.hypot(*np.diff(center, axis=0).T) < 1e-9).any():
            raise InputError("Lane.center_m has two equal points in a row; drop one")
        if not self.width_m > 0:
            raise InputError(f"Lane.width_m is {self.width_m}, expected a positive number of metres")

    @cached_property
    def knots_m(self) -> np.ndarray:
        """Length along the centre line at each of its points; (P,)."""
        return np.concatenate([[0.0], np.hypot(*np.diff(self.center_m, axis=0).T).cumsum()])

    @property
    def length_m(self) -> float:
        """Length of the centre line."""
        return float(self.knots_m[-1])

    def frame_of(self, position_m: np.ndarray) -> LaneFrame:
        """Lane frame of positions (..., 2); before the start and past the end the line goes on straight."""
        points = np.asarray(position_m, dtype=np.float64)
        if len(self.center_m) == 2:
            return self._straight_frame_of(points)
        flat = points.reshape(-1, 2)
        units, low, high = self._segments
        (x, y), (x0, y0), (ux, uy) = flat.T[:, :, None], self.center_m[:-1].T, units.T  # (N, 1), (P-1,), (P-1,)
        along = np.clip((x - x0) * ux + (y - y0) * uy, low, high)  # (N, P-1)
        right_x, right_y = x - (x0 + along * ux), y - (y0 + along * uy)
        best = (right_x * right_x + right_y * right_y).argmin(1)
        rows = np.arange(len(flat))
        unit, right_x, right_y = units[best], right_x[rows, best], right_y[rows, best]
        s = self.knots_m[best] + along[rows, best]
        d = unit[:, 0] * right_y - unit[:, 1] * right_x
        # The sign says which side; past a kink the distance is to the corner, not to the line.
        d = np.copysign(np.hypot(right_x, right_y), d)
        heading = np.arctan2(unit[:, 1], unit[:, 0])
        shape = points.shape[:-1]
        return LaneFrame(s.reshape(shape), d.reshape(shape), heading.reshape(shape))

    def _straight_frame_of(self, points: np.ndarray) -> LaneFrame:
        """`frame_of` where the centre line is one segment."""
        unit, bearing = self._first_direction
        away = points - self.center_m[0]
        heading = np.full(points.shape[:-1], bearing)
        return LaneFrame(away @ unit, unit[0] * away[..., 1] - unit[1] * away[..., 0], heading)

    @cached_property
    def _segments(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Unit vectors (P-1, 2) of the segments, and how far along each one may be: (P-1,) and (P-1,)."""
        lengths = np.diff(self.knots_m)
        low, high = np.zeros(len(lengths)), lengths.copy()
        low[0], high[-1] = -np.inf, np.inf
        return np.diff(self.center_m, axis=0) / lengths[:, None], low, high

    @cached_property
    def _first_direction(self) -> tuple[np.ndarray, float]:
        """Of the first segment: its unit vector (2,) and its heading."""
        unit = np.diff(self.center_m[:2], axis=0)[0] / self.knots_m[1]
        return unit, float(np.arctan2(unit[1], unit[0]))

    def position_at(self, s_m: np.ndarray, d_m: np.ndarray | float = 0.0) -> np.ndarray:
        """World positions (..., 2) of lane-frame points; the inverse of `frame_of` away from kinks."""
        s = np.asarray(s_m, dtype=np.float64)
        segment = np.clip(np.searchsorted(self.knots_m, s, side="right") - 1, 0, len(self.knots_m) - 2)
        unit = (np.diff(self.center_m, axis=0) / np.diff(self.knots_m)[:, None])[segment]
        along = (s - self.knots_m[segment])[..., None] * unit
        normal = np.stack((-unit[..., 1], unit[..., 0]), axis=-1)
        return np.asarray(self.center_m[segment] + along + np.asarray(d_m)[..., None] * normal)


@dataclass(frozen=True, eq=False)
class Road:
    """The lanes of one place. Lane numbers are places in `lanes`."""

    lanes: tuple[Lane, ...]

    def __post_init__(self) -> None:
        if not self.lanes:
            raise InputError("Road.lanes is empty; a road has at least one lane")
        for number, lane in enumerate(self.lanes):
            for name, other in (
                ("left", lane.left),
                ("right", lane.right),
                *(("successors", successor) for successor in lane.successors),
            ):
                if other is not None and not 0 <= other < len(self.lanes):
                    raise InputError(
                        f"Road: lane {number} names {name} lane {other}, of {len(self.lanes)} lanes"
                    )

    def frames_of(self, position_m: np.ndarray) -> LaneFrame:
        """Every lane's frame of positions (..., 2): each field is (..., lanes)."""
        frames = [lane.frame_of(position_m) for lane in self.lanes]
        return LaneFrame(*(np.stack(field, axis=-1) for field in zip(*frames, strict=True)))

    def nearest_lane(self, position_m: np.ndarray, heading_rad: np.ndarray | None = None) -> np.ndarray:
        """Number of the nearest lane, (...): offset, overshoot of the ends, and heading error where given.

        As highway-env's (road/lane.py, `distance_with_heading`): metres plus radians; first wins.
        """
        return self.nearest_of(self.frames_of(position_m), heading_rad)

    def nearest_of(self, frame: LaneFrame, heading_rad: np.ndarray | None = None) -> np.ndarray:
        """`nearest_lane`, from every lane's frame of the positions."""
        lengths, _ = self._lengths_and_widths
        distance = np.abs(frame.d_m) + np.maximum(frame.s_m - lengths, 0) + np.maximum(-frame.s_m, 0)
        if heading_rad is not None:
            error = np.asarray(heading_rad)[..., None] - frame.heading_rad
            distance = distance + np.abs((error + np.pi) % (2 * np.pi) - np.pi)
        return np.asarray(distance.argmin(-1))

    def lane_frame(self, position_m: np.ndarray, lane: np.ndarray) -> LaneFrame:
        """Frame of positions (..., 2), each in the lane whose number is given; fields are (...)."""
        frame = self.frames_of(position_m)
        pick = np.asarray(lane)[..., None]
        return LaneFrame(*(np.take_along_axis(field, pick, -1)[..., 0] for field in frame))

    @cached_property
    def open_ends(self) -> np.ndarray:
        """Whether each lane starts, and ends, where the map does and the road may go on; (lanes, 2) bool.

        Not so where another lane covers the place just past it, or runs on beside it (the end of a ramp).
        """
        past = np.stack([lane.position_at(np.array([-PAST_END_M, lane.length_m + PAST_END_M]))
                         for lane in self.lanes])
        seen = self.frames_of(past)  # (lanes, 2, other lanes)
        lengths, widths = self._lengths_and_widths
        covered = (seen.s_m >= 0) & (seen.s_m <= lengths) & (np.abs(seen.d_m) <= BESIDE_WIDTHS * widths)
        covered[np.arange(len(self.lanes)), :, np.arange(len(self.lanes))] = False
        return np.asarray(~covered.any(-1))

    def overhang_m(self, points_m: np.ndarray) -> np.ndarray:
        """Metres by which points (..., 2) lie outside every lane; 0 on the road; (...).

        Where the map ends the road is taken to go on straight; a lane that ends beside others does end.
        """
        seen = self.frames_of(points_m)
        lengths, widths = self._lengths_and_widths
        aside = np.maximum(np.abs(seen.d_m) - widths / 2, 0)
        before = np.where(self.open_ends[:, 0], 0.0, np.maximum(-seen.s_m, 0))
        after = np.where(self.open_ends[:, 1], 0.0, np.maximum(seen.s_m - lengths, 0))
        return np.asarray(np.hypot(aside, before + after).min(-1))

    @cached_property
    def _lengths_and_widths(self) -> tuple[np.ndarray, np.ndarray]:
        """Of the lanes, each (lanes,)."""
        lengths, widths = zip(*((lane.length_m, lane.width_m) for lane in self.lanes), strict=True)
        return np.array(lengths), np.array(widths)

    def lanes_aside(self, lane: int) -> tuple[int, int]:
        """How many lanes lie to the left and to the right of one, by its neighbours' links."""
        counts = []
        for side in ("left", "right"):
            count, seen, here = 0, {lane}, getattr(self.lanes[lane], side)
            while here is not None and here not in seen:
                seen.add(here)
                count, here = count + 1, getattr(self.lanes[here], side)
            counts.append(count)
        return counts[0], counts[1]


def straight_road(
    lanes: int, length_m: float, width_m: float = 4.0, speed_limit_mps: float = 30.0, start_m: float = 0.0
) -> Road:
    """Parallel lanes along +x, lane 0 leftmost and centred on y = 0, as highway-env's highway is."""
    if lanes < 1:
        raise InputError(f"a road needs at least one lane, got {lanes}")
    return Road(
        tuple(
            Lane(
                center_m=np.array([[start_m, number * width_m], [start_m + length_m, number * width_m]]),
                width_m=width_m,
                speed_limit_mps=speed_limit_mps,
                left=number - 1 if number else None,
                right=number + 1 if number + 1 < lanes else None,
            )
            for number in range(lanes)
        )
    )
