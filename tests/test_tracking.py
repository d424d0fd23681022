"""How well a film was read: worked-out errors of bodies that are moved, left out and made up."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from worlds import cruising

from drive_gen.envs.episode import KINDS, Episode
from drive_gen.envs.road import straight_road
from drive_gen.evaluate.tracking import score_tracking


def film() -> Episode:
    """The ego at 20 m/s, a car 30 m ahead, one 20 m behind and one out of the picture; 11 frames."""
    return cruising([(300.0, 4.0), (330.0, 4.0), (280.0, 8.0), (450.0, 4.0)], [20.0] * 4, frames=11)


def moved(episode: Episode, agent: int, by_m: tuple[float, float]) -> Episode:
    position = episode.position_m.copy()
    position[agent] += np.float32(by_m)
    return replace(episode, position_m=position)


def test_what_is_read_as_it_is_has_no_error() -> None:
    score = score_tracking([film()], [film()])
    assert (score.films, score.refused, score.roads, score.kinds) == (1, 0, 1.0, 1.0)
    assert (score.position_m, score.speed_mps, score.missed, score.false) == (0, 0, 0, 0)


def test_errors_by_hand() -> None:
    """Of three bodies in the picture one is read 2 m aside and 3 m/s too fast, as a truck."""
    read = moved(film(), 1, (1.2, 1.6))
    speed, kind = read.speed_mps.copy(), read.kind.copy()
    speed[1] += 3
    kind[1] = KINDS.index("truck")
    score = score_tracking([film()], [replace(read, speed_mps=speed, kind=kind)])
    assert score.position_m == pytest.approx(np.sqrt(4 / 3), abs=1e-4)
    assert score.speed_mps == pytest.approx(np.sqrt(9 / 3), abs=1e-4)
    assert score.kinds == pytest.approx(2 / 3)
    assert score.missed == score.false == 0


def test_a_body_too_far_off_is_missed_and_made_up() -> None:
    score = score_tracking([film()], [moved(film(), 1, (3.1, 0.0))])
    assert (score.missed, score.false) == (pytest.approx(1 / 3), pytest.approx(1 / 3))
    assert score.position_m == 0
    gone = score_tracking([film()], [film().only(np.array([0, 2, 3]))])
    assert (gone.missed, gone.false) == (pytest.approx(1 / 3), 0)
    more = score_tracking([film().only(np.array([0, 2]))], [film()])
    assert (more.missed, more.false) == (0, pytest.approx(1 / 3))


def test_places_are_as_the_ego_sees_them() -> None:
    """The same driving, read with the world turned by a quarter and put elsewhere, is no error."""
    true = film()
    position = np.stack((500 - true.position_m[..., 1], true.position_m[..., 0]), axis=-1)
    turned = replace(true, position_m=position, heading_rad=true.heading_rad + np.float32(np.pi / 2))
    score = score_tracking([true], [turned])
    assert score.position_m == pytest.approx(0, abs=1e-3)
    assert score.missed == score.false == 0
    mirrored = replace(true, position_m=true.position_m * np.float32([1, -1]) + np.float32([0, 8]))
    assert score_tracking([true], [mirrored]).missed == pytest.approx(1 / 3)  # who was right is left


def test_films_are_pooled_and_the_refused_ones_counted() -> None:
    other_road = replace(film(), road=straight_road(2, 1000.0))
    score = score_tracking([film(), film(), film()], [film(), None, other_road])
    assert (score.films, score.refused, score.roads) == (3, 1, 0.5)
    none = score_tracking([film()], [None])
    assert (none.films, none.refused) == (1, 1)
    assert np.isnan([none.roads, none.position_m, none.kinds, none.missed]).all()
