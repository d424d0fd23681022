"""Settings of the captioner: what it sees, its network, and its training; no torch in here."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from drive_gen.envs.config import check_choice
from drive_gen.envs.files import InputError
from drive_gen.language.sight import Sight
from drive_gen.train.config import FIRST_TEST_SEED, LoopConfig

EFFECTS = ("palette", "texture", "noise")  # of training's looks


@dataclass(frozen=True)
class CaptionerConfig:
    """What the network sees and what it is made of; saved in its checkpoint."""

    sight: Sight = field(default_factory=Sight)
    patch_px: tuple[int, int] = (10, 4)  # rows and columns: 20 m along and a lane across
    width: int = 128
    layers: int = 4  # of the encoder
    heads: int = 4
    decoder_layers: int = 2
    vocabulary: int = 270  # subwords beside the captions' own phrases
    longest: int = 128  # tokens of a caption
    slots_say: float = 1.0  # weight of the slots' head beside the decoder, when captions are written

    def __post_init__(self) -> None:
        for name in ("width", "layers", "heads", "decoder_layers", "longest"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} must be at least 1, got {getattr(self, name)}")
        _, rows, columns = self.sight.shape
        if self.width % self.heads or rows % self.patch_px[0] or columns % self.patch_px[1]:
            raise InputError(f"width must be a multiple of heads, and {rows} rows and {columns} columns of "
                             f"patch_px; got {self.width}, {self.heads} and {self.patch_px}")


@dataclass(frozen=True)
class CaptionData:
    """Which clips there are: episodes of scripted traffic by seed, or of a store, and how they look."""

    store: str | None = None  # of episodes with an ego; played by seed if not given
    first: int = 0
    episodes: int = 4000
    others: int = 2  # more clips an episode, seen from other cars
    look: float = 0.5  # strength of the looks drawn by seed, in half of the clips

    def __post_init__(self) -> None:
        if self.first < 0 or self.episodes < 1 or self.others < 0 or not 0 <= self.look <= 1:
            raise InputError("captions' data need an episode, first and others of 0 or more, and a look from "
                             "0 to 1")


@dataclass(frozen=True)
class CaptionTraining:
    """Everything a run's result depends on."""

    model: CaptionerConfig = field(default_factory=CaptionerConfig)
    loop: LoopConfig = field(default_factory=lambda: LoopConfig(
        steps=20_000, batch_size=64, learning_rate=1e-3, warmup=300, weight_decay=0.05, evaluate_every=2000,
        save_every=1000))
    data: CaptionData = field(default_factory=CaptionData)
    validation_episodes: int = 200
    head_weight: float = 1.0  # of the slots' cross-entropies beside the caption's
    init: str | None = None  # a captioner to begin with

    def __post_init__(self) -> None:
        if self.validation_episodes < 1 or self.head_weight < 0:
            raise InputError("validation_episodes must be 1 or more and head_weight 0 or more")
        if self.data.store is None and self.data.first + self.data.episodes > FIRST_TEST_SEED:
            raise InputError(f"training must keep below seed {FIRST_TEST_SEED}")


def caption_preset(name: str) -> CaptionTraining:
    """quick: minutes on one core; base: for a machine with more."""
    check_choice(name, ("quick", "base"), "preset")
    base = CaptionTraining()
    if name == "base":
        return base
    return replace(base, data=replace(base.data, episodes=100, others=5), validation_episodes=30,
                   model=replace(base.model, width=96, layers=2, decoder_layers=1),
                   loop=replace(base.loop, steps=500, batch_size=32, learning_rate=2e-3, warmup=50, ema=0.98,
                                evaluate_every=250, save_every=100))
