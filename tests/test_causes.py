"""Why somebody braked, stopped or crashed: worked examples, and what drives again without the reason."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from drive_gen.envs.episode import Episode, Source, make_episode
from drive_gen.envs.road import Road, straight_road
from drive_gen.language.causes import causes_of, gap_m, lead_of, needed_mps2
from drive_gen.language.read_episode import Happening, happenings

DT_S, FRAMES = 0.1, 121
SOURCE = Source("simulated", "test", "test/0", seed=0)


def speeds(start: float, *changes: tuple[float, float, float]) -> np.ndarray:
    """Speed over 12 s: from `start`, with accelerations (from s, to s, m/s^2); nobody goes backwards."""
    speed = np.full(FRAMES, float(start))
    for frame in range(1, FRAMES):
        now_s = (frame - 1) * DT_S
        push = sum(rate for begin, end, rate in changes if begin - 1e-9 <= now_s < end - 1e-9)
        speed[frame] = max(speed[frame - 1] + push * DT_S, 0.0)
    return speed


def driven(cars: Sequence[tuple[float, float, np.ndarray]],
           changes: dict[int, tuple[float, float]] | None = None,
           crashed: dict[int, float] | None = None) -> Episode:
    """Cars (x, y, speeds) on three lanes of 4 m, the ego first; at `changes` (s, y) they go over."""
    position = np.zeros((len(cars), FRAMES, 2))
    speed = np.stack([car[2] for car in cars])
    position[:, :, 0] = np.array([[car[0]] for car in cars]) + np.concatenate(
        (np.zeros((len(cars), 1)), np.cumsum(speed[:, :-1] * DT_S, axis=1)), axis=1)
    position[:, :, 1] = np.array([[car[1]] for car in cars])
    for agent, (time_s, y) in (changes or {}).items():
        position[agent, round(time_s / DT_S) :, 1] = y
    touched = np.zeros((len(cars), FRAMES), bool)
    for agent, time_s in (crashed or {}).items():
        touched[agent, round(time_s / DT_S) :] = True
    shape = (len(cars), FRAMES)
    return make_episode(position, np.zeros(shape), speed, np.tile([5.0, 2.0], (len(cars), 1)),
                        np.ones(shape, bool), dt_s=DT_S, road=straight_road(3, 1000.0), ego=0, source=SOURCE,
                        crashed=touched)


def said(episode: Episode) -> set[tuple[int, str, int, str]]:
    return {(effect.agent, effect.what, cause.agent, cause.what)
            for effect, cause in causes_of(episode, happenings(episode))}


def test_needed_deceleration_by_hand() -> None:
    assert needed_mps2(20, 20, 10) == 2.5
    assert needed_mps2(20, 10, 20) == 0.0
    assert needed_mps2(30, 20, 10, 5.0) == 400 / 80  # the lead stops after 10 m: 40 m are left for 20 m/s


def test_who_is_ahead() -> None:
    still = speeds(20)
    episode = driven([(0, 4, still), (30, 4, still), (20, 0, still), (60, 4, still), (95, 4, still)])
    assert lead_of(episode, 0, 0) == 1
    assert lead_of(episode, 0, 0, but=1) == 3
    assert lead_of(episode, 3, 0) == 4
    assert lead_of(episode, 4, 0) is None


def test_it_brakes_because_its_lead_brakes() -> None:
    """The lead, 35 m ahead, brakes from 20 to 8 m/s; a second later so does the ego."""
    lead, ego = speeds(20, (2, 4, -6)), speeds(20, (3, 5, -6))
    assert said(driven([(0, 4, ego), (40, 4, lead)])) == {(0, "brake", 1, "brake")}


@pytest.mark.parametrize(("lead_x", "lead_y", "late_s"), [(40, 0, 3), (-30, 4, 3), (90, 4, 3), (40, 4, 9)])
def test_it_brakes_for_another_reason(lead_x: float, lead_y: float, late_s: float) -> None:
    """Who brakes is in another lane, behind, far ahead; or it was long ago, and the lead has long gone on."""
    other = speeds(20, (2, 3, -6), (3, 5, 3))
    ego = speeds(20, (late_s, late_s + 2, -6))
    assert said(driven([(0, 4, ego), (lead_x, lead_y, other)])) == set()


def test_a_slow_lead_is_no_event() -> None:
    """It was to brake anyway: the lead was slow from the start, and brakes a little more."""
    lead, ego = speeds(8, (2, 2.5, -5)), speeds(20, (2.5, 4, -7))
    assert said(driven([(0, 4, ego), (35, 4, lead)])) == set()


def test_it_brakes_because_somebody_cuts_in() -> None:
    """A slower car changes from the left lane to 12 m ahead at 3 s; the ego brakes half a second later."""
    ego, other = speeds(20, (3.5, 5, -6)), speeds(14)
    episode = driven([(0, 4, ego), (35, 0, other)], changes={1: (3, 4)})
    assert said(episode) == {(0, "brake", 1, "cut-in")}
    behind = driven([(-300, 8, speeds(20)), (0, 4, ego), (35, 0, other)], changes={2: (3, 4)})
    assert said(behind) == {(1, "brake", 2, "lane-right")}  # nobody cuts in before the ego there


def test_who_cuts_in_is_no_reason_where_another_is_in_the_way() -> None:
    """A car that stands behind the one that cuts in would have made the ego brake as well."""
    ego, other = speeds(20, (3.5, 6, -6)), speeds(14)
    standing = speeds(0)
    assert said(driven([(0, 4, ego), (35, 0, other), (115, 4, standing)], changes={1: (3, 4)})) == set()


def test_it_stands_because_its_lead_stands() -> None:
    lead, ego = speeds(15, (2, 7, -3)), speeds(15, (3, 8.5, -3))
    episode = driven([(0, 4, ego), (25, 4, lead)])
    assert said(episode) == {(0, "stop", 1, "stop")}


def test_a_stop_is_a_reason_from_when_it_begins() -> None:
    """The lead slows down from 2 s on and stands at 6.7 s; the ego brakes hard at 5 s."""
    lead, ego = speeds(15, (2, 7, -3.2)), speeds(15, (5, 8, -5.5))
    episode = driven([(0, 4, ego), (55, 4, lead)])
    assert (0, "brake", 1, "stop") in said(episode)


def test_a_crash_is_put_down_to_the_last_deed() -> None:
    """Who is behind sped up into the one ahead; both crash because of it."""
    rear, front = speeds(20, (3, 6, 5)), speeds(20)
    touch_s = 5.9  # 20 m of gap: half of 5 m/s^2 times 2.83 s squared
    episode = driven([(0, 4, front), (-25, 4, rear)], crashed={0: touch_s, 1: touch_s})
    assert said(episode) == {(0, "crash", 1, "accelerate"), (1, "crash", 1, "accelerate")}
    braking = driven([(0, 4, speeds(20)), (25, 4, speeds(20, (3, 5.9, -5)))],
                     crashed={0: touch_s, 1: touch_s})
    assert (0, "crash", 1, "brake") in said(braking)


def test_no_reason_comes_after_what_it_explains() -> None:
    lead, ego = speeds(20, (3, 5, -6)), speeds(20, (2, 4, -6))
    episode = driven([(0, 4, ego), (40, 4, lead)])
    assert Happening(1, "brake", 3.0) in happenings(episode)
    assert said(episode) == set()


def test_gaps_are_between_bumpers() -> None:
    episode = driven([(0, 4, speeds(20)), (30, 4, speeds(20)), (0, 8, speeds(20))])
    assert gap_m(episode, 0, 1, 0) == gap_m(episode, 1, 0, 0) == pytest.approx(25)
    assert gap_m(episode, 0, 2, 0) == pytest.approx(-1)  # as the crow flies: 4 m between the centres


def test_who_ran_into_whom_is_told_by_the_headings() -> None:
    """The same crash on roads to the east, north and west: who came from behind had sped up."""
    ego, lead = speeds(20, (2, 4, 3)), speeds(20)
    crash = driven([(0, 4, ego), (18.2, 4, lead)], crashed={0: 5.3, 1: 5.3})
    assert causes_of(crash, happenings(crash))
    for angle in (np.pi / 2, np.pi, -2.0):
        turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
        lanes = tuple(replace(lane, center_m=lane.center_m @ turn) for lane in crash.road.lanes)
        turned = replace(crash, position_m=(crash.position_m.astype(np.float64) @ turn).astype(np.float32),
                         heading_rad=crash.heading_rad + np.float32(angle), road=Road(lanes))
        assert said(turned) == said(crash)
