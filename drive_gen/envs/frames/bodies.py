"""The agents' boxes in a picture: which pixel's centre sees which body, and on which part of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from drive_gen.envs.frames.jit import compiled
from drive_gen.envs.frames.views import NEAR_M, BirdView, Dashcam, Pose, Rays, snapped

PAINTED, DARK, BRIGHT, GLASS, HEADLIGHT, TAILLIGHT = range(6)  # parts of a body
EDGES = np.array([(0, 1), (1, 2), (2, 3), (3, 0), (4, 5), (5, 6), (6, 7), (7, 4),
                  (0, 4), (1, 5), (2, 6), (3, 7)])


@dataclass(frozen=True, eq=False)
class Bodies:
    """n boxes in the frame of a view's point: ahead and to the right of it."""

    center_m: np.ndarray  # (n, 2) float64
    ahead: np.ndarray  # (n, 2) unit vectors
    half_m: np.ndarray  # (n, 2) half of length and width
    height_m: np.ndarray  # (n,)

    def corners_m(self) -> np.ndarray:
        """(n, 8, 3): ahead, right, up; the four on the ground first, each below the one four later."""
        aside = np.stack((-self.ahead[:, 1], self.ahead[:, 0]), -1)
        along = np.array([1, 1, -1, -1])[:, None] * self.ahead[:, None] * self.half_m[:, None, :1]
        across = np.array([-1, 1, 1, -1])[:, None] * aside[:, None] * self.half_m[:, None, 1:]
        flat = self.center_m[:, None] + along + across
        up = np.broadcast_to(self.height_m[:, None, None], (len(flat), 4, 1))
        return np.concatenate((np.concatenate((flat, np.zeros_like(up)), -1),
                               np.concatenate((flat, up), -1)), axis=1)

    def only(self, chosen: np.ndarray) -> Bodies:
        """Those numbered, in that order."""
        return Bodies(self.center_m[chosen], self.ahead[chosen], self.half_m[chosen], self.height_m[chosen])


def bodies_from(pose: Pose, position_m: np.ndarray, heading_rad: np.ndarray, size_m: np.ndarray,
                height_m: np.ndarray) -> Bodies:
    """Boxes of the world (n, ...) in the frame of a pose."""
    cosine, sine = pose.ahead
    turn = np.array([[cosine, -sine], [sine, cosine]])  # row vectors: world -> ahead, right
    heading = heading_rad.astype(np.float64)
    unit = np.stack((snapped(np.cos(heading)), snapped(np.sin(heading))), -1)
    away = position_m.astype(np.float64) - (pose.x_m, pose.y_m)
    return Bodies(_turned(away, turn), _turned(unit, turn), size_m.astype(np.float64) / 2, height_m)


def _turned(vectors: np.ndarray, turn: np.ndarray) -> np.ndarray:
    """vectors @ turn, its sums in one order: a library's may differ from machine to machine."""
    return np.asarray(vectors[:, :1] * turn[0] + vectors[:, 1:] * turn[1])


def boxes_from_above(bodies: Bodies, view: BirdView) -> np.ndarray:
    """Pixels (n, 4) that the bodies reach, unclipped."""
    flat = bodies.corners_m()[:, :4]
    column = view.center_px[0] + flat[..., 1] / view.m_per_px
    row = view.center_px[1] - flat[..., 0] / view.m_per_px
    return np.asarray(np.stack((column.min(1), row.min(1), column.max(1), row.max(1)), -1))


