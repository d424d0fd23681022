"""Does training on generated episodes make a better driver? python scripts/compare_augmentation.py --help

Every arm gets the same number of updates, so that more data is all that an arm can gain from:

    real               a small subset of real episodes
    real, duplicated   the same again. Batches are drawn at random, so doubling every episode changes none of
                       their odds: this is "real" under other training seeds, and says what luck alone gives
    real + generated   the subset, and episodes generated from it alone by a diffusion model trained on it

Each arm is trained with several seeds, and every network drives the same evaluation seeds, which neither
training nor the choice of a checkpoint has seen. All of it goes on where it was when it is started again.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import tyro
from rich.console import Console
from rich.table import Table

from drive_gen.data.store import INDEX, read_episodes, write_episodes
from drive_gen.drivers import Engine
from drive_gen.envs.config import from_mapping
from drive_gen.envs.files import InputError, write_json, write_text
from drive_gen.envs.world import EnvConfig
from drive_gen.evaluate.closed_loop import evaluate_closed_loop
from drive_gen.evaluate.folder import Row, read_rows
from drive_gen.evaluate.statistics import Estimate, run_difference, stratified_bootstrap
from drive_gen.generate.augment import augment
from drive_gen.generate.candidates import Generation, parents_of
from drive_gen.generate.config import AugmentConfig, diffusion_preset
from drive_gen.generate.denoiser import Denoiser
from drive_gen.train.behavior import resume_behavior, train_behavior
from drive_gen.train.config import behavior_preset
from drive_gen.train.diffusion import train_diffusion

ARMS = ("real", "real, duplicated", "real + generated")
DONE = "done.json"
DUPLICATED_SEED = 1000  # added to the seeds of the duplicated arm


@dataclass(frozen=True)
class Comparison:
    """Compare drivers trained with and without generated episodes, at equal updates."""

    real: Path  # store of simulated episodes; its train split is drawn from
    out: Path  # folder for the stores, runs, evaluations, comparison.json and comparison.md
    subset: int = 25  # real episodes to learn from: generated ones can only help where these are few
    generate: int = 100  # generated episodes
    seeds: int = 3  # training seeds an arm
    episodes: int = 100  # evaluation episodes a network
    first_seed: int = 10000  # of the evaluation
    steps: int = 800  # updates of each behaviour training
    preset: Literal["quick", "base"] = "quick"  # sizes of the diffusion model and the behaviour transformer
    engine: Engine = "simulator"  # what the drivers are evaluated in
    mode: Literal["tilt", "bc", "target"] | None = None  # how the behaviour transformer picks its return
    workers: int = 0  # processes of the evaluation; 0 means one a core


def main(wanted: Comparison) -> int:
    """Train and evaluate every arm, and say how they compare."""
    real = choose(wanted.real, wanted.subset, wanted.out / "real")
    generated = generated_from(real, wanted)
    rows = {arm: [driven(wanted, arm, trained(wanted, arm, data, seed), real) for seed in range(wanted.seeds)]
            for arm, data in zip(ARMS, ([real], [real], [real, generated]), strict=True)}
    say([compared(arm, rows) for arm in ARMS], wanted)
    return 0


def choose(real: Path, count: int, out: Path) -> Path:
    """A store of `count` episodes drawn from the train split of another; made once."""
    if (out / INDEX).exists():
        return out
    found = read_episodes(real, "train")
    if len(found) < count or any(episode.source.kind != "simulated" for episode in found):
        raise InputError(f"{real} has {len(found)} training episodes; --subset {count} needs as many, all "
                         "simulated (`drive-gen collect` writes them)")
    chosen = np.random.default_rng(0).permutation(len(found))[:count]
    write_episodes(out, [found[place] for place in np.sort(chosen)], "train")
    return out


def generated_from(real: Path, wanted: Comparison) -> Path:
    """A store of episodes by a diffusion model that has seen the subset alone."""
    run = wanted.out / "diffusion"
    if not (run / DONE).exists():
        resumes = (run / "training_state").exists()
        train_diffusion([real], run, diffusion_preset(wanted.preset), resume=resumes)
        write_json(run / DONE, {"episodes": str(real)})
    model = Denoiser.from_pretrained(run)
    generation = Generation(parents_of([real], model.config), model, AugmentConfig(), 0)
    tally = augment(generation, wanted.out / "generated", wanted.generate)
    print(f"generated: {tally.accepted} of {tally.tried} candidates passed every check")
    return wanted.out / "generated"


def trained(wanted: Comparison, arm: str, data: Sequence[Path], seed: int) -> Path:
    """The run folder of one finished training; the duplicated arm differs from "real" in its seeds alone."""
    run = wanted.out / "runs" / f"{'-'.join(re.findall(r'[a-z]+', arm))}-{seed}"
    if (run / DONE).exists():
        return run
    base = behavior_preset(wanted.preset)
    loop = replace(base.loop, steps=wanted.steps, seed=seed + DUPLICATED_SEED * (arm == ARMS[1]))
    if (run / "training_state").exists():
        resume_behavior(run)
    else:
        train_behavior(data, run, replace(base, loop=loop))
    write_json(run / DONE, {"seed": loop.seed})
    return run


def driven(wanted: Comparison, arm: str, run: Path, real: Path) -> list[Row]:
    """The rows of one network on the evaluation seeds, in their order."""
    settings = read_episodes(real)[0].source.notes["config"]
    config = from_mapping(EnvConfig, settings, f"{real}: the episodes' environment")
    folder = wanted.out / "evaluations" / run.name
    evaluate_closed_loop(str(run), config, folder, episodes=wanted.episodes, seed=wanted.first_seed,
                         floors=(), workers=wanted.workers, mode=wanted.mode, engine=wanted.engine)
    return sorted(read_rows(folder), key=lambda row: int(row["seed"]))


def compared(arm: str, rows: dict[str, list[list[Row]]]) -> dict[str, Any]:
    """One arm's figures, and its difference to "real" on the same evaluation seeds."""
    returns = {name: np.array([[row["return"] for row in run] for run in runs])
               for name, runs in rows.items()}
    flat = [row for run in rows[arm] for row in run]
    score = stratified_bootstrap(returns[arm].mean(1, keepdims=True), 0)
    gain = run_difference(returns[arm], returns["real"], 0) if arm != "real" else None
    return {"arm": arm, "return": score._asdict(), "difference": gain and gain._asdict(),
            "success": float(np.mean([row["success"] for row in flat])),
            "mean_speed_mps": float(np.sum([row["distance_m"] for row in flat])
                                    / np.sum([row["duration_s"] for row in flat])),
            "returns_of_runs": returns[arm].mean(1).tolist()}


