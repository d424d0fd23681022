"""Lane geometry and small scalar functions, compiled; highway_env/road/lane.py and utils.py."""

from __future__ import annotations

import math

import numpy as np

from drive_gen.envs.simulator.jit import compiled
from drive_gen.envs.simulator.types import CIRCULAR, SINE, Lane, Network

LANE_END_MARGIN_M = 5.0  # AbstractLane.VEHICLE_LENGTH


@compiled
def not_zero(value: float) -> float:
    """The value, or +-0.01 where it is nearer to zero than that."""
    if abs(value) > 1e-2:
        return value
    return 1e-2 if value >= 0 else -1e-2


@compiled
def wrap(angle_rad: float) -> float:
    """The angle in [-pi, pi)."""
    return (angle_rad + np.pi) % (2 * np.pi) - np.pi


@compiled
def clip(value: float, low: float, high: float) -> float:
    """The value, no less than low and no more than high."""
    return min(max(value, low), high)


@compiled
def coordinates(lane: Lane, x: float, y: float) -> tuple[float, float]:
    """Metres along a lane and to the right of its centre; AbstractLane.local_coordinates."""
    if lane.kind == CIRCULAR:
        aside_x, aside_y = x - lane.centre_x, y - lane.centre_y
        phase = lane.start_phase + wrap(math.atan2(aside_y, aside_x) - lane.start_phase)
        distance = math.sqrt(aside_x * aside_x + aside_y * aside_y)
        return lane.turn * (phase - lane.start_phase) * lane.radius, lane.turn * (lane.radius - distance)
    from_x, from_y = x - lane.start_x, y - lane.start_y
    along = from_x * lane.along_x + from_y * lane.along_y
    aside = from_x * lane.aside_x + from_y * lane.aside_y
    if lane.kind == SINE:
        aside -= lane.amplitude * math.sin(lane.pulsation * along + lane.phase)
    return along, aside


@compiled
def position(lane: Lane, along: float, aside: float) -> tuple[float, float]:
    """The point that a lane's coordinates mean; AbstractLane.position."""
    if lane.kind == CIRCULAR:
        phase = lane.turn * along / lane.radius + lane.start_phase
        distance = lane.radius - aside * lane.turn
        return lane.centre_x + distance * math.cos(phase), lane.centre_y + distance * math.sin(phase)
    if lane.kind == SINE:
        aside += lane.amplitude * math.sin(lane.pulsation * along + lane.phase)
    return (lane.start_x + along * lane.along_x + aside * lane.aside_x,
            lane.start_y + along * lane.along_y + aside * lane.aside_y)


@compiled
def heading_at(lane: Lane, along: float) -> float:
    """A lane's heading, rad; AbstractLane.heading_at."""
    if lane.kind == CIRCULAR:
        return lane.turn * along / lane.radius + lane.start_phase + np.pi / 2 * lane.turn
    if lane.kind == SINE:
        slope = lane.amplitude * lane.pulsation * math.cos(lane.pulsation * along + lane.phase)
        return lane.heading + math.atan(slope)
    return lane.heading


@compiled
def on_lane(lane: Lane, along: float, aside: float, margin_m: float) -> bool:
    """AbstractLane.on_lane, from the lane's coordinates."""
    return (abs(aside) <= lane.width / 2 + margin_m
            and -LANE_END_MARGIN_M <= along < lane.length + LANE_END_MARGIN_M)


@compiled
def reachable(lane: Lane, x: float, y: float) -> bool:
    """AbstractLane.is_reachable_from."""
    if lane.forbidden:
        return False
    along, aside = coordinates(lane, x, y)
    return abs(aside) <= 2 * lane.width and 0 <= along < lane.length + LANE_END_MARGIN_M


@compiled
def after_end(lane: Lane, x: float, y: float) -> bool:
    """AbstractLane.after_end: past the last 2.5 m."""
    return coordinates(lane, x, y)[0] > lane.length - LANE_END_MARGIN_M / 2


@compiled
def overshoot(lane: Lane, along: float, aside: float) -> float:
    """L1 distance of a point from a lane, from the lane's coordinates; AbstractLane.distance."""
    return abs(aside) + max(along - lane.length, 0.0) + max(0.0 - along, 0.0)


@compiled
def closest_lane(network: Network, x: float, y: float, heading: float) -> int:
    """The lane of least distance (m) and heading error (rad); the first of equals.

    RoadNetwork.get_closest_lane_index.
    """
    best, least = 0, np.inf
    for number in range(network.lanes.size):
        lane: Lane = network.lanes[number]
        along, aside = coordinates(lane, x, y)
        distance = overshoot(lane, along, aside) + abs(wrap(heading - heading_at(lane, along)))
        if distance < least:
            best, least = number, distance
    return best
