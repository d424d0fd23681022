"""Which logged cars are handed over: a seeded choice among the held-out recordings'."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from drive_gen.data.store import iterate_episodes, key_of, read_index, read_shard
from drive_gen.envs.episode import Episode
from drive_gen.envs.files import InputError

HELD_OUT = ("validation", "test")
HISTORY_S = 1.0  # that the car is in the log before it is handed over
STARTS_S = 1.0  # apart


@dataclass(frozen=True)
class Case:
    """One car of one episode of a store, handed over at frame `start` for `frames` frames."""

    number: int
    key: str  # of the episode in the store
    agent: int
    start: int
    frames: int


def choose_cases(data: Path, horizon_s: float, count: int, seed: int) -> list[Case]:
    """Up to `count` cases, one a car at most, drawn from a store's held-out splits; in the store's order.

    A car qualifies where it is present without a gap for a second before, and for the horizon after.
    """
    rng = np.random.default_rng(seed)
    found = [(key_of(episode.source), agent, int(rng.choice(starts)), frames)
             for split in HELD_OUT for episode in iterate_episodes(data, split)
             for agent, starts, frames in _candidates(episode, horizon_s)]
    if not found:
        raise InputError(f"{data} has no car in its test and validation splits that stays for "
                         f"{HISTORY_S + horizon_s:g} s; import more recordings or lower --horizon-s")
    chosen = np.sort(rng.permutation(len(found))[:count])
    return [Case(number, *found[place]) for number, place in enumerate(chosen)]


@lru_cache(maxsize=8)
def episode_of(data: Path, key: str) -> Episode:
    """One episode of a store by its key."""
    row = next(row for row in read_index(data) if row.key == key)
    return read_shard(data / row.shard, [row])[0]


def _candidates(episode: Episode, horizon_s: float) -> Iterator[tuple[int, np.ndarray, int]]:
    """Every car that qualifies, the frames it may be handed over at, and the frames from there on."""
    history, apart, horizon = (max(round(seconds / episode.dt_s), 1)
                               for seconds in (HISTORY_S, STARTS_S, horizon_s))
    for agent, valid in enumerate(episode.valid):
        starts = np.arange(history, episode.steps - horizon, apart)
        present = [valid[start - history : start + horizon + 1].all() for start in starts]
        if any(present):
            yield agent, starts[present], horizon + 1
