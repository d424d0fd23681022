"""What somebody does, as a scenario's events: meta-actions and accelerations at times."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from drive_gen.envs.scenario import Condition
from drive_gen.envs.scenario import Event as Cue
from drive_gen.language.facts import Event, Facts
from drive_gen.language.read_scene import lane_of

if TYPE_CHECKING:
    from drive_gen.language.place import Stage

DURATION_S = 12.0  # a scenario is driven for so long
WHEN_S = {"early": 2.0, "mid": 6.0, "late": 10.0, None: 4.0}
EARLY_S = 3.4  # who stops early has so long
CRASH_MPS2 = 8.0  # into the car ahead
BRAKE_MPS2, BRAKE_S = -6.0, 1.2
SLOW_DOWN_MPS2, SPEED_UP_MPS2, SPEED_UP_S = -3.5, 3.0, 2.2
ROLE_LANES = ("lead", "follower")  # in the ego's own lane
LANE_S = 0.6  # from the wheel's turn to being in the other lane, about


def events_of(stage: Stage, facts: Facts) -> tuple[Cue, ...]:
    """The cues of all that is said to happen."""
    cues: list[Cue] = []
    for event in facts.events:
        if not event.happens:
            continue
        agent = actor_of(stage, event)
        if agent is not None:
            cues += _cues(stage, event, agent, time_of(event))
    return tuple(sorted(cues, key=lambda cue: cue.when.low or 0.0))


def time_of(event: Event) -> float:
    """Seconds from the start."""
    return float(event.at_s) if event.at_s is not None else WHEN_S[event.when]


def actor_of(stage: Stage, event: Event) -> int | None:
    """Who does it: of a group the first; of nobody in particular whoever can."""
    if event.who == "someone" and not (event.what == "cut-in" and "someone" in stage.ids):
        others = [recipe.id for recipe in stage.recipes if recipe.id]
        named = {number for role, ids in stage.ids.items() if role != "filler" for number in ids}
        free = [number for number in others if number not in named]
        return next(iter(free or others), 0)
    return next(iter(stage.ids.get(event.who, [])), None)


def _cues(stage: Stage, event: Event, agent: int, time_s: float) -> list[Cue]:
    def push(at_s: float, acceleration: float) -> Cue:
        return Cue(agent, Condition("time_s", low=round(max(at_s, 0.0), 2)), acceleration_mps2=acceleration)

    speed = stage.recipes[agent].speed_mps
    if event.what == "brake":
        return [push(time_s, BRAKE_MPS2), push(time_s + min(BRAKE_S, speed / -BRAKE_MPS2), 0.0)]
    if event.what == "stop":
        takes = speed / -SLOW_DOWN_MPS2
        return [push(max(time_s - takes, 0.1), SLOW_DOWN_MPS2), push(max(time_s, takes + 0.1) + 0.5, 0.0)]
    if event.what == "accelerate":
        return [push(time_s, SPEED_UP_MPS2), push(time_s + SPEED_UP_S, 0.0)]
    if event.what == "crash":
        gap = _gap_ahead(stage, agent)
        return [] if gap is None else [push(time_s - (2 * gap / CRASH_MPS2) ** 0.5, CRASH_MPS2)]
    side = _side(stage, event, agent)
    if side is None:
        return []
    at_s = max(time_s - LANE_S, 0.0)
    return [Cue(agent, Condition("time_s", low=round(at_s, 2)), action=side)]


def _gap_ahead(stage: Stage, agent: int) -> float | None:
    """Bumper to bumper to the next in an agent's lane."""
    scene = stage.scene()
    lane = stage.road.lanes[lane_of(scene, agent)]
    frame = lane.frame_of(scene.position_m)
    ahead = frame.s_m - frame.s_m[agent]
    chosen = (np.abs(frame.d_m) < lane.width_m / 2) & (ahead > 0)
    if not chosen.any():
        return None
    other = int(np.where(chosen, ahead, np.inf).argmin())
    return max(float(ahead[other] - scene.size_m[[agent, other], 0].sum() / 2), 0.0)


def _roomier(stage: Stage, agent: int) -> Literal["LANE_LEFT", "LANE_RIGHT"] | None:
    """The side where the next car is farthest away, of those with a lane."""
    scene = stage.scene()
    own = stage.road.lanes[lane_of(scene, agent)]
    rooms: list[tuple[float, Literal["LANE_LEFT", "LANE_RIGHT"]]] = []
    for action, number in (("LANE_LEFT", own.left), ("LANE_RIGHT", own.right)):
        if number is None:
            continue
        lane = stage.road.lanes[number]
        frame = lane.frame_of(scene.position_m)
        away = np.abs(frame.s_m - frame.s_m[agent])[np.abs(frame.d_m) < lane.width_m / 2]
        rooms.append((float(away.min()) if len(away) else np.inf, action))  # type: ignore[arg-type]
    return max(rooms)[1] if rooms else None


def _side(stage: Stage, event: Event, agent: int) -> Literal["LANE_LEFT", "LANE_RIGHT"] | None:
    """Which way it turns; nowhere in a merge, where the road leads it."""
    scene = stage.scene()
    if event.what == "lane-left":
        return "LANE_LEFT"
    if event.what == "lane-right":
        return "LANE_RIGHT"
    if event.what == "lane-change":
        return _roomier(stage, agent)
    if event.what == "cut-in":
        ego = stage.road.lanes[stage.ego_lane].frame_of(scene.position_m)
        return "LANE_RIGHT" if ego.d_m[agent] < 0 else "LANE_LEFT"
    return None
