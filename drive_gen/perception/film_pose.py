"""Where the ego is on a known road, frame by frame: its map is laid on what is seen (Lucas and Kanade, 1981).

Asphalt's edges and lines fix the place across and the heading; the ends of dashes, and bends, that along.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from drive_gen.envs.files import InputError
from drive_gen.envs.frames.jit import compiled
from drive_gen.perception.film_roads import CELL_M, RoadMap, pixels_m, sightings
from drive_gen.perception.film_view import FPS

MOST_STEP_M, GRID_M = 4.3, 0.3  # between two frames: 43 m/s; of the places that are tried
PHASES_M = np.arange(-5.0, 5.1, 0.7)  # along a lane, that are tried at first: a dash is every 9 m
ASIDE_M, AT_FIRST_RAD = (-1.4, -0.7, 0.0, 0.7, 1.4), (-0.09, -0.045, 0.0, 0.045, 0.09)
CLOSE_M = 25.0  # ahead and behind
TURNS_RAD, NEAR_M = np.linspace(-0.12, 0.12, 41), (-0.6, -0.3, 0.0, 0.3, 0.6)  # about the expected pose
WORSE, LEAST_WORSE = 1.5, 0.0005  # a fit this much worse than before is looked at again
STRAIGHT_RAD = 0.005  # a turn a frame, above which rows of pixels do not just shift
SAME = 1.3  # a plainer road that fits so much worse is taken
AHEAD = 0.7  # cosine of a turn
LOST = 0.03  # mean cost of a pixel, above which the road is lost
ITERATIONS, FEW = 10, 5  # of a fit; every which pixel is looked at when many places are tried
GONE = 0.008  # share of a frame; less asphalt, far behind, tells no pose
MOST_LOST = 0.5  # share of the frames in which the road may be lost and the ego is taken to go straight on
KEEP = np.array([0.5, 0.0, 0.0])  # how firmly the expected place along is kept: less than one dash's worth


class Ground:
    """What of the ground is seen in a frame: shares of asphalt and lines, weighed by what no body hides."""

    ahead, right = pixels_m()
    pixels = np.ascontiguousarray(np.stack((ahead, right), -1))
    near = np.flatnonzero(np.abs(ahead) < CLOSE_M)  # a turn moves these little

    def __init__(self, cover: np.ndarray) -> None:
        flat = cover.reshape(len(cover), -1).astype(np.float32)
        open_ = flat[:3].sum(0)
        weight = np.where(open_ > 0.9, open_, 0).astype(np.float32)
        shares = np.stack((flat[1] + flat[2], flat[2]), -1) / np.maximum(open_, 0.1)[:, None]
        seen = shares.astype(np.float32)
        self.all = self.pixels, np.ascontiguousarray(seen), weight
        self.close = self.pixels[self.near], np.ascontiguousarray(seen[self.near]), weight[self.near]

    def fit(self, where: RoadMap, pose: np.ndarray) -> tuple[np.ndarray, float]:
        """The pose (3,) near one that fits best, and its cost."""
        begin = np.asarray(pose, np.float64)
        return _fit(where.ground, where.low_m, CELL_M, *self.all, begin, KEEP, ITERATIONS)

    def best(self, where: RoadMap, poses: np.ndarray, many: int = 3) -> tuple[np.ndarray, float]:
        """The best fit from those of poses (N, 3) that fit best close to the ego."""
        found = [self.fit(where, pose) for pose in self.close_by(where, poses, many)]
        return min(found, key=lambda fit: fit[1])

    def close_by(self, where: RoadMap, poses: np.ndarray, many: int) -> list[np.ndarray]:
        """So many of poses (N, 3), those that fit best close to the ego, fitted to what is seen there."""
        costs = _costs(where.ground, where.low_m, CELL_M, *self.close, np.asarray(poses, np.float64), FEW)
        return [_fit(where.ground, where.low_m, CELL_M, *self.close, poses[number], KEEP, ITERATIONS)[0]
                for number in np.argsort(costs)[:many]]

    def best_of_all(self, where: RoadMap, poses: np.ndarray, many: int = 3) -> tuple[np.ndarray, float]:
        """The best fit from those of poses (N, 3) that fit best in the whole picture."""
        costs = _costs(where.ground, where.low_m, CELL_M, *self.all, np.asarray(poses, np.float64), FEW)
        found = [self.fit(where, poses[number]) for number in np.argsort(costs)[:many]]
        pose, _ = min(found, key=lambda fit: fit[1])
        return self.fit(where, pose)  # again: a fit keeps a little to where it began


class Found(NamedTuple):
    """The road that a film shows, and the ego's pose (3,) in the frame in which its place is plainest."""

    map: RoadMap
    frame: int
    pose: np.ndarray


