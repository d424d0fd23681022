"""What vehicles look like from above: coloured outlines in the body's frame, x forward, y to the right."""

from __future__ import annotations

import numpy as np

Colour = tuple[int, int, int]
Part = tuple[Colour, np.ndarray]  # a colour and an outline (K, 2) in metres

CAR, TRUCK, OBSTACLE = (171, 181, 194), (136, 150, 168), (214, 138, 58)
EGO, CRASHED = (64, 190, 255), (235, 72, 77)
RIM, EGO_RIM, GLASS = (16, 19, 22), (245, 250, 255), (31, 38, 47)
HEADLIGHT, TAILLIGHT, CROSS = (255, 246, 214), (196, 44, 44), (255, 255, 255)
TRUCK_LENGTH_M = 7.0  # logs and highway-env call longer cars "car" too


def vehicle(kind: str, length_m: float, width_m: float, *, ego: bool = False,
            crashed: bool = False) -> list[Part]:
    """Parts of one agent, to be drawn in order; `kind` is a name in KINDS."""
    truck = kind == "truck" or (kind == "car" and length_m > TRUCK_LENGTH_M)
    plain = TRUCK if truck else OBSTACLE if kind == "obstacle" else CAR
    colour = CRASHED if crashed else EGO if ego else plain
    radius = 0.05 * width_m if kind == "obstacle" else min(0.32 * width_m, 0.2 * length_m)
    rim = 0.28 if ego else 0.12
    parts = [(EGO_RIM if ego else RIM, rounded_box(length_m + 2 * rim, width_m + 2 * rim, radius + rim)),
             (colour, rounded_box(length_m, width_m, radius))]
    if truck:
        parts += _trailer(colour, length_m, width_m)
    elif kind == "car":
        parts += _windows(colour, length_m, width_m)
    return parts + (_cross(width_m) if crashed else [])


def rounded_box(length_m: float, width_m: float, radius_m: float) -> np.ndarray:
    """Outline of a box with round corners about the origin; (20, 2)."""
    angle = np.linspace(0, np.pi / 2, 5)[None] + np.arange(4)[:, None] * np.pi / 2
    arcs = radius_m * np.stack((np.cos(angle), np.sin(angle)), axis=-1)
    inner = np.array([length_m / 2 - radius_m, width_m / 2 - radius_m])
    signs = np.array([[1, 1], [-1, 1], [-1, -1], [1, -1]])
    return np.asarray((arcs + (inner * signs)[:, None]).reshape(-1, 2))


def _across(front_m: float, front_half_m: float, back_m: float, back_half_m: float) -> np.ndarray:
    """A trapezoid across the body: half widths at its front and back."""
    return np.array([[front_m, -front_half_m], [front_m, front_half_m],
                     [back_m, back_half_m], [back_m, -back_half_m]])


def _windows(colour: Colour, length: float, width: float) -> list[Part]:
    """Windscreen, rear window, a lighter roof between them, and lights at the corners."""
    half = width / 2
    red, green, blue = (min(255, int(channel * 1.12) + 8) for channel in colour)
    parts: list[Part] = [
        (GLASS, _across(0.24 * length, 0.84 * half, 0.05 * length, 0.66 * half)),
        (GLASS, _across(-0.28 * length, 0.64 * half, -0.39 * length, 0.78 * half)),
        ((red, green, blue), _across(0.05 * length, 0.68 * half, -0.28 * length, 0.68 * half))]
    for side in (-1, 1):
        lamp = _across(0.02 * length, 0.16 * half, -0.02 * length, 0.16 * half)
        front, rear = np.array([[0.465 * length, side * 0.62 * half], [-0.475 * length, side * 0.66 * half]])
        parts += [(HEADLIGHT, lamp + front), (TAILLIGHT, lamp + rear)]
    return parts


def _trailer(colour: Colour, length: float, width: float) -> list[Part]:
    """The gap behind a short cab, its windscreen, and ribs along the box."""
    front, half, cab = length / 2, width / 2, min(2.4, 0.3 * length)
    red, green, blue = (int(channel * 0.88) for channel in colour)
    ribs = np.arange(-front + 1.2, front - cab - 0.8, 1.6)
    return [(RIM, _across(front - cab, half, front - cab - 0.25, half)),
            (GLASS, _across(front - 0.25, 0.76 * half, front - 0.95, 0.86 * half)),
            *(((red, green, blue), _across(rib + 0.12, 0.9 * half, rib, 0.9 * half)) for rib in ribs)]


def _cross(width: float) -> list[Part]:
    """The mark of a crash, which needs no colour to be seen."""
    bar = width * np.array([[-0.28, -0.36], [0.36, 0.28], [0.28, 0.36], [-0.36, -0.28]])
    return [(CROSS, bar), (CROSS, bar * (1, -1))]
