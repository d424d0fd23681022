"""From what is at each pixel to its colour, in whole numbers: the same bytes on every machine."""

from __future__ import annotations

import numpy as np

from drive_gen.envs.frames.bodies import BRIGHT, DARK, GLASS, HEADLIGHT, TAILLIGHT
from drive_gen.envs.frames.frame import EGO, TRUCK
from drive_gen.envs.frames.ground import SKY
from drive_gen.envs.frames.jit import compiled
from drive_gen.envs.frames.looks import Look

LAMP, REAR_LAMP, HAZE = (255, 246, 214), (214, 44, 40), (168, 174, 180)
PARTS = 6  # of a body
MOST_BLUR_PX = 2


def colour(look: Look, material: np.ndarray, grain: np.ndarray, slot: np.ndarray, part: np.ndarray,
           light: np.ndarray, bodies: np.ndarray) -> np.ndarray:
    """The picture (S, S, 3) uint8; `bodies` (n, PARTS, 3) are the colours of `body_colours`."""
    ground = np.array([look.sky, look.ground, look.road, look.white, look.yellow], np.int64)
    texture, night = np.round(np.array([look.texture, look.night]) * 256).astype(np.int64)
    rgb = np.empty((*slot.shape, 3), np.uint8)
    _colour(ground, bodies, material, grain, slot, part, light, texture, night, rgb)
    return weathered(rgb, look)


def weathered(rgb: np.ndarray, look: Look) -> np.ndarray:
    """A clear picture (S, S, 3) uint8 with its look's blur, rain and noise, which are the camera's."""
    rain, noise = np.round(np.array([look.rain, look.noise]) * 256).astype(np.int64)
    if look.blur > 0:
        rgb = _blurred(rgb, 8 * round(look.blur * MOST_BLUR_PX * 32))
    if rain or noise:
        _weather(rgb, rain, noise, look.seed % 2**32)
    return rgb


def body_colours(look: Look, label: np.ndarray, agent_id: np.ndarray, crashed: np.ndarray) -> np.ndarray:
    """(n, PARTS, 3) int64: an agent's paint is picked by its id, so it keeps it through an episode."""
    hashed = (agent_id.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(40)
    paints, boxes = np.array(look.paints), np.array(look.boxes)
    colours = paints[hashed % np.uint64(len(paints))]
    colours[label == TRUCK] = boxes[hashed % np.uint64(len(boxes))][label == TRUCK]
    colours[label == EGO] = look.ego
    colours[crashed] = colours[crashed] // 2  # scorched
    parts = np.repeat(colours[:, None], PARTS, axis=1)
    parts[:, DARK] = colours * 180 // 256
    parts[:, BRIGHT] = np.minimum(colours * 290 // 256 + 6, 255)
    parts[:, GLASS], parts[:, HEADLIGHT], parts[:, TAILLIGHT] = look.glass, LAMP, REAR_LAMP
    return np.asarray(parts, np.int64)


@compiled
def _colour(ground: np.ndarray, bodies: np.ndarray, material: np.ndarray, grain: np.ndarray, slot: np.ndarray,
            part: np.ndarray, light: np.ndarray, texture: int, night: int, rgb: np.ndarray) -> None:
    for row in range(slot.shape[0]):
        for column in range(slot.shape[1]):
            body, kind = slot[row, column], material[row, column]
            dim = 256 - night * 7 // 8 * (255 - light[row, column]) // 255
            if body >= 0 and (part[row, column] == HEADLIGHT or part[row, column] == TAILLIGHT):
                dim = 256
            if body < 0 and kind == SKY:
                dim = 256 - night * 15 // 16
            rough = (int(grain[row, column]) - 128) * texture if body < 0 and kind != SKY else 0
            for channel in range(3):
                value = bodies[body, part[row, column], channel] if body >= 0 else ground[kind, channel]
                value = (value + (rough >> 9)) * dim >> 8
                rgb[row, column, channel] = min(max(value, 0), 255)


@compiled
def _blurred(rgb: np.ndarray, radius: int) -> np.ndarray:
    """A box of 2 radius + 1 pixels, in 256ths of a pixel, down columns and then along rows.

    The radius is a multiple of 8, so that a sixteenth of the weights is whole: then both sums fit 32 bits.
    """
    size, wide, reach, rest = rgb.shape[0], rgb.shape[1], (radius >> 8) + 1, radius & 255
    total = np.int32((2 * radius + 256) // 16)
    out, summed = np.empty(rgb.shape, np.uint8), np.empty(3 * wide, np.int32)
    padded = np.empty(3 * (wide + 2 * reach), np.int32)
    flat = rgb.reshape(size, 3 * wide)
    for row in range(size):
        summed[:] = 0
        for step in range(-reach, reach + 1):
            other, weight = min(max(row + step, 0), size - 1), np.int32(rest if abs(step) == reach else 256)
            for place in range(3 * wide):
                summed[place] += weight * flat[other, place]
        padded[3 * reach : -3 * reach] = summed // total
        for step in range(reach):
            padded[3 * step : 3 * step + 3] = padded[3 * reach : 3 * reach + 3]
            padded[3 * (wide + reach + step) : 3 * (wide + reach + step) + 3] = padded[
                3 * (wide + reach - 1) : 3 * (wide + reach)]
        summed[:] = 0
        for step in range(2 * reach + 1):
            weight = np.int32(rest if step == 0 or step == 2 * reach else 256)
            for place in range(3 * wide):
                summed[place] += weight * padded[3 * step + place]
        out[row] = (summed // (total * np.int32(256))).astype(np.uint8).reshape(wide, 3)
    return out


@compiled
def _mixed(value: int) -> int:
    """32 bits that look random, of the last 32 of a number."""
    mixed = np.uint32(value)
    mixed = np.uint32((mixed ^ (mixed >> np.uint32(16))) * np.uint32(0x7FEB352D))
    mixed = np.uint32((mixed ^ (mixed >> np.uint32(15))) * np.uint32(0x846CA68B))
    return int(mixed ^ (mixed >> np.uint32(16)))


@compiled
def _weather(rgb: np.ndarray, rain: int, noise: int, seed: int) -> None:
    """Haze and slanted streaks of rain, and a camera's noise."""
    dropped, speckled = _mixed(seed), _mixed(seed + 1)
    for row in range(rgb.shape[0]):
        for column in range(rgb.shape[1]):
            streak = _mixed(((column + row // 3) * 4096 + row // 9) ^ dropped) & 255
            drop = rain // 6 if streak < rain // 16 else 0
            speckle = _mixed((row * 65536 + column) ^ speckled)
            for channel in range(3):
                value = int(rgb[row, column, channel])
                value += (HAZE[channel] - value) * rain // 512 + drop
                value += (int((speckle >> (8 * channel)) & 255) - 128) * noise // 512
                rgb[row, column, channel] = min(max(value, 0), 255)
