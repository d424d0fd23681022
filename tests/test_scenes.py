"""Scenes: windows cut from episodes, in a road's own frame, and back without loss."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from traffic import driven

from drive_gen.envs.episode import Episode, make_episode
from drive_gen.envs.files import InputError
from drive_gen.envs.reward import rewards
from drive_gen.envs.road import Lane, Road, straight_road
from drive_gen.generate.config import DiffusionConfig
from drive_gen.generate.scenes import from_motion, resample, road_frame, scenes_of, to_motion, window_starts

CONFIG = DiffusionConfig(frames=40, agents=6)


def turned(episode: Episode, angle_rad: float, shift_m: np.ndarray) -> Episode:
    """The same driving on a road that lies elsewhere."""
    cosine, sine = np.cos(angle_rad), np.sin(angle_rad)
    turn = np.array([[cosine, sine], [-sine, cosine]])
    lanes = tuple(replace(lane, center_m=lane.center_m @ turn + shift_m) for lane in episode.road.lanes)
    return replace(episode, position_m=(episode.position_m @ turn + shift_m).astype(np.float32),
                   heading_rad=(episode.heading_rad + angle_rad).astype(np.float32), road=Road(lanes))


def with_valid(episode: Episode, valid: np.ndarray) -> Episode:
    return make_episode(episode.position_m, episode.heading_rad, episode.speed_mps, episode.size_m, valid,
                        dt_s=episode.dt_s, road=episode.road, source=episode.source, ego=episode.ego)


def test_a_scene_tells_motion_against_its_first_frame() -> None:
    episode = driven()
    scene = scenes_of([episode], CONFIG, stride=5).take(np.array([0]))
    assert scene.state.shape == (1, 6, 40, 4)
    assert scene.valid[0].sum(1).tolist() == [40, 40, 40, 40, 0, 0]
    assert not scene.state[0, 4:].any()
    np.testing.assert_array_equal(scene.state[:, :, 0, :3], 0)
    # Agent 2 is straight ahead in its lane: where it is, less where its first speed would have brought it.
    x, speed = episode.position_m[2, :40, 0].astype(float), episode.speed_mps[2].astype(float)
    cruised = x[0] + speed[0] * 0.2 * np.arange(40)
    slot = scene.origins[0].agents.index(2)
    np.testing.assert_allclose(scene.state[0, slot, :, 0], x - cruised, atol=1e-3)
    np.testing.assert_allclose(scene.state[0, slot, :, 2], speed[:40] - speed[0], atol=1e-4)


def test_the_ego_comes_first_and_then_the_nearest() -> None:
    scenes = scenes_of([driven(agents=8)], CONFIG)
    assert scenes.origins[0].agents == (0, 1, 2, 3, 4, 5)
    assert scenes.known(5).sum((1, 2)).tolist() == [6 * 5] * len(scenes)


@settings(max_examples=30, deadline=None)
@given(angle=st.floats(-3, 3), x_m=st.floats(-500, 500), y_m=st.floats(-500, 500))
def test_scenes_do_not_depend_on_where_the_road_lies(angle: float, x_m: float, y_m: float) -> None:
    episode = driven(frames=40)
    here = scenes_of([episode], CONFIG)
    there = scenes_of([turned(episode, angle, np.array([x_m, y_m]))], CONFIG)
    np.testing.assert_allclose(there.state, here.state, atol=5e-3)
    np.testing.assert_allclose(there.agent, here.agent, atol=5e-3)


def test_motion_survives_the_way_there_and_back() -> None:
    episode = driven()
    scenes = scenes_of([episode], CONFIG)
    motion = to_motion(scenes.state, scenes.start, scenes.valid, 0.2)
    origin = scenes.origins[3]
    expected = episode.position_m[list(origin.agents), origin.start : origin.start + 40] - [origin.x_m, 0]
    np.testing.assert_allclose(motion[3, :4, :, :2], expected, atol=1e-3)
    back = from_motion(motion, scenes.start, scenes.valid, 0.2)
    np.testing.assert_allclose(back, scenes.state, atol=1e-4)


def test_places_are_sums_of_speeds_for_a_bicycle() -> None:
    """The rear axle moves along the heading, so that the features' Euler sums hold to centimetres."""
    scenes = scenes_of([driven()], CONFIG)
    state = scenes.state[:, 1]  # the car that weaves
    summed = np.cumsum(state[:, :-1, 2:] * 0.2, axis=1)
    np.testing.assert_allclose(state[:, 1:, :2], summed, atol=0.03)
    assert np.abs(state[..., 1]).max() > 0.5


