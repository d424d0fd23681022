"""`drive-gen train behavior`: train the behaviour transformer on episode stores."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal


def train_behavior(*, data: tuple[Path, ...] = (),
                   out: Path | None = None, resume: Path | None = None, init: str | None = None,
                   preset: Literal["quick", "base"] = "base", config: Path | None = None,
                   actions: Literal["auto", "meta", "continuous"] | None = None, steps: int | None = None,
                   batch_size: int | None = None, learning_rate: float | None = None,
                   seed: int | None = None, device: Literal["auto", "cpu", "cuda"] | None = None,
                   mode: Literal["tilt", "bc", "target"] | None = None,
                   memory: Literal["attention", "gru"] | None = None,
                   drive_episodes: int | None = None, patience: int | None = None, json: bool = False) -> int:
    """Train a driver on episodes of any kind: simulated, logged, generated.

    It learns from the stores' train splits, and is scored by driving in the environment that the data come
    from (seeds from 5000), or by the loss on held-out windows where the data are logs alone. ^C saves;
    --resume goes on to the very same result.

    Args:
        data: Episode stores, one or more.
        out: Folder to write: config.json, metrics.jsonl, tb/, checkpoints/best and last, training_state/.
        resume: Go on with the stopped run in this folder, with its own settings; no other flags.
        init: Checkpoint or run folder, or Hub id, to begin with (fine-tuning): its network and weights.
        preset: quick: about a minute on two cores; base: a larger network, trained longer.
        config: YAML file of settings, instead of a preset (config.json of a run shows them all).
        actions: Kind of actions to learn; auto: meta-actions where the data's drivers took some.
        steps: Optimiser updates.
        batch_size: Windows an update.
        learning_rate: The highest learning rate, at the end of the warm-up.
        seed: Seed of the weights, batches and dropout.
        device: Where to train; auto: on a GPU where there is one.
        mode: How it picks its return in the evaluations, and afterwards unless told otherwise: bc suits data
            labelled by a good teacher, tilt (the default) data of drivers good and bad.
        memory: What it remembers by: attention (the transformer, the default), or a GRU in its place.
        drive_episodes: Episodes driven at each evaluation; 0 for none.
        patience: Evaluations without a better score before it stops; 0 never stops.
        json: Print only JSON.
    """
    from drive_gen.envs.files import InputError

    changes = {"steps": steps, "batch_size": batch_size, "learning_rate": learning_rate, "seed": seed,
               "device": device, "patience": patience}
    given = {name: value for name, value in changes.items() if value is not None}
    if resume is not None:
        if data or out or config or given or actions or init or mode or memory or drive_episodes is not None:
            raise InputError("--resume goes on with the run's own settings; give no other flags with it")
        return _run(resume, None, (), json)
    if out is None or not data:
        raise InputError("give --data STORE (one or more) and --out FOLDER, or --resume FOLDER")
    return _run(out, _settings(preset, config, given, actions, drive_episodes, init, mode, memory), data,
                json)


def _settings(preset: str, path: Path | None, changes: dict[str, Any], actions: str | None,
              drive_episodes: int | None, init: str | None, mode: str | None, memory: str | None) -> Any:
    """The preset's or the file's settings, with the flags' changes."""
    from dataclasses import replace

    from drive_gen.envs.config import read_yaml
    from drive_gen.train.config import TrainBehaviorConfig, behavior_preset

    settings = read_yaml(TrainBehaviorConfig, path) if path else behavior_preset(preset)
    settings = replace(settings, loop=replace(settings.loop, **changes))
    if actions is not None:
        settings = replace(settings, actions=actions)  # type: ignore[arg-type]
    if mode is not None:
        steering = replace(settings.drive.steering, mode=mode)  # type: ignore[arg-type]
        settings = replace(settings, drive=replace(settings.drive, steering=steering))
    if memory is not None:
        settings = replace(settings, model=replace(settings.model, memory=memory))  # type: ignore[arg-type]
    if init is not None:
        settings = replace(settings, init=init)
    if drive_episodes is not None:
        settings = replace(settings, drive=replace(settings.drive, episodes=drive_episodes))
    return settings


def _run(out: Path, settings: Any, data: tuple[Path, ...], as_json: bool) -> int:
    """Train from the settings, or go on where there are none, and say what came of it."""
    import os

    import torch

    from drive_gen.train.behavior import resume_behavior, train_behavior

    if "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(len(os.sched_getaffinity(0)))
    progress = resume_behavior(out) if settings is None else train_behavior(list(data), out, settings)
    _say(out, progress, as_json)
    return 0


def _say(out: Path, progress: Any, as_json: bool) -> None:
    import json

    from rich.table import Table

    from drive_gen.commands.show import show
    from drive_gen.commands.training import evaluation_of

    lines = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    rows = [line for line in lines if line["kind"] == "evaluation"]
    best = out / "checkpoints" / "best"
    if as_json:
        print(json.dumps({"out": str(out), "checkpoint": str(best), "steps": progress.step,
                          "best_step": progress.best_step, "evaluations": rows}, indent=1))
        return
    names = {"return": "return", "success": "success", "mean_speed_mps": "speed, m/s",
             "validation_loss": "validation loss", "validation_accuracy": "accuracy"}
    shown = {name: title for name, title in names.items() if name in rows[-1]}
    table = Table("step", *shown.values(), title="evaluations (* best)")
    for row in rows:
        mark = "*" if row["step"] == progress.best_step else ""
        table.add_row(f"{row['step']}{mark}", *(f"{row[name]:.3g}" for name in shown))
    show(table)
    print(f"wrote {best}; next: {evaluation_of(out)}")
