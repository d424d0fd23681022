"""Safety metrics: worked-out cases, what must not change them, and whose fault a contact is."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drive_gen.envs.episode import Episode, Source, make_episode
from drive_gen.envs.geometry import overlaps
from drive_gen.envs.kinematics import wrap
from drive_gen.envs.road import Lane, Road, straight_road
from drive_gen.evaluate.contacts import SWEEP_M, contacts
from drive_gen.evaluate.rows import episode_row, following, motion_figures
from drive_gen.evaluate.safety import (
    accelerations,
    deceleration_to_avoid_crash,
    distance_m,
    hard_brakes,
    lane_changes,
    off_road,
    time_exposed,
    time_headway,
    time_integrated,
    time_to_collision,
)

SOURCE = Source(kind="simulated", name="test", group="test", seed=3, driver="test")
LENGTH_M = 5.0


def driving(starts: list[tuple[float, float]], speeds: list[float], headings: list[float] | None = None,
            frames: int = 30, dt_s: float = 0.1, road: Road | None = None) -> Episode:
    """Cars of 5 x 2 m at constant speed and heading; agent 0 is the ego."""
    heading = np.array(headings or [0.0] * len(speeds))
    unit = np.stack((np.cos(heading), np.sin(heading)), axis=-1)
    time = np.arange(frames) * dt_s
    position = np.array(starts)[:, None] + (np.array(speeds)[:, None] * unit)[:, None] * time[:, None]
    shape = position.shape[:2]
    headings_rad, speeds_mps = (np.broadcast_to(np.array(each)[:, None], shape) for each in (heading, speeds))
    return make_episode(position, headings_rad, speeds_mps, np.tile([LENGTH_M, 2.0], (len(speeds), 1)),
                        np.ones(shape, bool), dt_s=dt_s, road=road or straight_road(3, 1000.0), source=SOURCE,
                        ego=0)


def case_a() -> Episode:
    """30 behind 20 m/s, 35 m bumper to bumper, 3 s at 0.1 s."""
    return driving([(0.0, 0.0), (40.0, 0.0)], [30.0, 20.0])


def test_case_a_by_hand() -> None:
    gap, closing, speed = following(case_a(), 0)
    ttc = time_to_collision(gap, closing)
    assert ttc[0] == pytest.approx(3.5, abs=1e-5)
    assert time_headway(gap, speed)[0] == pytest.approx(35 / 30, abs=1e-5)
    # Positions are float32, so TTC at 1.5 s is 2 only nearly: the threshold is put just beyond.
    assert time_exposed(ttc, 0.1, 2.0 + 1e-5) == pytest.approx(1.5)
    assert time_integrated(ttc, 0.1, 2.0 + 1e-5) == pytest.approx(1.05, abs=1e-4)
    assert deceleration_to_avoid_crash(gap, closing)[0] == pytest.approx(100 / 70, abs=1e-5)


def test_row_of_case_a() -> None:
    outcome = SimpleNamespace(driver="test", seed=3, return_=2.5, decisions=3, crashed=False, off_road=False,
                              decision_ms=1.0)
    row = episode_row(case_a(), 0, outcome)
    assert row["min_ttc_s"] == pytest.approx(0.6, abs=1e-4)
    assert row["distance_m"] == pytest.approx(87.0, abs=1e-3)
    assert row["mean_speed_mps"] == pytest.approx(30)
    assert row["duration_s"] == pytest.approx(2.9)
    assert row["following_s"] == pytest.approx(3.0)
    assert (row["success"], row["hard_brakes"], row["lane_changes"], row["off_road"]) == (True, 0, 0, False)
    free = episode_row(case_a().only(np.array([0])), 0, outcome)
    assert free["min_ttc_s"] is free["mean_headway_s"] is free["max_drac_mps2"] is None
    assert free["tet_s"] == free["following_s"] == 0


def test_edges_have_no_sentinel() -> None:
    gap, closing = np.array([10.0, 10.0, -1.0, -1.0, np.nan, 0.0]), np.array([0.0, -3.0, 2.0, -2.0, 1.0, 0.0])
    np.testing.assert_array_equal(time_to_collision(gap, closing), [np.inf, np.inf, 0, 0, np.nan, 0])
    np.testing.assert_array_equal(deceleration_to_avoid_crash(gap, closing), [0, 0, np.inf, 0, np.nan, 0])
    speed = np.array([20.0, 0.4, 5.0, 5.0])
    np.testing.assert_array_equal(time_headway(gap[[0, 1, 2, 4]], speed), [0.5, np.nan, 0, np.nan])
    assert time_exposed(np.array([np.nan, np.inf, 0.0]), 0.5) == 0.5


@settings(max_examples=30, deadline=None)
# A closing speed of 1e-160 m/s, squared, is subnormal, and a subnormal has too few bits to compare.
@given(st.floats(0.1, 100), st.one_of(st.just(0.0), st.floats(1e-6, 30), st.floats(-30, -1e-6)),
       st.floats(0.01, 1000))
def test_units_do_not_matter(gap_m: float, closing_mps: float, scale: float) -> None:
    """Feet instead of metres change no time, and scale a deceleration as they do a length."""
    gap, closing = np.array([gap_m]), np.array([closing_mps])
    for metric, expected in ((time_to_collision, 1.0), (deceleration_to_avoid_crash, scale)):
        np.testing.assert_allclose(metric(gap * scale, closing * scale), expected * metric(gap, closing))


def placed(episode: Episode, mirror: bool, shift_m: tuple[float, float]) -> Episode:
    """The same driving on a road seen in a mirror and put elsewhere."""
    side = np.array([1.0, -1.0 if mirror else 1.0])
    lanes = tuple(Lane(lane.center_m * side + shift_m, lane.width_m, lane.speed_limit_mps,
                       *((lane.right, lane.left) if mirror else (lane.left, lane.right)))
                  for lane in episode.road.lanes)
    return make_episode(episode.position_m * side + shift_m, episode.heading_rad * side[1], episode.speed_mps,
                        episode.size_m, episode.valid, dt_s=episode.dt_s, road=Road(lanes), source=SOURCE,
                        ego=0)


@settings(max_examples=20, deadline=None)
@given(st.booleans(), st.tuples(st.floats(-500, 500), st.floats(-500, 500)), st.floats(-0.05, 0.05))
def test_place_and_side_do_not_matter(mirror: bool, shift_m: tuple[float, float], heading: float) -> None:
    episode = driving([(0.0, 1.0), (30.0, 1.0), (10.0, 5.0)], [28.0, 20.0, 25.0], [heading, 0.0, 0.0])
    moved = placed(episode, mirror, shift_m)
    for before, after in zip(following(episode, 0), following(moved, 0), strict=True):
        np.testing.assert_allclose(after, before, atol=2e-3)
    assert [one[2:] for one in contacts(moved, 0)] == [one[2:] for one in contacts(episode, 0)]
    assert lane_changes(moved, 0) == lane_changes(episode, 0)


def test_a_car_alongside_is_no_lead() -> None:
    """It reaches 0.5 m into the lane and is 2 m ahead: its gap is negative, but nothing overlaps."""
    beside = driving([(0.0, -0.9), (2.0, 2.5)], [20.0, 15.0], frames=2)
    assert np.isnan(following(beside, 0)[0][0])
    inside = driving([(0.0, 0.0), (2.0, 0.5)], [20.0, 15.0], frames=2)
    assert following(inside, 0)[0][0] == pytest.approx(-3.0)


@pytest.mark.parametrize(("braking_at", "expected"), [
    ([], 0),
    ([(1.0, 0.1)], 0),  # too short
    ([(1.0, 0.2)], 1),
    ([(1.0, 0.5), (2.0, 0.5)], 1),  # 0.5 s apart: merged
    ([(1.0, 0.5), (2.5, 0.5)], 2),  # 1 s apart
    ([(1.0, 0.5), (1.8, 0.1), (2.6, 0.3)], 2),  # the short one between bridges nothing
])
def test_hard_brakes_by_hand(braking_at: list[tuple[float, float]], expected: int) -> None:
    acceleration = np.full(50, 1.0)
    for start_s, length_s in braking_at:
        acceleration[round(start_s * 10) : round((start_s + length_s) * 10)] = -4.0
    assert hard_brakes(acceleration, 0.1) == expected


def test_absence_is_not_motion() -> None:
    episode = driving([(0.0, 0.0)], [10.0], frames=6)
    valid = np.array([[True, True, True, False, True, True]])
    gone = make_episode(episode.position_m, episode.heading_rad, episode.speed_mps, episode.size_m, valid,
                        dt_s=0.1, road=episode.road, source=SOURCE)
    assert distance_m(gone, 0) == pytest.approx(3.0, abs=1e-5)
    np.testing.assert_array_equal(np.isnan(accelerations(gone, 0)), [False, False, True, True, False])
    assert not off_road(gone, 0).any()


@pytest.mark.parametrize(("y_m", "expected"), [(0.0, False), (-1.25, False), (-1.35, True), (9.4, True)])
def test_off_road_allows_a_hand_of_shoulder(y_m: float, expected: bool) -> None:
    """The outer edge is at y = -2: a body 2 m wide centred on -1.3 reaches 0.3 m over it."""
    assert off_road(driving([(50.0, y_m)], [0.0], frames=1), 0)[0] == expected


def test_a_road_goes_on_past_the_map_but_not_past_a_ramp() -> None:
    """Both lanes end at 1000 m, where the map does; a ramp beside them ends at 500 m."""
    lanes = straight_road(2, 1000.0).lanes
    road = Road((*lanes, Lane(np.array([[300.0, 8.0], [500.0, 8.0]]), 4.0, left=1)))
    there = {y_m: off_road(driving([(x_m, y_m)], [0.0], frames=1, road=road), 0)[0]
             for x_m, y_m in ((1010.0, 0.0), (998.0, 4.0), (400.0, 8.0), (510.0, 8.01), (1010.0, 8.02))}
    assert there == {0.0: False, 4.0: False, 8.0: False, 8.01: True, 8.02: True}


def test_lane_changes_are_to_the_side() -> None:
    across = driving([(50.0, 0.0)], [20.0], [0.14], frames=30)  # 8 m to the right in 3 s: two lanes
    assert lane_changes(across, 0) == 2
    first, second = np.array([[0.0, 0.0], [50.0, 0.0]]), np.array([[50.0, 0.0], [200.0, 0.0]])
    on = driving([(0.0, 0.0)], [30.0], road=Road((Lane(first, 4.0, successors=(1,)), Lane(second, 4.0))))
    assert lane_changes(on, 0) == 0


@pytest.mark.parametrize(("other", "speeds", "headings", "kind", "fault"), [
    ((10.0, 0.0), [20.0, 10.0], None, "front", True),
    ((-10.0, 0.0), [10.0, 20.0], None, "rear-ended", False),
    ((10.0, 0.0), [20.0, 0.0], None, "stopped other", True),
    ((-10.0, 0.0), [0.0, 20.0], None, "stopped agent", False),
    ((-1.0, 4.0), [20.0, 20.0], [0.0, -0.2], "side", False),  # it swerves into us, who keep to our lane
    ((-1.0, 4.0), [20.0, 20.0], [0.2, 0.0], "side", True),  # we swerve into it
])
def test_fault(other: tuple[float, float], speeds: list[float], headings: list[float] | None, kind: str,
               fault: bool) -> None:
    touched = contacts(driving([(0.0, 0.0), other], speeds, headings), 0)
    assert [(contact.other, contact.kind, contact.at_fault) for contact in touched] == [(1, kind, fault)]


def test_nothing_passes_through_between_frames() -> None:
    """Head on at 60 m/s, 1 s apart: no frame shows an overlap, the sweep does."""
    through = driving([(0.0, 0.0), (60.0, 0.0)], [30.0, 30.0], [0.0, np.pi], frames=3, dt_s=1.0,
                      road=straight_road(1, 100.0))
    passing = contacts(driving([(0.0, 0.0), (45.0, 0.0)], [30.0, 30.0], [0.0, np.pi], frames=2, dt_s=1.0), 0)
    assert [contact.kind for contact in contacts(through, 0)] == ["front"]
    assert [(contact.frame, contact.kind) for contact in passing] == [(0, "front")]
    beside = driving([(0.0, 0.0), (45.0, 4.0)], [30.0, 30.0], [0.0, np.pi], frames=2, dt_s=1.0)
    assert contacts(beside, 0) == []


def plain_contacts(episode: Episode, agent: int) -> dict[int, int]:
    """Other agent -> frame of the first contact, by trying every pair, interval by interval."""
    found: dict[int, int] = {}
    for other in set(range(episode.agents)) - {agent}:
        for frame in np.flatnonzero(episode.valid[agent] & episode.valid[other]).tolist():
            last = min(frame + 1, episode.steps - 1)
            goes_on = episode.valid[agent, last] and episode.valid[other, last]
            apart = episode.position_m[other].astype(float) - episode.position_m[agent]
            tests = max(int(np.ceil(np.hypot(*(apart[last] - apart[frame])) / SWEEP_M)), 1) if goes_on else 1
            share, boxes = np.arange(tests) / tests, []
            for car in (agent, other):
                start, heading = episode.position_m[car, frame], episode.heading_rad[car, frame]
                moved = (episode.position_m[car, last] - start) * goes_on
                turned = wrap(episode.heading_rad[car, last] - heading) * goes_on
                boxes += [start + share[:, None] * moved, heading + share * turned, episode.size_m[car]]
            if overlaps(*boxes).any():
                found[other] = frame
                break
    return found


@pytest.mark.parametrize("seed", range(12))
def test_contacts_are_those_of_a_plain_search(seed: int) -> None:
    """Cars that wander about a crowded place, and come and go."""
    draw = np.random.default_rng(seed)
    cars, frames = 12, 15
    turns = draw.normal(0, 0.3, (cars, frames)).cumsum(1)
    steps = draw.uniform(1, 6, (cars, 1, 1)) * np.stack((np.cos(turns), np.sin(turns)), axis=-1)
    position = draw.uniform(-35, 35, (cars, 1, 2)) + steps.cumsum(1)
    valid = draw.random((cars, frames)) < 0.9
    episode = make_episode(position, turns, draw.uniform(0, 20, (cars, frames)),
                           draw.uniform((4, 1.6), (12, 2.6), (cars, 2)), valid, dt_s=0.2,
                           road=straight_road(3, 100.0), source=SOURCE, ego=0)
    found = [{touch.other: touch.frame for touch in contacts(episode, agent)} for agent in range(cars)]
    assert found == [plain_contacts(episode, agent) for agent in range(cars)]
    assert any(found)


def test_a_headway_begins_at_half_a_metre_a_second() -> None:
    np.testing.assert_array_equal(time_headway(np.full(2, 10.0), np.array([0.5, 0.499])), [20.0, np.nan])


def test_accelerations_are_by_the_second() -> None:
    episode = dataclasses.replace(driving([(0.0, 0.0)], [10.0], frames=4, dt_s=0.2),
                                  speed_mps=np.float32([[10, 11, 11, 8]]))
    np.testing.assert_allclose(accelerations(episode, 0), [5, 0, -15], rtol=1e-6)


def test_a_second_of_49_frames_is_a_second() -> None:
    """49 / 49 is below 1 in floats as it is counted here: 48 frames apart is one brake, 49 are two."""
    assert 49 * (1 / 49) < 1
    for apart, brakes in ((48, 1), (49, 2)):
        braking = np.concatenate((np.full(12, -5.0), np.zeros(apart), np.full(12, -5.0)))
        assert hard_brakes(braking, 1 / 49) == brakes


def row_of(episode: Episode, **outcome: object) -> dict[str, object]:
    """The row of agent 0, whom nothing befell but what is said."""
    said = {"driver": "test", "seed": 3, "return_": 2.5, "decisions": 3, "crashed": False, "off_road": False,
            "decision_ms": 1.0, **outcome}
    return episode_row(episode, 0, SimpleNamespace(**said))


def test_nothing_after_a_crash_counts() -> None:
    """A car at 20 m/s crashes at frame 10, 2 s in; what the wreck does in the 4 s after is not driving."""
    episode = driving([(0.0, 0.0), (500.0, 4.0)], [20.0, 20.0], dt_s=0.2)
    crashed = np.zeros((2, 30), bool)
    crashed[0, 10:] = True
    row = row_of(dataclasses.replace(episode, crashed=crashed), crashed=True)
    assert (row["duration_s"], row["distance_m"]) == (pytest.approx(2.0), pytest.approx(40.0, abs=1e-3))
    assert (row["success"], row["crashed"], row["off_road"]) == (False, True, False)
    others = dataclasses.replace(episode, crashed=crashed[::-1].copy())
    assert row_of(others)["duration_s"] == pytest.approx(5.8)


def test_who_leaves_the_road_has_no_success() -> None:
    """It drifts 6 m/s to the left off the outer lane: frames 4 to 9 of 10 are more than .3 m outside."""
    episode = driving([(50.0, 0.0)], [20.0], frames=10)
    left = episode.position_m.copy()
    left[0, :, 1] -= np.float32(0.37) * np.arange(10)
    row = row_of(dataclasses.replace(episode, position_m=left))
    assert (row["off_road"], row["success"], row["crashed"]) == (True, False, False)
    assert row["off_road_share"] == pytest.approx(0.6)
    told = row_of(episode, off_road=True)
    assert (told["off_road"], told["success"], told["off_road_share"]) == (True, False, 0.0)


@pytest.mark.parametrize(("gap_m", "below_s"), [(29.0, 3.0), (31.0, 0.0)])
def test_short_headways_are_counted_in_seconds(gap_m: float, below_s: float) -> None:
    """30 m/s behind 30 m/s for 30 frames of .1 s; headway is the gap / 30 m/s."""
    row = row_of(driving([(0.0, 0.0), (gap_m + LENGTH_M, 0.0)], [30.0, 30.0]))
    assert row["headway_below_1s_s"] == pytest.approx(below_s)
    assert (row["mean_headway_s"], row["min_headway_s"]) == pytest.approx((gap_m / 30, gap_m / 30), abs=1e-5)
    assert row["following_s"] == pytest.approx(3.0)


def test_one_contact_at_fault_is_enough() -> None:
    """It is hit from behind first, and runs into the car ahead later."""
    episode = driving([(0.0, 0.0), (-8.0, 0.0), (25.0, 0.0)], [20.0, 25.0, 10.0])
    assert [(touch.kind, touch.at_fault) for touch in contacts(episode, 0)] == [
        ("rear-ended", False), ("front", True)]
    assert row_of(episode)["at_fault"] is True
    assert row_of(episode.only(np.array([0, 1])))["at_fault"] is False


def test_motion_of_one_who_comes_late_or_never() -> None:
    episode = driving([(0.0, 0.0)], [10.0], frames=6)
    late = motion_figures(dataclasses.replace(episode, valid=np.arange(6)[None] >= 2), 0)
    assert late["mean_speed_mps"] == pytest.approx(10)
    assert (late["duration_s"], late["distance_m"]) == (pytest.approx(0.3), pytest.approx(3.0, abs=1e-5))
    never = motion_figures(dataclasses.replace(episode, valid=np.zeros((1, 6), bool)), 0)
    assert (never["duration_s"], never["distance_m"], never["hard_brakes"]) == (0.0, 0.0, 0)
    assert never["mean_speed_mps"] is never["comfortable_share"] is None


def test_a_car_half_a_metre_ahead_is_a_lead() -> None:
    gap, closing, _ = following(driving([(0.0, 0.0), (5.5, 0.0)], [20.0, 20.0], frames=2), 0)
    np.testing.assert_allclose(gap, 0.5, atol=1e-5)
    np.testing.assert_array_equal(closing, 0)
