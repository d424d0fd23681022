"""Frozen features of pictures: what a trained risk network says of them before its heads.

The feature network of our Frechet distances, in place of Inception's (Heusel et al., 2017): it was trained on
frames of traffic, not on photographs of animals.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from drive_gen.perception.risk import Risk

AT_ONCE = 256


class FrozenFeatures(nn.Module):
    """Pictures (B, 3, H, W) uint8 of any size, or clips (B, F, 3, H, W) -> (B, num_features) float32.

    A picture is seen as a clip that stands still. It is called as torchmetrics' FrechetInceptionDistance and
    KernelInceptionDistance call the network that is their `feature`.
    """

    def __init__(self, model: Risk) -> None:
        super().__init__()
        self.model = model.eval().requires_grad_(False)
        self.num_features = model.config.width

    @torch.no_grad()
    def forward(self, pictures: Tensor) -> Tensor:
        """See the class."""
        frames, side = self.model.config.frames, self.model.config.size_px
        clips = pictures if pictures.ndim == 5 else pictures[:, None].expand(-1, frames, -1, -1, -1)
        if clips.shape[1] != frames:
            raise ValueError(f"clips have {clips.shape[1]} frames, and the network reads {frames}")
        if clips.shape[-2:] != (side, side):
            flat = F.interpolate(clips.flatten(0, 1).float(), (side, side), mode="area")
            clips = flat.round().to(torch.uint8).view(*clips.shape[:3], side, side)
        return self.model.features(clips.movedim(2, -1)).float()

    def train(self, mode: bool = True) -> FrozenFeatures:
        """It stays as it is."""
        return self


def features(model: Risk, frames: np.ndarray) -> np.ndarray:
    """Of clips (N, F, S, S, 3) or pictures (N, H, W, 3), both uint8; (N, D) float32."""
    network, device = FrozenFeatures(model), next(model.parameters()).device
    parts = [torch.from_numpy(frames[start : start + AT_ONCE]).to(device).movedim(-1, -3)
             for start in range(0, len(frames), AT_ONCE)]
    return np.concatenate([network(part).cpu().numpy() for part in parts])
