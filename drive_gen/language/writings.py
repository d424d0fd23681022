"""What a writer learns from: programs of scenarios by seed, traces of episodes and their commentaries."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from drive_gen.data.processes import results_of
from drive_gen.data.store import iterate_episodes
from drive_gen.envs.config import from_mapping
from drive_gen.envs.episode import Episode
from drive_gen.envs.files import InputError, write_text
from drive_gen.envs.scenario import Scenario
from drive_gen.language.asked import asked_words
from drive_gen.language.commentary import say, told_of
from drive_gen.language.facts import Facts
from drive_gen.language.play import play
from drive_gen.language.played import NAME, Staged, drawn
from drive_gen.language.program import program_of
from drive_gen.language.runnable import overlapping
from drive_gen.language.trace import trace_words

LEAST_S, EVERY_S = 4.0, 0.5  # of an episode seen from later on: how much is left, and when it may begin
UNEVENTFUL = 0.15  # share of the views in which nothing happens that is kept


@dataclass(frozen=True)
class Writing:
    """One world in words; what there is none of is empty."""

    seed: int = 0
    asked: str = ""
    program: str = ""
    trace: str = ""
    en: str = ""
    ko: str = ""


def written(facts: Facts | None, scenario: Scenario | None, episode: Episode | None, seed: int) -> Writing:
    """A request, its scenario and the episode driven from it in words."""
    asked = "".join(asked_words(facts)) if facts else ""
    program = program_text(scenario) if scenario else ""
    if episode is None:
        return Writing(seed, asked, program)
    told = told_of(episode)
    return Writing(seed, asked, program, "".join(trace_words(episode)), say(told, "en"), say(told, "ko"))


def views_of(episode: Episode, seed: int, count: int) -> Iterator[Writing]:
    """The commentaries of an episode as others see it: half from its start, half from later on, by anybody.

    Most views of which nothing happens are left out. None has a program.
    """
    rng = np.random.default_rng(np.random.SeedSequence([seed, *b"views"]))
    beat, left = (round(each / episode.dt_s) for each in (EVERY_S, LEAST_S))
    for number in range(count):
        start = int(rng.integers(1, episode.steps // beat + 1)) * beat if number % 2 else 0
        if start >= episode.steps - left:
            continue
        seen = episode.window(start, episode.steps)
        here = np.flatnonzero(seen.valid[:, 0] & ~seen.crashed[:, 0])
        here = here if start else here[here != seen.ego]
        if not len(here):
            continue
        told = told_of(seen := replace(seen, ego=int(rng.choice(here))))
        if told.moments or rng.random() < UNEVENTFUL:
            yield Writing(seed, "", "", "".join(trace_words(seen)), say(told, "en"), say(told, "ko"))


def program_text(scenario: Scenario) -> str:
    """Its program; nothing where a program cannot say it, or where bodies overlap."""
    try:
        program = program_of(scenario)
    except InputError:
        return ""
    return "" if overlapping(program.scenario().to_scene()) else "".join(program.words())


def writings_by_seed(staged: Staged, seeds: Sequence[int], drive: bool = True, workers: int = 0,
                     on_writing: Callable[[Writing], None] = lambda writing: None) -> list[Writing]:
    """The worlds of some seeds; only their programs where they need not be driven."""
    with results_of([_Job(staged, seed, drive) for seed in seeds], _write, workers) as results:
        return list(_told(results, on_writing))


def writings_of_store(store: Path, staged: Staged, split: str | None = None) -> Iterator[Writing]:
    """The worlds of a store; programs of those that `collect requests` made on the same roads."""
    for episode in iterate_episodes(store, split):
        source = episode.source
        ours = source.name == NAME and source.config_hash == staged.source(0).config_hash
        facts, scenario = drawn(staged, source.seed) if ours and source.seed is not None else (None, None)
        yield written(facts, scenario, episode, source.seed or 0)


def save_writings(path: Path, writings: Iterable[Writing]) -> None:
    """As lines of JSON."""
    write_text(path, "".join(json.dumps(asdict(each), ensure_ascii=False) + "\n" for each in writings))


def load_writings(path: Path) -> list[Writing]:
    """What was saved."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
        return [from_mapping(Writing, json.loads(line), f"{path}, line {number + 1}")
                for number, line in enumerate(lines)]
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise InputError(f"{path} is no file of writings: {error}") from None


@dataclass(frozen=True)
class _Job:
    staged: Staged
    seed: int
    drive: bool


def _write(job: _Job) -> Writing:
    facts, scenario = drawn(job.staged, job.seed)
    return written(facts, scenario, play(scenario) if job.drive else None, job.seed)


def _told(writings: Iterator[Writing], on_writing: Callable[[Writing], None]) -> Iterator[Writing]:
    for writing in writings:
        on_writing(writing)
        yield writing
