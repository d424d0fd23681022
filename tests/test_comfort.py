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


@pytest.mark.parametrize(("dt_s", "reach"), [(0.04, 12), (0.1, 5), (0.2, 2), (0.5, 1)])
def test_smoothing_is_over_a_second(dt_s: float, reach: int) -> None:
    """One odd frame is felt half a second away and no further."""
    impulse = np.zeros(101)
    impulse[50] = 1.0
    felt = np.flatnonzero(np.abs(derivative(impulse, dt_s, 2)) > 1e-9)
    assert (felt.min(), felt.max()) == (50 - reach, 50 + reach)


@pytest.mark.parametrize(("name", "low", "high"), [
    ("lon_acceleration_mps2", -4.05, 2.40), ("lat_acceleration_mps2", -4.89, 4.89),
    ("yaw_rate_radps", -0.95, 0.95), ("yaw_acceleration_radps2", -1.93, 1.93),
    ("lon_jerk_mps3", -4.13, 4.13), ("jerk_mps3", -8.37, 8.37)])
def test_every_signal_has_nuplans_bounds(name: str, low: float, high: float) -> None:
    signals = {each: np.zeros(4) for each in BOUNDS}
    signals[name] = np.array([low, high, low - 1e-6, high + 1e-6])
    assert comfortable(signals).tolist() == [True, True, False, False]


def test_the_jerk_is_the_third_derivative_of_the_path() -> None:
    """Speeding up while turning in: velocity is v e^(ih) in complex numbers, twice derived by hand."""
    acceleration, turning = 1.5, 0.3  # m/s^2, rad/s^2: both fits are exact
    speed, yaw_rate = 10 + acceleration * TIME, turning * TIME
    signals = comfort_signals(speed, turning * TIME**2 / 2, 0.1)
    jerk = 1j * (2 * acceleration * yaw_rate + speed * turning) - speed * yaw_rate**2
    np.testing.assert_allclose(signals["jerk_mps3"], np.abs(jerk), rtol=1e-6)
    np.testing.assert_allclose(signals["yaw_acceleration_radps2"], turning, rtol=1e-6)


def test_the_share_is_of_the_frames_in_which_it_is_there() -> None:
    """Absent for ten frames; then it drives evenly for 20 frames and brakes at 6 m/s^2 for 10."""
    speed = np.concatenate((np.zeros(10), np.full(20, 20.0), 20.0 - 0.6 * np.arange(1, 11)))
    valid = np.arange(40) >= 10
    valid[15] = False
    position = np.stack((np.cumsum(speed) * 0.1, np.zeros(40)), axis=-1)
    episode = make_episode(position[None], np.zeros((1, 40)), speed[None], np.array([[5.0, 2.0]]),
                           valid[None], dt_s=0.1, road=straight_road(1, 500.0),
                           source=Source("simulated", "test", "test"))
    even = comfortable(comfort_signals(speed[10:], np.zeros(30), 0.1))
    assert even[:10].all()
    assert not even[-8:].any()
    assert comfortable_share(episode, 0) == pytest.approx((even.sum() - 1) / 29)
    two = make_episode(position[None], np.zeros((1, 40)), speed[None], np.array([[5.0, 2.0]]),
                       (np.arange(40) >= 38)[None], dt_s=0.1, road=episode.road, source=episode.source)
    assert np.isnan(comfortable_share(two, 0))
