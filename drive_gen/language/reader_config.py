"""Settings of the learnt reader: its network, its texts and its training; no torch in here."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from drive_gen.envs.config import check_choice
from drive_gen.envs.files import InputError
from drive_gen.language.tokenizer import LEAST_VOCABULARY
from drive_gen.train.config import LoopConfig

INTENTS = ("generate", "ask", "other")  # a request, a question, not about driving
TASKS = ("pretrain", "slots", "answer")  # what an update teaches


@dataclass(frozen=True)
class ReaderConfig:
    """What the network is made of; saved in its checkpoint. One network reads both languages."""

    vocabulary: int = 3000
    width: int = 128
    layers: int = 3
    heads: int = 4
    inner: int = 384  # width of BERT's feed-forward layers
    longest: int = 224  # tokens of a text, or of a question and its narration
    dropout: float = 0.0

    def __post_init__(self) -> None:
        if self.vocabulary < LEAST_VOCABULARY or self.longest < 16:
            raise InputError(f"a reader needs {LEAST_VOCABULARY} subwords and 16 tokens, got "
                             f"{self.vocabulary} and {self.longest}")
        for name in ("width", "layers", "heads", "inner"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} must be at least 1, got {getattr(self, name)}")
        if self.width % self.heads or not 0 <= self.dropout < 1:
            raise InputError(f"width must be a multiple of heads, and dropout in [0, 1); got {self.width}, "
                             f"{self.heads}, {self.dropout}")


@dataclass(frozen=True)
class Texts:
    """Which texts there are, all by seed."""

    requests: int = 20_000  # said by the grammar, in each language
    narrations: int = 4_000  # of facts as episodes have them, in each language, with questions
    by_hand: int = 40  # how many varied copies of each request written by hand
    episodes: str | None = None  # a store whose episodes are narrated; else episodes are driven by seed
    driven: int = 600  # how many of those
    seed: int = 0

    def __post_init__(self) -> None:
        if min(self.requests, self.narrations, self.driven) < 1 or min(self.by_hand, self.seed) < 0:
            raise InputError("texts need a request, a narration and an episode, and no negative number")


@dataclass(frozen=True)
class ReaderTraining:
    """Everything a run's result depends on.

    The first updates pretrain (masked words, next clip); from there on slots and questions take turns.
    """

    model: ReaderConfig = field(default_factory=ReaderConfig)
    loop: LoopConfig = field(default_factory=lambda: LoopConfig(
        steps=12_000, batch_size=64, learning_rate=1e-3, warmup=200, evaluate_every=1500, save_every=1500))
    texts: Texts = field(default_factory=lambda: Texts(requests=60_000, narrations=12_000, driven=3000))
    pretraining: float = 0.12  # share of the updates
    questions: float = 0.25  # share of the others
    init: str | None = None  # a BERT of transformers', folder or Hub name, whose weights are begun with

    def __post_init__(self) -> None:
        if not 0 <= self.pretraining < 1 or not 0 <= self.questions < 1:
            raise InputError(f"pretraining and questions are shares in [0, 1), got {self.pretraining} and "
                             f"{self.questions}")


def reader_preset(name: str) -> ReaderTraining:
    """quick: minutes on one core; base: for a machine with more."""
    check_choice(name, ("quick", "base"), "preset")
    base = ReaderTraining()
    if name == "base":
        return base
    return replace(base, model=ReaderConfig(vocabulary=2000, width=64, layers=2, inner=128),
                   texts=Texts(requests=2500, narrations=250, by_hand=6, driven=60),
                   loop=replace(base.loop, steps=1000, batch_size=32, learning_rate=3e-3, warmup=30, ema=0.99,
                                evaluate_every=500, save_every=500),
                   pretraining=0.05, questions=0.15)
