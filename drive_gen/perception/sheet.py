"""A contact sheet of clips that were found: each from above at its start, with rank, score and what holds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from drive_gen.envs.frames.draw import draw_frame
from drive_gen.envs.frames.views import BirdView
from drive_gen.perception.search import Found

COLUMNS, WIDTH_PX, HEIGHT_PX, LINE_PX, MARGIN_PX = 6, 160, 320, 17, 8
VIEW = BirdView(HEIGHT_PX, 0.4, 0.5)
PAPER, INK, DIM, RIGHT, WRONG = (250, 250, 248), (25, 28, 32), (110, 116, 122), (28, 120, 60), (176, 42, 42)


def draw_sheet(text: str, found: Sequence[Found]) -> np.ndarray:
    """(H, W, 3) uint8."""
    lines = 2 + max((len(_told(one)) for one in found), default=0)
    cell = (WIDTH_PX + MARGIN_PX, HEIGHT_PX + lines * LINE_PX + MARGIN_PX)
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
    aside = (HEIGHT_PX - WIDTH_PX) // 2
    seen = draw_frame(one.clip.scene(0), VIEW).rgb[:, aside : aside + WIDTH_PX]
    sheet.paste(Image.fromarray(seen), (left, top))
    name = one.row.group if one.row.seed is None or str(one.row.seed) in one.row.group else (
        f"{one.row.group}, seed {one.row.seed}")
    pen.text((left, top + HEIGHT_PX), f"{rank}.  {one.score:.2f}", INK, font=_font(13))
    pen.text((left, top + HEIGHT_PX + LINE_PX), f"{name[-20:]} at {one.start_s:g} s", DIM, font=_font(11))
    for number, (words, holds) in enumerate(_told(one), 2):
        colour = RIGHT if holds else WRONG
        pen.text((left, top + HEIGHT_PX + number * LINE_PX), words, colour, font=_font(11))


def _told(one: Found) -> list[tuple[str, bool]]:
    """A line a slot."""
    return [(f"{'yes' if holds else 'no'}: {slot} {one.said.get(slot, '')}", holds)
            for slot, holds in one.holds.items()]


def _readable(text: str) -> str:
    """What the font has letters for."""
    plain = "".join(letter if ord(letter) < 256 else "?" for letter in text)
    return "" if plain.count("?") > len(text) / 4 else plain


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Pillow's own font, so that no machine's fonts change a picture."""
    return ImageFont.load_default(size)
