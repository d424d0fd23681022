"""`drive-gen evaluate`: a driver beside the floors, in highway-env, in logs or in scenarios."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import tyro


def evaluate(reference: Annotated[str, tyro.conf.Positional], /, *, out: Path, env: str | None = None,
             config: Path | None = None, episodes: int = 100, seed: int = 10000,
             floor: str = "slower,idle,gap,idm", mode: Literal["tilt", "bc", "target"] | None = None,
             engine: Literal["simulator", "reference"] = "simulator", replay: Path | None = None,
             cases: int = 100, horizon_s: float = 6.0, others: Literal["log", "idm"] = "log",
             workers: int = 0, json: bool = False) -> int:
    """Measure a driver beside the floor drivers, on the same seeds, and keep every episode.

    A killed run goes on where it was: give the same command again.

    Args:
        reference: A run or checkpoint folder; FILE.py:NAME, a driver of your own (docs/drivers.md); or
            baseline:NAME (slower, idle, gap, idm, random, planner, careful, ppo).
        out: Folder to write: summary.json, rows.jsonl and the episodes.
        env: Environment id of highway-env (highway-fast-v0 where neither this nor --config is given).
        config: YAML file of an environment's settings (lanes, vehicles, density, duration_s, ...).
        episodes: Episodes a driver.
        seed: The first episode's seed; the others follow.
        floor: Drivers to stand beside it, comma-separated; "none" for none. With --replay they are always
            constant velocity and IDM.
        mode: How a behaviour transformer picks its return: tilted, none asked (bc), or a number
            (target); as in its training's evaluations if not given.
        engine: The simulator, equal to highway-env and much faster; or highway-env itself.
        replay: A store of logged episodes: hand its held-out cars to the driver instead. Or scenarios, a
            file or a folder of `generate` or `sample`: hand the ego of each to the driver.
        cases: With --replay, how many cars are handed over.
        horizon_s: With --replay, for how many seconds each.
        others: With --replay, what the other cars do: what they did (log), or react as IDM and MOBIL (idm).
        workers: Processes; 0 means one a core.
        json: Print only the summary, as JSON.
    """
    import shlex
    import sys

    command = shlex.join(["drive-gen", *sys.argv[1:]])
    if replay is not None:
        from drive_gen.evaluate.replay import evaluate_replay

        summary = evaluate_replay(reference, replay, out, cases=cases, horizon_s=horizon_s, seed=seed,
                                  mode=mode, others=others, workers=workers, command=command)
    else:
        from drive_gen.commands.collect import read_config
        from drive_gen.evaluate.closed_loop import evaluate_closed_loop

        floors = [] if floor == "none" else [name.strip() for name in floor.split(",") if name.strip()]
        summary = evaluate_closed_loop(reference, read_config(env, config), out, episodes=episodes,
                                       seed=seed, floors=floors, workers=workers, mode=mode, engine=engine,
                                       command=command)
    _say(summary, out, json)
    return 0


def _say(summary: dict[str, Any], out: Path, as_json: bool) -> None:
    import json

    from drive_gen.commands.show import show
    from drive_gen.evaluate.tables import paired_table, replay_table, verdict_table

    if as_json:
        print(json.dumps(summary, indent=1))
        return
    if summary["kind"] == "replay":
        show(replay_table(summary))
    else:
        show(verdict_table(summary))
        if summary["paired"]:
            show(paired_table(summary))
    print(f"wrote {out}: summary.json, rows.jsonl, episodes/; next: drive-gen report {out}")
