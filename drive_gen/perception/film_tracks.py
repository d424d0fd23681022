"""Bodies from frame to frame: who is who, by where each is expected (Kuhn, 1955), in the road's own frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.optimize import linear_sum_assignment

from drive_gen.envs.kinematics import wrap
from drive_gen.envs.road import Road
from drive_gen.language.place import SIZES_M
from drive_gen.perception.film_bodies import Blob, Bodies, bodies_in, fit_boxes
from drive_gen.perception.film_pose import moved
from drive_gen.perception.film_view import ASIDE_PX, M_PER_PX, SIZE_PX

GATE_M = 4.5  # between where a body was expected and a blob that may be it
CLOSE_FIT, STEP_M = 0.12, 0.3  # a fit this good is not doubted; less is no motion
POOR = 0.55  # a fit that leaves so much of a body uncovered is none
PATIENCE = 8  # frames that a body may be missing
GAIN = 0.4  # of a velocity's change by the last step
JOLT_M = 0.6  # by which a step may differ from the one before, 60 m/s2: who differs by more has crashed
TRUCK_SHARE = 0.5
ROOM = 1.6  # a blob larger than so many bodies is of more than one
HALF_M = np.array([SIZE_PX, ASIDE_PX]) * M_PER_PX / 2


@dataclass(eq=False)
class Track:
    """One body: where it was measured."""

    truck_m2: float = 0.0  # seen of it as a truck, and at all
    seen_m2: float = 0.0
    frames: list[int] = field(default_factory=list)
    poses: list[np.ndarray] = field(default_factory=list)  # x, y, heading in the world
    velocity: np.ndarray = field(default_factory=lambda: np.zeros(2))  # metres a frame
    standing: bool = False  # it has crashed, and stopped at once

    @property
    def truck(self) -> bool:
        """By most of what was seen of it."""
        return self.truck_m2 > TRUCK_SHARE * self.seen_m2

    @property
    def size_m(self) -> np.ndarray:
        """By its kind."""
        return np.array(SIZES_M["truck" if self.truck else "car"])

    def expected(self, frame: int) -> np.ndarray:
        """Its pose if it goes on as it does."""
        pose = self.poses[-1].copy()
        pose[:2] += self.velocity * (frame - self.frames[-1])
        return pose

    def add(self, frame: int, pose: np.ndarray) -> None:
        """A measurement; its heading keeps its way."""
        if self.poses:
            pose[2] = self.poses[-1][2] + wrap(pose[2] - self.poses[-1][2])
            step = (pose[:2] - self.poses[-1][:2]) / (frame - self.frames[-1])
            jolted = len(self.poses) == 1 or np.hypot(*(step - self.velocity)) > JOLT_M
            self.standing |= bool(jolted and len(self.poses) > 1 and np.hypot(*step) < STEP_M)
            self.velocity = step if jolted else (1 - GAIN) * self.velocity + GAIN * step
            if self.standing:
                self.velocity = np.zeros(2)
        self.frames.append(frame)
        self.poses.append(pose)

    def votes(self, blob: Blob) -> None:
        """What kind a blob that is it alone shows."""
        self.seen_m2 += blob.area_m2
        self.truck_m2 += blob.truck * blob.area_m2


def track_bodies(cover: Sequence[np.ndarray], ego: np.ndarray, road: Road) -> list[Track]:
    """All bodies but the ego, whose poses are (T, 3); cover: (classes, H, W) of each frame."""
    alive: list[Track] = []
    ended: list[Track] = []
    for frame, shares in enumerate(cover):
        seen = bodies_in(shares)
        _measure(alive, seen, frame, ego[frame], road)
        gone = [one for one in alive if frame - one.frames[-1] > PATIENCE or _left(one, frame, ego[frame])]
        alive = [one for one in alive if one not in gone]
        ended += gone
    return ended + alive


def local(pose: np.ndarray, ego: np.ndarray) -> np.ndarray:
    """World poses (..., 3) in the ego's frame: ahead, right, heading."""
    away, cosine, sine = pose - ego, np.cos(ego[2]), np.sin(ego[2])
    return np.stack((cosine * away[..., 0] + sine * away[..., 1],
                     cosine * away[..., 1] - sine * away[..., 0], away[..., 2]), -1)


def _left(track: Track, frame: int, ego: np.ndarray) -> bool:
    """Whether nothing of it is in the picture any more."""
    place = np.abs(local(track.expected(frame), ego)[:2])
    return bool((place > HALF_M + track.size_m[0] / 2).any())


def _measure(alive: list[Track], seen: Bodies, frame: int, ego: np.ndarray, road: Road) -> None:
    expected = [local(track.expected(frame), ego) for track in alive]
    owners = _owners(alive, expected, seen)
    for blobs, tracks in owners:
        _fit(blobs, [alive[number] for number in tracks], np.stack([expected[number] for number in tracks]),
             seen, frame, ego)
    taken = {blob.number for blobs, _ in owners for blob in blobs}
    for blob in seen.blobs:
        if blob.number not in taken:
            alive.extend(_born(blob, seen, frame, ego, road))


