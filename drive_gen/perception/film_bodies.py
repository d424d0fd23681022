"""Bodies in a frame: connected pixels, and boxes laid on them until they cover what is seen.

A box of known length and width has three unknowns. Those of bodies that touch are found together: their
boxes share the pixels. What the picture's edge cuts off, or the ego hides, says nothing.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy import ndimage

from drive_gen.envs.frames.frame import CAR, EGO, TRUCK
from drive_gen.envs.frames.jit import compiled
from drive_gen.perception.film_view import ASIDE_PX, M_PER_PX, SIZE_PX

SEEN, LEAST_M2, EDGE_LEAST_M2 = 0.4, 2.5, 1.0  # share of a body's pixel; least bodies, whole and cut
LONG_M = 1.0  # a blob longer than wide by more than this has an axis
ITERATIONS, KEEP_M, KEEP_RAD = 12, 0.3, 6.0  # of a fit, and how firmly it keeps what was expected
BORDER = 0.02  # of a pixel: an edge on the border of two must not be held there
STANDS = 40.0  # times as firmly that of one that stands


class Blob(NamedTuple):
    """Connected pixels of bodies, in the ego's frame."""

    number: int  # in the labels
    middle_m: np.ndarray  # (2,) ahead and right
    axis_rad: float  # of its longest extent, NaN where it has none
    area_m2: float
    truck: float  # share of it that is truck
    cut: bool  # by the picture's edge


class Bodies(NamedTuple):
    """What of a frame is of bodies other than the ego."""

    cover: np.ndarray  # (H, W) float32
    hidden: np.ndarray  # (H, W) bool, by the ego
    labels: np.ndarray  # (H, W) int32, a pixel's rim too; 0 for none
    blobs: tuple[Blob, ...]

    def at(self, place_m: np.ndarray) -> int:
        """Number of the blob at a place ahead and right, or 0."""
        row, column = pixel_of(place_m)
        inside = 0 <= row < SIZE_PX and 0 <= column < ASIDE_PX
        return int(self.labels[row, column]) if inside else 0


