"""Risk from pictures: stacked frames from above -> crash within 2 s and time-to-collision bucket.

Three networks read the frames: transformers' ViTModel, a small CNN over stacked frames, and the same CNN a
frame with a GRU over them. The heads, the loss and the pictures are the same for all.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from drive_gen.envs.frames.cells import FACTS
from drive_gen.perception.risk_config import BUCKETS_S, CELL_PX, RiskConfig
from drive_gen.policies.eyes import Convolutions, make_vit, pixels, read_vit, vit_settings
from drive_gen.policies.pretrained import Pretrained


class Judgement(NamedTuple):
    """What a network says of B clips."""

    crash: Tensor  # (B,) logit of a crash within 2 s, before temperature
    bucket: Tensor  # (B, 4) logits of the time-to-collision buckets
    cells: Tensor | None = None  # (B, S / CELL_PX, S / CELL_PX, FACTS), where there is a head for them


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
            self.cells = nn.Linear(config.width, FACTS) if config.cells else None
        self.register_buffer("temperature", torch.ones(()))

    @property
    def encoder(self) -> nn.Module:
        """What reads the frames."""
        return self.get_submodule(self.config.model)

    def forward(self, frames: Tensor) -> Judgement:
        """See the class."""
        x, patches = ENCODERS[self.config.model].read(self.encoder, pixels(frames))  # (B, D), (B, patches, D)
        if self.cells is None or patches is None:
            return Judgement(self.crash(x)[:, 0], self.bucket(x))
        side = self.config.size_px // CELL_PX
        return Judgement(self.crash(x)[:, 0], self.bucket(x), self.cells(patches).unflatten(1, (side, side)))

    def features(self, frames: Tensor) -> Tensor:
        """What the heads read: (B, F, S, S, 3) uint8 -> (B, D)."""
        x: Tensor = ENCODERS[self.config.model].read(self.encoder, pixels(frames))[0]
        return x

    @torch.no_grad()
    def predict(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        """Probabilities of a crash (B,) and of the buckets (B, 4)."""
        said = self(frames)
        return torch.sigmoid(said.crash / self.temperature), said.bucket.softmax(-1)

    def library_config(self) -> dict[str, Any]:
        """A ViT's settings in transformers' words, so that transformers loads the checkpoint as it is."""
        if self.config.model != "vit":
            return {}
        return vit_settings(self.encoder)


def risk_loss(said: Judgement, crash: Tensor, bucket: Tensor) -> dict[str, Tensor]:
    """Cross-entropies of crash (B,) and bucket (B,), and their sum."""
    of_crash = F.binary_cross_entropy_with_logits(said.crash.float(), crash.float())
    of_bucket = F.cross_entropy(said.bucket.float(), bucket)
    return {"loss": of_crash + of_bucket, "crash": of_crash, "bucket": of_bucket}


class ConvolutionsInTime(nn.Module):
    """(B, F, 3, S, S) -> (B, D): each frame by itself, then a GRU over them."""

    def __init__(self, config: RiskConfig) -> None:
        super().__init__()
        self.frame = Convolutions(3, (config.size_px, config.size_px), config.width)
        self.memory = nn.GRU(config.width, config.width, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        each = self.frame(x.flatten(0, 1)).unflatten(0, x.shape[:2])  # (B, F, D)
        last: Tensor = self.memory(each)[1][-1]
        return last


class Encoder(NamedTuple):
    """How a network is made, and how it reads (B, F, 3, S, S) into (B, D) and patches (B, n, D) or None."""

    make: Callable[[RiskConfig], nn.Module]
    read: Callable[[nn.Module, Tensor], tuple[Tensor, Tensor | None]]


def _vit(config: RiskConfig) -> nn.Module:
    size, patch = (config.size_px, config.size_px), (config.patch_px, config.patch_px)
    return make_vit(config, 3 * config.frames, size, patch)


def _read_vit(vit: nn.Module, x: Tensor) -> tuple[Tensor, Tensor]:
    """A feature is the greatest of all tokens' (as in PointNet, Qi et al., 2017): one car makes a crash."""
    tokens = read_vit(vit, x.flatten(1, 2))
    return tokens.amax(1), tokens[:, 1:]


def _cnn(config: RiskConfig) -> nn.Module:
    return Convolutions(3 * config.frames, (config.size_px, config.size_px), config.width)


ENCODERS = {
    "vit": Encoder(_vit, _read_vit),
    "cnn": Encoder(_cnn, lambda net, x: (net(x.flatten(1, 2)), None)),
    "cnn-gru": Encoder(ConvolutionsInTime, lambda net, x: (net(x), None)),
}
