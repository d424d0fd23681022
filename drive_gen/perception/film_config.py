"""Settings of learning to see films from above; no torch in here."""

from __future__ import annotations

from dataclasses import dataclass, field

from drive_gen.envs.files import InputError
from drive_gen.perception.config import SegmenterConfig, UNetConfig
from drive_gen.train.config import FIRST_TEST_SEED, LoopConfig


@dataclass(frozen=True)
class FilmFrames:
    """Which frames are learnt from: of scripted traffic by seed, or of a store of it, seen from any agent."""

    store: str | None = None
    episodes: int = 400
    native: float = 0.25  # share of the frames in the native look
    strength: float = 1.0  # of the other looks, at most; the stronger, the more often
    crowd: float = 0.35  # share of the frames with more bodies and a turned camera: crowd.py
    bent: float = 0.4  # share of the frames on bent and crossed roads: bend.py
    squeezed: float = 0.5  # share of the frames that a JPEG has been made of, for what a film's codec does
    held_out: int = 24  # frames that each set of scores is on: native and drawn looks, bent roads

    def __post_init__(self) -> None:
        shares = (self.native, self.strength, self.crowd, self.bent, self.squeezed)
        if min(self.episodes, self.held_out) < 1 or not all(0 <= share <= 1 for share in shares):
            raise InputError("a film's frames need an episode, one held out, and shares from 0 to 1")
        if self.store is None and self.episodes > FIRST_TEST_SEED:
            raise InputError(f"training must keep below seed {FIRST_TEST_SEED}")


@dataclass(frozen=True)
class FilmTraining:
    """Everything a run's result depends on."""

    model: SegmenterConfig = field(default_factory=lambda: SegmenterConfig(
        UNetConfig(width=16, multipliers=(1, 2, 4, 4)), coordinates=True))
    loop: LoopConfig = field(default_factory=lambda: LoopConfig(
        steps=4500, batch_size=2, learning_rate=1.5e-3, weight_decay=0.01, warmup=60, evaluate_every=750,
        save_every=250, bfloat16=True))
    frames: FilmFrames = field(default_factory=FilmFrames)
    init: str | None = None  # a checkpoint of the same shape to begin with
    dice: float = 0.5  # weight of the overlap loss, which counts a small class as much as a large one
