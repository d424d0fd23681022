"""Meta-actions against highway-env's own ego, and actions inferred from motion against those taken."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from worlds import cruising, simulated

from drive_gen.envs.actions import (
    FASTER,
    IDLE,
    LEFT,
    RIGHT,
    SLOWER,
    MetaController,
    decision_frames,
    infer_controls,
    infer_meta,
    lanes_between,
    speed_index,
)
from drive_gen.envs.episode import META_ACTIONS, Episode, Source, make_episode
from drive_gen.envs.files import InputError
from drive_gen.envs.kinematics import step_bicycle
from drive_gen.envs.road import Lane, Road, straight_road

GRID = (20.0, 25.0, 30.0)


def driven(
    actions: list[int],
    lane: int = 1,
    speed_mps: float = 25.0,
    grid: tuple[float, ...] = GRID,
    dt_s: float = 0.2,
    decision_s: float = 1.0,
) -> Episode:
    """One car that takes a meta-action every second, unless told, on a three-lane road."""
    road, every = straight_road(3, 10_000), round(decision_s / dt_s)
    state = (np.array([50.0, 4.0 * lane]), np.array(0.0), np.array(speed_mps))
    controller = MetaController(road, state[0], 0.0, speed_mps, target_speeds_mps=grid)
    states = [state]
    for frame in range(len(actions) * every):
        if frame % every == 0:
            controller.decide(actions[frame // every], state[0], float(state[2]))
        control = controller.control(state[0], float(state[1]), float(state[2]))
        state = step_bicycle(*state, control, np.array(5.0), dt_s)
        states.append(state)
    position, heading, speed = (np.stack(each)[None] for each in zip(*states, strict=True))
    return make_episode(
        position,
        heading,
        speed,
        np.array([[5.0, 2.0]]),
        np.ones(speed.shape, bool),
        dt_s=dt_s,
        road=road,
        source=Source("simulated", "test", "test"),
        ego=0,
    )


@settings(max_examples=8, deadline=None)
@given(
    st.lists(st.integers(0, 4), min_size=1, max_size=12),
    st.integers(0, 3),
    st.floats(1, 39),
    st.sampled_from([GRID, tuple(np.linspace(0, 40, 9)), (10.0,)]),
)
def test_controls_equal_highway_envs(
    actions: list[int], lane: int, speed: float, grid: tuple[float, ...]
) -> None:
    from highway_env.road.road import Road as TheirRoad
    from highway_env.road.road import RoadNetwork
    from highway_env.vehicle.controller import MDPVehicle

    if len(grid) == 1:  # theirs divides by the width of the grid
        grid = (10.0, 15.0)
    network = RoadNetwork.straight_road_network(4, speed_limit=30)
    vehicle = MDPVehicle(
        TheirRoad(network, np_random=np.random.RandomState(0)),
        [100.0, 4.0 * lane],
        0.0,
        speed,
        target_speeds=np.array(grid),
    )
    ours = MetaController(straight_road(4, 10_000), vehicle.position, 0.0, speed, target_speeds_mps=grid)
    for action in actions:
        vehicle.act(META_ACTIONS[action])
        ours.decide(action, vehicle.position, vehicle.speed)
        for _ in range(3):
            vehicle.act()
            expected = vehicle.action["acceleration"], vehicle.action["steering"]
            found = ours.control(vehicle.position, vehicle.heading, vehicle.speed)
            np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)
            vehicle.step(0.2)
    assert (ours.lane, ours.target_speed_mps) == (vehicle.target_lane_index[2], vehicle.target_speed)


def test_speed_index_rounds_half_to_even_and_stays_on_the_grid() -> None:
    np.testing.assert_array_equal(speed_index(np.array([-5, 22.4, 22.5, 27.5, 99]), GRID), [0, 0, 0, 2, 2])
    assert speed_index(17.0, (10.0,)) == 0


def test_a_lane_out_of_reach_is_not_taken() -> None:
    road = straight_road(4, 1000)
    controller = MetaController(road, np.array([50.0, 0.0]), 0.0, 25.0)
    for expected in (1, 2, 2):  # lane 3 is 12 m away, more than two lane widths
        controller.decide(RIGHT, np.array([50.0, 0.0]), 25.0)
        assert controller.lane == expected


def test_the_target_goes_on_to_the_nearest_successor() -> None:
    road = Road(
        (
            Lane(np.array([[0.0, 0.0], [100.0, 0.0]]), 4.0, successors=(1, 2)),
            Lane(np.array([[100.0, 9.0], [200.0, 9.0]]), 4.0),
            Lane(np.array([[100.0, 1.0], [200.0, 1.0]]), 4.0),
        )
    )
    controller = MetaController(road, np.array([90.0, 0.0]), 0.0, 20.0)
    controller.control(np.array([97.0, 0.0]), 0.0, 20.0)
    assert controller.lane == 0
    controller.control(np.array([98.0, 0.0]), 0.0, 20.0)
    assert controller.lane == 2


def test_decisions_have_their_whole_interval() -> None:
    episode = cruising([(0, 0)], [20.0], frames=11)
    np.testing.assert_array_equal(decision_frames(episode, 1.0), [0, 5])
    np.testing.assert_array_equal(decision_frames(cruising([(0, 0)], [20.0], frames=10), 1.0), [0])
    with pytest.raises(InputError, match="do not fit frames every"):
        decision_frames(episode, 0.3)


@pytest.mark.parametrize(
    "actions",
    [
        [IDLE, FASTER, IDLE, SLOWER, SLOWER, IDLE],
        [LEFT, IDLE, RIGHT, RIGHT, IDLE, LEFT],
        [RIGHT, FASTER, LEFT, SLOWER],
        [FASTER, LEFT, IDLE, RIGHT, SLOWER, IDLE, FASTER],
    ],
)
@pytest.mark.parametrize("dt_s", [0.2, 1 / 15, 0.04])
def test_inferred_actions_are_those_taken(actions: list[int], dt_s: float) -> None:
    episode = driven(actions, dt_s=dt_s)
    assert infer_meta(episode, 0, decision_frames(episode, 1.0), GRID).tolist() == actions


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.integers(0, 4), min_size=1, max_size=10),
    st.integers(0, 2),
    st.sampled_from([GRID, tuple(np.linspace(5, 40, 8))]),  # a car that nearly stands shows no lane change
)
def test_inferred_actions_drive_as_those_taken(
    actions: list[int], lane: int, grid: tuple[float, ...]
) -> None:
    episode = driven(actions, lane, grid=grid)
    inferred = infer_meta(episode, 0, decision_frames(episode, 1.0), grid).tolist()
    again = driven(inferred, lane, grid=grid)
    np.testing.assert_allclose(again.position_m, episode.position_m, atol=1e-3)


@pytest.mark.parametrize("actions", [[IDLE, LEFT, IDLE, IDLE], [RIGHT, FASTER, IDLE, LEFT], [LEFT, RIGHT]])
def test_a_lane_change_is_seen_before_the_line_is_crossed(actions: list[int]) -> None:
    episode = driven(actions, dt_s=1 / 15, decision_s=0.4)
    assert infer_meta(episode, 0, decision_frames(episode, 0.4), GRID, 0.4).tolist() == actions


def test_what_motion_cannot_show_is_idle() -> None:
    episode = driven([LEFT, SLOWER, FASTER], lane=0, speed_mps=20.0)
    assert infer_meta(episode, 0, decision_frames(episode, 1.0), GRID).tolist() == [IDLE, IDLE, FASTER]


def test_inference_on_simulated_episodes() -> None:
    agree = total = 0
    for seed in range(6):
        episode = simulated(seed)
        frames = decision_frames(episode, 1.0)
        inferred = infer_meta(episode, 0, frames, GRID)
        taken = episode.meta_action[0, frames]
        seen = inferred != IDLE  # precision: the rest may have had no effect
        agree, total = agree + int((inferred == taken)[seen].sum()), total + int(seen.sum())
    assert total > 15
    assert agree / total > 0.95


def slow_change(side: int, seconds: float = 5.0) -> Episode:
    """A lane change as people make it: half a cosine over 5 s, begun after 2 s."""
    time = np.arange(101) * 0.1
    share = np.clip((time - 2) / seconds, 0, 1)
    y = 4 + side * 2 * (1 - np.cos(np.pi * share))
    heading = np.arctan2(np.gradient(y, 0.1), 25.0)
    return make_episode(
        np.stack((25 * time, y), -1)[None],
        heading[None],
        np.full((1, 101), 25.0),
        np.array([[5.0, 2.0]]),
        np.ones((1, 101), bool),
        dt_s=0.1,
        road=straight_road(3, 1000),
        source=Source("logged", "test", "test"),
    )


@pytest.mark.parametrize(("side", "action"), [(-1, LEFT), (1, RIGHT)])
def test_a_slow_lane_change_is_one_decision_near_its_start(side: int, action: int) -> None:
    episode = slow_change(side)
    inferred = infer_meta(episode, 0, decision_frames(episode, 1.0), GRID)
    assert np.flatnonzero(inferred == action).tolist() in ([2], [3])
    assert set(inferred.tolist()) == {action, IDLE}


def test_lane_keeping_noise_is_idle() -> None:
    draw, episode = np.random.default_rng(0), slow_change(0)
    shaken = replace(
        episode, position_m=(episode.position_m + draw.normal(0, 0.1, (1, 101, 2))).astype(np.float32)
    )
    assert set(infer_meta(shaken, 0, decision_frames(shaken, 1.0), GRID).tolist()) == {IDLE}


def test_mirrored_motion_mirrors_the_actions() -> None:
    episode = driven([LEFT, IDLE, RIGHT, FASTER, RIGHT, SLOWER])
    flip = np.array([1, -1], np.float32)
    lanes = tuple(
        replace(lane, center_m=lane.center_m * flip, left=lane.right, right=lane.left)
        for lane in episode.road.lanes
    )
    turned = replace(
        episode, position_m=episode.position_m * flip, heading_rad=-episode.heading_rad, road=Road(lanes)
    )
    frames = decision_frames(episode, 1.0)
    swap = np.array([RIGHT, IDLE, LEFT, FASTER, SLOWER])
    np.testing.assert_array_equal(
        infer_meta(turned, 0, frames, GRID), swap[infer_meta(episode, 0, frames, GRID)]
    )


def test_going_on_to_the_next_segment_is_no_lane_change() -> None:
    segments = [
        Lane(
            np.array([[x, y], [x + 50.0, y]]),
            4.0,
            left=None if y == 0 else number - 1,
            right=number + 1 if y == 0 else None,
            successors=(number + 2,) if x < 450 else (),
        )
        for number, (x, y) in enumerate((50.0 * step, y) for step in range(10) for y in (0.0, 4.0))
    ]
    road = Road(tuple(segments))
    assert (lanes_between(road, 0, 6), lanes_between(road, 0, 7), lanes_between(road, 7, 0)) == (0, 1, 0)
    episode = replace(driven([IDLE, LEFT, IDLE, RIGHT, IDLE, IDLE]), road=road)
    assert infer_meta(episode, 0, decision_frames(episode, 1.0), GRID).tolist() == [
        IDLE,
        LEFT,
        IDLE,
        RIGHT,
        IDLE,
        IDLE,
    ]


def test_controls_are_the_recorded_ones_or_explain_the_motion() -> None:
    episode = driven([FASTER, LEFT])
    frames = decision_frames(episode, 1.0)
    found = infer_controls(episode, 0, frames)
    mean = np.diff(episode.speed_mps[0, [0, 5, 10]])
    np.testing.assert_allclose(found[:, 0], mean, rtol=1e-4)
    assert abs(found[0, 1]) < 1e-6
    known = np.zeros((1, episode.steps), bool)
    known[0, 5:10] = True
    recorded = replace(episode, control=np.full((1, episode.steps, 2), 0.5, np.float32), control_known=known)
    np.testing.assert_allclose(infer_controls(recorded, 0, frames), [found[0], [0.5, 0.5]], rtol=1e-6)


def test_a_crash_does_not_read_as_braking() -> None:
    episode = driven([IDLE, IDLE])
    episode.speed_mps[0, 8:] = 0
    crashed = episode.crashed.copy()
    crashed[0, 8:] = True
    hit = replace(episode, crashed=crashed)
    assert infer_meta(hit, 0, decision_frames(hit, 1.0), GRID).tolist() == [IDLE, IDLE]
    assert infer_meta(episode, 0, decision_frames(hit, 1.0), GRID).tolist() == [IDLE, SLOWER]


def test_a_decision_needs_something_after_it() -> None:
    episode = cruising([(0, 0)], [20.0], frames=5)
    with pytest.raises(IndexError, match="no frame follows the decision at frame 4 of 5"):
        infer_meta(episode, 0, np.array([4]), GRID)


@pytest.mark.parametrize(("at_m", "turns"), [(98.5, False), (99.5, True)])
def test_steering_looks_a_tenth_of_a_second_ahead(at_m: float, turns: bool) -> None:
    """10 m/s: 1 m ahead. The lane bends by .1 rad at 100 m; a car on its centre line is headed along it."""
    bend = np.array([[0.0, 0.0], [100.0, 0.0], [100 + 100 * np.cos(0.1), 100 * np.sin(0.1)]])
    road = Road((Lane(bend, 4.0),))
    here = np.array([at_m, 0.0])
    _, steering = MetaController(road, here, 0.0, 10.0, target_speeds_mps=GRID).control(here, 0.0, 10.0)
    assert (steering > 0.01) == turns
    assert turns or abs(steering) < 1e-9
