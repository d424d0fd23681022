"""Frames as a film: .mp4, .gif, or a .png strip."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path

import imageio_ffmpeg
import numpy as np
from PIL import Image

from drive_gen.envs.config import check_choice
from drive_gen.envs.files import InputError, replacing
from drive_gen.report.film import render_episode

__all__ = ["SUFFIXES", "check_suffix", "render_episode", "write_video"]

SUFFIXES = (".mp4", ".gif", ".png")
STRIP_FRAMES = 6
GIF_COLOURS = 96


def check_suffix(path: Path) -> str:
    """The kind of film that a path's ending asks for."""
    return check_choice(path.suffix.lower(), SUFFIXES, f"ending of {path.name}: film format")


def write_video(frames: Iterable[np.ndarray], path: Path, fps: float, still: bool = False) -> int:
    """Write frames (H, W, 3) uint8 as the kind of film that `path` ends in; returns how many there were.

    A strip shows `STRIP_FRAMES` of them, evenly spaced. A film in which nothing changes is refused, as black
    or of the wrong episode, unless it may be `still` and is not black. Nothing is left at `path` then.
    """
    kind = check_suffix(path)
    watch = _Watch(path)
    with replacing(path) as temporary:
        writer = {".mp4": _write_mp4, ".gif": _write_gif, ".png": _write_strip}[kind]
        writer(watch.over(frames), temporary, fps)
        watch.check(still)
    return watch.count


class _Watch:
    """Counts frames as they pass, and sees whether any differs from the first."""

    def __init__(self, path: Path) -> None:
        self.path, self.count, self.varies, self.black = path, 0, False, True

    def over(self, frames: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        first: np.ndarray | None = None
        for frame in frames:
            if first is None:
                first, self.black = frame, not frame.any()
            elif frame.shape != first.shape:
                raise InputError(f"{self.path}: frame {self.count} has shape {frame.shape}, the first has "
                                 f"{first.shape}; all must be alike")
            self.varies = self.varies or not np.array_equal(frame, first)
            self.count += 1
            yield frame

    def check(self, still: bool) -> None:
        if not self.varies and not (still and self.count and not self.black):
            what = "the same" if self.count and not self.black else "black"
            raise InputError(f"{self.path} was not written: all its {self.count} frames are {what}; "
                             "choose a longer episode, or another one")


def _write_mp4(frames: Iterator[np.ndarray], path: Path, fps: float) -> None:
    """H.264, yuv420p, even sizes: what every browser and player shows."""
    first = _even(next(frames, np.zeros((2, 2, 3), np.uint8)))
    size = (first.shape[1], first.shape[0])
    writer = imageio_ffmpeg.write_frames(str(path), size, fps=fps, codec="libx264", pix_fmt_out="yuv420p",
                                         quality=None, macro_block_size=1, ffmpeg_log_level="error",
                                         output_params=["-crf", "20", "-movflags", "+faststart"])
    with closing(writer):
        writer.send(None)
        for frame in itertools.chain([first], frames):
            writer.send(np.ascontiguousarray(_even(frame)))


def _even(frame: np.ndarray) -> np.ndarray:
    """With an even number of rows and columns, as yuv420p needs: the last ones are repeated."""
    height, width = frame.shape[:2]
    return np.pad(frame, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")


def _write_gif(frames: Iterator[np.ndarray], path: Path, fps: float) -> None:
    pictures = (Image.fromarray(frame).quantize(GIF_COLOURS, dither=Image.Dither.NONE) for frame in frames)
    first = next(pictures, None)
    if first is None:
        return
    # GIF counts hundredths of a second, and players slow down below two of them.
    first.save(path, format="GIF", save_all=True, append_images=pictures, loop=0,
               duration=10 * max(2, round(100 / fps)))


def _write_strip(frames: Iterator[np.ndarray], path: Path, fps: float) -> None:
    """Evenly spaced frames side by side; pictures wider than high stand one below another."""
    kept = list(frames)
    if not kept:
        return
    chosen = np.unique(np.linspace(0, len(kept) - 1, STRIP_FRAMES).round().astype(int))
    height, width = kept[0].shape[:2]
    axis, line = (0, (4, width, 3)) if width > 2 * height else (1, (height, 4, 3))
    gap = np.full(line, 255, np.uint8)
    parts = [part for number in chosen for part in (gap, kept[number])][1:]
    Image.fromarray(np.concatenate(parts, axis=axis)).save(path, format="PNG", optimize=True)
