"""What training verbs share: flags of the loop, going on with a run, what is said at the end."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any


def loop_of(**flags: Any) -> dict[str, Any]:
    """The loop's settings that were given."""
    return {name: value for name, value in flags.items() if value is not None}


def resumed(resume: Path | None, go_on: Callable[[Path], object], *others: Any) -> bool:
    """Go on with a run where one is named; no other flags are taken with it."""
    from drive_gen.envs.files import InputError

    if resume is None:
        return False
    if any(others):
        raise InputError("--resume goes on with the run's own settings; give no other flags with it")
    go_on(resume)
    return True


def folder_of(out: Path | None) -> Path:
    """The run's folder, which must have been given."""
    from drive_gen.envs.files import InputError

    if out is None:
        raise InputError("give --out FOLDER, or --resume FOLDER")
    return out


def evaluation_of(out: Path) -> str:
    """The command that measures a driver's run where its data come from: their environment, or their logs."""
    import json
    from dataclasses import asdict, replace

    from drive_gen.envs.files import write_text
    from drive_gen.envs.world import EnvConfig
    from drive_gen.train.behavior import env_of

    data = json.loads((out / "config.json").read_text(encoding="utf-8"))["data"]
    env = env_of([Path(path) for path in data])
    if env is None:
        where = f"--replay {data[0]}"
    elif replace(env, actions="auto") == (usual := EnvConfig(env=env.env)) or env == usual:
        where = f"--env {env.env}"
    else:  # more settings than --env can say
        kept = {name: value for name, value in asdict(env).items() if value != getattr(usual, name)}
        write_text(out / "env.yaml", json.dumps({"env": env.env, **kept}, indent=1) + "\n")
        where = f"--config {out / 'env.yaml'}"
    return f"drive-gen evaluate {out} {where} --out {out / 'evaluation'}"


def say_trained(out: Path, as_json: bool, scores_of: Callable[[Mapping[str, Any]], str], then: str) -> int:
    """A line for each evaluation of a run, what was written, and the next command."""
    import json

    rows = [line for line in map(json.loads, (out / "metrics.jsonl").read_text(encoding="utf-8").splitlines())
            if line["kind"] == "evaluation"]
    best = out / "checkpoints" / "best"
    if as_json:
        print(json.dumps({"out": str(out), "checkpoint": str(best), "evaluations": rows}, indent=1))
        return 0
    for row in rows:
        print(f"step {row['step']:6d}  {scores_of(row)}")
    print(f"wrote {best}; next: {then}")
    return 0