def boxes_from_inside(bodies: Bodies, view: Dashcam) -> tuple[np.ndarray, np.ndarray]:
    """Pixels (n, 4) that the bodies reach, unclipped, and depths (n,); NaN where they are behind the camera.

    What is nearer than NEAR_M is cut off: a box's outline is that of its corners in front and of the points
    where its edges pass that plane.
    """
    away = bodies.corners_m() - (0, 0, view.height_m)
    seen = np.stack([(away * axis).sum(-1) for axis in view.axes], -1)  # (n, 8, 3): depth, right, down
    one, other = seen[:, EDGES[:, 0]], seen[:, EDGES[:, 1]]
    passes = (one[..., 0] < NEAR_M) != (other[..., 0] < NEAR_M)
    share = (NEAR_M - one[..., 0]) / np.where(passes, other[..., 0] - one[..., 0], 1)
    cut = np.where(passes[..., None], one + share[..., None] * (other - one), np.nan)
    cut[..., 0] = np.where(passes, NEAR_M, np.nan)
    points = np.concatenate((np.where(seen[..., :1] < NEAR_M, np.nan, seen), cut), axis=1)  # (n, 20, 3)
    flat = view.size_px / 2 + view.focal_px * points[..., 1:] / points[..., :1]
    low, high = np.fmin.reduce(flat, axis=1), np.fmax.reduce(flat, axis=1)
    return np.concatenate((low, high), -1), np.fmin.reduce(points[..., 0], axis=1)