def _owners(tracks: Sequence[Track], expected: Sequence[np.ndarray], seen: Bodies
            ) -> list[tuple[list[Blob], list[int]]]:
    """Blobs with the tracks that they are of: those expected on them, then the nearest."""
    by_number = {blob.number: blob for blob in seen.blobs}
    under = [_under(place, track.size_m, seen) for track, place in zip(tracks, expected, strict=True)]
    groups: list[tuple[set[int], set[int]]] = []  # blobs and tracks that touch
    for number, blobs in enumerate(under):
        if not blobs:
            continue
        mine = [group for group in groups if group[0] & blobs]
        merged = (blobs.union(*(group[0] for group in mine)), {number}.union(*(group[1] for group in mine)))
        groups = [group for group in groups if group not in mine] + [merged]
    free = [blob for blob in seen.blobs if not any(blob.number in group[0] for group in groups)]
    lost = [number for number, blobs in enumerate(under) if not blobs]
    if free and lost:
        away = np.array([[np.hypot(*(expected[number][:2] - blob.middle_m)) for blob in free]
                         for number in lost])
        for row, column in zip(*linear_sum_assignment(np.minimum(away, 10 * GATE_M)), strict=True):
            if away[row, column] < GATE_M:
                groups.append(({free[column].number}, {lost[row]}))
    return [([by_number[blob] for blob in sorted(blobs)], sorted(own)) for blobs, own in groups]


def _under(box: np.ndarray, size_m: np.ndarray, seen: Bodies) -> set[int]:
    """Numbers of the blobs under the middle of a box."""
    along = np.linspace(-0.35, 0.35, 5) * size_m[0]
    points = box[:2] + along[:, None] * (np.cos(box[2]), np.sin(box[2]))
    found = [seen.at(point) for point in points]
    return {number for number in found if number and found.count(number) >= 2}


def _fit(blobs: Sequence[Blob], tracks: Sequence[Track], expected: np.ndarray, seen: Bodies, frame: int,
         ego: np.ndarray) -> None:
    """Measure tracks that share blobs."""
    numbers = np.array([blob.number for blob in blobs])
    if len(tracks) == 1 and len(blobs) == 1:
        tracks[0].votes(blobs[0])
    sizes = np.stack([track.size_m for track in tracks])
    begin = expected.copy()
    if not any(blob.cut for blob in blobs):
        area = np.array([blob.area_m2 for blob in blobs])
        middle = (np.stack([blob.middle_m for blob in blobs]) * area[:, None]).sum(0) / area.sum()
        weigh = sizes.prod(1)
        if abs(area.sum() / weigh.sum() - 1) < 0.25:  # nothing is hidden: their middles agree
            begin[:, :2] += middle - (expected[:, :2] * weigh[:, None]).sum(0) / weigh.sum()
    standing = np.array([track.standing for track in tracks])
    begin[standing] = expected[standing]
    fits = [fit_boxes(seen, numbers, start, sizes, standing) for start in _starts(begin, expected)]
    if min(off for _, off in fits) > CLOSE_FIT:  # perhaps somebody has crashed, and stands
        last = np.stack([local(track.poses[-1], ego) for track in tracks])
        fits += [fit_boxes(seen, numbers, start, sizes, standing) for start in _stopped(expected, last)]
    found, off = min(fits, key=lambda fit: fit[1])
    if off > POOR:
        return
    for track, box in zip(tracks, found, strict=True):
        if _shown(box, seen):
            track.add(frame, moved(ego, box))


def _stopped(expected: np.ndarray, last: np.ndarray) -> list[np.ndarray]:
    """Who is expected to have moved (K, 3) stays where it was: each one alone, and all of them."""
    moving = np.flatnonzero(np.abs(expected - last).max(1) > STEP_M)
    alone = [np.where(np.arange(len(last))[:, None] == one, last, expected) for one in moving]
    return [*alone, last] if len(moving) > 1 else alone


def _starts(*begins: np.ndarray) -> list[np.ndarray]:
    """Those that differ."""
    first, second = begins
    return [first] if np.abs(first - second).max() < STEP_M else [first, second]


def _shown(box: np.ndarray, seen: Bodies) -> bool:
    """Whether a part of it is in the picture."""
    return bool((np.abs(box[:2]) < HALF_M + 2.0).all())


def _born(blob: Blob, seen: Bodies, frame: int, ego: np.ndarray, road: Road) -> list[Track]:
    """Tracks of a blob that nobody was expected on: one, or as many as it has room for."""
    kind = "truck" if blob.truck > TRUCK_SHARE else "car"
    size = np.array(SIZES_M[kind])
    count = 1 if blob.cut or blob.area_m2 < ROOM * size.prod() else round(blob.area_m2 / size.prod())
    middle = moved(ego, np.array([*blob.middle_m, blob.axis_rad]))
    lane = float(road.lane_frame(middle[:2], road.nearest_lane(middle[:2])).heading_rad)
    heading = lane
    if not (np.isnan(blob.axis_rad) or blob.cut):
        heading = middle[2] + (np.pi if np.cos(middle[2] - lane) < 0 else 0.0)
    boxes = np.zeros((count, 3))
    boxes[:, 2] = wrap(heading - ego[2])
    unit = np.array([np.cos(boxes[0, 2]), np.sin(boxes[0, 2])])
    boxes[:, :2] = blob.middle_m + ((np.arange(count) - (count - 1) / 2) * size[0])[:, None] * unit
    if blob.cut:
        boxes[0, :2] += _beyond(blob, unit, size)
    found, _ = fit_boxes(seen, np.array([blob.number]), boxes, np.tile(size, (count, 1)))
    tracks = []
    for box in found:
        track = Track()
        track.votes(blob)
        track.add(frame, moved(ego, box))
        tracks.append(track)
    return tracks


def _beyond(blob: Blob, unit: np.ndarray, size: np.ndarray) -> np.ndarray:
    """From the middle of what the picture's edge leaves of a body to the middle of all of it."""
    shown_m = min(blob.area_m2 / size[1], size[0])
    outward = np.sign(unit @ (blob.middle_m / HALF_M))
    return np.asarray(outward * (size[0] - shown_m) / 2 * unit)
