"""The lane frame: closed forms, highway-env's own lanes, and there and back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drive_gen.envs.files import InputError
from drive_gen.envs.road import Lane, Road, straight_road

metres = st.floats(-300, 300)


def bend(turn_rad: float = 0.5) -> Lane:
    """100 m straight on, then 100 m turned to the right."""
    end = [100 + 100 * np.cos(turn_rad), 100 * np.sin(turn_rad)]
    return Lane(np.array([[0.0, 0.0], [100.0, 0.0], end]), 4.0)


def test_frame_by_hand() -> None:
    frame = bend().frame_of(np.array([[30.0, 2.0], [-10.0, -1.0]]))
    np.testing.assert_allclose(frame.s_m, [30, -10])
    np.testing.assert_allclose(frame.d_m, [2, -1])
    turned = bend(np.pi / 2).frame_of(np.array([[97.0, 50.0], [110.0, 130.0]]))
    np.testing.assert_allclose(turned.s_m, [150, 230])
    np.testing.assert_allclose(turned.d_m, [3, -10])  # heading +y, the right is -x
    np.testing.assert_allclose(turned.heading_rad, np.pi / 2)
    outer = bend(np.pi / 2).frame_of(np.array([104.0, -3.0]))  # past the corner: the distance is to it
    np.testing.assert_allclose([outer.s_m, outer.d_m], [100, -5])


@settings(max_examples=40, deadline=None)
@given(st.floats(-250, 250), st.floats(-3, 3), st.floats(-0.6, 0.6))
def test_position_at_is_the_inverse(s: float, d: float, turn: float) -> None:
    lane = bend(turn)
    if abs(s - 100) < 3:  # near the kink the frames of both segments meet
        return
    frame = lane.frame_of(lane.position_at(np.array(s), d))
    np.testing.assert_allclose([frame.s_m, frame.d_m], [s, d], atol=1e-9)


@settings(max_examples=40, deadline=None)
@given(metres, metres, st.floats(-4, 4), metres, metres)
def test_a_straight_lane_turns_and_moves_with_the_world(
    x: float, y: float, turn: float, dx: float, dy: float
) -> None:
    spin = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    lane = Lane(np.array([[0.0, 0.0], [200.0, 0.0]]) @ spin.T + [dx, dy], 4.0)
    frame = lane.frame_of(spin @ [x, y] + [dx, dy])
    np.testing.assert_allclose([frame.s_m, frame.d_m], [x, y], atol=1e-8)


@settings(max_examples=20, deadline=None)
@given(st.floats(-50, 10_100), st.floats(-6, 18), st.floats(-0.6, 0.6))
def test_straight_roads_are_highway_envs(x: float, y: float, heading: float) -> None:
    from highway_env.road.road import RoadNetwork

    network, road = RoadNetwork.straight_road_network(4, speed_limit=30), straight_road(4, 10_000)
    here = np.array([x, y])
    for number in range(4):
        theirs = network.get_lane(("0", "1", number))
        frame = road.lanes[number].frame_of(here)
        np.testing.assert_allclose([frame.s_m, frame.d_m], theirs.local_coordinates(here), atol=1e-9)
    distances = sorted(
        network.get_lane(("0", "1", number)).distance_with_heading(here, heading) for number in range(4)
    )
    if distances[1] - distances[0] > 1e-9:
        assert road.nearest_lane(here, np.array(heading)) == network.get_closest_lane_index(here, heading)[2]


def test_nearest_lane_minds_heading_and_ends() -> None:
    back = Lane(np.array([[100.0, 0.5], [0.0, 0.5]]), 4.0)
    road = Road((Lane(np.array([[0.0, 0.0], [100.0, 0.0]]), 4.0), back))
    here = np.array([50.0, 0.3])
    assert road.nearest_lane(here) == 1
    assert road.nearest_lane(here, np.array(0.0)) == 0
    ahead = Road(
        (Lane(np.array([[0.0, 0.0], [50.0, 0.0]]), 4.0), Lane(np.array([[50.0, 0.0], [90.0, 0.0]]), 4.0))
    )
    assert ahead.nearest_lane(np.array([[49.0, 0.0], [51.0, 0.0]])).tolist() == [0, 1]


def test_lane_frame_takes_each_position_in_its_own_lane() -> None:
    road = straight_road(3, 100.0)
    frame = road.lane_frame(np.array([[5.0, 4.5], [5.0, 4.5]]), np.array([0, 1]))
    np.testing.assert_allclose(frame.d_m, [4.5, 0.5])


def test_overhang_by_hand() -> None:
    road = straight_road(2, 100.0)
    points = np.array([[50.0, 4.0], [50.0, 7.0], [50.0, -2.5], [-30.0, 0.0], [130.0, 6.0]])
    np.testing.assert_allclose(road.overhang_m(points), [0, 1, 0.5, 0, 0])  # past the map the road goes on


def test_the_end_of_a_ramp_is_an_end() -> None:
    ramp = Lane(np.array([[0.0, 4.0], [60.0, 4.0]]), 4.0)
    road = Road((straight_road(1, 200.0).lanes[0], ramp))
    np.testing.assert_array_equal(road.open_ends, [[True, True], [True, False]])
    np.testing.assert_allclose(road.overhang_m(np.array([[59.0, 4.0], [70.0, 5.0], [-20.0, 4.0]])), [0, 3, 0])


def test_lanes_aside_follow_the_links() -> None:
    road = straight_road(4, 100.0)
    assert [road.lanes_aside(number) for number in range(4)] == [(0, 3), (1, 2), (2, 1), (3, 0)]
    ring = Road((Lane(np.eye(2), 4.0, left=1), Lane(np.eye(2), 4.0, left=0)))
    assert ring.lanes_aside(0) == (1, 0)  # a ring of links ends too


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Road(()), "at least one lane"),
        (lambda: straight_road(0, 10.0), "at least one lane"),
        (lambda: Lane(np.zeros((1, 2)), 4.0), r"shape \(1, 2\)"),
        (lambda: Lane(np.array([[0, 0], [np.nan, 1]]), 4.0), "finite metres"),
        (lambda: Lane(np.zeros((2, 2)), 4.0), "two equal points"),
        (lambda: Lane(np.eye(2), 0.0), "width_m is 0.0"),
        (lambda: Lane(np.eye(2), float("nan")), "width_m is nan"),
        (lambda: Road((Lane(np.eye(2), 4.0, left=3),)), "lane 0 names left lane 3, of 1 lanes"),
        (lambda: Road((Lane(np.eye(2), 4.0, successors=(0, -1)),)), "successors lane -1"),
    ],
)
def test_impossible_roads_are_refused(build: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        build()  # type: ignore[operator]
