"""Steering: of pictures drawn side by side, those that already read as what was asked go on, more than once.

Feynman-Kac steering (Singhal et al., 2025, A General Framework for Inference-time Scaling and Steering of
Diffusion Models; Wu et al., 2023, twist a sampler alike): at each step the picture that every latent points
at is read, and latents are drawn anew in proportion to exp(SHARPNESS x reward). No network learns anything.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from drive_gen.envs.files import InputError
from drive_gen.imagine.read import read_raster
from drive_gen.language.agree import agreement
from drive_gen.language.facts import Facts
from drive_gen.language.runnable import overlapping

SHARPNESS = 5.0  # one more slot in five is worth e times as many
FIRST, LAST = 0.2, 0.95  # latents are drawn anew between these shares of the steps; sooner, none can be read


class Steering:
    """Which of N latents go on after each step, and from which each came."""

    def __init__(self, reward_of: Callable[[Tensor], np.ndarray], steps: int, seed: int) -> None:
        self.reward_of = reward_of  # predicted latents (N, 4, 24, 8) -> rewards (N,)
        self.steps, self.seed = steps, seed
        self.parents: list[np.ndarray] = []  # of each step so far, (N,)

    def pick(self, predicted: Tensor) -> Tensor:
        """The parents of the next latents, (N,): systematic resampling (Kitagawa, 1996)."""
        count, step = len(predicted), len(self.parents)
        parents = np.arange(count)
        if FIRST <= step / self.steps < LAST:
            weight = np.exp(SHARPNESS * (reward := self.reward_of(predicted)) - SHARPNESS * reward.max())
            draws = np.random.default_rng(np.random.SeedSequence([self.seed, step, *b"steer"]))
            places = (np.arange(count) + draws.random()) / count
            parents = np.searchsorted(np.cumsum(weight / weight.sum()), places).clip(0, count - 1)
        self.parents.append(parents)
        return torch.from_numpy(parents)

    def line_of(self, number: int) -> list[int]:
        """Which latent, after each step, a picture came out of."""
        line = [number]
        for parents in self.parents[:0:-1]:
            line.append(int(parents[line[-1]]))
        return line[::-1]


def reward_of(facts: Facts, picture: np.ndarray) -> float:
    """The share of a request's slots that a picture (96, 32, 3) uint8 shows; 0 where bodies touch."""
    try:
        scene = read_raster(picture).scene
    except InputError:
        return 0.0
    if overlapping(scene):
        return 0.0
    holds = agreement(facts, scene)
    return float(np.mean(list(holds.values()))) if holds else 1.0


def steered_scheduler(scheduler: Any, steering: Steering) -> Any:
    """The scheduler of a pipeline as one that steers; pipelines use it as any other."""
    found = _scheduler_class().from_config(scheduler.config)
    found.steering = steering
    return found


@cache
def _scheduler_class() -> Any:
    from diffusers import DDIMScheduler

    class SteeredScheduler(DDIMScheduler):  # type: ignore[misc]
        """DDIM's steps with fresh noise in each, so that children of one latent differ."""

        steering: Steering

        def step(
            self,
            model_output: Tensor,
            timestep: int,
            sample: Tensor,
            eta: float = 1.0,
            generator: Any = None,
            return_dict: bool = True,
        ) -> Any:
            given: dict[str, Any] = {"eta": eta, "generator": generator, "return_dict": True}
            found = super().step(model_output, timestep, sample, **given)
            parents = self.steering.pick(found.pred_original_sample)
            found = super().step(model_output[parents], timestep, sample[parents], **given)
            return found if return_dict else (found.prev_sample,)

    return SteeredScheduler
