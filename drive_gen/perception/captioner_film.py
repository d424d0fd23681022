"""Films of what a captioner sees: written, and read back into clips."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from drive_gen.envs.episode import Episode
from drive_gen.envs.files import InputError
from drive_gen.language.sight import Sight
from drive_gen.perception.captioner_data import film_of, looked_at
from drive_gen.perception.photos import is_video, read_film
from drive_gen.report.video import write_video

FPS = 10.0
SCALE = 2  # each pixel is a square of so many: a film's codec halves the colours' resolution
LEAST_COLOUR = 24  # between a picture's channels, somewhere in it


def write_clip_film(episode: Episode, sight: Sight, path: Path) -> np.ndarray:
    """Write what is seen of an episode as .mp4 or .gif, and give its clip (F, H, W, 3)."""
    if path.suffix.lower() not in (".mp4", ".gif"):
        raise InputError(f"--film {path}: a film is written as .mp4 or .gif")
    count = round(sight.duration_s * FPS) + 1
    film = film_of(episode, sight, times_s=[number / FPS for number in range(count)])
    write_video((frame.repeat(SCALE, 0).repeat(SCALE, 1) for frame in film), path, FPS)
    return looked_at(film[_numbers(sight, FPS)], sight)


def read_clip(path: Path, sight: Sight) -> np.ndarray:
    """The clip (F, H, W, 3) uint8 in a film of `write_clip_film`; an InputError says what is wrong."""
    if not is_video(path):
        raise InputError(f"{path} is no episode store and no film (.mp4, .gif)")
    fps, frames = read_film(path)
    numbers, side = _numbers(sight, fps), sight.size_px * SCALE
    kept = []
    for number, frame in enumerate(frames):
        if frame.shape[:2] != (side, side):
            raise InputError(f"{path} is {frame.shape[1]} x {frame.shape[0]}; a film to describe is {side} x "
                             f"{side}, from above, the ego in its middle, heading up (describe --film)")
        if number in numbers:
            kept.append(frame)
    if len(kept) < len(numbers):
        raise InputError(f"{path} is cut short: it ends before {sight.duration_s:g} s, which a caption is of")
    film = np.stack(kept)
    if int((film.max(-1).astype(int) - film.min(-1)).max()) < LEAST_COLOUR:
        raise InputError(f"{path} is grey; a captioner tells cars, lines and grass by their colours")
    blocks = film.reshape(len(film), sight.size_px, SCALE, sight.size_px, SCALE, 3)
    small = blocks.astype(np.uint16).sum((2, 4))
    return looked_at(np.asarray((small + SCALE * SCALE // 2) // SCALE**2, np.uint8), sight)


def _numbers(sight: Sight, fps: float) -> list[int]:
    """Which frames of a film are looked at."""
    numbers = [round(time_s * fps) for time_s in sight.times_s]
    if len(set(numbers)) < len(numbers):
        raise InputError(f"a film of {fps:g} frames a second is too slow: two must be {sight.pair_s} s apart")
    return numbers
