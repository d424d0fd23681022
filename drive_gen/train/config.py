"""Settings of the training loop and of the behaviour transformer's training, without torch."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

from drive_gen.envs.config import check_choice
from drive_gen.envs.files import InputError
from drive_gen.policies.config import BehaviorConfig, Steering

FIRST_TEST_SEED = 10_000  # evaluations' seeds begin here; training never drives in those worlds


@dataclass(frozen=True)
class LoopConfig:
    """How any network is trained. Steps are optimiser updates; a value of 0 switches its habit off."""

    steps: int = 3000
    batch_size: int = 64
    learning_rate: float = 1e-3  # at the end of the warm-up; a cosine takes it to a tenth
    weight_decay: float = 0.05  # of matrices only: not of biases, norms or embeddings' nulls
    warmup: int = 100
    clip_norm: float = 1.0
    ema: float = 0.995  # decay of the averaged weights, which are what is evaluated and saved
    log_every: int = 20
    evaluate_every: int = 500
    save_every: int = 500  # of the training state; ^C saves at any step
    patience: int = 0  # evaluations without a better score before it stops
    seed: int = 0
    device: Literal["auto", "cpu", "cuda"] = "auto"
    bfloat16: bool = False  # on a CPU too: 1.4 to 1.7 times as fast where it has such instructions

    def __post_init__(self) -> None:
        for name in ("steps", "batch_size", "log_every", "evaluate_every", "save_every"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} must be at least 1, got {getattr(self, name)}")
        for name in ("learning_rate", "clip_norm"):
            if not getattr(self, name) > 0:
                raise InputError(f"{name} must be positive, got {getattr(self, name)}")
        for name in ("weight_decay", "warmup", "patience", "seed"):
            if getattr(self, name) < 0:
                raise InputError(f"{name} must not be negative, got {getattr(self, name)}")
        if not 0 <= self.ema < 1:
            raise InputError(f"ema must be in [0, 1), got {self.ema}")


@dataclass(frozen=True)
class LossConfig:
    """How the parts of the behaviour transformer's loss are weighed; the action's cross-entropy counts 1."""

    return_weight: float = 0.3  # of each component's cross-entropy
    offset_weight: float = 10.0  # of the distance from the true control, in units of CONTROL_SCALE
    label_smoothing: float = 0.0

    def __post_init__(self) -> None:
        if self.return_weight < 0 or self.offset_weight < 0:
            raise InputError("return_weight and offset_weight must not be negative")
        if not 0 <= self.label_smoothing < 1:
            raise InputError(f"label_smoothing must be in [0, 1), got {self.label_smoothing}")


@dataclass(frozen=True)
class DriveConfig:
    """Closed-loop evaluation in training, in the environment that the data were collected in."""

    episodes: int = 20  # an evaluation; 0 switches it off, and the validation loss decides
    seed: int = 5000  # the first; the others follow
    steering: Steering = field(default_factory=Steering)
    engine: Literal["simulator", "reference"] = "simulator"  # highway-env's equal, or highway-env itself

    def __post_init__(self) -> None:
        if self.episodes < 0 or self.seed < 0:
            raise InputError("the evaluation's episodes and seed must not be negative")
        if self.seed < FIRST_TEST_SEED < self.seed + self.episodes or self.seed >= FIRST_TEST_SEED:
            raise InputError(f"evaluation in training must keep below seed {FIRST_TEST_SEED}: "
                             "the seeds from there on are for tests")


@dataclass(frozen=True)
class TrainBehaviorConfig:
    """Everything a behaviour run's result depends on, beside its data."""

    model: BehaviorConfig = field(default_factory=BehaviorConfig)
    loop: LoopConfig = field(default_factory=lambda: LoopConfig(
        steps=6000, batch_size=128, evaluate_every=1000))
    loss: LossConfig = field(default_factory=LossConfig)
    drive: DriveConfig = field(default_factory=DriveConfig)
    actions: Literal["auto", "meta", "continuous"] = "auto"  # auto: meta where the data know any
    control_bins: int = 32  # of continuous actions
    init: str | None = None  # checkpoint or run folder, or Hub id, whose network and weights are begun with
    window_steps: int = 20  # decisions in a training window
    validation_windows: int = 512


def behavior_preset(name: str) -> TrainBehaviorConfig:
    """quick: a minute on two cores, for a first driver; base: what the published numbers are trained with."""
    check_choice(name, ("quick", "base"), "preset")
    base = TrainBehaviorConfig()
    if name == "base":
        return base
    return replace(base, model=BehaviorConfig(width=64, layers=2, dropout=0.0),
                   loop=LoopConfig(steps=600, batch_size=64, learning_rate=2e-3, warmup=50, ema=0.98,
                                   evaluate_every=300, save_every=300),
                   drive=DriveConfig(episodes=6), window_steps=16, validation_windows=256)
