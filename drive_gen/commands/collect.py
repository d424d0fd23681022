"""`drive-gen collect`: drivers in highway-env, recorded as episodes of every vehicle."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from drive_gen.data.rollout import Outcome
    from drive_gen.envs.world import EnvConfig

SMALL_PPO_STEPS = 6_000  # enough to beat random driving; `drive-gen train ppo` trains a better one


def collect(*, out: Path, env: str | None = None, config: Path | None = None, drivers: str = "idm,gap",
            episodes: int = 200, seed: int = 0, workers: int = 0, explore: float = 0.0,
            advisor: str | None = None, handover: int = 0, ppo: Path | None = None,
            engine: Literal["simulator", "reference"] = "simulator", json: bool = False) -> int:
    """Record drivers in highway-env as episodes of all vehicles, every simulation frame.

    A stopped collection goes on where it was: give the same command again.

    Args:
        out: Episode store to write or to add to.
        env: Environment id of highway-env (highway-fast-v0 where neither this nor --config is given).
        config: YAML file of an environment's settings (lanes, vehicles, density, duration_s, ...).
        drivers: Comma-separated: idm, gap, slower, idle, random, planner, careful, ppo, checkpoint folders,
            or FILE.py:NAME (docs/drivers.md).
        episodes: Episodes of each driver.
        seed: The first episode's seed; the others follow, the same for each driver.
        workers: Processes; 0 means one a core. The store is the same whatever their number.
        explore: Share of decisions replaced by random meta-actions.
        advisor: A driver (planner, careful) whose meta-action is recorded as advice at every decision.
        handover: The advisor takes over for good at a random decision from 1 to this one; 0 for never.
        ppo: Folder of the PPO driver that "ppo" means; runs/ppo, or a small one trained first, if not given.
        engine: The simulator, equal to highway-env and much faster; or highway-env itself.
        json: Print only the table, as JSON.
    """
    import sys

    from drive_gen.data.rollout import collect as collect_episodes
    from drive_gen.envs.files import InputError

    names = [name.strip() for name in drivers.split(",") if name.strip()]
    if not names:
        raise InputError("--drivers names nobody; give for example --drivers idm,gap")
    chosen = read_config(env, config)
    references = [str(_ppo_folder(ppo, chosen, out, workers)) if name == "ppo" else name for name in names]
    outcomes: list[Outcome] = []
    try:
        rows = collect_episodes(chosen, references, episodes, seed, out, workers, explore=explore,
                                advisor=advisor, handover=handover, engine=engine, on_outcome=outcomes.append)
    except KeyboardInterrupt:
        print(f"stopped; the finished episodes are in {out}; the same command goes on from there",
              file=sys.stderr)
        raise
    _say(outcomes, out, passed=len(names) * episodes - len(rows), as_json=json)
    return 0


def read_config(env: str | None, path: Path | None) -> EnvConfig:
    """The environment's settings; --env goes before the file's."""
    import dataclasses

    from drive_gen.envs.config import read_yaml
    from drive_gen.envs.world import EnvConfig

    config = read_yaml(EnvConfig, path) if path else EnvConfig()
    return dataclasses.replace(config, env=env) if env else config


def _ppo_folder(given: Path | None, config: EnvConfig, out: Path, workers: int) -> Path:
    """Where the PPO driver is; a small one is trained beside the store where there is none."""
    import os
    import sys

    from drive_gen.drivers import find_ppo
    from drive_gen.envs.files import InputError
    from drive_gen.train.ppo import PpoTraining, train_ppo

    beside = out.parent / "ppo"
    if given is not None or (beside / "checkpoints").exists():
        return given or beside
    try:
        return find_ppo()
    except InputError:
        print(f"no PPO driver found; training a small one into {beside} ({SMALL_PPO_STEPS} decisions)",
              file=sys.stderr)
        train_ppo(config, beside, PpoTraining(steps=SMALL_PPO_STEPS), workers or len(os.sched_getaffinity(0)))
        return beside


def _say(outcomes: list[Outcome], out: Path, passed: int, as_json: bool) -> None:
    import json

    from rich.table import Table

    from drive_gen.commands.show import show

    rows = [_row(name, [outcome for outcome in outcomes if outcome.driver == name])
            for name in dict.fromkeys(outcome.driver for outcome in outcomes)]
    if as_json:
        print(json.dumps({"out": str(out), "held_before": passed, "drivers": rows}, indent=1))
        return
    table = Table("driver", "episodes", "success", "mean speed (m/s)", "return")
    for column in table.columns[1:]:
        column.justify = "right"
    for row in rows:
        table.add_row(row["driver"], str(row["episodes"]), f"{row['success']:.0%}",
                      f"{row['mean_speed_mps']:.1f}", f"{row['return']:.2f}")
    if rows:
        show(table)
    held = f" ({passed} were there already)" if passed else ""
    print(f"wrote {out}: {len(outcomes)} episodes{held}; "
          f"next: drive-gen train behavior --data {out} --out runs/behavior")


def _row(name: str, outcomes: list[Outcome]) -> dict[str, Any]:
    count = len(outcomes)
    return {"driver": name, "episodes": count,
            "success": sum(outcome.success for outcome in outcomes) / count,
            "mean_speed_mps": sum(outcome.mean_speed_mps for outcome in outcomes) / count,
            "return": sum(outcome.return_ for outcome in outcomes) / count}
