"""The behaviour transformer: predicts what return a driver will get here, and then what it does.

Each decision is three tokens in the order of Reinformer (2024): what is seen, the return, the action. The
return's distribution is read at the state's token and the action's at the return's, so that a return can be
predicted, or tilted, before the action is chosen by it. Continuous actions are bins with an offset per bin
(BeT, Shafiullah et al., 2022).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from drive_gen.envs.config import from_mapping
from drive_gen.policies.blocks import (
    TOKENS_PER_STEP,
    Block,
    GatedMLP,
    RecurrentBlock,
    Ring,
    banded_mask,
    initialize,
    rotary,
)
from drive_gen.policies.config import BehaviorConfig, Steering
from drive_gen.policies.eyes import FrameEncoder, vit_settings
from drive_gen.policies.pretrained import Pretrained
from drive_gen.policies.tokens import KMeansBins, ReturnBins

STATE, RETURN, ACTION = range(TOKENS_PER_STEP)


class Prediction(NamedTuple):
    """What a behaviour transformer says of each of K decisions."""

    return_logits: Tensor  # (B, K, components, return_bins), read before the return is known
    action_logits: Tensor  # (B, K, action_bins), read after
    offsets: Tensor | None  # (B, K, action_bins, 2) from each bin's centre; None for meta-actions


class EgoAttention(nn.Module):
    """The ego asks, the neighbours and "nobody" answer; (N, D) and (N, 17, D) -> (N, D)."""

    def __init__(self, config: BehaviorConfig) -> None:
        super().__init__()
        self.heads = config.heads
        self.norms = nn.ModuleList(nn.RMSNorm(config.width) for _ in range(3))
        self.to_q = nn.Linear(config.width, config.width, bias=False)
        self.to_kv = nn.Linear(config.width, 2 * config.width, bias=False)
        self.project = nn.Linear(config.width, config.width, bias=False)
        self.mlp = GatedMLP(config.width)

    def forward(self, ego: Tensor, others: Tensor, present: Tensor) -> Tensor:
        q, k, v = self._parts(ego, others)
        heard = F.scaled_dot_product_attention(q, k, v, attn_mask=present[:, None, None])
        ego = ego + self.project(heard.flatten(1))
        return ego + self.mlp(self.norms[2](ego))  # type: ignore[no-any-return]

    def weights(self, ego: Tensor, others: Tensor, present: Tensor) -> Tensor:
        """Share of the attention that each of `others` gets, mean over the heads; (N, 17)."""
        q, k, _ = self._parts(ego, others)
        scores: Tensor = (q @ k.transpose(-1, -2))[:, :, 0] / q.shape[-1] ** 0.5  # (N, heads, 17)
        return scores.masked_fill(~present[:, None], -torch.inf).softmax(-1).mean(1)

    def _parts(self, ego: Tensor, others: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        q = self.to_q(self.norms[0](ego)).unflatten(-1, (self.heads, 1, -1))  # (N, heads, 1, D / heads)
        kv = self.to_kv(self.norms[1](others)).unflatten(-1, (2, self.heads, -1))
        k, v = kv.permute(2, 0, 3, 1, 4)  # each (N, heads, 17, D / heads)
        return q, k, v


class SceneEncoder(nn.Module):
    """Ego and neighbours as a set: the neighbours' order and absent rows' content change nothing.

    Each neighbour is seen together with the ego's row. A learned "nobody" is always there to attend to, so
    that an empty road has an answer too.
    """

    def __init__(self, config: BehaviorConfig) -> None:
        super().__init__()
        self.ego = _embedding(config.features, config.width)
        self.other = _embedding(2 * config.features, config.width)
        self.nobody = nn.Parameter(torch.zeros(config.width))
        self.layers = nn.ModuleList(EgoAttention(config) for _ in range(config.encoder_layers))

    def forward(self, observation: Tensor) -> Tensor:
        """(..., 17, 9) -> (..., D)."""
        ego, others, present = self._embed(observation)
        for layer in self.layers:
            ego = layer(ego, others, present)
        return ego.view(*observation.shape[:-2], -1)

    def attention(self, observation: Tensor) -> Tensor:
        """Share of the last layer's attention that each neighbour's row gets; (..., 16)."""
        ego, others, present = self._embed(observation)
        for layer in self.layers[:-1]:
            ego = layer(ego, others, present)
        shares: Tensor = self.layers[-1].weights(ego, others, present)  # type: ignore[operator]
        return shares[:, 1:].reshape(*observation.shape[:-2], -1)

    def _embed(self, observation: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(..., 17, 9) -> ego (N, D); "nobody" and the neighbours (N, 17, D), and which are there (N, 17)."""
        rows = observation.flatten(0, -3)
        own, present = rows[:, 0], rows[:, 1:, 0] > 0.5
        seen = rows[:, 1:].masked_fill(~present[..., None], 0.0)
        pairs = torch.cat((seen, own[:, None].expand_as(seen)), dim=-1)
        others = torch.cat((self.nobody.expand(len(rows), 1, -1), self.other(pairs)), dim=1)
        # The stream and its norms stay in float32 under autocast.
        return self.ego(own).float(), others.float(), F.pad(present, (1, 0), value=True)


