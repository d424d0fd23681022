"""Blocks of causal memory: banded attention with rotary positions and an optional key/value ring, or a GRU."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from drive_gen.policies.config import BehaviorConfig

TOKENS_PER_STEP = 3  # state, return, action
Rotation = tuple[Tensor, Tensor]  # cosines and sines, (..., tokens, D / heads / 2)


@dataclass
class Ring:
    """One layer's remembered keys and values, (W, heads, slots, D / heads); new tokens go to their slots."""

    keys: Tensor
    values: Tensor
    slots: Tensor  # (W, n) int64, of the n tokens about to be written

    def write(self, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Put (W, heads, n, D / heads) into the slots; gives the whole ring."""
        worlds = torch.arange(len(self.slots), device=self.slots.device)[:, None]
        self.keys[worlds, :, self.slots] = keys.transpose(1, 2)
        self.values[worlds, :, self.slots] = values.transpose(1, 2)
        return self.keys, self.values


class CausalAttention(nn.Module):
    """Tokens attend to those that the mask allows; (B, tokens, D) -> (B, tokens, D)."""

    def __init__(self, config: BehaviorConfig) -> None:
        super().__init__()
        self.heads, self.dropout = config.heads, config.dropout
        self.to_qkv = nn.Linear(config.width, 3 * config.width, bias=False)
        self.project = nn.Linear(config.width, config.width, bias=False)

    def forward(self, x: Tensor, rotation: Rotation, mask: Tensor, ring: Ring | None = None) -> Tensor:
        batch, tokens, width = x.shape
        qkv = self.to_qkv(x).view(batch, tokens, 3, self.heads, width // self.heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)  # each (B, heads, tokens, D / heads)
        q, k = rotate(q, rotation), rotate(k, rotation)
        if ring is not None:
            k, v = ring.write(k, v)
        dropout = self.dropout if self.training else 0.0
        x = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, dropout_p=dropout)
        return self.project(x.transpose(1, 2).reshape(batch, tokens, width))  # type: ignore[no-any-return]


class GatedMLP(nn.Module):
    """SwiGLU (Shazeer, 2020): as many parameters as a plain MLP of four times the width."""

    def __init__(self, width: int) -> None:
        super().__init__()
        hidden = -(-8 * width // 3 // 32) * 32
        self.rise = nn.Linear(width, 2 * hidden, bias=False)
        self.project = nn.Linear(hidden, width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        gate, value = self.rise(x).chunk(2, dim=-1)
        return self.project(F.silu(gate) * value)  # type: ignore[no-any-return]


class Block(nn.Module):
    """Pre-norm attention and MLP, each added to the stream."""

    def __init__(self, config: BehaviorConfig) -> None:
        super().__init__()
        self.norms = nn.ModuleList(nn.RMSNorm(config.width) for _ in range(2))
        self.attention, self.mlp = CausalAttention(config), GatedMLP(config.width)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, x: Tensor, rotation: Rotation, mask: Tensor, ring: Ring | None = None) -> Tensor:
        x = x + self.dropout(self.attention(self.norms[0](x), rotation, mask, ring))
        return x + self.dropout(self.mlp(self.norms[1](x)))  # type: ignore[no-any-return]


class RecurrentBlock(nn.Module):
    """A Block with a GRU (Cho et al., 2014) where attention is: what it remembers is one vector."""

    def __init__(self, config: BehaviorConfig) -> None:
        super().__init__()
        self.norms = nn.ModuleList(nn.RMSNorm(config.width) for _ in range(2))
        self.gru = nn.GRU(config.width, config.width, batch_first=True)
        self.project = nn.Linear(config.width, config.width, bias=False)
        self.mlp, self.dropout = GatedMLP(config.width), nn.Dropout(config.dropout)

    def forward(self, x: Tensor, hidden: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """(B, tokens, D) after a hidden state (B, D), None for none -> the same, and the state after them."""
        before = None if hidden is None else hidden[None].contiguous()
        heard, last = self.gru(self.norms[0](x), before)
        x = x + self.dropout(self.project(heard))
        return x + self.dropout(self.mlp(self.norms[1](x))), last[0]


def rotary(positions: Tensor, size: int) -> Rotation:
    """Rotation of heads of `size` at integer positions (..., tokens); RoFormer (Su et al., 2021).

    In float64: in float32 the angle of a token far into an episode would be off by more than the
    attention is to be exact to.
    """
    rates = 10_000.0 ** (-torch.arange(0, size, 2, dtype=torch.float64, device=positions.device) / size)
    angles = positions[..., None].double() * rates
    return angles.cos().float(), angles.sin().float()


def rotate(x: Tensor, rotation: Rotation) -> Tensor:
    """Turn pairs of features (i, i + size / 2) of (..., tokens, size) by their angles."""
    cosine, sine = (part.to(x.dtype) for part in rotation)
    first, second = x.chunk(2, dim=-1)
    return torch.cat((first * cosine - second * sine, second * cosine + first * sine), dim=-1)


def banded_mask(query: Tensor, key: Tensor, context_steps: int) -> Tensor:
    """Whether tokens at positions (..., n) see those at (..., m); (..., n, m) bool.

    A token sees itself, and earlier ones of its own step and of the context_steps - 1 steps before.
    """
    oldest = (query // TOKENS_PER_STEP - context_steps + 1) * TOKENS_PER_STEP
    seen = (key[..., None, :] <= query[..., None]) & (key[..., None, :] >= oldest[..., None])
    return seen & (key[..., None, :] >= 0) | (key[..., None, :] == query[..., None])


def initialize(module: nn.Module, generator: torch.Generator, layers: int) -> None:
    """Fill a network's weights: matrices at variance 1/inputs, and lower by depth what ends a branch.

    `layers` is the number of blocks; each adds two branches to the stream (GPT-2's scaling).
    """
    for name, part in module.named_modules():
        if isinstance(part, nn.Linear):
            std = part.in_features**-0.5
            nn.init.normal_(part.weight, std=std / (2 * layers) ** 0.5 if name.endswith("project") else std,
                            generator=generator)
            if part.bias is not None:
                nn.init.zeros_(part.bias)
        elif isinstance(part, nn.Embedding):
            nn.init.normal_(part.weight, std=0.5, generator=generator)
        elif isinstance(part, nn.RNNBase):  # as torch does, but from the generator
            for weight in part.parameters():
                nn.init.uniform_(weight, -(part.hidden_size**-0.5), part.hidden_size**-0.5, generator)
