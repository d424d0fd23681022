"""Training the network that sees films from above: how much of each pixel is of which class."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from functools import lru_cache, partial
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from drive_gen.data.store import iterate_episodes
from drive_gen.envs.episode import Episode, Scene
from drive_gen.envs.frames.frame import CLASSES
from drive_gen.envs.frames.looks import NATIVE, Look, draw_look
from drive_gen.language.played import Staged, played
from drive_gen.perception.bend import bent
from drive_gen.perception.captioner_data import OneRoad
from drive_gen.perception.crowd import crowded
from drive_gen.perception.film_config import FilmFrames, FilmTraining
from drive_gen.perception.film_view import film_frame
from drive_gen.perception.rendered import FIRST_HELD_OUT
from drive_gen.perception.segmenter import Segmenter
from drive_gen.policies.pretrained import Card
from drive_gen.train.loop import Batch, step_seed, train
from drive_gen.train.run import Progress, RunFolder, begun_with

WHAT = "film"  # in a run's config.json; the checkpoint is a segmenter's
RESUME = "python scripts/release_film.py --work"
QUALITIES = (35, 95)  # of JPEGs
REUSED = 4  # steps that a batch of bent roads is drawn in: each takes as long to build as a step
HELD_OUT = 0.1  # share of the episodes, the last


Moment = tuple[Scene, int]  # and the agent that the camera is above


class Strips(NamedTuple):
    """What films show in their middle: pictures (B, H, W, 3), classes of their samples (B, 4, H, W)."""

    rgb: np.ndarray
    samples: np.ndarray


def train_film(out: Path, config: FilmTraining, resume: bool = False) -> Progress:
    """Train on frames of scripted traffic; the run's folder is `out`."""
    model = Segmenter(config.model, config.loop.seed)
    if config.init:
        model.load_state_dict(Segmenter.from_pretrained(config.init).state_dict())
    what = f"{config.frames.episodes} episodes of scripted traffic as films from above"
    settings = {"model": WHAT, "training": asdict(config)}
    run = RunFolder(out, settings, Card((what,), config.loop.seed), RESUME)
    run.start(resume, config.loop.device)
    batch_of, held_out = batches(config)
    return train(model, partial(loss_of, dice=config.dice), batch_of, config.loop, run,
                 lambda network: scores_of(network, held_out))


def resume_film(out: Path) -> Progress:
    """Go on with a stopped run, with the settings it was begun with."""
    config, _ = begun_with(out, FilmTraining, WHAT, "scripts/release_film.py")
    return train_film(out, config, resume=True)


