"""Networks that read a sequence from its beginning on: torch's RNN, LSTM and GRU, and a causal transformer.

All are called alike: (B, T, D) and the state after what came before (None: nothing) give (B, T, D) and the
state after it, so that a sequence can be read at once, in parts, or step by step, with the same result.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from drive_gen.policies.blocks import Block, rotary
from drive_gen.policies.config import BehaviorConfig

CELLS = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}


class Recurrence(nn.Module):
    """Layers of one of CELLS; with `bidirectional` half of the width reads from the end, and no state fits."""

    def __init__(self, kind: str, width: int, layers: int, dropout: float = 0.0,
                 bidirectional: bool = False) -> None:
        super().__init__()
        self.bidirectional = bidirectional
        self.cells = CELLS[kind](width, width // (1 + bidirectional), layers, batch_first=True,
                                 dropout=dropout if layers > 1 else 0.0, bidirectional=bidirectional)

    def forward(self, x: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        if self.bidirectional and state is not None:
            raise ValueError("what reads from both ends needs the whole sequence at once; give no state")
        return self.cells(x, state)  # type: ignore[no-any-return]


class CausalTransformer(nn.Module):
    """The behaviour transformer's blocks under a causal mask; its state is all that it has read."""

    def __init__(self, config: BehaviorConfig) -> None:
        super().__init__()
        self.head_width = config.width // config.heads
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.layers))
        self.norm = nn.RMSNorm(config.width)

    def forward(self, x: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        read = x if state is None else torch.cat((state, x), dim=1)
        places = torch.arange(read.shape[1], device=x.device)
        rotation, mask = rotary(places, self.head_width), places <= places[:, None]
        y = read
        for block in self.blocks:
            y = block(y, rotation, mask)
        return self.norm(y[:, -x.shape[1] :]), read


def make_sequence(kind: str, config: BehaviorConfig) -> nn.Module:
    """The network of a kind (one of CELLS, or transformer) in the config's width, layers and dropout."""
    if kind == "transformer":
        return CausalTransformer(config)
    return Recurrence(kind, config.width, config.layers, config.dropout)
