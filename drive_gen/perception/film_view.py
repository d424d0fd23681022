"""The film that is read back into an Episode: from above, the ego in its middle, each pixel an average.

A pixel is the mean of four samples on a rotated grid, as a camera's is of its area: so the edge of a body is
known to an eighth of a metre, and in the mean over its rim far better.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from drive_gen.envs.episode import Episode, Scene
from drive_gen.envs.frames.colours import weathered
from drive_gen.envs.frames.draw import draw_frame
from drive_gen.envs.frames.frame import CLASSES
from drive_gen.envs.frames.looks import NATIVE, Look
from drive_gen.envs.frames.views import BirdView

SIZE_PX, M_PER_PX, ASIDE_PX = 400, 0.5, 88  # of the picture; columns in its middle that are read
FPS, DURATION_S = 10.0, 12.0
SAMPLES_PX = ((-0.375, -0.125), (-0.125, 0.375), (0.125, -0.375), (0.375, 0.125))
VIEWS = tuple(BirdView(SIZE_PX, M_PER_PX, 0.5, shift) for shift in SAMPLES_PX)
STRIPS = tuple(BirdView(SIZE_PX, M_PER_PX, 0.5, shift, ASIDE_PX) for shift in SAMPLES_PX)


def film_frame(scene: Scene, look: Look = NATIVE, agent: int | None = None,
               views: tuple[BirdView, ...] = STRIPS) -> tuple[np.ndarray, np.ndarray]:
    """Picture (H, W, 3) uint8 about the ego, or an agent, and the true classes of its samples (4, H, W).

    Only the columns that are read, or with VIEWS the whole picture.
    """
    clear = replace(look, blur=0.0, rain=0.0, noise=0.0)
    frames = [draw_frame(scene, view, clear, agent) for view in views]
    total = sum(frame.rgb.astype(np.uint16) for frame in frames)
    rgb = ((total + len(VIEWS) // 2) // len(VIEWS)).astype(np.uint8)  # type: ignore[union-attr]
    return weathered(rgb, look), np.stack([frame.mask for frame in frames])


def film_frames(episode: Episode, look: Look = NATIVE, views: tuple[BirdView, ...] = STRIPS
                ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """`film_frame` of an episode at FPS, of its first DURATION_S."""
    for number in range(round(DURATION_S * FPS) + 1):
        yield film_frame(episode.scene(round(number / FPS / episode.dt_s)), look, views=views)


def strip(pictures: np.ndarray) -> np.ndarray:
    """The columns that are read, of whole pictures (..., S, S, 3)."""
    edge = (SIZE_PX - ASIDE_PX) // 2
    return pictures[..., edge : edge + ASIDE_PX, :]


def cover_of(samples: np.ndarray) -> np.ndarray:
    """Share of each class in each pixel, (classes, H, W) float32, of samples (4, H, W)."""
    return np.stack([(samples == number).mean(0, dtype=np.float32) for number in range(len(CLASSES))])
