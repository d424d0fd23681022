"""What a captioner sees of a film's frames."""

from __future__ import annotations

import numpy as np
from PIL import Image

from drive_gen.envs.files import InputError
from drive_gen.language.sight import Sight
from drive_gen.perception.captioner_data import looked_at
from drive_gen.perception.film_view import FPS, M_PER_PX, SIZE_PX


def clip_of_film(frames: np.ndarray, sight: Sight) -> np.ndarray:
    """The clip (F, H, W, 3) uint8 in a film's frames (T, S, S, 3) at FPS; its pixels are averages."""
    numbers = [round(time_s * FPS) for time_s in sight.times_s]
    side = round(sight.size_px * sight.m_per_px / M_PER_PX)
    if len(set(numbers)) < len(numbers) or numbers[-1] >= len(frames) or side > SIZE_PX:
        raise InputError(f"this captioner looks at {sight.duration_s:g} s, {sight.pair_s:g} s apart, and "
                         f"{sight.size_px * sight.m_per_px:g} m; a film shows no more than "
                         f"{(len(frames) - 1) / FPS:g} s, {1 / FPS:g} s apart, and {SIZE_PX * M_PER_PX:g} m")
    edge = (SIZE_PX - side) // 2
    size = (sight.size_px, sight.size_px)
    small = [Image.fromarray(frame[edge : edge + side, edge : edge + side]).resize(size, Image.Resampling.BOX)
             for frame in frames[numbers]]
    return looked_at(np.stack([np.asarray(picture) for picture in small]), sight)
