"""Where the camera is: from above with the ego heading up, or behind the ego's windscreen."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from drive_gen.envs.files import InputError

LEAST_PX, MOST_PX = 16, 1024
PAINT_M, MOST_PAINT_M = 0.15, 1.0  # widths of painted lines
PAINT_PX = 1.2  # the least width: more than a pixel, lest a line between two rows of centres is seen by none
FAR_M = 250.0  # ground farther away is background
NEAR_M = 0.1  # nothing nearer to the pinhole is seen
TRIG_STEPS = 2.0**20  # sines are rounded to these: C libraries differ in the last bit


class Rays(NamedTuple):
    """What each pixel of a view looks at; (S, S, ...) float64, in the ego's frame: ahead and to the right."""

    ground_m: np.ndarray  # (S, S, 2); NaN above the horizon
    paint_m: np.ndarray  # (S, S) half width of a painted line there
    light: np.ndarray  # (S, S) uint8, how far the ego's headlights reach
    direction: np.ndarray  # (S, S, 3) ahead, right, up for one metre along the camera's axis; zero from above


@dataclass(frozen=True)
class BirdView:
    """From straight above, the ego in the middle and heading up."""

    size_px: int = 128
    m_per_px: float = 0.4
    behind: float = 0.5  # share of the picture behind the ego's centre
    shift_px: tuple[float, float] = (0.0, 0.0)  # right and down, of the picture: where in a pixel it is sampled
    width_px: int | None = None  # columns that are drawn, in the picture's middle; all if not given

    def __post_init__(self) -> None:
        _check_size(self.size_px)
        if not 0.02 <= self.m_per_px <= 5:
            raise InputError(f"m_per_px must be from 0.02 to 5, got {self.m_per_px}")
        if self.width_px is not None and not LEAST_PX <= self.width_px <= self.size_px:
            raise InputError(f"width_px must be from {LEAST_PX} to size_px, got {self.width_px}")
        if not 0 <= self.behind < 1:
            raise InputError(f"behind is a share of the picture, from 0 to 1, got {self.behind}")

    @property
    def center_px(self) -> tuple[float, float]:
        """Column and row of the ego's centre."""
        right, down = self.shift_px
        return self.shape[1] / 2 + right, self.size_px * (1 - self.behind) + down

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the picture."""
        return self.size_px, self.width_px or self.size_px

    def rays(self) -> Rays:
        """Ground seen by each pixel; computed once."""
        return _bird_rays(self)


@dataclass(frozen=True)
class Dashcam:
    """A pinhole behind the windscreen that looks ahead and a little down."""

    size_px: int = 128
    height_m: float = 1.5
    pitch_rad: float = 0.05  # down
    focal_px: float = 110.0
    setback_m: float = 1.7  # behind the ego's front bumper

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the picture."""
        return self.size_px, self.size_px

    def __post_init__(self) -> None:
        _check_size(self.size_px)
        if not (0.7 <= self.height_m <= 10 and 1 <= self.focal_px <= 10_000):
            raise InputError("a dashcam is 0.7 to 10 m high, with a focal length of 1 to 10000 pixels; got "
                             f"{self.height_m} m and {self.focal_px}")
        if not -0.5 <= self.pitch_rad <= 1:
            raise InputError(f"a dashcam looks down by -0.5 to 1 rad, got {self.pitch_rad}")
        if not 0 <= self.setback_m <= 5:
            raise InputError(f"a dashcam is 0 to 5 m behind the bumper, got {self.setback_m}")

    @property
    def axes(self) -> np.ndarray:
        """The camera's axis, right and down in the ego's frame (ahead, right, up); (3, 3)."""
        cosine, sine = snapped(np.cos(self.pitch_rad)), snapped(np.sin(self.pitch_rad))
        return np.array([[cosine, 0, -sine], [0, 1, 0], [-sine, 0, -cosine]])

    def rays(self) -> Rays:
        """Ground and direction seen by each pixel, from the camera's own place; computed once."""
        return _dashcam_rays(self)


View = BirdView | Dashcam


def snapped(value: np.ndarray | float) -> np.ndarray:
    """Rounded so that the last bits of a machine's sine do not matter."""
    return np.round(np.asarray(value, np.float64) * TRIG_STEPS) / TRIG_STEPS


def _check_size(size_px: int) -> None:
    if not LEAST_PX <= size_px <= MOST_PX:
        raise InputError(f"a frame has {LEAST_PX} to {MOST_PX} pixels a side, got {size_px}")


@lru_cache(maxsize=16)
def _bird_rays(view: BirdView) -> Rays:
    rows, columns = (np.arange(side) + 0.5 for side in view.shape)
    column, row = view.center_px
    ahead, right = np.meshgrid((row - rows) * view.m_per_px, (columns - column) * view.m_per_px,
                               indexing="ij")
    paint = np.full(view.shape, min(max(PAINT_M, PAINT_PX * view.m_per_px), MOST_PAINT_M) / 2)
    return Rays(np.stack((ahead, right), -1), paint, _light(ahead, right), np.zeros((*view.shape, 3)))


@lru_cache(maxsize=16)
def _dashcam_rays(view: Dashcam) -> Rays:
    size = view.size_px
    middle = (np.arange(size) + 0.5 - size / 2) / view.focal_px
    down, right = np.meshgrid(middle, middle, indexing="ij")
    direction = view.axes[0] + right[..., None] * view.axes[1] + down[..., None] * view.axes[2]
    below = direction[..., 2] < -view.height_m / FAR_M / 2
    depth = np.where(below, -view.height_m / np.where(below, direction[..., 2], -1.0), np.nan)
    ground = depth[..., None] * direction[..., :2]
    ground[~(ground[..., 0] < FAR_M)] = np.nan
    paint = np.clip(PAINT_PX * np.nan_to_num(depth) / view.focal_px, PAINT_M, MOST_PAINT_M) / 2
    return Rays(ground, paint, _light(ground[..., 0], ground[..., 1]), direction)


def _light(ahead_m: np.ndarray, right_m: np.ndarray) -> np.ndarray:
    """Share of 255 that the headlights give to the ground: a cone that fades within 60 m."""
    ahead, aside = np.nan_to_num(ahead_m), np.nan_to_num(right_m)
    cone = np.clip(1.5 - np.abs(aside) / (2.0 + 0.35 * np.maximum(ahead, 0)), 0, 1)
    return np.asarray(255 * cone * np.clip(1 - ahead / 60, 0, 1) * (ahead > 0)).astype(np.uint8)


@dataclass(frozen=True, eq=False)
class Pose:
    """Where a camera stands in the world: its point on the ground and its heading as a unit vector."""

    x_m: float
    y_m: float
    ahead: tuple[float, float] = field(default=(1.0, 0.0))
