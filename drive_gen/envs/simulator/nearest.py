"""The least of many by some key, in order, compiled."""

from __future__ import annotations

import numpy as np

from drive_gen.envs.simulator.jit import compiled


@compiled
def keep(places: np.ndarray, keys: np.ndarray, kept: int, place: int, key: float) -> int:
    """Put a place among the `kept` ones of least key, if it is; the first of equals stays first.

    `places` and `keys` are (most,) and sorted; gives how many are kept now.
    """
    if kept == keys.size and key >= keys[kept - 1]:
        return kept
    spot = min(kept, keys.size - 1)
    while spot > 0 and keys[spot - 1] > key:
        keys[spot], places[spot] = keys[spot - 1], places[spot - 1]
        spot -= 1
    keys[spot], places[spot] = key, place
    return min(kept + 1, keys.size)
