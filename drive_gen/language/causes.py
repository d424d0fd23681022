"""Why somebody braked, stopped, changed lanes or crashed: which event of whom made it so, by geometry.

X's lead asks for a deceleration: closing^2 / (2 gap), or what it takes to stop behind it where it slows down.
An earlier event is why X braked if that deceleration
is called for with it and would not be without it: had the lead gone on at the speed that it had before its
event, or were whoever cut in not there. A crash is put down to the last thing that either of the two did.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from drive_gen.envs.episode import Episode
from drive_gen.envs.geometry import overlaps
from drive_gen.language.read_episode import Happening

LOOK_M = 80.0  # no lead farther away is a reason
NEEDED_MPS2 = 1.5  # a deceleration that somebody acts upon
SLOWING_MPS2, LEAST_GAP_M = 1.0, 0.3  # a lead that slows down so much is taken to go on to a stop
NEAR_M, STILL_MPS = 15.0, 1.0  # one who stands so near behind one who stands is held up by them
BEFORE_S = 4.0  # a reason is at most so much earlier
CRASH_BEFORE_S = 6.0
LANES = ("lane-left", "lane-right")
SLOWED = ("brake", "stop", "crash")


class Cause(NamedTuple):
    """Why something happened, in words of roles: `who` did `what` because `by` `did` that."""

    who: str
    what: str
    by: str
    did: str


def causes_of(episode: Episode, found: Sequence[Happening]) -> list[tuple[Happening, Happening]]:
    """Pairs of an event and the event that made it so; at most one reason each."""
    pairs = []
    for effect in found:
        cause = _cause_of(episode, effect, found)
        if cause is not None:
            pairs.append((effect, cause))
    return pairs


def _cause_of(episode: Episode, effect: Happening, found: Sequence[Happening]) -> Happening | None:
    frame = min(round(effect.time_s / episode.dt_s), episode.steps - 1)
    if effect.what in ("brake", "stop"):
        return _of_slowing(episode, effect, frame, found)
    if effect.what in LANES and frame:
        return _of_slowing(episode, effect, frame - 1, [one for one in found if one.what in SLOWED])
    return _of_crash(episode, effect, frame, found) if effect.what == "crash" else None


def _of_slowing(episode: Episode, effect: Happening, frame: int, found: Sequence[Happening]
                ) -> Happening | None:
    """The last event of the lead, or change of lanes, without which nothing would have been needed."""
    agent = effect.agent
    lead = lead_of(episode, agent, frame)
    if lead is None:
        return None
    if effect.what == "stop" and _held_up(episode, agent, lead, frame):
        return _last(episode, (one for one in found if one.agent == lead and one.what in SLOWED), effect,
                     episode.duration_s)
    if _needed(episode, agent, lead, frame) < NEEDED_MPS2:
        return None
    reasons = [one for one in found if one.agent == lead and one.what in SLOWED
               and not _needed_anyway(episode, agent, one, frame)]
    reasons += [one for one in found if one.what in LANES and one.agent in (agent, lead)
                and _is_new(episode, agent, lead, one, frame)]
    last = _last(episode, reasons, effect, BEFORE_S)
    return last and _as_cut_in(episode, effect, last, found)


def lead_of(episode: Episode, agent: int, frame: int, but: int | None = None) -> int | None:
    """Who is next ahead in an agent's lane and drives its way, or None; `but` is not looked at."""
    lane = episode.road.lanes[int(episode.road.nearest_lane(episode.position_m[agent, frame],
                                                            episode.heading_rad[agent, frame]))]
    place = lane.frame_of(episode.position_m[:, frame])
    ahead = place.s_m - place.s_m[agent]
    same_way = np.cos(episode.heading_rad[:, frame] - place.heading_rad) > 0
    chosen = (episode.valid[:, frame] & (np.abs(place.d_m) < lane.width_m / 2) & same_way
              & (ahead > 0) & (ahead < LOOK_M))
    if but is not None:
        chosen[but] = False
    return int(np.where(chosen, ahead, np.inf).argmin()) if chosen.any() else None


def gap_m(episode: Episode, agent: int, lead: int, frame: int) -> float:
    """Bumper to bumper, as the crow flies."""
    away = episode.position_m[lead, frame].astype(np.float64) - episode.position_m[agent, frame]
    return float(np.hypot(*away) - episode.size_m[[agent, lead], 0].sum() / 2)


def needed_mps2(gap: float, speed_mps: float, lead_mps: float, lead_slows_mps2: float = 0.0) -> float:
    """The deceleration with which one just does not touch a lead that keeps its speed, or slows to a stop."""
    closing = max(speed_mps - lead_mps, 0.0)
    steady = closing**2 / (2 * max(gap, LEAST_GAP_M))
    if lead_slows_mps2 <= 0:
        return steady
    room = gap + lead_mps**2 / (2 * lead_slows_mps2)
    return max(steady, speed_mps**2 / (2 * max(room, LEAST_GAP_M)))


