"""`drive-gen train sight`: a behaviour transformer learns to drive by pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal


def train_sight(*, data: tuple[Path, ...] = (), teacher: str | None = None, out: Path | None = None,
                resume: Path | None = None, model: Literal["vit", "cnn"] | None = None,
                init: str | None = None,
                preset: Literal["quick", "base"] = "base", config: Path | None = None,
                steps: int | None = None, batch_size: int | None = None, learning_rate: float | None = None,
                seed: int | None = None, device: Literal["auto", "cpu", "cuda"] | None = None,
                drive_episodes: int | None = None, json: bool = False) -> int:
    """Teach a driver to drive by pictures from above, in place of its observations.

    Eyes learn to say of frames what the teacher saw, or what its encoder said, of the same instants; the rest
    of the network stays as it is. `drive-gen evaluate` drives the result. ^C saves; --resume goes on.

    Args:
        data: Episode stores (of `drive-gen collect`) whose frames are drawn, one or more.
        teacher: Checkpoint or run folder of a behaviour transformer by meta-actions; the bundled one if not
            given.
        out: Folder to write: config.json, metrics.jsonl, tb/, checkpoints/best and last, training_state/.
        resume: Go on with the stopped run in this folder, with its own settings; no other flags.
        model: What reads the frames: vit (transformers', the default; the teacher's attention asks its
            patches as it asked neighbours) or cnn (which speaks for the teacher's encoder).
        init: A run of `drive-gen train sight` with eyes of the same shape to begin with.
        preset: quick: under five minutes on two cores; base: longer.
        config: YAML file of settings, instead of a preset.
        steps: Optimiser updates.
        batch_size: Windows of decisions an update.
        learning_rate: The highest learning rate, at the end of the warm-up.
        seed: Seed of the weights and batches.
        device: Where to train; auto: on a GPU where there is one.
        drive_episodes: Episodes driven at each evaluation; 0 for none.
        json: Print only JSON.
    """
    from drive_gen.envs.files import InputError

    loop = {name: value for name, value in (
        ("steps", steps), ("batch_size", batch_size), ("learning_rate", learning_rate), ("seed", seed),
        ("device", device)) if value is not None}
    if resume is not None:
        if data or teacher or out or config or loop or model or init or drive_episodes is not None:
            raise InputError("--resume goes on with the run's own settings; give no other flags with it")
        return _run(resume, None, (), json)
    if out is None or not data:
        raise InputError("give --data STORE (one or more) and --out FOLDER, or --resume FOLDER")
    return _run(out, _settings(preset, config, model, teacher, init, loop, drive_episodes), data,
                json)


def _settings(preset: str, path: Path | None, model: Any, teacher: str | None, init: str | None,
              loop: dict[str, Any], drive_episodes: int | None) -> Any:
    """The preset's or the file's settings, with the flags' changes."""
    from dataclasses import replace

    import drive_gen
    from drive_gen.envs.config import read_yaml
    from drive_gen.train.sight_config import SightTraining, sight_preset

    settings = read_yaml(SightTraining, path) if path else sight_preset(preset, model or "vit")
    bundled = str(Path(drive_gen.__file__).parent / "assets" / "behavior")
    settings = replace(settings, teacher=teacher or settings.teacher or bundled, init=init or settings.init,
                       loop=replace(settings.loop, **loop))
    if path and model is not None:
        settings = replace(settings, sight=replace(settings.sight, model=model))
    if drive_episodes is not None:
        settings = replace(settings, drive=replace(settings.drive, episodes=drive_episodes))
    return settings


def _run(out: Path, settings: Any, data: tuple[Path, ...], as_json: bool) -> int:
    """Train from the settings, or go on where there are none, and say what came of it."""
    import json
    import os

    import torch

    from drive_gen.commands.training import evaluation_of
    from drive_gen.train.sight import resume_sight, train_sight

    if "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(len(os.sched_getaffinity(0)))
    progress = resume_sight(out) if settings is None else train_sight(list(data), out, settings)
    lines = [json.loads(line) for line in (out / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    rows = [line for line in lines if line["kind"] == "evaluation"]
    best = out / "checkpoints" / "best"
    if as_json:
        print(json.dumps({"out": str(out), "checkpoint": str(best), "steps": progress.step,
                          "best_step": progress.best_step, "evaluations": rows}, indent=1))
        return 0
    for row in rows:
        mark = "*" if row["step"] == progress.best_step else " "
        driven = f", return {row['return']:.2f}" if "return" in row else ""
        print(f"{mark} step {row['step']:6}: agrees with the teacher in "
              f"{row['validation_agreement']:.1%} of held-out decisions{driven}")
    print(f"wrote {best}; next: {evaluation_of(out)}")
    return 0
