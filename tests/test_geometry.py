"""Boxes against polygons clipped point by point, and leads against plain loops."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from worlds import arbitrary, cruising

from drive_gen.envs.episode import Episode
from drive_gen.envs.geometry import Leads, all_leads, corners, leads, overlaps
from drive_gen.envs.road import straight_road

number = st.floats(-6, 6)
angle = st.floats(-4, 4)
size = st.tuples(st.floats(0.5, 8), st.floats(0.5, 3))


def test_corners_by_hand() -> None:
    square = corners(np.array([10.0, 20.0]), np.array(np.pi / 2), np.array([4.0, 2.0]))
    # heading +y: front is +y, the driver's right is -x
    np.testing.assert_allclose(square, [[11, 22], [9, 22], [9, 18], [11, 18]], atol=1e-12)
    assert corners(np.zeros((3, 5, 2)), np.zeros((3, 5)), np.ones((3, 1, 2))).shape == (3, 5, 4, 2)


@pytest.mark.parametrize(
    ("ahead_m", "aside_m", "expected"),
    [(4.9, 0, True), (5.1, 0, False), (0, 1.9, True), (0, 2.1, False), (5.0, 2.0, True)],
)
def test_boxes_side_by_side(ahead_m: float, aside_m: float, expected: bool) -> None:
    here, there, box = np.zeros(2), np.array([ahead_m, aside_m]), np.array([5.0, 2.0])
    assert overlaps(here, np.array(0.0), box, there, np.array(0.0), box) == expected


def test_crossed_boxes_overlap_though_no_corner_is_inside() -> None:
    box = np.array([10.0, 1.0])
    assert overlaps(np.zeros(2), np.array(0.0), box, np.zeros(2), np.array(np.pi / 2), box)
    # A turned box whose bounding box overlaps, and whose body does not.
    assert not overlaps(np.zeros(2), np.array(0.0), box, np.array([6.0, 4.0]), np.array(-np.pi / 4), box)


@settings(max_examples=40, deadline=None)
@given(number, number, angle, angle, size, size, angle)
def test_overlap_is_that_of_sampled_points(
    x: float,
    y: float,
    a: float,
    b: float,
    size_a: tuple[float, float],
    size_b: tuple[float, float],
    turn: float,
) -> None:
    here, there = np.zeros(2), np.array([x, y])
    one, other = np.array(size_a), np.array(size_b)
    found = bool(overlaps(here, np.array(a), one, there, np.array(b), other))
    assert found == bool(overlaps(there, np.array(b), other, here, np.array(a), one))
    spin = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    grid = (
        np.stack(np.meshgrid(np.linspace(-0.5, 0.5, 60), np.linspace(-0.5, 0.5, 60)), -1).reshape(-1, 2)
        * other
    )
    points = grid @ np.array([[np.cos(b), np.sin(b)], [-np.sin(b), np.cos(b)]]) + there
    local = points @ np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]])
    if (np.abs(local) <= one / 2).all(-1).any():
        assert found
    larger = np.abs(local) <= one / 2 + 0.2  # the grid is finer than 0.2 m, so a true overlap shows in it
    if not larger.all(-1).any():
        assert not found
    turned = overlaps(here, np.array(a + turn), one + 1e-9, spin @ there, np.array(b + turn), other + 1e-9)
    assert bool(turned) == found or not bool(
        overlaps(here, np.array(a), one - 1e-6, there, np.array(b), other)
    )


def test_leads_by_hand() -> None:
    episode = cruising([(0, 0), (35, 0), (20, 4), (-15, 0), (60, 0)], [30, 20, 10, 32, 5], frames=2, dt_s=0.1)
    seen = leads(episode, 0)
    assert (seen.lead[0], seen.follower[0], seen.lane[0]) == (1, 3, 0)
    np.testing.assert_allclose([seen.gap_m[0], seen.closing_mps[0], seen.lead_speed_mps[0]], [30, 10, 20])
    np.testing.assert_allclose(
        [seen.follower_gap_m[0], seen.follower_closing_mps[0], seen.speed_mps[0]], [10, 2, 30]
    )
    np.testing.assert_allclose(seen.gap_m[1], 29, atol=1e-5)
    alone = leads(episode, 2)
    assert alone.lead[0] == alone.follower[0] == -1
    assert np.isnan(alone.gap_m).all()


@pytest.mark.parametrize(
    ("offset_m", "seen_from"),
    [(0.0, {0}), (1.2, {0}), (1.4, {0, 1}), (2.0, {0, 1}), (2.6, {0, 1}), (2.8, {1})],
)
def test_a_car_between_lanes_is_seen_from_both(offset_m: float, seen_from: set[int]) -> None:
    episode = cruising([(0, 0), (0, 4), (30, offset_m)], [20, 20, 20], frames=1)
    assert {agent for agent in (0, 1) if leads(episode, agent).lead[0] == 2} == seen_from


def plain_leads(episode: Episode, agent: int, frame: int) -> tuple[int, int]:
    """Lead and follower by a loop over the cars, straight from the definition."""
    road, here = episode.road, episode.position_m[agent, frame]
    lane = road.lanes[int(road.nearest_lane(here, episode.heading_rad[agent, frame]))]
    own = float(lane.frame_of(here).s_m)
    best, found = {1: np.inf, -1: np.inf}, {1: -1, -1: -1}
    for other in np.flatnonzero(episode.valid[:, frame]):
        place = lane.frame_of(episode.position_m[other, frame])
        heading = float(episode.heading_rad[other, frame]) - float(place.heading_rad)
        box = corners(
            np.array([place.s_m, place.d_m]), np.array(heading), episode.size_m[other].astype(float)
        )
        nearest = max(0, min(abs(box[:, 1])) if box[:, 1].min() * box[:, 1].max() > 0 else 0)
        inside = abs(place.d_m) < lane.width_m / 2 or nearest < lane.width_m / 2 - 0.3
        side = 1 if place.s_m > own else -1
        if other != agent and inside and abs(place.s_m - own) < best[side]:
            best[side], found[side] = abs(place.s_m - own), int(other)
    return found[1], found[-1]


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10_000))
def test_leads_are_those_of_a_plain_loop(seed: int) -> None:
    episode = arbitrary(seed)
    every = all_leads(episode)
    for agent in range(episode.agents):
        one = leads(episode, agent)
        for item in dataclasses.fields(Leads):
            np.testing.assert_array_equal(getattr(one, item.name), getattr(every.of(agent), item.name))
        for frame in range(0, episode.steps, 3):
            expected = plain_leads(episode, agent, frame) if episode.valid[agent, frame] else (-1, -1)
            assert (one.lead[frame], one.follower[frame]) == expected


def test_leads_come_in_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    episode = arbitrary(3)
    whole = all_leads(episode)
    monkeypatch.setattr("drive_gen.envs.geometry.CHUNK_PAIRS", 1)
    np.testing.assert_array_equal(all_leads(episode).gap_m, whole.gap_m)
    np.testing.assert_array_equal(leads(episode, 2, np.array([1, 5])).gap_m, whole.gap_m[2, [1, 5]])
    np.testing.assert_array_equal(whole.of(2).at(np.array([1, 5])).gap_m, whole.gap_m[2, [1, 5]])


def test_oncoming_traffic_closes_at_both_speeds() -> None:
    episode = cruising([(0, 0), (100, 0)], [20, 10], frames=1, road=straight_road(1, 500))
    episode.heading_rad[1] = np.pi
    assert leads(episode, 0).closing_mps[0] == pytest.approx(30)
