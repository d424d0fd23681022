"""Episodes as compact JSON for the replay player: whole centimetres and milliradians, as differences."""

from __future__ import annotations

import functools
import itertools
from typing import Any

import numpy as np

from drive_gen.envs.episode import KINDS, Episode
from drive_gen.envs.files import hash_of
from drive_gen.envs.markings import markings
from drive_gen.envs.road import Road
from drive_gen.evaluate.rows import following
from drive_gen.evaluate.safety import time_to_collision
from drive_gen.report.film import camera_track

FRAME_S = 0.1  # frames nearer in time than this are thinned out; the player interpolates
RANGE_M = 130.0  # agents are kept while nearer than this to the one the camera follows
TTC_MOST_S = 10.0  # longer times to collision are no conflict, to the eye

Json = dict[str, Any]


def frames_shown(episode: Episode, agent: int) -> np.ndarray:
    """Frames kept for the player: evenly spaced while the agent is there, the last one always; (F,)."""
    present = np.flatnonzero(episode.valid[agent])
    stride = max(1, round(FRAME_S / episode.dt_s))
    return np.unique(np.append(np.arange(present[0], present[-1], stride), present[-1]))


def episode_data(episode: Episode, agent: int) -> Json:
    """Everything the player needs of one episode, the road apart."""
    frames = frames_shown(episode, agent)
    gap, closing, _ = following(episode, agent)
    ttc = time_to_collision(gap, closing)[frames]
    center, heading = camera_track(episode, agent)
    present = np.flatnonzero(episode.valid[agent])
    at = np.searchsorted(present, frames).clip(max=len(present) - 1)
    return {"t": _ints((frames - frames[0]) * episode.dt_s, 1000),
            "ego": track(episode, agent, frames),
            "others": [piece for other in _near(episode, agent, frames) if other != agent
                       for piece in track(episode, other, frames, _within(episode, agent, other, frames))],
            "camera": [_steps(center[at, 0], 100), _steps(center[at, 1], 100), _steps(heading[at], 1000)],
            "speed": _ints(episode.speed_mps[agent, frames], 100),
            "ttc": [round(float(value), 2) if value <= TTC_MOST_S else None for value in ttc],
            "actions": _actions(episode, agent, frames)}


def track(episode: Episode, agent: int, frames: np.ndarray, shown: np.ndarray | None = None) -> list[Json]:
    """One agent's motion at the frames (F,), one piece a run of frames in which it is there and shown."""
    here = episode.valid[agent, frames] & (True if shown is None else shown)
    pieces = []
    for start, stop in _runs(here):
        position = episode.position_m[agent, frames[start:stop]]
        crashed = np.flatnonzero(episode.crashed[agent, frames[start:stop]])
        pieces.append({"from": start, "l": round(float(episode.size_m[agent, 0]), 2),
                       "w": round(float(episode.size_m[agent, 1]), 2), "k": KINDS[int(episode.kind[agent])],
                       "x": _steps(position[:, 0], 100), "y": _steps(position[:, 1], 100),
                       "h": _steps(np.unwrap(episode.heading_rad[agent, frames[start:stop]]), 1000),
                       "crash": start + int(crashed[0]) if len(crashed) else None})
    return pieces


class Roads:
    """The different roads of a report, each held once."""

    def __init__(self) -> None:
        self.data: list[Json] = []
        self._number: dict[str, int] = {}

    def add(self, road: Road) -> int:
        """The road's number in the report."""
        data = _road_data(road)
        key = hash_of(data)
        if key not in self._number:
            self._number[key] = len(self.data)
            self.data.append(data)
        return self._number[key]


@functools.lru_cache(maxsize=16)
def _road_data(road: Road) -> Json:
    return {"lanes": [{"w": round(lane.width_m, 2), "p": _flat(lane.center_m)} for lane in road.lanes],
            "lines": [{"s": line.style, "p": _flat(line.points_m)} for line in markings(road)]}


def _flat(points_m: np.ndarray) -> list[float]:
    return [round(float(value), 2) for value in np.asarray(points_m).ravel()]


def _ints(values: np.ndarray, scale: int) -> list[int]:
    return [int(value) for value in np.round(np.asarray(values, np.float64) * scale)]


def _steps(values: np.ndarray, scale: int) -> list[int]:
    """The first value and then the differences, in whole 1/scale: rounding errors do not add up."""
    whole = _ints(values, scale)
    return whole[:1] + [after - before for before, after in itertools.pairwise(whole)]


def _near(episode: Episode, agent: int, frames: np.ndarray) -> list[int]:
    return [other for other in range(episode.agents) if _within(episode, agent, other, frames).any()]


def _within(episode: Episode, agent: int, other: int, frames: np.ndarray) -> np.ndarray:
    """Frames from the first to the last at which the other is near the agent; (F,) bool."""
    distance = np.hypot(*(episode.position_m[other, frames] - episode.position_m[agent, frames]).T)
    near = np.flatnonzero((distance < RANGE_M) & episode.valid[other, frames])
    inside = np.zeros(len(frames), bool)
    if len(near):
        inside[near[0] : near[-1] + 1] = True
    return inside


def _runs(flags: np.ndarray) -> list[tuple[int, int]]:
    """Half-open runs of True."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], flags, [False]))))
    return [(int(start), int(stop)) for start, stop in zip(edges[::2], edges[1::2], strict=True)]


def _actions(episode: Episode, agent: int, frames: np.ndarray) -> list[list[int]]:
    """Decisions as pairs of a shown frame and a meta-action."""
    known = np.flatnonzero(episode.meta_known[agent])
    places = np.searchsorted(frames, known).clip(max=len(frames) - 1)
    return [[int(place), int(episode.meta_action[agent, frame])]
            for place, frame in zip(places, known, strict=True)]
