"""Does a driver need attention, or does a GRU remember enough? python scripts/compare_memories.py --help

Both imitate meta-actions (mode bc) with the same tokens, heads, windows, batches, updates and seeds, and
drive the same evaluation seeds; the weights that drive are the last. What is finished is kept: the same
command goes on where it was.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import tyro

from drive_gen.data.store import iterate_episodes
from drive_gen.envs.config import from_mapping
from drive_gen.envs.files import InputError, write_json, write_text
from drive_gen.envs.world import EnvConfig
from drive_gen.evaluate.closed_loop import evaluate_closed_loop
from drive_gen.evaluate.folder import read_rows
from drive_gen.evaluate.rows import Row
from drive_gen.evaluate.statistics import Estimate, run_difference
from drive_gen.policies.behavior import BehaviorTransformer
from drive_gen.policies.config import Steering
from drive_gen.train.behavior import resume_behavior, train_behavior
from drive_gen.train.config import TrainBehaviorConfig, behavior_preset

DONE = "done.json"
MEMORIES = ("attention", "gru")
FLOORS = ("slower", "idm")


@dataclass(frozen=True)
class Comparison:
    """Compare drivers of either memory at equal updates."""

    data: Path  # episode store of a teacher's simulated episodes
    out: Path  # folder for the runs, evaluations, comparison.json and comparison.md
    seeds: int = 3
    steps: int = 600  # updates of each training
    preset: Literal["quick", "base"] = "quick"
    episodes: int = 100  # evaluation episodes of a network
    first_seed: int = 10000  # of the evaluation
    workers: int = 0  # processes of the evaluation; 0 means one a core


def main(wanted: Comparison) -> int:
    """Train and evaluate every driver, and say how they compare."""
    env = env_of(wanted.data)
    rows: dict[str, list[list[Row]]] = {}
    weights: dict[str, int] = {}
    for memory in MEMORIES:
        runs = [trained(wanted, memory, seed) for seed in range(wanted.seeds)]
        rows[memory] = [driven(wanted, str(run / "checkpoints" / "last"), env, run.name) for run in runs]
        model = BehaviorTransformer.from_pretrained(runs[0])
        weights[memory] = sum(tensor.numel() for tensor in model.parameters())
    rows |= {name: [driven(wanted, f"baseline:{name}", env, name)] for name in FLOORS}
    say([{"driver": name, "weights": weights.get(name), **compared(runs, rows[MEMORIES[0]])}
         for name, runs in rows.items()], wanted)
    return 0


def env_of(data: Path) -> EnvConfig:
    """The world that the episodes were driven in."""
    episode = next(iterate_episodes(data, "train"), None)
    if episode is None or episode.source.kind != "simulated":
        raise InputError(f"{data} has no simulated episodes to train on; `drive-gen collect` writes some")
    return from_mapping(EnvConfig, episode.source.notes["config"], f"{data}: the episodes' environment")


def trained(wanted: Comparison, memory: str, seed: int) -> Path:
    """The folder of one finished run."""
    run = wanted.out / "runs" / f"{memory}-{seed}"
    if not (run / DONE).exists():
        if (run / "training_state").exists():
            resume_behavior(run)
        else:
            train_behavior([wanted.data], run, training(wanted, memory, seed))
        write_json(run / DONE, {"seed": seed})
    return run


def training(wanted: Comparison, memory: str, seed: int) -> TrainBehaviorConfig:
    """The settings of one run; it is driven afterwards only, since its last weights count."""
    base = behavior_preset(wanted.preset)
    return replace(base, model=replace(base.model, memory=memory),  # type: ignore[arg-type]
                   loop=replace(base.loop, steps=wanted.steps, seed=seed),
                   drive=replace(base.drive, episodes=0, steering=Steering("bc")))


def driven(wanted: Comparison, reference: str, env: EnvConfig, name: str) -> list[Row]:
    """The rows of one driver on the evaluation seeds, in their order."""
    folder = wanted.out / "evaluations" / name
    evaluate_closed_loop(reference, env, folder, episodes=wanted.episodes, seed=wanted.first_seed, floors=(),
                         workers=wanted.workers)
    return sorted(read_rows(folder), key=lambda row: int(row["seed"]))


def compared(runs: Sequence[Sequence[Row]], attention: Sequence[Sequence[Row]]) -> dict[str, Any]:
    """One driver's figures over its training seeds, and its return less that of attention."""
    returns, other = (np.array([[row["return"] for row in run] for run in arm]) for arm in (runs, attention))
    flat = [row for run in runs for row in run]
    times = [row["decision_ms"] for row in flat if row["decision_ms"] is not None]
    return {"return": float(returns.mean()), "returns_of_seeds": returns.mean(1).tolist(),
            "difference": run_difference(returns, other, 0)._asdict(),
            "success": float(np.mean([row["success"] for row in flat])),
            "success_of_seeds": [float(np.mean([row["success"] for row in run])) for run in runs],
            "mean_speed_mps": float(np.sum([row["distance_m"] for row in flat])
                                    / np.sum([row["duration_s"] for row in flat])),
            "decision_ms": float(np.mean(times)) if times else None}


def say(rows: Sequence[dict[str, Any]], wanted: Comparison) -> None:
    """Print the table, and write it as JSON and Markdown."""
    head = ("driver", "weights", "return", "its seeds", "less attention's [95 %]", "success", "its seeds",
            "m/s")
    lines = [head, ("---",) * len(head), *map(cells, rows)]
    text = "\n".join("| " + " | ".join(line) + " |" for line in lines)
    said = (f"{wanted.episodes} episodes from seed {wanted.first_seed} for each of {wanted.seeds} training "
            f"seeds of {wanted.steps} updates")
    settings = {name: str(value) for name, value in asdict(wanted).items()}
    write_json(wanted.out / "comparison.json", {"settings": settings, "drivers": list(rows)})
    write_text(wanted.out / "comparison.md", f"{text}\n\n{said}\n")
    print(f"{text}\n\n{said}\nwrote {wanted.out / 'comparison.md'} and comparison.json")


def cells(row: dict[str, Any]) -> tuple[str, ...]:
    """One line of the table."""
    gain = Estimate(**row["difference"])
    spread, rates = (" ".join(f"{scale * value:.{digits}f}" for value in row[name]) for name, scale, digits in
                     (("returns_of_seeds", 1, 2), ("success_of_seeds", 100, 0)))
    return (row["driver"], f"{row['weights']:,}" if row["weights"] else "-", f"{row['return']:.2f}", spread,
            "-" if row["driver"] == MEMORIES[0] else f"{gain.value:+.2f} [{gain.low:+.2f}, {gain.high:+.2f}]",
            f"{100 * row['success']:.1f} %", rates, f"{row['mean_speed_mps']:.1f}")


if __name__ == "__main__":  # evaluation spawns processes, which import this file
    raise SystemExit(main(tyro.cli(Comparison)))
