"""Films read back into episodes: exact with true masks; worked examples of the parts; the bundled network."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from test_causes import driven, speeds

from drive_gen.cli import main
from drive_gen.data.store import iterate_episodes, write_episodes
from drive_gen.envs.episode import Episode, Scene
from drive_gen.envs.files import InputError
from drive_gen.envs.frames.frame import CAR, EGO, TRUCK
from drive_gen.envs.kinematics import wrap
from drive_gen.evaluate.captions import score_captions
from drive_gen.language.facts import Facts
from drive_gen.language.place import road_of
from drive_gen.language.read_scene import road_kind
from drive_gen.language.sight import seen_of
from drive_gen.perception.film_bodies import Bodies, bodies_in, fit_boxes
from drive_gen.perception.film_files import read_frames, write_film
from drive_gen.perception.film_odometry import steps_m
from drive_gen.perception.film_pose import find_road, follow, moved, step_between
from drive_gen.perception.film_read import _before_crash, _filled, contacts, halted, read_episode, smooth
from drive_gen.perception.film_tracks import Track, _measure, _owners, local
from drive_gen.perception.film_view import ASIDE_PX, FPS, SIZE_PX, cover_of, film_frame, film_frames

torch.set_num_threads(1)
ROADS = ("highway", "two-way", "merge", "exit", "racetrack", "u-turn", "intersection", "roundabout")


def filmed(episode: Episode) -> tuple[np.ndarray, list[np.ndarray]]:
    """Strips and the true shares of the classes."""
    frames = list(film_frames(episode))
    return np.stack([rgb for rgb, _ in frames]), [cover_of(samples) for _, samples in frames]


def busy(seed: int = 0, queue_m: float = 0.4) -> Episode:
    """On three lanes: a lead that brakes hard, a faster car to the left, a queue of two that slow down."""
    ego = (300.0 + seed, 4.0, speeds(20))
    lead = (345.0 + seed, 4.0, speeds(22, (6, 7.4, -6)))
    left = (330.0 + seed, 0.0, speeds(24))
    right = [(x + seed, 8.0, speeds(18, (3, 5, -5.5))) for x in (350.0, 355.0 + queue_m)]
    return driven([ego, lead, left, *right])


def on_road(kind: str, along_m: float, aside_m: float = 0.3, turned_rad: float = 0.02) -> Scene:
    """A lone ego somewhere in a lane of a known road."""
    road = road_of(Facts(road=kind, lanes=3))  # type: ignore[arg-type]
    number = max(range(len(road.lanes)), key=lambda lane: road.lanes[lane].length_m)
    lane = road.lanes[number]
    where = lane.position_at(np.array(min(along_m, lane.length_m)), aside_m)
    heading = lane.frame_of(where).heading_rad + turned_rad
    scene = driven([(0.0, 0.0, speeds(10))]).scene(0)
    return replace(scene, road=road, position_m=where[None].astype(np.float32),
                   heading_rad=np.array([heading], np.float32))


@pytest.fixture(scope="module")
def film() -> tuple[Episode, np.ndarray, list[np.ndarray]]:
    episode = busy()
    return (episode, *filmed(episode))


def test_true_masks_give_the_facts_back(film: tuple[Episode, np.ndarray, list[np.ndarray]]) -> None:
    """Every fact, and places and speeds to the quarter of a pixel."""
    episode, rgb, cover = film
    read = read_episode(rgb, cover)
    assert seen_of(read).slots() == seen_of(episode).slots()
    assert {"lead.brake", "left.speed"} <= seen_of(read).slots().keys()
    for agent in range(episode.agents):
        away = np.hypot(*(read.position_m[:, 60] - episode.position_m[agent, 60]
                          - (read.position_m[0, 60] - episode.position_m[0, 60])).T)
        assert away.min() < 0.12
        assert abs(read.speed_mps[away.argmin(), 30] - episode.speed_mps[agent, 30]) < 0.4


def test_without_the_texture_or_a_body_it_is_not_the_same(film: tuple[Episode, np.ndarray, list[np.ndarray]]
                                                         ) -> None:
    """A mutation that must show: the lead's pixels are taken for road."""
    episode, rgb, cover = film
    lead = np.stack(cover)
    lead[:, 1, :190] += lead[:, CAR, :190]
    lead[:, CAR, :190] = 0
    read = read_episode(rgb, list(lead))
    assert score_captions([seen_of(episode)], [seen_of(read)]).f1 < 0.8


