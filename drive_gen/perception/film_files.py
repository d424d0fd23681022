"""Films from above as files: written of episodes, and read again."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from drive_gen.envs.episode import Episode
from drive_gen.envs.files import InputError
from drive_gen.envs.frames.looks import NATIVE, Look
from drive_gen.language.sight import Sight, clip_of
from drive_gen.perception.film_view import DURATION_S, FPS, SIZE_PX, VIEWS, film_frames
from drive_gen.perception.photos import is_video, read_film
from drive_gen.report.video import write_video

LEAST_COLOUR = 24  # between a picture's channels, somewhere in it
SLACK_FPS = 0.01


def write_film(episode: Episode, path: Path, look: Look = NATIVE) -> np.ndarray:
    """Write the first DURATION_S of an episode as .mp4 or .gif; its frames (T, S, S, 3) uint8."""
    if path.suffix.lower() not in (".mp4", ".gif"):
        raise InputError(f"--film {path}: a film is written as .mp4 or .gif")
    clip = clip_of(episode, Sight(duration_s=DURATION_S))
    frames = np.stack([rgb for rgb, _ in film_frames(clip, look, VIEWS)])
    write_video(iter(frames), path, FPS, still=True)  # everybody may stand
    return frames


def read_frames(path: Path) -> np.ndarray:
    """The frames (T, S, S, 3) uint8 of a film of `write_film` at FPS; an InputError says what is wrong."""
    if not is_video(path):
        raise InputError(f"{path} is no episode store and no film (.mp4, .gif)")
    fps, frames = read_film(path)
    if fps < FPS - SLACK_FPS:
        raise InputError(f"{path} has {fps:g} frames a second, too slow: {FPS:g} are needed")
    numbers = {round(number * fps / FPS) for number in range(round(DURATION_S * FPS) + 1)}
    kept = []
    for number, frame in enumerate(frames):
        if frame.shape[:2] != (SIZE_PX, SIZE_PX):
            raise InputError(f"{path} is {frame.shape[1]} x {frame.shape[0]}; a film to describe is "
                             f"{SIZE_PX} x {SIZE_PX}, from above, the ego in its middle, heading up (--film)")
        if number in numbers:
            kept.append(frame)
    if len(kept) < len(numbers):
        raise InputError(f"{path} is cut short: it ends before {DURATION_S:g} s, which a caption is of")
    film = np.stack(kept)
    if int((film.max(-1).astype(int) - film.min(-1)).max()) < LEAST_COLOUR:
        raise InputError(f"{path} is grey; cars, lines and grass are told by their colours")
    return film
