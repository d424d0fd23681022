"""A trained behaviour transformer as a Policy: what it remembers is a ring of keys and values per world, or
hidden states where its memory is a GRU.

A decision takes one pass through the blocks where the return is known beforehand (modes bc and target), and
two where it is chosen from what the state's token predicts (tilt): first the last action's token and the
state's, then the return's. What a world has seen is never computed again.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np
import torch
from torch import Tensor

from drive_gen.envs.files import InputError
from drive_gen.envs.observe import SHAPE
from drive_gen.policies.behavior import STATE, BehaviorTransformer, SceneEncoder
from drive_gen.policies.blocks import TOKENS_PER_STEP, Ring, banded_mask
from drive_gen.policies.config import BehaviorConfig, Steering
from drive_gen.policies.tokens import ReturnBins


# How bold each of META_ACTIONS is: lane changes and FASTER, IDLE, SLOWER.
BOLD = np.array([1, 0, 1, 1, -1])


class Memory(NamedTuple):
    """What W worlds' drivers remember: the policy's `state`."""

    keys: np.ndarray  # (W, layers, heads, slots, D / heads) float32, already rotated
    values: np.ndarray  # likewise
    decision: np.ndarray  # (W,) int64, number of the decision to come
    action: np.ndarray  # (W,) int64 or (W, 2) float32, the last one
    episode: np.ndarray  # (W,) int64, a number for each world's episode, from its first observation


class Recollection(NamedTuple):
    """What W worlds' drivers remember where a GRU does it: the policy's `state`."""

    hidden: np.ndarray  # (W, layers, D) float32, after the last return's token
    decision: np.ndarray  # the rest as in Memory
    action: np.ndarray
    episode: np.ndarray


@dataclass(frozen=True, eq=False)
class Details:
    """Why W worlds' drivers act as they do."""

    attention: np.ndarray  # (W, 16), share that each neighbour's row gets
    return_probability: np.ndarray  # (W, components, return_bins), as predicted, before any tilt
    return_: np.ndarray  # (W, components), the one acted for; NaN where none was (mode bc)
    action_probability: np.ndarray  # (W, action_bins)


