"""Meta-actions as controls, as highway-env's MDPVehicle takes them, and actions inferred from motion."""

from __future__ import annotations

import heapq
from collections.abc import Sequence

import numpy as np

from drive_gen.envs.episode import META_ACTIONS, Episode
from drive_gen.envs.files import InputError
from drive_gen.envs.kinematics import (
    LATERAL_TAU_S,
    PURSUIT_TAU_S,
    SPEED_TAU_S,
    inverse_bicycle,
    speed_control,
    steering_control,
)
from drive_gen.envs.road import Lane, Road

LEFT, IDLE, RIGHT, FASTER, SLOWER = range(len(META_ACTIONS))
CONTROL_SCALE = (5.0, np.pi / 4)  # m/s^2 and rad that a control of 1 means; highway-env's ContinuousAction
TARGET_SPEEDS_MPS = (20.0, 25.0, 30.0)  # highway-env's default grid
VEHICLE_LENGTH_M = 5.0  # what highway-env's lanes take every car to be (AbstractLane.VEHICLE_LENGTH)
AIM_BASE_S = 0.2  # lateral speed is measured over this time, to ride out the noise of logs
DEPARTURE_M = 0.3  # a car this much farther from its lane's centre than a decision ago is leaving the lane
MOST_BACKDATED = 3  # decisions; people take about 5 s to change lanes, most of it before the line


def speed_index(speed_mps: np.ndarray | float, target_speeds_mps: Sequence[float]) -> np.ndarray:
    """Place of the nearest target speed on an evenly spaced grid; MDPVehicle.speed_to_index."""
    last = len(target_speeds_mps) - 1
    span = target_speeds_mps[-1] - target_speeds_mps[0]
    share = (np.asarray(speed_mps, dtype=np.float64) - target_speeds_mps[0]) / (span or 1.0)
    return np.clip(np.round(share * last), 0, last).astype(np.int64)


class MetaController:
    """Follows meta-actions with highway-env's low-level controllers (MDPVehicle, ControlledVehicle).

    LANE_LEFT and LANE_RIGHT move the target lane by one where that lane is reachable; FASTER and SLOWER set
    the target speed to the grid's next above or below the *current* speed's nearest; IDLE keeps both.
    """

    def __init__(self, road: Road, position_m: np.ndarray, heading_rad: float, speed_mps: float,
                 length_m: float = VEHICLE_LENGTH_M,
                 target_speeds_mps: Sequence[float] = TARGET_SPEEDS_MPS) -> None:
        self.road = road
        self.length_m = length_m
        self.target_speeds_mps = tuple(target_speeds_mps)
        self.lane = int(road.nearest_lane(np.asarray(position_m), np.asarray(heading_rad)))
        self.target_speed_mps = self.target_speeds_mps[int(speed_index(speed_mps, self.target_speeds_mps))]

    def decide(self, action: int, position_m: np.ndarray, speed_mps: float) -> None:
        """Take a meta-action at the car's present state."""
        self._follow_road(position_m)
        if action in (FASTER, SLOWER):
            grid = self.target_speeds_mps
            wanted = int(speed_index(speed_mps, grid)) + (1 if action == FASTER else -1)
            self.target_speed_mps = grid[min(max(wanted, 0), len(grid) - 1)]
        elif action in (LEFT, RIGHT):
            here = self.road.lanes[self.lane]
            wanted_lane = here.left if action == LEFT else here.right
            if wanted_lane is not None and _reachable(self.road.lanes[wanted_lane], position_m):
                self.lane = wanted_lane

    def control(self, position_m: np.ndarray, heading_rad: float, speed_mps: float) -> np.ndarray:
        """Acceleration (m/s^2) and steering (rad) at the car's present state; (2,)."""
        self._follow_road(position_m)
        lane = self.road.lanes[self.lane]
        frame = lane.frame_of(position_m)
        ahead_rad = _heading_at(lane, float(frame.s_m) + speed_mps * PURSUIT_TAU_S)
        steering = steering_control(frame.d_m, np.asarray(ahead_rad), np.asarray(heading_rad),
                                    np.asarray(speed_mps), np.asarray(self.length_m))
        return np.array([float(speed_control(np.asarray(self.target_speed_mps), np.asarray(speed_mps))),
                         float(steering)])

    def _follow_road(self, position_m: np.ndarray) -> None:
        """At the end of the target lane, go on to the successor nearest to its centre line."""
        lane = self.road.lanes[self.lane]
        along = float(lane.frame_of(position_m).s_m)
        if lane.successors and along > lane.length_m - VEHICLE_LENGTH_M / 2:
            center = lane.position_at(np.asarray(along))
            self.lane = min(lane.successors, key=lambda number: _distance_m(self.road.lanes[number], center))


