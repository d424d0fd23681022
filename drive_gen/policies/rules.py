"""Drivers by rule, over (W, 17, 9) observations: the floors of every table, and IDM with MOBIL."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np

from drive_gen.envs.actions import CONTROL_SCALE, FASTER, IDLE, LEFT, RIGHT, SLOWER
from drive_gen.envs.episode import META_ACTIONS
from drive_gen.envs.kinematics import not_zero, steering_control
from drive_gen.envs.observe import AHEAD_SCALE_M, ASIDE_SCALE_M
from drive_gen.policies.policy import Policy, State

LANE_MARGIN_M = 1.0  # a car this far over the line is still in the lane; highway-env's neighbour_vehicles


class Seen(NamedTuple):
    """Observations in SI units. The ego's fields are (W,), the neighbours' (W, 16)."""

    speed_mps: np.ndarray
    heading_rad: np.ndarray  # to its lane
    offset_m: np.ndarray  # to the right of its lane's centre
    lanes_left: np.ndarray
    lanes_right: np.ndarray
    limit_mps: np.ndarray
    length_m: np.ndarray
    lane_width_m: np.ndarray
    present: np.ndarray
    ahead_m: np.ndarray  # centre to centre along the ego's lane
    aside_m: np.ndarray  # to the right of the centre of the ego's lane
    closing_mps: np.ndarray  # positive where the ego gains on a car ahead of it
    other_length_m: np.ndarray
    other_speed_mps: np.ndarray


def see(observation: np.ndarray) -> Seen:
    """Undo the scales of envs/observe.py; (W, 17, 9)."""
    ego, others = observation[:, 0].astype(np.float64), observation[:, 1:].astype(np.float64)
    width = ego[:, 8] * 4
    offset = ego[:, 3] * width
    return Seen(
        speed_mps=ego[:, 1] * 20, heading_rad=np.arcsin(np.clip(ego[:, 2], -1, 1)), offset_m=offset,
        lanes_left=np.rint(ego[:, 4] * 4), lanes_right=np.rint(ego[:, 5] * 4), limit_mps=ego[:, 6] * 30,
        length_m=ego[:, 7] * 5, lane_width_m=width, present=others[..., 0] > 0.5,
        ahead_m=others[..., 1] * AHEAD_SCALE_M, aside_m=others[..., 2] * ASIDE_SCALE_M + offset[:, None],
        closing_mps=-others[..., 3] * 10, other_length_m=others[..., 6] * 5,
        other_speed_mps=others[..., 8] * 20)


class Neighbour(NamedTuple):
    """One neighbour in each of W worlds; (W,), NaN where there is none. Distances are positive."""

    distance_m: np.ndarray  # centre to centre
    closing_mps: np.ndarray  # of the pair: positive where the gap shrinks
    speed_mps: np.ndarray
    length_m: np.ndarray


def neighbour(seen: Seen, lane: int | np.ndarray, ahead: bool) -> Neighbour:
    """The nearest car before or behind the ego in a lane, counted from the ego's own to the right; (W,)."""
    center_m = np.broadcast_to(np.asarray(lane) * seen.lane_width_m, seen.speed_mps.shape)
    near = np.abs(seen.aside_m - center_m[:, None]) <= seen.lane_width_m[:, None] / 2 + LANE_MARGIN_M
    sign = 1.0 if ahead else -1.0
    side = seen.ahead_m >= 0 if ahead else seen.ahead_m < 0
    distance = np.where(seen.present & near & side, sign * seen.ahead_m, np.inf)
    best = distance.argmin(1)[:, None]

    def pick(values: np.ndarray) -> np.ndarray:
        return np.take_along_axis(values, best, 1)[:, 0]

    found = np.isfinite(pick(distance))
    values = (distance, sign * seen.closing_mps, seen.other_speed_mps, seen.other_length_m)
    return Neighbour(*(np.where(found, pick(value), np.nan) for value in values))


@dataclass(frozen=True)
class IdmParameters:
    """highway-env's IDMVehicle (behavior.py): Treiber et al., 2000, and Kesting et al., 2007."""

    acceleration_mps2: float = 3.0
    deceleration_mps2: float = 5.0
    most_mps2: float = 6.0
    jam_distance_m: float = 10.0  # centre to centre: 5 m and a car's length
    headway_s: float = 1.5
    exponent: float = 4.0
    imposed_braking_mps2: float = 2.0  # MOBIL: the most a new follower may have to brake
    gain_mps2: float = 0.2  # MOBIL: the least that a lane change has to win


