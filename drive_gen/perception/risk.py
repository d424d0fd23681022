"""Risk from pictures: stacked frames from above -> crash within 2 s and time-to-collision bucket.

Three networks read the frames: transformers' ViTModel, a small CNN over stacked frames, and the same CNN a
frame with a GRU over them. The heads, the loss and the pictures are the same for all.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from drive_gen.envs.files import InputError
from drive_gen.perception.risk_config import BUCKETS_S, RiskConfig
from drive_gen.policies.pretrained import Pretrained

NEEDS = "a ViT needs transformers: pip install 'drive-gen[perception]', or choose --model cnn"


class Judgement(NamedTuple):
    """What a network says of B clips."""

    crash: Tensor  # (B,) logit of a crash within 2 s, before temperature
    bucket: Tensor  # (B, 4) logits of the time-to-collision buckets


class Risk(Pretrained):
    """Frames (B, F, S, S, 3) uint8 -> Judgement; `temperature` makes its crash logits probabilities.

    The encoder's attribute is named after the model: so a checkpoint's "vit." weights are those that
    transformers' ViTModel.from_pretrained looks for.
    """

    model_type = "risk"
    config_class = RiskConfig
    config: RiskConfig
    temperature: Tensor

    def __init__(self, config: RiskConfig, seed: int = 0) -> None:
        super().__init__(config)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.add_module(config.model, ENCODERS[config.model].make(config))
            self.crash = nn.Linear(config.width, 1)
            self.bucket = nn.Linear(config.width, len(BUCKETS_S) + 1)
        self.register_buffer("temperature", torch.ones(()))

    @property
    def encoder(self) -> nn.Module:
        """What reads the frames."""
        return self.get_submodule(self.config.model)

    def forward(self, frames: Tensor) -> Judgement:
        """See the class."""
        x = ENCODERS[self.config.model].read(self.encoder, pixels(frames))  # (B, D)
        return Judgement(self.crash(x)[:, 0], self.bucket(x))

    @torch.no_grad()
    def predict(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        """Probabilities of a crash (B,) and of the buckets (B, 4)."""
        said = self(frames)
        return torch.sigmoid(said.crash / self.temperature), said.bucket.softmax(-1)

    def library_config(self) -> dict[str, Any]:
        """A ViT's settings in transformers' words, so that transformers loads the checkpoint as it is."""
        if self.config.model != "vit":
            return {}
        settings: dict[str, Any] = self.encoder.config.to_dict()  # type: ignore[union-attr, operator]
        return {**settings, "architectures": ["ViTModel"]}


def pixels(frames: Tensor) -> Tensor:
    """(B, F, S, S, 3) uint8 -> (B, F, 3, S, S) from -1 to 1, as ViTImageProcessor's."""
    return frames.permute(0, 1, 4, 2, 3).float() / 127.5 - 1


def risk_loss(said: Judgement, crash: Tensor, bucket: Tensor) -> dict[str, Tensor]:
    """Cross-entropies of crash (B,) and bucket (B,), and their sum."""
    of_crash = F.binary_cross_entropy_with_logits(said.crash.float(), crash.float())
    of_bucket = F.cross_entropy(said.bucket.float(), bucket)
    return {"loss": of_crash + of_bucket, "crash": of_crash, "bucket": of_bucket}


class Convolutions(nn.Module):
    """(B, C, S, S) -> (B, D): four convolutions that halve the picture; places are kept, not averaged."""

    def __init__(self, channels: int, config: RiskConfig) -> None:
        super().__init__()
        widths = [channels, 32, 64, 96, 96]
        layers = [nn.Sequential(nn.Conv2d(before, after, 3, stride=2, padding=1), nn.GroupNorm(8, after),
                                nn.GELU()) for before, after in pairwise(widths)]
        self.layers = nn.Sequential(*layers, nn.Flatten())
        self.project = nn.Linear(widths[-1] * (config.size_px // 16) ** 2, config.width)

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        return F.gelu(self.project(self.layers(x)))


class ConvolutionsInTime(nn.Module):
    """(B, F, 3, S, S) -> (B, D): each frame by itself, then a GRU over them."""

    def __init__(self, config: RiskConfig) -> None:
        super().__init__()
        self.frame = Convolutions(3, config)
        self.memory = nn.GRU(config.width, config.width, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        each = self.frame(x.flatten(0, 1)).unflatten(0, x.shape[:2])  # (B, F, D)
        last: Tensor = self.memory(each)[1][-1]
        return last


def make_vit(config: RiskConfig) -> nn.Module:
    """transformers' ViTModel over stacked frames: their colours are its channels."""
    try:
        from transformers import ViTConfig, ViTModel
    except ImportError:
        raise InputError(NEEDS) from None
    model: nn.Module = ViTModel(ViTConfig(
        hidden_size=config.width, num_hidden_layers=config.layers, num_attention_heads=config.heads,
        intermediate_size=config.inner, image_size=config.size_px, patch_size=config.patch_px,
        num_channels=3 * config.frames, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0),
        add_pooling_layer=False)
    return model


def read_vit(vit: nn.Module, x: Tensor) -> Tensor:
    """The class token after the last layer, (B, D)."""
    token: Tensor = vit(pixel_values=x.flatten(1, 2)).last_hidden_state[:, 0]
    return token


class Encoder(NamedTuple):
    """How a network is made, and how it reads (B, F, 3, S, S) into (B, D)."""

    make: Callable[[RiskConfig], nn.Module]
    read: Callable[[nn.Module, Tensor], Tensor]


ENCODERS = {
    "vit": Encoder(make_vit, read_vit),
    "cnn": Encoder(lambda config: Convolutions(3 * config.frames, config),
                   lambda net, x: net(x.flatten(1, 2))),
    "cnn-gru": Encoder(ConvolutionsInTime, lambda net, x: net(x)),
}