def find_road(cover: Sequence[np.ndarray]) -> Found:
    """The plainest of the known roads that fit a film about as well as the best; cover: (classes, H, W)."""
    fits = []
    for found in sightings(cover):
        fitted = {frame: _begin(Ground(cover[frame]), found.map, poses)
                  for frame, poses in found.poses.items()}
        fits.append((found, fitted, float(np.mean([cost for _, cost in fitted.values()]))))
    least = min(cost for _, _, cost in fits)
    found, fitted, cost = next(fit for fit in fits if fit[2] <= SAME * least + LEAST_WORSE)
    if cost > LOST:
        raise InputError(f"the film shows no known road: the nearest, {found.map.kind}, is off by {cost:.3f}")
    good = max(WORSE * min(cost for _, cost in fitted.values()), LEAST_WORSE + min(
        cost for _, cost in fitted.values()))
    frame = min((frame for frame, (_, cost) in fitted.items() if cost <= good),
                key=lambda frame: (found.spread_m[frame], frame))
    return Found(found.map, frame, fitted[frame][0])


def _begin(ground: Ground, where: RoadMap, poses: np.ndarray) -> tuple[np.ndarray, float]:
    """The best pose about some (K, 3), and its cost.

    What is near the ego tells its place across the road and its heading; how far along it is, only what is
    far off may tell.
    """
    near = [ground.close_by(where, _about(pose), 1)[0] for pose in poses]
    along = [_along(where, pose, PHASES_M) for pose in near]
    return ground.best_of_all(where, np.concatenate((*along, near)))


def follow(cover: Sequence[np.ndarray], found: Found, steps_m: np.ndarray) -> np.ndarray:
    """The ego's pose (T, 3) in each frame: from the frame that was found on, and back from there.

    steps_m: metres ahead from each frame to the next as the ground's texture tells them, or NaN; (T - 1,).
    """
    poses = np.zeros((len(cover), 3))
    poses[found.frame] = found.pose
    lost: dict[int, float] = {}
    for frames in (range(found.frame + 1, len(cover)), range(found.frame - 1, -1, -1)):
        lost |= _follow(cover, found.map, poses, frames, steps_m)
    if len(lost) > MOST_LOST * len(cover):
        frame = min(lost)
        raise InputError(f"the film's road is lost at {frame / FPS:.1f} s: it is off by {lost[frame]:.3f}")
    return poses


def _about(pose: np.ndarray) -> np.ndarray:
    along, aside, turn = (grid.ravel() for grid in np.meshgrid(PHASES_M, ASIDE_M, AT_FIRST_RAD))
    return moved(pose[None], np.column_stack((along, aside, turn)))