def decision_frames(episode: Episode, decision_s: float) -> np.ndarray:
    """Frames of decisions: every decision_s from frame 0 on, each with its whole interval; (F,)."""
    interval = frames_per_decision(episode, decision_s)
    return np.arange(0, episode.steps - interval, interval)


def frames_per_decision(episode: Episode, decision_s: float) -> int:
    """Number of frames between decisions; an InputError where the frame period does not fit."""
    frames = round(decision_s / episode.dt_s)
    if frames < 1 or abs(frames * episode.dt_s - decision_s) > 0.05 * decision_s:
        raise InputError(f"decisions every {decision_s} s do not fit frames every {episode.dt_s:g} s "
                         f"({episode.source.name}); take a multiple of the frame period")
    return frames


def infer_controls(episode: Episode, agent: int, frames: np.ndarray, decision_s: float = 1.0) -> np.ndarray:
    """Mean acceleration (m/s^2) and steering (rad) over each decision's interval; (F, 2) float32.

    Recorded commands count where the episode has them, else those that explain the motion (bicycle model).
    """
    stops = _stops(episode, agent, frames, decision_s)
    explained = inverse_bicycle(episode.heading_rad[agent].astype(np.float64),
                                episode.speed_mps[agent].astype(np.float64),
                                np.asarray(episode.size_m[agent, 0], np.float64), episode.dt_s)
    known = episode.control_known[agent, :-1, None]
    control = np.where(known, episode.control[agent, :-1], explained)
    total = np.concatenate([np.zeros((1, 2)), control.cumsum(0)])
    return np.asarray((total[stops] - total[frames]) / (stops - frames)[:, None], dtype=np.float32)


def infer_meta(episode: Episode, agent: int, frames: np.ndarray, target_speeds_mps: Sequence[float],
               decision_s: float = 1.0) -> np.ndarray:
    """The meta-action that best explains an agent's motion after each of the frames; (F,) int8.

    A lane action where the lane that the car is going to (see `_target_lanes`) differs from the one before,
    put back to the decision at which it began to leave. Else the speed action, of the three that its speed
    and target before allow, whose target is nearest to the one that the change of speed speaks of. An action
    with no effect, such as SLOWER at the slowest target, reads as IDLE. The frames are in order, each with
    the agent present there and at the next one.
    """
    frames = np.asarray(frames)
    if not len(frames):
        return np.zeros(0, np.int8)
    stops = _stops(episode, agent, frames, decision_s)
    side = _lane_moves(episode, agent, frames, stops)
    speeds = _speed_moves(episode, agent, frames, stops, target_speeds_mps)
    return np.where(side < 0, LEFT, np.where(side > 0, RIGHT, speeds)).astype(np.int8)


def lanes_between(road: Road, start: int, end: int) -> int:
    """Lanes to the right (negative: to the left) from one to another, along the road; 0 if unconnected."""
    queue = [(0, 0, start, 0)]  # lane changes, lanes ahead, lane, offset
    seen: set[int] = set()
    while queue:
        changes, ahead, number, offset = heapq.heappop(queue)
        if number == end:
            return offset
        if number in seen:
            continue
        seen.add(number)
        lane = road.lanes[number]
        for successor in lane.successors:
            heapq.heappush(queue, (changes, ahead + 1, successor, offset))
        for step, neighbour in ((-1, lane.left), (1, lane.right)):
            if neighbour is not None:
                heapq.heappush(queue, (changes + 1, ahead, neighbour, offset + step))
    return 0


def _heading_at(lane: Lane, along_m: float) -> float:
    """The lane's heading at a length along it."""
    segment = int(np.clip(np.searchsorted(lane.knots_m, along_m, side="right") - 1, 0, len(lane.knots_m) - 2))
    step = lane.center_m[segment + 1] - lane.center_m[segment]
    return float(np.arctan2(step[1], step[0]))


def _distance_m(lane: Lane, position_m: np.ndarray) -> float:
    frame = lane.frame_of(position_m)
    along = float(frame.s_m)
    return abs(float(frame.d_m)) + max(along - lane.length_m, 0) + max(-along, 0)


def _reachable(lane: Lane, position_m: np.ndarray) -> bool:
    """highway-env's AbstractLane.is_reachable_from."""
    frame = lane.frame_of(position_m)
    return bool(abs(frame.d_m) <= 2 * lane.width_m and 0 <= frame.s_m < lane.length_m + VEHICLE_LENGTH_M)


