"""Training of the network that draws pictures from words; the loop is loop.py's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from drive_gen.imagine.config import PainterTraining
from drive_gen.imagine.data import CAPTIONS, Pictures, pictures_of
from drive_gen.imagine.painter import Painter, make_scheduler, make_tokenizer, painter_loss, tokens_of
from drive_gen.imagine.pipeline import begin_with, write_pipeline
from drive_gen.imagine.vae import Vae
from drive_gen.policies.pretrained import Card
from drive_gen.train.loop import Batch, step_seed, train
from drive_gen.train.run import Progress, RunFolder, begun_with

RESUME = "drive-gen train image --resume"
LIMITS = "Draws simulated roads from above, of the kinds it learnt; it must not drive a real vehicle."
PIPELINE = "pipeline"
VALIDATED = 512  # pictures, at most


def train_image(
    out: Path,
    config: PainterTraining,
    resume: bool = False,
    learn: Pictures | None = None,
    held_out: Pictures | None = None,
) -> Progress:
    """Train on the traffic's pictures (given, or made here); `out`/pipeline is what draws."""
    vae = Vae.from_pretrained(config.vae)
    model = Painter(config.model, config.loop.seed)
    if config.init is not None and not resume:
        begin_with(model, config.init)
    card = Card(
        (f"pictures of {config.traffic.episodes} episodes by request",), config.loop.seed, limits=LIMITS
    )
    run = RunFolder(out, {"model": Painter.model_type, "training": asdict(config)}, card, RESUME)
    run.start(resume, config.loop.device)
    scheduler = make_scheduler(config.model)
    batch_of = batches_of(vae, learn or pictures_of(config.traffic), config)
    held = _held_out(vae, held_out or pictures_of(config.validation))
    progress = train(
        model,
        lambda net, batch: painter_loss(net, scheduler, batch["latent"], batch["words"]),
        batch_of,
        config.loop,
        run,
        lambda average: validate(average, scheduler, *held),
    )
    write_pipeline(out / PIPELINE, Painter.from_pretrained(out / "checkpoints" / "best"), vae)
    return progress


def resume_image(out: Path) -> Progress:
    """Go on with a stopped run, with the settings it was begun with."""
    config, _ = begun_with(out, PainterTraining, Painter.model_type, "drive-gen train image")
    return train_image(out, config, resume=True)


def batches_of(vae: Vae, pictures: Pictures, config: PainterTraining) -> Callable[[int], Batch]:
    """The batch of any step: latents, standardised, with one caption each or none.

    Latents are the means of the VAE's posteriors: what these leave open is noise that nothing could learn.
    """
    means, _ = vae.latents_of(pictures.pictures)
    tokens = _tokens(pictures)  # (N, CAPTIONS + 1, MOST_WORDS); the last says nothing
    factor, seed, size = vae.config.scaling_factor, config.loop.seed, config.loop.batch_size

    def batch_of(step: int) -> Batch:
        rng = np.random.default_rng(step_seed(seed, step, "batch"))
        chosen = torch.from_numpy(rng.integers(len(means), size=size))
        said = torch.from_numpy(
            np.where(rng.random(size) < config.unsaid, CAPTIONS, rng.integers(CAPTIONS, size=size))
        )
        return {"latent": means[chosen] * factor, "words": tokens[chosen, said]}

    return batch_of


@torch.no_grad()
def validate(model: Painter, scheduler: Any, latents: Tensor, words: Tensor) -> dict[str, float]:
    """The loss on held-out pictures, and how much worse it is with another picture's words.

    The noise is the same every time. Without that gap, what is said makes no difference.
    """
    right = _mean_loss(model, scheduler, latents, words)
    wrong = _mean_loss(model, scheduler, latents, words.roll(len(words) // 2, 0))
    return {"score": -right, "validation_loss": right, "gap": wrong - right}


def _mean_loss(model: Painter, scheduler: Any, latents: Tensor, words: Tensor) -> float:
    device = next(model.parameters()).device
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        losses = [
            float(painter_loss(model, scheduler, some.to(device), told.to(device))["loss"]) * len(some)
            for some, told in zip(torch.split(latents, 64), torch.split(words, 64), strict=True)
        ]
    return sum(losses) / len(latents)


def _held_out(vae: Vae, pictures: Pictures) -> tuple[Tensor, Tensor]:
    """Latents and the fullest caption of some pictures, evenly taken."""
    chosen = np.unique(np.linspace(0, len(pictures) - 1, VALIDATED).round().astype(int))
    means, _ = vae.latents_of(pictures.pictures[chosen])
    texts = [pictures.words[number][-1] for number in chosen]
    return means * vae.config.scaling_factor, tokens_of(texts, make_tokenizer())


def _tokens(pictures: Pictures) -> Tensor:
    tokenizer = make_tokenizer()
    texts = [text for words in pictures.words for text in (*words, "")]
    return tokens_of(texts, tokenizer).reshape(len(pictures), CAPTIONS + 1, -1)
