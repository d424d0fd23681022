"""Trace: what is seen of an episode's motion, in words; who brakes or cuts in is not among them.

    trace
    road=highway lanes=3
    ego car lane=1 v=20
    lead truck lane=1 at=+38 v=20 t=4.0 v=17 a=-6.0 t=4.5 v=14 ...

Each agent of the first scene on a line: its role, kind, place and speed, then at each half second what has
changed: speed (m/s), the deceleration that it held (m/s2, from 2 on), lane (counted from the left, of how
many) with its place before the ego, a contact.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from drive_gen.envs.episode import Episode, Scene
from drive_gen.envs.files import InputError
from drive_gen.language.facts import MOST_LANES
from drive_gen.language.program_words import (
    LAST_TENTH,
    MOST_AGENTS,
    MOST_HALF_MPS2,
    MOST_LANE,
    MOST_M,
    MOST_MPS,
    TRACE,
    half,
    place_words,
)
from drive_gen.language.read_scene import beside_ego, kind_of, others_of, road_kind, roles

EVERY_S = 0.5
NOTED_MPS = 0.75  # a speed that differs by less from the last one said is not said again
STILL_MPS = 0.5
HELD_S = 0.3  # a deceleration is said if it is held for so long
NOTED_MPS2 = -2.0
SEEN_S = 12.0  # a trace is of an episode of so long


class _Motion(NamedTuple):
    """Agents' motion at each half second; (A, K) each."""

    speed_mps: np.ndarray
    held_mps2: np.ndarray  # the strongest deceleration that was held, of those that began since the last
    lane: np.ndarray  # from the left, 0 is leftmost
    lanes: np.ndarray  # side by side
    ahead_m: np.ndarray  # of the ego, along its lane at that time
    crashed: np.ndarray
    valid: np.ndarray


def trace_words(episode: Episode, most: int = 400) -> list[str]:
    """At most `most` words, where need be without the changes of those farthest from the ego."""
    start = episode.scene(0)
    if start.ego is None:
        raise InputError("a trace is told from an ego, and this episode has none")
    order = _order(start)
    rows = {int(name): row for row, name in enumerate(episode.agent_id)}
    moved = _motion(episode, [rows[int(start.agent_id[number])] for _, number in order])
    lanes = int(moved.lanes[0, 0])
    found = [TRACE, f"\nroad={road_kind(episode.road)}", f" lanes={lanes}"]
    heads = [_head(start, name, number, moved, place) for place, (name, number) in enumerate(order)]
    changes = [_changes(moved, place) for place in range(len(order))]
    room = most - len(found) - sum(map(len, heads))
    for head, change in zip(heads, changes, strict=True):
        kept = change if len(change) <= room else []
        room -= len(kept)
        found += head + kept
    return found


def _order(scene: Scene) -> list[tuple[str, int]]:
    """Who is on which line: the ego, those with a place beside it, the others from near to far."""
    assert scene.ego is not None
    here = roles(scene)
    away = np.abs(beside_ego(scene)[0])
    others = sorted((number for number in others_of(scene) if number not in here.values()),
                    key=lambda number: float(away[number]))
    named = [("ego", scene.ego), *here.items(), *(("other", number) for number in others)]
    return named[:MOST_AGENTS]


def _motion(episode: Episode, agents: list[int]) -> _Motion:
    """What is seen of some agents, the ego first."""
    beats = int(min(episode.duration_s, LAST_TENTH / 10) / EVERY_S + 1e-6) + 1
    frames = np.minimum(np.round(np.arange(beats) * EVERY_S / episode.dt_s).astype(int), episode.steps - 1)
    pick = np.ix_(np.array(agents), frames)
    position, heading = episode.position_m[pick], episode.heading_rad[pick]
    number = episode.road.nearest_lane(position, heading)
    aside = np.array([episode.road.lanes_aside(lane) for lane in range(len(episode.road.lanes))])
    ahead = np.zeros(number.shape)
    for lane in np.unique(number[0]):
        at = number[0] == lane
        along = episode.road.lanes[int(lane)].frame_of(position[:, at]).s_m
        ahead[:, at] = along - along[0]
    return _Motion(episode.speed_mps[pick], _held(episode, agents)[:, frames],
                   np.minimum(aside[number, 0], MOST_LANE - 1),
                   np.minimum(1 + aside[number].sum(-1), MOST_LANES), ahead, episode.crashed[pick],
                   episode.valid[pick])


