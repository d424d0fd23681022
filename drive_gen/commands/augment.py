"""`drive-gen augment` and `drive-gen train diffusion`: verified episodes out of the trajectory diffusion."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from drive_gen.generate.augment import Tally
    from drive_gen.generate.candidates import Generation
    from drive_gen.generate.config import AugmentConfig, DiffusionTraining

REALISM_WINDOWS = 300  # real and generated windows that the realism table compares, at most


def augment(data: tuple[Path, ...], /, *, out: Path, count: int = 200, seed: int = 0,
            checkpoint: Path | None = None, config: Path | None = None,
            mode: Literal["continue", "vary"] | None = None, strength: float | None = None,
            guidance: float | None = None, return_factor: tuple[float, float, float] | None = None,
            sampler_steps: int | None = None, json: bool = False) -> int:
    """Generate verified episodes from the real ones of the stores' train splits.

    A diffusion model proposes how a real scene goes on, all agents jointly; the simulator drives what it
    proposes; and only episodes without contact, on the road and within a car's limits are kept. A stopped run
    goes on where it was: give the same command again.

    Args:
        data: Episode stores with real episodes, one or more.
        out: Episode store to write or to add to.
        count: Accepted episodes wanted.
        seed: Seed of everything random.
        checkpoint: Diffusion checkpoint or run folder. If not given: `diffusion` beside the store, or the
            bundled one, or one that is trained first (preset quick).
        config: YAML file of settings (limits, tries, batch, ...).
        mode: continue: from 1 s of history; vary: by re-noising the whole real window.
        strength: With vary, the share of the noise that is added, from 0 to 1.
        guidance: How strongly the return asked acts: 0 not, 1 as learnt, more exaggerates.
        return_factor: Progress, safety and comfort asked: the parent's times these three numbers, at most
            what 1 in 20 windows of the data reach.
        sampler_steps: Denoising steps.
        json: Print only JSON.
    """
    from drive_gen.data.store import read_index
    from drive_gen.envs.files import InputError

    if count < 1 or seed < 0:
        raise InputError(f"--count must be at least 1 and --seed at least 0, got {count} and {seed}")
    for store in data:
        read_index(store)  # before a model is loaded or trained
    changes = {"mode": mode, "strength": strength, "guidance": guidance, "return_factor": return_factor,
               "sampler_steps": sampler_steps}
    settings = _settings(config, {name: value for name, value in changes.items() if value is not None})
    run = _generation(data, out, checkpoint, settings, seed)
    tally = _generate(run, out, count)
    _report(run, tally, data, out, json)
    return 0


def train_diffusion(*, data: tuple[Path, ...] = (),
                    out: Path | None = None, resume: Path | None = None,
                    preset: Literal["quick", "base"] = "base", config: Path | None = None,
                    seconds: float | None = None, agents: int | None = None, steps: int | None = None,
                    batch_size: int | None = None, learning_rate: float | None = None,
                    seed: int | None = None, device: Literal["auto", "cpu", "cuda"] | None = None,
                    patience: int | None = None, json: bool = False) -> int:
    """Train the trajectory diffusion on real episodes: simulated, logged, or both.

    It learns whole scenes (the ego, its neighbours, 11 s) from the stores' train splits and is scored on
    held-out windows. ^C saves; --resume goes on to the very same result.

    Args:
        data: Episode stores, one or more.
        out: Folder to write: config.json, metrics.jsonl, tb/, checkpoints/best and last, training_state/.
        resume: Go on with the stopped run in this folder, with its own settings; no other flags.
        preset: quick: about a minute and a half on one core; base: a larger network, trained longer.
        config: YAML file of settings, instead of a preset.
        seconds: Length of a scene, in seconds; shorter where most episodes are.
        agents: Most agents of a scene, the ego among them.
        steps: Optimiser updates.
        batch_size: Scenes an update.
        learning_rate: The highest learning rate, at the end of the warm-up.
        seed: Seed of the weights, batches and noise.
        device: Where to train; auto: on a GPU where there is one.
        patience: Evaluations without a better score before it stops; 0 never stops.
        json: Print only JSON.
    """
    from drive_gen.envs.files import InputError
    from drive_gen.train.diffusion import resume_diffusion
    from drive_gen.train.diffusion import train_diffusion as train

    loop = {"steps": steps, "batch_size": batch_size, "learning_rate": learning_rate, "seed": seed,
            "device": device, "patience": patience}
    loop = {name: value for name, value in loop.items() if value is not None}
    _use_all_cores()
    if resume is not None:
        if data or out or config or loop or seconds is not None or agents is not None:
            raise InputError("--resume goes on with the run's own settings; give no other flags with it")
        resume_diffusion(resume)
        return _say_trained(resume, (), json)
    if out is None or not data:
        raise InputError("give --data STORE (one or more) and --out FOLDER, or --resume FOLDER")
    train(data, out, _training(preset, config, seconds, agents, loop))
    return _say_trained(out, data, json)


def _settings(path: Path | None, changes: dict[str, Any]) -> AugmentConfig:
    from dataclasses import replace

    from drive_gen.envs.config import read_yaml
    from drive_gen.generate.config import AugmentConfig

    return replace(read_yaml(AugmentConfig, path) if path else AugmentConfig(), **changes)


def _training(preset: str, path: Path | None, seconds: float | None, agents: int | None,
              loop: dict[str, Any]) -> DiffusionTraining:
    """The preset's or the file's settings, with the flags' changes."""
    from dataclasses import replace

    from drive_gen.envs.config import read_yaml
    from drive_gen.generate.config import DiffusionTraining, diffusion_preset

    settings = read_yaml(DiffusionTraining, path) if path else diffusion_preset(preset)
    model = settings.model
    if seconds is not None:
        patches = round(seconds / model.dt_s / model.patch_frames)
        model = replace(model, frames=patches * model.patch_frames)
    if agents is not None:
        model = replace(model, agents=agents)
    return replace(settings, model=model, loop=replace(settings.loop, **loop))


