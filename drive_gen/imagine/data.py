"""Pictures and words of them, of episodes in a store or played by seed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np

from drive_gen.data.processes import progress_bar, results_of
from drive_gen.data.store import iterate_episodes
from drive_gen.envs.episode import Episode, Scene
from drive_gen.envs.files import InputError
from drive_gen.imagine.config import Traffic
from drive_gen.imagine.raster import boxes_of, camera_of, composed, ground_picture
from drive_gen.imagine.roads import KINDS, library
from drive_gen.imagine.words import Caption, shown, words_of
from drive_gen.language.played import Staged, played
from drive_gen.language.read_scene import road_kind

CAPTIONS = 6  # drawn for each picture, each fuller than the one before


class Shot(NamedTuple):
    """One picture."""

    picture: np.ndarray  # (96, 32, 3) uint8
    words: tuple[str, ...]  # captions
    group: int  # number of the episode
    scene: Scene  # without those whom the picture does not show


@dataclass(frozen=True, eq=False)
class Pictures:
    """N pictures of scenes, and what may be said of them."""

    pictures: np.ndarray  # (N, 96, 32, 3) uint8
    words: list[tuple[str, ...]]  # CAPTIONS of each
    group: np.ndarray  # (N,) int64, number of the episode
    scenes: list[Scene]  # without those whom the picture does not show

    def __len__(self) -> int:
        return len(self.pictures)


def pictures_of(traffic: Traffic) -> Pictures:
    """The pictures of a traffic, the same for the same settings."""
    found: list[Shot] = []
    with progress_bar() as bar:
        task = bar.add_task("pictures", total=traffic.episodes)
        for shots in _episodes(traffic):
            found += shots
            bar.advance(task)
    if not found:
        raise InputError("no episode shows a road that pictures are drawn of; ask for more episodes")
    pictures, words, group, scenes = zip(*found, strict=True)
    return Pictures(np.stack(pictures), list(words), np.array(group), list(scenes))


def shots_of(episode: Episode, moments_s: tuple[float, ...], seed: int) -> Iterator[Shot]:
    """The pictures of an episode's moments, up to a crash, where the road can be told; captions by seed."""
    if road_kind(episode.road) not in KINDS:
        return
    rng = np.random.default_rng(np.random.SeedSequence([seed, *b"captions"]))
    for moment_s in moments_s:
        frame = round(moment_s / episode.dt_s)
        if frame >= episode.steps or episode.crashed[:, frame].any():
            return
        scene = episode.scene(frame)
        camera = camera_of(scene)
        ground = ground_picture(scene.road, camera)
        known = library()
        if known.places[known.nearest(ground.ravel().astype(np.float32))].kind != road_kind(scene.road):
            continue  # far from an exit nothing tells it from a highway
        seen = shown(scene)
        caption = Caption(seen)
        words = tuple(
            words_of(caption.draw(rng, number / (CAPTIONS - 1))) for number in range(CAPTIONS)
        )
        yield Shot(composed(ground, boxes_of(scene, camera)), words, seed, seen)


def _episodes(traffic: Traffic) -> Iterator[list[Shot]]:
    """Each episode's pictures, of the store's or of those played by seed."""
    numbers = range(traffic.first, traffic.first + traffic.episodes)
    if traffic.store is not None:
        episodes = islice(iterate_episodes(Path(traffic.store)), numbers.start, numbers.stop)
        for number, episode in zip(numbers, episodes, strict=False):
            yield list(shots_of(episode, traffic.moments_s, number))
        return
    with results_of(
        [_Job(number, traffic.moments_s) for number in numbers], _play, traffic.workers
    ) as results:
        yield from results


@dataclass(frozen=True)
class _Job:
    seed: int
    moments_s: tuple[float, ...]


def _play(job: _Job) -> list[Shot]:
    return list(shots_of(played(Staged(KINDS), job.seed), job.moments_s, job.seed))
