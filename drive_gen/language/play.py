"""A scenario driven: everybody keeps lane and distance until an event of theirs is due; Scenario -> Episode.

The plain player of scenarios: highway-env's bicycle and its controllers, a gap rule for the cars behind.
"""

from __future__ import annotations

import numpy as np

from drive_gen.envs.episode import KINDS, Episode, Source, make_episode
from drive_gen.envs.geometry import overlaps
from drive_gen.envs.kinematics import speed_control, steering_control, step_bicycle
from drive_gen.envs.scenario import Event, Scenario
from drive_gen.language.staging import DURATION_S

DT_S = 0.1
HEADWAY_S, STANDING_M = 0.8, 4.0  # a follower's wanted gap
EASE_MPS2, HARD_MPS2 = 3.0, -8.0  # of ordinary driving; what a follower brakes at most
LOOK_M = 80.0


class Player:
    """The world of a scenario as it goes on."""

    def __init__(self, scenario: Scenario) -> None:
        start = scenario.to_scene()
        self.scenario, self.road = scenario, start.road
        self.position = start.position_m.astype(np.float64)
        self.heading, self.speed = start.heading_rad.astype(np.float64), start.speed_mps.astype(np.float64)
        self.size = start.size_m.astype(np.float64)
        self.crashed = start.crashed.copy()
        self.lane = self.road.nearest_lane(self.position, self.heading)
        self.target = self.speed.copy()
        self.push: dict[int, float] = {}  # accelerations by events
        self.due = list(scenario.events)
        self.ids = [agent.id for agent in scenario.agents]

    def step(self, time_s: float) -> np.ndarray:
        """One frame; the controls (N, 2) that moved it."""
        due = [event for event in self.due if event.when.low is not None and time_s >= event.when.low - 1e-9]
        for event in due:
            self.due.remove(event)
            self._begin(event)
        control = np.array([self._control(agent) for agent in range(len(self.ids))])
        control[self.crashed] = (0.0, 0.0)
        self.speed[self.crashed] = 0.0
        control[:, 0] = np.maximum(control[:, 0], -self.speed / DT_S)  # nobody goes backwards
        moved = step_bicycle(self.position, self.heading, self.speed, control, self.size[:, 0], DT_S)
        self.position, self.heading, self.speed = moved
        touching = overlaps(self.position[:, None], self.heading[:, None], self.size[:, None],
                            self.position[None], self.heading[None], self.size[None])
        np.fill_diagonal(touching, False)
        self.crashed = self.crashed | touching.any(1)
        return control

    def _begin(self, event: Event) -> None:
        agent = self.ids.index(event.agent)
        if event.acceleration_mps2 is not None:
            self.push[agent] = event.acceleration_mps2
            if event.acceleration_mps2 == 0.0:
                self.push.pop(agent)
                self.target[agent] = self.speed[agent]
            return
        lane = self.road.lanes[int(self.lane[agent])]
        aside = {"LANE_LEFT": lane.left, "LANE_RIGHT": lane.right}.get(event.action or "")
        if aside is not None:
            self.lane[agent] = aside

    def _control(self, agent: int) -> tuple[float, float]:
        lane = self.road.lanes[int(self.lane[agent])]
        frame = lane.frame_of(self.position[agent])
        if frame.s_m > lane.length_m and lane.successors:
            self.lane[agent] = lane.successors[0]
            lane = self.road.lanes[int(self.lane[agent])]
            frame = lane.frame_of(self.position[agent])
        soon = lane.frame_of(lane.position_at(np.minimum(frame.s_m + self.speed[agent] * 0.1, lane.length_m)))
        steering = steering_control(frame.d_m, soon.heading_rad, self.heading[agent], self.speed[agent],
                                    self.size[agent, 0])
        if agent in self.push:
            return self.push[agent], float(steering)
        wanted = float(np.clip(speed_control(self.target[agent], self.speed[agent]), -EASE_MPS2, EASE_MPS2))
        return min(wanted, self._room(agent, float(frame.s_m))), float(steering)

    def _room(self, agent: int, s_m: float) -> float:
        """The acceleration that keeps a gap to whoever is next ahead in the lane."""
        lane = self.road.lanes[int(self.lane[agent])]
        other = lane.frame_of(self.position)
        in_lane = (np.abs(other.d_m) < lane.width_m / 2) & (other.s_m > s_m) & (other.s_m - s_m < LOOK_M)
        in_lane &= np.cos(self.heading - other.heading_rad) > 0
        in_lane[agent] = False
        if not in_lane.any():
            return np.inf
        lead = int(np.where(in_lane, other.s_m, np.inf).argmin())
        gap = other.s_m[lead] - s_m - (self.size[lead, 0] + self.size[agent, 0]) / 2
        closing = self.speed[agent] - self.speed[lead]
        if closing > 0:
            room = max(gap - STANDING_M, 0.3)
            needed = -(closing**2) / (2 * room)
            if needed < -1.5 or gap < HEADWAY_S * self.speed[agent]:
                return float(np.clip(needed * 1.1, HARD_MPS2, 0.0))
        return np.inf if gap > STANDING_M else -1.0


def play(scenario: Scenario, duration_s: float = DURATION_S) -> Episode:
    """Drive a scenario; an Episode of all its agents."""
    player = Player(scenario)
    frames = round(duration_s / DT_S) + 1
    count = len(player.ids)
    position, heading = np.zeros((count, frames, 2)), np.zeros((count, frames))
    speed, crashed = np.zeros((count, frames)), np.zeros((count, frames), bool)
    control, known = np.zeros((count, frames, 2)), np.zeros((count, frames), bool)
    for frame in range(frames):
        position[:, frame], heading[:, frame] = player.position, player.heading
        speed[:, frame] = player.speed
        crashed[:, frame] = player.crashed
        if frame < frames - 1:
            control[:, frame], known[:, frame] = player.step(frame * DT_S), True
    source = scenario.provenance or Source("generated", "drive_gen.language", f"language/{scenario.seed}")
    there = np.ones((count, frames), bool)
    return make_episode(position, heading, speed, player.size, there, dt_s=DT_S, road=player.road,
                        source=source, ego=None if scenario.ego is None else player.ids.index(scenario.ego),
                        agent_id=np.array(player.ids), crashed=crashed, control=control, control_known=known,
                        kind=np.array([KINDS.index(agent.kind) for agent in scenario.agents]))