def _generation(data: tuple[Path, ...], out: Path, checkpoint: Path | None, settings: AugmentConfig,
                seed: int) -> Generation:
    """The model and the real windows to begin from."""
    from drive_gen.generate.candidates import Generation, parents_of
    from drive_gen.generate.denoiser import Denoiser

    _use_all_cores()
    model = Denoiser.from_pretrained(checkpoint or _found(data, out.parent / "diffusion"))
    return Generation(parents_of(data, model.config, settings.limits), model, settings, seed)


def _found(data: tuple[Path, ...], beside: Path) -> Path:
    """The model to use where none is given: the one beside the store, the bundled one, or one trained now."""
    import sys

    import drive_gen
    from drive_gen.generate.config import diffusion_preset
    from drive_gen.policies.pretrained import MANIFEST
    from drive_gen.train.diffusion import train_diffusion as train

    bundled = Path(drive_gen.__file__).parent / "assets" / "diffusion"
    if not (beside / "checkpoints" / "best").exists():
        if (bundled / MANIFEST).exists():
            print("no --checkpoint given: using the bundled diffusion model", file=sys.stderr)
            return bundled
        print(f"no --checkpoint given: training a small model on the data into {beside}", file=sys.stderr)
        train(data, beside, diffusion_preset("quick"))
    print(f"using the diffusion model in {beside}", file=sys.stderr)
    return beside


def _generate(run: Generation, out: Path, count: int) -> Tally:
    """Generate under a progress bar."""
    import sys

    from drive_gen.data.progress import progress_bar
    from drive_gen.generate.augment import augment

    with progress_bar("tried") as bar:
        task = bar.add_task("accepted", total=count, tried="")
        try:
            return augment(run, out, count,
                           lambda tally: bar.update(task, completed=tally.accepted,
                                                    tried=f"{tally.tried} tried"))
        except KeyboardInterrupt:
            print(f"stopped; what was accepted is in {out}: give the same command again to go on",
                  file=sys.stderr)
            raise


