"""How far the ego goes between two frames, from the ground's texture alone: rows of pixels that shift.

Where a road has no dashes nothing of its map tells the motion along it. Grass and asphalt are rough, and
their grain stays where it is.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import ndimage

from drive_gen.perception.film_view import M_PER_PX

MOST_PX, PADDED = 9, 512  # pixels a frame: 45 m/s; rows with room for the shift
SMOOTH_PX = 9  # shades that vary more slowly along a column are light, not grain
LEAST, CLEAR = 0.06, 1.35  # the correlation that tells a shift, and by how much it is above any other
NEAR_PX = 2
APART = (2, 4, 8)  # frames, over which shifts are looked for again
MOST_GRAIN = 12.0  # of 255; the edge of asphalt is more


def steps_m(rgb: np.ndarray, cover: Sequence[np.ndarray]) -> np.ndarray:
    """Metres ahead from each frame to the next, (T - 1,); NaN where the texture does not tell.

    rgb: (T, H, W, 3) uint8 strips. What stays on its pixel through the film (noise, headlights) is taken off.
    """
    grey = rgb.mean(-1, dtype=np.float32)
    grey -= grey.mean(0)
    spectra, energy = [], []
    for frame, shares in zip(grey, cover, strict=True):
        rough = frame - ndimage.uniform_filter1d(frame, SMOOTH_PX, axis=0)
        grain = np.clip(rough, -MOST_GRAIN, MOST_GRAIN) * _open(shares)
        spectra.append(np.fft.rfft(grain, PADDED, axis=0))
        energy.append(float((grain**2).sum()))
    pairs = zip(spectra[:-1], spectra[1:], energy[:-1], energy[1:], strict=True)
    single = np.array([_shift(one, other, np.sqrt(a * b)) for one, other, a, b in pairs])
    return _agreed(single, spectra) * M_PER_PX


def _agreed(single: np.ndarray, spectra: Sequence[np.ndarray]) -> np.ndarray:
    """Rows from each frame to the next (T - 1,) that agree best with those over several frames.

    A shift is known to a tenth of a pixel, however far it is: errors of single steps would add up.
    """
    known = ~np.isnan(single)
    way = np.concatenate(([0.0], np.nancumsum(single)))
    first, last, shift = [np.arange(len(single))], [np.arange(1, len(way))], [np.where(known, single, 0.0)]
    for apart in APART:
        for begin in range(0, len(way) - apart):
            if known[begin : begin + apart].all():
                found = _near(spectra[begin], spectra[begin + apart], way[begin + apart] - way[begin])
                if not np.isnan(found):
                    first.append(np.array([begin]))
                    last.append(np.array([begin + apart]))
                    shift.append(np.array([found]))
    begins, ends, rows = (np.concatenate(part) for part in (first, last, shift))
    equations = np.zeros((len(rows), len(way)))
    equations[np.arange(len(rows)), begins], equations[np.arange(len(rows)), ends] = -1.0, 1.0
    agreed = np.diff(np.linalg.lstsq(equations, rows, rcond=None)[0])
    return np.where(known, agreed, np.nan)


def _near(one: np.ndarray, other: np.ndarray, expected: float) -> float:
    """The shift near an expected one, or NaN."""
    both = np.fft.irfft((other * one.conj()).sum(1), PADDED)
    around = round(expected) + np.arange(-NEAR_PX, NEAR_PX + 1)
    best = int(around[both[around % PADDED].argmax()])
    if best in (around[0], around[-1]) or both[best] <= 0:
        return float("nan")
    return _middle(best, both[np.arange(best - 1, best + 2) % PADDED])


def _middle(best: int, values: np.ndarray) -> float:
    """A peak's place below a row, from its highest value and those beside it."""
    low, middle, high = np.maximum(values, 0.0)
    return float(best + (high - low) / (low + middle + high))


def _open(shares: np.ndarray) -> np.ndarray:
    """Where there are no bodies nor lines, nor within a pixel of them, (H, W) bool."""
    return np.asarray(ndimage.minimum_filter(shares[0] + shares[1], 3) > 0.8)


def _shift(one: np.ndarray, other: np.ndarray, energy: float) -> float:
    """Rows by which the second frame's grain is below the first's, or NaN."""
    if energy < 1:
        return float("nan")
    both = np.fft.irfft((other * one.conj()).sum(1), PADDED) / energy
    near = np.concatenate((both[-NEAR_PX:], both[: MOST_PX + NEAR_PX]))  # shifts from -NEAR_PX on
    best = int(near[1:-1].argmax()) + 1
    rest = np.delete(both, np.arange(best - NEAR_PX - 3, best - NEAR_PX + 4))
    if near[best] < LEAST or near[best] < CLEAR * np.abs(rest).max():
        return float("nan")
    return _middle(best - NEAR_PX, near[best - 1 : best + 2])
