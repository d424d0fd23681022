"""Pictures are where and what the scene says, turn with the world, and need no display."""

from __future__ import annotations

import os
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drive_gen.envs.episode import KINDS, Scene
from drive_gen.envs.files import InputError
from drive_gen.envs.hud import AMBER, BLUE, HUD_PX, TRACK, Overlay
from drive_gen.envs.markings import DASH_M, GAP_M, dashes, markings, pieces_near
from drive_gen.envs.render import ASPHALT, GROUND, Camera, View, cameras_along, draw_scene
from drive_gen.envs.road import Lane, Road, straight_road
from drive_gen.envs.sprites import CAR, CRASHED, EGO, OBSTACLE, TRUCK, rounded_box, vehicle

VIEW = View(640, 300, px_per_m=8)


def scene_of(positions: list[tuple[float, float]], road: Road, **more: object) -> Scene:
    """Cars heading along +x; the first is the ego."""
    count = len(positions)
    scene = Scene(position_m=np.array(positions), heading_rad=np.zeros(count), speed_mps=np.full(count, 20.0),
                  size_m=np.tile([5.0, 2.0], (count, 1)), crashed=np.zeros(count, bool),
                  agent_id=np.arange(count), kind=np.zeros(count, np.uint8), road=road, ego=0)
    return replace(scene, **more)


def at(picture: np.ndarray, ahead_m: float, aside_m: float) -> tuple[int, ...]:
    """Colour so far ahead and to the right of the camera's point."""
    x = VIEW.width_px * VIEW.anchor + ahead_m * VIEW.px_per_m
    y = HUD_PX + (VIEW.height_px - HUD_PX) / 2 + aside_m * VIEW.px_per_m
    return tuple(int(channel) for channel in picture[int(y), int(x)])


def near(colour: tuple[int, ...], expected: tuple[int, int, int]) -> bool:
    return max(abs(a - b) for a, b in zip(colour, expected, strict=True)) <= 3


def test_everything_is_where_the_scene_says() -> None:
    road = straight_road(3, 500)  # lanes at y = 0, 4, 8: the camera stands on y = 4
    picture = draw_scene(scene_of([(100, 4), (120, 8)], road), VIEW)
    assert picture.shape == (300, 640, 3)
    assert picture.dtype == np.uint8
    bonnet = 1.8  # between the windscreen and the lights
    assert near(at(picture, bonnet, 0), EGO)
    assert near(at(picture, 20 + bonnet, 4), CAR)
    assert near(at(picture, 20 + bonnet, 0), ASPHALT)
    assert near(at(picture, 20, 8), GROUND)


def test_kinds_and_crashes_have_their_colours() -> None:
    road = straight_road(1, 500)
    kinds = np.array([KINDS.index(name) for name in ("car", "truck", "obstacle", "car")], np.uint8)
    sizes = np.array([[5.0, 2], [12, 2.5], [2, 2], [5, 2]])
    crashed = np.array([False, False, False, True])
    picture = draw_scene(scene_of([(100, 0), (115, 0), (130, 0), (140, 0)], road, kind=kinds, size_m=sizes,
                                  crashed=crashed), VIEW)
    assert near(at(picture, 15 + 0.8, 0), TRUCK)
    assert near(at(picture, 30, 0), OBSTACLE)
    assert near(at(picture, 41.9, 0), CRASHED)