def _stops(episode: Episode, agent: int, frames: np.ndarray, decision_s: float) -> np.ndarray:
    """Last frame of each decision's motion: its interval's end, or before the agent leaves or crashes."""
    frames = np.asarray(frames)
    free = episode.valid[agent] & ~episode.crashed[agent]
    ends = np.append(np.flatnonzero(~free), episode.steps)  # frames that no motion of the driver's reaches
    first_end = ends[np.searchsorted(ends, frames, side="right")]
    stops = np.minimum(frames + frames_per_decision(episode, decision_s), first_end - 1)
    stops = np.maximum(stops, frames + 1)  # a crash within one frame leaves that one
    if len(stops) and stops.max() >= episode.steps:
        raise IndexError(f"no frame follows the decision at frame {int(np.max(frames))} of {episode.steps}")
    return np.asarray(stops)


def _target_lanes(episode: Episode, agent: int, stops: np.ndarray) -> np.ndarray:
    """The lane that the agent is going to at each frame; (F,).

    A lane controller with the time constant LATERAL_TAU_S moves across at (offset to its target) /
    LATERAL_TAU_S, so offset plus speed times that constant is where it is going.
    """
    road, position = episode.road, episode.position_m[agent]
    before = np.maximum(stops - max(1, round(AIM_BASE_S / episode.dt_s)), 0)
    before = np.where(episode.valid[agent, before], before, stops - 1)
    lane = road.nearest_lane(position[stops], episode.heading_rad[agent, stops])
    offset = road.lane_frame(position[stops], lane).d_m
    across_mps = (offset - road.lane_frame(position[before], lane).d_m) / ((stops - before) * episode.dt_s)
    width = np.array([item.width_m for item in road.lanes])[lane]
    moves = np.round((offset + LATERAL_TAU_S * across_mps) / width).astype(int)
    return np.array([_aside(road, int(number), int(move)) for number, move in zip(lane, moves, strict=True)])


def _aside(road: Road, lane: int, moves: int) -> int:
    """The lane so many lanes to the right (negative: left), or the last one there."""
    for _ in range(abs(moves)):
        neighbour = road.lanes[lane].right if moves > 0 else road.lanes[lane].left
        if neighbour is None:
            break
        lane = neighbour
    return lane


def _lane_moves(episode: Episode, agent: int, frames: np.ndarray, stops: np.ndarray) -> np.ndarray:
    """-1, 0 or 1 a decision: the target lane goes to the left, stays, goes to the right; (F,)."""
    road = episode.road
    position = episode.position_m[agent]
    targets = _target_lanes(episode, agent, stops)
    lane = int(road.nearest_lane(position[frames[0]], episode.heading_rad[agent, frames[0]]))
    moves = np.zeros(len(frames), int)
    for number, target in enumerate(targets.tolist()):
        if target == lane:
            continue
        side = int(np.sign(lanes_between(road, lane, target)))
        if side:
            moves[_departure(road.lanes[lane], position[frames], moves, number, side)] = side
        # Two lanes at once are two moves: the next decision sees the second.
        lane = _aside(road, lane, side) if side and abs(lanes_between(road, lane, target)) > 1 else target
    return moves


def _departure(lane: Lane, position_m: np.ndarray, moves: np.ndarray, number: int, side: int) -> int:
    """The decision, at or before `number`, at which the car began to leave the lane for that side."""
    earliest = max(number - MOST_BACKDATED, 0)
    offsets = lane.frame_of(position_m[earliest : number + 1]).d_m * side
    gained = np.diff(np.maximum(offsets, 0))  # metres towards that side in each interval before
    while number > earliest and not moves[number - 1] and gained[number - 1 - earliest] >= DEPARTURE_M:
        number -= 1
    return number


def _speed_moves(episode: Episode, agent: int, frames: np.ndarray, stops: np.ndarray,
                 target_speeds_mps: Sequence[float]) -> np.ndarray:
    """IDLE, FASTER or SLOWER a decision, from the speed at its start and end; (F,)."""
    grid = np.asarray(target_speeds_mps, dtype=np.float64)
    before = episode.speed_mps[agent, frames].astype(np.float64)
    after = episode.speed_mps[agent, stops].astype(np.float64)
    left = max(1 - episode.dt_s / SPEED_TAU_S, 0) ** (stops - frames)  # of the way, by Euler steps
    wanted = before + (after - before) / (1 - left)
    index = speed_index(before, target_speeds_mps)
    faster, slower = grid[np.minimum(index + 1, len(grid) - 1)], grid[np.maximum(index - 1, 0)]
    reached = grid[speed_index(wanted, target_speeds_mps)]
    target = np.append(grid[index[0]], reached[:-1])  # what the decision before left behind
    errors = np.abs(wanted - np.stack((target, faster, slower)))
    errors[1:] += 1e-3  # what IDLE explains as well is IDLE
    return np.asarray(np.array([IDLE, FASTER, SLOWER])[errors.argmin(0)])
