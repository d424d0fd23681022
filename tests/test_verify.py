"""Verification finds every planted fault, and none in what a bicycle drove."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from traffic import driven

from drive_gen.envs.episode import Episode, make_episode
from drive_gen.envs.kinematics import roll_out
from drive_gen.envs.road import straight_road
from drive_gen.generate.config import Limits
from drive_gen.generate.refit import refit
from drive_gen.generate.verify import touches, verify


def again(episode: Episode, control: np.ndarray) -> Episode:
    """The episode driven from its first states with other controls."""
    position, heading, speed = (array[:, 0].astype(np.float64) for array in
                                (episode.position_m, episode.heading_rad, episode.speed_mps))
    motion = roll_out(position, heading, speed, control[:, :-1].astype(np.float64),
                      episode.size_m[:, 0].astype(np.float64), episode.dt_s)
    return make_episode(*motion, episode.size_m, episode.valid, dt_s=episode.dt_s, road=episode.road, ego=0,
                        source=episode.source, control=control, control_known=episode.control_known)


def braking(frame: slice, acceleration: float) -> Callable[[Episode], Episode]:
    def change(episode: Episode) -> Episode:
        control = np.zeros_like(episode.control)
        control[1, frame, 0] = acceleration
        return again(episode, control)
    return change


def swerving(episode: Episode) -> Episode:
    """Car 1 turns hard for one frame and back in the next."""
    control = np.zeros_like(episode.control)
    control[1, 30:32, 1] = 0.35, -0.35
    return again(episode, control)


def moved(**changes: Callable[[np.ndarray], None]) -> Callable[[Episode], Episode]:
    def change(episode: Episode) -> Episode:
        arrays = {name: getattr(episode, name).copy() for name in changes}
        for name, array in arrays.items():
            changes[name](array)
        return replace(episode, **arrays)
    return change


def shift(index: tuple[object, ...], by: float) -> Callable[[np.ndarray], None]:
    def apply(array: np.ndarray) -> None:
        array[index] += by  # type: ignore[index]
    return apply


def noted(episode: Episode) -> Episode:
    return replace(episode, source=replace(episode.source, notes={"residual_m": 1.5}))


def beside(episode: Episode) -> Episode:
    """Car 1 goes where car 0 is, a little beside it and as fast."""
    arrays = {name: getattr(episode, name).copy()
              for name in ("position_m", "heading_rad", "speed_mps", "control")}
    for array in arrays.values():
        array[1] = array[0]
    arrays["position_m"][1, :, 1] += 1.9
    return replace(episode, **arrays)


FAULTS = [
    ("overlap", beside),
    ("off_road", lambda episode: replace(episode, road=straight_road(2, 2000.0))),
    ("acceleration", braking(slice(10, 14), 5.3)),
    ("acceleration", braking(slice(10, 12), -8.2)),
    ("jerk", braking(slice(20, 24), 3.2)),
    ("yaw_rate", swerving),
    ("states", moved(position_m=shift((2, 30, 0), 0.05))),
    ("states", moved(heading_rad=shift((2, slice(30, None)), 0.01))),
    ("states", moved(control=shift((0, 7, 0), 0.1))),
    ("states", moved(control_known=lambda known: known.__setitem__((3, 12), False))),
    ("residual", noted),
]


@pytest.mark.parametrize(("reason", "plant"), FAULTS)
def test_every_planted_fault_is_found(reason: str, plant: Callable[[Episode], Episode]) -> None:
    limits = Limits(jerk_mps3=30.0) if reason == "acceleration" else Limits()
    assert verify(driven(), limits).accepted
    assert verify(plant(driven()), limits).reason == reason


def test_reversing_and_racing_are_refused() -> None:
    episode = driven()
    backwards = replace(episode, speed_mps=np.zeros_like(episode.speed_mps) - 1)
    assert verify(backwards).measurements["speed_low"] == -1
    assert verify(again(episode, np.zeros_like(episode.control)), Limits(speed_mps=(0, 21))).reason == "speed"


def test_bodies_that_pass_through_each_other_between_frames_touch() -> None:
    """40 m/s against each other are 8 m a frame: at the frames themselves they are apart."""
    x = np.array([np.arange(3) * 4.0, 14.0 - np.arange(3) * 4.0])
    position = np.stack((x, np.zeros((2, 3))), axis=-1)
    heading = np.array([[0.0] * 3, [np.pi] * 3])
    episode = make_episode(position, heading, np.full((2, 3), 20.0), np.ones((2, 2)), np.ones((2, 3), bool),
                           dt_s=0.2, road=straight_road(2, 100), source=driven().source)
    assert touches(episode) == 1
    apart = replace(episode, position_m=episode.position_m + np.array([[[0, 0]], [[0, 1.2]]], np.float32))
    assert touches(apart) == 0


def test_absent_agents_touch_nobody() -> None:
    episode = beside(driven())
    valid = np.ones_like(episode.valid)
    valid[1] = False
    gone = make_episode(episode.position_m, episode.heading_rad, episode.speed_mps, episode.size_m, valid,
                        dt_s=0.2, road=episode.road, source=episode.source, ego=0)
    assert touches(episode) > 0
    assert touches(gone) == 0


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000), noise=st.floats(0, 2), speed=st.floats(0, 30))
def test_refitted_controls_keep_to_the_limits_whatever_was_sampled(seed: int, noise: float,
                                                                   speed: float) -> None:
    rng, limits = np.random.default_rng(seed), Limits()
    time_s = np.arange(30) * 0.2
    motion = np.zeros((3, 30, 4))
    motion[..., 0], motion[..., 3] = speed * time_s, speed
    motion[:, 1:] += rng.normal(size=(3, 29, 4)) * noise * [1, 1, 0.05, 1]
    length = np.array([5.0, 4.0, 12.0])
    control = refit(motion, length, 0.2, limits).astype(np.float64)
    first = motion[:, 0]
    _, heading, speeds = roll_out(first[:, :2], first[:, 2], first[:, 3], control, length, 0.2)
    assert control[..., 0].min() >= -8
    assert control[..., 0].max() <= 5
    assert np.abs(np.diff(control[..., 0], axis=1)).max() <= 15 * 0.2
    assert np.abs(np.diff(heading, axis=1)).max() <= 0.95 * 0.2
    assert speeds.min() >= -1e-5


def test_refitting_what_a_bicycle_drove_changes_little() -> None:
    episode = driven()
    length = np.full(4, 5.0)
    motion = np.concatenate((episode.position_m, episode.heading_rad[..., None],
                             episode.speed_mps[..., None]), axis=-1).astype(np.float64)
    control, first = refit(motion, length, 0.2, Limits()).astype(np.float64), motion[:, 0]
    position, _, _ = roll_out(first[:, :2], first[:, 2], first[:, 3], control, length, 0.2)
    assert np.hypot(*(position - motion[..., :2]).T).max() < 0.05


def test_every_interval_of_every_pair_counts() -> None:
    """Three cars stand in one place for 5 frames, a fourth elsewhere: 3 pairs."""
    position = np.zeros((4, 5, 2))
    position[3, :, 0] = 50
    episode = make_episode(position, np.zeros((4, 5)), np.zeros((4, 5)), np.tile([5.0, 2.0], (4, 1)),
                           np.ones((4, 5), bool), dt_s=0.2, road=straight_road(1, 100),
                           source=driven().source)
    assert touches(episode) == 15
    assert touches(episode.only(np.array([0, 1, 3]))) == 5


def test_who_leaves_has_not_braked() -> None:
    """Car 1 goes after frame 40, car 2 comes at 20: what is before and after is no motion of theirs."""
    episode = driven()
    valid = np.ones_like(episode.valid)
    valid[1, 41:], valid[2, :20] = False, False
    parted = make_episode(episode.position_m, episode.heading_rad, episode.speed_mps, episode.size_m, valid,
                          dt_s=0.2, road=episode.road, source=episode.source, ego=0, control=episode.control,
                          control_known=episode.control_known)
    found = verify(parted)
    assert found.accepted, found
    whole = verify(episode).measurements
    for name in ("jerk", "yaw_rate", "acceleration_high", "speed_high"):
        assert found.measurements[name] <= whole[name]
    known = parted.control_known.copy()
    known[2, 30] = False
    assert verify(replace(parted, control_known=known)).reason == "states"