@pytest.mark.parametrize("kind", ROADS)
def test_every_known_road_is_found_and_the_pose_on_it(kind: str) -> None:
    scene = on_road(kind, {"merge": 240.0, "exit": 20.0, "u-turn": 60.0, "roundabout": 90.0}.get(kind, 60.0))
    _, samples = film_frame(scene)
    found = find_road([cover_of(samples)])
    assert found.map.kind == kind == road_kind(found.map.road)
    pose = np.array([*scene.position_m[0], scene.heading_rad[0]])
    lane = scene.road.lanes[int(scene.road.nearest_lane(pose[:2], pose[2]))]
    theirs = found.map.road.lanes[int(found.map.road.nearest_lane(found.pose[:2], found.pose[2]))]
    one, other = lane.frame_of(pose[:2]), theirs.frame_of(found.pose[:2])
    assert float(other.d_m) == pytest.approx(float(one.d_m), abs=0.08)
    assert len(theirs.center_m) == len(lane.center_m)
    assert found.map.road.lanes_aside(found.map.road.lanes.index(theirs)) == scene.road.lanes_aside(
        scene.road.lanes.index(lane))


def test_the_place_along_is_found_by_what_is_far_off() -> None:
    """Nothing near an ego 66 m before a crossing tells how far it is."""
    scene = on_road("intersection", 36.0, 0.0, 0.0)
    found = find_road([cover_of(film_frame(scene)[1])])
    lanes = scene.road.lanes, found.map.road.lanes
    places = scene.position_m[0], found.pose[:2]
    near = [float(np.hypot(*place)) for place in places]  # arms are alike: how far from the crossing
    assert near[1] == pytest.approx(near[0], abs=0.15)
    assert len(lanes[0]) == len(lanes[1])


def test_frames_past_the_roads_end_do_not_tell_it() -> None:
    on = on_road("u-turn", 60.0)
    past = replace(on, position_m=on.position_m + np.array([0.0, 400.0], np.float32))
    covers = [cover_of(film_frame(scene)[1]) for scene in (on, past)]
    assert covers[1][1:3].max() == 0
    found = find_road([covers[0]] * 60 + [covers[1]] * 61)
    assert (found.map.kind, found.frame) == ("u-turn", 0)


def test_texture_tells_the_step() -> None:
    """A film of noise that goes 3.25 pixels a frame."""
    rows = np.random.default_rng(0).uniform(0, 255, (4 * SIZE_PX + 400, ASIDE_PX))
    fine = [rows[400 - 13 * number : 400 - 13 * number + 4 * SIZE_PX].reshape(SIZE_PX, 4, -1).mean(1)
            for number in range(12)]
    rgb = np.stack(fine)[..., None].repeat(3, -1).astype(np.uint8)
    cover = np.zeros((6, SIZE_PX, ASIDE_PX), np.float32)
    cover[0] = 1
    assert steps_m(rgb, [cover] * 12) == pytest.approx(np.full(11, 13 / 4 * 0.5), abs=0.06)
    still = np.stack([np.random.default_rng(number).uniform(0, 255, (SIZE_PX, ASIDE_PX, 3))
                      for number in range(3)])
    assert np.isnan(steps_m(still.astype(np.uint8), [cover] * 3)).all()


def test_steps_do_not_drift() -> None:
    """A film of noise that slows down from 3 pixels a frame to none."""
    steps = np.linspace(3.0, 0.0, 40)
    rows = np.random.default_rng(1).uniform(0, 255, (8 * (SIZE_PX + 90), ASIDE_PX))
    first = 8 * 80 - np.round(8 * np.concatenate(([0.0], steps.cumsum()))).astype(int)
    fine = [rows[top : top + 8 * SIZE_PX].reshape(SIZE_PX, 8, -1).mean(1) for top in first]
    cover = np.zeros((6, SIZE_PX, ASIDE_PX), np.float32)
    cover[0] = 1
    found = steps_m(np.stack(fine)[..., None].repeat(3, -1).astype(np.uint8), [cover] * 41)
    assert np.abs(found.cumsum() + np.diff(first).cumsum() / 16).max() < 0.1


