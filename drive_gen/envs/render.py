"""Scene -> picture, on pygame surfaces alone: no window, no display, the same bytes everywhere.

The camera stands over the ego and looks along its lane, so the road runs from left to right. Everything is
drawn at twice the size and scaled down, which smooths every edge; text is set afterwards, at its own size.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from drive_gen.envs.episode import KINDS, Scene
from drive_gen.envs.files import InputError
from drive_gen.envs.hud import HUD_PX, Overlay, draw_hud, text
from drive_gen.envs.markings import dashes, markings, pieces_near
from drive_gen.envs.quiet_pygame import pygame
from drive_gen.envs.road import Road
from drive_gen.envs.sprites import Colour, rounded_box, vehicle

SUPERSAMPLE, MOST_PX = 2, 4096
GROUND, ASPHALT, PAINT, YELLOW = (23, 28, 31), (52, 57, 64), (222, 226, 230), (236, 190, 76)
GAZE, PATH = (255, 196, 87), (96, 214, 255)
LEAST_WEIGHT, LABEL_WEIGHT, LABELS = 0.01, 0.1, 4  # weights too small to draw, or to say; how many are said


@dataclass(frozen=True)
class Camera:
    """Where the picture's anchor is in the world, and which way is to the right of the picture."""

    center_m: tuple[float, float]
    heading_rad: float


@dataclass(frozen=True)
class View:
    """Size and scale of a picture; without a camera it follows the ego."""

    width_px: int = 1280
    height_px: int = 400
    px_per_m: float = 10.0
    anchor: float = 0.36  # share of the width that lies behind the camera's point
    camera: Camera | None = None

    def __post_init__(self) -> None:
        if not 64 <= self.width_px <= MOST_PX or not HUD_PX + 64 <= self.height_px <= MOST_PX:
            raise InputError(f"a picture has 64 x {HUD_PX + 64} to {MOST_PX} x {MOST_PX} pixels, "
                             f"not {self.width_px} x {self.height_px}")
        if not self.px_per_m > 0:
            raise InputError(f"px_per_m must be positive, got {self.px_per_m}")


