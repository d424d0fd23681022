"""`drive-gen train risk` and `drive-gen evaluate risk`: crash and time to collision from pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import tyro

from drive_gen.commands.training import folder_of, loop_of, resumed, say_trained


def train_risk(*, out: Path | None = None, resume: Path | None = None,
               model: Literal["vit", "cnn", "cnn-gru"] | None = None,
               preset: Literal["quick", "base"] = "base",
               init: str | None = None, config: Path | None = None, steps: int | None = None,
               batch_size: int | None = None, learning_rate: float | None = None, seed: int | None = None,
               device: Literal["auto", "cpu", "cuda"] | None = None, patience: int | None = None,
               json: bool = False) -> int:
    """Train risk from pictures: frames from above -> crash within 2 s, and time to collision.

    Its moments are simulated by seed. ^C saves; --resume goes on to the very same result.

    Args:
        out: Folder to write: config.json, metrics.jsonl, tb/, checkpoints/best and last, training_state/.
        resume: Go on with the stopped run in this folder, with its own settings; no other flags.
        model: What reads the frames: vit (transformers', the default), cnn over stacked frames, or cnn-gru.
        preset: quick: a few minutes on one core; base: more moments and updates.
        init: A Hugging Face ViT, folder or Hub name, whose shape and weights are begun with.
        config: YAML file of settings, instead of a preset.
        steps: Optimiser updates.
        batch_size: Moments an update.
        learning_rate: The highest learning rate, at the end of the warm-up.
        seed: Seed of the weights and batches.
        device: Where to train; auto: on a GPU where there is one.
        patience: Evaluations without a better score before it stops; 0 never stops.
        json: Print only JSON.
    """
    from dataclasses import replace

    from drive_gen.envs.config import read_yaml
    from drive_gen.perception.risk_config import RiskTraining, risk_preset
    from drive_gen.train import risk

    loop = loop_of(steps=steps, batch_size=batch_size, learning_rate=learning_rate, seed=seed, device=device,
                   patience=patience)
    if resumed(resume, risk.resume_risk, out, config, init, model, loop):
        return _say_trained(folder_of(resume), json)
    out = folder_of(out)
    settings = read_yaml(RiskTraining, config) if config else risk_preset(preset)
    if model is not None:
        cells = settings.model.cells and model == "vit"
        settings = replace(settings, model=replace(settings.model, model=model, cells=cells))
    risk.train_risk(out, replace(settings, init=init or settings.init, loop=replace(settings.loop, **loop)))
    return _say_trained(out, json)


def evaluate_risk(references: Annotated[tuple[str, ...], tyro.conf.Positional], /, *, episodes: int = 400,
                  out: Path | None = None, json: bool = False) -> int:
    """Score risk networks on unseen seeds, roads and looks, beside a base rate and the exact state's TTC.

    Args:
        references: Run or checkpoint folders of `drive-gen train risk`, or Hub ids; one or more.
        episodes: How many episodes in each test set.
        out: File to write the figures to, as JSON.
        json: Print only JSON.
    """
    import json as encoder

    from drive_gen.commands.show import show
    from drive_gen.envs.files import InputError, write_json
    from drive_gen.evaluate.risk import counts_of, evaluate_risks
    from drive_gen.evaluate.tables import risk_table
    from drive_gen.perception.risk import Risk

    if episodes < 1:
        raise InputError(f"--episodes must be at least 1, got {episodes}")
    sets = evaluate_risks({reference: Risk.from_pretrained(reference) for reference in references}, episodes)
    summary = {name: {who: {score: figure._asdict() for score, figure in figures.items()}
                      for who, figures in rows.items()} for name, (_, rows) in sets.items()}
    if out is not None:
        write_json(out, summary)
    if json:
        print(encoder.dumps(summary, indent=1))
        return 0
    for name, (moments, rows) in sets.items():
        print(f"{name}: {counts_of(moments)}")
        show(risk_table(rows))
    return 0


def _say_trained(out: Path, as_json: bool) -> int:
    return say_trained(out, as_json, lambda row: (
        f"validation loss {row['validation_loss']:.3f}  AUROC {row['validation_auroc']:.3f}  "
        f"macro-F1 {row['validation_macro_f1']:.3f}"), f"drive-gen evaluate risk {out}")