def bodies(boxes: Sequence[tuple[float, float, float]], size: tuple[float, float] = (5.0, 2.0)) -> Bodies:
    """What is seen of boxes (ahead, right, heading), worked out sample by sample."""
    fine = 8
    row, column = np.meshgrid(np.arange(SIZE_PX * fine), np.arange(ASIDE_PX * fine), indexing="ij")
    ahead = (SIZE_PX / 2 - (row + 0.5) / fine) * 0.5
    right = ((column + 0.5) / fine - ASIDE_PX / 2) * 0.5
    inside = np.zeros(row.shape, bool)
    for x, y, heading in boxes:
        u = (ahead - x) * np.cos(heading) + (right - y) * np.sin(heading)
        v = (right - y) * np.cos(heading) - (ahead - x) * np.sin(heading)
        inside |= (abs(u) <= size[0] / 2) & (abs(v) <= size[1] / 2)
    share = inside.reshape(SIZE_PX, fine, ASIDE_PX, fine).mean((1, 3))
    cover = np.zeros((6, SIZE_PX, ASIDE_PX), np.float32)
    cover[CAR if size[0] < 8 else TRUCK], cover[1] = share, 1 - share
    return bodies_in(cover)


def test_touching_bodies_are_told_apart() -> None:
    """Bumper to bumper, and crashed into each other at an angle; expected half a metre off."""
    for true in ([(30.0, 3.1, 0.0), (35.0, 3.1, 0.0)], [(-20.3, -6.0, 0.1), (-16.2, -5.2, -0.35)]):
        seen = bodies(true)
        assert len(seen.blobs) == 1
        begin = np.array(true) + np.array([(0.5, 0.2, 0.03), (-0.4, -0.3, -0.03)])
        found, off = fit_boxes(seen, np.array([1]), begin, np.full((2, 2), (5.0, 2.0)))
        assert np.abs(found - np.array(true)).max() < 0.12
        assert off < 0.1


def test_a_body_at_the_edge_is_whole() -> None:
    """Two metres of a truck are in the picture; its middle is out of it."""
    seen = bodies([(104.0, 4.0, 0.0)], (12.0, 2.5))
    assert seen.blobs[0].cut
    found, _ = fit_boxes(seen, np.array([1]), np.array([(104.8, 4.1, 0.0)]), np.array([(12.0, 2.5)]))
    assert found[0] == pytest.approx((104.0, 4.0, 0.0), abs=0.1)


def test_who_is_who_by_hand() -> None:
    """Both are expected 3.9 m ahead of where they are, the first 6.1 m from the other."""
    seen = bodies([(10.0, 0.0, 0.0), (20.0, 0.0, 0.0)])
    tracks = [Track(seen_m2=10.0), Track(seen_m2=10.0)]
    expected = [np.array([13.9, 0.0, 0.0]), np.array([23.9, 0.0, 0.0])]
    for track, box in zip(tracks, expected, strict=True):
        track.add(0, box)
    found = {tracks_[0]: blobs[0].middle_m[0] for blobs, tracks_ in _owners(tracks, expected, seen)}
    assert found[0] == pytest.approx(10.0, abs=0.1)
    assert found[1] == pytest.approx(20.0, abs=0.1)


def test_who_crashes_stands_at_once() -> None:
    """One goes 2 m a frame, 5 m behind another, into a third who stands; the other follows into it."""
    road = road_of(Facts(road="highway", lanes=2))
    ego, alive = np.array([300.0, 0.0, 0.0]), list[Track]()
    true = []
    for frame in range(14):
        places = (min(20.0 + 2 * frame, 35.0), min(13.0 + 2 * frame, 29.9), 40.2)
        true.append(places)
        _measure(alive, bodies([(place, 0.0, 0.0) for place in places]), frame, ego, road)
    assert len(alive) == 3
    found = sorted((np.array([pose[0] for pose in track.poses]) - 300 for track in alive), key=np.max)
    assert np.abs(np.array(found).T - np.array([(b, a, c) for a, b, c in true])).max() < 0.35
    assert sum(track.standing for track in alive) == 2


