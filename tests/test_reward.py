"""Rewards by hand, their bounds, what must lower them, and highway-env's own."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from worlds import arbitrary, cruising, simulated

from drive_gen.envs.actions import decision_frames
from drive_gen.envs.episode import Episode
from drive_gen.envs.geometry import all_leads
from drive_gen.envs.reward import highway_reward, off_road, returns_to_go, rewards, room
from drive_gen.envs.road import straight_road

unit_rewards = arrays(np.float64, st.tuples(st.integers(1, 12), st.just(3)), elements=st.floats(0, 1))


def only_decision(episode: Episode, agent: int = 0) -> np.ndarray:
    """The reward of the first second."""
    return rewards(episode, agent, np.array([0]), 1.0)[0]


def test_alone_at_full_speed_all_is_one() -> None:
    np.testing.assert_allclose(only_decision(cruising([(0, 0)], [30.0])), 1)


def test_progress_is_the_share_of_the_limit() -> None:
    assert only_decision(cruising([(0, 0)], [18.0]))[0] == pytest.approx(0.6)
    town = straight_road(1, 500, speed_limit_mps=15.0)
    assert only_decision(cruising([(0, 0)], [12.0], road=town))[0] == pytest.approx(0.8)
    free = straight_road(1, 500, speed_limit_mps=float("inf"))
    assert only_decision(cruising([(0, 0)], [36.0], road=free))[0] == 1


@pytest.mark.parametrize(
    ("gap_m", "lead_mps", "expected"),
    [
        (50, 20, 1.0),  # after the second: 40 m at 10 m/s, 4 s
        (35, 20, 0.5),  # 25 m: 2.5 s
        (20, 20, 0.0),  # 10 m: 1 s
        (7.5, 30, 0.5),  # no closing, headway 0.25 s
        (15, 30, 1.0),
    ],
)
def test_safety_at_the_worst_moment(gap_m: float, lead_mps: float, expected: float) -> None:
    episode = cruising([(0, 0), (gap_m + 5, 0)], [30.0, lead_mps])
    assert only_decision(episode)[1] == pytest.approx(expected, abs=1e-4)
    behind = only_decision(episode, agent=1)  # the same room, seen from the car ahead
    assert behind[1] == pytest.approx(expected, abs=1e-4)
    aside = cruising([(0, 0), (gap_m + 5, 4)], [30.0, lead_mps])
    assert only_decision(aside)[1] == 1


def test_room_by_hand() -> None:
    gap = np.array([30.0, 25.0, 10.0, 10.0, -1.0, np.nan])
    closing = np.array([10.0, 10.0, 10.0, -5.0, 0.0, np.nan])
    np.testing.assert_allclose(room(gap, closing, np.full(6, 20.0)), [2 / 3, 0.5, 0, 1, 0, 1])


def test_off_the_road_and_crashed_are_unsafe() -> None:
    assert not off_road(cruising([(0, -1.2)], [20.0]), 0, np.array([0]))  # 0.2 m over the edge
    out = cruising([(0, -1.4)], [20.0])
    assert off_road(out, 0, np.array([0]))
    assert only_decision(out)[1] == 0
    crashed = np.zeros((1, 21), bool)
    crashed[0, 5:] = True
    assert rewards(cruising([(0, 0)], [20.0], crashed=crashed), 0, np.array([0, 5]), 1.0)[:, 1].tolist() == [
        0,
        0,
    ]


def test_comfort_by_hand() -> None:
    episode = cruising([(0, 0)], [20.0])
    episode.speed_mps[0, :6] = [20, 20.5, 21, 21, 21, 21]  # 2.5 m/s^2 in two of five frames
    assert only_decision(episode)[2] == pytest.approx(1 - 0.4 * 0.5)
    turning = cruising([(0, 0)], [20.0])
    turning.heading_rad[0, 1:6] = 0.02 * np.arange(1, 6)  # 0.1 rad/s at 20 m/s
    assert only_decision(turning)[2] == pytest.approx(1 - 2 / 5, abs=1e-4)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000))
def test_rewards_are_bounded_and_need_no_more_than_the_leads(seed: int) -> None:
    episode = arbitrary(seed)
    frames = decision_frames(episode, 1.0)
    for agent in range(episode.agents):
        found = rewards(episode, agent, frames, 1.0)
        assert found.shape == (len(frames), 3)
        assert found.dtype == np.float32
        assert ((found >= 0) & (found <= 1)).all()
        np.testing.assert_array_equal(
            found, rewards(episode, agent, frames, 1.0, all_leads(episode).of(agent))
        )


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.integers(0, 11))
def test_a_crash_never_raises_safety(seed: int, frame: int) -> None:
    episode = replace(arbitrary(seed), crashed=np.zeros((6, 12), bool))
    crashed = episode.crashed.copy()
    crashed[0, frame:] = True
    frames = decision_frames(episode, 1.0)
    before, after = (
        rewards(each, 0, frames, 1.0)[:, 1] for each in (episode, replace(episode, crashed=crashed))
    )
    assert (after <= before).all()
    kept = np.stack((before, after), -1)[:, :, None]
    assert (returns_to_go(kept[:, 1], True) <= returns_to_go(kept[:, 0], False) + 1e-6).all()


def test_returns_to_go_by_hand() -> None:
    paid = np.array([[1.0, 0, 0.5], [0.0, 0, 0.5], [1.0, 0, 0.5]])
    cut = returns_to_go(paid, ended_in_crash=False, discount=0.5)
    np.testing.assert_allclose(cut[:, 0], [1.25 / 1.75, 0.5 / 1.5, 1])
    np.testing.assert_allclose(cut[:, 2], 0.5)
    crash = returns_to_go(paid, ended_in_crash=True, discount=0.5)
    np.testing.assert_allclose(crash[:, 0], [1.25 / 2, 0.5 / 2, 1 / 2])
    assert returns_to_go(np.zeros((0, 3)), False).shape == (0, 3)


@settings(max_examples=30, deadline=None)
@given(unit_rewards, st.booleans(), st.integers(0, 11), st.floats(0, 1))
def test_returns_are_bounded_and_monotone(paid: np.ndarray, crash: bool, place: int, more: float) -> None:
    found = returns_to_go(paid, crash)
    assert ((found >= 0) & (found <= 1 + 1e-6)).all()
    assert (returns_to_go(paid, True) <= returns_to_go(paid, False) + 1e-6).all()
    better = paid.copy()
    better[place % len(paid)] = np.maximum(better[place % len(paid)], more)
    assert (returns_to_go(better, crash) >= found - 1e-6).all()


def test_highway_reward_is_highway_envs() -> None:
    from drive_gen.envs.vector import DriveEnv

    world = DriveEnv(env="highway-fast-v0", record=True)
    draw, compared = np.random.default_rng(1), 0
    for seed in range(4):
        world.reset(seed=seed)
        paid, settled, ended = [], [], False
        while not ended and len(paid) < 15:
            _, reward, ended, _, _ = world.step(int(draw.choice([0, 1, 1, 1, 2, 3, 4])))
            ego = world.stock.unwrapped.vehicle
            paid.append(reward)
            settled.append(ego.lane_index == ego.target_lane_index)
        episode = world.episode("random")
        found = highway_reward(episode, 0, np.arange(1, len(paid) + 1) * 5)
        np.testing.assert_allclose(found[settled], np.array(paid)[settled], atol=1e-5)
        compared += sum(settled)
    assert compared > 20


def test_random_driving_is_worse_than_keeping_room() -> None:
    """The signal a driver learns from must tell the two apart."""
    reckless = np.mean(
        [
            rewards(simulated(seed), 0, decision_frames(simulated(seed), 1.0), 1.0)[:, 1].mean()
            for seed in range(4)
        ]
    )
    traffic = np.mean(
        [
            rewards(simulated(seed), 5, decision_frames(simulated(seed), 1.0), 1.0)[:, 1].mean()
            for seed in range(4)
        ]
    )
    assert reckless < traffic - 0.1
