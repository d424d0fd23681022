"""The bicycle and the controllers against highway-env's own, and the inverse against the bicycle."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drive_gen.envs.kinematics import (
    MAX_STEERING_RAD,
    PURSUIT_TAU_S,
    inverse_bicycle,
    not_zero,
    roll_out,
    speed_control,
    steering_control,
    step_bicycle,
    wrap,
)

acceleration = st.floats(-6, 6)
steering = st.floats(-1.0, 1.0)


def their_road() -> tuple[object, object]:
    """highway-env's four straight lanes."""
    from highway_env.road.road import Road, RoadNetwork

    network = RoadNetwork.straight_road_network(4, speed_limit=30)
    return Road(network, np_random=np.random.RandomState(0)), network


@settings(max_examples=30, deadline=None)
@given(
    st.floats(-100, 100),
    st.floats(-4, 4),
    st.floats(-3, 3),
    st.floats(-30, 39),
    acceleration,
    steering,
    st.sampled_from([0.2, 1 / 15, 0.01]),
)
def test_a_step_is_highway_envs(
    x: float, y: float, heading: float, speed: float, push: float, turn: float, dt_s: float
) -> None:
    from highway_env.vehicle.kinematics import Vehicle

    vehicle = Vehicle(their_road()[0], [x, y], heading, speed)
    vehicle.act({"acceleration": push, "steering": turn})
    vehicle.step(dt_s)
    position, direction, rate = step_bicycle(
        np.array([x, y]), np.array(heading), np.array(speed), np.array([push, turn]), np.array(5.0), dt_s
    )
    np.testing.assert_allclose(position, vehicle.position, rtol=1e-13, atol=1e-12)
    np.testing.assert_allclose([direction, rate], [vehicle.heading, vehicle.speed], rtol=1e-13, atol=1e-12)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(2, 15), st.sampled_from([0.2, 0.1, 0.04]))
def test_the_inverse_gives_back_the_controls(seed: int, length: float, dt_s: float) -> None:
    draw = np.random.default_rng(seed)
    control = np.stack((draw.uniform(-1, 1, (3, 15)), draw.uniform(-1.0, 1.0, (3, 15))), axis=-1)
    _, heading, speed = roll_out(
        draw.normal(size=(3, 2)),
        draw.uniform(-3, 3, 3),
        draw.uniform(5, 30, 3),
        control,
        np.full(3, length),
        dt_s,
    )
    found = inverse_bicycle(heading, speed, np.full(3, length), dt_s)
    turned = dt_s * np.abs(speed[:, :-1]) * np.sin(np.arctan(0.5 * np.tan(1.0))) / (length / 2)
    seen = turned < np.pi  # a faster turn than half a round a step cannot be told from its complement
    np.testing.assert_allclose(found[..., 0], control[..., 0], atol=1e-8)
    np.testing.assert_allclose(found[..., 1][seen], control[..., 1][seen], atol=1e-8)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_forward_of_the_inverse_gives_back_the_motion(seed: int) -> None:
    draw = np.random.default_rng(seed)
    control = np.stack((draw.uniform(-3, 3, 20), draw.uniform(-0.2, 0.2, 20)), axis=-1)
    start = (np.zeros(2), np.array(0.1), np.array(25.0))
    motion = roll_out(*start, control, np.array(5.0), 0.1)
    again = roll_out(*start, inverse_bicycle(motion[1], motion[2], np.array(5.0), 0.1), np.array(5.0), 0.1)
    for one, other in zip(motion, again, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-9)


def test_standing_cars_do_not_steer_and_steering_is_bounded() -> None:
    still = inverse_bicycle(np.array([0.0, 0.5]), np.array([0.0, 0.0]), np.array(5.0), 0.1)
    np.testing.assert_allclose(still, [[0, 0]])
    spun = inverse_bicycle(np.array([0.0, 3.0]), np.array([1.0, 1.0]), np.array(5.0), 0.1)
    assert spun[0, 1] == pytest.approx(MAX_STEERING_RAD)


def test_heading_wraps_without_a_spike() -> None:
    heading = wrap(np.array([3.10, 3.13, 3.16, 3.19]))
    np.testing.assert_allclose(
        np.diff(inverse_bicycle(heading, np.full(4, 10.0), np.array(5.0), 0.1)[:, 1]), 0, atol=1e-9
    )


@settings(max_examples=30, deadline=None)
@given(st.floats(-6, 18), st.floats(-1.5, 1.5), st.floats(-5, 39), st.integers(0, 3), st.floats(0, 40))
def test_controllers_are_highway_envs(
    y: float, heading: float, speed: float, lane: int, target: float
) -> None:
    from highway_env.vehicle.controller import ControlledVehicle

    road, network = their_road()
    vehicle = ControlledVehicle(road, [100.0, y], heading, speed)
    wanted = vehicle.steering_control(("0", "1", lane))
    along, offset = network.get_lane(("0", "1", lane)).local_coordinates(vehicle.position)  # type: ignore[attr-defined]
    ahead = network.get_lane(("0", "1", lane)).heading_at(along + speed * PURSUIT_TAU_S)  # type: ignore[attr-defined]
    found = steering_control(
        np.array(offset), np.array(ahead), np.array(heading), np.array(speed), np.array(5.0)
    )
    np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(
        speed_control(np.array(target), np.array(speed)),
        vehicle.speed_control(target),
        rtol=1e-12,
        atol=1e-12,
    )


def test_wrap_and_not_zero_are_highway_envs() -> None:
    from highway_env import utils

    angles = np.linspace(-20, 20, 401)
    np.testing.assert_array_equal(wrap(angles), utils.wrap_to_pi(angles))
    values = np.array([-1, -1e-3, -0.0, 0.0, 1e-3, 1e-2, 2.0])
    np.testing.assert_array_equal(not_zero(values), [utils.not_zero(value) for value in values])
