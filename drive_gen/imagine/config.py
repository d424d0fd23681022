"""Settings of pictures drawn from words: data, the VAE, what draws, and their training; no torch in here."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from drive_gen.envs.config import check_choice
from drive_gen.envs.files import InputError
from drive_gen.train.config import FIRST_TEST_SEED, LoopConfig

SCALE = 4  # pixels a side of a latent's place


@dataclass(frozen=True)
class Traffic:
    """Which pictures there are: moments of episodes of a store, or of episodes played by seed."""

    store: str | None = None  # of `drive-gen collect requests`; None plays episodes by seed
    first: int = 0  # seed, or number in the store
    episodes: int = 4000
    moments_s: tuple[float, ...] = (0.0, 2.0, 4.0, 6.0, 8.0, 10.0, 12.0)
    requests: int = 0  # set up and not driven, besides: what is rare on the road is asked for as often as not
    workers: int = 0  # processes that play; 0: one a core

    def __post_init__(self) -> None:
        if min(self.first, self.requests, *self.moments_s) < 0 or self.episodes < 1 or not self.moments_s:
            raise InputError(
                "pictures need a first episode, requests and moments of 0 or more, and an episode"
            )
        if self.store is None and self.first < FIRST_TEST_SEED < self.first + self.episodes:
            raise InputError(f"training must keep below seed {FIRST_TEST_SEED}")


@dataclass(frozen=True)
class VaeConfig:
    """diffusers' AutoencoderKL; `scaling_factor` is measured on its own latents: 1 / their deviation."""

    widths: tuple[int, int, int] = (16, 32, 64)  # each level but the last halves the picture
    layers: int = 1  # residual blocks a level
    latents: int = 4
    scaling_factor: float = 1.0

    def __post_init__(self) -> None:
        _check_widths(self.widths, 8)
        if self.layers < 1 or self.latents < 1 or not self.scaling_factor > 0:
            raise InputError(
                "a VAE has a layer and a latent or more, and a positive scaling factor; got "
                f"{self.layers}, {self.latents} and {self.scaling_factor}"
            )


@dataclass(frozen=True)
class VaeLoss:
    """What an error weighs. Bodies are few of the pixels, and what a picture is about."""

    body: float = 4.0  # of a squared error where a body is, to 1 elsewhere
    absolute: float = 0.1  # of the absolute error
    divergence: float = 3e-8  # from a standard normal distribution, summed over a picture's latents

    def __post_init__(self) -> None:
        if self.body < 1 or self.absolute < 0 or self.divergence < 0:
            raise InputError("a body weighs 1 or more; the other weights must not be negative")


@dataclass(frozen=True)
class VaeTraining:
    """Everything a VAE run's result depends on."""

    model: VaeConfig = field(default_factory=VaeConfig)
    loss: VaeLoss = field(default_factory=VaeLoss)
    loop: LoopConfig = field(
        default_factory=lambda: LoopConfig(
            steps=8000,
            batch_size=16,
            learning_rate=2e-3,
            weight_decay=0.0,
            evaluate_every=1000,
            save_every=1000,
        )
    )
    traffic: Traffic = field(default_factory=Traffic)
    validation_episodes: int = 60
    init: str | None = None  # run or checkpoint folder whose weights are begun with

    @property
    def validation(self) -> Traffic:
        """Other episodes of the same kind."""
        return _after(self.traffic, self.validation_episodes)


@dataclass(frozen=True)
class PainterConfig:
    """diffusers' UNet2DConditionModel over latents, and transformers' CLIPTextModel over words."""

    widths: tuple[int, int, int] = (64, 64, 96)
    layers: int = 1
    latents: int = 4
    text_width: int = 64
    text_layers: int = 1
    head_width: int = 16
    steps: int = 1000  # of the noise

    def __post_init__(self) -> None:
        _check_widths(self.widths, 16)
        if self.text_width % 16 or min(self.layers, self.text_layers, self.latents, self.text_width) < 1:
            raise InputError(
                "text_width must be a multiple of 16, and there must be a layer of each; got "
                f"{self.text_width}, {self.layers} and {self.text_layers}"
            )
        if self.steps < 2:
            raise InputError(f"the noise has at least 2 steps, got {self.steps}")


@dataclass(frozen=True)
class PainterTraining:
    """Everything a run's result depends on."""

    vae: str  # run or checkpoint folder of `drive-gen train vae`
    model: PainterConfig = field(default_factory=PainterConfig)
    loop: LoopConfig = field(
        default_factory=lambda: LoopConfig(
            steps=40_000,
            batch_size=32,
            learning_rate=1e-3,
            weight_decay=0.01,
            ema=0.999,
            warmup=200,
            evaluate_every=2000,
            save_every=1000,
        )
    )
    traffic: Traffic = field(default_factory=Traffic)
    validation_episodes: int = 60
    unsaid: float = 0.1  # share of pictures drawn without words, for guidance
    init: str | None = None  # pipeline or run folder whose network's weights are begun with

    def __post_init__(self) -> None:
        if not 0 <= self.unsaid < 1:
            raise InputError(f"unsaid is a share below 1, got {self.unsaid}")

    @property
    def validation(self) -> Traffic:
        """Other episodes of the same kind."""
        return _after(self.traffic, self.validation_episodes)


def vae_preset(name: str, store: str | None = None) -> VaeTraining:
    """quick: minutes on two cores; base: for a machine with more."""
    check_choice(name, ("quick", "base"), "preset")
    base = VaeTraining(traffic=Traffic(store))
    if name == "base":
        return base
    return replace(
        base,
        loop=replace(base.loop, steps=250, warmup=20, ema=0.98, evaluate_every=125, save_every=125),
        **_quick(store),
    )


def painter_preset(name: str, vae: str, store: str | None = None) -> PainterTraining:
    """quick: minutes on two cores; base: for a machine with more."""
    check_choice(name, ("quick", "base"), "preset")
    base = PainterTraining(vae, traffic=Traffic(store, requests=20_000))
    if name == "base":
        return base
    return replace(
        base,
        loop=replace(base.loop, steps=300, warmup=20, ema=0.98, evaluate_every=150, save_every=150),
        **_quick(store, requests=400),
    )


def _quick(store: str | None, requests: int = 0) -> dict[str, Any]:
    return {"traffic": Traffic(store, episodes=160, requests=requests), "validation_episodes": 20}


def _after(traffic: Traffic, episodes: int) -> Traffic:
    """The store's next episodes, or those of seeds kept for validation."""
    first = traffic.first + traffic.episodes if traffic.store is not None else 50_000
    return replace(traffic, first=first, episodes=episodes, requests=0)


def _check_widths(widths: tuple[int, ...], multiple: int) -> None:
    if any(width < multiple or width % multiple for width in widths):
        raise InputError(f"widths must be multiples of {multiple}, got {widths}")
