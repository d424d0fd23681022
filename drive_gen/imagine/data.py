"""Pictures and words of them: of episodes in a store or played by seed, and of requests set up by seed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np

from drive_gen.data.processes import results_of
from drive_gen.data.progress import progress_bar
from drive_gen.data.store import iterate_episodes
from drive_gen.envs.episode import Episode, Scene
from drive_gen.envs.files import InputError
from drive_gen.imagine.config import Traffic
from drive_gen.imagine.raster import boxes_of, camera_of, composed, ground_picture
from drive_gen.imagine.roads import KINDS, library
from drive_gen.imagine.words import Caption, shown, staged, words_of
from drive_gen.language.agree import agreement
from drive_gen.language.draw import draw
from drive_gen.language.facts import Facts
from drive_gen.language.place import scenario_of
from drive_gen.language.played import Staged, played
from drive_gen.language.read_scene import road_kind

CAPTIONS = 6  # drawn for each picture, each fuller than the one before


class Shot(NamedTuple):
    """One picture."""

    picture: np.ndarray  # (96, 32, 3) uint8
    words: tuple[str, ...]  # captions
    group: int  # number of the episode, or seed of the request
    scene: Scene  # without those whom the picture does not show


@dataclass(frozen=True, eq=False)
class Pictures:
    """N pictures of scenes, and what may be said of them."""

    pictures: np.ndarray  # (N, 96, 32, 3) uint8
    words: list[tuple[str, ...]]  # CAPTIONS of each
    group: np.ndarray  # (N,) int64, number of the episode, or seed of the request
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
    if traffic.requests:
        found += _set_up_all(traffic)
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
        if (shot := _shot(scene, seed, rng)) is not None:
            yield shot


def _shot(scene: Scene, group: int, rng: np.random.Generator) -> Shot | None:
    """A scene's picture, with captions by chance; None where the picture does not tell the road."""
    camera = camera_of(scene)
    ground = ground_picture(scene.road, camera)
    known = library()
    if known.places[known.nearest(ground.ravel().astype(np.float32))].kind != road_kind(scene.road):
        return None  # far from an exit nothing tells it from a highway
    seen = shown(scene)
    caption = Caption(seen)
    words = tuple(words_of(caption.draw(rng, number / (CAPTIONS - 1))) for number in range(CAPTIONS))
    return Shot(composed(ground, boxes_of(scene, camera)), words, group, seen)


def request_of(seed: int) -> tuple[Facts, Scene]:
    """The request of a seed on a road that pictures show, and the scene that is set up for it."""
    rng = np.random.default_rng(np.random.SeedSequence([seed, *b"set up"]))
    while True:
        facts = draw(rng)
        if facts.road is not None and facts.road not in KINDS:
            continue
        try:
            return facts, scenario_of(facts, int(rng.integers(2**31))).to_scene()
        except InputError:  # no room for it on such a road
            continue


def shot_of_request(seed: int) -> Shot | None:
    """A request's picture; half of the captions are the request, where all of it holds.

    Driven episodes show normal speeds and ordinary gaps; here these are what was asked for.
    """
    facts, scene = request_of(seed)
    shot = _shot(scene, seed, np.random.default_rng(np.random.SeedSequence([seed, *b"captions"])))
    if shot is None or not all(agreement(staged(facts), shot.scene).values()):
        return shot
    return shot._replace(words=(words_of(facts),) * (CAPTIONS // 2) + shot.words[1::2])


def _set_up_all(traffic: Traffic) -> list[Shot]:
    """Requests by seed; those that an episode is played of have other scenes."""
    found: list[Shot] = []
    seeds = range(traffic.requests)
    with progress_bar() as bar, results_of(seeds, shot_of_request, traffic.workers) as shots:
        task = bar.add_task("requests", total=len(seeds))
        for shot in shots:
            found += [shot] if shot is not None else []
            bar.advance(task)
    return found


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
