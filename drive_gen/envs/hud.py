"""What is said beside a picture of the road: time, speed, action, asked and achieved returns."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from drive_gen.envs.quiet_pygame import pygame

HUD_PX = 64
SPEED_TOP_MPS = 40.0
PANEL, LINE, BRIGHT, DIM = (15, 18, 20), (44, 51, 57), (240, 244, 248), (150, 161, 172)
TRACK, BLUE, AMBER = (44, 51, 57), (64, 190, 255), (255, 196, 87)

Colour = tuple[int, int, int]


@dataclass(frozen=True, eq=False)
class Overlay:
    """What is known beyond the scene itself; what is None or empty is not drawn."""

    time_s: float | None = None
    driver: str = ""
    action: str = ""
    path_m: np.ndarray | None = None  # (K, 2) world points of the predicted path
    attention: np.ndarray | None = None  # (N,) weight of each of the scene's agents, 0 to 1
    returns: tuple[tuple[str, float | None, float | None], ...] = ()  # component, asked, achieved; 0 to 1
    note: str = ""  # a word in red at the right, such as CRASH


@lru_cache(maxsize=8)
def _font(size_px: int) -> pygame.freetype.Font:
    """pygame's own font, so that no machine's fonts change a picture."""
    if not pygame.freetype.get_init():
        pygame.freetype.init()
    return pygame.freetype.Font(None, size_px)


def text(picture: pygame.Surface, place_px: tuple[float, float], words: str, size_px: int,
         colour: Colour = BRIGHT) -> int:
    """Set one line whose baseline starts at a place; returns its width in pixels."""
    font = _font(size_px)
    font.origin = True
    box = font.render_to(picture, (int(place_px[0]), int(place_px[1])), words, colour)
    return int(box.width)


def draw_hud(picture: pygame.Surface, overlay: Overlay, speed_mps: float | None) -> None:
    """Fill the strip on top of a picture; fields that find no room are left out, from the right."""
    width = picture.get_width()
    pygame.draw.rect(picture, PANEL, (0, 0, width, HUD_PX))
    pygame.draw.line(picture, LINE, (0, HUD_PX - 1), (width, HUD_PX - 1))
    left = 20
    for field in (_time, _speed, _action, _returns):
        left = field(picture, left, overlay, speed_mps)
    if overlay.note:
        size = _font(20).get_rect(overlay.note).width
        text(picture, (width - size - 24, 40), overlay.note, 20, (255, 107, 107))


def _time(picture: pygame.Surface, left: int, overlay: Overlay, speed_mps: float | None) -> int:
    if overlay.time_s is None and not overlay.driver:
        return left
    text(picture, (left, 24), overlay.driver[:16] or "time", 13, DIM)
    if overlay.time_s is not None:
        text(picture, (left, 50), f"{overlay.time_s:.1f} s", 22)
    return left + 140


def _speed(picture: pygame.Surface, left: int, overlay: Overlay, speed_mps: float | None) -> int:
    if speed_mps is None or left + 200 > picture.get_width():
        return left
    text(picture, (left, 24), f"speed   {speed_mps * 3.6:.0f} km/h", 13, DIM)
    text(picture, (left, 50), f"{speed_mps:.1f}", 22)
    text(picture, (left + 52, 50), "m/s", 13, DIM)
    _bar(picture, (left + 88, 40, 96, 8), min(max(speed_mps / SPEED_TOP_MPS, 0), 1), BLUE)
    return left + 220


def _action(picture: pygame.Surface, left: int, overlay: Overlay, speed_mps: float | None) -> int:
    if not overlay.action or left + 150 > picture.get_width():
        return left
    text(picture, (left, 24), "action", 13, DIM)
    text(picture, (left, 50), overlay.action.replace("_", " "), 20)
    return left + 190


def _returns(picture: pygame.Surface, left: int, overlay: Overlay, speed_mps: float | None) -> int:
    """One bar a component: filled as far as achieved, with a tick at what was asked for."""
    for name, asked, achieved in overlay.returns:
        if left + 150 > picture.get_width():
            return left
        pair = (("asked", asked), ("got", achieved))
        said = "  ".join(f"{word} {value:.2f}" for word, value in pair if value is not None)
        text(picture, (left, 24), name, 13, DIM)
        _bar(picture, (left, 32, 132, 7), min(max(achieved or 0.0, 0), 1), BLUE)
        if asked is not None:
            place = left + round(132 * min(max(asked, 0), 1))
            pygame.draw.rect(picture, AMBER, (place - 1, 29, 3, 13))
        text(picture, (left, 54), said, 12, BRIGHT)
        left += 160
    return left


def _bar(picture: pygame.Surface, box: tuple[int, int, int, int], share: float, colour: Colour) -> None:
    x, y, width, height = box
    pygame.draw.rect(picture, TRACK, box, border_radius=height // 2)
    if share > 0:
        pygame.draw.rect(picture, colour, (x, y, max(height, round(width * share)), height),
                         border_radius=height // 2)