def test_headings_are_of_the_motion() -> None:
    """On a two-way road lanes of both ways lie on one another."""
    track = Track()
    for frame in range(6):
        track.add(frame, np.array([300.0 + 2 * frame, 0.0, np.pi]))
    _, poses = _filled(track)
    assert np.cos(poses[:, 2]) == pytest.approx(np.ones(6))


def test_speeds_before_a_crash_are_of_the_frames_before_it() -> None:
    """The boxes touch a frame after it stops."""
    way = np.minimum(2.0 * np.arange(12), 20.0)
    poses = np.column_stack((way, np.zeros((12, 2))))
    assert _before_crash(poses) == 11
    assert smooth(poses, 11)[2] == pytest.approx(np.full(12, 20.0))
    assert _before_crash(poses[:10]) == 10


@pytest.mark.parametrize("turned_rad", [0.22, -0.3])
@pytest.mark.parametrize("kind", ["u-turn", "merge", "highway"])
def test_a_road_is_found_by_an_ego_that_is_headed_across_its_lane(kind: str, turned_rad: float) -> None:
    scene = on_road(kind, 240.0 if kind == "merge" else 60.0, turned_rad=turned_rad)
    found = find_road([cover_of(film_frame(scene)[1])])
    assert found.map.kind == kind
    pose = np.array([*scene.position_m[0], scene.heading_rad[0]])
    lane = scene.road.lanes[int(scene.road.nearest_lane(pose[:2]))]
    theirs = found.map.road.lanes[int(found.map.road.nearest_lane(found.pose[:2]))]
    one, other = lane.frame_of(pose[:2]), theirs.frame_of(found.pose[:2])
    assert float(wrap(found.pose[2] - other.heading_rad)) == pytest.approx(turned_rad, abs=0.02)
    assert abs(float(other.d_m)) == pytest.approx(abs(float(one.d_m)), abs=0.15)


def test_poses_go_there_and_back() -> None:
    one, step = np.array([3.0, -2.0, 0.7]), np.array([2.0, 0.5, 0.1])
    assert step_between(one, moved(one, step)) == pytest.approx(step)
    assert local(moved(one, step), one) == pytest.approx([2.0, 0.5, 0.1])


def test_contacts_and_speeds_by_hand() -> None:
    poses = np.zeros((2, 30, 3))
    poses[1, :, 0] = 8.0
    poses[0, :, 0] = np.minimum(0.2 * np.arange(30), 3.0)
    touched = contacts(poses, np.ones((2, 30), bool), np.full((2, 2), (5.0, 2.0)))
    assert touched.any(0).argmax() == 15  # 3 m on, bumpers meet
    position, heading, speed = smooth(poses[0, :15], 15)
    assert speed == pytest.approx(np.full(15, 2.0))
    assert position[:, 0] == pytest.approx(poses[0, :15, 0])
    assert np.abs(heading).max() == 0


def test_who_passes_has_not_crashed() -> None:
    """Boxes that touch while one of them goes on, and where the film ends before that is known."""
    poses = np.zeros((2, 30, 3))
    poses[1, :, 0] = 8.0
    poses[0, :, 0] = np.minimum(0.8 * np.arange(30), 3.2)  # stands from frame 4 on, and touches
    valid, size = np.ones((2, 30), bool), np.full((2, 2), (5.0, 2.0))
    assert contacts(poses, valid, size).all(0).argmax() == 4
    assert not contacts(poses[:, :6], valid[:, :6], size).any()
    poses[1, 4:, 1] = 0.9 * np.arange(26)
    assert not contacts(poses, valid, size).any()


@pytest.mark.parametrize(("slows_mps2", "crash"), [(200.0, True), (9.0, False)])
def test_who_halts_as_no_brakes_do_has_crashed(slows_mps2: float, crash: bool) -> None:
    """From 20 m/s, after a second."""
    speed = np.clip(20.0 - slows_mps2 * np.maximum(np.arange(60) / FPS - 1.0, 0), 0, None)
    poses = np.column_stack((speed.cumsum() / FPS, np.zeros((60, 2))))
    found = halted(poses, np.ones(60, bool))
    assert found.any() == crash
    if crash:
        assert 10 <= found.argmax() <= 13
        assert found[13:].all()