def test_the_returns_are_the_egos_mean_rewards_after_the_history() -> None:
    episode = driven()
    scenes = scenes_of([episode], CONFIG)
    frames = scenes.origins[2].start + np.arange(4, 39, 5)
    expected = rewards(resample(episode, 0.2), 0, frames, 1.0).mean(0)
    np.testing.assert_allclose(scenes.returns[2], expected, atol=1e-6)


def test_agents_that_come_and_go_are_known_from_their_own_first_frames() -> None:
    episode = driven(frames=40)
    valid = np.ones((4, 40), bool)
    valid[2, :10], valid[3, 20:25] = False, False  # 2 comes late, 3 leaves and returns
    scenes = scenes_of([with_valid(episode, valid)], CONFIG)
    slots = {agent: slot for slot, agent in enumerate(scenes.origins[0].agents)}
    known = scenes.known(5)[0]
    assert np.flatnonzero(known[slots[2]]).tolist() == [10, 11, 12, 13, 14]
    assert scenes.valid[0, slots[3]].sum() == 20
    assert not scenes.state[0, slots[2], 10, :3].any()


def test_windows_leave_crashes_and_short_stays_out() -> None:
    episode = driven(frames=60)
    assert window_starts(episode, CONFIG, 5) == [(0, 0), (0, 5), (0, 10), (0, 15), (0, 20)]
    crashed = episode.crashed.copy()
    crashed[0, 47:] = True
    assert window_starts(replace(episode, crashed=crashed), CONFIG, 5) == [(0, 0), (0, 5)]
    logged = replace(episode, ego=None)
    assert {ego for ego, _ in window_starts(logged, CONFIG, 5)} == {0, 1, 2, 3}


def test_resampling_by_stride_keeps_frames_and_by_interpolation_the_path() -> None:
    fine = driven(frames=41, dt_s=0.1)
    half = resample(fine, 0.2)
    np.testing.assert_array_equal(half.position_m, fine.position_m[:, ::2])
    odd = resample(fine, 0.15)
    assert odd.steps == 27
    np.testing.assert_allclose(odd.position_m[:, 1], fine.position_m[:, 1:3].mean(1), atol=1e-3)
    np.testing.assert_array_equal(odd.position_m[:, 2], fine.position_m[:, 3])


def test_other_roads_are_refused_by_name() -> None:
    bent = Lane(center_m=np.array([[0.0, 0], [50, 0], [100, 20]]), width_m=4)
    back = Lane(center_m=np.array([[100.0, 4], [0, 4]]), width_m=4)
    straight = Lane(center_m=np.array([[0.0, 0], [100, 0]]), width_m=4)
    for road in (Road((straight, bent)), Road((straight, back))):
        with pytest.raises(InputError, match=r"episode toy/toy/0 .*straight, parallel lanes"):
            scenes_of([driven(road=road)], CONFIG)


def test_too_short_episodes_are_refused() -> None:
    with pytest.raises(InputError, match=r"none of the 1 episodes has 8\.0 s"):
        scenes_of([driven(frames=30)], CONFIG)


def test_lanes_are_told_from_the_left() -> None:
    lanes = straight_road(3, 100.0).lanes
    frame = road_frame(Road((lanes[2], lanes[0], lanes[1])), "here")
    assert frame.lanes_m.tolist() == [0, 4, 8]
    np.testing.assert_allclose(frame.to_world(np.array(5.0), np.array(4.0)), [5, 4])
