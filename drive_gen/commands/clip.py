"""`drive-gen train clip` and `drive-gen search`: texts, frames and trajectories in one space."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from drive_gen.commands.training import folder_of, loop_of, resumed, say_trained

if TYPE_CHECKING:
    from drive_gen.perception.search import Found


def train_clip(*, out: Path | None = None, resume: Path | None = None, data: Path | None = None,
               preset: Literal["quick", "base"] = "base", init: str | None = None, config: Path | None = None,
               cache: Path | None = None, episodes: int | None = None, steps: int | None = None,
               batch_size: int | None = None, learning_rate: float | None = None, seed: int | None = None,
               device: Literal["auto", "cpu", "cuda"] | None = None, patience: int | None = None,
               workers: int = 0, json: bool = False) -> int:
    """Train CLIP: texts, frames from above and trajectories of the same seconds become like vectors.

    Its episodes are scripted by seed, or those of a store. ^C saves; --resume goes on to the same result.

    Args:
        out: Folder to write: config.json, metrics.jsonl, tb/, checkpoints/best and last, training_state/.
        resume: Go on with the stopped run in this folder, with its own settings; no other flags but --cache.
        data: Episode store to learn from, as `drive-gen collect requests` writes; by seed if not given.
        preset: quick: a few minutes on two cores; base: more episodes and updates.
        init: A CLIP of Hugging Face's (folder or Hub name) whose text and vision towers are begun with where
            they fit, or a checkpoint of this verb.
        config: YAML file of settings, instead of a preset.
        cache: Folder where prepared clips are kept; the run's if not given.
        episodes: How many episodes to learn from, at most.
        steps: Optimiser updates.
        batch_size: Clips an update.
        learning_rate: The highest learning rate, at the end of the warm-up.
        seed: Seed of the weights and batches.
        device: Where to train; auto: on a GPU where there is one.
        patience: Evaluations without a better score before it stops; 0 never stops.
        workers: Processes that prepare clips; 0 means one a core.
        json: Print only JSON.
    """
    from dataclasses import replace

    from drive_gen.envs.config import read_yaml
    from drive_gen.perception.clip_config import ClipTraining, clip_preset
    from drive_gen.train import clip

    loop = loop_of(steps=steps, batch_size=batch_size, learning_rate=learning_rate, seed=seed, device=device,
                   patience=patience)
    if resumed(resume, lambda run: clip.resume_clip(run, cache), out, data, config, init, episodes, loop):
        return _say_trained(folder_of(resume), json)
    out = folder_of(out)
    settings = read_yaml(ClipTraining, config) if config else clip_preset(preset)
    source = replace(settings.data, store=str(data) if data else settings.data.store,
                     episodes=settings.data.episodes if episodes is None else episodes)
    clip.train_clip(out, replace(settings, data=source, init=init or settings.init,
                                 loop=replace(settings.loop, **loop)), cache=cache, workers=workers)
    return _say_trained(out, json)


def search(text: Annotated[str, tyro.conf.Positional], store: Annotated[Path, tyro.conf.Positional], /, *,
           out: Path = Path("search.png"), top: int = 12, by: Literal["auto", "clip", "facts"] = "auto",
           checkpoint: Path | None = None, json: bool = False) -> int:
    """Find episodes of a store by a text in English or Korean: a contact sheet of their best moments.

    Args:
        text: What is looked for: "two trucks side by side", "앞차 급정거".
        store: Episode store; what is learnt of it is kept beside it, so that the next search is quick.
        out: Contact sheet to write, a .png.
        top: How many are shown at most.
        by: auto: by the share of the text that holds, then by learnt likeness; clip: by likeness alone;
            facts: only where all that the text says holds.
        checkpoint: Run or checkpoint folder of `drive-gen train clip`; the bundled one if not given.
        json: Print only JSON: episode, time, score and what holds.
    """
    import json as encoder

    from drive_gen.data.progress import progress_bar
    from drive_gen.envs.files import InputError
    from drive_gen.perception.search import search as find

    if top < 1:
        raise InputError(f"--top must be at least 1, got {top}")
    if out.suffix != ".png":
        raise InputError(f"the sheet is a .png; --out is {out}")
    with progress_bar() as bar:
        task = bar.add_task("new episodes", total=None)
        found = find(text, store, by, checkpoint, top,
                     lambda done, total: bar.update(task, completed=done, total=total))
    _draw(text, found, out)
    if json:
        print(encoder.dumps([about(number, one) for number, one in enumerate(found, 1)], indent=1))
        return 0
    for number, one in enumerate(found, 1):
        missed = [slot for slot, holds in one.holds.items() if not holds]
        note = "not parsed" if not one.holds else f"not: {', '.join(missed)}" if missed else "all holds"
        print(f"{number:3d}  {one.score:.3f}  {one.row.key} at {one.start_s:g} s  {note}")
    print(f"wrote {out}; next: drive-gen search {text!r} {store} --by {'facts' if by == 'auto' else 'auto'}")
    return 0


def about(rank: int, one: Found) -> dict[str, object]:
    """What was found, as JSON has it."""
    return {"rank": rank, "score": round(one.score, 4), "episode": one.row.key, "seed": one.row.seed,
            "start_s": one.start_s, "end_s": round(one.start_s + one.clip.duration_s, 3), "holds": one.holds}


def _draw(text: str, found: list[Found], out: Path) -> None:
    from PIL import Image

    from drive_gen.envs.files import replacing
    from drive_gen.perception.sheet import draw_sheet

    with replacing(out) as temporary:
        Image.fromarray(draw_sheet(text, found)).save(temporary, format="png")


def _say_trained(out: Path, as_json: bool) -> int:
    return say_trained(out, as_json, lambda row: (
        f"recall@1 of held-out clips {row['recall_both']:.3f}  "
        f"true above false text {row['false_both']:.3f}"),
        f"drive-gen search 'two trucks side by side' STORE --checkpoint {out}")
