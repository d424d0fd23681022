"""What every log reader makes first: a long table of tracks; and the steps from there to an Episode.

    reader -> Tracks -> clean -> smooth -> to_episode

The table is in the world frame of an Episode: x forward, y to the right, heading from +x towards +y, centres
of bodies, SI units.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from typing import Literal

import numpy as np
from scipy.signal import savgol_filter

from drive_gen.envs.config import check_choice
from drive_gen.envs.episode import Episode, Source, make_episode
from drive_gen.envs.files import InputError
from drive_gen.envs.kinematics import wrap
from drive_gen.envs.road import Road


@dataclass(frozen=True, eq=False)
class Tracks:
    """One recording: one row a vehicle and frame."""

    vehicle: np.ndarray  # (N,) int64
    frame: np.ndarray  # (N,) int64, steps of dt_s
    position_m: np.ndarray  # (N, 2) float64
    heading_rad: np.ndarray  # (N,) float64
    speed_mps: np.ndarray  # (N,) float64, along the heading
    size_m: np.ndarray  # (N, 2) float64, length and width
    kind: np.ndarray  # (N,) uint8, a place in KINDS
    dt_s: float

    def __len__(self) -> int:
        return len(self.vehicle)

    def take(self, rows: np.ndarray) -> Tracks:
        """The rows of a mask or of an index, in that order."""
        return replace(self, **{item.name: getattr(self, item.name)[rows]
                                for item in fields(self) if item.name != "dt_s"})


@dataclass(frozen=True)
class Smoothing:
    """How noisy positions become motion: a polynomial fitted around each frame (Savitzky and Golay, 1964).

    Order 2 leaves a constant acceleration as it is. Over 1.5 s the speeds of NGSIM US-101 come nearest to
    the recorded ones (.30 m/s rms; .33 over 1.1 s, .34 over 2.1 s) and accelerations above 3 m/s^2 fall from
    6.9 to 1.0 % of the steps, while positions move by .09 m rms.
    """

    method: Literal["savgol", "none"] = "savgol"
    window_s: float = 1.5
    order: int = 2
    moving_mps: float = 3.0  # slower, the direction of motion is noise: the heading is held

    def __post_init__(self) -> None:
        check_choice(self.method, ("savgol", "none"), "smoothing")
        if self.window_s <= 0 or self.order < 1:
            raise InputError(f"smoothing needs a window above 0 s and an order of 1 or more, "
                             f"got {self.window_s} and {self.order}")

    @property
    def label(self) -> str:
        """The name that a report and an episode's notes carry."""
        return "none" if self.method == "none" else f"savgol {self.window_s:g} s order {self.order}"

    def frames(self, available: int, dt_s: float) -> int:
        """The odd window in frames for a run of so many; below order + 2 there is nothing to smooth."""
        wanted = 2 * round((self.window_s / dt_s - 1) / 2) + 1
        return min(wanted, available - 1 + available % 2)


def clean(tracks: Tracks, where: str) -> tuple[Tracks, int]:
    """Sorted by vehicle and frame, one row each (the first of a duplicate), one size and kind a vehicle.

    Returns the table and the number of duplicate rows left out. `where` names the recording in errors.
    """
    if not len(tracks):
        raise InputError(f"{where} holds no vehicles")
    for name in ("position_m", "heading_rad", "speed_mps", "size_m"):
        values = getattr(tracks, name).reshape(len(tracks), -1)
        if len(bad := np.flatnonzero(~np.isfinite(values).all(1))):
            raise InputError(f"{where}: vehicle {tracks.vehicle[bad[0]]}, frame {tracks.frame[bad[0]]}: "
                             f"{name} is not a finite number")
    if len(bad := np.flatnonzero((tracks.size_m <= 0).any(1))):
        raise InputError(f"{where}: vehicle {tracks.vehicle[bad[0]]} has a length or width of 0 or less")
    ordered = tracks.take(np.lexsort((tracks.frame, tracks.vehicle)))
    again = (np.diff(ordered.vehicle) == 0) & (np.diff(ordered.frame) == 0)
    single = ordered.take(np.concatenate([[True], ~again]))
    row, counts = np.unique(single.vehicle, return_index=True, return_counts=True)[1:]
    size = np.stack([np.median(rows, axis=0) for rows in np.split(single.size_m, row[1:])])
    kind = single.kind[row]
    return replace(single, size_m=np.repeat(size, counts, 0), kind=np.repeat(kind, counts)), int(again.sum())


def check_units(tracks: Tracks, where: str) -> None:
    """Refuse a table (cleaned) whose positions move at another rate than its speeds say, or of odd sizes.

    Both are what feet taken for metres, or a wrong frame rate, look like.
    """
    length = float(np.median(tracks.size_m[:, 0]))
    if not 1.5 <= length <= 12:
        raise InputError(f"{where}: the median vehicle is {length:.1f} m long; is the file in other units?")
    step = np.flatnonzero(same_run(tracks) & (tracks.speed_mps[:-1] > 2))
    if len(step) < 10:
        return
    moved = np.hypot(*(tracks.position_m[step + 1] - tracks.position_m[step]).T) / tracks.dt_s
    ratio = float(np.median(moved / tracks.speed_mps[step]))
    if not 0.7 <= ratio <= 1.4:
        raise InputError(f"{where}: positions move {ratio:.2f} times as fast as the speeds given say; "
                         f"one of them, or the frame rate, is in other units")


