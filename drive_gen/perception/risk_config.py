"""Settings of risk from pictures: what is looked at, by which network, and its training; no torch in here."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

from drive_gen.envs.config import check_choice
from drive_gen.envs.files import InputError
from drive_gen.envs.world import SUPPORTED
from drive_gen.train.config import FIRST_TEST_SEED, LoopConfig

MODELS = ("vit", "cnn", "cnn-gru")
BUCKETS_S = (1.0, 2.0, 4.0)  # upper ends of the time-to-collision buckets; the last is all above, and no lead
HORIZON_S = 2.0  # a crash within these is what is asked for
CELL_PX = 8  # a side of the cells that are asked which car is in them
ROADS = ("highway-v0", "merge-v0", "two-way-v0", "intersection-v0", "exit-v0")
UNSEEN_ROADS = ("roundabout-v0", "u-turn-v0")


@dataclass(frozen=True)
class RiskConfig:
    """What the network sees and what it is made of; saved in its checkpoint."""

    model: Literal["vit", "cnn", "cnn-gru"] = "vit"
    frames: int = 3  # the last is "now"
    gap_s: float = 0.4  # between frames
    size_px: int = 64
    m_per_px: float = 1.0
    behind: float = 0.3  # share of the picture behind the ego's centre
    width: int = 96
    layers: int = 4  # from here on of the ViT alone
    heads: int = 4
    inner: int = 384  # width of its feed-forward layers
    patch_px: int = 8
    cells: bool = False  # whether a head says of each patch which car is in it: a task to learn from

    def __post_init__(self) -> None:
        check_choice(self.model, MODELS, "model")
        if self.frames < 2 or not self.gap_s >= 0.1:
            raise InputError(f"risk needs 2 frames or more, 0.1 s or more apart: one carries no speed; got "
                             f"{self.frames} and {self.gap_s}")
        for name in ("width", "layers", "heads", "inner", "patch_px"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} must be at least 1, got {getattr(self, name)}")
        if self.width % self.heads or self.size_px % self.patch_px or self.size_px % 16:
            raise InputError("width must be a multiple of heads, and size_px of patch_px and of 16; got "
                             f"width {self.width}, heads {self.heads}, size_px {self.size_px}, patch_px "
                             f"{self.patch_px}")
        if self.cells and (self.model != "vit" or self.patch_px != CELL_PX):
            raise InputError(f"cells are asked of a vit with patch_px {CELL_PX}, got a {self.model} with "
                             f"{self.patch_px}")

    @property
    def pictures(self) -> RiskConfig:
        """What the pictures depend on, and no network: several are trained on one set of moments."""
        return RiskConfig(frames=self.frames, gap_s=self.gap_s, size_px=self.size_px, m_per_px=self.m_per_px,
                          behind=self.behind, patch_px=1)


@dataclass(frozen=True)
class RiskTraffic:
    """Which moments there are: roads in equal shares, seeds from `first` on, and how the pictures look."""

    envs: tuple[str, ...] = ROADS
    first: int = 0
    episodes: int = 2000
    look: float = 0.4  # strength of the looks drawn by seed
    effects: tuple[str, ...] = ("palette", "texture", "noise")

    def __post_init__(self) -> None:
        for env in self.envs:
            check_choice(env, SUPPORTED, "environment")
        if not self.envs or self.first < 0 or self.episodes < 1:
            raise InputError("risk's traffic needs an environment, a first seed of 0 or more and an episode")


@dataclass(frozen=True)
class RiskTraining:
    """Everything a run's result depends on."""

    model: RiskConfig = field(default_factory=RiskConfig)
    loop: LoopConfig = field(default_factory=lambda: LoopConfig(
        steps=1300, batch_size=32, learning_rate=1e-3, ema=0.99, evaluate_every=325, save_every=325))
    traffic: RiskTraffic = field(default_factory=lambda: RiskTraffic(episodes=2500))
    validation_episodes: int = 300
    init: str | None = None  # a ViT of transformers', folder or Hub name, whose weights are begun with
    cells_weight: float = 1.0  # of the cells' loss, where the network has a head for them

    def __post_init__(self) -> None:
        if self.init is not None and self.model.model != "vit":
            raise InputError(f"--init begins with a ViT's weights; they do not fit a {self.model.model}")
        if self.validation_episodes < 1 or self.traffic.first + self.traffic.episodes > FIRST_TEST_SEED:
            raise InputError(f"training must keep below seed {FIRST_TEST_SEED}, and validate on an episode")

    @property
    def validation(self) -> RiskTraffic:
        """Other seeds of the same roads and looks."""
        return replace(self.traffic, first=50_000, episodes=self.validation_episodes)


def risk_preset(name: str, model: Literal["vit", "cnn", "cnn-gru"] = "vit") -> RiskTraining:
    """quick: minutes on one core; base: what the bundled one is trained with."""
    check_choice(name, ("quick", "base"), "preset")
    base = RiskTraining(model=RiskConfig(model=model, cells=model == "vit"))
    if name == "base":
        return base
    return replace(base, traffic=RiskTraffic(episodes=800), validation_episodes=150, loop=replace(
        base.loop, steps=300, warmup=30, ema=0.98, evaluate_every=100, save_every=100))


def held_out_sets(episodes: int) -> dict[str, RiskTraffic]:
    """What a network is scored on, by name: seeds, road kinds and looks that training never saw."""
    seeds = RiskTraffic(first=FIRST_TEST_SEED, episodes=episodes)
    return {"unseen seeds": seeds, "unseen roads": replace(seeds, envs=UNSEEN_ROADS),
            "unseen looks": replace(seeds, look=1.0,
                                    effects=("palette", "night", "rain", "blur", "texture", "noise"))}
