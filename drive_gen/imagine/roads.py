"""The roads that a picture may show, and which of them it does: the best fit of the ground's pixels."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from drive_gen.envs.render import cameras_along
from drive_gen.envs.road import Road
from drive_gen.imagine.raster import ROAD, Camera, ground_picture
from drive_gen.language.facts import Facts
from drive_gen.language.place import road_of

KINDS = ("highway", "two-way", "merge", "exit")  # that are learnt; the plain ones first: they win a tie
LANES = {"highway": (1, 2, 3, 4, 5, 6), "two-way": (None,), "merge": (None,), "exit": (2, 3, 4, 5, 6)}
SPANS_M = {"merge": (20.0, 420.0), "exit": (304.0, 604.0)}  # where the ego sees what tells the road
SOME = 0.4  # of a pixel that is on the road, for it to count; not a half, which edges often are
STEP_M, FINE_M = 6.0, 1.5  # between the places tried, and when those near the best are


class Place(NamedTuple):
    """Somewhere on a known road."""

    kind: str
    road: Road
    lane: int
    s_m: float

    @property
    def camera(self) -> Camera:
        """The camera of an ego there."""
        lane = self.road.lanes[self.lane]
        where = lane.position_at(np.array(self.s_m))
        center, heading = cameras_along(self.road, where, lane.frame_of(where).heading_rad)
        return Camera(float(center[0]), float(center[1]), float(heading))


class Found(NamedTuple):
    """The road that a picture shows."""

    place: Place
    iou: float  # of the road's pixels, the picture's with the known road's


class Library(NamedTuple):
    """Places with the grounds (N, 96 * 32) seen there."""

    places: tuple[Place, ...]
    grounds: np.ndarray
    squares: np.ndarray  # (N,) of each ground's pixels, summed

    def nearest(self, seen: np.ndarray) -> int:
        """Number of the place whose ground is nearest to one (96 * 32,), in squares of differences."""
        return int((self.squares - 2 * self.grounds @ seen).argmin())


def place_at(kind: str, road: Road, x_m: float) -> Place | None:
    """The place in the leftmost lane, x along the road; None where the road has none."""
    for number, lane in enumerate(road.lanes):
        if lane.left is None and lane.center_m[0, 1] == 0 and len(lane.center_m) == 2:
            start, end = lane.center_m[:, 0]
            if start <= x_m < end:
                return Place(kind, road, number, x_m - start)
    return None


def _places() -> Iterator[Place]:
    for kind in KINDS:
        for lanes in LANES[kind]:
            road = road_of(Facts(road=kind, lanes=lanes))  # type: ignore[arg-type]
            span = SPANS_M.get(kind)
            if span is None:
                length = road.lanes[0].length_m
                yield Place(kind, road, 0, length * 0.4)
                continue
            for x in np.arange(span[0], span[1], STEP_M):
                if (place := place_at(kind, road, float(x))) is not None:
                    yield place


@lru_cache(maxsize=1)
def library() -> Library:
    """All places, a few hundred."""
    places = tuple(_places())
    grounds = np.stack([_ground(place) for place in places])
    return Library(places, grounds, (grounds**2).sum(1))


def _ground(place: Place) -> np.ndarray:
    return ground_picture(place.road, place.camera).ravel().astype(np.float32)


def find_road(red: np.ndarray) -> Found:
    """The known road nearest to a picture's red channel (96, 32) from 0 to 1, in squares of differences."""
    known, seen = library(), red.ravel().astype(np.float32)
    best = known.nearest(seen)
    place, ground = known.places[best], known.grounds[best]
    if place.kind in SPANS_M:
        tried, grounds = _near(best)
        nearest = int(((grounds - seen) ** 2).sum(1).argmin())
        place, ground = tried[nearest], grounds[nearest]
    return Found(place, _iou(ground, seen))


@lru_cache(maxsize=256)
def _near(number: int) -> tuple[list[Place], np.ndarray]:
    """Places near one of the library, and their grounds."""
    place = library().places[number]
    x = float(place.road.lanes[place.lane].center_m[0, 0]) + place.s_m
    tried = [
        near
        for shift in np.arange(-STEP_M, STEP_M + 0.1, FINE_M)
        if (near := place_at(place.kind, place.road, x + float(shift))) is not None
    ]
    return tried, np.stack([_ground(near) for near in tried])


def _iou(one: np.ndarray, other: np.ndarray) -> float:
    first, second = one > SOME * ROAD, other > SOME * ROAD
    return float((first & second).sum() / max((first | second).sum(), 1))
