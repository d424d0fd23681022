"""Frame: a picture of a scene with what is known of each pixel; the classes and the agents' heights."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from drive_gen.envs.episode import KINDS, Scene
from drive_gen.envs.sprites import TRUCK_LENGTH_M

CLASSES = ("background", "road", "marking", "ego", "car", "truck")
BACKGROUND, ROAD, MARKING, EGO, CAR, TRUCK = range(len(CLASSES))
CAR_HEIGHT_M, TRUCK_HEIGHT_M, BONNET_M = 1.5, 3.3, 0.65
NOBODY = -1  # of `Frame.instance`, where no agent is


@dataclass(frozen=True, eq=False)
class Frame:
    """A picture of S x S pixels and its labels; the n agents in it in a painter's order, the farthest first.

    Boxes are of the whole body, hidden parts too, clipped to the picture; pixel (row, column) covers
    [column, column + 1) x [row, row + 1). Labels tell what is at a pixel's centre.
    """

    rgb: np.ndarray  # (S, S, 3) uint8
    mask: np.ndarray  # (S, S) uint8, a place in CLASSES
    instance: np.ndarray  # (S, S) int64, agent id or NOBODY
    agent_id: np.ndarray  # (n,) int64
    label: np.ndarray  # (n,) uint8, EGO, CAR or TRUCK
    box_px: np.ndarray  # (n, 4) float64: left, top, right, bottom
    depth_m: np.ndarray  # (n,) float64 to the nearest corner along the camera's axis; 0 from above
    area_px: np.ndarray  # (n,) int64, pixels seen; 0 where others hide it


def labels_of(scene: Scene, followed: int) -> np.ndarray:
    """Class of each agent, (N,) uint8: all that is no truck and can be hit is a "car".

    Logs and highway-env call long cars "car" too; as in the larger pictures these are trucks.
    """
    car = KINDS.index("car")
    long = (scene.kind == car) & (scene.size_m[:, 0] > TRUCK_LENGTH_M)
    label = np.where((scene.kind == KINDS.index("truck")) | long, TRUCK, CAR).astype(np.uint8)
    label[followed] = EGO
    return label


def heights_m(label: np.ndarray) -> np.ndarray:
    """Heights of bodies by their class, (N,) float64; of the ego only the bonnet is before the camera."""
    return np.asarray(np.array([0, 0, 0, BONNET_M, CAR_HEIGHT_M, TRUCK_HEIGHT_M])[label])
