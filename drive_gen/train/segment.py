"""Training the segmenter: frames drawn as they are needed, or labelled photographs; the loop is loop.py's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from functools import lru_cache, partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from drive_gen.envs.frames.frame import CLASSES
from drive_gen.envs.frames.looks import NATIVE
from drive_gen.perception.bend import bent
from drive_gen.perception.config import SegmentTraining
from drive_gen.perception.evaluate import score
from drive_gen.perception.photos import PHOTO_CLASSES, read_labelled
from drive_gen.perception.rendered import FIRST_HELD_OUT, Moment, Pictures, looks_of, pool
from drive_gen.perception.segmenter import Segmenter
from drive_gen.policies.pretrained import Card
from drive_gen.train.loop import Batch, step_seed, train
from drive_gen.train.run import Progress, RunFolder, begun_with

RESUME = "drive-gen train segment --resume"
REUSED = 8  # steps that a batch of bent roads is drawn in: each takes as long to build as five frames


def train_segment(out: Path, config: SegmentTraining, resume: bool = False) -> Progress:
    """Train on frames, or on the photographs that the config names; the run's folder is `out`."""
    model = make_model(config)
    config = replace(config, model=model.config)
    settings = {"model": Segmenter.model_type, "training": asdict(config)}
    what = (f"photographs of {Path(config.photos.folder).name}" if config.photos else
            f"{config.frames.scenes} simulated scenes as {config.frames.view} frames")
    run = RunFolder(out, settings, Card((what,), config.loop.seed), RESUME)
    if config.photos:
        batch_of, held_out = _photos(config)
        run.start(resume, config.loop.device)
    else:
        run.start(resume, config.loop.device)  # before the simulation, which takes a while
        batch_of, held_out = _frames(config)
    loss = partial(loss_of, dice=config.dice)
    return train(model, loss, batch_of, config.loop, run, lambda network: _scores(network, held_out))


def resume_segment(out: Path) -> Progress:
    """Go on with a stopped run, with the settings it was begun with."""
    config, _ = begun_with(out, SegmentTraining, Segmenter.model_type, "drive-gen train segment")
    return train_segment(out, config, resume=True)


def make_model(config: SegmentTraining) -> Segmenter:
    """The network to begin with: untrained, or a checkpoint's, with a new head where the classes differ."""
    classes = PHOTO_CLASSES if config.photos else CLASSES
    begun = Segmenter.from_pretrained(config.init) if config.init else None
    shape = begun.config if begun else config.model
    longest = max(config.photos.width_px, config.photos.height_px) if config.photos else shape.longest_px
    fitted = replace(shape, classes=classes, unet=replace(shape.unet, out_channels=len(classes)),
                     longest_px=longest)
    model = Segmenter(fitted, config.loop.seed)
    if begun:
        kept = {name: tensor for name, tensor in begun.state_dict().items()
                if begun.config.classes == classes or not name.startswith("unet.head.")}
        model.load_state_dict(kept, strict=False)
    return model


def loss_of(model: Segmenter, batch: Batch, dice: float) -> Mapping[str, Tensor]:
    """Cross-entropy, and 1 - Dice (Milletari et al., 2016) over the classes that are there."""
    truth = batch["mask"].long()
    logits = model(batch["rgb"]).float()
    entropy = F.cross_entropy(logits, truth)
    share, count = logits.softmax(1), torch.bincount(truth.flatten(), minlength=logits.shape[1])
    right = share.gather(1, truth[:, None]).flatten()
    both = share.new_zeros(len(count)).index_add(0, truth.flatten(), right)
    sizes = share.sum((0, 2, 3)) + count
    overlap = 1 - (2 * both / sizes.clamp(min=1))[count > 0].mean()
    return {"loss": entropy + dice * overlap, "entropy": entropy, "overlap": overlap}


def _frames(config: SegmentTraining) -> tuple[Callable[[int], Batch], dict[str, Pictures]]:
    """Batches drawn of the training scenes, and frames of other scenes for the scores."""
    frames, size, seed = config.frames, config.loop.batch_size, config.loop.seed
    learnt = pool(frames, 0, min(frames.scenes, FIRST_HELD_OUT))
    other = pool(frames, FIRST_HELD_OUT, frames.held_out)
    draws = np.random.default_rng(np.random.SeedSequence([FIRST_HELD_OUT, *b"scores"]))
    every = replace(frames, native=0.0, loud=0.0)  # the same looks whatever is learnt from
    held_out = {"native": other.draw(draws, [NATIVE] * frames.held_out),
                "looks": other.draw(draws, looks_of(every, draws, frames.held_out))}

    @lru_cache(maxsize=1)
    def bends(number: int) -> list[Moment]:
        draws = np.random.default_rng(step_seed(seed, number, "bent"))
        seen = [learnt.seen(draws) for _ in range(size if frames.bent else 0)]
        return [bent(scene, followed, draws) for scene, _, followed in seen]

    def batch_of(step: int) -> Batch:
        draws = np.random.default_rng(step_seed(seed, step, "batch"))
        rgb, mask = learnt.draw(draws, looks_of(frames, draws, size), frames, bends(step // REUSED))
        return {"rgb": torch.from_numpy(rgb), "mask": torch.from_numpy(mask)}

    return batch_of, held_out


def _photos(config: SegmentTraining) -> tuple[Callable[[int], Batch], dict[str, Pictures]]:
    """Batches of photographs, half of them mirrored, in light that varies; the last ones held out."""
    assert config.photos is not None
    rgb, mask = read_labelled(Path(config.photos.folder), config.photos.width_px, config.photos.height_px)
    count = len(rgb) - int(config.photos.held_out * len(rgb))
    held_out = (rgb[count:], mask[count:]) if count < len(rgb) else (rgb, mask)

    def batch_of(step: int) -> Batch:
        draws = np.random.default_rng(step_seed(config.loop.seed, step, "batch"))
        pick = draws.integers(count, size=config.loop.batch_size)
        flip = np.where(draws.random(len(pick)) < 0.5, -1, 1)
        light = draws.uniform(0.7, 1.3, (len(pick), 1, 1, 3))
        seen = np.stack([rgb[place][:, ::side] for place, side in zip(pick, flip, strict=True)])
        labels = np.stack([mask[place][:, ::side] for place, side in zip(pick, flip, strict=True)])
        seen = np.clip(seen * light, 0, 255).astype(np.uint8)
        return {"rgb": torch.from_numpy(seen), "mask": torch.from_numpy(labels)}

    return batch_of, {"photos": held_out}


def _scores(model: Segmenter, held_out: Mapping[str, Pictures]) -> dict[str, float]:
    """Mean IoU of each set, and of each class; "score" is the sets' mean."""
    classes = model.config.classes
    found = {name: score(model.predict, pictures, classes) for name, pictures in held_out.items()}
    each = {f"{name}_{what}".replace(" ", "_"): float(value)
            for name, row in found.items() for what, value in row.items()}
    return {"score": float(np.mean([float(row["mean"]) for row in found.values()])), **each}
