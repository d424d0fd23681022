"""Settings of the predictors, the smoother and their training; no torch: the commands read them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

from drive_gen.envs.config import check_choice
from drive_gen.envs.files import InputError
from drive_gen.policies.config import BehaviorConfig
from drive_gen.train.config import LoopConfig

MEMORIES = ("gru", "lstm", "rnn", "transformer")


@dataclass(frozen=True)
class PredictorConfig:
    """What a predictor reads and says, and what it is made of; saved in its checkpoint."""

    memory: Literal["gru", "lstm", "rnn", "transformer"] = "gru"
    history_frames: int = 10  # the last is "now"
    future_frames: int = 25
    dt_s: float = 0.2
    modes: int = 6  # futures, each with its probability
    width: int = 64
    heads: int = 4
    layers: int = 2
    encoder_layers: int = 1
    dropout: float = 0.0

    def __post_init__(self) -> None:
        check_choice(self.memory, MEMORIES, "memory")
        for name in ("future_frames", "modes"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} must be at least 1, got {getattr(self, name)}")
        if self.history_frames < 2 or not self.dt_s > 0:
            raise InputError(f"a prediction needs 2 frames of history and a dt_s above 0, got "
                             f"{self.history_frames} and {self.dt_s}")
        _ = self.backbone  # checks the rest

    @property
    def backbone(self) -> BehaviorConfig:
        """The parts that it shares with the behaviour transformer."""
        return BehaviorConfig(width=self.width, heads=self.heads, layers=self.layers,
                              encoder_layers=self.encoder_layers, dropout=self.dropout)


@dataclass(frozen=True)
class PredictorTraining:
    """Everything a predictor's run depends on, beside its data."""

    model: PredictorConfig = field(default_factory=PredictorConfig)
    loop: LoopConfig = field(default_factory=lambda: LoopConfig(
        steps=6000, batch_size=64, evaluate_every=1000, weight_decay=0.01))
    stride: int = 2  # frames between two windows' beginnings
    windows: int = 60_000  # at most, drawn from all
    spread: float = 0.05  # share of the distance's loss that all modes have, so that none is left behind
    validation_windows: int = 2048

    def __post_init__(self) -> None:
        if min(self.stride, self.windows, self.validation_windows) < 1:
            raise InputError("stride, windows and validation_windows must be at least 1")
        if not 0 <= self.spread <= 1:
            raise InputError(f"spread must be in [0, 1], got {self.spread}")


def predictor_preset(name: str) -> PredictorTraining:
    """quick: a minute or two on one core; base: twice the width and many more updates."""
    check_choice(name, ("quick", "base"), "preset")
    base = PredictorTraining(model=PredictorConfig(width=128))
    if name == "base":
        return base
    return replace(base, model=PredictorConfig(), windows=20_000, loop=replace(
        base.loop, steps=1000, learning_rate=2e-3, warmup=50, ema=0.99, evaluate_every=250, save_every=250))


@dataclass(frozen=True)
class SmootherConfig:
    """What a smoother is made of; saved in its checkpoint."""

    memory: Literal["gru", "lstm", "rnn"] = "gru"
    bidirectional: bool = True
    frames: int = 61
    dt_s: float = 0.1
    width: int = 64
    layers: int = 2

    def __post_init__(self) -> None:
        check_choice(self.memory, MEMORIES[:3], "memory")
        if self.width % 2 or self.layers < 1 or self.frames < 3 or not self.dt_s > 0:
            raise InputError("a smoother needs an even width, a layer, 3 frames and a dt_s above 0")


@dataclass(frozen=True)
class SmootherTraining:
    """Everything a smoother's run depends on, beside its data."""

    model: SmootherConfig = field(default_factory=SmootherConfig)
    loop: LoopConfig = field(default_factory=lambda: LoopConfig(
        steps=1500, batch_size=64, learning_rate=2e-3, weight_decay=0.01, warmup=50, ema=0.99,
        evaluate_every=500, save_every=500))
    noise_m: tuple[float, float] = (0.05, 0.5)  # standard deviations are drawn between these, log-uniformly
    stride: int = 20
    windows: int = 10_000
