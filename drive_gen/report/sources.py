"""What can be filmed: an episode of a driver, a store or an evaluation, or what comes of a scenario."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

from drive_gen.data.rollout import roll_out
from drive_gen.data.store import INDEX, Row, read_index, read_shard
from drive_gen.drivers import load_driver
from drive_gen.envs.actions import TARGET_SPEEDS_MPS
from drive_gen.envs.config import from_mapping
from drive_gen.envs.episode import Episode
from drive_gen.envs.files import InputError, read_json
from drive_gen.envs.reference import resolved
from drive_gen.envs.world import EnvConfig
from drive_gen.evaluate.folder import SUMMARY, read_rows
from drive_gen.report.film import Details
from drive_gen.report.selection import badness
from drive_gen.report.thoughts import Decisions, Listener, details_of

WORST = "worst"


class Take(NamedTuple):
    """One episode to show, from one agent's side."""

    episode: Episode
    agent: int
    details: Details | None


def store_at(path: Path) -> Path | None:
    """The episode store that a path is, or that the evaluation there holds; None where there is none."""
    return next((folder for folder in (path, path / "episodes") if (folder / INDEX).is_file()), None)


def drive(reference: str, config: EnvConfig, seed: int, mode: str | None = None) -> Take:
    """Let a driver drive the world of a seed; a behaviour model's thoughts are kept."""
    driver = load_driver(reference, config, seed, mode)
    listener = Listener(driver.policy) if hasattr(driver.policy, "predict_with_details") else None
    env = driver.env_for(config)
    try:
        episode, _ = roll_out(env, listener or driver.policy, seed, driver.name)
    finally:
        env.close()
    agent = int(episode.ego or 0)
    return Take(episode, agent, details_of(episode, agent, decisions_of(episode), listener))


def stored(store: Path, which: str = "0", agent: int | None = None) -> Take:
    """An episode of a store by its number, a part of its key that no other has, or an evaluation's worst."""
    row = _row_of(read_index(store), worst_of(store.parent) if which == WORST else which, store)
    episode = read_shard(store / row.shard, [row])[0]
    number = _agent_of(episode, agent)
    try:
        details = details_of(episode, number, decisions_of(episode))
    except InputError:  # frames that fit no decisions: the film shows what there is
        details = None
    return Take(episode, number, details)


def scenario_at(path: Path) -> Path | None:
    """The scenario's file that a path is, or that the folder there holds; None where there is none."""
    return next((file for file in (path, path / "scenario.yaml")
                 if file.suffix in (".yaml", ".yml") and file.is_file()), None)


def played(path: Path, agent: int | None = None) -> Take:
    """What comes of a scenario, whose drivers do as it says."""
    from drive_gen.envs.scenario import Scenario
    from drive_gen.language.play import play

    episode = play(Scenario.read(path))
    return Take(episode, _agent_of(episode, agent), None)


def worst_of(evaluation: Path) -> str:
    """The key of the worst episode of the driver that an evaluation is of, as its report ranks them."""
    rows = read_rows(evaluation)
    if not rows:
        raise InputError(f"{evaluation} is no evaluation, which alone has a worst episode; give a number")
    driver = rows[0]["driver"]  # the evaluated one drives first
    if (evaluation / SUMMARY).exists():
        driver = read_json(evaluation / SUMMARY, "an evaluation's summary")["drivers"][0]["name"]
    return str(min((row for row in rows if row["driver"] == driver), key=badness)["store_key"])


def decisions_of(episode: Episode) -> Decisions:
    """How the episode's driver decides: by its environment's settings, or as its notes say."""
    notes = episode.source.notes
    if "config" in notes:
        settings = resolved(from_mapping(EnvConfig, notes["config"], "the episode's notes"))
        speeds = settings["action"].get("target_speeds")
        return Decisions(1 / settings["policy_frequency"], TARGET_SPEEDS_MPS if speeds is None else speeds)
    return Decisions(float(notes.get("decision_s", Decisions.every_s)),
                     notes.get("target_speeds_mps", TARGET_SPEEDS_MPS))


def _row_of(rows: list[Row], which: str, store: Path) -> Row:
    if not rows:
        raise InputError(f"{store} holds no episodes")
    if which.isdecimal():
        if int(which) < len(rows):
            return rows[int(which)]
        raise InputError(f"{store} holds episodes 0 to {len(rows) - 1}, not {which}")
    # Whole parts first: behavior/100 is not behavior/1000.
    found = ([row for row in rows if f"/{which}/" in f"/{row.key}/"]
             or [row for row in rows if which in row.key])
    if len(found) == 1:
        return found[0]
    some = ", ".join(row.key for row in (found or rows)[:3])
    raise InputError(f"{len(found) or 'no'} episodes of {store} have {which!r} in their key; give a number, "
                     f"or a part of one key alone: {some}, ...")


def _agent_of(episode: Episode, agent: int | None) -> int:
    """The agent asked for by its id, else the ego, else the one that is there longest."""
    if agent is not None:
        places = np.flatnonzero(episode.agent_id == agent)
        if not len(places):
            ids = ", ".join(str(number) for number in episode.agent_id[:8])
            raise InputError(f"no agent {agent} in {episode.source.name}; there are {ids}"
                             f"{', ...' if episode.agents > 8 else ''}")
        return int(places[0])
    return int(episode.ego if episode.ego is not None else episode.valid.sum(1).argmax())
