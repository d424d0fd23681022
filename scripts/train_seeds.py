"""How much a training's result hangs on its seed: python scripts/train_seeds.py --out runs/seeds --data STORE

Trains each task's quick preset with several seeds of weights and batches, on the same data and as many
updates, and prints what each run's best checkpoint scores on what its training held out, with 95 % intervals
of the mean (Student's t). What is finished is kept: the same command goes on where it was.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tyro
from scipy import stats

from drive_gen.envs.files import InputError, write_json, write_text

VAE = "vae"  # whose first run the task "image" draws in the latents of
TASKS: dict[str, tuple[str, ...]] = {
    "segment": ("segment", "--table", "0"),
    "risk, ViT": ("risk", "--model", "vit"),
    "risk, CNN": ("risk", "--model", "cnn"),
    "risk, CNN+GRU": ("risk", "--model", "cnn-gru"),
    "reader": ("reader",),
    "writer": ("writer",),
    "caption": ("caption",),
    "clip": ("clip",),
    VAE: ("vae",),
    "image": ("image",),
}
TAKE_DATA = ("reader", "writer", "caption", "clip", VAE, "image")
SECONDS = "seconds, wall"
NO_SCORE = ("kind", "step", "time", "score")


@dataclass(frozen=True)
class Seeds:
    """Train every task with every seed."""

    out: Path  # folder for the runs, seeds.json and seeds.md
    data: Path | None = None  # store of `drive-gen collect requests`; each run makes its own otherwise
    tasks: tuple[str, ...] = tuple(TASKS)
    seeds: int = 3
    steps: int | None = None  # updates of each, instead of the preset's


def main(wanted: Seeds) -> int:
    """Train what is missing, print the table."""
    if unknown := [task for task in wanted.tasks if task not in TASKS]:
        raise InputError(f"no task is called {unknown[0]!r}; there are {', '.join(TASKS)}")
    if wanted.seeds < 2:
        raise InputError(f"an interval needs 2 seeds or more, got {wanted.seeds}")
    found: dict[str, list[dict[str, float]]] = {}
    for task in wanted.tasks:
        found[task] = [scores_of(trained(wanted, task, seed)) for seed in range(wanted.seeds)]
        write_json(wanted.out / "seeds.json", found)
        write_text(wanted.out / "seeds.md", markdown(found) + "\n")
        print(markdown({task: found[task]}), flush=True)
    print(f"{markdown(found)}\n\nwrote {wanted.out / 'seeds.md'} and seeds.json")
    return 0


def trained(wanted: Seeds, task: str, seed: int) -> Path:
    """The folder of one finished run."""
    run = wanted.out / f"{task.replace(', ', '-')}-{seed}"
    state = run / "training_state"
    command = [sys.executable, "-m", "drive_gen.cli", "train", TASKS[task][0]]
    if (run / "done").exists():
        return run
    if state.exists():
        command += ["--resume", str(run)]
    else:
        command += [*TASKS[task][1:], "--preset", "quick", "--seed", str(seed), "--out", str(run)]
        command += ["--data", str(wanted.data)] if wanted.data is not None and task in TAKE_DATA else []
        command += ["--vae", str(wanted.out / f"{VAE}-0")] if task == "image" else []
        command += ["--steps", str(wanted.steps)] if wanted.steps is not None else []
    resumed, start = state.exists(), time.perf_counter()
    if subprocess.run(command, check=False, stdout=subprocess.DEVNULL).returncode:
        raise InputError(f"the training in {run} did not end well; the same command goes on with it")
    # What a resumed run took before is not known here.
    write_json(run / "done", None if resumed else time.perf_counter() - start)
    return run


def scores_of(run: Path) -> dict[str, float]:
    """What the evaluation with the best score found."""
    lines = (run / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [row for row in map(json.loads, lines) if row["kind"] == "evaluation"]
    if not rows:
        raise InputError(f"{run} was never evaluated; train for longer")
    best: Mapping[str, Any] = max(rows, key=lambda row: row["score"])
    took_s = json.loads((run / "done").read_text(encoding="utf-8"))
    return {name: float(value) for name, value in best.items()
            if name not in NO_SCORE and isinstance(value, int | float)} | {SECONDS: took_s or float("nan")}


def interval(values: Sequence[float]) -> tuple[float, float]:
    """Mean, and half the width of its 95 % interval by Student's t."""
    each = np.asarray(values, np.float64)
    half = stats.t.ppf(0.975, len(each) - 1) * each.std(ddof=1) / np.sqrt(len(each))
    return float(each.mean()), float(half)


def markdown(found: Mapping[str, Sequence[Mapping[str, float]]]) -> str:
    """A row for each task and score."""
    lines = ["| task | score | of each seed | mean, 95 % |", "| --- | --- | --- | --- |"]
    for task, runs in found.items():
        for name in runs[0]:
            values = [run[name] for run in runs]
            mean, half = interval(values)
            digits = 0 if name == SECONDS else 3
            lines.append(f"| {task} | {name} | {', '.join(f'{value:.{digits}f}' for value in values)} | "
                         f"{mean:.{digits}f} ± {half:.{digits}f} |")
    return "\n".join(lines)


if __name__ == "__main__":
    raise SystemExit(main(tyro.cli(Seeds)))