def _held(episode: Episode, agents: list[int]) -> np.ndarray:
    """The strongest deceleration that began in the half second before each frame and was held, (A, T)."""
    length, beat = (max(1, round(each / episode.dt_s)) for each in (HELD_S, EVERY_S))
    rate = np.diff(episode.speed_mps[agents].astype(np.float64), axis=1) / episode.dt_s
    later = np.pad(rate, ((0, 0), (0, length)), constant_values=np.inf)
    held = sliding_window_view(later, length, axis=1).max(-1)
    sooner = np.pad(held, ((0, 0), (beat, 0)), constant_values=np.inf)
    found: np.ndarray = sliding_window_view(sooner, beat, axis=1).min(-1)
    return found[:, : episode.steps]


def _head(scene: Scene, name: str, number: int, moved: _Motion, row: int) -> list[str]:
    found = [f"\n{name}", f" {kind_of(scene, number)}", f" lane={moved.lane[row, 0]}"]
    if moved.lanes[row, 0] != moved.lanes[0, 0]:
        found.append(f" lanes={moved.lanes[row, 0]}")
    if row:
        found += _place(moved.ahead_m[row, 0])
    return [*found, f" v={_whole(moved.speed_mps[row, 0])}"]


def _changes(moved: _Motion, row: int) -> list[str]:
    """What changes from half second to half second, said when it has changed enough."""
    found: list[str] = []
    speed, lane, lanes = _whole(moved.speed_mps[row, 0]), moved.lane[row, 0], moved.lanes[row, 0]
    crashed, held = moved.crashed[row, 0], 0
    for beat in range(1, moved.valid.shape[1]):
        if not moved.valid[row, beat]:
            break
        said: list[str] = []
        now = float(moved.speed_mps[row, beat])
        if abs(now - speed) >= NOTED_MPS or (now < STILL_MPS) != (speed == 0):
            speed = _whole(now)
            said.append(f" v={speed}")
        before, held = held, _halves(moved.held_mps2[row, beat])
        if held not in (0, before):
            said.append(f" a={half(held)}")
        if (moved.lane[row, beat], moved.lanes[row, beat]) != (lane, lanes):
            said.append(f" lane={moved.lane[row, beat]}")
            said += [f" lanes={moved.lanes[row, beat]}"] if moved.lanes[row, beat] != lanes else []
            said += _place(moved.ahead_m[row, beat]) if row else []
            lane, lanes = moved.lane[row, beat], moved.lanes[row, beat]
        if moved.crashed[row, beat] and not crashed:
            said.append(" hit")
            crashed = True
        found += [f" t={beat * EVERY_S:.1f}", *said] if said else []
    return found


def _place(ahead_m: float) -> list[str]:
    return place_words(int(np.clip(round(float(ahead_m)), -MOST_M, MOST_M)))


def _halves(held_mps2: float) -> int:
    """A deceleration in halves of m/s2, none said to be stronger than it is; 0: none to speak of."""
    return 0 if held_mps2 > NOTED_MPS2 else max(int(np.ceil(round(2 * float(held_mps2), 3))), -MOST_HALF_MPS2)


def _whole(speed_mps: float) -> int:
    """A speed as it is said: nobody who moves is said to stand."""
    speed = float(speed_mps)
    return 0 if speed < STILL_MPS else int(np.clip(round(speed), 1, MOST_MPS))
