"""Photographs from a user: checked, read, and labelled ones in comma10k's layout."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from drive_gen.envs.files import InputError

LEAST_PX, MOST_PIXELS = 16, 2**24  # a side; a picture's area
VIDEOS = (".mp4", ".mov", ".mkv", ".avi", ".webm", ".gif")
PHOTO_CLASSES = ("road", "marking", "undrivable", "movable", "my car")
COLOURS = ((64, 32, 32), (255, 0, 0), (128, 128, 96), (0, 255, 102), (204, 0, 255))  # comma10k's, of these


def is_video(path: Path) -> bool:
    """By its ending."""
    return path.suffix.lower() in VIDEOS


def read_photo(path: Path) -> np.ndarray:
    """A colour picture, (H, W, 3) uint8; an InputError says what it is instead."""
    if not path.is_file():
        raise InputError(f"no picture at {path}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(path) as picture:
                _check(path, *picture.size)
                if picture.mode in ("1", "L", "LA", "I", "I;16", "F"):
                    raise InputError(f"{path} is a grey picture; expected one in colour")
                return np.asarray(picture.convert("RGB"))
    except InputError:
        raise
    except Image.DecompressionBombError:
        raise InputError(f"{path} has more than {2 * Image.MAX_IMAGE_PIXELS // 10**6} megapixels; "  # type: ignore[operator]
                         f"shrink it to at most {MOST_PIXELS // 10**6}") from None
    except (OSError, SyntaxError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{path} is truncated or no picture: {reason}") from None


def read_film(path: Path) -> tuple[float, Iterator[np.ndarray]]:
    """Frames a second, and the frames (H, W, 3) uint8 of a video one by one."""
    import imageio_ffmpeg

    if not path.is_file():
        raise InputError(f"no video at {path}")
    if not path.stat().st_size:
        raise InputError(f"{path} is an empty file")
    frames = imageio_ffmpeg.read_frames(str(path), pix_fmt="rgb24", bits_per_pixel=24)
    try:
        about = next(frames)
    except (OSError, StopIteration, RuntimeError) as error:
        reason = str(error).strip().splitlines()
        said = reason[-1] if reason else "it is empty"
        raise InputError(f"{path} is no video that ffmpeg reads: {said}") from None
    width, height = about["size"]
    _check(path, width, height)
    return float(about["fps"]), _shaped(path, frames, width, height)


def read_labelled(folder: Path, width_px: int, height_px: int) -> tuple[np.ndarray, np.ndarray]:
    """Pictures (N, H, W, 3) and classes (N, H, W) of FOLDER/imgs and FOLDER/masks, by name."""
    paths = sorted(path for path in (folder / "imgs").glob("*") if path.suffix in (".png", ".jpg"))
    if not paths:
        raise InputError(f"no pictures in {folder / 'imgs'}; expected imgs/*.png and masks of those names")
    pictures, masks, size = [], [], (width_px, height_px)
    for path in paths:
        mask_path = folder / "masks" / f"{path.stem}.png"
        picture, mask = read_photo(path), read_mask(mask_path)
        if picture.shape[:2] != mask.shape:
            raise InputError(f"{mask_path} is {mask.shape[1]} x {mask.shape[0]}, its picture "
                             f"{picture.shape[1]} x {picture.shape[0]}; they must be alike")
        pictures.append(np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BOX)))
        masks.append(np.asarray(Image.fromarray(mask).resize(size, Image.Resampling.NEAREST)))
    return np.stack(pictures), np.stack(masks)


def read_mask(path: Path) -> np.ndarray:
    """Classes (H, W) uint8 of a picture in COLOURS."""
    colours = read_photo(path).astype(np.int64) @ (65536, 256, 1)
    known = np.array(COLOURS) @ (65536, 256, 1)
    order = np.argsort(known)
    found = order[np.searchsorted(known[order], colours).clip(max=len(known) - 1)]
    if (wrong := known[found] != colours).any():
        row, column = (int(place) for place in np.argwhere(wrong)[0])
        named = ", ".join(f"#{int(code):06x} {name}" for code, name in zip(known, PHOTO_CLASSES, strict=True))
        raise InputError(f"{path} has the colour #{int(colours[row, column]):06x} at column {column}, row "
                         f"{row}; a mask has only {named}")
    return np.asarray(found, np.uint8)


def _check(path: Path, width: int, height: int) -> None:
    if min(width, height) < LEAST_PX:
        raise InputError(f"{path} is {width} x {height}; a picture needs at least {LEAST_PX} pixels a side")
    if width * height > MOST_PIXELS:
        raise InputError(f"{path} has {width * height / 1e6:.0f} megapixels; shrink it to at most "
                         f"{MOST_PIXELS // 10**6}")


def _shaped(path: Path, frames: Iterator[bytes], width: int, height: int) -> Iterator[np.ndarray]:
    count = 0
    for data in frames:
        if len(data) == width * height * 3:
            count += 1
            yield np.frombuffer(data, np.uint8).reshape(height, width, 3)
    if not count:
        raise InputError(f"{path} holds no frame")
