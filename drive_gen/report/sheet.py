"""A contact sheet: scenes side by side, a picture each."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from drive_gen.envs.episode import Scene
from drive_gen.envs.files import replacing
from drive_gen.envs.hud import HUD_PX
from drive_gen.envs.render import View, draw_scene

ACROSS, GAP_PX = 4, 4
TILE = View(width_px=320, height_px=HUD_PX + 110, px_per_m=2.5)


def draw_sheet(scenes: Sequence[Scene], path: Path) -> None:
    """Write scenes, left to right and top to bottom, as a PNG."""
    tiles = [np.pad(draw_scene(scene, TILE)[HUD_PX:], ((0, GAP_PX), (0, GAP_PX), (0, 0)), constant_values=255)
             for scene in scenes]
    blank = np.full_like(tiles[0], 255)
    tiles += [blank] * (-len(tiles) % ACROSS)
    rows = [np.concatenate(tiles[start : start + ACROSS], 1) for start in range(0, len(tiles), ACROSS)]
    with replacing(path) as temporary:
        Image.fromarray(np.concatenate(rows)).quantize(128).save(temporary, optimize=True)
