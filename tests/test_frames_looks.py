"""Looks change colours and nothing else; sets of frames come back bit for bit from their seeds."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_frames import LEVEL, VIEWS, bend, crowd, scene_of

from drive_gen.envs.files import InputError
from drive_gen.envs.frames.draw import draw_frame
from drive_gen.envs.frames.frame import Frame
from drive_gen.envs.frames.ground import ground_of
from drive_gen.envs.frames.looks import EFFECTS, LEAST_CONTRAST, NATIVE, Look, draw_look
from drive_gen.envs.frames.scenes import Traffic, scenes_of, with_trucks
from drive_gen.envs.frames.views import BirdView, Dashcam
from drive_gen.envs.geometry import overlaps
from drive_gen.envs.road import Road

SCENE = crowd([(8, 3, 0.2), (-9, -4, -2.0), (20, 0, 0.0), (12, -6, 1.0)], 0.1)
LABELS = ("mask", "instance", "agent_id", "label", "box_px", "depth_m", "area_px")
# Of frames that no simulator took part in: `digest` below. New ones only when pictures are meant to change.
STORED = {"BirdView": "295142122138fc70", "Dashcam": "5bc01e1ca7c8a04a"}


def digest(frames: list[Frame]) -> str:
    held = hashlib.sha256()
    for frame in frames:
        held.update(frame.rgb.tobytes() + frame.mask.tobytes() + frame.instance.astype("<i8").tobytes())
    return held.hexdigest()[:16]


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: type(view).__name__)
def test_the_same_bytes_on_every_machine(view: BirdView | Dashcam) -> None:
    curved = scene_of([(40.0, 0.5, np.pi / 2), (38.0, 12.0, 1.9)], bend())
    frames = [draw_frame(scene, view, draw_look(seed, strength)) for scene in (SCENE, curved)
              for seed in range(6) for strength in (0.0, 0.5, 1.0)]
    assert digest(frames) == STORED[type(view).__name__]


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.floats(0, 1), st.sampled_from(VIEWS))
def test_labels_never_change_with_the_look(seed: int, strength: float, view: BirdView | Dashcam) -> None:
    plain, dressed = draw_frame(SCENE, view), draw_frame(SCENE, view, draw_look(seed, strength))
    for name in LABELS:
        assert np.array_equal(getattr(plain, name), getattr(dressed, name)), name


@pytest.mark.parametrize("effect", EFFECTS)
def test_each_effect_shows(effect: str) -> None:
    view = BirdView(64)
    looks = [draw_look(seed, 1.0, (effect,)) for seed in range(12)]
    changed = [not np.array_equal(draw_frame(SCENE, view).rgb, draw_frame(SCENE, view, look).rgb)
               for look in looks]
    assert sum(changed) >= 2
    if effect == "palette":
        assert all(changed)
        return
    for look in looks:  # nothing else came with it
        assert (look.sky, look.road, look.paints) == (NATIVE.sky, NATIVE.road, NATIVE.paints)
        others = {"night", "rain", "blur", "noise"} - {effect}
        assert all(getattr(look, name) == 0 for name in others)


def test_night_is_darker_but_for_the_headlights() -> None:
    view = BirdView(64)
    day, night = (draw_frame(SCENE, view, look).rgb.astype(int).sum(-1) for look in (NATIVE, Look(night=1.0)))
    assert (night[40:] < 0.35 * day[40:]).mean() > 0.9  # behind the ego
    assert night[22, 32] > 0.7 * day[22, 32]  # 4 m before it
    rear = draw_frame(scene_of([(100, 4, 0), (110, 4, 0)]), LEVEL, Look(night=1.0)).rgb.astype(int)
    assert ((rear[..., 0] > 3 * rear[..., 1]) & (rear[..., 0] > 200)).sum() >= 4  # tail lights still shine


def test_blur_keeps_what_is_even_and_the_mean() -> None:
    scene = scene_of([(100, 4, 0)])
    for strength in (0.1, 0.37, 0.5, 0.83, 1.0):
        plain, soft = (draw_frame(scene, BirdView(64), Look(texture=0.0, blur=blur)).rgb.astype(int)
                       for blur in (0.0, strength))
        assert np.abs(soft[:, :8] - plain[:, :8]).max() <= 1  # grass, on both sides and in the corners
        assert abs(soft.mean() - plain.mean()) < 1.5
        assert soft.max() <= plain.max()
    assert np.abs(soft - plain).max() > 60


def test_texture_stays_on_its_place() -> None:
    """The car drives half a picture on: the ground that is seen again has the same colours."""
    first, second = (draw_frame(scene_of([(x, 4, 0)]), BirdView(64, 0.5), Look(texture=1.0)).rgb
                     for x in (100.0, 108.0))
    assert np.array_equal(first[:16, :8], second[16:32, :8])


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 100_000), st.floats(0, 1))
def test_what_must_be_told_apart_can_be(seed: int, strength: float) -> None:
    look = draw_look(seed, strength)
    for colour in (look.ground, look.white, look.yellow):
        assert max(abs(one - two) for one, two in zip(colour, look.road, strict=True)) >= LEAST_CONTRAST
        assert all(0 <= channel <= 255 for channel in colour)


def test_no_strength_is_the_native_look() -> None:
    look = draw_look(7, 0.0)
    assert {name: getattr(look, name) for name in ("sky", "ground", "road", "paints", "night", "noise")} == {
        name: getattr(NATIVE, name) for name in ("sky", "ground", "road", "paints", "night", "noise")}


def test_a_scene_depends_on_its_seed_alone() -> None:
    traffic = Traffic(envs=("highway-fast-v0", "merge-v0"), most_decisions=4)
    one, other = scenes_of(traffic, range(8)), scenes_of(traffic, [5, 2, 5])
    for scene, again in ((one[5], other[0]), (one[2], other[1]), (one[5], other[2])):
        for name in ("position_m", "heading_rad", "size_m", "kind", "agent_id"):
            assert np.array_equal(getattr(scene, name), getattr(again, name))
        first, second = (draw_frame(item, BirdView(64), draw_look(3, 1.0)) for item in (scene, again))
        assert digest([first]) == digest([second])
    assert len({len(scene.agent_id) for scene in one}) > 1  # highways and merges


def test_trucks_touch_nobody_by_being_trucks() -> None:
    before = scene_of([(100 + 3.0 * number, 4.0 * (number % 3), 0.0) for number in range(18)])
    scene = with_trucks(before, 1.0, np.random.default_rng(0))
    assert (scene.kind == 1).any()
    assert scene.kind[0] == 0  # not the ego
    pairs = np.triu_indices(len(scene.agent_id), 1)
    touch = [overlaps(item.position_m[pairs[0]], item.heading_rad[pairs[0]], item.size_m[pairs[0]],
                      item.position_m[pairs[1]], item.heading_rad[pairs[1]], item.size_m[pairs[1]]).sum()
             for item in (before, scene)]
    assert touch == [0, 0]


def test_a_road_is_prepared_once() -> None:
    assert ground_of(SCENE.road) is ground_of(SCENE.road)
    again = Road(tuple(replace(lane) for lane in SCENE.road.lanes))
    assert again is not SCENE.road
    assert ground_of(again) is ground_of(SCENE.road)
    wider = Road(tuple(replace(lane, width_m=lane.width_m + 0.1) for lane in SCENE.road.lanes))
    assert ground_of(wider) is not ground_of(SCENE.road)


@pytest.mark.parametrize(("make", "said"), [
    (lambda: Look(night=1.5), "night"), (lambda: draw_look(0, 2.0), "strength"),
    (lambda: draw_look(0, 1.0, ("fog",)), "fog"), (lambda: Traffic(envs=()), "environment"),
    (lambda: Traffic(envs=("higway-v0",)), "higway"), (lambda: Traffic(trucks=2.0), "share"),
])
def test_wrong_looks_are_named(make: object, said: str) -> None:
    with pytest.raises(InputError, match=said):
        make()  # type: ignore[operator]
