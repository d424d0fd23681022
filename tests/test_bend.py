"""Bent roads: what is on them stays where it was on its lane, and frames of them can be drawn."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from test_causes import driven, speeds

from drive_gen.envs.episode import Scene
from drive_gen.envs.frames.frame import EGO
from drive_gen.language.facts import Facts
from drive_gen.language.place import road_of
from drive_gen.perception.bend import ASIDE_M, REACH_M, Bend, bent
from drive_gen.perception.film_view import film_frame


def scene() -> Scene:
    return driven([(300.0, 4.0, speeds(20)), (345.0, 4.0, speeds(22)), (270.0, 0.5, speeds(24)),
                   (700.0, 0.0, speeds(20))]).scene(0)


def test_bodies_keep_their_places_on_their_lanes() -> None:
    before = scene()
    for seed in range(6):
        after, followed = bent(before, 0, np.random.default_rng(seed))
        assert followed == 0
        assert len(after.agent_id) == 3  # the fourth is out of reach
        assert np.hypot(*after.position_m[0]) < 1e-3  # the camera is the origin
        for agent in range(3):
            lane = int(before.road.nearest_lane(before.position_m[agent]))
            frame = after.road.lanes[lane].frame_of(after.position_m[agent])
            was = before.road.lanes[lane].frame_of(before.position_m[agent])
            assert abs(float(frame.d_m) - float(was.d_m)) < 0.1
            assert np.cos(float(frame.heading_rad) - after.heading_rad[agent]) > 0.99


def test_bends_are_no_tighter_than_their_roads_allow_and_differ() -> None:
    ways = [Bend(np.random.default_rng(seed), 12.0) for seed in range(8)]
    for way in ways:
        assert np.abs(np.diff(way.heading_rad)).max() <= 1 / 14.0
        assert np.hypot(*np.diff(way.way_m, axis=0).T).max() < 1 + 1e-9
    assert len({round(float(way.heading_rad[-1]), 3) for way in ways}) == 8
    assert len(ways[0].at_m) == 2 * REACH_M + 1


def test_frames_of_them_and_roads_that_stay() -> None:
    after, followed = bent(scene(), 0, np.random.default_rng(3))
    rgb, samples = film_frame(after, agent=followed)
    middle = samples[:, rgb.shape[0] // 2, rgb.shape[1] // 2]
    assert (middle == EGO).all()
    assert not np.array_equal(samples, film_frame(scene())[1])
    crossing = road_of(Facts(road="intersection"))
    assert np.ptp(np.concatenate([lane.center_m for lane in crossing.lanes])[:, 1]) > 2 * ASIDE_M
    standing = replace(scene(), road=crossing, position_m=np.zeros((4, 2), np.float32))
    assert bent(standing, 0, np.random.default_rng(0))[0] is standing
