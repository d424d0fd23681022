"""Settings of the trajectory diffusion and of augmentation; no torch, so that the command line reads them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

from drive_gen.envs.config import check_choice
from drive_gen.envs.files import InputError
from drive_gen.train.config import LoopConfig

FEATURES = ("along_m", "aside_m", "along_mps", "aside_mps")  # of one agent at one frame, see scenes.py
AGENT_FEATURES = 8  # see scenes.agent_features
ROAD_FEATURES = 4  # see scenes.road_features
RETURNS = 3  # progress, safety, comfort: envs.reward.COMPONENTS


@dataclass(frozen=True)
class DiffusionConfig:
    """The shape of a scene and of the network that denoises it; saved in the checkpoint."""

    frames: int = 55  # 1 s of history and 10 s to generate
    patch_frames: int = 5  # frames a token holds: 1 s patches copy the last action less than 0.1 s ones
    history_frames: int = 5  # known frames of each agent
    dt_s: float = 0.2
    agents: int = 12  # the ego and its nearest
    decision_s: float = 1.0  # rewards are taken per decision
    width: int = 128
    heads: int = 4
    layers: int = 4
    diffusion_steps: int = 1000
    # One standard deviation of each of FEATURES; training puts its data's in.
    scales: tuple[float, float, float, float] = (8.0, 1.0, 1.6, 0.4)
    # Mean, standard deviation and 95 % quantile of the returns (progress, safety, comfort); its data's too.
    return_mean: tuple[float, float, float] = (0.7, 0.9, 0.9)
    return_scale: tuple[float, float, float] = (0.1, 0.1, 0.1)
    return_high: tuple[float, float, float] = (1.0, 1.0, 1.0)

    def __post_init__(self) -> None:
        if self.frames % self.patch_frames or self.frames <= self.history_frames:
            raise InputError(f"frames must be a multiple of patch_frames ({self.patch_frames}) and more than "
                             f"history_frames ({self.history_frames}), got {self.frames}")
        if self.width % self.heads or self.width % 4:
            raise InputError(f"width must be a multiple of heads ({self.heads}) and of 4, got {self.width}")
        if min(self.history_frames, self.agents, self.layers, self.diffusion_steps) < 1 or self.dt_s <= 0:
            raise InputError("history_frames, agents, layers, diffusion_steps and dt_s must be positive")

    @property
    def patches(self) -> int:
        """Tokens of one agent."""
        return self.frames // self.patch_frames


@dataclass(frozen=True)
class DiffusionTraining:
    """Everything a diffusion run's result depends on, beside its data."""

    model: DiffusionConfig = field(default_factory=DiffusionConfig)
    loop: LoopConfig = field(default_factory=lambda: LoopConfig(
        steps=2000, batch_size=24, learning_rate=1.5e-3, weight_decay=0.01, evaluate_every=250,
        save_every=250))
    stride: int = 2  # frames between the windows of an episode
    windows: int = 10_000  # at most, drawn at random
    drop_return: float = 0.2  # share of scenes that are shown no return (classifier-free guidance)
    whole_agents: float = 0.15  # share of scenes in which some agents are known throughout
    validation_windows: int = 128

    def __post_init__(self) -> None:
        if min(self.stride, self.windows, self.validation_windows) < 1:
            raise InputError("stride, windows and validation_windows must be at least 1")
        if not (0 <= self.drop_return < 1 and 0 <= self.whole_agents <= 1):
            raise InputError("drop_return and whole_agents are shares of the scenes, from 0 to 1")


def diffusion_preset(name: str) -> DiffusionTraining:
    """quick: about a minute and a half on one core, for a first look; base: what figures are given for."""
    check_choice(name, ("quick", "base"), "preset")
    base = DiffusionTraining()
    if name == "base":
        return base
    return replace(base, windows=4000, model=replace(base.model, width=64, layers=2, agents=8),
                   loop=replace(base.loop, steps=600, batch_size=32, learning_rate=2e-3, warmup=30, ema=0.99,
                                evaluate_every=200, save_every=200))


@dataclass(frozen=True)
class Limits:
    """What a generated episode must keep to; the acceleration, jerk and yaw rate bounds are those of
    the realism metrics (`evaluate.realism.infeasible_share`)."""

    acceleration_mps2: tuple[float, float] = (-8.0, 5.0)
    jerk_mps3: float = 15.0
    yaw_rate_rps: float = 0.95
    steering_rad: float = 0.6
    speed_mps: tuple[float, float] = (0.0, 45.0)
    off_road_m: float = 0.3  # a corner farther outside is off the road
    residual_m: float = 1.0  # between the states sampled and those re-computed from their controls


@dataclass(frozen=True)
class AugmentConfig:
    """How episodes are generated from real windows."""

    mode: Literal["continue", "vary"] = "continue"  # from the history, or by re-noising the whole window
    strength: float = 0.5  # share of the noise that "vary" adds
    guidance: float = 1.5  # 0 ignores the return asked, 1 conditions on it, more exaggerates it
    # Asked of progress, safety and comfort: the parent's return times this, but no more than 1 in 20 windows
    # of the data reach. A large factor asks for that. More progress than the parent's costs acceptance: who
    # is asked to drive faster runs into the car ahead.
    return_factor: tuple[float, float, float] = (1.0, 100.0, 1.3)
    sampler_steps: int = 20
    batch: int = 16  # candidates at a time
    tries: int = 20  # candidates tried at most, per episode asked for
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        if not 0 < self.strength <= 1:
            raise InputError("strength is the share of noise added, above 0 and at most 1, "
                             f"got {self.strength}")
        if self.guidance < 0 or min(self.return_factor) <= 0:
            raise InputError(f"guidance must be >= 0 and every return_factor > 0, got {self.guidance} "
                             f"and {self.return_factor}")
        if min(self.sampler_steps, self.batch, self.tries) < 1:
            raise InputError("sampler_steps, batch and tries must be at least 1")