def paint_from_above(bodies: Bodies, rays: Rays, box_px: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Number of the body at each pixel (-1 for none), the later over the earlier, and its part; (S, S)."""
    slot, part = np.full(rays.paint_m.shape, -1, np.int16), np.zeros(rays.paint_m.shape, np.uint8)
    _above(rays.ground_m, _whole_pixels(box_px, slot.shape), bodies.center_m, bodies.ahead, bodies.half_m,
           bodies.height_m, slot, part)
    return slot, part


def paint_from_inside(bodies: Bodies, view: Dashcam, box_px: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """As `paint_from_above`, but the nearest body at each pixel."""
    rays = view.rays()
    slot, part = np.full(rays.paint_m.shape, -1, np.int16), np.zeros(rays.paint_m.shape, np.uint8)
    _inside(rays.direction, view.height_m, _whole_pixels(box_px, slot.shape), bodies.center_m, bodies.ahead,
            bodies.half_m, bodies.height_m, slot, part)
    return slot, part


def _whole_pixels(box_px: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Boxes widened to whole pixels of the picture; left, top, right, bottom, the last two excluded."""
    low, high = np.floor(box_px[:, :2]) - 1, np.ceil(box_px[:, 2:]) + 1
    return np.asarray(np.clip(np.concatenate((low, high), -1), 0, np.tile(shape[::-1], 2)).astype(np.int64))


@compiled
def _top_part(along: float, across: float, half_length: float, half_width: float, height: float) -> int:
    """Part of a body seen from above: windscreens and lamps of a car, the cab of a truck."""
    u, v = along / half_length, abs(across) / half_width
    if u > 0.88 and 0.45 < v < 0.9:
        return HEADLIGHT
    if u < -0.9 and 0.45 < v < 0.9:
        return TAILLIGHT
    if height > 2:  # a truck: windscreen, gap behind the cab, ribs of its box
        from_front = half_length - along
        if 0.3 < from_front < 1.0 and v < 0.85:
            return GLASS
        return DARK if 2.0 < from_front < 2.4 or (from_front > 2.4 and from_front % 2.0 < 0.4) else PAINTED
    if v < 0.8 and (0.1 < u < 0.42 or -0.75 < u < -0.52):
        return GLASS
    return BRIGHT if v < 0.75 and -0.52 <= u <= 0.1 else PAINTED


@compiled
def _above(seen_m: np.ndarray, box: np.ndarray, center: np.ndarray, unit: np.ndarray, half: np.ndarray,
           height: np.ndarray, slot: np.ndarray, part: np.ndarray) -> None:
    for body in range(len(center)):
        for row in range(box[body, 1], box[body, 3]):
            for column in range(box[body, 0], box[body, 2]):
                ahead = seen_m[row, column, 0] - center[body, 0]
                right = seen_m[row, column, 1] - center[body, 1]
                along = ahead * unit[body, 0] + right * unit[body, 1]
                across = right * unit[body, 0] - ahead * unit[body, 1]
                if abs(along) <= half[body, 0] and abs(across) <= half[body, 1]:
                    slot[row, column] = body
                    part[row, column] = _top_part(along, across, half[body, 0], half[body, 1], height[body])


@compiled
def _entry(at: float, speed: float, low: float, high: float) -> tuple[float, float]:
    """Between which lengths a ray is between two planes."""
    if speed == 0:
        return (-np.inf, np.inf) if low <= at <= high else (np.inf, -np.inf)
    one, other = (low - at) / speed, (high - at) / speed
    return (one, other) if one < other else (other, one)


@compiled
def _side_part(face: int, along: float, across: float, up: float, height: float) -> int:
    """Part of a body seen from the road: face 0 is its front or back, 1 a side, 2 its top."""
    if face == 2:
        return BRIGHT
    u, v, w = along, abs(across), up / height
    if height > 2:  # a truck: a dark frame below, lamps, and the windows of its cab
        if face == 0 and 0.2 < w < 0.3 and v > 0.7:
            return HEADLIGHT if u > 0 else TAILLIGHT
        if w < 0.18:
            return DARK
        glass = 0.5 < w < 0.8 and ((face == 0 and u > 0 and v < 0.85) or (face == 1 and 0.75 < u < 0.93))
        return GLASS if glass else (DARK if face == 1 else PAINTED)
    if w < 0.15:
        return DARK
    if 0.58 < w < 0.93 and (v < 0.86 if face == 0 else -0.7 < u < 0.55):
        return GLASS
    if face == 0 and 0.36 < w < 0.52 and v > 0.66:
        return HEADLIGHT if u > 0 else TAILLIGHT
    return DARK if face == 1 else PAINTED


@compiled
def _hit(away: np.ndarray, ray: np.ndarray, half_length: float, half_width: float,
         height: float) -> tuple[float, int]:
    """Where a ray from outside meets a box, as a length along it, and on which face; inf where not."""
    first_u, last_u = _entry(away[0], ray[0], -half_length, half_length)
    first_v, last_v = _entry(away[1], ray[1], -half_width, half_width)
    first_w, last_w = _entry(away[2], ray[2], 0.0, height)
    first = max(first_u, first_v, first_w)
    if first > min(last_u, last_v, last_w) or first < NEAR_M:
        return np.inf, 0
    return first, 0 if first == first_u else 1 if first == first_v else 2


@compiled
def _inside(direction: np.ndarray, camera_m: float, box: np.ndarray, center: np.ndarray, unit: np.ndarray,
            half: np.ndarray, height: np.ndarray, slot: np.ndarray, part: np.ndarray) -> None:
    depth = np.full(slot.shape, np.inf)
    away, ray = np.zeros(3), np.zeros(3)
    for body in range(len(center)):
        cosine, sine = unit[body, 0], unit[body, 1]
        away[0] = -center[body, 0] * cosine - center[body, 1] * sine
        away[1] = center[body, 0] * sine - center[body, 1] * cosine
        away[2] = camera_m
        for row in range(box[body, 1], box[body, 3]):
            for column in range(box[body, 0], box[body, 2]):
                ahead, right = direction[row, column, 0], direction[row, column, 1]
                ray[0], ray[1] = ahead * cosine + right * sine, right * cosine - ahead * sine
                ray[2] = direction[row, column, 2]
                length, face = _hit(away, ray, half[body, 0], half[body, 1], height[body])
                if length < depth[row, column]:
                    depth[row, column], slot[row, column] = length, body
                    along, across = away[0] + length * ray[0], away[1] + length * ray[1]
                    part[row, column] = _side_part(face, along / half[body, 0], across / half[body, 1],
                                                   camera_m + length * ray[2], height[body])