def batches(config: FilmTraining) -> tuple[Callable[[int], Batch], dict[str, Strips]]:
    """Batches drawn of the first episodes, and strips of the last ones for the scores."""
    frames, size, seed = config.frames, config.loop.batch_size, config.loop.seed
    roads = OneRoad({})
    episodes = [roads.of(episode) for episode in episodes_of(frames)]
    last = max(1, round(HELD_OUT * len(episodes)))
    learnt, other = episodes[:-last] or episodes, episodes[-last:]
    draws = np.random.default_rng(np.random.SeedSequence([seed, *b"film"]))
    plain, curved = replace(frames, bent=0.0), replace(frames, bent=1.0)
    tight = [_moment(other, draws, bend=True) for _ in range(frames.held_out)]
    held_out = {"native": drawn(other, [], [NATIVE] * frames.held_out, plain, draws),
                "looks": drawn(other, [], _looks(frames, draws, frames.held_out, 0.0), plain, draws),
                "bent": drawn(other, tight, [NATIVE] * frames.held_out, curved, draws)}

    @lru_cache(maxsize=1)
    def bends(number: int) -> list[Moment]:
        draws = np.random.default_rng(step_seed(seed, number, "bent"))
        return [_moment(learnt, draws, bend=True) for _ in range(size)]

    def batch_of(step: int) -> Batch:
        draws = np.random.default_rng(step_seed(seed, step, "batch"))
        looks = _looks(frames, draws, size, frames.native)
        rgb, samples = drawn(learnt, bends(step // REUSED), looks, frames, draws)
        return {"rgb": torch.from_numpy(rgb), "samples": torch.from_numpy(samples)}

    return batch_of, held_out


def episodes_of(frames: FilmFrames) -> Iterator[Episode]:
    """A store's first episodes, or those of the first seeds."""
    if frames.store is not None:
        return islice(iterate_episodes(Path(frames.store)), frames.episodes)
    return (played(Staged(), seed) for seed in range(frames.episodes))


def _looks(frames: FilmFrames, draws: np.random.Generator, count: int, native: float) -> list[Look]:
    plain, strength = draws.random(count) < native, frames.strength * np.sqrt(draws.random(count))
    seeds = draws.integers(FIRST_HELD_OUT, size=count)
    return [NATIVE if one else draw_look(int(seed), float(much))
            for one, seed, much in zip(plain, seeds, strength, strict=True)]


def _moment(episodes: Sequence[Episode], draws: np.random.Generator, bend: bool = False) -> Moment:
    """An instant of an episode and an agent of it; its road may be bent."""
    episode = episodes[int(draws.integers(len(episodes)))]
    scene = episode.scene(int(draws.integers(episode.steps)))
    followed = int(draws.integers(len(scene.agent_id)))
    return bent(scene, followed, draws) if bend else (scene, followed)


def drawn(episodes: Sequence[Episode], curved: Sequence[Moment], looks: Sequence[Look], frames: FilmFrames,
          draws: np.random.Generator) -> Strips:
    """A strip a look, each of a moment of an episode, or of one on a bent road, that is drawn."""
    pictures, samples = [], []
    for look in looks:
        scene, followed = (curved[int(draws.integers(len(curved)))] if draws.random() < frames.bent
                           else _moment(episodes, draws))
        if draws.random() < frames.crowd:
            scene = crowded(scene, followed, draws)
        rgb, classes = film_frame(scene, look, followed)
        pictures.append(squeezed(rgb, int(draws.integers(*QUALITIES))) if draws.random() < frames.squeezed
                        else rgb)
        samples.append(classes)
    return Strips(np.stack(pictures), np.stack(samples))


def squeezed(picture: np.ndarray, quality: int) -> np.ndarray:
    """A picture (H, W, 3) as a JPEG gives it back, its colours at half the resolution as a film's are."""
    held = BytesIO()
    Image.fromarray(picture).save(held, "JPEG", quality=quality, subsampling=2)
    return np.asarray(Image.open(held).convert("RGB"))


def loss_of(model: Segmenter, batch: Batch, dice: float) -> Mapping[str, Tensor]:
    """Cross-entropy with the share of each class in a pixel, and 1 - Dice over the classes that are there."""
    truth = F.one_hot(batch["samples"].long(), len(CLASSES)).float().mean(1).permute(0, 3, 1, 2)
    logits = model(batch["rgb"]).float()
    entropy = F.cross_entropy(logits, truth)
    share = logits.softmax(1)
    there = truth.sum((0, 2, 3))
    both = torch.minimum(share, truth).sum((0, 2, 3))
    overlap = 1 - (2 * both / (share.sum((0, 2, 3)) + there).clamp(min=1))[there > 0].mean()
    return {"loss": entropy + dice * overlap, "entropy": entropy, "overlap": overlap}


@torch.no_grad()
def scores_of(model: Segmenter, held_out: Mapping[str, Strips]) -> dict[str, float]:
    """Soft IoU (least over greatest of the shares) of each class of each set; "score" is the mean."""
    found: dict[str, float] = {}
    for name, strips in held_out.items():
        least, most = np.zeros(len(CLASSES)), np.zeros(len(CLASSES))
        for rgb, samples in zip(strips.rgb, strips.samples, strict=True):
            said = model(torch.from_numpy(rgb[None])).float().softmax(1)[0].numpy()
            true = np.stack([(samples == number).mean(0) for number in range(len(CLASSES))])
            least += np.minimum(said, true).sum((1, 2))
            most += np.maximum(said, true).sum((1, 2))
        found |= {f"{name}_{what}": float(value) for what, value in zip(CLASSES, least / most, strict=True)}
    return {"score": float(np.mean(list(found.values()))), **found}
