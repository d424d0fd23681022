"""Realism: distances by hand, the floor beside them, and what no car can do."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drive_gen.envs.episode import Episode, Source, make_episode
from drive_gen.envs.files import InputError
from drive_gen.envs.kinematics import roll_out
from drive_gen.envs.road import straight_road
from drive_gen.evaluate.realism import (
    RANGES,
    infeasible_share,
    jensen_shannon,
    realism_against_floor,
    realism_table,
    signals_of,
)


def pair(speed_mps: float, gap_m: float, group: str = "a", frames: int = 50, offset_m: float = 0.0,
         dt_s: float = 0.1) -> Episode:
    """Two cars of 5 x 2 m in one lane, one behind the other, at one speed."""
    start = np.array([[0.0, offset_m], [gap_m + 5, offset_m]])
    time = np.arange(frames) * dt_s
    position = start[:, None] + speed_mps * time[None, :, None] * np.array([1.0, 0.0])
    shape = (2, frames)
    return make_episode(position, np.zeros(shape), np.full(shape, speed_mps), np.tile([5.0, 2.0], (2, 1)),
                        np.ones(shape, bool), dt_s=dt_s, road=straight_road(2, 2000.0),
                        source=Source("simulated", "test", group))


def test_signals_by_hand() -> None:
    signals = signals_of([pair(20.0, 30.0, offset_m=0.5)])
    expected = {"speed_mps": 20, "acceleration_mps2": 0, "jerk_mps3": 0, "gap_m": 30, "headway_s": 1.5,
                "lateral_offset_m": 0.5}
    for name, value in expected.items():
        np.testing.assert_allclose(signals[name], value, atol=1e-4, err_msg=name)
    assert len(signals["gap_m"]) == 50  # the follower's alone
    assert len(signals["acceleration_mps2"]) == 2 * 24  # over 0.2 s: every second frame


def test_distances_by_hand() -> None:
    rows = {row.signal: row for row in realism_table([pair(20.0, 30.0)], [pair(20.0, 30.0)],
                                                     [pair(22.0, 25.0)])}
    assert rows["speed_mps"].w1 == pytest.approx(2.0, abs=1e-5)
    assert rows["gap_m"].w1 == pytest.approx(5.0, abs=1e-4)
    assert (rows["speed_mps"].jsd, rows["speed_mps"].jsd_floor) == (1.0, 0.0)
    assert rows["acceleration_mps2"].w1 == rows["gap_m"].w1_floor == 0.0


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32), st.floats(-2, 2))
def test_jsd_is_a_divergence(seed: int, shift: float) -> None:
    rng = np.random.default_rng(seed)
    one, other = rng.normal(size=300), rng.normal(shift, size=200)
    both = jensen_shannon(one, other, -5, 5)
    assert 0 <= both <= 1
    assert both == pytest.approx(jensen_shannon(other, one, -5, 5))
    assert jensen_shannon(one, one, -5, 5) == 0
    assert jensen_shannon(one, one + 100, -200, 200) == pytest.approx(1)


def test_halves_of_the_same_recordings_are_their_own_floor() -> None:
    """The generated episodes are the real ones: they are at the floor, and a shift is not."""
    real = [pair(speed, 20 + speed, f"recording {number}", frames=12)
            for number, speed in enumerate(np.linspace(15, 25, 12))]
    rows = {row.signal: row for row in realism_against_floor(real, real, splits=16)}
    assert rows["speed_mps"].w1 < rows["speed_mps"].w1_floor
    faster = [pair(speed + 10, 20 + speed, frames=12) for speed in np.linspace(15, 25, 12)]
    moved = {row.signal: row for row in realism_against_floor(real, faster, splits=16)}
    assert moved["speed_mps"].w1 > 3 * moved["speed_mps"].w1_floor
    assert moved["speed_mps"].w1_floor == rows["speed_mps"].w1_floor
    assert set(moved) == set(RANGES)


def test_a_floor_needs_two_groups() -> None:
    with pytest.raises(InputError, match="1 group"):
        realism_against_floor([pair(20, 30), pair(21, 30)], [pair(20, 30)])


def test_the_bicycle_itself_is_feasible_and_a_jump_is_not() -> None:
    control = np.zeros((1, 30, 2))
    control[0, 5:20] = (2.0, 0.05)
    control[0, 20:] = (1.0, -0.05)
    position, heading, speed = roll_out(np.zeros((1, 2)), np.zeros(1), np.full(1, 15.0), control,
                                        np.array([5.0]), 0.2)
    driven = make_episode(position, heading, speed, np.array([[5.0, 2.0]]), np.ones((1, 31), bool), dt_s=0.2,
                          road=straight_road(3, 1000.0), source=Source("simulated", "test", "a"))
    assert infeasible_share([driven]) == 0
    jumped = driven.position_m.copy()
    jumped[0, 10:] += 0.5
    assert infeasible_share([replace(driven, position_m=jumped)]) == pytest.approx(1 / 30)
    leapt = driven.speed_mps.copy()
    leapt[0, 10:] += 3.0  # 15 m/s^2: that step, its jerk, and the next one's; positions no longer agree after
    assert infeasible_share([replace(driven, speed_mps=leapt)]) > 0.5
    assert np.isnan(infeasible_share([]))


def driven(control: np.ndarray, speed_mps: float = 15.0, group: str = "a") -> Episode:
    """One car of 5 m that the bicycle drives with controls (30, 2), acceleration and steering, at 5 Hz."""
    position, heading, speed = roll_out(np.zeros((1, 2)), np.zeros(1), np.full(1, speed_mps), control[None],
                                        np.array([5.0]), 0.2)
    return make_episode(position, heading, speed, np.array([[5.0, 2.0]]), np.ones((1, 31), bool), dt_s=0.2,
                        road=straight_road(3, 1000.0), source=Source("simulated", "test", group))


@pytest.mark.parametrize(("acceleration_mps2", "share"), [(4.9, 0.0), (5.1, 1.0), (-7.9, 0.0), (-8.1, 1.0)])
def test_limits_of_acceleration(acceleration_mps2: float, share: float) -> None:
    control = np.tile([acceleration_mps2, 0.0], (30, 1))
    assert infeasible_share([driven(control, 300.0)]) == share


@pytest.mark.parametrize(("step_mps2", "share"), [(2.9, 0.0), (3.1, 29 / 30)])
def test_a_limit_of_jerk(step_mps2: float, share: float) -> None:
    """Acceleration to and fro every .2 s; the first interval has no jerk."""
    control = np.stack((step_mps2 / 2 * (-1.0) ** np.arange(30), np.zeros(30)), axis=-1)
    assert infeasible_share([driven(control)]) == pytest.approx(share)


@pytest.mark.parametrize(("yaw_radps", "share"), [(0.94, 0.0), (0.96, 1.0), (-0.96, 1.0)])
def test_a_limit_of_turning(yaw_radps: float, share: float) -> None:
    """The bicycle turns at v sin(slip) / (L / 2), with tan(slip) = tan(steering) / 2."""
    steering = np.arctan(2 * np.tan(np.arcsin(yaw_radps * 2.5 / 15)))
    assert infeasible_share([driven(np.tile([0.0, steering], (30, 1)))]) == share


def test_two_recordings_are_enough_and_no_lead_is_no_row() -> None:
    alone = [driven(np.zeros((30, 2)), speed, group) for speed, group in ((15.0, "a"), (16.0, "b"))]
    rows = {row.signal: row for row in realism_against_floor(alone, alone[:1], splits=4)}
    assert set(rows) == set(RANGES) - {"gap_m", "headway_s"}
    assert rows["speed_mps"].w1_floor == pytest.approx(1.0, abs=1e-5)