def _needed(episode: Episode, agent: int, lead: int, frame: int) -> float:
    """The deceleration that a lead asks for if it goes on as it does."""
    next_frame = min(frame + 1, episode.steps - 1)
    slows = float(episode.speed_mps[lead, frame] - episode.speed_mps[lead, next_frame]) / episode.dt_s
    return needed_mps2(gap_m(episode, agent, lead, frame), float(episode.speed_mps[agent, frame]),
                       float(episode.speed_mps[lead, frame]), slows if slows >= SLOWING_MPS2 else 0.0)


def _needed_anyway(episode: Episode, agent: int, event: Happening, frame: int) -> bool:
    """Whether the agent would have to slow down had its lead kept the speed that it had before its event."""
    before = min(round(began_s(episode, event) / episode.dt_s), frame)
    if event.what == "crash":
        before = max(before - 1, 0)
    kept = float(episode.speed_mps[event.agent, before])
    moved = float(episode.speed_mps[event.agent, before:frame].sum() * episode.dt_s)
    room = gap_m(episode, agent, event.agent, frame) + kept * (frame - before) * episode.dt_s - moved
    return needed_mps2(room, float(episode.speed_mps[agent, frame]), kept) >= NEEDED_MPS2


def _is_new(episode: Episode, agent: int, lead: int, change: Happening, frame: int) -> bool:
    """Whether the lead is ahead because of a change of lanes, and nobody else would be in the way."""
    before = round(change.time_s / episode.dt_s) - 1
    if not 0 <= before < frame or lead_of(episode, agent, before) == lead:
        return False
    other = lead_of(episode, agent, frame, but=lead) if change.agent == lead else None
    return other is None or _needed(episode, agent, other, frame) < NEEDED_MPS2


def _held_up(episode: Episode, agent: int, lead: int, frame: int) -> bool:
    """Whether an agent stands behind one who stands."""
    return bool(gap_m(episode, agent, lead, frame) < NEAR_M and episode.speed_mps[lead, frame] < STILL_MPS)


def _of_crash(episode: Episode, effect: Happening, frame: int, found: Sequence[Happening]
              ) -> Happening | None:
    """The last thing that one of the two who touch did: who is behind sped up, who is ahead slowed down."""
    others = np.flatnonzero(episode.valid[:, frame])
    touching = overlaps(*_box(episode, np.array([effect.agent]), frame), *_box(episode, others, frame))
    reasons = []
    for other in others[touching & (others != effect.agent)].tolist():
        rear, front = (effect.agent, other) if _is_behind(episode, effect.agent, other, frame) else (
            other, effect.agent)
        reasons += [one for one in found if (one.agent == rear and one.what == "accelerate")
                    or (one.agent == front and one.what in ("brake", "stop"))
                    or (one.agent in (rear, front) and one.what in LANES)]
    last = _last(episode, reasons, effect, CRASH_BEFORE_S)
    return last and _as_cut_in(episode, effect, last, found)


def _box(episode: Episode, agents: np.ndarray, frame: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return (episode.position_m[agents, frame].astype(np.float64),
            episode.heading_rad[agents, frame].astype(np.float64), episode.size_m[agents].astype(np.float64))


def _is_behind(episode: Episode, agent: int, other: int, frame: int) -> bool:
    away = episode.position_m[other, frame] - episode.position_m[agent, frame]
    heading = float(episode.heading_rad[agent, frame])
    return bool(away @ (np.cos(heading), np.sin(heading)) > 0)


def began_s(episode: Episode, event: Happening) -> float:
    """When an event began to show: who comes to a stop slows down before it."""
    if event.what != "stop":
        return event.time_s
    frame = min(round(event.time_s / episode.dt_s), episode.steps - 1)
    speed = episode.speed_mps[event.agent]
    while frame and speed[frame - 1] > speed[frame]:
        frame -= 1
    return frame * episode.dt_s


def _last(episode: Episode, events: Iterable[Happening], effect: Happening, before_s: float
          ) -> Happening | None:
    """The last of some events that began before another, within a time."""
    early = [one for one in events if 0 <= effect.time_s - began_s(episode, one) <= before_s and one != effect
             and not (one.agent == effect.agent and one.time_s == effect.time_s)]
    return max(early, key=lambda one: began_s(episode, one), default=None)


def _as_cut_in(episode: Episode, effect: Happening, cause: Happening, found: Sequence[Happening]
               ) -> Happening:
    """A change of lanes in front of the ego is a cut-in to the ego, and a change of lanes to the others."""
    cut_in = Happening(cause.agent, "cut-in", cause.time_s)
    return cut_in if cause.what in LANES and effect.agent == episode.ego and cut_in in found else cause
