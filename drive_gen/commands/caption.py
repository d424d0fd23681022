"""`drive-gen train caption` and `drive-gen describe`: what happens in an episode or a film, and why."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

from drive_gen.commands.training import folder_of, loop_of, resumed, say_trained

if TYPE_CHECKING:
    import numpy as np

    from drive_gen.language.sight import Seen
    from drive_gen.perception.captioner import Captioner

BUNDLED = Path(__file__).parents[1] / "assets" / "captioner"


def train_caption(*, out: Path | None = None, resume: Path | None = None,
                  preset: Literal["quick", "base"] = "base", config: Path | None = None,
                  data: Path | None = None, init: str | None = None, steps: int | None = None,
                  batch_size: int | None = None, learning_rate: float | None = None, seed: int | None = None,
                  device: Literal["auto", "cpu", "cuda"] | None = None, patience: int | None = None,
                  json: bool = False) -> int:
    """Train a captioner: twelve seconds from above -> what happened and why, in English or Korean.

    Clips are drawn first, of episodes played by seed or of a store's; then it learns. ^C saves; --resume goes
    on to the very same result.

    Args:
        out: Folder to write: config.json, metrics.jsonl, tb/, checkpoints/best and last, training_state/.
        resume: Go on with the stopped run in this folder, with its own settings; no other flags.
        preset: quick: a few minutes on two cores; base: more clips and updates, a larger network.
        config: YAML file of settings, instead of a preset.
        data: Episode store to learn from (`drive-gen collect requests`); played by seed if not given.
        init: Captioner to begin with, of the same shape: run or checkpoint folder, or Hub id.
        steps: Optimiser updates.
        batch_size: Clips an update.
        learning_rate: At the end of the warm-up.
        seed: Of the weights and batches.
        device: Where to train.
        patience: Evaluations without a better score before it stops; 0 never stops.
        json: Print only JSON.
    """
    from dataclasses import replace

    from drive_gen.envs.config import read_yaml
    from drive_gen.perception.captioner_config import CaptionTraining, caption_preset
    from drive_gen.train import caption

    loop = loop_of(steps=steps, batch_size=batch_size, learning_rate=learning_rate, seed=seed, device=device,
                   patience=patience)
    if resumed(resume, caption.resume_caption, out, config, data, init, loop):
        return _say_trained(folder_of(resume), json)
    out = folder_of(out)
    settings = read_yaml(CaptionTraining, config) if config else caption_preset(preset)
    kept = replace(settings.data, store=str(data)) if data else settings.data
    caption.train_caption(out, replace(settings, data=kept, init=init or settings.init,
                                       loop=replace(settings.loop, **loop)))
    return _say_trained(out, json)


def describe(what: Annotated[Path, tyro.conf.Positional], /, *, checkpoint: str | None = None,
             language: Literal["en", "ko"] = "en", episode: str = "0", film: Path | None = None,
             json: bool = False) -> int:
    """Say what happens in the first twelve seconds of an episode, or of a film of one, and why.

    Args:
        what: Episode store or evaluation folder, whose episode is drawn from above; or a film (.mp4, .gif) as
            --film writes it: from above, 200 m a side, the ego in its middle and heading up.
        checkpoint: Captioner: run or checkpoint folder, or Hub id; the bundled one if not given.
        language: Of the caption.
        episode: Of a store: the episode's number, or a part of its key that no other has.
        film: Film to write (.mp4, .gif) of what was seen of an episode.
        json: Print only JSON.
    """
    from drive_gen.envs.files import InputError
    from drive_gen.report.sources import store_at

    store = store_at(what)
    if store is None and film is not None:
        raise InputError("--film is written of an episode; this is a film already, or nothing")
    if store is None and not what.is_file():
        raise InputError(f"no episode store and no film at {what}")
    from drive_gen.perception.captioner import Captioner

    model = Captioner.from_pretrained(checkpoint or BUNDLED)
    clip, truth = _of_episode(model, store, episode, film) if store else (_of_film(model, what), None)
    _say_described(model, clip, truth, language, film, json)
    return 0


def _of_episode(model: Captioner, store: Path, which: str, film: Path | None) -> tuple[np.ndarray, Seen]:
    """The clip of a stored episode and what is true of it."""
    from drive_gen.language.sight import seen_of
    from drive_gen.perception.captioner_data import film_of, looked_at
    from drive_gen.perception.captioner_film import write_clip_film
    from drive_gen.report.sources import stored

    episode, sight = stored(store, which).episode, model.config.sight
    truth = seen_of(episode, sight)
    clip = write_clip_film(episode, sight, film) if film else looked_at(film_of(episode, sight), sight)
    return clip, truth


def _of_film(model: Captioner, path: Path) -> np.ndarray:
    from drive_gen.perception.captioner_film import read_clip

    return read_clip(path, model.config.sight)


def _say_described(model: Captioner, clip: np.ndarray, truth: Seen | None, language: str, film: Path | None,
                   as_json: bool) -> None:
    import json

    import torch

    from drive_gen.language.caption import say_seen

    said = model.describe(torch.from_numpy(clip[None]), language)[0]
    text, ours = say_seen(said, language), said.slots()
    theirs = truth.slots() if truth is not None else {}
    about: dict[str, Any] = {"caption": text, "facts": ours}
    if truth is not None:
        about |= {"truth": theirs, "caption_of_truth": say_seen(truth, language),
                  "right": [slot for slot in ours if theirs.get(slot) == ours[slot]],
                  "missed": [slot for slot in theirs if slot not in ours],
                  "made_up": [slot for slot in ours if theirs.get(slot) != ours[slot]]}
    if as_json:
        print(json.dumps(about, indent=1, ensure_ascii=False))
        return
    print(text)
    _table(ours, theirs, truth is not None)
    if truth is not None:
        print(f"{len(about['right'])} facts right, {len(about['missed'])} missed, "
              f"{len(about['made_up'])} made up")
    print(f"wrote {film}; next: drive-gen describe {film}" if film else "next: drive-gen train caption")


def _table(ours: dict[str, str], theirs: dict[str, str], known: bool) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("fact", "said", *(("true", "") if known else ()))
    for slot in dict.fromkeys((*ours, *theirs)):
        one, other = ours.get(slot), theirs.get(slot)
        verdict = "right" if one == other else "missed" if one is None else "made up"
        table.add_row(slot, one or "", *((other or "", verdict) if known else ()))
    Console().print(table)


def _say_trained(out: Path, as_json: bool) -> int:
    return say_trained(out, as_json, lambda row: (
        f"fact F1 {row['fact_f1']:.3f}  hallucinated {row['hallucinated']:.3f}  exact {row['exact']:.3f}"),
        f"drive-gen describe EPISODES --checkpoint {out}")
