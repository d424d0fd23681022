"""Scenes made harder to learn from: more bodies near the camera, at any angle, and a camera turned.

Simulated cars are few pixels (.3 %) and nearly all of them head where the ego does; a roundabout's do not.
Labels stay exact, as frames are drawn after the change.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from drive_gen.envs.episode import KINDS, Scene
from drive_gen.envs.frames.scenes import CARS_M, TRUCKS_M
from drive_gen.envs.geometry import overlaps

MOST, REACH_M = 14, 26.0  # bodies put in; how far from the ego's centre, along and across
TRUCKS, SQUARES = 0.35, 0.1  # shares of them; squares are what highway-env calls obstacles
SQUARE_M = ((1.6, 2.4), (1.6, 2.4))
STRAIGHT = 0.4  # share of them, and of egos, that head along the ego's first heading, or against it


def crowded(scene: Scene, followed: int, draws: np.random.Generator, piled: float = 0.0) -> Scene:
    """The scene with bodies about the agent followed; it may be turned too.

    None touches another, but in a share `piled` of the scenes, where half of them are wrecks.
    """
    turned = scene.heading_rad.copy()
    if draws.random() > STRAIGHT:
        turned[followed] += draws.uniform(-np.pi, np.pi)
    scene = replace(scene, heading_rad=turned)
    count = int(draws.integers(1, MOST + 1))
    size_m, truck = _sizes(count, draws)
    heading = float(scene.heading_rad[followed]) + draws.integers(2, size=count) * np.pi
    heading = np.where(draws.random(count) < STRAIGHT, heading, draws.uniform(-np.pi, np.pi, count))
    place = scene.position_m[followed] + draws.uniform(-REACH_M, REACH_M, (count, 2))
    pile = piled > 0 and draws.random() < piled
    free = np.ones(count, bool) if pile else _free(scene, place, heading, size_m)
    number = scene.agent_id.max() + 1 + np.arange(count) + draws.integers(1000)  # picks the paint

    def joined(own: np.ndarray, more: np.ndarray) -> np.ndarray:
        return np.concatenate((own, more[free])).astype(own.dtype)

    kind = np.where(truck, KINDS.index("truck"), KINDS.index("car"))
    return replace(scene, position_m=joined(scene.position_m, place),
                   heading_rad=joined(scene.heading_rad, heading),
                   speed_mps=joined(scene.speed_mps, np.zeros(count)), size_m=joined(scene.size_m, size_m),
                   crashed=joined(scene.crashed, draws.random(count) < (0.5 if pile else 0.1)),
                   agent_id=joined(scene.agent_id, number), kind=joined(scene.kind, kind))


def _sizes(count: int, draws: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Lengths and widths (n, 2) of cars, trucks and squares, and which are trucks (n,)."""
    what = draws.random(count)
    ranges = np.where((what < TRUCKS)[:, None, None], np.array(TRUCKS_M), np.array(CARS_M))
    ranges = np.where((what > 1 - SQUARES)[:, None, None], np.array(SQUARE_M), ranges)  # (n, 2, low and high)
    return draws.uniform(ranges[..., 0], ranges[..., 1]), what < TRUCKS


def _free(scene: Scene, place_m: np.ndarray, heading_rad: np.ndarray, size_m: np.ndarray) -> np.ndarray:
    """Which of the bodies (n,) touch neither the scene's nor one before them."""
    boxes = [np.concatenate(pair) for pair in ((scene.position_m, place_m), (scene.heading_rad, heading_rad),
                                               (scene.size_m, size_m))]
    first = len(scene.agent_id)
    position, heading, size = boxes
    touch = overlaps(position[first:, None], heading[first:, None], size[first:, None],
                     position[None], heading[None], size[None])  # (n, N + n)
    kept = np.ones(len(position), bool)
    for number in range(len(place_m)):
        kept[first + number] = not (touch[number, : first + number] & kept[: first + number]).any()
    return kept[first:]