def idm_acceleration(speed_mps: np.ndarray, target_mps: np.ndarray, distance_m: np.ndarray,
                     closing_mps: np.ndarray, parameters: IdmParameters) -> np.ndarray:
    """IDM's acceleration, unclipped; all (...), distance centre to centre, NaN where nobody is ahead."""
    p = parameters
    free = 1 - (np.maximum(speed_mps, 0) / np.abs(not_zero(target_mps))) ** p.exponent
    dynamic = speed_mps * closing_mps / (2 * np.sqrt(p.acceleration_mps2 * p.deceleration_mps2))
    wanted_m = p.jam_distance_m + speed_mps * p.headway_s + dynamic
    share = np.where(np.isnan(distance_m), 0.0, wanted_m / not_zero(np.nan_to_num(distance_m)))
    return np.asarray(p.acceleration_mps2 * (free - np.nan_to_num(share) ** 2))


def mobil(seen: Seen, lane: int, target_mps: np.ndarray, parameters: IdmParameters) -> np.ndarray:
    """Whether to change to the lane `lane` to the right (-1: left); (W,) bool.

    Politeness is 0, as in highway-env: the change has to win `gain_mps2` for the ego and to impose no more
    than `imposed_braking_mps2` on its new follower, which is taken to want its present speed.
    """
    exists = (seen.lanes_left if lane < 0 else seen.lanes_right) > 0
    lead, new_lead = neighbour(seen, 0, ahead=True), neighbour(seen, lane, ahead=True)
    follower = neighbour(seen, lane, ahead=False)
    now = idm_acceleration(seen.speed_mps, target_mps, lead.distance_m, lead.closing_mps, parameters)
    then = idm_acceleration(seen.speed_mps, target_mps, new_lead.distance_m, new_lead.closing_mps, parameters)
    imposed = idm_acceleration(np.nan_to_num(follower.speed_mps), np.nan_to_num(follower.speed_mps),
                               follower.distance_m, follower.closing_mps, parameters)
    safe = np.isnan(follower.distance_m) | (imposed >= -parameters.imposed_braking_mps2)
    return np.asarray(exists & safe & (then - now >= parameters.gain_mps2) & (np.abs(seen.speed_mps) >= 1))


class AlwaysSlower:
    """The floor of every table: it seldom crashes, and it gets nowhere."""

    def predict(self, observation: np.ndarray, state: State | None = None,
                episode_start: np.ndarray | None = None,
                deterministic: bool = False) -> tuple[np.ndarray, State | None]:
        """SLOWER in every world."""
        return np.full(len(observation), SLOWER), state


class Idle:
    """Keeps its lane and target speed, whatever is ahead."""

    def predict(self, observation: np.ndarray, state: State | None = None,
                episode_start: np.ndarray | None = None,
                deterministic: bool = False) -> tuple[np.ndarray, State | None]:
        """IDLE in every world."""
        return np.full(len(observation), IDLE), state


@dataclass(frozen=True)
class GapRule:
    """Keeps its lane: SLOWER when the lead is near, FASTER when it is far, IDLE in between."""

    near_s: float = 1.0  # gap, bumper to bumper, after a second at constant speeds, in seconds of own speed
    far_s: float = 1.5

    def predict(self, observation: np.ndarray, state: State | None = None,
                episode_start: np.ndarray | None = None,
                deterministic: bool = False) -> tuple[np.ndarray, State | None]:
        """Meta-actions (W,)."""
        seen = see(observation)
        lead = neighbour(seen, 0, ahead=True)
        gap_m = lead.distance_m - (lead.length_m + seen.length_m) / 2 - np.maximum(lead.closing_mps, 0)
        headway_s = np.where(np.isnan(gap_m), np.inf, gap_m / np.maximum(seen.speed_mps, 1.0))
        return np.select([headway_s < self.near_s, headway_s > self.far_s], [SLOWER, FASTER], IDLE), state


class RandomPolicy:
    """Uniformly random meta-actions; each episode's are its own, whoever ran before it."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._draws = [np.random.default_rng(seed)]  # one for all worlds, or one a world

    def attach(self, env: Any) -> None:
        """Begin the episodes that an environment, or a simulator's worlds, are in."""
        seeds = env.seeds.tolist() if hasattr(env, "seeds") else [env.seed or 0]
        self._draws = [np.random.default_rng([self.seed, max(seed, 0)]) for seed in seeds]

    def predict(self, observation: np.ndarray, state: State | None = None,
                episode_start: np.ndarray | None = None,
                deterministic: bool = False) -> tuple[np.ndarray, State | None]:
        """Meta-actions (W,), drawn anew however `deterministic` is set."""
        count = len(META_ACTIONS)
        if len(self._draws) < len(observation):
            return self._draws[0].integers(count, size=len(observation)), state
        return np.array([draws.integers(count) for draws in self._draws[: len(observation)]]), state


