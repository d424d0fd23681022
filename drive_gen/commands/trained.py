"""What a training verb says when it is done."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any


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