def _report(run: Generation, tally: Tally, data: tuple[Path, ...], out: Path, as_json: bool) -> None:
    """Print what was tried, what was refused and why, and how real the result looks."""
    import json

    from rich.table import Table

    from drive_gen.commands.show import show
    from drive_gen.envs.files import InputError
    from drive_gen.generate.verify import REASONS

    if not tally.accepted:
        worst = max(tally.rejected, key=lambda reason: tally.rejected[reason])
        raise InputError(f"none of {tally.tried} candidates was accepted, most for {worst}: train the "
                         "diffusion longer, or use --mode vary with a lower --strength")
    realism = _realism(run, data, out)
    if as_json:
        print(json.dumps({"out": str(out), "tried": tally.tried, "accepted": tally.accepted,
                          "acceptance": tally.accepted / tally.tried, "rejected": dict(tally.rejected),
                          "unfit_parents": run.parents.unfit, "model": run.model_hash, "realism": realism},
                         indent=1))
        return
    table = Table("candidates", "number", "share")
    for name, number in (("tried", tally.tried), ("accepted", tally.accepted),
                         *((f"refused: {reason}", tally.rejected[reason]) for reason in REASONS)):
        if number:
            table.add_row(name, str(number), f"{number / tally.tried:.1%}")
    show(table)
    if run.parents.unfit:
        print(f"{run.parents.unfit} real windows were not begun from: recorded cars touch or leave the road")
    if realism:
        names = {"w1": "W1", "w1_floor": "W1, real to real", "jsd": "JSD", "jsd_floor": "JSD, real to real"}
        table = Table("signal", *names.values(), title="distance to held-out real driving")
        for row in realism:
            table.add_row(row["signal"], *(f"{row[name]:.3g}" for name in names))
        show(table)
    stores = " ".join(map(str, (*data, out)))
    print(f"wrote {out}: {tally.accepted} episodes; "
          f"next: drive-gen train behavior --data {stores} --out runs/behavior")


def _realism(run: Generation, data: tuple[Path, ...], out: Path) -> list[dict[str, Any]]:
    """Distances to held-out real windows beside those of real to real; nothing where too few are held out.

    Generated scenes hold the ego and its neighbours: the real windows are cut in the same way.
    """
    from dataclasses import asdict
    from itertools import islice

    import numpy as np

    from drive_gen.data.store import iterate_episodes
    from drive_gen.envs.files import InputError
    from drive_gen.evaluate.realism import realism_against_floor
    from drive_gen.generate.candidates import windows_of

    made = [episode for episode in iterate_episodes(out) if episode.source.kind == "generated"]
    try:
        held_out = windows_of(data, run.model.config, "validation")
        count = min(REALISM_WINDOWS, len(held_out.scenes))
        places = np.random.default_rng(run.seed).choice(len(held_out.scenes), count, replace=False)
        rows = realism_against_floor([held_out.window(place) for place in places],
                                     list(islice(made, REALISM_WINDOWS)))
    except InputError:  # no validation split, or a single group in it
        return []
    return [asdict(row) for row in rows]


def _say_trained(out: Path, data: tuple[Path, ...], as_json: bool) -> int:
    import json

    from rich.table import Table

    from drive_gen.commands.show import show
    from drive_gen.envs.files import read_json

    lines = [json.loads(line) for line in (out / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    rows = [line for line in lines if line["kind"] == "evaluation"]
    best = out / "checkpoints" / "best"
    if as_json:
        print(json.dumps({"out": str(out), "checkpoint": str(best), "evaluations": rows}, indent=1))
        return 0
    table = Table("step", "validation loss", title="evaluations (* best)")
    lowest = min(row["validation_loss"] for row in rows)
    for row in rows:
        mark = "*" if row["validation_loss"] == lowest else ""
        table.add_row(f"{row['step']}{mark}", f"{row['validation_loss']:.4f}")
    show(table)
    stores = data or tuple(Path(path) for path in read_json(out / "config.json", "a run's config")["data"])
    named = " ".join(map(str, stores))
    print(f"wrote {best}; next: drive-gen augment {named} --checkpoint {out} --out generated")
    return 0


def _use_all_cores() -> None:
    import os

    import torch

    if "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(len(os.sched_getaffinity(0)))
