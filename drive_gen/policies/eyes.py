"""What reads pictures: transformers' ViTModel, or a small CNN; for drivers and for the networks above them."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from drive_gen.envs.files import InputError
from drive_gen.envs.frames.cells import FACTS
from drive_gen.policies.config import BehaviorConfig

NEEDS = "a ViT needs transformers: pip install 'drive-gen[perception]', or choose --model cnn"
WIDTHS = (32, 64, 96, 96)  # of a CNN's layers


def pixels(frames: Tensor) -> Tensor:
    """(..., F, H, W, 3) uint8 -> (..., F, 3, H, W) from -1 to 1, as ViTImageProcessor's."""
    return frames.movedim(-1, -3).float() / 127.5 - 1


class Convolutions(nn.Module):
    """(B, C, H, W) -> (B, D): four convolutions that halve the picture; places are kept, not averaged."""

    def __init__(self, channels: int, size_px: tuple[int, int], width: int) -> None:
        super().__init__()
        layers = [nn.Sequential(nn.Conv2d(before, after, 3, stride=2, padding=1), nn.GroupNorm(8, after),
                                nn.GELU()) for before, after in pairwise((channels, *WIDTHS))]
        self.layers = nn.Sequential(*layers, nn.Flatten())
        places = -(-size_px[0] // 16) * -(-size_px[1] // 16)
        self.project = nn.Linear(WIDTHS[-1] * places, width)

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        return F.gelu(self.project(self.layers(x)))


def make_vit(config: Any, channels: int, size_px: tuple[int, int], patch_px: tuple[int, int]) -> nn.Module:
    """transformers' ViTModel of a config's width, layers, heads and inner, over pictures of many channels."""
    try:
        from transformers import ViTConfig, ViTModel
    except ImportError:
        raise InputError(NEEDS) from None
    model: nn.Module = ViTModel(ViTConfig(
        hidden_size=config.width, num_hidden_layers=config.layers, num_attention_heads=config.heads,
        intermediate_size=config.inner, image_size=_plain(size_px), patch_size=_plain(patch_px),
        num_channels=channels, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0),
        add_pooling_layer=False)
    return model


def read_vit(vit: nn.Module, x: Tensor) -> Tensor:
    """(B, C, H, W) -> tokens after the last layer, (B, 1 + patches, D): the class token, then row by row."""
    tokens: Tensor = vit(pixel_values=x).last_hidden_state
    return tokens


def vit_settings(vit: nn.Module) -> dict[str, Any]:
    """A ViT's settings in transformers' words, for a checkpoint that transformers is to load as it is."""
    settings: dict[str, Any] = vit.config.to_dict()  # type: ignore[union-attr, operator]
    return {**settings, "architectures": ["ViTModel"]}


class FrameEncoder(nn.Module):
    """Frames (..., F, H, W, 3) uint8 -> (..., D), in place of a SceneEncoder; a frame's colours are channels."""

    def __init__(self, config: BehaviorConfig, seed: int) -> None:
        super().__init__()
        assert config.sight is not None
        sight = config.sight
        self.is_vit = sight.model == "vit"
        channels, size = 3 * sight.frames, (sight.height_px, sight.width_px)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.eyes = (make_vit(sight, channels, size, sight.patch_px) if self.is_vit
                         else Convolutions(channels, size, sight.width))
            self.project = nn.Linear(sight.width, config.width)
            self.cells = nn.Linear(sight.width, FACTS) if self.is_vit else None  # asked in training alone
        self.shape = sight.height_px // sight.patch_px[0], sight.width_px // sight.patch_px[1]

    def forward(self, frames: Tensor) -> Tensor:
        """See the class."""
        return self.look(frames)[0]

    def look(self, frames: Tensor) -> tuple[Tensor, Tensor | None]:
        """Frames (..., F, H, W, 3) -> (..., D), and what a ViT says of cells, (..., rows, columns, FACTS)."""
        x, before = pixels(frames).flatten(0, -5).flatten(1, 2), frames.shape[:-4]  # (N, F 3, H, W)
        if self.cells is None:
            return self.project(self.eyes(x)).view(*before, -1).float(), None
        tokens = read_vit(self.eyes, x)
        return (self.project(tokens[:, 0]).view(*before, -1).float(),
                self.cells(tokens[:, 1:]).view(*before, *self.shape, FACTS).float())


def cells_loss(said: Tensor, true: Tensor) -> Tensor:
    """Cross-entropy of a car being there, and squared errors of its place and velocity where one is.

    Both are (B, n, n, FACTS). Few cells hold a car, so theirs count as much as all others together.
    """
    there = true[..., 0]
    weight = torch.where(there > 0, 1 / there.sum().clamp(min=1), 1 / (1 - there).sum().clamp(min=1))
    wrong = F.binary_cross_entropy_with_logits(said[..., 0], there, reduction="none")
    off = (said[..., 1:] - true[..., 1:]).square().mean(-1)
    return (weight * wrong).sum() / 2 + (there * off).sum() / there.sum().clamp(min=1)


def _plain(size_px: tuple[int, int]) -> int | tuple[int, int]:
    """One number for a square, as transformers' own configs have it."""
    return size_px[0] if size_px[0] == size_px[1] else size_px
