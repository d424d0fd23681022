"""A contact sheet of clips that were found: each from above at its start, with rank, score and what holds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from drive_gen.envs.frames.draw import draw_frame
from drive_gen.envs.frames.views import BirdView
from drive_gen.perception.search import Found

COLUMNS, PICTURE_PX, LINE_PX, MARGIN_PX = 4, 240, 17, 8
VIEW = BirdView(PICTURE_PX, 0.35, 0.5)
PAPER, INK, DIM, RIGHT, WRONG = (250, 250, 248), (25, 28, 32), (110, 116, 122), (28, 120, 60), (176, 42, 42)


def draw_sheet(text: str, found: Sequence[Found]) -> np.ndarray:
    """(H, W, 3) uint8."""
    lines = 2 + max((len(_told(one)) for one in found), default=0)
    cell = (PICTURE_PX + MARGIN_PX, PICTURE_PX + lines * LINE_PX + MARGIN_PX)
    columns = min(COLUMNS, len(found))
    height = 2 * LINE_PX + MARGIN_PX + -(-len(found) // columns) * cell[1]
    sheet = Image.new("RGB", (columns * cell[0] + MARGIN_PX, height), PAPER)
    pen = ImageDraw.Draw(sheet)
    pen.text((MARGIN_PX, MARGIN_PX), _readable(text), INK, font=_font(15))
    for number, one in enumerate(found):
        left = MARGIN_PX + number % columns * cell[0]
        top = 2 * LINE_PX + MARGIN_PX + number // columns * cell[1]
        _draw_one(sheet, pen, (left, top), number + 1, one)
    return np.asarray(sheet)


def _draw_one(sheet: Image.Image, pen: ImageDraw.ImageDraw, place: tuple[int, int], rank: int, one: Found
              ) -> None:
    left, top = place
    look_at = Image.fromarray(draw_frame(one.clip.scene(0), VIEW).rgb)
    sheet.paste(look_at, (left, top))
    name = one.row.group if one.row.seed is None or str(one.row.seed) in one.row.group else (
        f"{one.row.group}, seed {one.row.seed}")
    pen.text((left, top + PICTURE_PX), f"{rank}.  {one.score:.2f}", INK, font=_font(13))
    pen.text((left, top + PICTURE_PX + LINE_PX), f"{name[-28:]} at {one.start_s:g} s", DIM, font=_font(11))
    for number, (words, holds) in enumerate(_told(one), 2):
        colour = RIGHT if holds else WRONG
        pen.text((left, top + PICTURE_PX + number * LINE_PX), words, colour, font=_font(11))


def _told(one: Found) -> list[tuple[str, bool]]:
    """A line a slot."""
    return [(f"{'yes' if holds else 'no'}: {slot}", holds) for slot, holds in one.holds.items()]


def _readable(text: str) -> str:
    """What the font has letters for."""
    plain = "".join(letter if ord(letter) < 256 else "?" for letter in text)
    return "" if plain.count("?") > len(text) / 4 else plain


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Pillow's own font, so that no machine's fonts change a picture."""
    return ImageFont.load_default(size)
