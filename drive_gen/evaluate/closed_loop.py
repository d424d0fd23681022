"""A driver in highway-env beside the floor drivers: everyone on the same seeds, every episode kept."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from drive_gen.data.rollout import BATCH, batched, drive, seat_of
from drive_gen.drivers import BUILT_IN, Driver, Engine, load_driver
from drive_gen.envs.config import nearest
from drive_gen.envs.episode import Episode
from drive_gen.envs.files import InputError, write_json
from drive_gen.envs.reference import config_hash, versions
from drive_gen.envs.world import EnvConfig
from drive_gen.evaluate.folder import SCHEMA, SUMMARY, open_folder, read_rows, run_units
from drive_gen.evaluate.rows import Row, episode_row
from drive_gen.evaluate.summary import compare, driver_metrics

KNOWN = (*BUILT_IN, "ppo")  # who may be a floor
FLOORS = ("slower", "idle", "gap", "idm")


@dataclasses.dataclass(frozen=True)
class _Setting:
    """What every episode of one evaluation shares."""

    config: EnvConfig
    mode: str | None
    engine: Engine

    def load(self, reference: str) -> Driver:
        return load_driver(reference, self.config, mode=self.mode)

    def hashes(self, driver: Driver) -> tuple[str, str]:
        """The driver's own hash and its world's, which differs with the kind of actions it gives."""
        return driver.hash, config_hash(driver.config_for(self.config))


@dataclasses.dataclass(frozen=True)
class _Unit:
    reference: str
    driver_hash: str
    seeds: tuple[int, ...]


def evaluate_closed_loop(reference: str, config: EnvConfig, out: Path, *, episodes: int = 100,
                         seed: int = 10000, floors: Sequence[str] = FLOORS, workers: int = 0,
                         mode: str | None = None, engine: Engine = "simulator",
                         command: str = "") -> dict[str, Any]:
    """Drive seeds `seed` to seed + episodes - 1 with the driver and with each floor; returns the summary.

    Writes `out`: summary.json, rows.jsonl and the episodes. Rows that are there already, of the same drivers
    in the same world, are kept, so that a killed run goes on where it was.
    """
    if episodes < 1:
        raise InputError(f"an evaluation needs at least 1 episode, got {episodes}")
    floors = [_floor(name) for name in floors]
    setting, seeds = _Setting(config, mode, engine), range(seed, seed + episodes)
    drivers = _drivers(setting, (reference, *(f"baseline:{floor}" for floor in floors)))
    hashes = {driver.name: setting.hashes(driver) for driver in drivers.values()}
    kept = {(row["driver"], row["seed"]) for row in open_folder(out, hashes, seeds)}
    units = [_Unit(source, driver.hash, part) for source, driver in drivers.items()
             for part in batched([number for number in seeds if (driver.name, number) not in kept],
                                 BATCH if engine == "simulator" else 1)]
    run_units(out, units, partial(_drive, setting), workers, f"driving {config.env}")
    rows = read_rows(out)
    summary = {"schema": SCHEMA, "kind": "closed_loop", "config": _named(config),
               "config_hash": config_hash(config), "mode": mode or "as trained", "engine": engine,
               "versions": versions(), "command": command, "episodes_per_driver": episodes,
               "seeds": {"first": seed, "count": episodes}, **_figures(drivers, rows)}
    write_json(out / SUMMARY, summary)
    return summary


def _figures(drivers: dict[str, Driver], rows: Sequence[Row]) -> dict[str, Any]:
    """The summary's `drivers`, the main one first, and `paired`: the main one against each of the others."""
    by_driver = {driver.name: [row for row in rows if row["driver"] == driver.name]
                 for driver in drivers.values()}
    main, *others = by_driver
    named = [{"name": driver.name, "reference": source, "hash": driver.hash,
              "metrics": driver_metrics(by_driver[driver.name])} for source, driver in drivers.items()]
    paired = [{"driver": main, "other": other, **compare(by_driver[main], by_driver[other])}
              for other in others if len(by_driver[main]) > 1]  # one seed compares nobody
    return {"drivers": named, "paired": paired}


def _floor(name: str) -> str:
    """The floor driver of a name, as a user writes it."""
    floor = name.removeprefix("baseline:")
    if floor not in KNOWN:
        names = ", ".join(KNOWN)
        raise InputError(f"--floor: no driver {name!r}{nearest(floor, KNOWN)}; one of: {names}, or none")
    return floor


def _drivers(setting: _Setting, references: Sequence[str]) -> dict[str, Driver]:
    """Reference -> driver; a floor that is the main driver again is left out."""
    drivers: dict[str, Driver] = {}
    for source in references:
        driver = setting.load(source)
        twin = next((other for other in drivers.values() if other.name == driver.name), None)
        if twin is None:
            drivers[source] = driver
        elif twin.hash != driver.hash:
            raise InputError(f"two drivers are named {driver.name!r}; rename the folder of one")
    return drivers


def _drive(setting: _Setting, unit: _Unit) -> list[tuple[Row, Episode]]:
    driver, worlds = seat_of(unit.reference, setting.config, 0, setting.mode, unit.driver_hash,
                             setting.engine)
    driver_hash, world_hash = setting.hashes(driver)
    found = []
    for episode, outcome in drive(worlds, driver.policy, unit.seeds, driver.name):
        row = episode_row(episode, episode.ego or 0, outcome)
        if driver.ego == "idm":  # it decides inside the step: there is no time to tell
            row["decision_ms"] = None
        found.append(({**row, "driver_hash": driver_hash, "config_hash": world_hash}, episode))
    return found


def _named(config: EnvConfig) -> dict[str, Any]:
    """The settings that are not highway-env's defaults."""
    return {name: value for name, value in dataclasses.asdict(config).items() if value is not None}
