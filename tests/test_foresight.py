"""Risk foreseen from a scene: what the simulator makes of it, in worked cases."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from test_causes import driven, speeds
from test_film import filmed

from drive_gen.envs.episode import Episode
from drive_gen.envs.files import InputError
from drive_gen.perception.film_read import read_episode
from drive_gen.perception.foresight import crashes, foresee


def behind(gap_m: float, closing_mps: float) -> Episode:
    """An ego at 20 m/s, a lead so far ahead, bumper to bumper, a few frames long."""
    whole = driven([(300.0, 4.0, speeds(20)), (305.0 + gap_m, 4.0, speeds(20 - closing_mps))])
    return whole.window(0, 9)


@pytest.mark.parametrize(("gap_m", "closing_mps", "low", "high"), [
    (20.0, 20.0, 0.95, 1.0),  # a standing car, one second ahead
    (60.0, 20.0, 0.05, 0.3),  # three seconds ahead: later than is asked for
    (60.0, 0.0, 0.0, 0.0),
    (5.0, -5.0, 0.0, 0.0)])
def test_who_does_nothing_crashes_into_what_is_in_its_way(gap_m: float, closing_mps: float, low: float,
                                                          high: float) -> None:
    assert low <= foresee(behind(gap_m, closing_mps)).crash <= high


def test_what_is_close_is_uncertain() -> None:
    """A crash two seconds after the last frame, give or take what reading errs by: not sure."""
    found = [foresee(behind(2.8 * closing, closing), seed=3).crash for closing in (5.0, 10.0)]
    assert all(0.2 < crash < 0.95 for crash in found)


def test_time_to_collision_is_that_of_the_last_frame() -> None:
    gap_m = 30.0 - 8 * 0.1 * 10.0
    assert foresee(behind(30.0, 10.0)).ttc_s == pytest.approx(gap_m / 10.0, rel=1e-3)
    assert not np.isfinite(foresee(behind(30.0, 0.0)).ttc_s)


def test_others_brake_and_the_ego_does_not() -> None:
    """The same two cars: who is behind is IDM's where it is not the ego."""
    scene = behind(20.0, 20.0).scene(8)
    assert crashes(scene, np.random.default_rng(0))[0] > 0.95
    assert crashes(replace(scene, ego=1, position_m=scene.position_m + np.array([[-40.0, 0.0], [0.0, 0.0]],
                                                                                np.float32)),
                   np.random.default_rng(0))[0] < 0.05


def test_who_has_crashed_has_crashed() -> None:
    episode = behind(20.0, 20.0)
    assert foresee(replace(episode, crashed=np.ones_like(episode.crashed))).crash == 1.0
    with pytest.raises(InputError, match="none at its end"):
        foresee(replace(episode, ego=None))


def test_a_film_of_a_second_is_enough() -> None:
    whole = behind(30.0, 15.0)
    rgb, cover = filmed(driven([(300.0, 4.0, speeds(20)), (335.0, 4.0, speeds(5))]))
    read = foresee(read_episode(rgb[:9], cover[:9]))
    true = foresee(whole)
    assert read.ttc_s == pytest.approx(true.ttc_s, abs=0.1)
    assert read.crash == pytest.approx(true.crash, abs=0.2)
