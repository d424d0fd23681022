"""`drive-gen train caption` and `drive-gen describe`: what happens in an episode or a film, and why."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import tyro

from drive_gen.commands.training import folder_of, loop_of, resumed, say_trained

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
        learning_rate: The highest learning rate, at the end of the warm-up.
        seed: Seed of the weights and batches.
        device: Where to train; auto: on a GPU where there is one.
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


def describe(what: Annotated[Path, tyro.conf.Positional], /, *,
             by: Literal["tracks", "network"] | None = None, eyes: str | None = None,
             checkpoint: str | None = None, language: Literal["en", "ko"] = "en", episode: str = "0",
             film: Path | None = None, out: Path | None = None, json: bool = False) -> int:
    """Say what happens in the first twelve seconds of an episode, or of a film of one, and why.

    The film is read back into an episode on a known road, and geometry says what that holds. Where it cannot
    be read, the captioner's network is asked instead, and that is said.

    Args:
        what: Episode store or evaluation folder, whose episode is drawn from above; or a film (.mp4, .gif) as
            --film writes it: from above, 200 m a side, the ego in its middle and heading up.
        by: tracks: see bodies and road, follow them, and say what they do; network: the captioner's words.
            Tracks if not given, but where --checkpoint is.
        eyes: The network that sees (tracks): run or checkpoint folder, or Hub id; bundled if not given.
        checkpoint: Captioner (network), likewise.
        language: Of the caption.
        episode: Of a store: the episode's number, or a part of its key that no other has.
        film: Film to write (.mp4, .gif) of what was seen of an episode.
        out: Episode store to write what was read to (tracks); `drive-gen inspect` and others take it.
        json: Print only JSON.
    """
    from drive_gen.commands.describe import by_network, by_tracks, filmed, say_described
    from drive_gen.envs.files import InputError
    from drive_gen.report.sources import store_at

    store = store_at(what)
    if store is None and film is not None:
        raise InputError("--film is written of an episode; this is a film already, or nothing")
    if store is None and not what.is_file():
        raise InputError(f"no episode store and no film at {what}")
    by = by or ("network" if checkpoint else "tracks")
    if out is not None and by == "network":
        raise InputError("--out is of --by tracks; the network writes words, no episode")
    frames, played = filmed(store or what, store is not None, episode, film)
    if by == "network":
        found = by_network(frames, played, language, checkpoint)
    else:
        found = by_tracks(frames, played, language, eyes, what.name)
    say_described(found, language, film, out, json)
    return 0


def _say_trained(out: Path, as_json: bool) -> int:
    return say_trained(out, as_json, lambda row: (
        f"fact F1 {row['fact_f1']:.3f}  hallucinated {row['hallucinated']:.3f}  exact {row['exact']:.3f}"),
        f"drive-gen describe EPISODES --checkpoint {out}")
