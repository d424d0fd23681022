"""A picture -> the scene that it shows: bodies as blobs, the road as the known road that fits best."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy import ndimage

from drive_gen.envs.episode import KINDS, Scene
from drive_gen.envs.files import InputError
from drive_gen.envs.kinematics import wrap
from drive_gen.imagine.raster import ACROSS_M, ALONG_M, HEIGHT_PX, WIDTH_PX, Camera, velocity_of
from drive_gen.imagine.roads import Found, find_road
from drive_gen.language.place import SIZES_M
from drive_gen.language.read_scene import TRUCK_M

SEEN, LEAST_M2 = 0.35, 4.0  # coverage above which a pixel is of a body, and the least body
LANE_RAD = 0.35  # a body's axis within this of its lane is taken for the lane's
SURE_MPS = 2.5  # a body that moves faster shows which way
CURVED_M = 0.5  # a body longer than wide by less than this has no axis
LEAST_IOU = 0.9  # of the road


class Blobs(NamedTuple):
    """Bodies of one sign in a picture."""

    place_m: np.ndarray  # (N, 2) ahead and right
    length_m: np.ndarray  # (N,)
    axis_rad: np.ndarray  # (N,) NaN where the body has none
    velocity_mps: np.ndarray  # (N,) below 0 towards us
    area_m2: np.ndarray  # (N,)


class Read(NamedTuple):
    """What was read off a picture."""

    scene: Scene
    found: Found


def read_raster(picture: np.ndarray) -> Read:
    """The scene of a picture (96, 32, 3) uint8; an InputError says why it shows none."""
    level = picture.astype(np.float64) / 255
    egos, others = (
        blobs_in((0.5 - level[..., 1]) * 2, level[..., 2]),
        blobs_in((level[..., 1] - 0.5) * 2, level[..., 2]),
    )
    if not len(egos.area_m2):
        raise InputError("the picture shows no ego")
    found = find_road(level[..., 0])
    if found.iou < LEAST_IOU:
        raise InputError(f"the picture's road is no known road: the nearest one overlaps by {found.iou:.2f}")
    ego = int(egos.area_m2.argmax())
    every = Blobs(
        *(np.concatenate((own[ego : ego + 1], rest)) for own, rest in zip(egos, others, strict=True))
    )
    return Read(_scene(every, found), found)


def blobs_in(cover: np.ndarray, blue: np.ndarray) -> Blobs:
    """Connected pixels of a coverage (96, 32), weighed by it; their speeds are in `blue`."""
    cover = cover.clip(0, 1)
    labels, _ = ndimage.label(cover > SEEN)
    parts = [
        _blob(labels, number, where, cover, blue)
        for number, where in enumerate(ndimage.find_objects(labels), 1)
    ]
    kept = [part for part in parts if part[-1] >= LEAST_M2]
    if not kept:
        return Blobs(np.zeros((0, 2)), *(np.zeros(0) for _ in range(4)))
    return Blobs(*(np.array(column) for column in zip(*kept, strict=True)))


def _blob(
    labels: np.ndarray, number: int, where: tuple[slice, slice], cover: np.ndarray, blue: np.ndarray
) -> tuple[np.ndarray, float, float, float, float]:
    """Place, length, axis, speed and area of one body; its blurred rim belongs to it."""
    window = tuple(slice(max(each.start - 1, 0), each.stop + 1) for each in where)
    row, column = np.nonzero(ndimage.binary_dilation(labels[window] == number))
    row, column = row + window[0].start, column + window[1].start
    mass = cover[row, column]
    points = np.stack(((HEIGHT_PX / 2 - row - 0.5) * ALONG_M, (column + 0.5 - WIDTH_PX / 2) * ACROSS_M), -1)
    middle = (points * mass[:, None]).sum(0) / mass.sum()
    spread = ((points - middle).T * mass) @ (points - middle) / mass.sum()
    spread -= np.diag((ALONG_M**2, ACROSS_M**2)) / 12  # of a pixel itself
    values, axes = np.linalg.eigh(spread)
    length, width = np.sqrt(12 * values[::-1].clip(1e-6))
    axis = np.arctan2(axes[1, 1], axes[0, 1]) if length - width > CURVED_M else np.nan
    shade = float((blue[row, column] * mass).sum() / (mass**2).sum())  # blue is coverage x shade
    return middle, float(length), float(axis), velocity_of(shade), float(mass.sum() * ALONG_M * ACROSS_M)


def _scene(blobs: Blobs, found: Found) -> Scene:
    """Bodies, the ego first, on the road found."""
    road, camera = found.place.road, found.place.camera
    position = camera.world(_whole(blobs))
    truck = blobs.length_m >= TRUCK_M
    count = len(position)
    return Scene(
        position_m=position.astype(np.float32),
        heading_rad=_headings(blobs, position, found, camera),
        speed_mps=np.abs(blobs.velocity_mps).astype(np.float32),
        size_m=np.where(truck[:, None], SIZES_M["truck"], SIZES_M["car"]).astype(np.float32),
        crashed=np.zeros(count, bool),
        agent_id=np.arange(count),
        kind=np.where(truck, KINDS.index("truck"), KINDS.index("car")).astype(np.uint8),
        road=road,
        ego=0,
    )


def _whole(blobs: Blobs) -> np.ndarray:
    """Places of the whole bodies: one that the picture cuts off reaches beyond it."""
    place = blobs.place_m.copy()
    edge = HEIGHT_PX * ALONG_M / 2
    cut = (np.abs(place[:, 0]) + blobs.length_m / 2 > edge - ALONG_M / 2) & (
        blobs.length_m < SIZES_M["car"][0]
    )
    shown = blobs.length_m[cut] / 2
    place[cut, 0] += np.sign(place[cut, 0]) * (SIZES_M["car"][0] / 2 - shown)
    return place


def _headings(blobs: Blobs, position_m: np.ndarray, found: Found, camera: Camera) -> np.ndarray:
    """Along the nearest lane of the body's direction, or its own axis where that is far from the lane's."""
    frames = found.place.road.frames_of(position_m)  # (N, lanes)
    lengths = np.array([lane.length_m for lane in found.place.road.lanes])
    away = np.abs(frames.d_m) + np.maximum(frames.s_m - lengths, 0) + np.maximum(-frames.s_m, 0)
    against = np.cos(frames.heading_rad - camera.heading_rad) < 0
    sure = np.abs(blobs.velocity_mps) > SURE_MPS
    wrong = sure[:, None] & (against != (blobs.velocity_mps < 0)[:, None])
    lane = np.where(wrong, np.inf, away).argmin(1)
    heading = frames.heading_rad[np.arange(len(lane)), lane]
    turned = np.nan_to_num(wrap(blobs.axis_rad + camera.heading_rad - heading))
    turned = np.where(np.cos(turned) < 0, wrap(turned + np.pi), turned)
    own = np.where(np.abs(turned) > LANE_RAD, turned, 0.0)
    return np.asarray(heading + own, np.float32)
