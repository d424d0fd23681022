"""highway-env's modified kinematic bicycle, forward and inverse, and its low-level controllers.

The centre moves along heading + slip, slip = atan(tan(steering) / 2), and the yaw rate is
v sin(slip) / (length / 2). Euler steps, with the old speed and heading (highway_env/vehicle/kinematics.py).
"""

from __future__ import annotations

import numpy as np

MAX_STEERING_RAD = np.pi / 3
SPEED_TAU_S, LATERAL_TAU_S, HEADING_TAU_S, PURSUIT_TAU_S = 0.6, 0.6, 0.2, 0.1


def wrap(angle_rad: np.ndarray) -> np.ndarray:
    """Angles wrapped to [-pi, pi)."""
    return np.asarray((np.asarray(angle_rad) + np.pi) % (2 * np.pi) - np.pi)


def step_bicycle(
    position_m: np.ndarray,
    heading_rad: np.ndarray,
    speed_mps: np.ndarray,
    control: np.ndarray,
    length_m: np.ndarray,
    dt_s: float,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """One Euler step: (..., 2), (...), (...) and control (..., 2) [m/s^2, rad] -> the next three."""
    slip = np.arctan(0.5 * np.tan(control[..., 1]))
    course = heading_rad + slip
    velocity = speed_mps[..., None] * np.stack((np.cos(course), np.sin(course)), axis=-1)
    yaw_rate = speed_mps * np.sin(slip) / (length_m / 2)
    return position_m + velocity * dt_s, heading_rad + yaw_rate * dt_s, speed_mps + control[..., 0] * dt_s


def roll_out(
    position_m: np.ndarray,
    heading_rad: np.ndarray,
    speed_mps: np.ndarray,
    control: np.ndarray,
    length_m: np.ndarray,
    dt_s: float,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """States (..., T + 1) that T controls (..., T, 2) give from one state (...), which comes first."""
    states = [(position_m, heading_rad, speed_mps)]
    for step in range(control.shape[-2]):
        states.append(step_bicycle(*states[-1], control[..., step, :], length_m, dt_s))
    positions, headings, speeds = zip(*states, strict=True)
    return np.stack(positions, axis=-2), np.stack(headings, axis=-1), np.stack(speeds, axis=-1)


def inverse_bicycle(
    heading_rad: np.ndarray, speed_mps: np.ndarray, length_m: np.ndarray, dt_s: float
) -> np.ndarray:
    """Controls (..., T - 1, 2) that explain headings and speeds (..., T); length_m is (...).

    Acceleration is exact; steering explains the change of heading, and is 0 where the car is too slow
    (below 0.1 m/s) to turn. sin(slip) is clipped to what MAX_STEERING_RAD reaches.
    """
    acceleration = np.diff(speed_mps, axis=-1) / dt_s
    yaw_rate = wrap(np.diff(heading_rad, axis=-1)) / dt_s
    speed = speed_mps[..., :-1]
    moving = np.abs(speed) > 0.1
    most = np.sin(np.arctan(0.5 * np.tan(MAX_STEERING_RAD)))
    half: np.ndarray = np.asarray(length_m)[..., None] / 2
    sine = np.clip(np.where(moving, yaw_rate * half / np.where(moving, speed, 1.0), 0.0), -most, most)
    steering = np.arctan(2 * np.tan(np.arcsin(sine)))
    return np.stack((acceleration, steering), axis=-1)


def not_zero(value: np.ndarray, eps: float = 1e-2) -> np.ndarray:
    """The value, or +-eps where it is nearer to zero than that (highway_env/utils.py)."""
    value = np.asarray(value, dtype=float)
    return np.asarray(np.where(np.abs(value) > eps, value, np.where(value >= 0, eps, -eps)))


def speed_control(target_mps: np.ndarray, speed_mps: np.ndarray) -> np.ndarray:
    """Acceleration towards a target speed; highway-env's ControlledVehicle.speed_control."""
    return np.asarray((np.asarray(target_mps) - speed_mps) / SPEED_TAU_S)


def steering_control(
    offset_m: np.ndarray,
    lane_heading_rad: np.ndarray,
    heading_rad: np.ndarray,
    speed_mps: np.ndarray,
    length_m: np.ndarray,
) -> np.ndarray:
    """Steering (rad) towards a lane's centre; highway-env's ControlledVehicle.steering_control.

    offset_m is the lane-frame offset from the target lane, lane_heading_rad that lane's heading
    PURSUIT_TAU_S ahead; all (...).
    """
    lateral_speed = -offset_m / LATERAL_TAU_S
    course = np.arcsin(np.clip(lateral_speed / not_zero(speed_mps), -1, 1))
    wanted = lane_heading_rad + np.clip(course, -np.pi / 4, np.pi / 4)
    rate = wrap(wanted - heading_rad) / HEADING_TAU_S
    slip = np.arcsin(np.clip(length_m / 2 / not_zero(speed_mps) * rate, -1, 1))
    return np.asarray(np.clip(np.arctan(2 * np.tan(slip)), -MAX_STEERING_RAD, MAX_STEERING_RAD))
