"""What a picture's light, colours and weather are; never what is in it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from drive_gen.envs.files import InputError

Colour = tuple[int, int, int]
# Of body and glass; cars take the paint that their id picks.
PAINTS: tuple[Colour, ...] = ((186, 190, 196), (232, 232, 228), (44, 47, 54), (150, 36, 40), (38, 70, 130),
                              (110, 118, 112), (196, 150, 60), (84, 40, 84))
BOXES: tuple[Colour, ...] = ((205, 208, 206), (60, 100, 160), (170, 110, 50), (60, 110, 80))  # of trucks
EFFECTS = ("palette", "night", "rain", "blur", "texture", "noise")
LEAST_CONTRAST = 36  # between paint, road and ground, lest no eye could tell them apart


@dataclass(frozen=True)
class Look:
    """Colours of everything, and how strong each effect is, from 0 to 1."""

    sky: Colour = (150, 180, 214)
    ground: Colour = (96, 122, 78)
    road: Colour = (82, 84, 90)
    white: Colour = (228, 230, 226)
    yellow: Colour = (226, 182, 70)
    ego: Colour = (64, 190, 255)
    glass: Colour = (30, 36, 46)
    paints: tuple[Colour, ...] = PAINTS
    boxes: tuple[Colour, ...] = BOXES
    night: float = 0.0
    rain: float = 0.0
    blur: float = 0.0
    texture: float = 0.15
    noise: float = 0.0
    seed: int = 0  # of noise and drops

    def __post_init__(self) -> None:
        for name in EFFECTS[1:]:
            if not 0 <= getattr(self, name) <= 1:
                raise InputError(f"Look.{name} is a strength from 0 to 1, got {getattr(self, name)}")


NATIVE = Look()


def draw_look(seed: int, strength: float, effects: tuple[str, ...] = EFFECTS) -> Look:
    """A look drawn by a seed: the native one at strength 0, any colours and weather at 1.

    The same seed draws the same look in other strengths, only stronger, and with other effects the same of
    those that remain.
    """
    if not 0 <= strength <= 1:
        raise InputError(f"a look's strength is from 0 to 1, got {strength}")
    if unknown := set(effects) - set(EFFECTS):
        raise InputError(f"unknown effect {sorted(unknown)[0]!r}; a look has: {', '.join(EFFECTS)}")
    children = np.random.SeedSequence([seed, *b"look"]).spawn(len(EFFECTS))
    draws = {name: np.random.default_rng(child) for name, child in zip(EFFECTS, children, strict=True)}
    look = _palette(draws["palette"], strength) if "palette" in effects else NATIVE
    for name in EFFECTS[1:]:
        share, size = draws[name].random(2)
        often = share < (0.7 if name in ("texture", "noise") else 0.4)
        if name in effects and often:
            look = replace(look, **{name: max(getattr(look, name), strength * float(size))})
    return replace(look, seed=seed)


def _palette(draw: np.random.Generator, strength: float) -> Look:
    """Colours about the native ones, paint and ground apart from the road."""
    def near(colour: Colour, spread: float) -> Colour:
        red, green, blue = np.clip(colour + draw.uniform(-spread, spread, 3) * strength, 0, 255).astype(int)
        return int(red), int(green), int(blue)

    road = near(NATIVE.road, 45)
    ground = near(NATIVE.ground, 70)
    white, yellow = near(NATIVE.white, 45), near(NATIVE.yellow, 40)
    paints = tuple(near(paint, 90) for paint in PAINTS)
    boxes = tuple(near(paint, 90) for paint in BOXES)
    return Look(near(NATIVE.sky, 90), _apart(ground, road), road, _apart(white, road), _apart(yellow, road),
                near(NATIVE.ego, 110), near(NATIVE.glass, 25), paints, boxes)


def _apart(colour: Colour, other: Colour) -> Colour:
    """The colour, moved away from another in its most different channel until they can be told apart."""
    gaps = [one - two for one, two in zip(colour, other, strict=True)]
    channel = int(np.argmax(np.abs(gaps)))
    if abs(gaps[channel]) >= LEAST_CONTRAST:
        return colour
    up = other[channel] + LEAST_CONTRAST <= 255 and (gaps[channel] >= 0 or other[channel] < LEAST_CONTRAST)
    moved = other[channel] + (LEAST_CONTRAST if up else -LEAST_CONTRAST)
    red, green, blue = (moved if place == channel else value for place, value in enumerate(colour))
    return red, green, blue
