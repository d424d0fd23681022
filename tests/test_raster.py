"""Pictures of scenes: what a pixel says, and that the scene is read off again."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from drive_gen.envs.episode import Scene
from drive_gen.envs.files import InputError
from drive_gen.envs.road import straight_road
from drive_gen.imagine.classes import CLASSES, classes_of, mean_iou
from drive_gen.imagine.enact import enacted, scenario_of_scene, undrivable
from drive_gen.imagine.raster import (
    ALONG_M,
    HEIGHT_PX,
    Boxes,
    boxes_of,
    camera_of,
    composed,
    coverage,
    raster_of,
    shade_of,
    velocity_of,
)
from drive_gen.imagine.read import blobs_in, read_raster
from drive_gen.imagine.roads import find_road, library
from drive_gen.imagine.words import MOST_WORDS, Caption, shown, staged, vocabulary, words_of
from drive_gen.language.agree import agreement
from drive_gen.language.facts import Agent, Event, Facts
from drive_gen.language.parse import facts_of_text
from drive_gen.language.place import scenario_of
from drive_gen.language.play import play
from drive_gen.language.read_scene import facts_of_scene

ASKED = {
    "two lanes": Facts(
        road="highway", lanes=2, agents=(Agent("lead", distance="near"), Agent("cars", count=3))
    ),
    "six lanes": Facts(road="highway", lanes=6, density="light", agents=(Agent("left", "truck"),)),
    "a merge": Facts(road="merge", agents=(Agent("follower", "truck"), Agent("trucks", count=2))),
    "two ways": Facts(road="two-way", agents=(Agent("lead", speed="slow"), Agent("ego", speed="fast"))),
}


def scene(facts: Facts, seed: int = 0) -> Scene:
    return shown(scenario_of(facts, seed).to_scene())


def test_coverage_by_hand() -> None:
    """A body of 4.2 x 2 m over two pixels' length and two's width, and turned by a right angle."""
    box = Boxes(
        np.array([[0.0, 0.0], [2.1, 1.0]]),
        np.array([0.0, np.pi / 2]),
        np.array([[4.2, 2.0], [2.0, 4.2]]),
        np.zeros(2),
        np.zeros(2, bool),
    )
    where, cover = coverage(box, 0)
    whole = np.zeros((HEIGHT_PX, 32))
    whole[where] = cover
    assert whole.sum() == pytest.approx(4.0)
    assert (whole[47:49, 15:17] == 1).all()
    assert coverage(box, 1)[1].sum() == pytest.approx(4.0)


@pytest.mark.parametrize(
    ("speed", "heading"), [(0.0, 0.0), (11.0, 0.0), (29.0, 0.0), (20.0, np.pi), (39.0, 3.0)]
)
def test_speeds_have_a_shade(speed: float, heading: float) -> None:
    found = velocity_of(shade_of(speed, heading))
    assert found == pytest.approx(speed if heading < 1 else -speed)


@pytest.mark.parametrize("name", ASKED)
def test_a_scene_is_read_off_its_picture(name: str) -> None:
    wanted = ASKED[name]
    for seed in range(3):
        true = scene(wanted, seed)
        found = read_raster(raster_of(true))
        assert found.found.iou > 0.97
        assert found.found.place.kind == wanted.road
        assert len(found.scene.position_m) == len(true.position_m)
        seen = camera_of(true).seen(true.position_m)
        again = found.found.place.camera.seen(found.scene.position_m)
        away = np.hypot(*(again[:, None] - seen[None]).transpose(2, 0, 1))
        assert away.min(0).max() < 0.7
        match = away.argmin(0)
        assert np.abs(found.scene.speed_mps[match] - true.speed_mps).max() < 0.6
        assert (found.scene.size_m[match, 0] == true.size_m[:, 0]).all()
        assert agreement(wanted, found.scene) == agreement(wanted, true)


def test_oncoming_cars_come_towards_us() -> None:
    true = scene(ASKED["two ways"])
    oncoming = true.road.lanes[2]
    place = oncoming.position_at(np.array(oncoming.length_m - true.position_m[0, 0] + 60))
    more = replace(
        true,
        position_m=np.vstack((true.position_m, place)).astype(np.float32),
        heading_rad=np.append(true.heading_rad, np.pi).astype(np.float32),
        speed_mps=np.append(true.speed_mps, 20).astype(np.float32),
        size_m=np.vstack((true.size_m, (5, 2))).astype(np.float32),
        crashed=np.zeros(3, bool),
        agent_id=np.arange(3),
        kind=np.zeros(3, np.uint8),
    )
    found = read_raster(raster_of(more)).scene
    assert sorted(np.abs(found.heading_rad).tolist()) == pytest.approx([0, 0, np.pi], abs=1e-6)


def test_the_road_is_told_by_its_pixels() -> None:
    known = library()
    for number in np.linspace(0, len(known.places) - 1, 12).astype(int):
        found = find_road(known.grounds[number].reshape(HEIGHT_PX, -1))
        assert found.iou == 1
        assert found.place.kind == known.places[number].kind
        assert len(found.place.road.lanes) == len(known.places[number].road.lanes)


def test_what_shows_no_scene_is_refused() -> None:
    true = raster_of(scene(ASKED["two lanes"]))
    without_ego = true.copy()
    without_ego[..., 1] = np.maximum(without_ego[..., 1], 128)
    with pytest.raises(InputError, match="no ego"):
        read_raster(without_ego)
    meadow = true.copy()
    meadow[..., 0] = 0
    with pytest.raises(InputError, match="no known road"):
        read_raster(meadow)
    with pytest.raises(InputError, match="no ego"):
        camera_of(replace(scene(ASKED["two lanes"]), ego=None))


def test_bodies_close_to_each_other_stay_apart() -> None:
    """Two cars 5 m apart in one lane, and two side by side, are four."""
    box = Boxes(
        np.array([[20.0, 0.0], [30.0, 0.0], [20.0, 4.0], [-20.0, 4.0]]),
        np.zeros(4),
        np.full((4, 2), (5.0, 2.0)),
        np.full(4, 20.0),
        np.zeros(4, bool),
    )
    picture = composed(np.zeros((HEIGHT_PX, 32)), box) / 255
    found = blobs_in((picture[..., 1] - 0.5) * 2, picture[..., 2])
    assert len(found.place_m) == 4
    order = np.lexsort(found.place_m.round().T)
    expected = box.place_m[np.lexsort(box.place_m.T)]
    assert np.abs(found.place_m[order] - expected).max() < 0.4
    assert np.abs(found.velocity_mps - 20).max() < 0.5


def test_classes() -> None:
    picture = np.array([[[0, 128, 0], [128, 128, 0], [255, 128, 0], [128, 0, 80], [128, 255, 80]]], np.uint8)
    assert classes_of(picture).tolist() == [[0, 1, 2, 3, 4]]
    assert len(CLASSES) == 5
    one, other = np.array([0, 0, 1, 1]), np.array([0, 1, 1, 1])
    assert mean_iou(one, other) == pytest.approx((1 / 2 + 2 / 3) / 2)


@pytest.mark.parametrize("name", ASKED)
def test_captions_hold(name: str) -> None:
    rng = np.random.default_rng(0)
    seen = scene(ASKED[name])
    caption = Caption(seen)
    said = [caption.draw(rng) for _ in range(30)]
    assert all(all(agreement(facts, seen).values()) for facts in said)
    texts = {words_of(facts) for facts in said}
    assert len(texts) > 10
    assert all(
        len(text.split()) <= MOST_WORDS - 2 and set(text.split()) <= set(vocabulary()) for text in texts
    )


def test_both_languages_become_the_same_words() -> None:
    english = words_of(facts_of_text("at a merge, three aggressive cars, the car ahead brakes hard"))
    korean = words_of(facts_of_text("합류 구간, 공격적인 차 세 대, 앞차 급정거"))
    assert english == korean == "road=merge lead.kind=car cars.count=3"


def test_whoever_cuts_in_has_a_place() -> None:
    cuts = Event("cut-in", "cut-in")
    assert staged(Facts(agents=(Agent("left"),), events=(cuts,))).agent("right") == Agent(
        "right", distance="near"
    )
    assert staged(Facts(events=(Event("someone", "cut-in"),))).agent("left") == Agent("left", distance="near")
    with pytest.raises(InputError, match="roundabout were not learnt"):
        words_of(Facts(road="roundabout"))


def test_a_picture_is_driven_with_its_events() -> None:
    wanted = Facts(
        road="highway",
        lanes=3,
        agents=(Agent("lead", style="aggressive", distance="far"),),
        events=(Event("lead", "brake", at_s=4),),
    )
    done = enacted(raster_of(scene(wanted)), wanted, "text", seed=3)
    assert done.reason is None
    assert all(done.holds.values())
    assert done.holds["lead.brake"]
    assert done.scenario is not None
    assert done.scenario.agents[1].driver == "aggressive"
    assert done.episode is not None
    assert done.episode.duration_s == pytest.approx(10)
    plain = scenario_of_scene(read_raster(raster_of(scene(wanted))).scene, Facts())
    assert plain.events == ()


def test_what_cannot_be_driven_is_said() -> None:
    """A car that stands 8 m (3 m of gap) before one at 30 m/s, and one on the meadow."""
    road = straight_road(2, 1000.0)
    start = Scene(
        position_m=np.array([[200, 0], [208, 0]], np.float32),
        heading_rad=np.zeros(2, np.float32),
        speed_mps=np.array([30, 0], np.float32),
        size_m=np.full((2, 2), (5, 2), np.float32),
        crashed=np.zeros(2, bool),
        agent_id=np.arange(2),
        kind=np.zeros(2, np.uint8),
        road=road,
        ego=0,
    )
    assert "bodies touch after 0" in (undrivable(play(scenario_of_scene(start, Facts()), 2.0)) or "")
    crash = Facts(agents=(Agent("lead"),), events=(Event("lead", "crash"),))
    assert undrivable(play(scenario_of_scene(start, crash), 2.0), crash) is None
    away = replace(start, position_m=np.array([[200, 0], [250, 20]], np.float32))
    assert "off the road" in (undrivable(play(scenario_of_scene(away, Facts()), 2.0)) or "")


def test_those_beyond_the_picture_are_not_spoken_of() -> None:
    far = scene(ASKED["two lanes"])
    moved = replace(
        far,
        position_m=far.position_m
        + np.where(np.arange(len(far.position_m))[:, None] == 1, (ALONG_M * HEIGHT_PX, 0), 0).astype(
            np.float32
        ),
    )
    assert len(shown(moved).position_m) == len(far.position_m) - 1
    assert facts_of_scene(shown(moved)) != facts_of_scene(far)
    assert not boxes_of(moved, camera_of(moved)).ego.all()
