"""The segmentation network: a U-Net behind the checkpoint format."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from drive_gen.perception.config import SegmenterConfig
from drive_gen.perception.unet import UNet
from drive_gen.policies.pretrained import Pretrained


class Segmenter(Pretrained, tags=["image-segmentation"]):  # type: ignore[call-arg]
    """Pictures -> a class for each pixel."""

    model_type: ClassVar[str] = "segment"
    config_class: ClassVar[type] = SegmenterConfig
    config: SegmenterConfig

    def __init__(self, config: SegmenterConfig, seed: int = 0) -> None:
        super().__init__(config)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            more = 2 if config.coordinates else 0
            self.unet = UNet(replace(config.unet, in_channels=config.unet.in_channels + more))

    def forward(self, rgb: Tensor) -> Tensor:
        """(B, H, W, 3) uint8 of any size -> logits (B, classes, H, W)."""
        height, width = rgb.shape[1:3]
        # Channels stay last in memory, which convolutions like; the weights do not: a resumed optimiser's
        # moments would lie otherwise than they.
        x = (rgb.float() / 127.5 - 1).permute(0, 3, 1, 2)
        if self.config.coordinates:
            x = torch.cat((x, _places(x)), dim=1)
        multiple = self.config.unet.multiple_px
        x = F.pad(x, (0, -width % multiple, 0, -height % multiple), mode="replicate")
        logits: Tensor = self.unet(x)[..., :height, :width]
        return logits

    @torch.no_grad()
    def predict(self, rgb: np.ndarray) -> np.ndarray:
        """(B, H, W, 3) uint8 -> class of each pixel, (B, H, W) uint8; large pictures at `longest_px`."""
        device = next(self.parameters()).device
        small = np.stack([self._shrunk(picture) for picture in rgb])
        guess = self(torch.from_numpy(small).to(device)).argmax(1).to(torch.uint8).cpu().numpy()
        if guess.shape == rgb.shape[:3]:
            return np.asarray(guess)
        size = (rgb.shape[2], rgb.shape[1])
        return np.stack([np.asarray(Image.fromarray(mask).resize(size, Image.Resampling.NEAREST))
                         for mask in guess])

    def _shrunk(self, picture: np.ndarray) -> np.ndarray:
        share = self.config.longest_px / max(picture.shape[:2])
        if share >= 1:
            return picture
        size = (max(round(picture.shape[1] * share), 1), max(round(picture.shape[0] * share), 1))
        return np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BOX))


def _places(x: Tensor) -> Tensor:
    """Row and column of each pixel from -1 to 1, (B, 2, H, W), of pictures (B, C, H, W); Liu et al., 2018."""
    rows, columns = (torch.linspace(-1, 1, side, device=x.device, dtype=x.dtype) for side in x.shape[2:])
    return torch.stack(torch.meshgrid(rows, columns, indexing="ij")).expand(len(x), -1, -1, -1)
