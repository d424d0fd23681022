"""Settings of giving a driver eyes; no torch, so that the command line reads them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

from drive_gen.envs.config import check_choice
from drive_gen.envs.files import InputError
from drive_gen.policies.config import SightConfig
from drive_gen.train.config import DriveConfig, LoopConfig


@dataclass(frozen=True)
class SightTraining:
    """Everything that a run's result depends on, beside its data."""

    sight: SightConfig = field(default_factory=SightConfig)
    loop: LoopConfig = field(default_factory=lambda: LoopConfig(
        steps=1800, batch_size=6, learning_rate=1e-3, warmup=50, ema=0.99, evaluate_every=900,
        save_every=300))
    drive: DriveConfig = field(default_factory=lambda: DriveConfig(episodes=40))  # steered as the teacher is
    teacher: str = ""  # checkpoint or run folder of a behaviour transformer that reads observations
    init: str | None = None  # a run of eyes of this shape, whose ViT is begun with
    window_steps: int = 8  # decisions in a training window
    token_weight: float = 1.0  # of the distance from what the teacher's encoder says of the same instant
    cells_weight: float = 1.0  # of what a ViT says of its patches: which car is where, and how it moves
    own_weight: float = 1.0  # of the ego's own row of an observation, where the scene is asked

    def __post_init__(self) -> None:
        if self.window_steps < 1 or min(self.token_weight, self.cells_weight, self.own_weight) < 0:
            raise InputError("window_steps must be 1 or more and the weights not negative, got "
                             f"{self.window_steps}, {self.token_weight}, {self.cells_weight} and "
                             f"{self.own_weight}")


def sight_preset(name: str, model: Literal["vit", "cnn"] = "vit") -> SightTraining:
    """quick: under five minutes on two cores; base: what figures are given for.

    A ViT is asked for the scene, of single instants: decisions that follow each other show much the same. Its
    best checkpoint is that of the lowest loss, which says more than the returns of a few episodes.
    """
    check_choice(name, ("quick", "base"), "preset")
    base = SightTraining(sight=SightConfig(model=model, scene=model == "vit"))
    if model == "vit":
        base = replace(base, window_steps=1, drive=replace(base.drive, episodes=0), loop=replace(
            base.loop, steps=2700, batch_size=48, warmup=100, ema=0.995, evaluate_every=300))
    if name == "base":
        return base
    return replace(base, drive=replace(base.drive, episodes=10), loop=replace(
        base.loop, steps=600, ema=0.98, evaluate_every=600))
