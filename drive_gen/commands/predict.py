"""`drive-gen train predict` and `drive-gen evaluate predict`: where cars will be in the next seconds."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import tyro


def train_predict(*, data: tuple[Path, ...] = (),
                  out: Path | None = None, resume: Path | None = None,
                  model: Literal["gru", "lstm", "rnn", "transformer"] | None = None,
                  preset: Literal["quick", "base"] = "base", config: Path | None = None,
                  steps: int | None = None, batch_size: int | None = None,
                  learning_rate: float | None = None, seed: int | None = None,
                  device: Literal["auto", "cpu", "cuda"] | None = None, patience: int | None = None,
                  json: bool = False) -> int:
    """Train a predictor: 2 s of a car and its neighbours -> six futures of 5 s with probabilities.

    It learns from all cars of the stores' train splits and is scored on held-out windows. ^C saves; --resume
    goes on to the very same result.

    Args:
        data: Episode stores, one or more.
        out: Folder to write: config.json, metrics.jsonl, tb/, checkpoints/best and last, training_state/.
        resume: Go on with the stopped run in this folder, with its own settings; no other flags.
        model: What reads the history: gru (the default), lstm, rnn, or a causal transformer.
        preset: quick: a minute or two on one core; base: a larger network, trained longer.
        config: YAML file of settings, instead of a preset.
        steps: Optimiser updates.
        batch_size: Windows an update.
        learning_rate: The highest learning rate, at the end of the warm-up.
        seed: Seed of the weights and batches.
        device: Where to train; auto: on a GPU where there is one.
        patience: Evaluations without a better score before it stops; 0 never stops.
        json: Print only JSON.
    """
    from drive_gen.envs.config import read_yaml
    from drive_gen.envs.files import InputError
    from drive_gen.predict.config import PredictorTraining, predictor_preset
    from drive_gen.train.predict import resume_predictor, train_predictor, with_changes

    loop = {"steps": steps, "batch_size": batch_size, "learning_rate": learning_rate, "seed": seed,
            "device": device, "patience": patience}
    given: dict[str, object] = {name: value for name, value in loop.items() if value is not None}
    if resume is not None:
        if data or out or config or given or model:
            raise InputError("--resume goes on with the run's own settings; give no other flags with it")
        resume_predictor(resume)
        return _say_trained(resume, json)
    if out is None or not data:
        raise InputError("give --data STORE (one or more) and --out FOLDER, or --resume FOLDER")
    settings = read_yaml(PredictorTraining, config) if config else predictor_preset(preset)
    train_predictor(data, out, with_changes(settings, model, given))
    return _say_trained(out, json)


def evaluate_predict(references: Annotated[tuple[str, ...], tyro.conf.Positional], /, *, data: Path,
                     split: Literal["test", "validation", "both"] = "test", stride: int = 5,
                     most: int = 20_000, out: Path | None = None, json: bool = False) -> int:
    """Errors of predictors on a store's held-out groups, beside constant velocity, acceleration and IDM.

    Args:
        references: Run or checkpoint folders of predictors, or Hub ids; one or more.
        data: Episode store.
        split: What of it is predicted; a run's best checkpoint was chosen by the validation split.
        stride: Frames between the beginnings of one car's windows.
        most: Windows at most, drawn from all.
        out: File to write the figures to, as JSON.
        json: Print only JSON.
    """
    import json as encoder

    from drive_gen.commands.show import show
    from drive_gen.envs.files import write_json
    from drive_gen.evaluate.prediction import evaluate_predictors
    from drive_gen.evaluate.tables import prediction_table

    splits = ("validation", "test") if split == "both" else (split,)
    summary = evaluate_predictors(references, data, stride, most, splits)
    if out is not None:
        write_json(out, summary)
    if json:
        print(encoder.dumps(summary, indent=1))
        return 0
    show(prediction_table(summary))
    print("ADE6: mean error of the best of the six likeliest futures; ADE1: of the likeliest; FDE: at the "
          "end; miss: all six end more than 2 m off")
    return 0


def _say_trained(out: Path, as_json: bool) -> int:
    import json

    from rich.table import Table

    from drive_gen.commands.show import show

    lines: list[dict[str, Any]] = [json.loads(line) for line in
                                   (out / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    rows = [line for line in lines if line["kind"] == "evaluation"]
    best = out / "checkpoints" / "best"
    if as_json:
        print(json.dumps({"out": str(out), "checkpoint": str(best), "evaluations": rows}, indent=1))
        return 0
    table = Table("step", "validation loss", "minADE m", title="evaluations (* best)")
    lowest = min(row["validation_loss"] for row in rows)
    for row in rows:
        mark = "*" if row["validation_loss"] == lowest else ""
        table.add_row(f"{row['step']}{mark}", *(f"{row[f'validation_{name}']:.3f}"
                                                for name in ("loss", "nearest_m")))
    show(table)
    stores = json.loads((out / "config.json").read_text(encoding="utf-8"))["data"]
    print(f"wrote {best}; next: drive-gen evaluate predict {out} --data {stores[0]}")
    return 0
