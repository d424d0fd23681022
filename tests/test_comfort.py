"""Comfort: exact derivatives of parabolas, circles by hand, and the bounds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drive_gen.envs.episode import Source, make_episode
from drive_gen.envs.road import straight_road
from drive_gen.evaluate.comfort import BOUNDS, comfort_signals, comfortable, comfortable_share, derivative

TIME = np.arange(40) * 0.1


@settings(max_examples=30, deadline=None)
@given(st.floats(-10, 10), st.floats(-10, 10), st.floats(-10, 10), st.sampled_from([0.04, 0.1, 0.2, 0.5]),
       st.integers(3, 30))
def test_derivatives_of_a_parabola_are_exact(a: float, b: float, c: float, dt_s: float, frames: int) -> None:
    time = np.arange(frames) * dt_s
    values = a + b * time + c * time**2
    np.testing.assert_allclose(derivative(values, dt_s, 1), b + 2 * c * time, atol=1e-6)
    np.testing.assert_allclose(derivative(values, dt_s, 2), 2 * c, atol=1e-5)


def test_too_few_frames_are_undefined() -> None:
    assert np.isnan(derivative(np.array([1.0, 2.0]), 0.1, 1)).all()
    assert not comfortable(comfort_signals(np.ones(2), np.zeros(2), 0.1)).any()


def test_a_circle_by_hand() -> None:
    """20 m/s on a circle of 100 m: 4 m/s^2 to the side, turning at 0.2 rad/s, jerk v^3 / r^2 = 0.8 m/s^3."""
    signals = comfort_signals(np.full(40, 20.0), 0.2 * TIME, 0.1)
    expected = {"lon_acceleration_mps2": 0, "lat_acceleration_mps2": 4, "yaw_rate_radps": 0.2,
                "yaw_acceleration_radps2": 0, "lon_jerk_mps3": 0, "jerk_mps3": 0.8}
    for name, value in expected.items():
        np.testing.assert_allclose(signals[name], value, atol=1e-9, err_msg=name)
    assert comfortable(signals).all()
    assert not comfortable(comfort_signals(np.full(40, 23.0), 0.2305 * TIME, 0.1)).any()  # 5.3 m/s^2


@pytest.mark.parametrize(("acceleration", "expected"), [(2.3, 1.0), (2.5, 0.0), (-4.0, 1.0), (-4.1, 0.0)])
def test_longitudinal_bounds(acceleration: float, expected: float) -> None:
    speed = 20 + acceleration * TIME
    shape = (1, len(TIME))
    position = np.stack((np.cumsum(speed) * 0.1, np.zeros(len(TIME))), axis=-1)[None]
    episode = make_episode(position, np.zeros(shape), speed[None], np.array([[5.0, 2.0]]),
                           np.ones(shape, bool), dt_s=0.1, road=straight_road(1, 500.0),
                           source=Source("simulated", "test", "test"))
    assert comfortable_share(episode, 0) == expected


def test_heading_may_wrap() -> None:
    plain, wrapped = 0.2 * TIME, (0.2 * TIME + np.pi - 0.3 + np.pi) % (2 * np.pi) - np.pi
    one, other = (comfort_signals(np.full(40, 10.0), heading, 0.1) for heading in (plain, wrapped))
    np.testing.assert_allclose(one["yaw_rate_radps"], other["yaw_rate_radps"], atol=1e-9)


def test_noise_is_smoothed_first() -> None:
    """2 cm/s of noise is up to 10 m/s^3 of raw jerk at 10 Hz; a still driver stays comfortable."""
    speed = 20 + 0.02 * np.random.default_rng(0).standard_normal(200)
    assert np.abs(np.diff(speed, 2) / 0.01).max() > BOUNDS["lon_jerk_mps3"][1]
    assert comfortable(comfort_signals(speed, np.zeros(200), 0.1)).all()