def test_the_same_scene_gives_the_same_bytes_and_no_window(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    scene = scene_of([(100, 4), (120, 8)], straight_road(3, 500))
    overlay = Overlay(time_s=1.5, driver="gap", action="FASTER", returns=(("progress", 0.5, 0.7),))
    assert np.array_equal(draw_scene(scene, VIEW, overlay), draw_scene(scene, VIEW, overlay))
    import pygame

    assert not pygame.display.get_init()
    assert os.environ.get("SDL_VIDEODRIVER") != "dummy"


@settings(max_examples=10, deadline=None)
@given(st.floats(-3.1, 3.1), st.floats(-500, 500), st.floats(-500, 500))
def test_the_picture_turns_with_the_world(angle: float, east: float, north: float) -> None:
    road = straight_road(3, 300)
    scene = scene_of([(100, 4), (118, 8), (90, 0)], road)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    lanes = tuple(replace(lane, center_m=lane.center_m @ turn + (east, north)) for lane in road.lanes)
    moved = replace(scene, position_m=scene.position_m @ turn + (east, north),
                    heading_rad=scene.heading_rad + angle, road=Road(lanes))
    difference = draw_scene(scene, VIEW).astype(int) - draw_scene(moved, VIEW)
    assert np.abs(difference).mean() < 0.6  # of 255: edges may round to the next pixel


def test_the_camera_stays_in_the_middle_while_the_car_changes_lane() -> None:
    aside = np.linspace(0, 8, 9)
    position = np.stack((np.full(9, 50.0), aside), axis=-1)
    center, heading = cameras_along(straight_road(3, 500), position, np.zeros(9))
    assert np.allclose(center, (50, 4))
    assert not heading.any()


def test_a_stronger_weight_shines_brighter() -> None:
    road = straight_road(3, 500)
    scene = scene_of([(100, 4), (120, 8), (120, 0)], road)
    plain = draw_scene(scene, VIEW)
    shown = draw_scene(scene, VIEW, Overlay(attention=np.array([0.0, 0.9, 0.1])))
    gain = shown[HUD_PX:].astype(int).sum(-1) - plain[HUD_PX:].astype(int).sum(-1)
    middle = gain.shape[0] // 2
    below, above = gain[middle + 16 :].sum(), gain[: middle - 16].sum()  # of the ego's lane
    assert below > 2 * above > 0


def test_a_path_and_a_note_are_drawn() -> None:
    scene = scene_of([(100, 4)], straight_road(3, 500))
    plain = draw_scene(scene, VIEW)
    path = draw_scene(scene, VIEW, Overlay(path_m=np.array([[100.0, 4], [110, 4], [120, 4]])))
    assert at(path, 5, 0) != at(plain, 5, 0)
    note = draw_scene(scene, VIEW, Overlay(note="CRASH"))
    assert not np.array_equal(note[:HUD_PX], plain[:HUD_PX])


def test_views_too_small_or_huge_are_refused() -> None:
    for size in ((3, 3), (640, 80), (100_000, 400)):
        with pytest.raises(InputError, match="pixels"):
            View(*size)


def test_an_empty_scene_is_a_road() -> None:
    road = straight_road(2, 500)
    one = scene_of([(0, 0)], road)
    names = ("position_m", "heading_rad", "speed_mps", "size_m", "crashed", "agent_id", "kind")
    empty = replace(one, ego=None, **{name: getattr(one, name)[:0] for name in names})
    picture = draw_scene(empty, replace(VIEW, camera=Camera((50.0, 2.0), 0.0)))
    assert near(at(picture, 0, -1), ASPHALT)
    assert draw_scene(empty, VIEW).any()


def test_markings_of_a_straight_road_by_hand() -> None:
    lines = {(line.style, float(line.points_m[0, 1])) for line in markings(straight_road(3, 200))}
    assert lines == {("edge", -2.0), ("divider", 2.0), ("divider", 6.0), ("edge", 10.0)}
    assert all(len(line.points_m) == 2 for line in markings(straight_road(3, 200)))


def test_the_line_between_opposing_lanes_is_told_apart() -> None:
    there, back = np.array([[0.0, 0], [100, 0]]), np.array([[100.0, -4], [0, -4]])
    styles = sorted(line.style for line in markings(Road((Lane(there, 4.0), Lane(back, 4.0)))))
    assert styles == ["edge", "edge", "opposing", "opposing"]


def test_no_edge_is_painted_across_another_lane() -> None:
    crossing = Road((Lane(np.array([[-50.0, 0], [50, 0]]), 4.0), Lane(np.array([[0.0, -50], [0, 50]]), 4.0)))
    for line in markings(crossing):
        inside = (np.abs(line.points_m) < 1.5).any(-1)  # well within the width of either lane
        assert not inside.any()
    assert len(markings(crossing)) == 8


@settings(max_examples=30, deadline=None)
@given(st.floats(0, 200), st.floats(5, 60))
def test_dashes_stand_still_whatever_is_in_sight(middle: float, reach: float) -> None:
    line = np.array([[0.0, 0], [90, 0], [200, 0]])
    seen = dashes(pieces_near(line, np.array([middle, 0.0]), reach))
    painted = seen[..., 0]
    low, high = max(0, middle - reach), min(200, middle + reach)
    inner = painted[(painted[:, 0] > low + 1e-6) & (painted[:, 1] < high - 1e-6)]
    starts = np.minimum(inner[:, 0] % (DASH_M + GAP_M), DASH_M + GAP_M - inner[:, 0] % (DASH_M + GAP_M))
    assert np.allclose(starts, 0, atol=1e-6) or (inner[:, 0] == 90).any()  # 90 is a joint of the line
    assert (painted[:, 1] - painted[:, 0] <= DASH_M + 1e-9).all()


@pytest.mark.parametrize("kind", KINDS)
def test_every_vehicle_fills_its_box(kind: str) -> None:
    body = vehicle(kind, 5.0, 2.0)[1][1]
    assert np.allclose(body.max(0), (2.5, 1.0))
    assert np.allclose(body.min(0), (-2.5, -1.0))
    assert np.allclose(np.abs(rounded_box(4, 2, 0.5)).max(0), (2, 1))


def strip(overlay: Overlay, speed_mps: float = 20.0) -> np.ndarray:
    """What is written above a picture of a lone ego."""
    road = straight_road(1, 500)
    scene = scene_of([(100, 0)], road, speed_mps=np.array([speed_mps]))
    return draw_scene(scene, View(900, 300, px_per_m=8), overlay)[:HUD_PX].astype(int)


def filled(picture: np.ndarray, row: int, colour: tuple[int, int, int]) -> np.ndarray:
    """Columns of a row in a colour."""
    return np.flatnonzero((np.abs(picture[row] - colour) <= 3).all(-1))


@pytest.mark.parametrize(("speed_mps", "share"), [(10.0, 0.25), (20.0, 0.5), (40.0, 1.0), (60.0, 1.0)])
def test_the_bar_of_speed_is_filled_by_speed(speed_mps: float, share: float) -> None:
    """A bar of 96 pixels for 0 to 40 m/s, 88 pixels from the field's left, rounded at its ends."""
    columns = filled(strip(Overlay(time_s=1.0), speed_mps), 44, BLUE)
    assert len(columns) == pytest.approx(96 * share, abs=2)
    empty = filled(strip(Overlay(time_s=1.0), speed_mps), 44, TRACK)
    assert len(columns) + len(empty) == pytest.approx(96, abs=3)


def test_bars_of_returns_say_what_was_got_and_asked() -> None:
    """Two components: half got of all asked; a quarter got, nothing asked; each bar 132 pixels."""
    plain = strip(Overlay())
    picture = strip(Overlay(returns=(("speed", 1.0, 0.5), ("safety", None, 0.25))))
    blue = np.setdiff1d(filled(picture, 35, BLUE), filled(plain, 35, BLUE))
    amber = filled(picture, 35, AMBER)
    first = blue[blue < blue.min() + 132]
    second = blue[blue >= blue.min() + 150]
    assert len(first) == pytest.approx(66, abs=2)
    assert len(second) == pytest.approx(33, abs=2)
    assert second.min() - first.min() == pytest.approx(160, abs=1)
    assert len(amber) == 3
    assert amber.mean() == pytest.approx(first.min() + 132, abs=2)  # a tick at the bar's end


def test_each_field_is_written_where_there_is_something_to_say() -> None:
    pictures = [strip(overlay) for overlay in (
        Overlay(), Overlay(time_s=1.0), Overlay(time_s=2.0), Overlay(time_s=1.0, driver="idm"),
        Overlay(time_s=1.0, action="LANE_LEFT"), Overlay(time_s=1.0, action="FASTER"), Overlay(note="CRASH"))]
    for number, one in enumerate(pictures):
        assert not any(np.array_equal(one, other) for other in pictures[number + 1 :])
    red = np.argwhere((np.abs(pictures[-1] - (255, 107, 107)) <= 3).all(-1))[:, 1]
    assert 900 - 24 - 5 <= red.max() < 900 - 24 + 2  # set from the right
