"""Do RNN, LSTM and GRU forecast as well as a transformer? python scripts/compare_predictors.py --help

Every network has the same encoder, head, loss, batches, updates and seeds; only what reads the history
differs. The weights compared are the last, so that nothing is chosen on the held-out groups. What is finished
is kept: the same command goes on where it was.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import tyro

from drive_gen.envs.files import write_json, write_text
from drive_gen.evaluate.prediction import (
    AT_S,
    BOOTSTRAP_SEED,
    MODES,
    Errors,
    as_forecaster,
    figures_of,
    floors,
    held_out_windows,
    parameters_of,
    window_errors,
)
from drive_gen.evaluate.statistics import bootstrap_mean
from drive_gen.predict.config import MEMORIES, PredictorTraining, predictor_preset
from drive_gen.predict.predictor import Predictor
from drive_gen.train.predict import train_predictor

DONE = "done.json"
HONEST, FLOOR = "transformer", "constant velocity"  # whom the others keep honest, and who has one future only
LAST, LIKELIEST = (f"ade_{modes}_{AT_S[-1]}s" for modes in MODES[::-1])


@dataclass(frozen=True)
class Comparison:
    """Compare predictors of one store at equal updates."""

    data: Path  # episode store; the validation and test splits are what is predicted
    out: Path  # folder for the runs, comparison.json and comparison.md
    seeds: int = 3
    steps: int = 1000  # updates of each training
    preset: Literal["quick", "base"] = "quick"
    stride: int = 2  # frames between the beginnings of a car's windows, in the evaluation
    most: int = 20_000  # windows of the evaluation


def main(wanted: Comparison) -> int:
    """Train and evaluate every memory, and say how they compare."""
    settings = training(wanted, MEMORIES[0], 0)
    windows = held_out_windows(wanted.data, settings.model, wanted.stride, wanted.most)
    dt_s, found = settings.model.dt_s, dict[str, list[Errors]]()
    parameters: dict[str, int] = {}
    for memory in MEMORIES:
        for seed in range(wanted.seeds):
            model = Predictor.from_pretrained(trained(wanted, memory, seed) / "checkpoints" / "last")
            parameters[memory] = parameters_of(model)
            found.setdefault(memory, []).append(window_errors(as_forecaster(model), windows, dt_s))
    found |= {name: [window_errors(floor, windows, dt_s)] for name, floor in floors(dt_s).items()}
    rows = [{"predictor": name, "parameters": parameters.get(name, 0),
             **compared(name, found, windows.groups)} for name in found]
    say(rows, wanted, len(windows), len(np.unique(windows.groups)))
    return 0


def training(wanted: Comparison, memory: str, seed: int) -> PredictorTraining:
    """The settings of one run."""
    base = predictor_preset(wanted.preset)
    return replace(base, model=replace(base.model, memory=memory),  # type: ignore[arg-type]
                   loop=replace(base.loop, steps=wanted.steps, seed=seed))


def trained(wanted: Comparison, memory: str, seed: int) -> Path:
    """The folder of one finished run."""
    run = wanted.out / "runs" / f"{memory}-{seed}"
    if not (run / DONE).exists():
        train_predictor([wanted.data], run, training(wanted, memory, seed),
                        resume=(run / "training_state").exists())
        write_json(run / DONE, {"seed": seed})
    return run


def compared(name: str, found: dict[str, list[Errors]], groups: np.ndarray) -> dict[str, Any]:
    """Errors, each window's mean over the training seeds; the seeds' means; less the others'."""
    mean = mean_of(found[name])

    def less(other: str, figure: str) -> dict[str, float]:
        difference = mean[figure] - mean_of(found[other])[figure]
        return bootstrap_mean(difference, BOOTSTRAP_SEED, groups)._asdict()

    return {**figures_of(mean, groups), "seeds": [float(run[LAST].mean()) for run in found[name]],
            "difference": less(HONEST, LAST), "gain": less(FLOOR, LIKELIEST)}


def mean_of(runs: Sequence[Errors]) -> Errors:
    """Each window's errors, mean over runs."""
    return {name: np.mean([run[name] for run in runs], axis=0) for name in runs[0]}


def say(rows: Sequence[dict[str, Any]], wanted: Comparison, windows: int, groups: int) -> None:
    """Print the table, and write it as JSON and Markdown."""
    head = ("predictor", "weights", "minADE6 at 1 to 5 s", "minFDE6 at 1 to 5 s", "minADE6, 5 s [95 %]",
            "its seeds", "less the transformer's", "minADE1, 5 s [95 %]", "less constant velocity's",
            "minFDE1, 5 s", "misses of 6")
    lines = [head, ("---",) * len(head), *map(cells, rows)]
    settings = {name: str(value) if isinstance(value, Path) else value
                for name, value in asdict(wanted).items()}
    text = "\n".join("| " + " | ".join(line) + " |" for line in lines)
    said = (f"{windows} windows of {groups} held-out groups, errors in metres, mean of {wanted.seeds} "
            f"training seeds of {wanted.steps} updates; intervals over groups")
    write_json(wanted.out / "comparison.json", {"settings": settings, "windows": windows, "groups": groups,
                                                "rows": list(rows)})
    write_text(wanted.out / "comparison.md", f"{text}\n\n{said}. Settings: `{json.dumps(settings)}`\n")
    print(f"{text}\n\n{said}\nwrote {wanted.out / 'comparison.md'} and comparison.json")


def cells(row: dict[str, Any]) -> tuple[str, ...]:
    """One line of the table."""
    series = [" / ".join(f"{row[f'{kind}_6_{second}s']:.2f}" for second in AT_S) for kind in ("ade", "fde")]
    seeds = row["seeds"]
    return (row["predictor"], f"{row['parameters']:,}" if row["parameters"] else "-", *series,
            written(row, LAST), f"{min(seeds):.3f} to {max(seeds):.3f}" if len(seeds) > 1 else "-",
            "-" if row["predictor"] == HONEST else signed(row["difference"]), written(row, LIKELIEST),
            "-" if row["predictor"] == FLOOR else signed(row["gain"]), f"{row[f'fde_1_{AT_S[-1]}s']:.2f}",
            f"{100 * row['miss_6']:.1f} %")


def written(row: dict[str, Any], name: str) -> str:
    """A figure with its interval."""
    return f"{row[name]:.3f} [{row[f'{name}_low']:.3f}, {row[f'{name}_high']:.3f}]"


def signed(figure: dict[str, float]) -> str:
    """A difference with its interval."""
    return "{value:+.3f} [{low:+.3f}, {high:+.3f}]".format(**figure)


if __name__ == "__main__":
    raise SystemExit(main(tyro.cli(Comparison)))
