"""Settings of the writer: its network, what it learns from and how; no torch in here."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

from drive_gen.envs.config import check_choice
from drive_gen.envs.files import InputError
from drive_gen.train.config import FIRST_TEST_SEED, LoopConfig


@dataclass(frozen=True)
class WriterConfig:
    """A GPT-2; saved in its checkpoint."""

    vocabulary: int = 0  # of the tokenizer, which is trained first: 0 is not yet known
    positions: int = 640
    width: int = 128
    layers: int = 4
    heads: int = 4

    def __post_init__(self) -> None:
        for name in ("positions", "width", "layers", "heads"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} must be at least 1, got {getattr(self, name)}")
        if self.width % self.heads:
            raise InputError(f"width must be a multiple of heads, got {self.width} and {self.heads}")


@dataclass(frozen=True)
class WriterTraining:
    """Everything a run's result depends on, beside the store where one is given."""

    model: WriterConfig = field(default_factory=WriterConfig)
    loop: LoopConfig = field(default_factory=lambda: LoopConfig(
        steps=6000, batch_size=32, learning_rate=2e-3, warmup=100, ema=0.995, evaluate_every=500,
        save_every=250))
    episodes: int = 3072  # by seed, driven; or those of the store
    more_programs: int = 3072  # by the seeds after those, not driven
    first: int = 0  # seed
    subwords: int = 700  # of the commentaries' tokenizer, beside programs' words
    programs: float = 0.4  # share of batches; commentaries are the harder
    asked: float = 0.6  # share of programs that are shown with what they were asked for
    grammar_weight: float = 10.0  # in programs' loss, of the share that goes to words the grammar bars
    validation: float = 0.05  # share of the worlds
    store: str | None = None  # of `collect requests`, instead of driving
    init: str | None = None  # a GPT-2, folder or Hub name, whose shape and weights are begun with

    def __post_init__(self) -> None:
        if self.first < 0 or self.episodes < 20 or self.more_programs < 0:
            raise InputError("a writer needs 20 episodes or more, and seeds of 0 or more")
        if self.first + self.episodes + self.more_programs > FIRST_TEST_SEED:
            raise InputError(f"training must keep below seed {FIRST_TEST_SEED}: the seeds from there on are "
                             "for tests")
        if not 0 <= self.asked <= 1 or not 0 <= self.programs <= 1 or not 0 < self.validation < 1:
            raise InputError("programs, asked and validation are shares, from 0 to 1")
        if not 0 <= self.grammar_weight < math.inf:
            raise InputError(f"grammar_weight must be 0 or more, got {self.grammar_weight}")


@dataclass(frozen=True)
class Sampling:
    """How words are drawn."""

    temperature: float = 1.0  # 0 takes the likeliest
    top_p: float = 1.0  # only of the likeliest words that have this share together
    seed: int = 0

    def __post_init__(self) -> None:
        if self.temperature < 0 or not 0 < self.top_p <= 1 or self.seed < 0:
            raise InputError(f"temperature is 0 or more, top_p above 0 and at most 1 and seed 0 or more; got "
                             f"{self.temperature}, {self.top_p} and {self.seed}")


def writer_preset(name: str) -> WriterTraining:
    """quick: minutes on two cores; base: about an hour on one."""
    check_choice(name, ("quick", "base"), "preset")
    base = WriterTraining()
    if name == "base":
        return base
    return replace(base, model=replace(base.model, width=96, layers=3), episodes=600, more_programs=600,
                   loop=replace(base.loop, steps=300, batch_size=16, learning_rate=3e-3, warmup=30, ema=0.98,
                                evaluate_every=100, save_every=100))
