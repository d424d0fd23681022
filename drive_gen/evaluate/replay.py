"""A driver in place of logged cars: how far from what people did it goes, and what it runs into.

The other cars do again what they did, so a car that hits the driver from behind is no fault of its own; or
they react, as IDM and MOBIL would.
Beside it stand constant velocity, IDM, and the log itself, which says how much of a figure is the log's own
noise.
"""

from __future__ import annotations

import dataclasses
import time
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from drive_gen.data.store import key_of, read_index
from drive_gen.drivers import Driver, load_driver
from drive_gen.envs.episode import Episode, Scene
from drive_gen.envs.files import InputError, hash_of, write_json
from drive_gen.envs.reference import versions
from drive_gen.envs.replay import TARGET_SPEEDS_MPS, Replay
from drive_gen.envs.simulator.simulated_replay import Others, SimulatedReplay
from drive_gen.envs.world import EnvConfig
from drive_gen.evaluate.cases import HELD_OUT, HISTORY_S, Case, choose_cases, episode_of
from drive_gen.evaluate.contacts import contacts
from drive_gen.evaluate.folder import SCHEMA, SUMMARY, open_folder, read_rows, run_units
from drive_gen.evaluate.replay_metrics import (
    ade_difference,
    case_figures,
    displacement_figures,
    motion_distances,
    rows_by_driver,
)
from drive_gen.evaluate.rows import Row, conflict_figures, motion_figures
from drive_gen.evaluate.safety import off_road
from drive_gen.evaluate.staged import scenario_files, staged
from drive_gen.policies.policy import Policy
from drive_gen.policies.rules import ConstantVelocity, Idm

CONSTANT_VELOCITY, IDM, LOG = RULES = ("constant velocity", "idm", "log")
RULE_DECISION_S = 0.2
SCENARIOS = "scenarios"  # in the evaluation's folder: what came of them by their script
META_DECISION_S = 1.0  # where a driver does not say
SPEED_SCALE_MPS = 20.0  # of an observation's speeds


@dataclasses.dataclass(frozen=True)
class _Setting:
    """What every replay of one evaluation shares."""

    reference: str
    mode: str | None
    data: Path
    driver_hash: str
    others: Others


@dataclasses.dataclass(frozen=True)
class _Unit:
    driver: str
    case: Case


@dataclasses.dataclass(frozen=True)
class _Pilot:
    """Who takes a car over, and how."""

    policy: Policy
    decision_s: float
    target_speeds_mps: tuple[float, ...] = TARGET_SPEEDS_MPS
    context_steps: int = 0  # decisions of the log it is shown first
    actions: str = "continuous"


def evaluate_replay(reference: str, data: Path, out: Path, *, cases: int = 100, horizon_s: float = 6.0,
                    seed: int = 0, mode: str | None = None, others: Others = "log", workers: int = 0,
                    command: str = "") -> dict[str, Any]:
    """Hand up to `cases` held-out cars of the store `data` to the driver and to the floors; the summary.

    Or the egos of scenarios, where `data` is a scenario's file or a folder of such files: they are played as
    their script says, into `out`/scenarios. The others do what they did (others="log"), or IDM and MOBIL
    drive them in the simulator ("idm").
    Writes `out` as a closed-loop evaluation does: summary.json, rows.jsonl, the episodes. A killed run goes
    on where it was.
    """
    if cases < 1 or not horizon_s > 0:
        raise InputError(f"a replay needs a case and a horizon above 0 s, got {cases} and {horizon_s}")
    main = load_driver(reference, EnvConfig(), mode=mode)
    if hasattr(main.policy, "attach"):
        raise InputError(f"{reference} reads highway-env's own world and cannot drive in a log; give a "
                         "checkpoint, or one of slower, idle, gap, idm")
    chosen, store = _chosen(data, out, horizon_s, cases, seed)
    setting = _Setting(reference, mode, store, main.hash, others)
    digest = hash_of([horizon_s, *([] if others == "log" else [others]),
                      *(dataclasses.astuple(case) for case in chosen),
                      *(row.sha256 for row in read_index(store) if row.split in HELD_OUT)])
    hashes = {main.name: main.hash} | {name: hash_of(name) for name in RULES if name != main.name}
    kept = open_folder(out, {name: (value, digest) for name, value in hashes.items()}, range(len(chosen)))
    done = {(row["driver"], row["seed"]) for row in kept}
    units = [_Unit(name, case) for name in hashes for case in chosen if (name, case.number) not in done]
    run_units(out, units, partial(_row_of, setting, hashes, digest), workers, f"replaying {data.name}")
    summary = {"schema": SCHEMA, "kind": "replay",
               "config": {"data": str(data), "splits": list(HELD_OUT), "history_s": HISTORY_S, "seed": seed,
                          "others": others, "scenarios": store != data},
               "config_hash": digest, "mode": mode or "as trained", "versions": versions(),
               "command": command, "cases": len(chosen), "horizon_s": horizon_s,
               "episodes_per_driver": len(chosen), "seeds": {"first": 0, "count": len(chosen)},
               **_figures(out, hashes, reference)}
    write_json(out / SUMMARY, summary)
    return summary


def _chosen(data: Path, out: Path, horizon_s: float, count: int, seed: int) -> tuple[list[Case], Path]:
    """The cases, and the store that they are of."""
    files = scenario_files(data)
    if not files:
        return choose_cases(data, horizon_s, count, seed), data
    return staged(files[:count], out / SCENARIOS, horizon_s), out / SCENARIOS


