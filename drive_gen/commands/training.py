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
