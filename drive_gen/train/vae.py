"""Training of the VAE of pictures: its batches, loss and validation; the loop is loop.py's."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from drive_gen.envs.files import InputError
from drive_gen.evaluate.pictures import psnr_db
from drive_gen.imagine.classes import classes_of, mean_iou
from drive_gen.imagine.config import VaeTraining
from drive_gen.imagine.data import Pictures, pictures_of
from drive_gen.imagine.vae import Vae, vae_loss
from drive_gen.policies.pretrained import Card
from drive_gen.train.loop import Batch, step_seed, train
from drive_gen.train.run import Progress, RunFolder, begun_with

RESUME = "drive-gen train vae --resume"
LIMITS = "Learnt on pictures of simulated roads from above; it knows nothing of photographs."


def train_vae(
    out: Path,
    config: VaeTraining,
    resume: bool = False,
    learn: Pictures | None = None,
    held_out: Pictures | None = None,
) -> Progress:
    """Train on the traffic's pictures (given, or made here); the run's folder is `out`."""
    model = Vae(config.model, config.loop.seed)
    if config.init is not None and not resume:
        begin_with(model, config.init)
    card = Card(
        (f"pictures of {config.traffic.episodes} episodes by request",), config.loop.seed, limits=LIMITS
    )
    run = RunFolder(out, {"model": Vae.model_type, "training": asdict(config)}, card, RESUME)
    run.start(resume, config.loop.device)
    seen = (learn or pictures_of(config.traffic)).pictures
    others = (held_out or pictures_of(config.validation)).pictures

    def batch_of(step: int) -> Batch:
        rng = np.random.default_rng(step_seed(config.loop.seed, step, "batch"))
        return {"picture": torch.from_numpy(seen[rng.integers(len(seen), size=config.loop.batch_size)])}

    def loss_of(net: Vae, batch: Batch) -> dict[str, Tensor]:
        return vae_loss(net, batch["picture"], config.loss)

    return train(model, loss_of, batch_of, config.loop, run, lambda average: validate(average, others))


def begin_with(model: Vae, reference: str) -> None:
    """Give a VAE the weights of another of its shape."""
    former = Vae.from_pretrained(reference)
    if former.config.widths != model.config.widths or former.config.layers != model.config.layers:
        raise InputError(
            f"--init {reference}: its shape is {former.config.widths} x {former.config.layers}, not "
            f"{model.config.widths} x {model.config.layers}"
        )
    model.load_state_dict(former.state_dict())


def resume_vae(out: Path) -> Progress:
    """Go on with a stopped run, with the settings it was begun with."""
    config, _ = begun_with(out, VaeTraining, Vae.model_type, "drive-gen train vae")
    return train_vae(out, config, resume=True)


def validate(model: Vae, pictures: np.ndarray) -> dict[str, float]:
    """How well pictures (N, 96, 32, 3) come back; sets the model's latent scale by them."""
    means, _ = model.latents_of(pictures)
    model.measure_scale(means)
    again = model.pictures_of(means)
    found = psnr_db(pictures, again)
    return {
        "score": found,
        "psnr_db": found,
        "mask_iou": mean_iou(classes_of(pictures), classes_of(again)),
        "scaling_factor": model.config.scaling_factor,
    }
