"""What reads pictures: transformers' ViTModel, or a small CNN; for drivers and for the networks above them."""

from __future__ import annotations

from itertools import pairwise
from math import log
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from drive_gen.envs.files import InputError
from drive_gen.envs.frames.cells import FACTS, SPEED_MPS
from drive_gen.envs.observe import AHEAD_SCALE_M, ASIDE_SCALE_M, COLUMNS
from drive_gen.policies.config import BehaviorConfig, SightConfig

NEEDS = "a ViT needs transformers: pip install 'drive-gen[perception]', or choose --model cnn"
# Mean and spread of an ego's row among recorded decisions, about: eyes learn what is left of it then.
OWN_MEAN = (1.0, 1.15, 0.0, 0.0, 0.25, 0.25, 1.0, 1.0, 1.0)
OWN_SPREAD = (0.1, 0.17, 0.06, 0.09, 0.17, 0.17, 0.1, 0.1, 0.1)
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


class Seen(NamedTuple):
    """What eyes say of frames."""

    token: Tensor  # (..., D), in place of a SceneEncoder's
    cells: Tensor | None = None  # (..., rows, columns, FACTS), of a ViT's patches
    own: Tensor | None = None  # (..., 9), an observation's first row, where the scene is asked


class FrameEncoder(nn.Module):
    """Frames (..., F, H, W, 3) uint8 -> (..., D), in place of a SceneEncoder; a frame's colours are channels.

    With a `scene` encoder the class token tells the ego's row of an observation and each patch a neighbour's,
    and that encoder reads them: its attention goes from the ego to the patches that hold a car.
    """

    def __init__(self, config: BehaviorConfig, seed: int, scene: nn.Module | None = None) -> None:
        super().__init__()
        assert config.sight is not None
        self.sight = sight = config.sight
        channels, size = 3 * sight.frames, (sight.height_px, sight.width_px)
        self.shape = sight.height_px // sight.patch_px[0], sight.width_px // sight.patch_px[1]
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.eyes = (make_vit(sight, channels, size, sight.patch_px) if sight.model == "vit"
                         else Convolutions(channels, size, sight.width))
            self.project = nn.Linear(sight.width, COLUMNS if sight.scene else config.width)
            self.cells = nn.Linear(sight.width, FACTS) if sight.model == "vit" else None
        self.scene = scene

    def forward(self, frames: Tensor) -> Tensor:
        """See the class."""
        return self.look(frames).token

    def look(self, frames: Tensor) -> Seen:
        """Frames (..., F, H, W, 3) -> all that is said of them."""
        x, before = pixels(frames).flatten(0, -5).flatten(1, 2), frames.shape[:-4]  # (N, F 3, H, W)
        if self.cells is None:
            return Seen(self.project(self.eyes(x)).view(*before, -1).float())
        tokens = read_vit(self.eyes, x)
        said, cells = self.project(tokens[:, 0]).float(), self.cells(tokens[:, 1:]).float()
        shaped = cells.view(*before, *self.shape, FACTS)
        if self.scene is None:
            return Seen(said.view(*before, -1), shaped)
        own = said.new_tensor(OWN_MEAN) + said * said.new_tensor(OWN_SPREAD)
        token = self.scene(rows_of(own, cells.unflatten(1, self.shape), self.sight))
        return Seen(token.view(*before, -1), shaped, own.view(*before, -1))


def rows_of(own: Tensor, cells: Tensor, sight: SightConfig) -> Tensor:
    """The ego's row (N, 9) and cells (N, rows, columns, FACTS) as an observation (N, 1 + cells, 9).

    Scales are those of envs/observe.py; a body's size is a car's. The ego's heading error turns what is seen
    from its own frame into its lane's.
    """
    high, wide = (side * sight.m_per_px for side in sight.patch_px)
    down, along = (torch.arange(count, device=own.device) + 0.5 for count in cells.shape[1:3])
    front_m = sight.height_px * (1 - sight.behind) * sight.m_per_px  # from the ego's centre to the upper edge
    ahead_m = (front_m - down * high)[:, None] + high * cells[..., 1]
    right_m = along * wide - sight.width_px * sight.m_per_px / 2 + wide * cells[..., 2]
    sine = own[:, 2, None, None].clamp(-0.7, 0.7)
    cosine = (1 - sine.square()).sqrt()
    speed = SPEED_MPS * cells[..., 3:]  # relative, ahead and right
    along_mps = cosine * speed[..., 0] - sine * speed[..., 1]
    across_mps = sine * speed[..., 0] + cosine * speed[..., 1]
    own_mps = 20 * own[:, 1, None, None]
    total = own_mps + along_mps
    turned = (own_mps * sine + across_mps) / total.clamp(min=5)
    there, one = (cells[..., 0] > log(sight.car_odds)).float(), torch.ones_like(ahead_m)
    rows = torch.stack((there, (cosine * ahead_m - sine * right_m) / AHEAD_SCALE_M,
                        (sine * ahead_m + cosine * right_m) / ASIDE_SCALE_M, along_mps / 10, across_mps / 5,
                        turned.clamp(-1, 1), one, one, total / 20), dim=-1)
    return torch.cat((own[:, None], rows.flatten(1, 2)), dim=1)


def cells_loss(said: Tensor, true: Tensor) -> Tensor:
    """Cross-entropy of a car being there, and squared errors of its place and velocity where one is.

    Both are (B, n, n, FACTS), and the sums are per car: few cells hold one. No weights by class: an answer
    is to be the logarithm of the odds.
    """
    there = true[..., 0]
    wrong = F.binary_cross_entropy_with_logits(said[..., 0], there, reduction="sum")
    off = (said[..., 1:] - true[..., 1:]).square().sum(-1)
    return (wrong / 4 + (there * off).sum()) / there.sum().clamp(min=1)


def own_loss(said: Tensor, true: Tensor) -> Tensor:
    """Squared errors of the ego's own row of an observation (N, 9), each over its spread."""
    return ((said - true) / said.new_tensor(OWN_SPREAD)).square().mean()


def _plain(size_px: tuple[int, int]) -> int | tuple[int, int]:
    """One number for a square, as transformers' own configs have it."""
    return size_px[0] if size_px[0] == size_px[1] else size_px
