"""A second reader of pictures: a small CNN that says slots of facts, and whose features compare pictures.

It shares nothing with read.py, which finds bodies and roads by geometry, nor with what draws: it learnt on
real pictures and the facts of their scenes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from drive_gen.envs.episode import Scene
from drive_gen.envs.files import InputError
from drive_gen.imagine.raster import HEIGHT_PX, WIDTH_PX
from drive_gen.imagine.roads import KINDS as ROADS
from drive_gen.imagine.words import PLACES, staged
from drive_gen.language.facts import DENSITIES, DISTANCES, KINDS, MOST_COUNT, MOST_LANES, SPEEDS, Facts
from drive_gen.language.read_scene import facts_of_scene, kind_of, others_of
from drive_gen.policies.pretrained import Pretrained

ABSENT = -1  # of a label that says nothing
HEADS: dict[str, tuple[Any, ...]] = {
    "road": ROADS,
    "lanes": tuple(range(1, MOST_LANES + 1)),
    "density": DENSITIES,
    "ego.kind": KINDS,
    "ego.speed": SPEEDS,
    "cars": tuple(range(MOST_COUNT + 2)),
    "trucks": tuple(range(MOST_COUNT + 2)),
}
for _role in PLACES:
    HEADS |= {f"{_role}.kind": (None, *KINDS), f"{_role}.speed": SPEEDS, f"{_role}.distance": DISTANCES}


@dataclass(frozen=True)
class SlotReaderConfig:
    """Convolutions that halve the picture, and how many features come of them."""

    widths: tuple[int, ...] = (32, 64, 96)
    features: int = 128

    def __post_init__(self) -> None:
        if not self.widths or any(width % 8 or width < 8 for width in self.widths) or self.features < 1:
            raise InputError(
                f"widths are multiples of 8 and there is a feature, got {self.widths}, {self.features}"
            )


class SlotReader(Pretrained):
    """Pictures (B, 3, 96, 32) uint8 -> features (B, D); `heads` turns these into logits of each slot."""

    model_type: ClassVar[str] = "slot-reader"
    config_class: ClassVar[type] = SlotReaderConfig
    config: SlotReaderConfig

    def __init__(self, config: SlotReaderConfig, seed: int = 0) -> None:
        super().__init__(config)
        self.num_features = config.features  # torchmetrics asks for it
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            layers = [
                nn.Sequential(
                    nn.Conv2d(before, after, 3, stride=2, padding=1), nn.GroupNorm(8, after), nn.GELU()
                )
                for before, after in pairwise((3, *config.widths))
            ]
            rows, columns = (size >> len(layers) for size in (HEIGHT_PX, WIDTH_PX))
            self.layers = nn.Sequential(*layers, nn.Flatten())
            self.project = nn.Linear(config.widths[-1] * rows * columns, config.features)
            self.heads = nn.ModuleDict(
                {
                    name.replace(".", "_"): nn.Linear(config.features, len(values))
                    for name, values in HEADS.items()
                }
            )

    def forward(self, pictures: Tensor) -> Tensor:
        """See the class."""
        level = pictures.float() / 127.5 - 1
        if self.training:  # what is drawn is blurred and noisy
            level = level + 0.05 * torch.randn_like(level)
        features: Tensor = F.gelu(self.project(self.layers(level)))
        return features

    def logits(self, pictures: Tensor) -> dict[str, Tensor]:
        """Of each slot, (B, values)."""
        features = self(pictures)
        return {name: self.heads[name.replace(".", "_")](features) for name in HEADS}

    @torch.no_grad()
    def read(self, pictures: np.ndarray) -> list[dict[str, Any]]:
        """The likeliest value of each slot of pictures (N, 96, 32, 3) uint8."""
        found = self.logits(torch.from_numpy(np.ascontiguousarray(pictures.transpose(0, 3, 1, 2))))
        return [
            {name: values[int(found[name][number].argmax())] for name, values in HEADS.items()}
            for number in range(len(pictures))
        ]


class RoadLogits(nn.Module):
    """A reader's logits of the road kind alone, for the Inception Score."""

    def __init__(self, reader: SlotReader) -> None:
        super().__init__()
        self.reader = reader

    def forward(self, pictures: Tensor) -> Tensor:
        """See the class."""
        return self.reader.logits(pictures)["road"]


def labels_of(scenes: Sequence[Scene]) -> dict[str, Tensor]:
    """The place of the true value among each head's, (N,) int64; ABSENT where a slot has none."""
    rows = [values_of(scene) for scene in scenes]
    return {
        name: torch.tensor([values.index(row[name]) if name in row else ABSENT for row in rows])
        for name, values in HEADS.items()
    }


def slots_loss(reader: SlotReader, pictures: Tensor, labels: dict[str, Tensor]) -> dict[str, Tensor]:
    """Mean cross-entropy of the heads; pictures are (B, 96, 32, 3) uint8."""
    logits = reader.logits(pictures.permute(0, 3, 1, 2))
    losses = [
        F.cross_entropy(logits[name], labels[name], ignore_index=ABSENT, reduction="sum") / len(pictures)
        for name in HEADS
    ]
    return {"loss": torch.stack(losses).mean()}


def judged(wanted: Facts, said: dict[str, Any]) -> dict[str, bool]:
    """Slot -> whether it holds by what the reader says; only slots that it can say. As agree.agreement."""
    facts = staged(wanted)
    found = {
        name: said[name] == getattr(facts, name)
        for name in ("road", "lanes", "density")
        if getattr(facts, name) is not None
    }
    found |= {
        f"without.{name}": said[f"{name}.kind"] is None if name in PLACES else said["trucks"] == 0
        for name in facts.without
        if name != "aggressive"
    }
    for agent in facts.agents:
        if agent.role in ("cars", "trucks"):
            named = sum(said[f"{role}.kind"] == agent.kind for role in PLACES if facts.agent(role))
            count, more = said[agent.role] - named, facts.density is not None
            found[f"{agent.role}.count"] = count >= agent.count if more else count == agent.count
            continue
        found[f"{agent.role}.kind"] = said[f"{agent.role}.kind"] == agent.kind
        found |= {
            f"{agent.role}.{name}": said[f"{agent.role}.kind"] is not None
            and said[f"{agent.role}.{name}"] == getattr(agent, name)
            for name in ("speed", "distance")
            if getattr(agent, name, None) is not None
        }
    return found


def values_of(scene: Scene) -> dict[str, Any]:
    """The true value of each slot; what is not there has none."""
    facts = facts_of_scene(scene)
    found: dict[str, Any] = {"road": facts.road, "lanes": facts.lanes, "density": facts.density}
    for role in ("ego", *PLACES):
        agent = facts.agent(role)
        if agent is None and role != "ego":
            found[f"{role}.kind"] = None
        elif agent is not None:
            found |= {f"{role}.kind": agent.kind, f"{role}.speed": agent.speed}
            found |= {f"{role}.distance": agent.distance} if role != "ego" else {}
    kinds = [kind_of(scene, number) for number in others_of(scene)]
    return found | {f"{kind}s": min(kinds.count(kind), MOST_COUNT + 1) for kind in KINDS}