def test_an_ego_past_the_roads_end_goes_straight_on() -> None:
    """The texture tells 2 m a frame; nothing else does."""
    on = on_road("u-turn", 60.0, 0.0, 0.0)
    shown = cover_of(film_frame(on)[1])
    found = find_road([shown])
    grass = np.zeros_like(shown)
    grass[0] = 1
    poses = follow([shown, *[grass] * 40], found, np.full(40, 2.0))
    away = step_between(poses[0], poses[-1])
    assert away == pytest.approx([80.0, 0.0, 0.0], abs=0.01)


def test_a_road_that_is_lost_for_most_of_the_film_is_refused() -> None:
    on = on_road("highway", 300.0, 0.0, 0.0)
    shown = cover_of(film_frame(on)[1])
    found = find_road([shown])
    other = shown.copy()
    other[[0, 1]] = other[[1, 0]]  # grass for asphalt
    poses = follow([*[shown] * 12, *[other] * 9], found, np.full(20, 1.0))
    assert step_between(poses[11], poses[-1]) == pytest.approx([9.0, 0.0, 0.0], abs=0.05)
    with pytest.raises(InputError, match=r"is lost at 0\.5 s"):
        follow([*[shown] * 5, *[other] * 9], found, np.full(13, 1.0))


def test_a_two_way_road_is_driven_on_its_two_lanes() -> None:
    """It looks the same from either end."""
    for number in (0, 1):
        scene = on_road("two-way", 150.0)
        lane = scene.road.lanes[number]
        where = lane.position_at(np.array(150.0))
        scene = replace(scene, position_m=where[None].astype(np.float32))
        found = find_road([cover_of(film_frame(scene)[1])])
        mine = int(found.map.road.nearest_lane(found.pose[:2], found.pose[2]))
        assert found.map.road.lanes_aside(mine) == (number, 1 - number)


def test_films_that_cannot_be_read(film: tuple[Episode, np.ndarray, list[np.ndarray]]) -> None:
    """One line: no ego, and no known road."""
    _, rgb, cover = film
    empty = np.stack(cover)
    empty[:, 1] += empty[:, EGO]
    empty[:, EGO] = 0
    with pytest.raises(InputError, match="no ego"):
        read_episode(rgb, list(empty))
    field = np.stack(cover)[:, :, :, ::-1].copy()
    field[:, 0], field[:, 1] = field[:, 1].copy(), field[:, 0].copy()  # grass for asphalt
    with pytest.raises(InputError, match="no known road"):
        read_episode(rgb, list(field))


def test_the_bundled_network_reads_and_writes_an_episode(tmp_path: Path, capsys: pytest.CaptureFixture[str]
                                                         ) -> None:
    """Through an mp4 file, and on as a store that the other verbs take."""
    store, film, out = tmp_path / "store", tmp_path / "film.mp4", tmp_path / "read"
    write_episodes(store, [busy(2, queue_m=3.0)], "train")
    assert main(["describe", str(store), "--film", str(film), "--json"]) == 0
    about = json.loads(capsys.readouterr().out)
    assert about["by"] == "tracks"
    assert len(about["right"]) >= 0.9 * len(about["truth"])
    assert main(["describe", str(film), "--language", "ko", "--out", str(out), "--json"]) == 0
    again = json.loads(capsys.readouterr().out)
    assert sum(about["truth"].get(slot) == value for slot, value in again["facts"].items()) >= 0.9 * len(
        about["truth"])
    read = next(iter(iterate_episodes(out)))
    assert (read.steps, read.dt_s, road_kind(read.road)) == (121, 1 / FPS, "highway")
    assert main(["inspect", str(out)]) == 0


def test_a_film_in_which_everybody_stands_is_written_and_read(tmp_path: Path) -> None:
    still = driven([(300.0, 4.0, speeds(0)), (340.0, 4.0, speeds(0))])
    write_film(still, tmp_path / "still.mp4")
    frames = read_frames(tmp_path / "still.mp4")
    assert len(frames) == 121
    rgb, cover = filmed(still)
    assert read_episode(rgb, cover).speed_mps.max() < 0.3
