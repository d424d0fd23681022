"""Scenarios as a replay's logs: what their script makes of them, and a driver in the ego's place."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

from drive_gen.data.store import INDEX, iterate_episodes, key_of, write_episodes
from drive_gen.envs.episode import Episode, Source
from drive_gen.envs.files import InputError, sha256_of
from drive_gen.envs.scenario import Scenario
from drive_gen.evaluate.cases import HISTORY_S, Case
from drive_gen.language.play import play

NAME = "drive_gen.scenarios"


def scenario_files(path: Path) -> list[Path]:
    """The scenarios that a path is or a folder holds (`sample` writes many); none of a store."""
    if path.is_file():
        return [path]
    return [] if (path / INDEX).exists() else sorted(path.glob("*.yaml"))


def staged(files: list[Path], store: Path, horizon_s: float) -> list[Case]:
    """Play scenarios into a store; of each a case, the ego handed over after a second."""
    write_episodes(store, _played(files, HISTORY_S + horizon_s), "test")
    wanted = {key_of(_source_of(file, HISTORY_S + horizon_s)): number for number, file in enumerate(files)}
    cases = []
    for episode in iterate_episodes(store, "test"):
        number = wanted.get(key_of(episode.source))
        if number is not None and episode.ego is not None:
            start = round(HISTORY_S / episode.dt_s)
            cases.append(Case(number, key_of(episode.source), episode.ego, start, episode.steps - start))
    return sorted(cases, key=lambda case: case.number)


def _played(files: list[Path], duration_s: float) -> Iterator[Episode]:
    for file in files:
        scenario = Scenario.read(file)
        if scenario.ego is None:
            raise InputError(f"{file}: nobody is the ego, whom a driver could replace; give it `ego: ID`")
        yield dataclasses.replace(play(scenario, duration_s), source=_source_of(file, duration_s))


def _source_of(file: Path, duration_s: float) -> Source:
    """By what the file holds: a scenario that is changed is another."""
    return Source("simulated", NAME, file.stem, driver="script",
                  config_hash=f"{sha256_of(file)[:16]}/{duration_s:g}")