def pixel_of(place_m: np.ndarray) -> tuple[int, int]:
    """Row and column of a place ahead and right of the ego."""
    return int(SIZE_PX / 2 - place_m[0] / M_PER_PX // 1) - 1, int(place_m[1] / M_PER_PX // 1 + ASIDE_PX / 2)


def bodies_in(cover: np.ndarray) -> Bodies:
    """The bodies of a frame (classes, H, W)."""
    body = np.asarray(cover[CAR] + cover[TRUCK], np.float32)
    core, count = ndimage.label(body > SEEN, np.ones((3, 3)))
    labels = np.where(core > 0, core, ndimage.grey_dilation(core, (3, 3)))
    sums = _moments(labels, body, np.asarray(cover[TRUCK], np.float32), count)
    blobs = [_blob(number, row) for number, row in enumerate(sums[1:], 1)]
    kept = tuple(blob for blob in blobs if blob.area_m2 >= (EDGE_LEAST_M2 if blob.cut else LEAST_M2))
    known = np.zeros(count + 1, bool)
    known[[blob.number for blob in kept]] = True
    return Bodies(body, cover[EGO] > 0.1, np.where(known[labels], labels, 0).astype(np.int32), kept)


def ego_size_m(cover: np.ndarray) -> float:
    """The area of what is seen of the ego, m2."""
    return float(cover[EGO].sum()) * M_PER_PX**2


def _blob(number: int, sums: np.ndarray) -> Blob:
    mass, ahead, right, ahead2, right2, both, truck, cut = sums
    mass = max(mass, 1e-6)
    middle = np.array([ahead, right]) / mass
    spread = np.array([[ahead2, both], [both, right2]]) / mass - np.outer(middle, middle)
    values, axes = np.linalg.eigh(spread)
    width, length = np.sqrt(12 * np.maximum(values, 0))
    axis = float(np.arctan2(axes[1, 1], axes[0, 1])) if length - width > LONG_M else float("nan")
    return Blob(number, middle, axis, mass * M_PER_PX**2, truck / mass, cut > 0)


@compiled
def _moments(labels: np.ndarray, body: np.ndarray, truck: np.ndarray, count: int) -> np.ndarray:
    """Of each label: mass, first and second moments ahead and right, mass of truck, pixels on the rim."""
    found = np.zeros((count + 1, 8))
    rows, columns = labels.shape
    for row in range(rows):
        for column in range(columns):
            label = labels[row, column]
            if label == 0:
                continue
            mass = body[row, column]
            ahead, right = (rows / 2 - row - 0.5) * 0.5, (column + 0.5 - columns / 2) * 0.5
            found[label, 0] += mass
            found[label, 1] += mass * ahead
            found[label, 2] += mass * right
            found[label, 3] += mass * ahead * ahead
            found[label, 4] += mass * right * right
            found[label, 5] += mass * ahead * right
            found[label, 6] += truck[row, column]
            if (row == 0 or row == rows - 1 or column == 0 or column == columns - 1) and mass > 0.3:
                found[label, 7] += 1
    return found


def fit_boxes(seen: Bodies, numbers: np.ndarray, boxes: np.ndarray, size_m: np.ndarray,
              standing: np.ndarray | None = None) -> tuple[np.ndarray, float]:
    """Boxes (K, 3) ahead, right and heading, laid on some blobs; and the share of them that is not covered.

    boxes: where they are expected; size_m (K, 2); who is known to stand (K,) bool.
    """
    wanted = np.isin(seen.labels, numbers)
    other = (seen.labels > 0) & ~wanted
    reach = np.hypot(*size_m.T).max() / 2 + 2.0
    low = np.floor((boxes[:, :2].min(0) - reach) / M_PER_PX)
    high = np.ceil((boxes[:, :2].max(0) + reach) / M_PER_PX)
    rows = np.clip((SIZE_PX / 2 - high[0], SIZE_PX / 2 - low[0]), 0, SIZE_PX).astype(int)
    columns = np.clip((ASIDE_PX / 2 + low[1], ASIDE_PX / 2 + high[1]), 0, ASIDE_PX).astype(int)
    cut = slice(*rows), slice(*columns)
    if rows[0] >= rows[1] or columns[0] >= columns[1]:
        return boxes, 1.0
    weight = np.where(seen.hidden[cut] | other[cut], 0.0, 1.0)
    firm = np.where(np.zeros(len(boxes), bool) if standing is None else standing, STANDS, 1.0)
    keep = np.repeat(firm, 3) * np.tile((KEEP_M, KEEP_M, KEEP_RAD), len(boxes))
    aim = np.where(wanted[cut], seen.cover[cut], 0.0).astype(np.float64)
    return _fit(aim, weight, SIZE_PX / 2 - rows[0], columns[0] - ASIDE_PX / 2, boxes.astype(np.float64),
                size_m.astype(np.float64) / 2, M_PER_PX, keep, ITERATIONS)


@compiled
def _edge(inside: float, blur: float) -> tuple[float, float]:
    """Share of a pixel on this side of an edge so far inside, and its slope."""
    share = inside / blur + 0.5
    if share < -BORDER or share > 1 + BORDER:
        return (0.0, 0.0) if share < 0 else (1.0, 0.0)
    return min(max(share, 0.0), 1.0), 1.0 / blur


@compiled
def _fit(aim: np.ndarray, weight: np.ndarray, top: float, left: float, begin: np.ndarray, half: np.ndarray,
         pixel: float, keep: np.ndarray, iterations: int) -> tuple[np.ndarray, float]:
    """Gauss and Newton's steps; the shares of boxes add up to 1 at most."""
    count = len(begin)
    boxes, best, best_cost = begin.copy(), begin.copy(), np.inf
    slopes, mass = np.zeros(3 * count), max((aim * weight).sum(), 1e-6)
    for _ in range(iterations + 1):
        normal, side = np.zeros((3 * count, 3 * count)), np.zeros(3 * count)
        cost, rough = 0.0, 0.0
        for row in range(aim.shape[0]):
            for column in range(aim.shape[1]):
                if weight[row, column] == 0:
                    continue
                ahead, right = (top - row - 0.5) * pixel, (left + column + 0.5) * pixel
                total = 0.0
                for box in range(count):
                    cosine, sine = np.cos(boxes[box, 2]), np.sin(boxes[box, 2])
                    x, y = ahead - boxes[box, 0], right - boxes[box, 1]
                    u, v = cosine * x + sine * y, cosine * y - sine * x
                    blur = pixel * (abs(cosine) + abs(sine))
                    one, rise_one = _edge(half[box, 0] - abs(u), blur)
                    two, rise_two = _edge(half[box, 1] - abs(v), blur)
                    total += one * two
                    by_u = -rise_one * two * (1.0 if u > 0 else -1.0)
                    by_v = -rise_two * one * (1.0 if v > 0 else -1.0)
                    slopes[3 * box] = -by_u * cosine + by_v * sine
                    slopes[3 * box + 1] = -by_u * sine - by_v * cosine
                    slopes[3 * box + 2] = by_u * v - by_v * u
                off = min(total, 1.0) - aim[row, column]
                cost += off * off
                rough += abs(off)
                if total > 1 and off >= 0:
                    continue
                for i in range(3 * count):
                    if slopes[i] == 0:
                        continue
                    side[i] -= slopes[i] * off
                    for j in range(3 * count):
                        normal[i, j] += slopes[i] * slopes[j]
        if cost < best_cost:
            best_cost, best[:] = cost, boxes
            best_rough = rough
        for i in range(3 * count):
            normal[i, i] += keep[i] + 1e-3
            side[i] += keep[i] * (begin[i // 3, i % 3] - boxes[i // 3, i % 3])
        step = np.linalg.solve(normal, side)
        large = 0.0
        for i in range(3 * count):
            most = 0.15 if i % 3 == 2 else 0.6
            move = min(max(step[i], -most), most)
            boxes[i // 3, i % 3] += move
            large = max(large, abs(move))
        if large < 0.002:
            break
    return best, best_rough / mass
