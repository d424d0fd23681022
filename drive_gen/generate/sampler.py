"""Sampling: DDIM with classifier-free guidance, and with known states kept.

`sample` knows the network only as a function of noisy states, levels and a condition, and the noise only
through schedule.py.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from drive_gen.generate.config import DiffusionConfig
from drive_gen.generate.denoiser import Condition
from drive_gen.generate.scenes import Scenes
from drive_gen.generate.schedule import add_noise, noise_of

Network = Callable[[Tensor, Tensor, Condition], Tensor]  # noisy, signal, condition -> clean


@dataclass(frozen=True)
class Sampling:
    """How a scene is sampled."""

    steps: int = 20
    guidance: float = 1.0
    strength: float = 1.0  # share of the noise to begin with; below 1, `begin` must be given


def normalised(state: Tensor, config: DiffusionConfig) -> Tensor:
    """SI states (..., 4) as the network knows them."""
    return state / state.new_tensor(config.scales)


def condition_of(scenes: Scenes, config: DiffusionConfig, returns: Tensor | None = None) -> Condition:
    """The condition of continuing scenes from their history, asking for `returns` (S, 3) or for their own."""
    known = torch.from_numpy(scenes.known(config.history_frames))
    state = normalised(torch.from_numpy(scenes.state), config)
    return Condition(agent=torch.from_numpy(scenes.agent), valid=torch.from_numpy(scenes.valid),
                     road=torch.from_numpy(scenes.road), known=known, given=state * known[..., None],
                     returns=torch.from_numpy(scenes.returns) if returns is None else returns,
                     asked=torch.ones(len(scenes), dtype=torch.bool))


def guided(network: Network, noisy: Tensor, signal: Tensor, condition: Condition, guidance: float) -> Tensor:
    """The clean scenes under classifier-free guidance (Ho and Salimans, 2022).

    `guidance` 0 ignores the return asked, 1 conditions on it, more exaggerates it.
    """
    if guidance == 0:
        return network(noisy, signal, condition.unasked())
    asked = network(noisy, signal, condition)
    if guidance == 1:
        return asked
    free = network(noisy, signal, condition.unasked())
    return free + guidance * (asked - free)


def sample(network: Network, condition: Condition, signal: Tensor, sampling: Sampling, noise: Tensor,
           begin: Tensor | None = None) -> Tensor:
    """Scenes (B, N, T, 4), normalised, from `noise` of that shape, under a schedule `signal`; deterministic.

    DDIM without added noise (Song et al., 2021, eq. 12). At every level the known states are replaced by
    themselves with that level's share of `noise`, and in the end by themselves. With `strength` below 1 it
    begins from the scenes `begin` noised that far (SDEdit, Meng et al., 2022), not from noise alone.
    """
    if begin is None and sampling.strength < 1:
        raise ValueError("a strength below 1 needs the scenes to begin from")
    known = condition.known[..., None]
    levels = signal[levels_of(len(signal), sampling)]
    x = noise if begin is None else add_noise(begin, noise, levels[:1].expand(len(noise)))
    for here, following in zip(levels, [*levels[1:], signal.new_ones(())], strict=True):
        now, after = here.expand(len(x)), following.expand(len(x))
        x = torch.where(known, add_noise(condition.given, noise, now), x)
        clean = guided(network, x, now, condition, sampling.guidance)
        clean = torch.where(known, condition.given, clean)
        x = add_noise(clean, noise_of(x, clean, now), after)
    return torch.where(known, condition.given, x) * condition.valid[..., None]


def levels_of(count: int, sampling: Sampling) -> Tensor:
    """Places in the schedule of `count` levels that are visited, noisiest first; (steps,)."""
    last = max(round(sampling.strength * count), 1) - 1
    return torch.linspace(last, 0, sampling.steps).round().long()


def noise_for(seed: int, attempts: Sequence[int], shape: tuple[int, ...]) -> Tensor:
    """Gaussian noise (len(attempts), *shape); each attempt's depends on the seed and its own number alone."""
    draws = []
    for attempt in attempts:
        state = int(np.random.SeedSequence([seed, attempt]).generate_state(1, np.uint64)[0]) >> 1
        draws.append(torch.randn(shape, generator=torch.Generator().manual_seed(state)))
    return torch.stack(draws)