class BehaviorTransformer(Pretrained):
    """A causal transformer over (state, return, action) tokens of the last `context_steps` decisions.

    With `memory="gru"` its blocks hold a GRU each instead of attention: the baseline that keeps it honest.
    """

    model_type = "behavior"
    config_class = BehaviorConfig
    config: BehaviorConfig
    centers: Tensor

    def __init__(self, config: BehaviorConfig, seed: int = 0) -> None:
        super().__init__(config)
        width, bins = config.width, config.action_bins
        self.return_bins = ReturnBins(config.return_bins)
        self.encoder: nn.Module = nn.Identity() if config.sight else SceneEncoder(config)
        self.embed_return = nn.Embedding(config.return_components * config.return_bins, width)
        self.embed_action: nn.Module = nn.Embedding(bins, width) if self.is_meta else nn.Linear(2, width)
        self.no_return, self.no_action = (nn.Parameter(torch.zeros(width)) for _ in range(2))
        block = RecurrentBlock if self.is_recurrent else Block
        self.blocks = nn.ModuleList(block(config) for _ in range(config.layers))
        self.norm = nn.RMSNorm(width)
        self.return_head = nn.Linear(width, config.return_components * config.return_bins)
        self.action_head = nn.Linear(width, bins)
        if not self.is_meta:
            self.offset_head = nn.Linear(width, 2 * bins)
            self.register_buffer("centers", torch.zeros(bins, 2))  # of the bins, in units of CONTROL_SCALE
        initialize(self, torch.Generator().manual_seed(seed), config.layers)
        if config.sight:  # eyes begin as their library has them
            encoder = FrameEncoder(config, seed, SceneEncoder(config) if config.sight.scene else None)
            # They are named twice, and a checkpoint keeps the first of a tensor's names: "vit." is where
            # transformers' ViTModel looks for its weights.
            del self.encoder
            self.add_module(config.sight.model, encoder.eyes)
            self.encoder = encoder

    def library_config(self) -> dict[str, Any]:
        """A ViT's settings in transformers' words, so that ViTModel loads the checkpoint as it is."""
        sight = self.config.sight
        return vit_settings(self.get_submodule("vit")) if sight and sight.model == "vit" else {}

    def training_steering(self) -> Steering:
        """How it was steered in the evaluations of its training; the default where that is not known."""
        drive = self._train_config.get("training", {}).get("drive", {})
        return from_mapping(Steering, drive.get("steering", {}), "train_config.json: steering")

    @property
    def control_bins(self) -> KMeansBins:
        """The bins of continuous actions."""
        return KMeansBins(self.centers)

    @property
    def is_meta(self) -> bool:
        """Whether actions are meta-actions, rather than controls."""
        return self.config.actions == "meta"

    @property
    def is_recurrent(self) -> bool:
        """Whether it remembers by hidden states, rather than by keys and values."""
        return self.config.memory == "gru"

    def forward(self, observation: Tensor, return_: Tensor, action: Tensor, return_keep: Tensor | None = None,
                action_keep: Tensor | None = None) -> Prediction:
        """Predict all of K decisions at once, each from what came before it.

        observation is (B, K, 17, 9), or frames (B, K, F, H, W, 3) where it has eyes; return_ (B, K, components) in [0, 1], action (B, K) or (B, K, 2) in
        units of CONTROL_SCALE. Where a keep mask (B, K) is False, the return or the action is hidden.
        """
        return self.decide(self.encoder(observation), return_, action, return_keep, action_keep)

    def decide(self, seen: Tensor, return_: Tensor, action: Tensor, return_keep: Tensor | None = None,
               action_keep: Tensor | None = None) -> Prediction:
        """As `forward`, after the encoder: from tokens of what is seen (B, K, D)."""
        tokens = torch.stack((seen, self.return_token(return_, return_keep),
                              self.action_token(action, action_keep)), dim=2).flatten(1, 2)  # (B, 3K, D)
        if self.is_recurrent:
            x, _ = self.carry(tokens)
        else:
            positions = torch.arange(tokens.shape[1], device=tokens.device)
            x = self.hidden(tokens, positions, self.mask(positions))
        x = x.view(len(x), -1, TOKENS_PER_STEP, x.shape[-1])  # (B, K, 3, D)
        logits, offsets = self.predict_action(x[:, :, RETURN])
        return Prediction(self.predict_return(x[:, :, STATE]), logits, offsets)

    def hidden(self, tokens: Tensor, positions: Tensor, mask: Tensor,
               rings: list[Ring] | None = None) -> Tensor:
        """Tokens (B, n, D) at positions (n,) or (B, 1, n), through all blocks; rings hold earlier tokens."""
        rotation = rotary(positions, self.config.width // self.config.heads)
        for number, block in enumerate(self.blocks):
            tokens = block(tokens, rotation, mask, rings[number] if rings else None)
        return self.norm(tokens)  # type: ignore[no-any-return]

    def carry(self, tokens: Tensor, hidden: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Tokens (B, n, D) through all recurrent blocks, after hidden states (B, layers, D); both, after."""
        after = []
        for number, block in enumerate(self.blocks):
            tokens, last = block(tokens, None if hidden is None else hidden[:, number])
            after.append(last)
        return self.norm(tokens), torch.stack(after, dim=1)

    def mask(self, positions: Tensor) -> Tensor:
        """Which of the tokens see which; (n, n)."""
        return banded_mask(positions, positions, self.config.context_steps)

    def return_token(self, return_: Tensor, keep: Tensor | None = None) -> Tensor:
        """(..., components) in [0, 1] -> (..., D); what is not kept is "no return"."""
        first = torch.arange(self.config.return_components, device=return_.device) * self.config.return_bins
        token = self.embed_return(self.return_bins.encode(return_) + first).sum(-2)
        return token if keep is None else torch.where(keep[..., None], token, self.no_return)

    def action_token(self, action: Tensor, keep: Tensor | None = None) -> Tensor:
        """(...) or (..., 2) -> (..., D); what is not kept is "no action"."""
        token: Tensor = self.embed_action(action)
        return token if keep is None else torch.where(keep[..., None], token, self.no_action)

    def predict_return(self, x: Tensor) -> Tensor:
        """State tokens (..., D) -> logits (..., components, return_bins)."""
        logits: Tensor = self.return_head(x)
        return logits.view(*x.shape[:-1], self.config.return_components, -1)

    def predict_action(self, x: Tensor) -> tuple[Tensor, Tensor | None]:
        """Return tokens (..., D) -> logits (..., action_bins), offsets (..., action_bins, 2) or None."""
        offsets: Tensor | None = None if self.is_meta else self.offset_head(x).view(*x.shape[:-1], -1, 2)
        return self.action_head(x), offsets


def _embedding(features: int, width: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(features, width), nn.SiLU(), nn.Linear(width, width))
