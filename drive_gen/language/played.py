"""Episodes by seed in which things happen: requests drawn by chance, made into scenarios and driven.

What pictures are described by, found by and drawn from: plain traffic seldom brakes hard or cuts in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from drive_gen.data.processes import results_of
from drive_gen.data.store import INDEX, Row, key_of, read_index, write_episodes
from drive_gen.envs.config import check_choice
from drive_gen.envs.episode import Episode, Source
from drive_gen.envs.files import InputError, hash_of, make_folder
from drive_gen.envs.scenario import Scenario
from drive_gen.language.draw import draw
from drive_gen.language.facts import ROADS, Facts
from drive_gen.language.place import scenario_of
from drive_gen.language.play import play

UNSEEN_ROADS = ("roundabout", "u-turn")  # kept from training wherever pictures and words meet
SEEN_ROADS = tuple(road for road in ROADS if road not in UNSEEN_ROADS)
NAME = "drive_gen.requests"


@dataclass(frozen=True)
class Staged:
    """Which episodes there are: roads that requests name, and who is asked for on them."""

    roads: tuple[str, ...] = SEEN_ROADS

    def __post_init__(self) -> None:
        for road in self.roads:
            check_choice(road, ROADS, "road")
        if not self.roads:
            raise InputError("episodes by request need a road kind, got none")

    def source(self, seed: int) -> Source:
        """Where the episode of a seed comes from."""
        return Source("simulated", NAME, f"request/{seed}", seed, "scripted", hash_of("+".join(self.roads)))


def drawn(staged: Staged, seed: int) -> tuple[Facts, Scenario]:
    """The request of a seed and its scenario."""
    rng = np.random.default_rng(np.random.SeedSequence([seed, *b"played"]))
    while True:
        facts = draw(rng)
        if facts.road not in staged.roads:
            continue
        try:
            return facts, scenario_of(facts, int(rng.integers(2**31)))
        except InputError:  # no room for it on such a road
            continue


def played(staged: Staged, seed: int) -> Episode:
    """The episode of a seed; its notes hold the request. Facts of it are read, never taken from there."""
    facts, scenario = drawn(staged, seed)
    source = replace(staged.source(seed), notes={"request": facts.to_mapping()})
    return replace(play(scenario), source=source)


def collect_played(staged: Staged, seeds: Sequence[int], out: Path, workers: int = 0,
                   on_episode: Callable[[Episode], None] = lambda episode: None) -> list[Row]:
    """Add the episodes of some seeds to a store; those that it holds are passed over. The rows added."""
    make_folder(out)
    known = {row.key for row in read_index(out)} if (out / INDEX).exists() else set()
    jobs = [_Job(staged, seed) for seed in seeds if key_of(staged.source(seed)) not in known]
    with results_of(jobs, _play, workers) as results:
        return write_episodes(out, _told(results, on_episode))


@dataclass(frozen=True)
class _Job:
    staged: Staged
    seed: int


def _play(job: _Job) -> Episode:
    return played(job.staged, job.seed)


def _told(episodes: Iterator[Episode], on_episode: Callable[[Episode], None]) -> Iterator[Episode]:
    for episode in episodes:
        on_episode(episode)
        yield episode
