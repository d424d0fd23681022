"""A car's path for the next seconds, as several futures with probabilities; the memory is a choice.

Each frame of the history is what the car saw (the behaviour transformer's scene encoder) and how it moved; a
sequence network (`policies.sequences`) reads them in order, and a head, the same for all, says the futures.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from drive_gen.policies.behavior import SceneEncoder
from drive_gen.policies.blocks import initialize
from drive_gen.policies.pretrained import Pretrained
from drive_gen.policies.sequences import make_sequence
from drive_gen.predict.config import PredictorConfig

MOTION_FEATURES = 5
DEVIATION_MPS = (2.0, 0.5)  # the outputs' unit: how fast futures part from constant velocity, along, across


class Forecast(NamedTuple):
    """K futures of each of B cars."""

    path_m: Tensor  # (B, K, F, 2) in the frame of the car now: ahead, to the right
    logits: Tensor  # (B, K) of their probabilities


class Predictor(Pretrained):
    """History of a car and its neighbours -> its futures."""

    model_type = "predictor"
    config_class = PredictorConfig
    config: PredictorConfig

    def __init__(self, config: PredictorConfig, seed: int = 0) -> None:
        super().__init__(config)
        width = config.width
        self.encoder = SceneEncoder(config.backbone)
        self.embed_motion = nn.Linear(MOTION_FEATURES, width)
        self.memory = make_sequence(config.memory, config.backbone)
        self.embed_mode = nn.Embedding(config.modes, width)
        self.head = nn.Sequential(nn.RMSNorm(width), nn.Linear(width, 2 * width), nn.SiLU(),
                                  nn.Linear(2 * width, 2 * config.future_frames + 1))
        initialize(self, torch.Generator().manual_seed(seed), config.layers)

    def forward(self, observation: Tensor, motion: Tensor) -> Forecast:
        """(B, H, 17, 9) and (B, H, 4), as `windows.Windows.gather` gives them."""
        x = self.encoder(observation) + self.embed_motion(scaled(motion))  # (B, H, D)
        context = self.memory(x)[0][:, -1]
        told = self.head(context[:, None] + self.embed_mode.weight).float()  # (B, K, 2 F + 1)
        time_s = self.config.dt_s * torch.arange(1, self.config.future_frames + 1, device=motion.device)
        deviation = told[..., 1:].unflatten(-1, (-1, 2)) * time_s[:, None] * time_s.new_tensor(DEVIATION_MPS)
        straight = F.pad((motion[:, -1, 3:] * time_s)[..., None], (0, 1))  # (B, F, 2), constant velocity
        return Forecast(straight[:, None] + deviation, told[..., 0])


def scaled(motion: Tensor) -> Tensor:
    """Motion (..., 4) as features of about one; (..., 5)."""
    x, y, heading, speed = motion.unbind(-1)
    return torch.stack((x / 20, y / 2, heading.cos(), 5 * heading.sin(), speed / 20), dim=-1)


def predictor_loss(forecast: Forecast, future: Tensor, spread: float) -> dict[str, Tensor]:
    """The nearest mode learns the path, and to be chosen; future is (B, F, 2).

    Winner takes all (Guzman-Rivera et al., 2012), relaxed: a share `spread` of the loss is all modes' mean
    (Rupprecht et al., 2017), without which modes that never win stay where they began.
    """
    square = (forecast.path_m - future[:, None]).square().sum(-1)  # (B, K, F)
    distance = (square + 1e-4).sqrt().mean(-1)
    nearest, winner = distance.min(1)
    path = (1 - spread) * nearest.mean() + spread * distance.mean()
    choice = F.cross_entropy(forecast.logits, winner)
    return {"loss": path + choice, "nearest_m": nearest.mean(), "choice": choice}
