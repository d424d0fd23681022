"""Which worlds are meant, and their seeds, checked."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from drive_gen.envs.files import InputError


def numbers_of(worlds: np.ndarray | None, count: int) -> np.ndarray:
    """Numbers of the worlds meant: all, those of a mask (W,), or those numbered, each once, in order."""
    if worlds is None:
        return np.arange(count)
    numbers = np.asarray(worlds)
    if numbers.dtype == np.bool_:
        if numbers.shape != (count,):
            raise InputError(f"a mask of worlds has shape {numbers.shape}, expected ({count},)")
        numbers = np.flatnonzero(numbers)
    if numbers.ndim != 1 or (numbers.size and (numbers.min() < 0 or numbers.max() >= count)):
        raise InputError(f"worlds are numbered from 0 to {count - 1}, got {worlds!r}")
    numbers = numbers.astype(np.int64)
    if len(set(numbers.tolist())) != len(numbers):
        raise InputError(f"each world can be named once, got {worlds!r}")
    return numbers


def seeds_of(seeds: int | Sequence[int] | np.ndarray, count: int) -> np.ndarray:
    """Seeds of so many worlds (count,): one each, an integer s meaning s, s + 1, ..."""
    if isinstance(seeds, int | np.integer):
        values = np.arange(seeds, seeds + count)
    else:
        values = np.asarray(seeds)
    if values.shape != (count,) or values.dtype.kind not in "iu":
        raise InputError(f"seeds are {count} integers, one a world, got {seeds!r}")
    if count and values.min() < 0:
        raise InputError(f"a seed is 0 or more, got {values.min()}")
    return values
