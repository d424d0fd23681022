"""Which car is in which patch of a picture from above, and how it moves: what dense learning of a ViT asks."""

from __future__ import annotations

import numpy as np

from drive_gen.envs.episode import Scene
from drive_gen.envs.frames.views import BirdView

FACTS = 5  # of a cell: a car's centre is in it; how far ahead and right of the cell's middle; velocity likewise
SPEED_MPS = 10.0  # velocities are in these


def cells_of(scene: Scene, view: BirdView, patch_px: tuple[int, int]) -> np.ndarray:
    """Facts of each patch, (rows, columns, FACTS) float16.

    Distances are in sides of the cell, velocities relative to the ego's, both as the ego is headed. Of two
    cars in a cell one is told; the ego is in none.
    """
    ego = scene.ego or 0
    shape = view.shape[0] // patch_px[0], view.shape[1] // patch_px[1]
    found = np.zeros((*shape, FACTS), np.float16)
    others = np.arange(len(scene.agent_id)) != ego
    heading = float(scene.heading_rad[ego])
    turn = np.array([[np.cos(heading), np.sin(heading)], [-np.sin(heading), np.cos(heading)]])  # ahead, right
    place_px = (scene.position_m[others] - scene.position_m[ego]) @ turn.T / view.m_per_px
    facing = np.stack((np.cos(scene.heading_rad), np.sin(scene.heading_rad)), -1)
    velocity = scene.speed_mps[:, None] * facing
    moving = (velocity[others] - velocity[ego]) @ turn.T / SPEED_MPS
    column, row = view.center_px
    down = (row - place_px[:, 0]) / patch_px[0]  # from the picture's corner, in cells
    along = (column + place_px[:, 1]) / patch_px[1]
    seen = (down >= 0) & (down < shape[0]) & (along >= 0) & (along < shape[1])
    rows, columns = down[seen].astype(int), along[seen].astype(int)
    ahead, right = rows + 0.5 - down[seen], along[seen] - columns - 0.5
    found[rows, columns] = np.stack((np.ones(len(rows)), ahead, right, *moving[seen].T), -1)
    return found