def _follow(cover: Sequence[np.ndarray], where: RoadMap, poses: np.ndarray, frames: range,
            steps_m: np.ndarray) -> dict[int, float]:
    """Fill in poses of frames that come one after another, or one before another.

    The frames in which the road is lost, with its cost: there, and where it is out of the picture, the ego
    goes straight on.
    """
    usual, before, way, lost = np.inf, None, frames.step, dict[int, float]()
    for frame in frames:
        ground, last = Ground(cover[frame]), poses[frame - way]
        step = np.zeros(3) if before is None else step_between(before, last)
        told = way * steps_m[min(frame, frame - way)]
        if abs(step[2]) > STRAIGHT_RAD:
            told = np.nan
        expected = moved(last, step if np.isnan(told) else np.array([told, *step[1:]]))
        straight = moved(last, np.array([step[0] if np.isnan(told) else told, 0.0, 0.0]))
        if cover[frame][1:3].mean() < GONE:
            poses[frame], before = straight, last
            continue
        pose, cost = ground.fit(where, expected)
        if before is None or cost > max(WORSE * usual, usual + LEAST_WORSE):
            ways = np.arange(-0.3, MOST_STEP_M, GRID_M) * way
            tried = (_steps(last, way), _turned(expected), _along(where, last, ways))
            other = ground.best(where, np.concatenate(tried))
            across = moved(last, step_between(last, other[0]) * (0, 1, 1))
            other = min(other, ground.best_of_all(where, _along(where, across, ways)), key=lambda fit: fit[1])
            if np.isnan(told) or cost > max(WORSE * other[1], other[1] + LEAST_WORSE):
                pose, cost = other
        if cost > LOST:
            pose, cost = _begin(ground, where, _near(where, last))
        if cost > LOST:
            poses[frame], before, lost[frame] = straight, last, cost
            continue
        usual = cost if not np.isfinite(usual) else 0.9 * usual + 0.1 * cost
        poses[frame], before = pose, last
    return lost


def _near(where: RoadMap, last: np.ndarray) -> np.ndarray:
    """The places (FEW, 3) of the map that are nearest to a pose, of those headed much as it is."""
    ahead = where.places[np.cos(where.places[:, 2] - last[2]) > AHEAD]
    away = np.hypot(*(ahead[:, :2] - last[:2]).T)
    return np.concatenate((ahead[np.argsort(away)[:FEW]], last[None]))


