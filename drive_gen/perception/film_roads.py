"""The roads that a film may show, as pictures from above, and which of them it does.

Maps are known to the reader: every road that requests can speak of, roundabouts and U-turns included. Places
along all lanes stand in a bank of coarse grounds; one matrix product says how far each is from what is seen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import NamedTuple

import numpy as np
from scipy import ndimage

from drive_gen.envs.files import InputError
from drive_gen.envs.frames.ground import ASPHALT, WHITE, ground_of, look_down
from drive_gen.envs.frames.views import PAINT_PX, Pose, Rays
from drive_gen.envs.markings import DASH_M, GAP_M
from drive_gen.envs.road import Road
from drive_gen.language.facts import MOST_LANES, Facts
from drive_gen.language.place import road_of
from drive_gen.perception.film_view import ASIDE_PX, M_PER_PX, SIZE_PX

KINDS = ("highway", "two-way", "merge", "exit", "racetrack", "u-turn", "intersection", "roundabout")
FEWEST = {"highway": 1, "merge": 2, "exit": 2}  # lanes that can be asked for; the others have but one form
CELL_M, MARGIN_M = 0.25, 4.0  # of a map
BLOCK_PX, STEP_M = 8, 3.0  # of the bank: pixels a side of a block, metres between places
MARKS = 2.0  # weight of painted lines beside asphalt
SEEN_M = 94.0  # from a road's end, it is well in the picture
STRAIGHT_M = 200.0  # where an ego is taken to be on a road that looks the same everywhere
KEY_FRAMES = (0, 30, 60, 90, 120)
MARGIN, MOST = 0.004, 4  # mean squared error by which a road may be worse than the best one; of so many
LEAST_ROAD = 0.02  # share of a frame, or it does not tell the road
ALIKE, FEW = 0.002, 5  # error by which a place may be worse than the best one; places that are looked at
ACROSS_RAD = np.arange(-0.36, 0.37, 0.03)  # that an ego may be turned from its lane
WORST = 0.02  # mean squared error of a block, above which no known road is shown


@dataclass(frozen=True, eq=False)
class RoadMap:
    """A road from above in cells: shares of asphalt (lines too) and of lines, in 255ths."""

    kind: str
    road: Road
    low_m: np.ndarray  # (2,) of the first cell's lower corner, which its value belongs to
    ground: np.ndarray  # (X, Y, 2) uint8, of the half metre about each corner

    @cached_property
    def places(self) -> np.ndarray:
        """x, y, heading at every STEP_M of every lane, (N, 3).

        Of a road that is the same everywhere: a dash and its gap in the middle, and the ends. A two-way road
        looks alike from either end; an ego is put on its two lanes of one way.
        """
        found = []
        for number, lane in enumerate(self.road.lanes):
            if self.kind == "two-way" and not sum(self.road.lanes_aside(number)):
                continue
            along = np.arange(STEP_M / 2, lane.length_m, STEP_M)
            if self.kind in ("highway", "two-way"):
                ends = along[(along < SEEN_M) | (along > lane.length_m - SEEN_M)]
                along = np.concatenate((min(STRAIGHT_M, lane.length_m / 2) + np.arange(DASH_M + GAP_M), ends))
            where = lane.position_at(along)
            found.append(np.column_stack((where, lane.frame_of(where).heading_rad)))
        return np.concatenate(found)

    def coarse(self, poses: np.ndarray) -> np.ndarray:
        """Shares in the blocks of the strip seen from poses (N, 3); (N, blocks * 2) float32."""
        cells = round(BLOCK_PX * M_PER_PX / CELL_M)
        smooth = ndimage.uniform_filter(self.ground.astype(np.float32) / 255, (cells, cells, 0),
                                        mode="constant")
        ahead, right = pixels_m(BLOCK_PX)
        cosine, sine = np.cos(poses[:, 2, None]), np.sin(poses[:, 2, None])
        x = poses[:, 0, None] + cosine * ahead - sine * right
        y = poses[:, 1, None] + sine * ahead + cosine * right
        # The mean over an even number of cells belongs to half a cell before the one that it is written in.
        place = [(x - self.low_m[0]) / CELL_M + 0.5, (y - self.low_m[1]) / CELL_M + 0.5]
        seen = [ndimage.map_coordinates(smooth[..., channel], place, order=1) * weight
                for channel, weight in ((0, 1.0), (1, MARKS))]
        return np.stack(seen, -1).reshape(len(poses), -1)


def pixels_m(block: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Metres ahead and right of the ego of each pixel of a strip, or of each block of so many, flat."""
    row, column = np.meshgrid(np.arange(SIZE_PX // block), np.arange(ASIDE_PX // block), indexing="ij")
    ahead = (SIZE_PX / 2 - (row + 0.5) * block) * M_PER_PX
    right = ((column + 0.5) * block - ASIDE_PX / 2) * M_PER_PX
    return ahead.ravel(), right.ravel()


def road_map(kind: str, road: Road) -> RoadMap:
    """The map of a road."""
    points = np.concatenate([lane.center_m for lane in road.lanes])
    low = np.floor(points.min(0)) - MARGIN_M
    shape = np.ceil((points.max(0) + MARGIN_M - low) / CELL_M).astype(int)
    x, y = (low[axis] + (np.arange(shape[axis]) + 0.5) * CELL_M for axis in (0, 1))
    seen = np.stack(np.meshgrid(x, y, indexing="ij"), -1)
    paint = np.full(seen.shape[:2], PAINT_PX * M_PER_PX / 2)
    rays = Rays(seen, paint, np.zeros(paint.shape, np.uint8), np.zeros((*paint.shape, 3)))
    material, _ = look_down(ground_of(road), rays, Pose(0.0, 0.0))
    shares = np.stack((material >= ASPHALT, material >= WHITE), -1).astype(np.float32) * 255
    blurred = ndimage.uniform_filter(shares, (2, 2, 0), mode="constant")  # a value belongs to a corner
    return RoadMap(kind, road, low, np.round(blurred).astype(np.uint8))


@lru_cache(maxsize=1)
def known_maps() -> tuple[RoadMap, ...]:
    """Every road that a request can speak of; the plainer ones first."""
    return tuple(road_map(kind, road_of(Facts(road=kind, lanes=lanes)))  # type: ignore[arg-type]
                 for kind in KINDS for lanes in range(FEWEST.get(kind, 1), MOST_LANES + 1)
                 if kind in FEWEST or lanes == 1)


@lru_cache(maxsize=1)
def bank() -> tuple[np.ndarray, np.ndarray]:
    """Coarse grounds (N, blocks * 2) of all places of all maps, and the number of each one's map (N,)."""
    maps = known_maps()
    grounds = np.concatenate([one.coarse(one.places) for one in maps])
    return grounds, np.repeat(np.arange(len(maps)), [len(one.places) for one in maps])


@dataclass(frozen=True, eq=False)
class Sighting:
    """A road that a film may show, and where on it the ego may be in some of the frames."""

    map: RoadMap
    poses: Mapping[int, np.ndarray]  # of each frame (K, 3), the likeliest first
    spread_m: Mapping[int, float]  # of each frame: how far places lie apart that fit about as well


def sightings(cover: Sequence[np.ndarray]) -> list[Sighting]:
    """The known roads that fit a film's frames best, the plainer first; cover: (classes, H, W) of each."""
    frames = [frame for frame in KEY_FRAMES if frame < len(cover)]
    road = [frame for frame in frames if cover[frame][1:3].mean() > LEAST_ROAD]
    frames = road or frames  # an ego that has driven off a road's end sees grass, which any road has
    shown = [_straight(cover[frame]) for frame in frames]
    total = _totals(shown)
    if total.min() > WORST:  # the ego is headed across its lane, as in a change of lanes
        shown = [_turned(cover[frame]) for frame in frames]
        total = _totals(shown)
    if total.min() > WORST:
        raise InputError(f"the film shows no known road: the nearest is off by {total.min():.3f} a block")
    near = sorted(int(number) for number in np.argsort(total)[:MOST]
                  if total[number] <= total.min() + MARGIN)
    return [_sighting(number, frames, shown) for number in near]


class _Shown(NamedTuple):
    """How a frame fits all places of the bank."""

    error: np.ndarray  # (places,)
    turn_rad: np.ndarray  # (places,) of the ego to the place's heading


def _straight(cover: np.ndarray) -> _Shown:
    error = _errors(cover, bank()[0])
    return _Shown(error, np.zeros(len(error)))


def _turned(cover: np.ndarray) -> _Shown:
    """With the ego turned from the lane's heading: the frame is turned back, as far as it shows enough."""
    errors = np.stack([_errors(_rotated(cover, -turn), bank()[0]) for turn in ACROSS_RAD])
    best = errors.argmin(0)
    return _Shown(errors.min(0), ACROSS_RAD[best])


def _rotated(cover: np.ndarray, turn_rad: float) -> np.ndarray:
    """What an ego with its heading more by `turn_rad` sees; pixels that the frame lacks are of no class."""
    cosine, sine = np.cos(turn_rad), np.sin(turn_rad)
    # Rows go back and columns right: places (row, column) about the ego turn with its heading.
    turn = np.array([[cosine, sine], [-sine, cosine]])
    middle = (np.array(cover.shape[1:]) - 1) / 2
    return np.stack([ndimage.affine_transform(part, turn, middle - turn @ middle, order=1) for part in cover])


def _totals(shown: Sequence[_Shown]) -> np.ndarray:
    """Of each map, the mean over the frames of its best place's error."""
    owner, errors = bank()[1], np.stack([one.error for one in shown])
    return np.array([errors[:, owner == number].min(1).mean() for number in range(len(known_maps()))])


def _sighting(number: int, frames: Sequence[int], shown: Sequence[_Shown]) -> Sighting:
    where, own = known_maps()[number], bank()[1] == number
    poses, spread = {}, {}
    for frame, one in zip(frames, shown, strict=True):
        error, turn = one.error[own], one.turn_rad[own]
        best = np.argsort(error)[:FEW]
        poses[frame] = where.places[best] + np.column_stack((np.zeros((len(best), 2)), turn[best]))
        spread[frame] = float(np.ptp(where.places[error <= error.min() + ALIKE, :2], axis=0).max())
    return Sighting(where, poses, spread)


def _errors(cover: np.ndarray, grounds: np.ndarray) -> np.ndarray:
    """Mean squared error of the blocks of a frame, weighed by what no body hides, with each ground; (N,)."""
    seen, weight = _blocks(cover)
    both = np.repeat(weight, 2)
    seen_flat = (seen * (1, MARKS)).astype(np.float32).ravel()
    squares = (grounds * grounds) @ both - 2 * grounds @ (both * seen_flat) + (both * seen_flat**2).sum()
    return np.asarray(squares / both.sum())


def _blocks(cover: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Shares (blocks, 2) of asphalt and lines where no body is, and how much no body hides (blocks,)."""
    shares = cover.reshape(len(cover), SIZE_PX // BLOCK_PX, BLOCK_PX, ASIDE_PX // BLOCK_PX, BLOCK_PX
                           ).mean((2, 4)).reshape(len(cover), -1).astype(np.float32)
    open_ = shares[:3].sum(0)
    seen = np.stack((shares[1] + shares[2], shares[2]), -1) / np.maximum(open_, 1e-3)[:, None]
    return seen, np.asarray(open_**2, np.float32)