class ConstantVelocity:
    """Holds its speed and turns along its lane: what the simplest forecast of a car says."""

    def predict(self, observation: np.ndarray, state: State | None = None,
                episode_start: np.ndarray | None = None,
                deterministic: bool = False) -> tuple[np.ndarray, State | None]:
        """Controls (W, 2)."""
        seen = see(observation)
        steering = steering_control(np.zeros_like(seen.offset_m), np.zeros_like(seen.heading_rad),
                                    seen.heading_rad, seen.speed_mps, seen.length_m)
        return _controls(np.zeros_like(steering), steering), state


@dataclass(frozen=True)
class Idm:
    """IDM along the lane and, where `lane_changes` is set, MOBIL across lanes, as highway-env's traffic.

    With actions="continuous" it steers towards its target lane, which is its state: (W,) lanes to the left of
    it. With "meta" it asks for what comes nearest: a lane change, or FASTER and SLOWER by IDM's acceleration.
    """

    target_speed_mps: float = 30.0
    actions: Literal["meta", "continuous"] = "continuous"
    lane_changes: bool = False
    parameters: IdmParameters = IdmParameters()

    def predict(self, observation: np.ndarray, state: State | None = None,
                episode_start: np.ndarray | None = None,
                deterministic: bool = False) -> tuple[np.ndarray, State | None]:
        """Controls (W, 2) or meta-actions (W,)."""
        seen = see(observation)
        wanted = np.minimum(self.target_speed_mps, seen.limit_mps)
        change = self._change(seen, wanted)
        if self.actions == "meta":
            acceleration = self._follow(seen, np.zeros_like(change), wanted)
            speed = np.select([acceleration > 1, acceleration < -1], [FASTER, SLOWER], IDLE)
            return np.select([change < 0, change > 0], [LEFT, RIGHT], speed), state
        target = seen.lanes_left if state is None else np.asarray(state[0])
        if episode_start is not None:
            target = np.where(episode_start, seen.lanes_left, target)
        # A target off the road, or two lanes away, is left over from another stretch of road.
        target = np.where(np.abs(target - seen.lanes_left) <= 1, target, seen.lanes_left)
        target = np.where(target == seen.lanes_left, seen.lanes_left + change, target)
        aside = target - seen.lanes_left
        offset_m = seen.offset_m - aside * seen.lane_width_m
        steering = steering_control(offset_m, np.zeros_like(offset_m), seen.heading_rad, seen.speed_mps,
                                    seen.length_m)
        return _controls(self._follow(seen, aside, wanted), steering), (target,)

    def _change(self, seen: Seen, wanted_mps: np.ndarray) -> np.ndarray:
        """-1, 0 or 1 lanes to the right; (W,). Where both sides pass, right wins, as in highway-env."""
        if not self.lane_changes:
            return np.zeros(len(seen.speed_mps))
        left, right = (mobil(seen, lane, wanted_mps, self.parameters) for lane in (-1, 1))
        return np.where(right, 1.0, np.where(left, -1.0, 0.0))

    def _follow(self, seen: Seen, aside: np.ndarray, wanted_mps: np.ndarray) -> np.ndarray:
        """IDM behind the nearer demand of the present and the target lane's leads; (W,)."""
        leads = (neighbour(seen, 0, ahead=True), neighbour(seen, aside, ahead=True))
        here, there = (idm_acceleration(seen.speed_mps, wanted_mps, lead.distance_m, lead.closing_mps,
                                        self.parameters) for lead in leads)
        most = self.parameters.most_mps2
        return np.asarray(np.clip(np.minimum(here, there), -most, most))


def _controls(acceleration_mps2: np.ndarray, steering_rad: np.ndarray) -> np.ndarray:
    """Controls (W, 2) in units of CONTROL_SCALE, clipped to what they reach."""
    return np.clip(np.stack((acceleration_mps2, steering_rad), axis=-1) / CONTROL_SCALE, -1, 1)


# Name -> the rule, given a seed. They all take meta-actions.
RULES: dict[str, Callable[[int], Policy]] = {
    "slower": lambda seed: AlwaysSlower(),
    "idle": lambda seed: Idle(),
    "gap": lambda seed: GapRule(),
    "random": RandomPolicy,
}
