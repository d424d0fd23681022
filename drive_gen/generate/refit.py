"""Sampled motion as motion that a car can do: controls fitted to it, and the states that they give.

Sampled states are noisy and over-determined (a position and a speed, a path and a heading). First speeds,
then headings, are fitted to both by least squares with a penalty on jerk and yaw acceleration (a Whittaker
smoother under the bicycle's own Euler steps); then controls follow by the inverse bicycle within the limits.
The bicycle's exact inverse from positions would not do: with 0.2 s steps it oscillates above 25 m/s.
"""

from __future__ import annotations

import numpy as np

from drive_gen.envs.kinematics import inverse_bicycle, roll_out, step_bicycle
from drive_gen.generate.config import Limits

# Standard errors that a sample is believed to have, and how much a driver's control changes.
ALONG_M, SPEED_MPS, JERK_MPS3 = 0.3, 0.2, 5.0
ASIDE_M, HEADING_RAD, YAW_ACCELERATION_RPS2 = 0.1, 0.02, 0.5
SLACK = 0.99  # of every limit: float32 rounding must not carry a value over it
PASSES = 3  # each corrects what limits and curvature made of the last


def refit(motion: np.ndarray, length_m: np.ndarray, dt_s: float, limits: Limits) -> np.ndarray:
    """Controls (n, T - 1, 2) float32 that drive next to sampled motion.

    `motion` is (n, T, 4), T >= 4: x, y [m], heading [rad] and speed [m/s] in a road's frame; its first frame
    is taken as it is.
    """
    first, target = motion[:, 0], motion.copy()
    for _ in range(PASSES):
        speed = _fit_speed(first, target, dt_s)
        heading = _fit_heading(first, target, speed, length_m, dt_s)
        control = _controls(first, speed, heading, length_m, dt_s, limits)
        driven, _, _ = roll_out(first[:, :2], first[:, 2], first[:, 3], control.astype(np.float64), length_m,
                                dt_s)
        target[..., :2] += motion[..., :2] - driven
    return control


def _fit_speed(first: np.ndarray, motion: np.ndarray, dt_s: float) -> np.ndarray:
    """Speeds (n, T), the first given, whose path and values are near the motion's at little jerk."""
    steps = motion.shape[1]
    travelled = np.tril(np.full((steps, steps), dt_s), -1)  # x_t = x_0 + dt sum of earlier speeds
    rows = np.concatenate((travelled / ALONG_M, np.eye(steps) / SPEED_MPS,
                           np.diff(np.eye(steps), 2, axis=0) / (JERK_MPS3 * dt_s**2)))
    goal = np.concatenate(((motion[..., 0] - first[:, :1]) / ALONG_M, motion[..., 3] / SPEED_MPS,
                           np.zeros((len(motion), steps - 2))), axis=1)
    fitted = _solve(np.broadcast_to(rows, (len(motion), *rows.shape)), goal, first[:, 3])
    return np.asarray(np.maximum(fitted, 0))


def _fit_heading(first: np.ndarray, motion: np.ndarray, speed: np.ndarray, length_m: np.ndarray,
                 dt_s: float) -> np.ndarray:
    """Headings (n, T), the first given, that at these speeds bring the centre near the motion's path.

    For small angles y_t = y_0 + dt sum of v h over earlier frames + (length / 2)(h_t - h_0): the centre
    swings around the rear axle.
    """
    agents, steps = speed.shape
    swept = np.tril(np.ones((steps, steps)), -1) * speed[:, None] * dt_s
    half = length_m[:, None, None] / 2
    swung = np.eye(steps) - np.eye(steps)[:1].repeat(steps, 0)
    aside = swept + half * swung
    smooth = np.diff(np.eye(steps), 2, axis=0) / (YAW_ACCELERATION_RPS2 * dt_s**2)
    same = np.concatenate((np.eye(steps) / HEADING_RAD, smooth))
    rows = np.concatenate((aside / ASIDE_M, np.broadcast_to(same, (agents, *same.shape))), axis=1)
    goal = np.concatenate(((motion[..., 1] - first[:, 1:2]) / ASIDE_M, motion[..., 2] / HEADING_RAD,
                           np.zeros((agents, steps - 2))), axis=1)
    return _solve(rows, goal, first[:, 2])


def _solve(rows: np.ndarray, goal: np.ndarray, first: np.ndarray) -> np.ndarray:
    """Least squares: rows (n, R, T) and goal (n, R) -> (n, T) whose first entry is `first` (n,)."""
    free, goal = rows[..., 1:], goal - rows[..., 0] * first[:, None]
    normal = free.transpose(0, 2, 1) @ free
    rest = np.linalg.solve(normal, (free.transpose(0, 2, 1) @ goal[..., None]))[..., 0]
    return np.concatenate((first[:, None], rest), axis=1)


def _controls(first: np.ndarray, speed: np.ndarray, heading: np.ndarray, length_m: np.ndarray, dt_s: float,
              limits: Limits) -> np.ndarray:
    """Controls (n, T - 1, 2) float32 that follow speeds and headings as far as the limits let them."""
    agents, steps = speed.shape
    control, origin = np.zeros((agents, steps - 1, 2)), np.zeros((agents, 2))
    turned, here = first[:, 2].copy(), first[:, 3].copy()
    before = None
    for step in range(steps - 1):
        before = _acceleration(here, speed[:, step + 1], before, dt_s, limits)
        steering = _steering(turned, heading[:, step + 1], here, length_m, dt_s, limits)
        control[:, step] = np.stack((before, steering), axis=-1)
        _, turned, here = step_bicycle(origin, turned, here, control[:, step], length_m, dt_s)
    return control.astype(np.float32)


def _acceleration(speed: np.ndarray, wanted: np.ndarray, before: np.ndarray | None, dt_s: float,
                  limits: Limits) -> np.ndarray:
    """Accelerations (n,) towards the speeds wanted, `before` being those of the last step."""
    low, high = limits.acceleration_mps2
    acceleration = np.clip((wanted - speed) / dt_s, SLACK * low, SLACK * high)
    if before is not None:
        change = SLACK * limits.jerk_mps3 * dt_s
        acceleration = np.clip(acceleration, before - change, before + change)
    # Brakes are eased before standstill, so that the jerk of stopping keeps to its limit; nobody reverses.
    going = np.maximum(speed, 0)
    return np.asarray(np.maximum(acceleration, -np.minimum(np.sqrt(limits.jerk_mps3 * going), going / dt_s)))


def _steering(heading: np.ndarray, wanted: np.ndarray, speed: np.ndarray, length_m: np.ndarray, dt_s: float,
              limits: Limits) -> np.ndarray:
    """Steering angles (n,) towards the headings wanted."""
    most = SLACK * limits.yaw_rate_rps * dt_s
    headings = np.stack((heading, heading + np.clip(wanted - heading, -most, most)), axis=-1)
    steering = inverse_bicycle(headings, np.stack((speed, speed), axis=-1), length_m, dt_s)[:, 0, 1]
    return np.asarray(np.clip(steering, -SLACK * limits.steering_rad, SLACK * limits.steering_rad))
