"""The nearest of many cars in order, compiled."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from drive_gen.envs.simulator.lean import lean


class Near(NamedTuple):
    """Space to note the nearest cars in; one world's at a time, made once for many."""

    places: np.ndarray  # (most,) int64, in the cars
    distances: np.ndarray  # (most,) m, rising


def near_of(most: int) -> Near:
    """Space for so many cars."""
    return Near(np.zeros(most, np.int64), np.zeros(most))


@lean
def keep(near: Near, kept: int, place: int, distance: float) -> int:
    """Note a car if it is among the nearest, after its equals; gives how many are noted then."""
    places, distances = near.places, near.distances
    if kept == distances.size and distance >= distances[kept - 1]:
        return kept
    spot = min(kept, distances.size - 1)
    while spot > 0 and distances[spot - 1] > distance:
        distances[spot], places[spot] = distances[spot - 1], places[spot - 1]
        spot -= 1
    distances[spot], places[spot] = distance, place
    return min(kept + 1, distances.size)
