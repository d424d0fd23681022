"""A sheet to look at: how a picture came out of the noise, all pictures drawn, and the scene chosen."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from drive_gen.envs.files import replacing
from drive_gen.envs.hud import HUD_PX
from drive_gen.envs.render import View, draw_scene
from drive_gen.imagine.draw import Drawn
from drive_gen.imagine.enact import Candidate
from drive_gen.imagine.raster import ACROSS_M, ALONG_M, HEIGHT_PX, WIDTH_PX

PX_PER_M, STAGES, MOST_SHOWN = 4, 4, 8
GAP_PX = 4
CHOSEN, REJECTED = (64, 190, 255), (235, 72, 77)  # of the bar beside a picture
WIDE, HIGH = round(HEIGHT_PX * ALONG_M * PX_PER_M), round(WIDTH_PX * ACROSS_M * PX_PER_M)


def lying(picture: np.ndarray) -> np.ndarray:
    """A picture (96, 32, 3) in true proportions, the road ahead to the right."""
    turned = np.ascontiguousarray(np.rot90(picture, -1))
    return np.asarray(Image.fromarray(turned).resize((WIDE, HIGH), Image.Resampling.NEAREST))


def write_strip(drawn: Drawn, candidates: list[Candidate], best: Candidate | None, path: Path) -> None:
    """From noise to the first picture; pictures, the chosen one among them; and the scene chosen.

    A blue bar stands beside the chosen picture, red ones beside those rejected.
    """
    places = np.unique(np.linspace(0, len(drawn.stages) - 1, STAGES).round().astype(int))
    rows = [_row(drawn.stages[place], None) for place in places]
    shown = candidates[:MOST_SHOWN]
    if best is not None and not any(each is best for each in shown):
        shown = [*shown[:-1], best]
    for candidate in shown:
        rows.append(
            _row(candidate.picture, CHOSEN if candidate is best else REJECTED if candidate.reason else None)
        )
    if best is not None and best.episode is not None:
        view = View(WIDE, HIGH + HUD_PX, px_per_m=PX_PER_M, anchor=0.5)
        rows.append(_framed(draw_scene(best.episode.scene(0), view)[HUD_PX:], CHOSEN))
    with replacing(path) as temporary:
        Image.fromarray(np.concatenate(rows)).save(temporary, "PNG", optimize=True)


def _row(picture: np.ndarray, colour: tuple[int, int, int] | None) -> np.ndarray:
    return _framed(lying(picture), colour)


def _framed(picture: np.ndarray, colour: tuple[int, int, int] | None) -> np.ndarray:
    """White about it, and a bar of a colour to the left."""
    framed = np.pad(picture, ((0, GAP_PX), (3 * GAP_PX, 0), (0, 0)), constant_values=255)
    if colour is not None:
        framed[:-GAP_PX, : 2 * GAP_PX] = colour
    return framed
