"""What a picture is begun with: another picture, a scenario, or the first scene of a store."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from drive_gen.data.store import iterate_episodes
from drive_gen.envs.episode import Scene
from drive_gen.envs.files import InputError
from drive_gen.envs.scenario import Scenario
from drive_gen.imagine.raster import HEIGHT_PX, WIDTH_PX, raster_of
from drive_gen.perception.photos import read_photo


def begin_picture(path: Path) -> np.ndarray:
    """The picture (96, 32, 3) uint8 that a path means."""
    if path.is_dir():
        return raster_of(_first_scene(path))
    if path.suffix.lower() in (".yaml", ".yml"):
        return raster_of(Scenario.read(path).to_scene())
    picture = read_photo(path)
    if picture.shape[:2] != (HEIGHT_PX, WIDTH_PX):
        raise InputError(
            f"{path} is {picture.shape[1]} x {picture.shape[0]}; expected a picture of {WIDTH_PX} x "
            f"{HEIGHT_PX} pixels as `drive-gen imagine` writes them (picture.png), a scenario.yaml "
            "or an episode store"
        )
    return picture


def _first_scene(folder: Path) -> Scene:
    for episode in iterate_episodes(folder):
        return episode.scene(0)
    raise InputError(f"the store {folder} holds no episode")