class BehaviorPolicy:
    """Drives W worlds with one network. Sampled draws depend on the seed and the episode's own past alone."""

    def __init__(self, model: BehaviorTransformer, steering: Steering | None = None) -> None:
        self.model = model.eval()
        self.config: BehaviorConfig = model.config
        self.steering = steering or Steering()
        self.device = next(model.parameters()).device
        self.sampling = self.steering.sampling  # rollouts read it
        if not model.is_meta and self.steering.caution != 1:
            raise InputError("caution is for meta-actions, and this network gives controls; leave it at 1")
        # What is added to the logits of meta-actions for caution; nothing for controls' bins.
        doubts = np.log(self.steering.caution) * BOLD if model.is_meta else np.zeros(model.config.action_bins)
        self.boldness = -self._tensor(doubts.astype(np.float32))
        for name in ("target", "kappa"):
            if len(getattr(self.steering, name)) != self.config.return_components:
                raise InputError(f"{name} needs {self.config.return_components} numbers, "
                                 f"got {getattr(self.steering, name)}")

    @classmethod
    def from_checkpoint(cls, path: str | Path, mode: str | None = None, *, target: tuple[float, ...] | None = None,
                        kappa: tuple[float, ...] | None = None, temperature: float = 1.0, seed: int = 0,
                        device: str | torch.device = "cpu") -> Self:
        """Load a checkpoint or run folder, or a Hub id; see Steering for the modes.

        Without a mode, target or kappa it is steered as it was when training chose the checkpoint.
        """
        model = BehaviorTransformer.from_pretrained(path, device=device)
        chosen = model.training_steering()
        steering = replace(chosen, mode=mode or chosen.mode, target=target or chosen.target,  # type: ignore[arg-type]
                           kappa=kappa or chosen.kappa, temperature=temperature, seed=seed)
        return cls(model, steering)

    def predict(self, observation: np.ndarray, state: tuple[np.ndarray, ...] | None = None,
                episode_start: np.ndarray | None = None, deterministic: bool = False,
                ) -> tuple[np.ndarray, tuple[np.ndarray, ...]]:
        """(W, 17, 9), or frames (W, F, H, W, 3) -> meta-actions (W,) int64 or controls (W, 2) float32, and the state to hand back."""
        action, memory, _ = self._decide(observation, state, episode_start, deterministic)
        return action, memory

    def predict_with_details(self, observation: np.ndarray, state: tuple[np.ndarray, ...] | None = None,
                             episode_start: np.ndarray | None = None, deterministic: bool = False,
                             ) -> tuple[np.ndarray, tuple[np.ndarray, ...], Details]:
        """As `predict`, and why; it costs an encoder's pass more."""
        encoder = self.model.encoder
        if not isinstance(encoder, SceneEncoder):
            raise InputError("an image policy attends to patches of its pictures, to no neighbours")
        action, memory, thoughts = self._decide(observation, state, episode_start, deterministic)
        with torch.inference_mode():
            attention = encoder.attention(self._tensor(observation))
        details = Details(attention=attention.numpy(force=True),
                          return_probability=thoughts.return_logits.softmax(-1).numpy(force=True),
                          return_=thoughts.return_.numpy(force=True),
                          action_probability=thoughts.action_logits.softmax(-1).numpy(force=True))
        return action, memory, details

    @torch.inference_mode()
    def _decide(self, observation: np.ndarray, state: tuple[np.ndarray, ...] | None,
                episode_start: np.ndarray | None, deterministic: bool,
                ) -> tuple[np.ndarray, Memory | Recollection, _Thoughts]:
        expected = self.config.sight.shape if self.config.sight else SHAPE
        if observation.shape[1:] != expected:
            raise ValueError(f"observation has shape {observation.shape}, expected (worlds, *{expected})")
        memory = self._recall(observation, state, episode_start)
        draws = self._draws(memory, deterministic)
        cache = (_Carried(self.model, memory, self.device) if isinstance(memory, Recollection)
                 else _Cache(self.model, memory, self.device))
        past = self.model.action_token(self._tensor(memory.action))
        seen = self.model.encoder(self._tensor(observation))
        thoughts = self._think(cache, past, seen, draws)
        action = self._act(thoughts, draws[:, -1], deterministic).numpy(force=True)
        after = cache.kept()._replace(decision=memory.decision + 1, action=action)
        return action, after, thoughts

    def _think(self, cache: _Cache | _Carried, past: Tensor, seen: Tensor, draws: Tensor) -> _Thoughts:
        """Both predictions for the decision; `past` and `seen` are the tokens (W, D)."""
        model, steering = self.model, self.steering
        before_state = -1  # the last action's token comes first; at a first decision no token ever sees it
        if steering.mode == "tilt":
            at_state = cache.advance(torch.stack((past, seen), 1), before_state)[:, -1]
            return_logits = model.predict_return(at_state)
            return_ = choose_return(return_logits, steering.kappa, draws[:, :-1])
            at_return = cache.advance(model.return_token(return_)[:, None], STATE + 1)[:, -1]
        else:
            return_, token = self._asked(len(seen))
            x = cache.advance(torch.stack((past, seen, token), 1), before_state)
            return_logits, at_return = model.predict_return(x[:, -2]), x[:, -1]
        action_logits, offsets = model.predict_action(at_return)
        return _Thoughts(return_logits, return_, action_logits, offsets)

    def _asked(self, worlds: int) -> tuple[Tensor, Tensor]:
        """The return asked for (W, components), NaN for none, and its token (W, D)."""
        target = torch.tensor(self.steering.target, device=self.device).expand(worlds, -1)
        if self.steering.mode == "target":
            return target, self.model.return_token(target)
        return torch.full_like(target, torch.nan), self.model.no_return.expand(worlds, -1)

    def _act(self, thoughts: _Thoughts, draw: Tensor, deterministic: bool) -> Tensor:
        """Meta-actions (W,) or controls (W, 2)."""
        logits = thoughts.action_logits + self.boldness
        if deterministic:
            chosen = logits.argmax(-1)
        else:
            chosen = pick((logits / self.steering.temperature).softmax(-1), draw)
        if thoughts.offsets is None:
            return chosen
        offset = thoughts.offsets[torch.arange(len(chosen), device=self.device), chosen]
        return (self.model.centers[chosen] + offset).clamp(-1, 1)

    def _recall(self, observation: np.ndarray, state: tuple[np.ndarray, ...] | None,
                episode_start: np.ndarray | None) -> Memory | Recollection:
        """The memory with which this decision is made: forgotten where an episode starts."""
        worlds = len(observation)
        if state is None:
            memory, start = self._empty(worlds), np.ones(worlds, bool)
        else:
            memory = Recollection(*state) if self.model.is_recurrent else Memory(*state)
            start = np.zeros(worlds, bool) if episode_start is None else np.asarray(episode_start, bool)
        first = np.array([zlib.crc32(rows.tobytes()) for rows in observation[start]], np.int64)
        episode = memory.episode.copy()
        episode[start] = first
        return memory._replace(decision=np.where(start, 0, memory.decision), episode=episode)

    def _empty(self, worlds: int) -> Memory | Recollection:
        config = self.config
        action = np.zeros(worlds, np.int64) if self.model.is_meta else np.zeros((worlds, 2), np.float32)
        rest = np.zeros(worlds, np.int64), action, np.zeros(worlds, np.int64)
        if self.model.is_recurrent:
            return Recollection(np.zeros((worlds, config.layers, config.width), np.float32), *rest)
        shape = (worlds, config.layers, config.heads, slots_of(config), config.width // config.heads)
        return Memory(np.zeros(shape, np.float32), np.zeros(shape, np.float32), *rest)

    def _draws(self, memory: Memory | Recollection, deterministic: bool) -> Tensor:
        """Uniform numbers (W, components + 1) for the return and the action; a half where none are drawn."""
        shape = (len(memory.decision), self.config.return_components + 1)
        if deterministic:
            return torch.full(shape, 0.5, device=self.device)
        keys = zip(memory.episode.tolist(), memory.decision.tolist(), strict=True)
        drawn = [np.random.default_rng((self.steering.seed, *key)).random(shape[1]) for key in keys]
        return self._tensor(np.array(drawn, np.float32))

    def _tensor(self, array: np.ndarray) -> Tensor:
        return torch.as_tensor(array, device=self.device)


class _Thoughts(NamedTuple):
    return_logits: Tensor  # (W, components, return_bins)
    return_: Tensor  # (W, components)
    action_logits: Tensor  # (W, action_bins)
    offsets: Tensor | None  # (W, action_bins, 2)


class _Cache:
    """A copy of a memory's keys and values, which the decision's tokens are written to."""

    def __init__(self, model: BehaviorTransformer, memory: Memory, device: torch.device) -> None:
        self.model, self.memory = model, memory
        self.keys, self.values = (torch.tensor(array, device=device) for array in memory[:2])
        self.first = torch.as_tensor(memory.decision, device=device) * TOKENS_PER_STEP  # the state's position
        self.slots = self.keys.shape[3]

    def advance(self, tokens: Tensor, start: int) -> Tensor:
        """Tokens (W, n, D), the first at the state's position + start, through the blocks; (W, n, D)."""
        count = tokens.shape[1]
        positions = self.first[:, None] + start + torch.arange(count, device=tokens.device)  # (W, n)
        newest = positions[:, -1:]
        place = torch.arange(self.slots, device=tokens.device)
        held = newest - (newest - place) % self.slots  # (W, slots), position of the token in each slot
        mask = banded_mask(positions, held, self.model.config.context_steps)[:, None]  # (W, 1, n, slots)
        rings = [Ring(self.keys[:, layer], self.values[:, layer], positions % self.slots)
                 for layer in range(self.model.config.layers)]
        return self.model.hidden(tokens, positions[:, None], mask, rings)

    def kept(self) -> Memory:
        """The memory with what was written."""
        return self.memory._replace(keys=self.keys.numpy(force=True), values=self.values.numpy(force=True))


class _Carried:
    """A memory's hidden states, which the decision's tokens move on."""

    def __init__(self, model: BehaviorTransformer, memory: Recollection, device: torch.device) -> None:
        self.model, self.memory = model, memory
        self.hidden = torch.as_tensor(memory.hidden, device=device)
        self.is_first = torch.as_tensor(memory.decision == 0, device=device)

    def advance(self, tokens: Tensor, start: int) -> Tensor:
        """As _Cache's. A first decision has no action before it (start -1): nothing of that token is kept."""
        if start >= 0:
            x, self.hidden = self.model.carry(tokens, self.hidden)
            return x
        before, hidden = self.model.carry(tokens[:, :1], self.hidden)
        self.hidden = hidden.masked_fill(self.is_first[:, None, None], 0.0)
        x, self.hidden = self.model.carry(tokens[:, 1:], self.hidden)
        return torch.cat((before, x), dim=1)

    def kept(self) -> Recollection:
        """The memory with where the states came to."""
        return self.memory._replace(hidden=self.hidden.numpy(force=True))


def slots_of(config: BehaviorConfig) -> int:
    """Tokens remembered: one step more than the band, since the last action's token is computed with the
    state's after it, and still sees a step further back."""
    return TOKENS_PER_STEP * (config.context_steps + 1)


def choose_return(logits: Tensor, kappa: tuple[float, ...], draw: Tensor) -> Tensor:
    """Returns (W, components) from the predicted distributions tilted by exp(kappa G).

    logits is (W, components, return_bins), draw (W, components) in [0, 1): a uniform number gives a sample,
    a half the median. The median lies where the mass is, which a mean of "crash" and "no crash" does not.
    """
    centers = ReturnBins(logits.shape[-1]).centers.to(logits.device)
    tilted = logits + torch.tensor(kappa, device=logits.device)[:, None] * centers
    return centers[pick(tilted.softmax(-1), draw)]


def pick(probability: Tensor, draw: Tensor) -> Tensor:
    """Inverse of the cumulative distribution (..., n) at draws (...) in [0, 1)."""
    below = probability.cumsum(-1) <= draw[..., None]
    return below.sum(-1).clamp(max=probability.shape[-1] - 1)
