"""Settings of the U-Net and of segmentation; no torch, so that the command line reads them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

from drive_gen.envs.config import check_choice
from drive_gen.envs.files import InputError
from drive_gen.envs.frames.frame import CLASSES
from drive_gen.train.config import LoopConfig


@dataclass(frozen=True)
class UNetConfig:
    """The shape of a U-Net; one class serves segmentation and diffusion of pixels."""

    in_channels: int = 3
    out_channels: int = len(CLASSES)
    patch: int = 2  # pixels a side that the first layer takes at once, and the last one gives back
    width: int = 32
    multipliers: tuple[int, ...] = (1, 2, 3, 4)  # of the width, one a level; each halves the picture
    blocks: int = 1  # a level, down and up each
    groups: int = 8  # of GroupNorm
    heads: int = 4  # of the attention in the lowest level; 0 for none
    time: bool = False  # whether a noise level is given
    text_width: int = 0  # of a text's tokens, which the lowest level attends to; 0 for none

    def __post_init__(self) -> None:
        if min(self.in_channels, self.out_channels, self.patch, self.width, self.blocks, self.groups) < 1:
            raise InputError("a U-Net's channels, patch, width, blocks and groups must be positive")
        if not self.multipliers or min(self.multipliers) < 1:
            raise InputError(f"multipliers must be positive, one a level, got {list(self.multipliers)}")
        if self.width % self.groups:
            raise InputError(f"width must be a multiple of groups ({self.groups}), got {self.width}")
        lowest = self.width * self.multipliers[-1]
        if self.heads < 0 or (self.heads and lowest % self.heads):
            raise InputError(f"the lowest level's width, {lowest}, must be a multiple of heads, {self.heads}")
        if self.text_width < 0 or (self.text_width and not self.heads):
            raise InputError("a text needs attention: text_width above 0 with heads above 0")

    @property
    def multiple_px(self) -> int:
        """Pictures' sides must be multiples of this."""
        return int(self.patch * 2 ** (len(self.multipliers) - 1))


@dataclass(frozen=True)
class SegmenterConfig:
    """A U-Net over classes of pixels."""

    unet: UNetConfig = field(default_factory=UNetConfig)
    classes: tuple[str, ...] = CLASSES
    longest_px: int = 512  # larger pictures are read at this size
    coordinates: bool = False  # whether each pixel's place is seen: the ego is known by it in any colour

    def __post_init__(self) -> None:
        if self.unet.out_channels != len(self.classes) or self.unet.in_channels != 3:
            raise InputError(f"a segmenter reads 3 channels and gives one a class ({len(self.classes)}), "
                             f"got {self.unet.in_channels} and {self.unet.out_channels}")
        if self.longest_px < 16:
            raise InputError(f"longest_px must be at least 16, got {self.longest_px}")


@dataclass(frozen=True)
class FramesConfig:
    """Which frames are drawn to learn from."""

    view: Literal["bird", "dashcam"] = "bird"
    size_px: int = 128
    m_per_px: float = 0.4  # of the bird's view
    behind: tuple[float, ...] = (0.5, 0.2)  # shares of its picture behind the ego: either, drawn by frame
    scenes: int = 1024  # simulated; each is seen from any of its cars, in any look
    native: float = 0.3  # share of the frames in the native look
    strength: float = 1.0  # of the other looks, at most; those of tests are of other seeds
    loud: float = 0.0  # share of the other looks that are at the greatest strength
    crowd: float = 0.6  # share of the frames that learning sees with more bodies and a turned camera
    piled: float = 0.0  # share of those in which bodies may touch: wrecks do
    bent: float = 0.0  # share of the frames that learning sees on bent and crossed roads: bend.py
    held_out: int = 48  # frames an evaluation of the training is on, in each of native and drawn looks

    def __post_init__(self) -> None:
        if min(self.scenes, self.held_out, len(self.behind)) < 1:
            raise InputError("scenes, held_out and the number of shares behind must be at least 1")
        shares = (self.native, self.strength, self.crowd, self.piled, self.bent)
        if not all(0 <= share <= 1 for share in shares) or not 0 <= self.loud < 1:
            raise InputError("native, crowd, piled and bent are shares and strength a look's strength, all "
                             "from 0 to 1; loud is a share below 1")


@dataclass(frozen=True)
class PhotosConfig:
    """How a folder of labelled photographs is learnt from."""

    folder: str
    width_px: int = 256
    height_px: int = 192
    held_out: float = 0.25  # share of the photographs, the last by name, that scores are on; 0: on all

    def __post_init__(self) -> None:
        if not (16 <= self.width_px <= 2048 and 16 <= self.height_px <= 2048):
            raise InputError("photographs are learnt from at 16 to 2048 pixels a side, got "
                             f"{self.width_px} x {self.height_px}")
        if not 0 <= self.held_out < 1:
            raise InputError(f"held_out is a share of the photographs, from 0 to 1, got {self.held_out}")


@dataclass(frozen=True)
class SegmentTraining:
    """Everything a segmentation run's result depends on."""

    model: SegmenterConfig = field(default_factory=lambda: SegmenterConfig(
        UNetConfig(width=16, multipliers=(1, 2, 4, 4)), coordinates=True))
    # Small batches: at equal pictures seen, 4 an update learnt more than 16.
    loop: LoopConfig = field(default_factory=lambda: LoopConfig(
        steps=6600, batch_size=4, learning_rate=4e-3, weight_decay=0.01, evaluate_every=1650,
        save_every=1650))
    frames: FramesConfig = field(default_factory=lambda: FramesConfig(scenes=2048))
    photos: PhotosConfig | None = None  # instead of frames
    init: str | None = None  # checkpoint or run folder, or Hub id, to begin with
    dice: float = 0.5  # weight of the overlap loss, which counts a small class as much as a large one

    def __post_init__(self) -> None:
        if self.dice < 0:
            raise InputError(f"dice is a weight of 0 or more, got {self.dice}")


def segment_preset(name: str) -> SegmentTraining:
    """quick: under five minutes on two cores; base: what the bundled one is first trained with."""
    check_choice(name, ("quick", "base"), "preset")
    base = SegmentTraining()
    if name == "base":
        return base
    return replace(base, frames=FramesConfig(scenes=512), loop=replace(
        base.loop, steps=1000, warmup=40, ema=0.99, evaluate_every=250, save_every=250))


def further_training(init: str) -> SegmentTraining:
    """What the bundled one is trained with after the base preset: bent roads, wrecks, stronger looks."""
    base = SegmentTraining()
    return replace(base, init=init, frames=replace(base.frames, native=0.35, loud=0.4, piled=0.2, bent=0.3),
                   loop=replace(base.loop, steps=7500, learning_rate=2e-3, ema=0.998, evaluate_every=1500,
                                save_every=500))


def last_training(init: str, steps: int = 14000, seed: int = 11, held_out: int = 48) -> SegmentTraining:
    """What follows `further_training`, for longer and with a slower mean of the weights: bodies' rims."""
    further = further_training(init)
    return replace(further, frames=replace(further.frames, native=0.4, held_out=held_out),
                   loop=replace(further.loop, steps=steps, learning_rate=1.5e-3, ema=0.999, seed=seed,
                                evaluate_every=min(2000, steps // 6)))
