"""The planner's score: each term by hand, and what must change it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from drive_gen.envs.episode import Episode, Source, make_episode
from drive_gen.envs.road import Lane, Road
from drive_gen.evaluate.planner import Terms, planner_score, planner_terms

DT_S = 0.1
TWO_WAY = Road((
    Lane(np.array([[0.0, 0.0], [400.0, 0.0]]), 4.0, 20.0),
    Lane(np.array([[400.0, -4.0], [0.0, -4.0]]), 4.0, 20.0),  # oncoming
))
GOOD = Terms(1, 1, 1, 1, 1, 1, 1, 1)


def drive(speed_mps: np.ndarray, y_m: float = 0.0, heading_rad: float = 0.0, road: Road = TWO_WAY) -> Episode:
    """One car with those speeds along a heading, from x = 200 m."""
    x = 200 + np.cos(heading_rad) * np.concatenate(([0.0], np.cumsum(speed_mps[:-1] * DT_S)))
    frames = len(speed_mps)
    return make_episode(
        position_m=np.stack((x, np.full(frames, y_m)), -1)[None].astype(np.float32),
        heading_rad=np.full((1, frames), heading_rad, np.float32),
        speed_mps=np.asarray(speed_mps, np.float32)[None], size_m=np.array([[5.0, 2.0]], np.float32),
        valid=np.ones((1, frames), bool), dt_s=DT_S, road=road,
        source=Source("simulated", "test", "test", seed=0), ego=0)


def terms(episode: Episode, at_fault: bool = False, off_road: bool = False, min_ttc_s: float | None = None,
          comfortable_share: float | None = 1.0) -> Terms:
    return planner_terms(episode, 0, at_fault, off_road, min_ttc_s, comfortable_share)


def test_a_good_drive_has_all_of_it() -> None:
    found = terms(drive(np.full(50, 20.0)))
    assert found == pytest.approx(GOOD)
    assert planner_score(found) == pytest.approx(1.0)


def test_progress_is_a_share_of_what_the_limit_allows() -> None:
    found = terms(drive(np.full(50, 10.0)))
    assert found.progress == pytest.approx(0.5)
    assert planner_score(found) == pytest.approx((5 * 0.5 + 5 + 4 + 2) / 16)
    assert terms(drive(np.full(50, 30.0))).progress == 1.0
    slow = terms(drive(np.full(50, 3.9)))  # 19.5 % of the limit is not under way
    assert (slow.under_way, planner_score(slow)) == (0.0, 0.0)
    assert terms(drive(np.full(50, 4.1))).under_way == 1.0


def test_the_limit_is_kept_on_average() -> None:
    half = np.where(np.arange(50) < 25, 20.0, 22.0)  # 1 m/s above it on average
    assert terms(drive(half)).speed_limit == pytest.approx(1 - 1 / 2.23)
    assert terms(drive(np.full(50, 22.23))).speed_limit == pytest.approx(0.0, abs=1e-6)
    assert terms(drive(np.full(50, 25.0))).speed_limit == 0.0
    never = np.where(np.arange(50) < 25, 18.0, 22.0)  # what is below does not pay for what is above
    assert terms(drive(never)).speed_limit == pytest.approx(1 - 1 / 2.23)


@pytest.mark.parametrize(("metres", "expected"), [(1.9, 1.0), (2.1, 0.5), (5.9, 0.5), (6.1, 0.0)])
def test_against_the_traffic(metres: float, expected: float) -> None:
    speed = np.full(40, 20.0)
    back = drive(speed)
    # In the oncoming lane for three tenths of a second, at as many metres a frame as make that sum.
    heading = back.heading_rad.copy()
    position = back.position_m.copy()
    position[0, 10:13, 1] = -4.0
    pace = back.speed_mps.copy()
    pace[0, 10:13] = metres / 3 / DT_S
    found = terms(replace(back, position_m=position, heading_rad=heading, speed_mps=pace))
    assert found.right_way == expected


def test_metres_against_the_traffic_are_of_one_second() -> None:
    crawl = drive(np.full(100, 1.0), y_m=-4.0)  # 10 m in all, 1 m a second
    assert terms(crawl).right_way == 1.0
    assert terms(drive(np.full(100, 3.0), y_m=-4.0)).right_way == 0.5
    assert terms(drive(np.full(100, 7.0), y_m=-4.0)).right_way == 0.0
    assert terms(drive(np.full(100, 7.0), y_m=-4.0, heading_rad=np.pi)).right_way == 1.0
    assert terms(drive(np.full(100, 7.0), y_m=-4.0)).progress == 0.0


def test_where_lanes_cross_the_one_that_goes_its_way_counts() -> None:
    crossing = Road((Lane(np.array([[0.0, 0.0], [400.0, 0.0]]), 4.0, 20.0),
                     Lane(np.array([[400.0, 0.1], [0.0, 0.1]]), 4.0, 5.0)))
    found = terms(drive(np.full(50, 20.0), y_m=0.1, road=crossing))  # nearer to the other one's middle
    assert (found.right_way, found.progress, found.speed_limit) == (1.0, pytest.approx(1.0), 1.0)


def test_beside_every_lane_the_nearest_counts() -> None:
    assert terms(drive(np.full(50, 10.0), y_m=9.0)).progress == pytest.approx(0.5)
    assert terms(drive(np.full(50, 10.0), y_m=-9.0)).right_way == 0.0


def test_ttc_and_comfort_are_all_or_nothing() -> None:
    car = drive(np.full(50, 20.0))
    assert [terms(car, min_ttc_s=ttc).ttc for ttc in (None, 0.94, 0.95, 3.0)] == [1.0, 0.0, 1.0, 1.0]
    assert [terms(car, comfortable_share=share).comfort for share in (1.0, 0.99)] == [1.0, 0.0]
    assert planner_score(terms(car, min_ttc_s=0.5, comfortable_share=0.5)) == pytest.approx(9 / 16)


def test_hard_terms_leave_nothing() -> None:
    car = drive(np.full(50, 20.0))
    assert planner_score(terms(car, at_fault=True)) == planner_score(terms(car, off_road=True)) == 0.0
    assert planner_score(GOOD._replace(right_way=0.5)) == 0.5
    assert planner_score(GOOD._replace(under_way=0.0, progress=0.1)) == 0.0
    assert planner_score(GOOD._replace(no_at_fault=0.0, comfort=np.nan)) == 0.0  # known whatever comfort was


@pytest.mark.parametrize(("name", "weight"),
                         [("progress", 5), ("ttc", 5), ("speed_limit", 4), ("comfort", 2)])
def test_soft_terms_weigh_as_nuplans(name: str, weight: int) -> None:
    assert planner_score(GOOD._replace(**{name: 0.0})) == pytest.approx(1 - weight / 16)


def test_what_is_not_known_makes_no_score() -> None:
    free = Road((Lane(np.array([[0.0, 0.0], [400.0, 0.0]]), 4.0),))  # no limit is known
    found = terms(drive(np.full(50, 20.0), road=free))
    assert np.isnan(found.progress)
    assert np.isnan(found.under_way)
    assert np.isnan(planner_score(found))
    assert np.isnan(planner_score(terms(drive(np.full(50, 20.0)), comfortable_share=None)))
