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
from drive_gen.imagine.vae import to_pictures

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
) -> Drawn:
    """Pictures of some words, one seed each; of one text each where a list is given.

    With `begin`, a picture (96, 32, 3) uint8, they are drawn from it (SDEdit, Meng et al., 2022); with a
    `part` too, only that part of it changes (known latents are put back at each step, as in RePaint).
    """
    texts = [words] * how.count if isinstance(words, str) else words
    done: list[np.ndarray] = []
    stages: list[Tensor] = []
    for start in range(0, len(texts), BATCH):
        some = texts[start : start + BATCH]
        seeds = [_seed(how.seed, number) for number in range(start, start + len(some))]
        watch = stages.append if not start else None
        done.append(_drawn(pipeline, some, how, seeds, begin, part, watch))
    pictures = np.concatenate(done)
    if begin is not None and part is not None:
        pictures = np.where(mask_of(part)[..., None], pictures, begin)
    return Drawn(pictures, to_pictures(_decoded(pipeline, torch.stack(stages))))


def _drawn(
    pipeline: Any,
    texts: list[str],
    how: Drawing,
    seeds: list[int],
    begin: np.ndarray | None,
    part: Part | None,
    watch: Callable[[Tensor], None] | None,
) -> np.ndarray:
    """One batch by the library's own pipelines."""
    import diffusers

    def after_step(_: Any, step: int, at: int, tensors: dict[str, Any]) -> dict[str, Any]:
        if watch is not None:
            watch(tensors["latents"][0].clone())
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
    with quiet():
        chosen = (
            pipeline if kind is type(pipeline) else kind(**pipeline.components, requires_safety_checker=False)
        )
        chosen.set_progress_bar_config(disable=True)
        images: Tensor = chosen(**given).images
    return to_pictures(images * 2 - 1)


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
