"""A film from above -> an Episode on a known road: what is seen, where the ego is, who is who, how they move.

An Episode can be replayed, evaluated, and described exactly (`language.sight.seen_of`).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.linalg import solveh_banded
from scipy.signal import savgol_filter

from drive_gen.envs.episode import KINDS, Episode, Source, make_episode
from drive_gen.envs.files import InputError
from drive_gen.envs.geometry import overlaps
from drive_gen.envs.kinematics import wrap
from drive_gen.envs.road import Road
from drive_gen.language.place import SIZES_M
from drive_gen.perception.film_bodies import ego_size_m
from drive_gen.perception.film_odometry import steps_m
from drive_gen.perception.film_pose import find_road, follow
from drive_gen.perception.film_tracks import JOLT_M, Track, track_bodies
from drive_gen.perception.film_view import FPS

WINDOW, ORDER = 9, 2  # frames, and order, of the polynomials that motion is taken from
STIFF, LEAST_JERK, ROUNDS = 4.0, 1e-5, 12  # of the speeds' filter, metres
LEAST_FRAMES, LATE_FRAMES = 4, 5  # of a body; one first seen so late was there from the start
BACKWARDS_M = -2.0  # who goes farther back than this is headed the other way
TOUCH_M = 0.15  # bodies nearer than this touch, if both then stand
SETTLE, STANDS_MPS = 2, 4.5  # frames after a contact, from which on both stand: who crashes stops at once
HALT_FRAMES, HALT_MPS = 3, 8.0  # a fall of speed within .4 s, 20 m/s2, that no brakes reach
AFTER = 6  # frames in which that is looked for
LEAST_EGO_M2, TRUCK_EGO_M2 = 4.0, 20.0


def read_episode(rgb: np.ndarray, cover: Sequence[np.ndarray], name: str = "film") -> Episode:
    """The Episode of a film's strips (T, H, W, 3) uint8 and the classes' shares in each, (classes, H, W).

    An InputError says, in one line, why there is none: no ego, no known road.
    """
    areas = np.array([ego_size_m(shares) for shares in cover])
    if np.median(areas) < LEAST_EGO_M2:
        raise InputError("the film shows no ego in its middle")
    found = find_road(cover)
    ego = follow(cover, found, steps_m(rgb, cover))
    tracks = track_bodies(cover, ego, found.map.road)
    tracks = [track for track in tracks if len(track.frames) >= LEAST_FRAMES]
    kinds = ["truck" if np.median(areas) > TRUCK_EGO_M2 else "car",
             *("truck" if track.truck else "car" for track in tracks)]
    return _episode([(np.arange(len(ego)), ego), *(_filled(track) for track in tracks)], kinds,
                    found.map.road, len(ego), name)


def _filled(track: Track) -> tuple[np.ndarray, np.ndarray]:
    """Frames and poses of a track without gaps; of one that was missed at first, from the start."""
    frames = np.array(track.frames)
    poses = np.stack(track.poses)
    step = np.diff(poses[:, :2], axis=0)
    if (step * np.stack((np.cos(poses[1:, 2]), np.sin(poses[1:, 2])), -1)).sum() < BACKWARDS_M:
        poses[:, 2] += np.pi  # lanes of both ways lie on one another where who overtakes drives on the left
    every = np.arange(0 if frames[0] <= LATE_FRAMES else frames[0], frames[-1] + 1)
    whole = np.stack([np.interp(every, frames, column) for column in poses.T], -1)
    early = every < frames[0]
    if early.any():
        step = (poses[LEAST_FRAMES - 1] - poses[0]) / (frames[LEAST_FRAMES - 1] - frames[0])
        whole[early] = poses[0] + (every[early] - frames[0])[:, None] * step
    return every, whole


def _episode(parts: Sequence[tuple[np.ndarray, np.ndarray]], kinds: Sequence[str], road: Road, steps: int,
             name: str) -> Episode:
    count = len(parts)
    measured, valid = np.zeros((count, steps, 3)), np.zeros((count, steps), bool)
    for number, (frames, poses) in enumerate(parts):
        measured[number, frames], valid[number, frames] = poses, True
    size = np.array([SIZES_M[kind] for kind in kinds])
    crashed = contacts(measured, valid, size)
    for number in range(count):
        crashed[number] |= halted(measured[number], valid[number])
    position, heading, speed = np.zeros((count, steps, 2)), np.zeros((count, steps)), np.zeros((count, steps))
    for number, (frames, poses) in enumerate(parts):
        still = np.flatnonzero(crashed[number, frames])
        for part in np.split(np.arange(len(frames)), [int(still[0]) + 1] if len(still) else []):
            if len(part):
                where = frames[part]
                position[number, where], heading[number, where], speed[number, where] = smooth(
                    poses[part], _before_crash(poses[part]) if len(still) else len(part))
    return make_episode(position, heading, speed, size, valid, dt_s=1 / FPS, road=road, ego=0,
                        source=Source("logged", "drive_gen.film", f"film/{name}"), crashed=crashed,
                        kind=np.array([KINDS.index(kind) for kind in kinds]))


def _before_crash(poses: np.ndarray) -> int:
    """How many of the frames (T, 3) up to a contact are before it: who crashes stops at once."""
    step = np.hypot(*np.diff(poses[:, :2], axis=0).T)
    sudden = np.flatnonzero(np.abs(np.diff(step[-3:])) > JOLT_M)
    return len(poses) - len(step[-3:]) + 1 + int(sudden[0]) if len(sudden) else len(poses)


def contacts(poses: np.ndarray, valid: np.ndarray, size_m: np.ndarray) -> np.ndarray:
    """Who has touched whom by each frame, (A, T) bool; poses (A, T, 3)."""
    found = np.zeros(valid.shape, bool)
    reach = size_m + TOUCH_M
    for frame in range(valid.shape[1]):
        here = np.flatnonzero(valid[:, frame] & _stand_after(poses, valid, frame))
        where = poses[here, frame]
        touching = overlaps(where[:, None, :2], where[:, None, 2], reach[here, None],
                            where[None, :, :2], where[None, :, 2], reach[None, here])
        np.fill_diagonal(touching, False)
        found[here, max(frame, 1)] |= touching.any(1)  # who touches from the first frame on has just begun to
    return np.asarray(np.logical_or.accumulate(found, axis=1) & valid)


def halted(poses: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """Where a body (T, 3) has stopped as only a crash stops it, and stands, (T,) bool."""
    found, frames = np.zeros(len(valid), bool), np.flatnonzero(valid)
    if len(frames) > 2 * HALT_FRAMES:
        way = poses[frames, :2]
        speed = np.hypot(*(way[HALT_FRAMES:] - way[:-HALT_FRAMES]).T) / HALT_FRAMES * FPS
        before, after = speed[: -HALT_FRAMES - 1], speed[HALT_FRAMES + 1 :]
        stops = np.flatnonzero((before - after > HALT_MPS) & (after < STANDS_MPS))
        if len(stops):
            found[frames[stops[0] + HALT_FRAMES + 1] :] = True
    return np.asarray(found & valid)


def _stand_after(poses: np.ndarray, valid: np.ndarray, frame: int) -> np.ndarray:
    """Who is seen to stand soon after a frame, (A,) bool: others near one another only pass."""
    first, last = frame + SETTLE, min(frame + SETTLE + AFTER, valid.shape[1])
    if last - first < 2:
        return np.zeros(len(poses), bool)
    step = np.hypot(*np.diff(poses[:, first:last, :2], axis=1).transpose(2, 0, 1)) * FPS
    seen = valid[:, first + 1 : last] & valid[:, first : last - 1]
    moving = (seen & (step > STANDS_MPS)).sum(1)
    return np.asarray(seen.any(1) & (2 * moving <= seen.sum(1)))


def smooth(poses: np.ndarray, moving: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Positions (T, 2), headings (T,) and speeds along them (T,), which are taken from the first frames.

    Places and headings by polynomials over a window; speeds of the way driven, whose acceleration is taken to
    be constant but for a few changes.
    """
    window = min(WINDOW, len(poses) - (len(poses) + 1) % 2)
    heading, position = np.unwrap(poses[:, 2]), poses[:, :2]
    if window > ORDER:
        position = savgol_filter(position, window, ORDER, axis=0)
        heading = savgol_filter(heading, window, 1)
    if moving < 2:
        return position, np.asarray(wrap(heading)), np.zeros(len(poses))
    step = np.diff(poses[:, :2], axis=0)
    between = (heading[1:] + heading[:-1]) / 2
    way = np.concatenate(([0.0], np.cumsum(step[:, 0] * np.cos(between) + step[:, 1] * np.sin(between))))
    speed = np.gradient(few_changes(way[:moving]), 1 / FPS)
    return position, np.asarray(wrap(heading)), np.pad(speed, (0, len(way) - moving), mode="edge")


def few_changes(way: np.ndarray) -> np.ndarray:
    """A way (T,) with few changes of acceleration near to one: l1 trend filtering (Kim et al., 2009).

    Its third differences are weighed by their own size, again and again; the equations are banded.
    """
    count, found = len(way), way.copy()
    if count < 4:
        return found
    third = np.array([-1.0, 3.0, -3.0, 1.0])
    for _ in range(ROUNDS):
        jerk = np.abs(np.diff(found, 3))
        weight = STIFF / (jerk + LEAST_JERK)
        bands = np.zeros((4, count))  # upper form: bands[3 - k, j] is the entry of (j - k, j)
        bands[3] = 1.0
        for one in range(4):
            for other in range(one, 4):
                bands[3 - (other - one), other : other + count - 3] += third[one] * third[other] * weight
        found = solveh_banded(bands, way)
    return found
