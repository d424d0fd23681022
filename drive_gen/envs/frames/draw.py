"""Scene -> Frame."""

from __future__ import annotations

import numpy as np

from drive_gen.envs.episode import Scene
from drive_gen.envs.files import InputError
from drive_gen.envs.frames.bodies import (
    bodies_from,
    boxes_from_above,
    boxes_from_inside,
    paint_from_above,
    paint_from_inside,
)
from drive_gen.envs.frames.colours import body_colours, colour
from drive_gen.envs.frames.frame import BACKGROUND, MARKING, NOBODY, ROAD, Frame, heights_m, labels_of
from drive_gen.envs.frames.ground import ground_of, look_down
from drive_gen.envs.frames.jit import compiled
from drive_gen.envs.frames.looks import NATIVE, Look
from drive_gen.envs.frames.views import BirdView, Pose, View, snapped

OF_GROUND = np.array([BACKGROUND, BACKGROUND, ROAD, MARKING, MARKING], np.uint8)  # class of each material


def draw_frame(scene: Scene, view: View, look: Look = NATIVE, agent: int | None = None) -> Frame:
    """One picture with labels about the ego, or about the agent numbered: it is painted as the ego."""
    followed = _followed(scene, agent)
    label = labels_of(scene, followed)
    pose = _pose(scene, view, followed)
    bodies = bodies_from(pose, scene.position_m, scene.heading_rad, scene.size_m, heights_m(label))
    if isinstance(view, BirdView):
        box, depth = boxes_from_above(bodies, view), np.zeros(len(label))
        order = np.argsort(np.arange(len(label)) == followed, kind="stable")  # the ego over what it hits
    else:
        box, depth = boxes_from_inside(bodies, view)
        order = np.argsort(-depth, kind="stable")  # NaN, behind the camera, goes last
    clipped = np.clip(box, 0, np.tile(view.shape[::-1], 2))
    with np.errstate(invalid="ignore"):
        order = order[(clipped[order, :2] < clipped[order, 2:]).all(-1)]
    box, chosen = clipped[order], bodies.only(order)
    rays = view.rays()
    slot, part = (paint_from_above(chosen, rays, box) if isinstance(view, BirdView)
                  else paint_from_inside(chosen, view, box))
    material, grain = look_down(ground_of(scene.road), rays, pose)
    paint = body_colours(look, label[order], scene.agent_id[order], scene.crashed[order])
    ids = np.append(scene.agent_id[order], NOBODY).astype(np.int64)  # the last is of slot -1, nobody
    area = np.zeros(len(ids), np.int64)
    mask, instance = _labelled(slot, material, label[order], ids, area)
    return Frame(
        rgb=colour(look, material, grain, slot, part, rays.light, paint),
        mask=mask, instance=instance, agent_id=ids[:-1], label=label[order], box_px=box, depth_m=depth[order],
        area_px=area[:-1])


@compiled
def _labelled(slot: np.ndarray, material: np.ndarray, label: np.ndarray, ids: np.ndarray,
              area: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Class and agent's id of each pixel; `area` counts the pixels of each."""
    mask, instance = np.empty(slot.shape, np.uint8), np.empty(slot.shape, np.int64)
    for row in range(slot.shape[0]):
        for column in range(slot.shape[1]):
            body = slot[row, column]
            area[body] += 1
            instance[row, column] = ids[body]
            mask[row, column] = label[body] if body >= 0 else OF_GROUND[material[row, column]]
    return mask, instance


def _followed(scene: Scene, agent: int | None) -> int:
    followed = scene.ego if agent is None else agent
    if followed is None:
        raise InputError("the scene has no ego to draw a frame about; give the number of an agent")
    if not 0 <= followed < len(scene.agent_id):
        raise InputError(f"the scene has agents 0 to {len(scene.agent_id) - 1}, no {followed}")
    if not (np.isfinite(scene.position_m).all() and np.isfinite(scene.heading_rad).all()):
        raise InputError("the scene has an agent whose position or heading is NaN or infinite")
    return followed


def _pose(scene: Scene, view: View, agent: int) -> Pose:
    """Where the view's point is: the ego's centre, or below the camera."""
    heading = float(scene.heading_rad[agent])
    cosine, sine = float(snapped(np.cos(heading))), float(snapped(np.sin(heading)))
    ahead = 0.0 if isinstance(view, BirdView) else float(scene.size_m[agent, 0]) / 2 - view.setback_m
    x, y = (float(value) for value in scene.position_m[agent])
    return Pose(x + ahead * cosine, y + ahead * sine, (cosine, sine))
