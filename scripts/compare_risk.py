"""Does a ViT see a crash coming better than a CNN, or a CNN and a GRU? python scripts/compare_risk.py --help

All have the same moments, batches, updates, seeds and heads. The weights compared are the last ones. What is
finished is kept: the same command goes on where it was.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal

import tyro

from drive_gen.envs.files import write_json, write_text
from drive_gen.evaluate.risk import counts_of, evaluate_risks, table_of
from drive_gen.perception.risk import Risk
from drive_gen.perception.risk_config import RiskTraining, risk_preset
from drive_gen.train.risk import train_risk

DONE = "done.json"


@dataclass(frozen=True)
class Comparison:
    """Compare what reads the frames, at equal updates."""

    out: Path  # folder for the runs, comparison.json and comparison.md
    seeds: int = 1
    steps: int | None = None  # updates of each training; the base preset's if not given
    models: tuple[Literal["vit", "cnn", "cnn-gru"], ...] = ("vit", "cnn", "cnn-gru")
    test_episodes: int = 400  # of each test set


def main(wanted: Comparison) -> int:
    """Train every network, score them on what they have not seen, and print the tables."""
    runs = {f"{model}, seed {seed}": trained(wanted, model, seed)
            for seed in range(wanted.seeds) for model in wanted.models}
    models = {name: Risk.from_pretrained(run / "checkpoints" / "last") for name, run in runs.items()}
    tables, found = [], {}
    for name, (moments, rows) in evaluate_risks(models, wanted.test_episodes).items():
        tables.append(f"**{name.capitalize()}**: {counts_of(moments)}\n\n{table_of(rows)}\n")
        found[name] = {who: {score: figure._asdict() for score, figure in figures.items()}
                       for who, figures in rows.items()}
    settings = {**asdict(wanted), "out": str(wanted.out)}
    write_json(wanted.out / "comparison.json", {"settings": settings, "sets": found})
    write_text(wanted.out / "comparison.md", "\n".join(tables) + f"\nSettings: `{json.dumps(settings)}`\n")
    print("\n".join(tables))
    return 0


def training(wanted: Comparison, model: Literal["vit", "cnn", "cnn-gru"], seed: int) -> RiskTraining:
    """The settings of one run."""
    base = risk_preset("base", model)
    return replace(base, loop=replace(base.loop, steps=wanted.steps or base.loop.steps, seed=seed))


def trained(wanted: Comparison, model: Literal["vit", "cnn", "cnn-gru"], seed: int) -> Path:
    """The folder of one finished run."""
    run = wanted.out / "runs" / f"{model}-{seed}"
    if not (run / DONE).exists():
        train_risk(run, training(wanted, model, seed), resume=(run / "training_state").exists())
        write_json(run / DONE, {"seed": seed})
    return run


if __name__ == "__main__":
    raise SystemExit(main(tyro.cli(Comparison)))
