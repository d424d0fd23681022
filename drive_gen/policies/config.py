"""Settings of the behaviour transformer and of how it is steered; no torch: the commands read them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from drive_gen.envs.config import check_choice
from drive_gen.envs.episode import META_ACTIONS
from drive_gen.envs.files import InputError
from drive_gen.envs.observe import COLUMNS, NEIGHBOURS
from drive_gen.envs.reward import COMPONENTS

MODES = ("bc", "target", "tilt")


@dataclass(frozen=True)
class SightConfig:
    """The pictures that a driver sees in place of an observation, and the network that reads them.

    From above, the ego low in the middle and heading up; as high as a driver looks ahead, as wide as a road.
    """

    model: Literal["vit", "cnn"] = "vit"
    frames: int = 2  # the last is "now"; one carries no speed
    gap_s: float = 0.6  # between frames
    height_px: int = 144
    width_px: int = 20
    m_per_px: float = 0.9
    behind: float = 0.18  # share of the height behind the ego's centre
    width: int = 96
    layers: int = 3  # from here on of the ViT alone
    heads: int = 4
    inner: int = 384  # width of its feed-forward layers
    # Rows and columns; of an odd number of columns one has the ego's lane in its middle, lest the car ahead lies
    # between two.
    patch_px: tuple[int, int] = (12, 4)
    scene: bool = False  # whether a ViT's patches are asked as neighbours are; else its class token is all
    car_odds: float = 0.03  # from which on a patch is taken to hold a car: a missed one may be a crash

    def __post_init__(self) -> None:
        check_choice(self.model, ("vit", "cnn"), "model")
        if self.scene and self.model != "vit":
            raise InputError(f"scene asks a ViT's patches, got a {self.model}")
        if self.frames < 2 or not self.gap_s > 0:
            raise InputError(f"sight needs 2 frames or more, some time apart: one carries no speed; got "
                             f"{self.frames} and {self.gap_s} s")
        for name in ("height_px", "width_px", "width", "layers", "heads", "inner"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} must be at least 1, got {getattr(self, name)}")
        if not self.car_odds > 0:
            raise InputError(f"car_odds must be positive, got {self.car_odds}")
        rows, columns = self.patch_px
        if min(rows, columns) < 1 or self.height_px % rows or self.width_px % columns or self.width % self.heads:
            raise InputError("the picture's sides must be multiples of patch_px, and width of heads; got "
                             f"{self.height_px} x {self.width_px}, {self.patch_px}, {self.width}, {self.heads}")
        if self.width_px > self.height_px:
            raise InputError("the picture must be at least as high as wide, got "
                             f"{self.height_px} x {self.width_px}")

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Of what is seen at a decision: frames, rows, columns, colours."""
        return self.frames, self.height_px, self.width_px, 3


@dataclass(frozen=True)
class BehaviorConfig:
    """What a behaviour transformer is made of; saved in its checkpoint.

    `memory` is what a token knows the earlier ones by: attention to the tokens of `context_steps` decisions
    back, in each layer (the band of the causal mask), or a GRU's hidden state, which has no such end.
    """

    actions: Literal["meta", "continuous"] = "meta"
    action_bins: int = len(META_ACTIONS)  # meta-actions, or clusters of controls
    decision_s: float = 1.0
    target_speeds_mps: tuple[float, ...] | None = None  # the grid that FASTER and SLOWER step through
    memory: Literal["attention", "gru"] = "attention"
    context_steps: int = 10
    width: int = 128
    heads: int = 4
    layers: int = 3
    encoder_layers: int = 1
    dropout: float = 0.1
    action_dropout: float = 0.4  # of past actions' tokens in training, against copying the last action
    return_dropout: float = 0.25  # of return tokens in training, so that the model drives without one too
    return_bins: int = 32
    return_components: int = len(COMPONENTS)
    neighbours: int = NEIGHBOURS
    features: int = COLUMNS
    sight: SightConfig | None = None  # pictures instead of neighbours and features

    def __post_init__(self) -> None:
        check_choice(self.memory, ("attention", "gru"), "memory")
        if self.width % (2 * self.heads):
            raise InputError(f"width {self.width} is not a multiple of twice the heads, {self.heads}")
        for name in ("context_steps", "layers", "encoder_layers", "return_bins", "return_components"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} must be at least 1, got {getattr(self, name)}")
        for name in ("dropout", "action_dropout", "return_dropout"):
            if not 0 <= getattr(self, name) < 1:
                raise InputError(f"{name} must be in [0, 1), got {getattr(self, name)}")
        if self.actions == "meta" and self.action_bins != len(META_ACTIONS):
            raise InputError(f"meta-actions need action_bins {len(META_ACTIONS)}, got {self.action_bins}")
        if self.action_bins < 2:
            raise InputError(f"action_bins must be at least 2, got {self.action_bins}")


@dataclass(frozen=True)
class Steering:
    """How a behaviour transformer is asked to drive.

    bc      asks for nothing: imitation of the data as it is
    target  asks for the returns given
    tilt    takes the returns that the model expects here, p(G | state), tilted towards better ones:
            p(G | state) exp(kappa G), each component with its kappa (CtRL-Sim, 2024)

    The odds of lane changes and FASTER are divided by `caution` and SLOWER's multiplied: the decision of least
    expected cost (Elkan, 2001, section 2). A driver that learnt from a clairvoyant needs it: what the teacher
    does in most futures may be a crash in the others.
    """

    mode: Literal["bc", "target", "tilt"] = "tilt"
    target: tuple[float, ...] = (0.9, 1.0, 0.9)
    kappa: tuple[float, ...] = (0.0, 20.0, 0.0)  # safety alone: more progress costs crashes
    caution: float = 1.0  # what a bold meta-action taken wrongly costs, where a timid one costs 1
    temperature: float = 1.0  # of sampled actions; deterministic ones are the most likely
    sampling: bool = False  # whether episodes are driven by draws; else by the median return and best action
    seed: int = 0  # of the draws

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise InputError(f"unknown mode {self.mode!r}; one of: {', '.join(MODES)}")
        if not all(0 <= value <= 1 for value in self.target):
            raise InputError(f"target returns must be in [0, 1], got {self.target}")
        if not self.caution > 0:
            raise InputError(f"caution must be positive, got {self.caution}")
        if not self.temperature > 0:
            raise InputError(f"temperature must be positive, got {self.temperature}")


def per_component(values: Mapping[str, float], default: tuple[float, ...]) -> tuple[float, ...]:
    """Numbers by component's name ({"safety": 1.0}) in COMPONENTS' order; the others by default."""
    if unknown := values.keys() - set(COMPONENTS):
        raise InputError(f"unknown return component {sorted(unknown)[0]!r}; one of: {', '.join(COMPONENTS)}")
    return tuple(values.get(name, kept) for name, kept in zip(COMPONENTS, default, strict=True))