def _figures(out: Path, hashes: dict[str, str], reference: str) -> dict[str, Any]:
    """What the rows and the stored episodes say of each driver, the main one first, and beside the others."""
    rows, distances = rows_by_driver(read_rows(out), hashes), motion_distances(out, LOG)
    main, *others = rows
    drivers = [{"name": name, "reference": reference if name == main else name, "hash": hashes[name],
                "metrics": {**case_figures(mine), **distances[name]}} for name, mine in rows.items()]
    differences = [{"driver": main, "other": other, **ade_difference(rows[main], rows[other])}
                   for other in others if other != LOG]
    return {"groups": len({row["group"] for row in rows[main]}), "drivers": drivers,
            "ade_differences": differences}


def _row_of(setting: _Setting, hashes: dict[str, str], digest: str, unit: _Unit) -> list[tuple[Row, Episode]]:
    """One car in one driver's hands: its row and its episode."""
    case, log = unit.case, episode_of(setting.data, unit.case.key)
    driven, about = _as_logged(log, case) if unit.driver == LOG else _handed_over(setting, unit, log)
    row = {"driver": unit.driver, "seed": case.number, "recording": log.source.name,
           "group": log.source.group, "agent_id": int(log.agent_id[case.agent]), "start": case.start, **about,
           "off_road": bool(off_road(driven, case.agent).any()), **displacement_figures(log, driven, case),
           **motion_figures(driven, case.agent), **conflict_figures(driven, case.agent),
           "store_key": key_of(driven.source), "driver_hash": hashes[unit.driver], "config_hash": digest}
    # Cars that are elsewhere in the recording's time need no place in the store.
    return [(row, driven.only(np.flatnonzero(driven.valid.any(1))))]


def _handed_over(setting: _Setting, unit: _Unit, log: Episode) -> tuple[Episode, Row]:
    """What a driver did with a car, and what became of it."""
    case = unit.case
    pilot = _pilot(setting, unit.driver, log, case)
    place = (log, case.agent, case.start, case.start + case.frames, pilot.decision_s, pilot.target_speeds_mps)
    replay = SimulatedReplay(*place, meta=pilot.actions == "meta", others=setting.others)
    decision_ms = _drive(replay, pilot)
    driven = replay.episode(unit.driver)
    met = replay.collision.agent_id if replay.collision else None
    at_fault = any(contact.at_fault for contact in contacts(driven, case.agent)
                   if int(driven.agent_id[contact.other]) == met)
    return driven, {"collision": met is not None, "at_fault": at_fault, "decision_ms": decision_ms}


def _as_logged(log: Episode, case: Case) -> tuple[Episode, Row]:
    """What the car itself did, as the episode of the driver `log`; boxes that overlap first are its noise."""
    name = f"replay/{log.source.name}/{int(log.agent_id[case.agent])}/{case.start}"
    driven = dataclasses.replace(log.window(case.start, case.start + case.frames), ego=case.agent,
                                 source=dataclasses.replace(log.source, name=name, driver=LOG))
    met = [contact for contact in contacts(driven, case.agent) if contact.frame > 0]
    return driven, {"collision": bool(met), "at_fault": any(contact.at_fault for contact in met),
                    "decision_ms": None}


def _drive(replay: Replay, pilot: _Pilot) -> float:
    """Drive a replay to its end; milliseconds a decision."""
    observation, state, spent_s, decisions = replay.reset(), _primed(replay, pilot), 0.0, 0
    fresh = np.array([state is None])
    while not replay.done:
        start_s = time.perf_counter()
        actions, state = pilot.policy.predict(observation[None], state, fresh,
                                              deterministic=not getattr(pilot.policy, "sampling", False))
        spent_s, decisions, fresh = spent_s + time.perf_counter() - start_s, decisions + 1, np.array([False])
        observation, _ = replay.step(actions[0])
    return spent_s / decisions * 1e3


def _primed(replay: Replay, pilot: _Pilot) -> Any:
    """The state of a policy that has seen the log up to the handover, the log's actions as its own."""
    state: Any = None
    if not pilot.context_steps:
        return None
    seen, done = replay.history(pilot.context_steps, "meta" if pilot.actions == "meta" else "continuous")
    for observation, action in zip(seen, done, strict=True):
        given, state = pilot.policy.predict(observation[None], state, np.array([state is None]),
                                            deterministic=True)
        state = state._replace(action=np.asarray(action, dtype=given.dtype)[None])
    return state


def _pilot(setting: _Setting, name: str, log: Episode, case: Case) -> _Pilot:
    rule_s = max(round(RULE_DECISION_S / log.dt_s), 1) * log.dt_s
    if name == CONSTANT_VELOCITY:
        return _Pilot(ConstantVelocity(), rule_s)
    if name == IDM:
        return _Pilot(Idm(target_speed_mps=fastest_mps(log.scene(case.start))), rule_s)
    driver = _main_driver(setting)
    config: Any = getattr(driver.policy, "config", None)
    decision_s = getattr(config, "decision_s", META_DECISION_S)
    return _Pilot(driver.policy, decision_s, getattr(config, "target_speeds_mps", None) or TARGET_SPEEDS_MPS,
                  getattr(config, "context_steps", 0), driver.actions)


def fastest_mps(scene: Scene) -> float:
    """The desired speed that IDM gets: that of the fastest car in sight (it also keeps to the lane's limit).

    What a logged driver wanted is not known, and its future may not be read; on a congested road the limit
    alone would have IDM close every gap at 3 m/s^2.
    """
    return float(max(scene.speed_mps.max(), 1.0))


@lru_cache(maxsize=1)
def _main_driver(setting: _Setting) -> Driver:
    """The evaluated driver, loaded once a process and hash, as a run may be trained anew."""
    return load_driver(setting.reference, EnvConfig(), mode=setting.mode)
