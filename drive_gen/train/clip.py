"""Training of CLIP over text, frames and trajectories: its batches and validation; the loop is loop.py's."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from drive_gen.language.plan import Variety
from drive_gen.language.tokenizer import train_tokenizer
from drive_gen.perception.clip import Clip, Embedded, clip_loss
from drive_gen.perception.clip_config import ClipTraining
from drive_gen.perception.clip_init import begin_with, shape_of, tokenizer_from
from drive_gen.perception.clip_prepare import prepared, split
from drive_gen.perception.clip_scores import Texts, above_false, pairs, recall, texts_of
from drive_gen.perception.clip_texts import Known, Named, draw_text, named, one_changed
from drive_gen.perception.clips import Clips
from drive_gen.policies.pretrained import Card
from drive_gen.train.loop import Batch, step_seed, train
from drive_gen.train.run import Progress, RunFolder, begun_with

RESUME = "drive-gen train clip --resume"
LIMITS = ("Trained on scripted traffic seen from above and on texts of one grammar; a search that finds "
          "nothing proves nothing, and it must not drive a real vehicle.")
TRAINING = Variety("train", "train")
MORE = 0.1  # share of texts with more than three facts
TOKENIZER_TEXTS, VALIDATION_TEXTS = 8000, 400


def train_clip(out: Path, config: ClipTraining, resume: bool = False, cache: Path | None = None,
               workers: int = 0) -> Progress:
    """Train on the clips of the settings; the run's folder is `out`, prepared clips are kept in `cache`."""
    if config.init is not None and not resume:
        config = replace(config, model=shape_of(config.init, config.model))
    card = Card((f"{config.data.episodes} episodes of {config.data.store or 'drive-gen collect requests'}, "
                 f"texts by drive_gen's grammar in English and Korean",), config.loop.seed, limits=LIMITS)
    run = RunFolder(out, {"model": Clip.model_type, "training": asdict(config)}, card, RESUME)
    run.start(resume)
    learn, held_out = split(prepared(config.data, config.model, cache or out, workers))
    tokenizer = tokenizer_from(config.init) if config.init else tokenizer_of(learn, config)
    model = Clip(config.model, config.loop.seed, tokenizer)
    if config.init is not None and not resume:
        begin_with(model, config.init)
    with torch.no_grad():
        model.clip.get_parameter("logit_scale").fill_(math.log(config.scale))
    texts = texts_of(held_out, VALIDATION_TEXTS, seed=0, variety=TRAINING)
    return train(model, lambda model, batch: loss_of(model, batch, config), batches_of(learn, model, config),
                 config.loop, run, lambda average: validate(average, held_out, texts))


def resume_clip(out: Path, cache: Path | None = None) -> Progress:
    """Go on with a stopped run, with the settings it was begun with."""
    config, _ = begun_with(out, ClipTraining, Clip.model_type, "drive-gen train clip")
    return train_clip(out, config, resume=True, cache=cache)


def tokenizer_of(clips: Clips, config: ClipTraining) -> Any:
    """Subwords of texts of the clips, in both languages."""
    rng = np.random.default_rng(step_seed(config.loop.seed, 0, "tokenizer"))
    texts = []
    for number in range(TOKENIZER_TEXTS):
        row = clips.holds[int(rng.integers(len(clips)))]
        texts.append(draw_text(Known(row), ("en", "ko")[number % 2], rng, TRAINING, MORE).text)
    return train_tokenizer(texts, config.model.vocabulary)


def loss_of(model: Clip, batch: Batch, config: ClipTraining) -> dict[str, Tensor]:
    """`clip_loss` of a batch."""
    embedded = Embedded(model.of_text(batch["ids"]), model.of_frames(batch["frames"]),
                        model.of_trajectories(batch["motion"], batch["start"], batch["lanes"]))
    return clip_loss(model, embedded, batch["says"], batch["holds"], config.claims)


def batches_of(clips: Clips, model: Clip, config: ClipTraining) -> Callable[[int], Batch]:
    """The batch of any step: clips, half of them seen in a mirror, a text of each, and some texts with one
    fact changed, false of theirs."""
    size = config.loop.batch_size
    framed, false = max(2, round(size * config.framed)), round(size * config.false_texts)

    def batch_of(step: int) -> Batch:
        rng = np.random.default_rng(step_seed(config.loop.seed, step, "batch"))
        chosen = clips.take(rng.integers(len(clips), size=size)).mirrored(rng.random(size) < 0.5)
        texts = texts_of_batch(chosen.holds, false, rng)
        ids = model.ids_of([text.text for text in texts], cut=True)
        arrays = {"frames": chosen.frames[:framed], "motion": chosen.motion, "start": chosen.start,
                  "lanes": chosen.lanes, "holds": chosen.holds,
                  "says": np.stack([text.claims for text in texts])}
        return {"ids": ids, **{name: torch.from_numpy(array) for name, array in arrays.items()}}

    return batch_of


def texts_of_batch(holds: np.ndarray, false: int, rng: np.random.Generator) -> list[Named]:
    """A text of each clip, and false ones of the first."""
    known = [Known(row) for row in holds]
    languages = rng.integers(2, size=len(known))
    texts = [draw_text(one, ("en", "ko")[languages[number]], rng, TRAINING, MORE)
             for number, one in enumerate(known)]
    for number in range(false):
        changed = one_changed(texts[number].facts, known[number].true, rng)
        if changed is not None:
            texts.append(named(changed[1], ("en", "ko")[languages[number]], rng, TRAINING))
    return texts


def validate(model: Clip, clips: Clips, texts: Texts) -> dict[str, float]:
    """Class-aware recall among the held-out clips, and how often the true text is above the false one."""
    frame, trajectory = model.embed_clips(clips)
    true = model.embed_texts([text.text for text in texts.true], cut=True)
    false = model.embed_texts([text.text for text in texts.false], cut=True)
    scores: dict[str, float] = {}
    for name, embedded in (("frame", frame), ("trajectory", trajectory), ("both", frame + trajectory)):
        own = embedded[texts.clip]
        scores[f"recall_{name}"] = recall(true @ embedded.T, texts.fits, 1)
        scores[f"false_{name}"] = float(above_false(pairs(true, own), pairs(false, own)).mean())
    return {"score": scores["recall_both"] + scores["false_both"], **scores}