def _along(where: RoadMap, last: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """Poses (N, 3) after steps (N,) along the ego's lane."""
    lane = where.road.lanes[int(where.road.nearest_lane(last[:2], last[2]))]
    frame = lane.frame_of(last[:2])
    ahead = lane.position_at(float(frame.s_m) + steps, float(frame.d_m))
    return np.column_stack((ahead, last[2] + lane.frame_of(ahead).heading_rad - frame.heading_rad))


def _steps(last: np.ndarray, way: int) -> np.ndarray:
    """Poses (N, 3) after all steps and turns that a car may take in a frame."""
    steps = np.arange(-0.3, MOST_STEP_M, GRID_M) * way
    along, turns = (grid.ravel() for grid in np.meshgrid(steps, TURNS_RAD[::5]))
    return moved(last[None], np.column_stack((along, np.zeros(len(along)), turns)))


def _turned(expected: np.ndarray) -> np.ndarray:
    """Poses (N, 3) about an expected one, turned and shifted a little."""
    turns, along = (grid.ravel() for grid in np.meshgrid(TURNS_RAD, NEAR_M))
    zero = np.zeros(len(turns))
    return moved(expected[None], np.column_stack((along, zero, turns)))


def step_between(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Metres ahead and right, and the turn, from one pose to another; (3,)."""
    away, cosine, sine = other - one, np.cos(one[2]), np.sin(one[2])
    return np.array([cosine * away[0] + sine * away[1], cosine * away[1] - sine * away[0], away[2]])


def moved(pose: np.ndarray, step: np.ndarray) -> np.ndarray:
    """A pose after a step in its own frame; poses (..., 3)."""
    cosine, sine = np.cos(pose[..., 2]), np.sin(pose[..., 2])
    x = pose[..., 0] + cosine * step[..., 0] - sine * step[..., 1]
    y = pose[..., 1] + sine * step[..., 0] + cosine * step[..., 1]
    return np.stack((x, y, pose[..., 2] + step[..., 2]), -1)


@compiled
def _at(ground: np.ndarray, x: float, y: float, channel: int) -> tuple[float, float, float]:
    """Share at a place in cells, and its slopes; 0 off the map."""
    i, j = int(np.floor(x)), int(np.floor(y))
    if i < 0 or j < 0 or i + 1 >= ground.shape[0] or j + 1 >= ground.shape[1]:
        return 0.0, 0.0, 0.0
    u, v = x - i, y - j
    a, b = ground[i, j, channel] / 255.0, ground[i + 1, j, channel] / 255.0
    c, d = ground[i, j + 1, channel] / 255.0, ground[i + 1, j + 1, channel] / 255.0
    value = (a * (1 - u) + b * u) * (1 - v) + (c * (1 - u) + d * u) * v
    return value, (b - a) * (1 - v) + (d - c) * v, (c - a) * (1 - u) + (d - b) * u


@compiled
def _costs(ground: np.ndarray, low: np.ndarray, cell: float, pixels: np.ndarray, seen: np.ndarray,
           weight: np.ndarray, poses: np.ndarray, every: int) -> np.ndarray:
    found = np.zeros(len(poses))
    for number in range(len(poses)):
        cosine, sine = np.cos(poses[number, 2]), np.sin(poses[number, 2])
        total, mass = 0.0, 1e-9
        for pixel in range(0, len(pixels), every):
            if weight[pixel] == 0:
                continue
            ahead, right = pixels[pixel, 0], pixels[pixel, 1]
            x = (poses[number, 0] + cosine * ahead - sine * right - low[0]) / cell
            y = (poses[number, 1] + sine * ahead + cosine * right - low[1]) / cell
            for channel in range(2):
                off = abs(_at(ground, x, y, channel)[0] - seen[pixel, channel])
                total += weight[pixel] * (off * off if off < 0.5 else off - 0.25)
            mass += weight[pixel]
        found[number] = total / mass
    return found


@compiled
def _fit(ground: np.ndarray, low: np.ndarray, cell: float, pixels: np.ndarray, seen: np.ndarray,
         weight: np.ndarray, begin: np.ndarray, keep: np.ndarray, iterations: int
         ) -> tuple[np.ndarray, float]:
    """Gauss and Newton's steps of the pose, errors above a half counting as lines (Huber, 1964)."""
    pose, best, best_cost = begin.copy(), begin.copy(), np.inf
    for _ in range(iterations + 1):
        cosine, sine = np.cos(pose[2]), np.sin(pose[2])
        normal, side = np.zeros((3, 3)), np.zeros(3)
        total, mass = 0.0, 1e-9
        for pixel in range(len(pixels)):
            if weight[pixel] == 0:
                continue
            ahead, right = pixels[pixel, 0], pixels[pixel, 1]
            away_x, away_y = cosine * ahead - sine * right, sine * ahead + cosine * right
            x, y = (pose[0] + away_x - low[0]) / cell, (pose[1] + away_y - low[1]) / cell
            mass += weight[pixel]
            for channel in range(2):
                value, slope_x, slope_y = _at(ground, x, y, channel)
                off = value - seen[pixel, channel]
                much = abs(off)
                total += weight[pixel] * (much * much if much < 0.5 else much - 0.25)
                if slope_x == 0 and slope_y == 0:
                    continue
                share = weight[pixel] * (1.0 if much < 0.5 else 0.5 / much)
                slope_x, slope_y = slope_x / cell, slope_y / cell
                # along and across the ego's heading, and its turn
                one = slope_x * cosine + slope_y * sine
                two = slope_y * cosine - slope_x * sine
                three = slope_y * away_x - slope_x * away_y
                normal[0, 0] += share * one * one
                normal[0, 1] += share * one * two
                normal[0, 2] += share * one * three
                normal[1, 1] += share * two * two
                normal[1, 2] += share * two * three
                normal[2, 2] += share * three * three
                side[0] -= share * one * off
                side[1] -= share * two * off
                side[2] -= share * three * off
        if total / mass < best_cost:
            best_cost, best[:] = total / mass, pose
        normal[1, 0], normal[2, 0], normal[2, 1] = normal[0, 1], normal[0, 2], normal[1, 2]
        back = cosine * (begin[0] - pose[0]) + sine * (begin[1] - pose[1])
        for axis in range(3):
            normal[axis, axis] += keep[axis] + 1e-3
        side[0] += keep[0] * back
        step = np.linalg.solve(normal, side)
        for axis in range(2):
            step[axis] = min(max(step[axis], -0.5), 0.5)
        step[2] = min(max(step[2], -0.05), 0.05)
        pose[0] += cosine * step[0] - sine * step[1]
        pose[1] += sine * step[0] + cosine * step[1]
        pose[2] += step[2]
        if abs(step[0]) + abs(step[1]) + 50 * abs(step[2]) < 0.005:
            break
    return best, best_cost
