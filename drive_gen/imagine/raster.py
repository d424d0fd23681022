"""Scene -> a small picture from above that a network can draw and that a scene can be read off again.

The picture is 96 x 32 pixels of 2.1 x 1 m, the road ahead upwards, the middle of the ego's lanes in its
middle: 202 m of road are seen, which is all that a request can speak of. Its three channels are colours and
meanings at once:

    red    the ground: 0 off the road, half on it, three quarters on a dashed line, full on a solid one
    green  bodies: half where there is none, full where there is one, 0 where it is the ego
    blue   speed of the body there: 0.4 at a standstill, 1 at 40 m/s, 0.15 at 40 m/s towards us; 0 of nobody

Edges are blended by the share of a pixel that is covered, so places are known better than to a pixel. Cars do
not hide the ground. All dashed lines are drawn whole: where a dash begins says nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw

from drive_gen.envs.episode import Scene
from drive_gen.envs.files import InputError
from drive_gen.envs.markings import markings
from drive_gen.envs.render import cameras_along
from drive_gen.envs.road import Road

HEIGHT_PX, WIDTH_PX = 96, 32
ALONG_M, ACROSS_M = 2.1, 1.0  # of a pixel
FINE = 4  # samples a side of a pixel
ROAD, DASHED, SOLID = 0.5, 0.75, 1.0  # red
NOBODY, OTHER, EGO = 0.5, 1.0, 0.0  # green
STILL, ALONG, ONCOMING = 0.4, 0.6, 0.25  # blue of a standstill; what the fastest add to it, or take from it
FASTEST_MPS = 40.0
LINE_M = 1.2  # a painted line's width in the picture
MARGIN_M = 30.0  # beyond the picture, in which bodies may still show


class Camera(NamedTuple):
    """The point in the picture's middle, and which way is up."""

    x_m: float
    y_m: float
    heading_rad: float

    def seen(self, points_m: np.ndarray) -> np.ndarray:
        """World points (..., 2) -> metres ahead and to the right (..., 2)."""
        cosine, sine = np.cos(self.heading_rad), np.sin(self.heading_rad)
        away = np.asarray(points_m, np.float64) - (self.x_m, self.y_m)
        return np.asarray(away @ np.array([[cosine, -sine], [sine, cosine]]))

    def world(self, ahead_right_m: np.ndarray) -> np.ndarray:
        """The inverse of `seen`."""
        cosine, sine = np.cos(self.heading_rad), np.sin(self.heading_rad)
        return np.asarray(ahead_right_m @ np.array([[cosine, sine], [-sine, cosine]]) + (self.x_m, self.y_m))


@dataclass(frozen=True, eq=False)
class Boxes:
    """N bodies in a picture: metres ahead of its middle and to the right."""

    place_m: np.ndarray  # (N, 2)
    heading_rad: np.ndarray  # (N,) 0 is up, to the right positive
    size_m: np.ndarray  # (N, 2) length and width
    speed_mps: np.ndarray  # (N,)
    ego: np.ndarray  # (N,) bool


def camera_of(scene: Scene) -> Camera:
    """In the middle of the ego's lanes, beside the ego, along its lane."""
    if scene.ego is None:
        raise InputError("the scene has no ego to draw a picture about")
    center, heading = cameras_along(scene.road, scene.position_m[scene.ego], scene.heading_rad[scene.ego])
    return Camera(float(center[0]), float(center[1]), float(heading))


def boxes_of(scene: Scene, camera: Camera) -> Boxes:
    """The bodies that a picture may show."""
    place = camera.seen(scene.position_m)
    near = (np.abs(place) < (HEIGHT_PX * ALONG_M / 2 + MARGIN_M, WIDTH_PX * ACROSS_M / 2 + MARGIN_M)).all(-1)
    here = np.flatnonzero(near)
    return Boxes(
        place[here],
        scene.heading_rad[here] - camera.heading_rad,
        scene.size_m[here],
        scene.speed_mps[here].astype(np.float64),
        here == scene.ego,
    )


def raster_of(scene: Scene) -> np.ndarray:
    """The picture of a scene, (96, 32, 3) uint8."""
    camera = camera_of(scene)
    return composed(ground_picture(scene.road, camera), boxes_of(scene, camera))


def composed(ground: np.ndarray, boxes: Boxes) -> np.ndarray:
    """Ground (96, 32) from 0 to 1 and bodies -> the picture, uint8."""
    body, speed = np.zeros(ground.shape), np.zeros(ground.shape)
    for number in range(len(boxes.ego)):
        where, cover = coverage(boxes, number)
        sign = -1.0 if boxes.ego[number] else 1.0
        body[where] += sign * cover
        speed[where] += cover * shade_of(float(boxes.speed_mps[number]), float(boxes.heading_rad[number]))
    green = NOBODY + body.clip(-1, 1) * (OTHER - NOBODY)
    return np.asarray(np.stack((ground, green, speed.clip(0, 1)), -1) * 255 + 0.5, np.uint8)


