"""Whether a program can be driven: it makes a world, nobody in it overlaps, and it goes on for 10 s."""

from __future__ import annotations

import numpy as np

from drive_gen.envs.episode import Scene
from drive_gen.envs.files import InputError
from drive_gen.envs.geometry import overlaps
from drive_gen.language.play import play
from drive_gen.language.program import read_program

DRIVEN_S = 10.0


def why_not(text: str) -> str:
    """What keeps a program from being driven; nothing where it runs."""
    try:
        scenario = read_program(text).scenario()
    except InputError as error:
        return str(error)
    if overlapping(scenario.to_scene()):
        return "two agents overlap at the start"
    episode = play(scenario, DRIVEN_S)
    return "" if np.isfinite(episode.position_m).all() else "it leaves all bounds"


def overlapping(scene: Scene) -> bool:
    """Whether two bodies of a scene touch."""
    position, heading, size = (np.asarray(each, np.float64) for each in (scene.position_m, scene.heading_rad,
                                                                         scene.size_m))
    touching = overlaps(position[:, None], heading[:, None], size[:, None], position[None], heading[None],
                        size[None])
    np.fill_diagonal(touching, False)
    return bool(touching.any())
