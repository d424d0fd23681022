"""Episode -> facts: who was where when it began, and what they did, from motion alone."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from drive_gen.envs.episode import Episode, Scene
from drive_gen.envs.road import Road
from drive_gen.language.facts import PHASES, Event, Facts, What
from drive_gen.language.read_scene import facts_of_scene, kind_of, road_kind, roles

BRAKE_MPS2, BRAKE_S = -4.0, 0.3  # at least so hard, for so long
STOPPED_MPS, MOVING_MPS = 0.5, 2.0
GAIN_MPS = 4.0  # a car accelerates if it gets so much faster
CUT_IN_M = 40.0  # nearer than this, ahead of the ego
SETTLED_S = 0.5  # in a lane for so long, or it has not changed


class Happening(NamedTuple):
    """What an agent did, and when it began to."""

    agent: int
    what: What
    time_s: float


def facts_of_episode(episode: Episode) -> Facts:
    """The facts of its first scene, and the events by role, each at its first time; who did nothing crashes
    nothing: that nobody did a thing is said of crashes, hard braking, lane changes and cut-ins."""
    start = episode.scene(0)
    base = facts_of_scene(start)
    found = happenings(episode)
    names = names_of(start)
    events: dict[tuple[str, str], Event] = {}
    for one in sorted(found, key=lambda each: each.time_s):
        who = names.get(int(episode.agent_id[one.agent]))
        if who and (who, one.what) not in events:
            events[who, one.what] = Event(who, one.what, when=phase_of(one.time_s, episode))  # type: ignore[arg-type]
    done = {one.what for one in found} | {"lane-change" for one in found
                                          if one.what in ("lane-left", "lane-right", "cut-in")}
    looked_for: tuple[What, ...] = ("brake", "cut-in", "lane-change", "crash")
    never = [Event("someone", what, happens=False) for what in looked_for if what not in done]
    return Facts(road=base.road, lanes=base.lanes, density=base.density, agents=base.agents,
                 without=base.without, events=(*events.values(), *never))


def names_of(scene: Scene) -> dict[int, str]:
    """The role of each agent, by its id; those without a place are of cars or trucks."""
    if scene.ego is None:
        return {}
    names = {int(name): f"{kind_of(scene, number)}s" for number, name in enumerate(scene.agent_id)}
    names |= {int(scene.agent_id[number]): role for role, number in roles(scene).items()}
    return {**names, int(scene.agent_id[scene.ego]): "ego"}


def phase_of(time_s: float, episode: Episode) -> str:
    """The third of the episode in which a time lies."""
    share = time_s / max(episode.duration_s, episode.dt_s)
    return str(PHASES[min(int(share * 3), 2)])


def happenings(episode: Episode) -> list[Happening]:
    """Everything that any agent did."""
    found: list[Happening] = []
    merging = road_kind(episode.road) == "merge"
    for agent in range(episode.agents):
        frames = np.flatnonzero(episode.valid[agent])
        if len(frames) < 2:
            continue
        found += _longitudinal(episode, agent, frames)
        found += _lateral(episode, agent, frames, merging)
        crashed = frames[episode.crashed[agent, frames]]
        if len(crashed) and crashed[0] > frames[0]:
            found.append(Happening(agent, "crash", float(crashed[0]) * episode.dt_s))
    return found


def _longitudinal(episode: Episode, agent: int, frames: np.ndarray) -> list[Happening]:
    """Hard braking, stopping, accelerating; what follows a crash is none of them."""
    touched = frames[episode.crashed[agent, frames]]
    if len(touched):
        frames = frames[frames < touched[0]]
    speed = episode.speed_mps[agent, frames].astype(np.float64)
    if len(speed) < 2:
        return []
    dt = episode.dt_s
    found = []
    hard = np.diff(speed) / dt <= BRAKE_MPS2
    need = max(1, round(BRAKE_S / dt))
    runs = np.flatnonzero(np.convolve(hard, np.ones(need), "valid") >= need)
    if len(runs):
        found.append(Happening(agent, "brake", float(frames[runs[0]]) * dt))
    still = np.flatnonzero((speed < STOPPED_MPS) & (np.maximum.accumulate(speed) > MOVING_MPS))
    if len(still):
        found.append(Happening(agent, "stop", float(frames[still[0]]) * dt))
    gain = speed - np.minimum.accumulate(speed)
    if gain.max() >= GAIN_MPS:
        end = int(np.argmax(gain >= GAIN_MPS))
        found.append(Happening(agent, "accelerate", float(frames[_rise(speed[: end + 1])]) * dt))
    return found


def _rise(speed: np.ndarray) -> int:
    """The last place before the speed rose for good."""
    return int(np.flatnonzero(speed <= speed.min() + 0.2)[-1])


def _lateral(episode: Episode, agent: int, frames: np.ndarray, merging: bool) -> list[Happening]:
    """Changes to a neighbouring lane, into the ego's path, and from a ramp to the road."""
    road, dt = episode.road, episode.dt_s
    lane = road.nearest_lane(episode.position_m[agent, frames], episode.heading_rad[agent, frames])
    settled = max(1, round(SETTLED_S / dt))
    found, stayed = list[Happening](), int(lane[0]) if len(lane) else 0  # the lane it was in for long enough
    for place in np.flatnonzero(np.diff(lane)):
        old, new = int(lane[place]), int(lane[place + 1])
        if new == stayed or (lane[place + 1 : place + 1 + settled] != new).any():
            continue
        stayed = new
        time_s = float(frames[place + 1]) * dt
        aside = {road.lanes[old].left: "lane-left", road.lanes[old].right: "lane-right"}
        if new in aside:
            found.append(Happening(agent, aside[new], time_s))  # type: ignore[arg-type]
            if cuts_in(episode, agent, int(frames[place + 1])):
                found.append(Happening(agent, "cut-in", time_s))
        elif merging and new in road.lanes[old].successors and _alone(road, lane[0]) > _alone(road, new):
            found.append(Happening(agent, "merge", time_s))
    return found


def _alone(road: Road, lane: int) -> bool:
    """Whether no lane is beside it: a ramp."""
    return not sum(road.lanes_aside(int(lane)))


def cuts_in(episode: Episode, agent: int, frame: int) -> bool:
    """Whether an agent that enters a lane is now close ahead of the ego in it."""
    ego = episode.ego
    if ego is None or agent == ego or not episode.valid[ego, frame]:
        return False
    where, heading = episode.position_m[ego, frame], episode.heading_rad[ego, frame]
    lane = episode.road.lanes[int(episode.road.nearest_lane(where, heading))]
    own, other = lane.frame_of(where), lane.frame_of(episode.position_m[agent, frame])
    ahead = float(other.s_m - own.s_m)
    return bool(0 < ahead < CUT_IN_M and abs(float(other.d_m)) < 0.6 * lane.width_m)