def shade_of(speed_mps: float, heading_rad: float) -> float:
    """Blue of a body with a heading, 0 is up."""
    share = min(speed_mps / FASTEST_MPS, 1.0)
    return STILL + (ALONG if np.cos(heading_rad) >= 0 else -ONCOMING) * share


def velocity_of(shade: float) -> float:
    """The inverse: m/s, below 0 towards us."""
    away = shade - STILL
    return FASTEST_MPS * min(away / ALONG, 1.0) if away >= 0 else FASTEST_MPS * max(away / ONCOMING, -1.0)


def ground_picture(road: Road, camera: Camera) -> np.ndarray:
    """The red channel, (96, 32) float64 from 0 to 1."""
    size = (WIDTH_PX * FINE, HEIGHT_PX * FINE)
    asphalt, dashed, solid = (Image.new("L", size) for _ in range(3))
    for lane in road.lanes:
        _strip(asphalt, camera, np.asarray(lane.center_m), lane.width_m)
    for style, points in markings(road):
        _strip(dashed if style == "divider" else solid, camera, points, LINE_M)
    on_road, on_dashed, on_solid = (np.asarray(layer) > 0 for layer in (asphalt, dashed, solid))
    level = np.where(on_solid, SOLID, np.where(on_dashed, DASHED, np.where(on_road, ROAD, 0.0)))
    return np.asarray(level.reshape(HEIGHT_PX, FINE, WIDTH_PX, FINE).mean((1, 3)))


def _strip(layer: Image.Image, camera: Camera, points_m: np.ndarray, width_m: float) -> None:
    """A polyline as a band of some width."""
    place = camera.seen(points_m)
    reach = HEIGHT_PX * ALONG_M
    step = np.diff(place, axis=0)
    normal = np.stack((-step[:, 1], step[:, 0]), -1) / np.hypot(*step.T)[:, None] * width_m / 2
    corners = np.stack((place[:-1] - normal, place[1:] - normal, place[1:] + normal, place[:-1] + normal), 1)
    corners = corners[(corners[..., 0].min(1) < reach) & (corners[..., 0].max(1) > -reach)]
    column = (corners[..., 1] / ACROSS_M + WIDTH_PX / 2) * FINE - 0.5
    row = (HEIGHT_PX / 2 - corners[..., 0] / ALONG_M) * FINE - 0.5
    draw = ImageDraw.Draw(layer)
    for xs, ys in zip(column, row, strict=True):
        draw.polygon(list(zip(xs.tolist(), ys.tolist(), strict=True)), fill=1)


def coverage(boxes: Boxes, number: int) -> tuple[tuple[slice, slice], np.ndarray]:
    """Which pixels a body may cover, and the share of each that it does."""
    (ahead, right), heading = boxes.place_m[number], boxes.heading_rad[number]
    half = boxes.size_m[number] / 2
    reach = float(np.hypot(*half))
    rows = _between(
        HEIGHT_PX / 2 - (ahead + reach) / ALONG_M, HEIGHT_PX / 2 - (ahead - reach) / ALONG_M, HEIGHT_PX
    )
    columns = _between(
        WIDTH_PX / 2 + (right - reach) / ACROSS_M, WIDTH_PX / 2 + (right + reach) / ACROSS_M, WIDTH_PX
    )
    row, column = _samples(rows), _samples(columns)
    x, y = np.meshgrid(
        (HEIGHT_PX / 2 - row) * ALONG_M - ahead, (column - WIDTH_PX / 2) * ACROSS_M - right, indexing="ij"
    )
    along, across = x * np.cos(heading) + y * np.sin(heading), y * np.cos(heading) - x * np.sin(heading)
    inside = (np.abs(along) <= half[0]) & (np.abs(across) <= half[1])
    shape = (rows.stop - rows.start, FINE, columns.stop - columns.start, FINE)
    return (rows, columns), inside.reshape(shape).mean((1, 3))


def _between(low: float, high: float, size: int) -> slice:
    start = int(np.clip(np.floor(low), 0, size))
    return slice(start, max(int(np.clip(np.ceil(high), 0, size)), start))


def _samples(pixels: slice) -> np.ndarray:
    """Places of the samples in some pixels, in pixels."""
    return np.asarray((np.arange(pixels.start * FINE, pixels.stop * FINE) + 0.5) / FINE)
