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

from drive_gen.language.tokenizer import train_tokenizer
from drive_gen.perception.claims import MIRROR
from drive_gen.perception.clip import Clip, Embedded, clip_loss
from drive_gen.perception.clip_config import ClipTraining
from drive_gen.perception.clip_init import begin_with, shape_of, tokenizer_from
from drive_gen.perception.clip_pool import MORE, PER_CLIP, TRAINING, Pool
from drive_gen.perception.clip_prepare import prepared, split
from drive_gen.perception.clip_scores import Texts, above_false, pairs, recall, texts_of
from drive_gen.perception.clip_texts import Known, draw_text
from drive_gen.perception.clip_words import WORDS, words_of
from drive_gen.perception.clips import Clips
from drive_gen.policies.pretrained import Card
from drive_gen.train.loop import Batch, step_seed, train
from drive_gen.train.run import Progress, RunFolder, begun_with

RESUME = "drive-gen train clip --resume"
LIMITS = ("Trained on scripted traffic seen from above and on texts of one grammar; a search that finds "
          "nothing proves nothing, and it must not drive a real vehicle.")
TOKENIZER_TEXTS, VALIDATION_TEXTS = 3000, 400


def train_clip(out: Path, config: ClipTraining, resume: bool = False, cache: Path | None = None,
               workers: int = 0) -> Progress:
    """Train on the clips of the settings; the run's folder is `out`, prepared clips are kept in `cache`."""
    if config.init is not None and not resume:
        config = replace(config, model=shape_of(config.init, config.model))
    card = Card((f"{config.data.episodes} episodes of {config.data.store or 'drive-gen collect requests'}, "
                 f"texts by drive_gen's grammar in English and Korean",), config.loop.seed, limits=LIMITS)
    run = RunFolder(out, {"model": Clip.model_type, "training": asdict(config)}, card, RESUME)
    run.start(resume, config.loop.device)
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
    """Subwords of texts of the clips, in both languages, and a word for each claim."""
    rng = np.random.default_rng(step_seed(config.loop.seed, 0, "tokenizer"))
    texts = []
    for number in range(TOKENIZER_TEXTS):
        row = clips.holds[int(rng.integers(len(clips)))]
        texts.append(draw_text(Known(row), ("en", "ko")[number % 2], rng, TRAINING, MORE).text)
    return train_tokenizer(texts, config.model.vocabulary, whole=WORDS)


def loss_of(model: Clip, batch: Batch, config: ClipTraining) -> dict[str, Tensor]:
    """`clip_loss` of a batch."""
    frame = model.of_frames(batch["frames"])
    trajectory, held = model.of_trajectories(batch["motion"], batch["start"], batch["lanes"])
    embedded = Embedded(model.of_text(batch["ids"]), frame, trajectory,
                        model.of_both(frame, trajectory[: len(frame)]), held)
    return clip_loss(model, embedded, batch["says"], batch["holds"], config.claims)


def batches_of(clips: Clips, model: Clip, config: ClipTraining) -> Callable[[int], Batch]:
    """The batch of any step: clips, half of those seen in a mirror whose texts are not written out; a text of
    each, and some texts with one fact changed, false of theirs."""
    size = config.loop.batch_size
    framed, false = max(2, round(size * config.framed)), round(size * config.false_texts)
    pool, blind = Pool(clips.holds, config.loop.seed), replace(clips, frames=clips.frames[:, :0])

    def batch_of(step: int) -> Batch:
        rng = np.random.default_rng(step_seed(config.loop.seed, step, "batch"))
        places, numbers = rng.integers(len(clips), size=size), rng.integers(PER_CLIP, size=size)
        written = rng.random(size) < config.written
        mirror = ~written & (rng.random(size) < 0.5)
        chosen = blind.take(places).mirrored(mirror)
        frames = clips.take(places[:framed]).mirrored(mirror[:framed]).frames
        pairs = [pool.pair(int(place), int(number)) for place, number in zip(places, numbers, strict=True)]
        said = [(pair.true, row) for row, pair in enumerate(pairs)]
        said += [(pair.false, row) for row, pair in enumerate(pairs[:false]) if pair.false is not None]
        says = np.stack([text.claims[MIRROR] if mirror[row] else text.claims for text, row in said])
        texts = [text.text if written[row] else words_of(claims)
                 for (text, row), claims in zip(said, says, strict=True)]
        arrays = {"frames": frames, "motion": chosen.motion, "start": chosen.start,
                  "lanes": chosen.lanes, "holds": chosen.holds, "says": says}
        return {"ids": model.ids_of(texts, cut=True),
                **{name: torch.from_numpy(array) for name, array in arrays.items()}}

    return batch_of


def validate(model: Clip, clips: Clips, texts: Texts) -> dict[str, float]:
    """Class-aware recall among the held-out clips, and how often the true text is above the false one."""
    embedded = model.embed_clips(clips)
    true = model.embed_texts([text.text for text in texts.true], cut=True)
    false = model.embed_texts([text.text for text in texts.false], cut=True)
    scores: dict[str, float] = {}
    for name, rows in embedded._asdict().items():
        own = rows[texts.clip]
        scores[f"recall_{name}"] = recall(true @ rows.T, texts.fits, 1)
        scores[f"false_{name}"] = float(above_false(pairs(true, own), pairs(false, own)).mean())
    return {"score": scores["recall_both"] + scores["false_both"], **scores}