def cameras_along(road: Road, position_m: np.ndarray,
                  heading_rad: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Camera points (..., 2) and headings (...) for a car at (..., 2): along its lane, in the road's middle.

    Standing in the middle of the lanes, not on the car, keeps the road still while the car changes lane.
    """
    lane = road.nearest_lane(position_m, heading_rad)
    frame = road.lane_frame(position_m, lane)
    aside = np.array([road.lanes_aside(number) for number in range(len(road.lanes))])[lane]
    width = np.array([item.width_m for item in road.lanes])[lane]
    shift = (aside[..., 1] - aside[..., 0]) / 2 * width - frame.d_m
    right = np.stack((-np.sin(frame.heading_rad), np.cos(frame.heading_rad)), axis=-1)
    return np.asarray(position_m, np.float64) + shift[..., None] * right, frame.heading_rad


def draw_scene(scene: Scene, view: View | None = None, overlay: Overlay | None = None) -> np.ndarray:
    """One picture of a scene; (height, width, 3) uint8, RGB."""
    view, overlay = view or View(), overlay or Overlay()
    stage = _Stage(view, view.camera or _camera_on(scene))
    _draw_road(stage, scene.road)
    _draw_attention(stage, scene, overlay)
    if overlay.path_m is not None:
        _draw_path(stage, overlay.path_m)
    for agent in range(len(scene.agent_id)):
        _draw_agent(stage, scene, agent)
    picture = stage.finished()
    _label_attention(picture, stage, scene, overlay)
    draw_hud(picture, overlay, _speed_of(scene))
    return np.ascontiguousarray(pygame.surfarray.array3d(picture).transpose(1, 0, 2))


class _Stage:
    """A large surface and the way from metres to its pixels."""

    def __init__(self, view: View, camera: Camera) -> None:
        self.size = (view.width_px, view.height_px - HUD_PX)
        self.scale = view.px_per_m * SUPERSAMPLE
        self.canvas = pygame.Surface((self.size[0] * SUPERSAMPLE, self.size[1] * SUPERSAMPLE), depth=32)
        self.canvas.fill(GROUND)
        self.center_m = np.asarray(camera.center_m, np.float64)
        cosine, sine = np.cos(camera.heading_rad), np.sin(camera.heading_rad)
        self.turn = np.array([[cosine, -sine], [sine, cosine]])  # row vectors: world -> along, aside
        self.anchor_px = np.array([self.size[0] * view.anchor, self.size[1] / 2]) * SUPERSAMPLE
        farthest = np.maximum(self.anchor_px, np.array(self.canvas.get_size()) - self.anchor_px)
        self.reach_m = float(np.hypot(*farthest)) / self.scale + 10

    def px(self, points_m: np.ndarray) -> np.ndarray:
        """World points (..., 2) in whole pixels of the large surface; pygame itself would cut, not round."""
        turned = (np.asarray(points_m, np.float64) - self.center_m) @ self.turn
        return np.asarray(np.round(turned * self.scale + self.anchor_px))

    def sees(self, position_m: np.ndarray) -> bool:
        return float(np.hypot(*(position_m - self.center_m))) < self.reach_m

    def finished(self) -> pygame.Surface:
        """The picture at its own size, with room for the heads-up display on top."""
        picture = pygame.Surface((self.size[0], self.size[1] + HUD_PX), depth=32)
        picture.blit(pygame.transform.smoothscale(self.canvas, self.size), (0, HUD_PX))
        return picture


def _camera_on(scene: Scene) -> Camera:
    """Over the ego, or the agent nearest to the middle of all; over the road's start where there is none."""
    if not len(scene.agent_id):
        start = scene.road.lanes[0].center_m
        step = start[1] - start[0]
        return Camera((float(start[0, 0]), float(start[0, 1])), float(np.arctan2(step[1], step[0])))
    middle = scene.position_m.mean(0)
    agent = scene.ego if scene.ego is not None else int(np.hypot(*(scene.position_m - middle).T).argmin())
    center, heading = cameras_along(scene.road, scene.position_m[agent], scene.heading_rad[agent])
    return Camera((float(center[0]), float(center[1])), float(heading))


def _speed_of(scene: Scene) -> float | None:
    return float(scene.speed_mps[scene.ego]) if scene.ego is not None else None


def _draw_road(stage: _Stage, road: Road) -> None:
    for lane in road.lanes:
        piece = pieces_near(np.asarray(lane.center_m), stage.center_m, stage.reach_m + lane.width_m)
        _strip(stage, ASPHALT, np.stack(piece[:2], axis=1), lane.width_m)
        if len(lane.center_m) > 2:  # round joints close the wedges between a bend's pieces
            for joint in stage.px(piece.start_m):
                pygame.draw.circle(stage.canvas, ASPHALT, joint.tolist(), lane.width_m / 2 * stage.scale)
    for style, points in markings(road):
        piece = pieces_near(points, stage.center_m, stage.reach_m)
        segments = dashes(piece) if style == "divider" else np.stack(piece[:2], axis=1)
        width = max(0.18, 2 * SUPERSAMPLE / stage.scale)  # at least two pixels, lest bends look hatched
        _strip(stage, YELLOW if style == "opposing" else PAINT, segments, width)


def _strip(stage: _Stage, colour: Colour, segments_m: np.ndarray, width_m: float) -> None:
    """Segments (N, 2 ends, 2) as bars of one width."""
    if not len(segments_m):
        return
    step = segments_m[:, 1] - segments_m[:, 0]
    normal = np.stack((-step[:, 1], step[:, 0]), axis=-1) / np.hypot(*step.T)[:, None] * width_m / 2
    corners = np.stack((segments_m[:, 0] - normal, segments_m[:, 1] - normal,
                        segments_m[:, 1] + normal, segments_m[:, 0] + normal), axis=1)
    for corner in stage.px(corners):
        pygame.draw.polygon(stage.canvas, colour, corner.tolist())


def _draw_agent(stage: _Stage, scene: Scene, agent: int) -> None:
    if not stage.sees(scene.position_m[agent]):
        return
    length, width = (float(side) for side in scene.size_m[agent])
    for colour, outline in vehicle(KINDS[int(scene.kind[agent])], length, width, ego=agent == scene.ego,
                                   crashed=bool(scene.crashed[agent])):
        pygame.draw.polygon(stage.canvas, colour, stage.px(_placed(outline, scene, agent)).tolist())


def _placed(outline_m: np.ndarray, scene: Scene, agent: int) -> np.ndarray:
    """An outline in an agent's body frame (K, 2) where the agent is in the world."""
    heading = float(scene.heading_rad[agent])
    forward = np.array([np.cos(heading), np.sin(heading)])
    right = np.array([-np.sin(heading), np.cos(heading)])
    return np.asarray(outline_m @ np.stack((forward, right)) + scene.position_m[agent])


def _draw_path(stage: _Stage, path_m: np.ndarray) -> None:
    """A predicted path (K, 2): a ribbon that fades with time."""
    layer = pygame.Surface(stage.canvas.get_size(), pygame.SRCALPHA, 32)
    points, radius = stage.px(path_m), 0.2 * stage.scale
    for number in range(len(points) - 1, 0, -1):
        colour = (*PATH, int(220 * (1 - number / (len(points) + 1))))
        start, stop = points[number - 1].tolist(), points[number].tolist()
        pygame.draw.line(layer, colour, start, stop, round(2 * radius))
        pygame.draw.circle(layer, colour, points[number].tolist(), radius)
    stage.canvas.blit(layer, (0, 0))


def _draw_attention(stage: _Stage, scene: Scene, overlay: Overlay) -> None:
    """A halo about each neighbour, and a line to it from the ego, as strong as the weight given to it."""
    if overlay.attention is None or scene.ego is None:
        return
    weight = np.clip(np.asarray(overlay.attention, np.float64), 0, 1)
    if not weight.max(initial=0) > 0:
        return
    layer = pygame.Surface(stage.canvas.get_size(), pygame.SRCALPHA, 32)
    start = stage.px(scene.position_m[scene.ego]).tolist()
    for agent in np.argsort(weight):
        share = float(weight[agent] / weight.max())
        if agent == scene.ego or weight[agent] < LEAST_WEIGHT or not stage.sees(scene.position_m[agent]):
            continue
        place, thick = stage.px(scene.position_m[agent]).tolist(), round((0.08 + 0.2 * share) * stage.scale)
        pygame.draw.line(layer, (*GAZE, int(40 + 150 * share)), start, place, thick)
        margin = 0.5 + 0.7 * share
        length, width = (float(side) + 2 * margin for side in scene.size_m[agent])
        halo = stage.px(_placed(rounded_box(length, width, margin + 0.3), scene, agent)).tolist()
        pygame.draw.polygon(layer, (*GAZE, int(30 + 90 * share)), halo)
        pygame.draw.polygon(layer, (*GAZE, int(70 + 170 * share)), halo, max(2, thick // 2))
    stage.canvas.blit(layer, (0, 0))


def _label_attention(picture: pygame.Surface, stage: _Stage, scene: Scene, overlay: Overlay) -> None:
    """Percent beside the neighbours that matter most."""
    if overlay.attention is None or scene.ego is None:
        return
    for agent in np.argsort(overlay.attention)[::-1][:LABELS]:
        if agent == scene.ego or overlay.attention[agent] < LABEL_WEIGHT:
            continue
        x, y = stage.px(scene.position_m[agent]) / SUPERSAMPLE
        below = float(scene.size_m[agent].min()) * 0.5 * stage.scale / SUPERSAMPLE + 18
        if 20 <= x < stage.size[0] - 20 and 0 <= y < stage.size[1]:
            plate = pygame.Rect(int(x) - 18, int(y + HUD_PX + below) - 12, 36, 16)
            pygame.draw.rect(picture, GROUND, plate, border_radius=4)
            text(picture, (plate.x + 5, plate.y + 12), f"{overlay.attention[agent]:.0%}", 12, GAZE)
