"""Words -> pictures by a pipeline: from noise, from another picture, or within a part of one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from drive_gen.envs.config import check_choice
from drive_gen.envs.files import InputError
from drive_gen.imagine.pipeline import quiet
from drive_gen.imagine.raster import HEIGHT_PX, WIDTH_PX
from drive_gen.imagine.steer import Steering, reward_of, steered_scheduler
from drive_gen.imagine.vae import to_pictures
from drive_gen.language.facts import Facts

Part = Literal["ahead", "behind", "left", "right"]
PARTS = ("ahead", "behind", "left", "right")
SPARED_PX = 4  # of a part drawn anew, on the ego's side: the ego stays
BATCH = 32  # pictures at once
MOST_COUNT, MOST_STEPS = 256, 1000


@dataclass(frozen=True)
class Drawing:
    """How pictures are drawn."""

    count: int = 8
    guidance: float = 2.0  # 1 leaves it out; more exaggerates the words (Ho and Salimans, 2022)
    steps: int = 15
    seed: int = 0
    strength: float = 0.7  # of a picture begun with: the share of the noise put on it

    def __post_init__(self) -> None:
        if not 1 <= self.count <= MOST_COUNT or not 1 <= self.steps <= MOST_STEPS:
            raise InputError(
                f"from 1 to {MOST_COUNT} pictures in 1 to {MOST_STEPS} steps can be drawn; got "
                f"{self.count} and {self.steps}"
            )
        if not 1 / self.steps <= self.strength <= 1 or not 1 <= self.guidance <= 50:
            raise InputError(
                "strength is from 1 / steps to 1, guidance from 1 to 50; got "
                f"{self.strength} and {self.guidance}"
            )

    def steps_of_each(self, begun: bool) -> int:
        """Of the sampler's steps, those that a picture takes; fewer where it is begun with another."""
        return min(int(self.steps * self.strength), self.steps) if begun else self.steps

    def steps_of_all(self, begun: bool) -> int:
        """Of all batches."""
        return -(-self.count // BATCH) * self.steps_of_each(begun)


@dataclass(frozen=True, eq=False)
class Drawn:
    """N pictures, and how the first of them came out of the noise."""

    pictures: np.ndarray  # (N, 96, 32, 3) uint8
    stages: np.ndarray  # (steps, 96, 32, 3) uint8


def draw(
    pipeline: Any,
    words: str | list[str],
    how: Drawing,
    begin: np.ndarray | None = None,
    part: Part | None = None,
    wanted: Facts | None = None,
    on_step: Callable[[], None] = lambda: None,
) -> Drawn:
    """Pictures of some words, one seed each; of one text each where a list is given.

    With what is `wanted`, those drawn side by side (at most BATCH) are steered to show it (steer.py).

    With `begin`, a picture (96, 32, 3) uint8, they are drawn from it (SDEdit, Meng et al., 2022); with a
    `part` too, only that part of it changes (known latents are put back at each step, as in RePaint).
    """
    texts = [words] * how.count if isinstance(words, str) else words
    done: list[np.ndarray] = []
    first: list[Tensor] = []
    for start in range(0, len(texts), BATCH):
        some = texts[start : start + BATCH]
        seeds = [_seed(how.seed, number) for number in range(start, start + len(some))]
        steering = None if wanted is None else _steering(pipeline, wanted, how, begin is not None, start)
        stages: list[Tensor] = []

        def watch(latents: Tensor, stages: list[Tensor] = stages) -> None:
            stages.append(latents)
            on_step()

        done.append(_drawn(pipeline, some, how, seeds, begin, part, watch, steering))
        line = [0] * len(stages) if steering is None else steering.line_of(0)
        first = first or [stage[number] for stage, number in zip(stages, line, strict=True)]
    pictures = np.concatenate(done)
    if begin is not None and part is not None:
        pictures = np.where(mask_of(part)[..., None], pictures, begin)
    return Drawn(pictures, to_pictures(_decoded(pipeline, torch.stack(first))))


def _drawn(
    pipeline: Any,
    texts: list[str],
    how: Drawing,
    seeds: list[int],
    begin: np.ndarray | None,
    part: Part | None,
    watch: Callable[[Tensor], None],
    steering: Steering | None,
) -> np.ndarray:
    """One batch by the library's own pipelines."""
    import diffusers

    def after_step(_: Any, step: int, at: int, tensors: dict[str, Any]) -> dict[str, Any]:
        watch(tensors["latents"].clone())
        return {}

    given: dict[str, Any] = {
        "prompt": texts,
        "negative_prompt": [""] * len(texts),
        "num_inference_steps": how.steps,
        "guidance_scale": how.guidance,
        "output_type": "pt",
        "callback_on_step_end": after_step,
        "generator": [torch.Generator().manual_seed(seed) for seed in seeds],
    }
    if begin is None:
        given |= {"height": HEIGHT_PX, "width": WIDTH_PX}
        kind = diffusers.StableDiffusionPipeline
    else:
        given |= {"image": [Image.fromarray(begin)] * len(texts), "strength": how.strength}
        kind = diffusers.StableDiffusionImg2ImgPipeline
    if part is not None:
        given |= {
            "height": HEIGHT_PX,
            "width": WIDTH_PX,
            "mask_image": Image.fromarray(mask_of(part).astype(np.uint8) * 255),
        }
        kind = diffusers.StableDiffusionInpaintPipeline
    parts = dict(pipeline.components)
    if steering is not None:
        parts["scheduler"] = steered_scheduler(pipeline.scheduler, steering)
        given["eta"] = 1.0
    with quiet():
        chosen = kind(**parts, requires_safety_checker=False)
        chosen.set_progress_bar_config(disable=True)
        images: Tensor = chosen(**given).images
    return to_pictures(images * 2 - 1)


def _steering(pipeline: Any, wanted: Facts, how: Drawing, begun: bool, start: int) -> Steering:
    """Rewards what the pictures that latents point at show of what is wanted."""

    def rewards(predicted: Tensor) -> np.ndarray:
        return np.array([reward_of(wanted, each) for each in to_pictures(_decoded(pipeline, predicted))])

    return Steering(rewards, how.steps_of_each(begun), _seed(how.seed, start))


def mask_of(part: Part) -> np.ndarray:
    """Which pixels of a picture are drawn anew, (96, 32) bool."""
    check_choice(part, PARTS, "part")
    mask = np.zeros((HEIGHT_PX, WIDTH_PX), bool)
    row, column = HEIGHT_PX // 2, WIDTH_PX // 2
    mask[
        {
            "ahead": (slice(0, row - SPARED_PX),),
            "behind": (slice(row + SPARED_PX, None),),
            "left": (slice(None), slice(0, column)),
            "right": (slice(None), slice(column, None)),
        }[part]
    ] = True
    return mask


@torch.no_grad()
def _decoded(pipeline: Any, latents: Tensor) -> Tensor:
    picture: Tensor = pipeline.vae.decode(latents / pipeline.vae.config.scaling_factor).sample
    return picture


def _seed(seed: int, number: int) -> int:
    """A picture's own: it does not depend on how many are drawn beside it."""
    return int(np.random.SeedSequence([seed, number, *b"picture"]).generate_state(1, np.uint64)[0]) >> 1
