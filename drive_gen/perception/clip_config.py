"""Settings of CLIP over text, frames and trajectories, and of its training; no torch in here."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from drive_gen.envs.config import check_choice
from drive_gen.envs.files import InputError
from drive_gen.language.facts import ROADS
from drive_gen.language.played import SEEN_ROADS
from drive_gen.train.config import FIRST_TEST_SEED, LoopConfig

STEP_S = 0.5  # between the moments at which a trajectory is read


@dataclass(frozen=True)
class ClipConfig:
    """What the three towers see and are made of; saved in their checkpoint."""

    clip_s: float = 6.0  # of an episode, at most; its facts hold at the start, its events inside
    frames: int = 4  # spread evenly over it, stacked as channels
    size_px: int = 64  # of a frame, 1 m across the road and `stretch` m along it
    stretch: int = 3
    patch_px: int = 8
    agents: int = 20  # the nearest at the start, beside the ego
    lanes: int = 24  # the nearest
    vocabulary: int = 1000  # subwords; claims are words beside them
    positions: int = 96  # subwords of a text at most, with its first and last
    width: int = 96  # of the frames' tower
    layers: int = 3
    told_width: int = 128  # of those of texts and of trajectories
    text_layers: int = 2
    agent_layers: int = 1  # of the trajectories' tower
    heads: int = 4
    inner: int = 288
    embedding: int = 192  # of what is compared
    theirs: dict[str, Any] = field(default_factory=dict)  # shape of others' towers of text and vision, if any

    def __post_init__(self) -> None:
        for name in ("frames", "size_px", "stretch", "patch_px", "agents", "lanes", "width", "layers",
                     "told_width", "text_layers", "agent_layers", "heads", "inner", "embedding"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} must be at least 1, got {getattr(self, name)}")
        if not STEP_S <= self.clip_s <= 60 or self.positions < 8:
            raise InputError(f"clip_s is {STEP_S} to 60 and positions at least 8, got {self.clip_s} and "
                             f"{self.positions}")
        if self.width % self.heads or self.told_width % self.heads or self.size_px % self.patch_px:
            raise InputError("widths must be multiples of heads and size_px of patch_px; got widths of "
                             f"{self.width} and {self.told_width}, {self.heads} heads, {self.size_px} px and "
                             f"{self.patch_px} px")

    @property
    def steps(self) -> int:
        """Moments of a trajectory."""
        return round(self.clip_s / STEP_S) + 1


@dataclass(frozen=True)
class ClipData:
    """What it is trained on: a store, or episodes of its own by seed."""

    store: str | None = None
    episodes: int = 2000  # at most, of a store; every tenth validates
    seed: int = 0  # of the first of its own episodes
    roads: tuple[str, ...] = SEEN_ROADS
    look: float = 0.4  # strength of the looks drawn by seed
    effects: tuple[str, ...] = ("palette", "texture", "noise")
    stride_s: float = 3.0  # between the clips of an episode
    tested: bool = False  # whether test seeds may be asked for

    def __post_init__(self) -> None:
        for road in self.roads:
            check_choice(road, ROADS, "road")
        if self.episodes < 10 or not self.stride_s >= STEP_S:
            raise InputError(f"clip needs 10 episodes and a stride of {STEP_S} s, or more; got "
                             f"{self.episodes} and {self.stride_s}")
        if self.store is None and not self.tested and self.seed + self.episodes > FIRST_TEST_SEED:
            raise InputError(f"training must keep below seed {FIRST_TEST_SEED}")


@dataclass(frozen=True)
class ClipTraining:
    """Everything a run's result depends on."""

    model: ClipConfig = field(default_factory=ClipConfig)
    data: ClipData = field(default_factory=ClipData)
    loop: LoopConfig = field(default_factory=lambda: LoopConfig(
        steps=12_000, batch_size=128, learning_rate=1.5e-3, warmup=100, evaluate_every=500, save_every=500))
    false_texts: float = 1.0  # texts with one fact changed, a share of the batch
    written: float = 0.25  # share of texts that are read as they are written, not as the parser's words
    framed: float = 0.5  # share of the batch whose frames are seen
    scale: float = 60.0  # of similarities, at first; learnt from there on
    claims: float = 1.0  # weight of the loss of claims; 0 leaves contrast alone
    init: str | None = None  # a CLIP of transformers' or a checkpoint of ours, whose weights are begun with

    def __post_init__(self) -> None:
        if not (0 <= self.false_texts <= 1 and 0 <= self.written <= 1 and 0 < self.framed <= 1
                and self.claims >= 0):
            raise InputError("false_texts, written and framed are shares, and claims a weight of 0 or more")
        if self.loop.batch_size * self.framed < 2:
            raise InputError("contrast needs two framed clips in a batch, or more")


def clip_preset(name: str) -> ClipTraining:
    """quick: minutes on two cores; base: for a machine with more."""
    check_choice(name, ("quick", "base"), "preset")
    base = ClipTraining()
    if name == "base":
        return base
    loop = replace(base.loop, steps=150, batch_size=64, learning_rate=2e-3, warmup=20, ema=0.97,
                   evaluate_every=50, save_every=50)
    return replace(base, data=replace(base.data, episodes=120), loop=loop, framed=0.25)