def say(figures: Sequence[dict[str, Any]], wanted: Comparison) -> None:
    """Print the table, and write it as JSON and Markdown."""
    out, settings = wanted.out, {name: str(value) if isinstance(value, Path) else value
                                 for name, value in asdict(wanted).items()}
    head = ("arm", "return, IQM over training seeds", "difference to real", "success", "m/s")
    lines = [(row["arm"], written(row["return"]), written(row["difference"]), f"{100 * row['success']:.1f} %",
              f"{row['mean_speed_mps']:.1f}") for row in figures]
    table = Table(*head)
    for line in lines:
        table.add_row(*line)
    Console().print(table)
    ruled = [head, ("---",) * len(head), *lines]
    write_json(out / "comparison.json", {"settings": settings, "arms": list(figures)})
    write_text(out / "comparison.md", "\n".join(["| " + " | ".join(line) + " |" for line in ruled])
               + f"\n\nIntervals are 95 %. Settings: `{json.dumps(settings)}`\n")
    print(f"wrote {out / 'comparison.json'} and {out / 'comparison.md'}")


def written(figure: dict[str, float] | None) -> str:
    """A figure with its interval, - for none."""
    if figure is None:
        return "-"
    value, low, high = Estimate(**figure)
    return f"{value:.2f} [{low:.2f}, {high:.2f}]"


if __name__ == "__main__":  # evaluation spawns processes, which import this file
    raise SystemExit(main(tyro.cli(Comparison)))
