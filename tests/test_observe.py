"""What a driver sees: by hand, and what must and must not change it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from worlds import arbitrary, cruising, simulated

from drive_gen.envs.episode import ARRAYS, Episode
from drive_gen.envs.observe import NEIGHBOURS, RANGE_M, SHAPE, observe, observe_scene
from drive_gen.envs.road import Lane, Road, straight_road

seeds = st.integers(0, 10_000)


def moved(episode: Episode, shift_m: tuple[float, float], turn_rad: float) -> Episode:
    """The whole world turned, then shifted."""
    spin = np.array([[np.cos(turn_rad), -np.sin(turn_rad)], [np.sin(turn_rad), np.cos(turn_rad)]])
    lanes = tuple(replace(lane, center_m=lane.center_m @ spin.T + shift_m) for lane in episode.road.lanes)
    return replace(
        episode,
        road=Road(lanes),
        position_m=(episode.position_m @ spin.T + shift_m).astype(np.float32),
        heading_rad=(episode.heading_rad + turn_rad).astype(np.float32),
    )


def test_by_hand() -> None:
    episode = cruising([(0, 4.4), (25, 8), (-10, 0), (400, 4)], [20.0, 25.0, 10.0, 30.0], frames=2)
    episode.heading_rad[1] = 0.1
    seen = observe(episode, 0)
    assert seen.shape == (2, *SHAPE)
    assert seen.dtype == np.float32
    np.testing.assert_allclose(seen[0, 0], [1, 1, 0, 0.1, 0.25, 0.25, 1, 1, 1], atol=1e-6)
    behind, ahead = seen[0, 1], seen[0, 2]  # nearest first
    np.testing.assert_allclose(behind, [1, -0.2, -1.1, -1, 0, 0, 1, 1, 0.5], atol=1e-6)
    along, across = 25 * np.cos(0.1), 25 * np.sin(0.1)
    np.testing.assert_allclose(
        ahead, [1, 0.5, 0.9, (along - 20) / 10, across / 5, np.sin(0.1), 1, 1, 1.25], atol=1e-6
    )
    assert not seen[0, 3:].any()  # one is 400 m away


def test_lanes_without_a_limit_count_as_40_mps() -> None:
    road = straight_road(1, 500, speed_limit_mps=float("inf"))
    assert observe(cruising([(0, 0)], [20.0], road=road), 0)[0, 0, 6] == pytest.approx(4 / 3)


@settings(max_examples=15, deadline=None)
@given(seeds)
def test_the_mirrored_world_is_seen_mirrored(seed: int) -> None:
    episode = arbitrary(seed)
    swapped = tuple(
        replace(lane, center_m=lane.center_m * [1, -1], left=lane.right, right=lane.left)
        for lane in episode.road.lanes
    )
    other = replace(
        episode,
        position_m=episode.position_m * np.array([1, -1], np.float32),
        heading_rad=-episode.heading_rad,
        road=Road(swapped),
    )
    plain, turned = observe(episode, 0), observe(other, 0)
    plain[:, 0, [2, 3]] *= -1
    plain[:, 0, [4, 5]] = plain[:, 0, [5, 4]]
    plain[:, 1:, [2, 4, 5]] *= -1
    np.testing.assert_allclose(turned, plain, atol=1e-5)


@settings(max_examples=15, deadline=None)
@given(seeds)
def test_the_numbering_of_agents_does_not_matter(seed: int) -> None:
    episode = arbitrary(seed, agents=9)
    order = np.random.default_rng(seed).permutation(9)
    np.testing.assert_array_equal(observe(episode, 0), observe(episode.only(order), int(np.argmin(order))))


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 5), st.floats(-500, 500), st.floats(-500, 500), st.floats(-3, 3))
def test_the_place_and_direction_of_the_world_do_not_matter(
    seed: int, x: float, y: float, turn: float
) -> None:
    episode = simulated(seed)
    frames = np.arange(0, episode.steps, 7)
    np.testing.assert_allclose(
        observe(moved(episode, (x, y), turn), 0, frames), observe(episode, 0, frames), atol=2e-3
    )


def test_further_along_a_straight_road_all_looks_the_same() -> None:
    episode = cruising([(0, 4), (25, 8), (-10, 0)], [20.0, 25.0, 10.0])
    there = replace(episode, position_m=episode.position_m + np.array([128, 0], np.float32))
    np.testing.assert_array_equal(observe(there, 0), observe(episode, 0))


@settings(max_examples=15, deadline=None)
@given(seeds)
def test_absent_agents_are_not_seen_whatever_their_entries(seed: int) -> None:
    episode = arbitrary(seed)
    filled = replace(
        episode,
        **{
            name: np.where(
                episode.valid.reshape(*episode.valid.shape, *[1] * (getattr(episode, name).ndim - 2)),
                getattr(episode, name),
                7,
            ).astype(ARRAYS[name][0])
            for name in ("position_m", "heading_rad", "speed_mps")
        },
    )
    np.testing.assert_array_equal(observe(filled, 0), observe(episode, 0))
    assert not observe(episode, 0)[~episode.valid[0]].any()
    counts = observe(episode, 0)[:, 1:, 0].sum(1)
    assert (counts <= episode.valid[1:].sum(0)).all()


def test_no_more_than_the_nearest_are_seen_and_none_beyond_range() -> None:
    starts = [(0.0, 4.0), *((5.0 * step, 4.0) for step in range(1, 25))]
    seen = observe(cruising(starts, [20.0] * 25, frames=1), 0)[0]
    np.testing.assert_allclose(seen[1:, 1] * 50, 5.0 * np.arange(1, NEIGHBOURS + 1), rtol=1e-5)
    edge = cruising([(0, 4), (RANGE_M - 1, 4), (RANGE_M + 1, 4)], [20.0] * 3, frames=1)
    assert observe(edge, 0)[0, 1:, 0].sum() == 1


@settings(max_examples=15, deadline=None)
@given(seeds, st.integers(0, 11))
def test_a_scene_is_seen_as_its_episode(seed: int, frame: int) -> None:
    episode = arbitrary(seed)
    if episode.valid[0, frame]:
        place = int(episode.valid[:1, frame].sum()) - 1
        np.testing.assert_array_equal(observe_scene(episode.scene(frame), place), observe(episode, 0)[frame])


def test_frames_are_those_asked_for() -> None:
    episode = simulated(0)
    np.testing.assert_array_equal(observe(episode, 0, np.array([3, 9])), observe(episode, 0)[[3, 9]])


def test_an_ego_off_every_lane_is_still_in_the_nearest() -> None:
    lane = Lane(np.array([[0.0, 0.0], [10.0, 0.0]]), 4.0)
    seen = observe(cruising([(50, 10)], [20.0], frames=1, road=Road((lane,))), 0)[0, 0]
    assert seen[3] == pytest.approx(2.5)
    assert np.isfinite(seen).all()