def same_run(tracks: Tracks) -> np.ndarray:
    """Whether each row of a clean table and the next are one vehicle in consecutive frames; (N - 1,)."""
    return np.asarray((np.diff(tracks.vehicle) == 0) & (np.diff(tracks.frame) == 1))


def runs(tracks: Tracks) -> Iterator[slice]:
    """The rows of each unbroken stretch of a vehicle in a clean table."""
    breaks = np.flatnonzero(~same_run(tracks)) + 1
    for start, stop in zip([0, *breaks], [*breaks, len(tracks)], strict=True):
        yield slice(int(start), int(stop))


def accelerations(tracks: Tracks) -> np.ndarray:
    """Change of speed (m/s^2) between consecutive frames, over all vehicles of a clean table; (M,)."""
    return np.asarray((np.diff(tracks.speed_mps) / tracks.dt_s)[same_run(tracks)])


def smooth(tracks: Tracks, smoothing: Smoothing) -> tuple[Tracks, int]:
    """A clean table with motion fitted to its positions, and how many rows are in stretches too short for it.

    Speed is the derivative of the smoothed position along the heading; the heading is the direction of that
    derivative, held where the vehicle is slower than `moving_mps`. Slow steps backwards are noise too: their
    speed is 0. Method "none" gives the table back.
    """
    if smoothing.method == "none":
        return tracks, 0
    position, heading, speed = tracks.position_m.copy(), tracks.heading_rad.copy(), tracks.speed_mps.copy()
    untouched = 0
    for run in runs(tracks):
        window = smoothing.frames(run.stop - run.start, tracks.dt_s)
        if window < smoothing.order + 2:
            untouched += run.stop - run.start
            continue
        raw = tracks.position_m[run]
        position[run] = savgol_filter(raw, window, smoothing.order, axis=0)
        velocity = savgol_filter(raw, window, smoothing.order, deriv=1, delta=tracks.dt_s, axis=0)
        heading[run] = course(velocity, tracks.heading_rad[run], smoothing.moving_mps)
        along = velocity[:, 0] * np.cos(heading[run]) + velocity[:, 1] * np.sin(heading[run])
        speed[run] = np.maximum(along, 0.0)
    return replace(tracks, position_m=position, heading_rad=heading, speed_mps=speed), untouched


def course(velocity_mps: np.ndarray, fallback_rad: np.ndarray, moving_mps: float) -> np.ndarray:
    """Direction (T,) of velocities (T, 2); slower than `moving_mps` the last direction is held.

    Before a vehicle first moves it has its first direction; one that never moves has `fallback_rad` (T,).
    """
    moving = np.hypot(*velocity_mps.T) >= moving_mps
    if not moving.any():
        return wrap(fallback_rad)
    last = np.maximum.accumulate(np.where(moving, np.arange(len(moving)), -1))
    last[last < 0] = int(moving.argmax())
    return np.asarray(np.arctan2(velocity_mps[:, 1], velocity_mps[:, 0])[last])


def to_episode(tracks: Tracks, first: int, steps: int, road: Road, source: Source) -> Episode:
    """Frames first to first + steps - 1 of a clean table; vehicles with none of them are left out.

    Frames that a track lacks are invalid. No commands are known: they are inferred where they are needed.
    """
    here = tracks.take((tracks.frame >= first) & (tracks.frame < first + steps))
    if not len(here):
        raise InputError(f"{source.name}: no vehicle between frames {first} and {first + steps - 1}")
    vehicles, row, agent = np.unique(here.vehicle, return_index=True, return_inverse=True)
    place = (agent, here.frame - first)
    shape = (len(vehicles), steps)
    position, heading, speed = np.zeros((*shape, 2)), np.zeros(shape), np.zeros(shape)
    valid = np.zeros(shape, dtype=bool)
    position[place], heading[place], speed[place] = here.position_m, here.heading_rad, here.speed_mps
    valid[place] = True
    return make_episode(position, heading, speed, here.size_m[row], valid, dt_s=tracks.dt_s, road=road,
                        source=source, agent_id=vehicles, kind=here.kind[row])


def pieces(tracks: Tracks, duration_s: float | None) -> list[tuple[int, int]]:
    """First frame and number of frames of each piece: equal parts of about `duration_s`, or one (None).

    No frame is left over. A piece in which no vehicle is present is left out.
    """
    first, count = int(tracks.frame.min()), int(np.ptp(tracks.frame)) + 1
    parts = 1 if duration_s is None else max(1, round(count * tracks.dt_s / duration_s))
    edges = first + np.linspace(0, count, parts + 1).round().astype(int)
    present = np.histogram(tracks.frame, edges - 0.5)[0] > 0
    return [(int(start), int(stop - start))
            for start, stop, some in zip(edges[:-1], edges[1:], present, strict=True) if some]
