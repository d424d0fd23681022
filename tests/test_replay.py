"""Log replay: the same commands give the same motion back, and contacts are told apart."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drive_gen.data.store import read_episodes, write_episodes
from drive_gen.envs.actions import CONTROL_SCALE, IDLE, SLOWER, MetaController
from drive_gen.envs.episode import Episode, Source, make_episode
from drive_gen.envs.files import InputError
from drive_gen.envs.kinematics import roll_out
from drive_gen.envs.observe import observe
from drive_gen.envs.replay import Collision, Replay
from drive_gen.envs.road import straight_road

LENGTH_M, DT_S = 5.0, 0.1


def log(positions: list[np.ndarray], headings: list[np.ndarray], speeds: list[np.ndarray],
        valid: np.ndarray | None = None) -> Episode:
    """A log of cars of 5 by 2 m on three lanes, ids 10, 11, ..."""
    agents, steps = len(positions), len(speeds[0])
    source = Source(kind="logged", name="rec", group="rec", licence="free")
    return make_episode(np.stack(positions), np.stack(headings), np.stack(speeds),
                        np.tile([LENGTH_M, 2.0], (agents, 1)),
                        np.ones((agents, steps), bool) if valid is None else valid, dt_s=DT_S,
                        road=straight_road(3, 2000.0), source=source, agent_id=np.arange(10, 10 + agents))


def steady(start_m: float, speed_mps: float, lane: int = 1, steps: int = 61) -> tuple[np.ndarray, ...]:
    """A car at a constant speed in the middle of a lane: position (T, 2), heading (T,), speed (T,)."""
    along = start_m + speed_mps * DT_S * np.arange(steps)
    position = np.stack((along, np.full(steps, 4.0 * lane)), axis=-1)
    return position, np.zeros(steps), np.full(steps, speed_mps)


def steady_log(*cars: tuple[float, ...]) -> Episode:
    positions, headings, speeds = zip(*(steady(*car[:2], int(car[2])) for car in cars), strict=True)
    return log(list(positions), list(headings), list(speeds))


@given(held=st.lists(st.tuples(st.floats(-0.3, 0.3), st.floats(-0.05, 0.05)), min_size=3, max_size=3))
@settings(max_examples=20, deadline=None)
def test_the_commands_of_a_known_motion_give_it_back(held: list[tuple[float, float]]) -> None:
    control = np.repeat(np.array(held) * CONTROL_SCALE, 10, axis=0)
    position, heading, speed = roll_out(np.array([0.0, 4.0]), np.array(0.0), np.array(20.0), control,
                                        np.array(LENGTH_M), DT_S)
    ahead = steady(300, 20, 0, 31)
    episode = log([position, ahead[0]], [heading, ahead[1]], [speed, ahead[2]])
    replay = Replay(episode, 0, 0, 31, 1.0)
    for action in held:
        seen, done = replay.step(np.array(action))
    result = replay.episode("me")
    assert done
    np.testing.assert_allclose(result.position_m, episode.position_m, atol=2e-4)
    np.testing.assert_allclose(result.heading_rad, episode.heading_rad, atol=1e-5)
    np.testing.assert_allclose(result.control[0, :30], control, atol=1e-5)
    np.testing.assert_allclose(seen, observe(episode, 0, np.array([30]))[0], atol=1e-4)


def test_meta_actions_are_the_controllers() -> None:
    episode = steady_log((0, 18.0, 1), (200, 18.0, 0))
    replay = Replay(episode, 0, 0, 41, 1.0)
    np.testing.assert_array_equal(replay.reset(), observe(episode, 0, np.array([0]))[0])
    controller = MetaController(episode.road, np.array([0.0, 4.0]), 0.0, 18.0, LENGTH_M,
                                replay.target_speeds_mps)
    position, heading, speed = np.array([0.0, 4.0]), np.array(0.0), np.array(18.0)
    for action in (IDLE, 0, SLOWER, IDLE):
        controller.decide(action, position, float(speed))
        for _ in range(10):
            control = controller.control(position, float(heading), float(speed))[None]
            track = roll_out(position, heading, speed, control, np.array(LENGTH_M), DT_S)
            position, heading, speed = track[0][1], track[1][1], track[2][1]
        replay.step(action)
    result = replay.episode("me")
    np.testing.assert_allclose(result.position_m[0, -1], position, atol=1e-4)
    assert abs(result.position_m[0, -1, 1]) < 0.5  # one lane to the left
    assert result.meta_action[0, result.meta_known[0]].tolist() == [IDLE, 0, SLOWER, IDLE]
    assert np.flatnonzero(result.meta_known[0]).tolist() == [0, 10, 20, 30]
    assert not result.control_known[1].any()
    np.testing.assert_array_equal(result.position_m[1], episode.position_m[1, :41])


@pytest.mark.parametrize(("other", "side", "from_behind", "frame"), [
    # The ego drives at 20 m/s from x = 100, in lane 1; bodies touch when centres are 5 m apart.
    ((140.0, 10.0, 1), "front", False, 35), ((60.0, 30.0, 1), "rear", True, 35),
    ((400.0, 20.0, 1), None, None, 60)])
def test_who_ran_into_whom(other: tuple[float, ...], side: str | None, from_behind: bool | None,
                           frame: int) -> None:
    replay = Replay(steady_log((100, 20.0, 1), other), 0, 0, 61, 1.0)
    while not replay.done:
        replay.step(IDLE)
    assert abs(replay.frame - frame) <= 1
    result = replay.episode("me")
    assert result.steps == replay.frame + 1
    if side is None:
        assert replay.collision is None
        assert not result.crashed.any()
        return
    assert replay.collision is not None
    assert (replay.collision.side, replay.collision.from_behind) == (side, from_behind)
    assert replay.collision.agent_id == 11
    assert result.crashed[:, -1].all()
    assert not result.crashed[:, :-1].any()
    assert result.source.notes["collision"]["from_behind"] == from_behind
    with pytest.raises(RuntimeError, match="over"):
        replay.step(IDLE)
    replay.reset()
    assert replay.collision is None
    assert not replay.done


def test_a_swerve_into_a_neighbour_is_a_side_contact() -> None:
    replay = Replay(steady_log((100, 20.0, 1), (100, 20.0, 2)), 0, 0, 61, 1.0)
    while not replay.done:
        replay.step(2)
    assert replay.collision is not None
    assert (replay.collision.side, replay.collision.from_behind) == ("side", False)


def test_boxes_that_overlap_in_the_log_are_its_noise_until_they_part() -> None:
    replay = Replay(steady_log((100, 20.0, 1), (104, 20.0, 1)), 0, 0, 61, 1.0)
    assert replay.touching_at_start == [11]
    assert not replay.step(IDLE)[1]
    replay = Replay(steady_log((100, 20.0, 1), (104.9, 21.0, 1)), 0, 0, 61, 1.0)
    replay.step(IDLE)
    assert replay.touching_at_start == []  # parted; whom it meets now counts
    while not replay.done:
        replay.step(3)
    assert replay.collision is not None


def test_the_context_before_the_start() -> None:
    episode = steady_log((0, 20.0, 1), (50, 20.0, 1))
    replay = Replay(episode, 0, 35, 61, 1.0)
    seen, actions = replay.history(3)
    np.testing.assert_array_equal(seen, observe(episode, 0, np.array([5, 15, 25])))
    assert actions.tolist() == [IDLE] * 3
    assert len(replay.history(10)[0]) == 3
    controls = replay.history(2, "continuous")[1]
    np.testing.assert_allclose(controls, np.zeros((2, 2)), atol=1e-6)
    valid = np.ones((2, 61), bool)
    valid[0, :20] = False
    late = log(list(episode.position_m), list(episode.heading_rad), list(episode.speed_mps), valid)
    assert len(Replay(late, 0, 35, 61, 1.0).history(3)[0]) == 1
    assert len(Replay(late, 0, 20, 61, 1.0).history(3)[1]) == 0


def test_history_does_not_look_ahead() -> None:
    calm, wild = steady_log((0, 20.0, 1)), steady_log((0, 20.0, 1))
    wild.speed_mps[0, 36:] = 0
    wild.position_m[0, 36:] = (5.0, 8.0)
    for actions in ("meta", "continuous"):
        one, other = (Replay(episode, 0, 35, 61, 1.0).history(3, actions) for episode in (calm, wild))
        np.testing.assert_array_equal(one[0], other[0])
        np.testing.assert_array_equal(one[1], other[1])


def test_a_replay_can_be_stored_and_read(tmp_path: Path) -> None:
    replay = Replay(steady_log((100, 20.0, 1), (140, 10.0, 1)), 0, 10, 61, 1.0)
    while not replay.done:
        replay.step(IDLE)
    result = replay.episode("me")
    json.dumps(result.source.notes)
    assert (result.source.kind, result.source.group, result.source.driver) == ("simulated", "rec", "me")
    assert (result.source.licence, result.ego) == ("free", 0)
    write_episodes(tmp_path, [result, Replay(replay.log, 1, 10, 61, 1.0).episode("me")], "test")
    assert len(read_episodes(tmp_path)) == 2


@pytest.mark.parametrize(("arguments", "said"), [
    ((5, 0, 61, 1.0), "agents 0 to 1, not 5"), ((0, 50, 62, 1.0), "frames 0 to 60"),
    ((0, 9, 10, 1.0), "frames"), ((0, 0, 61, 0.13), "do not fit")])
def test_bad_arguments(arguments: tuple[int, int, int, float], said: str) -> None:
    with pytest.raises(InputError, match=said):
        Replay(steady_log((0, 20.0, 1), (50, 20.0, 1)), *arguments)


@pytest.mark.parametrize("action", [5, -1, np.zeros(3), np.zeros((1, 2)), np.float64(1.0), np.array([1, 2])])
def test_bad_actions(action: int | np.ndarray) -> None:
    with pytest.raises(InputError, match="an action is"):
        Replay(steady_log((0, 20.0, 1)), 0, 0, 61, 1.0).step(action)


def test_an_absent_agent_cannot_be_driven() -> None:
    valid = np.ones((1, 61), bool)
    valid[0, 10] = False
    position, heading, speed = steady(0, 20.0)
    with pytest.raises(InputError, match="absent at frame 10"):
        Replay(log([position], [heading], [speed], valid), 0, 10, 61, 1.0)


def test_who_is_met_of_two_is_the_nearer() -> None:
    """Two cars stand across the road ahead; the one in its lane is nearer, the other is touched too."""
    standing = [np.tile(place, (61, 1)) for place in ([150.0, 5.9], [150.0, 4.0])]
    ego = steady(100, 20.0, 1)
    episode = log([ego[0], *standing], [np.zeros(61)] * 3, [ego[2], np.zeros(61), np.zeros(61)])
    replay = Replay(episode, 0, 0, 61, 1.0)
    while not replay.done:
        replay.step(np.zeros(2))
    assert replay.collision is not None
    assert (replay.collision.agent_id, replay.collision.side) == (12, "front")


def test_a_hit_rear_is_a_hit_from_behind_by_the_faster_alone() -> None:
    assert Collision(3, 10, "rear", 10.0, 12.0).from_behind
    assert not Collision(3, 10, "rear", 12.0, 10.0).from_behind  # it reversed, or was passed
    assert not Collision(3, 10, "front", 10.0, 12.0).from_behind


def test_nobody_drives_faster_than_highway_envs_cars() -> None:
    replay = Replay(steady_log((0, 39.5, 1)), 0, 0, 61, 1.0)
    while not replay.done:
        replay.step(np.array([1.0, 0.0]))
    speed = replay.episode("me").speed_mps[0]
    assert 40.0 < speed.max() < 40.6  # a frame's acceleration at most is above
    assert speed[-1] == pytest.approx(40.0, abs=0.05)
    slower = Replay(steady_log((0, 30.0, 1)), 0, 0, 61, 1.0)
    slower.step(np.array([1.0, 0.0]))
    np.testing.assert_allclose(np.diff(slower.episode("me").speed_mps[0]), CONTROL_SCALE[0] * DT_S, rtol=1e-4)
