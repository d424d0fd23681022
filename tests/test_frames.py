"""Labels of frames are exact: against geometry worked out elsewhere, by hand, and by properties."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import Delaunay

from drive_gen.envs.episode import KINDS, Scene
from drive_gen.envs.files import InputError
from drive_gen.envs.frames.draw import draw_frame
from drive_gen.envs.frames.frame import CAR, EGO, MARKING, NOBODY, ROAD, TRUCK, Frame, heights_m, labels_of
from drive_gen.envs.frames.views import BirdView, Dashcam
from drive_gen.envs.geometry import corners
from drive_gen.envs.markings import DASH_M, GAP_M
from drive_gen.envs.road import Lane, Road, straight_road

STRAIGHT = straight_road(3, 500.0)
VIEWS = (BirdView(64, 0.5), Dashcam(64, focal_px=55.0))
LEVEL = Dashcam(128, height_m=1.5, pitch_rad=0.0, focal_px=100.0, setback_m=0.0)  # as a hand can work out


def bend(radius_m: float = 40.0) -> Road:
    """A half circle of two lanes."""
    angle = np.linspace(-np.pi / 2, np.pi / 2, 60)
    circle = np.stack((np.cos(angle), np.sin(angle)), -1)
    return Road((Lane(radius_m * circle, 4.0, left=1), Lane((radius_m - 4) * circle, 4.0, right=0)))


def scene_of(cars: list[tuple[float, float, float]], road: Road = STRAIGHT, **more: object) -> Scene:
    """Cars of 5 x 2 m at x, y, heading; the first is the ego, and ids begin with 100."""
    rows = np.array(cars, np.float64).reshape(-1, 3)
    count = len(rows)
    scene = Scene(rows[:, :2], rows[:, 2], np.full(count, 20.0), np.tile([5.0, 2.0], (count, 1)),
                  np.zeros(count, bool), 100 + np.arange(count), np.zeros(count, np.uint8), road, 0)
    return replace(scene, **more)


placed = st.tuples(st.floats(-14, 14), st.floats(-14, 14), st.floats(-3.2, 3.2))
crowds = st.lists(placed, min_size=0, max_size=5)


def crowd(others: list[tuple[float, float, float]], heading: float, road: Road = STRAIGHT) -> Scene:
    """An ego at (100, 4), others about it, every third a truck."""
    cars = [(100.0, 4.0, heading), *((100 + x, 4 + y, turn) for x, y, turn in others)]
    sizes = np.array([[5.0, 2.0] if number % 3 < 2 else [11.0, 2.5] for number in range(len(cars))])
    kinds = np.array([0 if number % 3 < 2 else KINDS.index("truck") for number in range(len(cars))], np.uint8)
    return scene_of(cars, road, size_m=sizes, kind=kinds)


def pixels_m(scene: Scene, view: BirdView) -> np.ndarray:
    """World points of pixels' centres, (S, S, 2), by complex numbers: none of the renderer's code."""
    row, column = np.mgrid[: view.size_px, : view.size_px] + 0.5
    ahead = (view.size_px * (1 - view.behind) - row) * view.m_per_px
    right = (column - view.size_px / 2) * view.m_per_px
    turned = (ahead + 1j * right) * np.exp(1j * scene.heading_rad[0])
    return np.stack((turned.real, turned.imag), -1) + scene.position_m[0]


def inside(scene: Scene, agent: int, points_m: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which points are in an agent's box, and which are too near to its border to tell; (S, S)."""
    local = (points_m - scene.position_m[agent]) @ np.array([1, 1j]) * np.exp(-1j * scene.heading_rad[agent])
    over = np.maximum(np.abs(local.real) - scene.size_m[agent, 0] / 2,
                      np.abs(local.imag) - scene.size_m[agent, 1] / 2)
    return over <= 0, np.abs(over) < 1e-4


@settings(max_examples=40, deadline=None)
@given(crowds, st.floats(-3.2, 3.2), st.sampled_from([0.25, 0.4, 1.0]))
def test_from_above_a_pixel_is_an_agents_where_its_centre_is_in_the_box(
        others: list[tuple[float, float, float]], heading: float, m_per_px: float) -> None:
    scene, view = crowd(others, heading), BirdView(64, m_per_px)
    frame, points = draw_frame(scene, view), pixels_m(scene, BirdView(64, m_per_px))
    expected, doubtful = np.full((64, 64), NOBODY), np.zeros((64, 64), bool)
    for agent in (*range(1, len(scene.agent_id)), 0):  # the ego last
        hit, border = inside(scene, agent, points)
        expected[hit] = scene.agent_id[agent]
        doubtful |= border
    assert np.array_equal(frame.instance[~doubtful], expected[~doubtful])
    label = labels_of(scene, 0)
    for agent, number in enumerate(scene.agent_id):
        assert (frame.mask[frame.instance == number] == label[agent]).all()
    assert ((frame.mask >= EGO) == (frame.instance != NOBODY)).all()


@settings(max_examples=25, deadline=None)
@given(st.floats(0, 360), st.floats(-6, 6), st.sampled_from([STRAIGHT, bend()]))
def test_the_road_is_where_a_lane_is(turn: float, aside: float, road: Road) -> None:
    lane = road.lanes[0]
    here = lane.position_at(np.array(lane.length_m / 2), aside)
    scene = scene_of([(float(here[0]), float(here[1]), np.deg2rad(turn))], road)
    frame, points = draw_frame(scene, BirdView(64, 0.5)), pixels_m(scene, BirdView(64, 0.5))
    seen = road.frames_of(points)
    lengths = np.array([lane.length_m for lane in road.lanes])
    past = np.maximum(np.maximum(-seen.s_m, seen.s_m - lengths), np.abs(seen.d_m) - 2.0)  # widths are 4 m
    over = past.min(-1)
    sure = (frame.instance == NOBODY) & (frame.mask != MARKING) & (np.abs(over) > 1e-3)
    assert np.array_equal(frame.mask[sure] == ROAD, over[sure] < 0)


def test_lines_are_painted_by_hand() -> None:
    """Edges at y = -2 and 10, dividers at 2 and 6, dashed 3 m of 9 m, at least 1.2 pixels wide."""
    for m_per_px, half in ((0.05, 0.075), (0.4, 0.24)):
        scene, view = scene_of([(100.3, 4.1, 0.1)]), BirdView(128, m_per_px)
        frame, points = draw_frame(scene, view), pixels_m(scene, view)
        x, y = points[..., 0], points[..., 1]
        painted = (np.abs(y + 2) <= half) | (np.abs(y - 10) <= half)
        dashed = x % (DASH_M + GAP_M) <= DASH_M
        painted |= ((np.abs(y - 2) <= half) | (np.abs(y - 6) <= half)) & dashed
        near_an_end = np.minimum(x % 9, np.abs(x % 9 - 3)) < 1e-3
        free = (frame.instance == NOBODY) & ~near_an_end
        assert np.array_equal((frame.mask == MARKING)[free], painted[free])
        assert painted[free].any()


def test_boxes_from_above_are_those_of_the_corners() -> None:
    scene, view = crowd([(6, 3, 0.5), (-8, -4, -2.0), (12, -2, 1.0)], 0.3), BirdView(128, 0.25)
    frame = draw_frame(scene, view)
    for number, agent in enumerate(frame.agent_id - 100):
        away = (corners(scene.position_m[agent], scene.heading_rad[agent], scene.size_m[agent])
                - scene.position_m[0]) @ np.array([1, 1j]) * np.exp(-0.3j)
        column, row = 64 + away.imag / 0.25, 64 - away.real / 0.25
        expected = np.clip([column.min(), row.min(), column.max(), row.max()], 0, 128)
        assert np.allclose(frame.box_px[number], expected, atol=1e-3)
    assert frame.agent_id[-1] == 100  # the ego is painted last
    assert (frame.depth_m == 0).all()


def check_frame(frame: Frame) -> None:
    """What holds in every frame."""
    size = len(frame.mask)
    row, column = np.mgrid[:size, :size] + 0.5
    for number, (left, top, right, bottom) in enumerate(frame.box_px):
        mine = frame.instance == frame.agent_id[number]
        assert mine.sum() == frame.area_px[number]
        assert (column[mine] >= left - 1e-6).all()
        assert (column[mine] <= right + 1e-6).all()
        assert (row[mine] >= top - 1e-6).all()
        assert (row[mine] <= bottom + 1e-6).all()
        assert (frame.mask[mine] == frame.label[number]).all()
        assert 0 <= left < right <= size
        assert 0 <= top < bottom <= size
    assert set(np.unique(frame.instance)) <= {NOBODY, *frame.agent_id.tolist()}
    assert (np.diff(frame.depth_m) <= 0).all()


@settings(max_examples=30, deadline=None)
@given(crowds, st.floats(-3.2, 3.2), st.sampled_from(VIEWS))
def test_boxes_hold_their_pixels(others: list[tuple[float, float, float]], heading: float,
                                 view: BirdView | Dashcam) -> None:
    check_frame(draw_frame(crowd(others, heading), view))


@settings(max_examples=20, deadline=None)
@given(crowds, st.integers(-400, 400), st.integers(-400, 400), st.sampled_from(VIEWS))
def test_moving_the_world_moves_nothing(others: list[tuple[float, float, float]], x: int, y: int,
                                        view: BirdView | Dashcam) -> None:
    """Whole quarters of metres are exact in binary, so not a pixel may change."""
    snap = [(round(4 * a) / 4, round(4 * b) / 4, turn) for a, b, turn in others]
    one = crowd(snap, 0.25)
    away = np.array([x / 4, y / 4])
    moved = Road(tuple(replace(lane, center_m=lane.center_m + away) for lane in STRAIGHT.lanes))
    other = replace(one, position_m=one.position_m + away, road=moved)
    first, second = draw_frame(one, view), draw_frame(other, view)
    assert np.array_equal(first.instance, second.instance)
    assert np.allclose(first.box_px, second.box_px)
    agents = first.instance != NOBODY
    assert np.array_equal(first.rgb[agents], second.rgb[agents])
    assert (first.mask != second.mask).mean() < 1e-3  # dashes' ends are sums of many lengths


def test_the_pinhole_by_hand() -> None:
    """Camera 1.5 m above x = 102.5, level, f = 100 px: a rear at 15 m spans 100 / 15 px a metre."""
    scene = scene_of([(100, 4, 0), (120, 4, 0)])  # its rear is at 117.5, and as high as the camera
    frame = draw_frame(scene, LEVEL)
    car = int(np.flatnonzero(frame.agent_id == 101)[0])
    assert np.allclose(frame.box_px[car], [64 - 100 / 15, 64, 64 + 100 / 15, 64 + 150 / 15])
    assert frame.depth_m[car] == pytest.approx(15)
    seen = frame.instance == 101
    assert seen.sum() == 14 * 10  # columns 57.5 to 70.5, rows 64.5 to 73.5
    assert seen[64:74, 57:71].all()
    # Straight down the axis the ground at 15 m is 10 px below the horizon; the left edge of the road, at
    # y = -2, is 6 m to the left: 40 px.
    assert (frame.mask[:64][frame.instance[:64] == NOBODY] == 0).all()
    line = np.flatnonzero(frame.mask[74, :57] == MARKING)
    assert line.tolist() == [21, 22]  # that row's centre is 14.3 m away: 22 px, and 1.2 px wide


def test_a_pitched_camera_by_hand() -> None:
    """Looking down by 3 in 4 from 1.5 m, the axis meets the ground 2 m ahead."""
    view = Dashcam(128, height_m=1.5, pitch_rad=float(np.arcsin(0.6)), focal_px=100.0, setback_m=0.0)
    rays = view.rays()
    assert np.allclose(rays.ground_m[63:65, 63:65].mean((0, 1)), [2.0, 0.0], atol=2e-3)
    # Half a picture further up: the ray (0.8 + 0.64 * 0.6, -0.6 + 0.64 * 0.8) sinks by 0.088 in 1.184.
    assert rays.direction[0, 64, 0] == pytest.approx(0.8 + 0.635 * 0.6, abs=1e-5)
    assert rays.direction[0, 64, 2] == pytest.approx(-0.6 + 0.635 * 0.8, abs=1e-5)


def test_near_ones_hide_far_ones() -> None:
    cars = [(100.0, 4.0, 0.0), (130.0, 4.0, 0.0), (115.0, 4.0, 0.0)]
    frame = draw_frame(scene_of(cars), LEVEL)
    assert frame.agent_id.tolist() == [101, 102]  # the farthest first; of a level ego nothing is seen
    assert frame.area_px[0] == 0  # the near one is as high as the camera, and wider in the picture
    assert frame.area_px[1] > 0
    back = draw_frame(scene_of([cars[0], cars[2], cars[1]]), LEVEL)
    assert np.array_equal(frame.mask, back.mask)
    assert back.agent_id.tolist() == [102, 101]
    behind = draw_frame(scene_of([cars[0], (80, 4, 0)]), LEVEL)
    assert 101 not in behind.agent_id


def test_what_is_nearer_at_a_pixel_is_seen_not_what_begins_nearer() -> None:
    """A truck alongside begins nearer than the car ahead, but rays at the car's edge meet it later."""
    sizes = np.array([[5.0, 2.0], [40.0, 2.5], [4.0, 1.8]])
    cars = [(100.0, 4.0, 0.0), (126.0, 0.5, 0.0), (114.5, 4.0, 0.0)]
    for kept, rows in ((cars, [0, 1, 2]), ([cars[0], cars[2], cars[1]], [0, 2, 1])):
        frame = draw_frame(scene_of(kept, size_m=sizes[rows]), LEVEL)
        car = 100 + rows.index(2)
        assert frame.agent_id[0] == car  # the truck begins 3.5 m ahead of the camera, the car 10 m
        assert frame.area_px[0] == (frame.instance == car).sum() == 18 * 15


@settings(max_examples=30, deadline=None)
@given(st.floats(8, 60), st.floats(-8, 8), st.floats(-3.2, 3.2), st.booleans())
def test_a_body_fills_the_hull_of_its_corners(ahead: float, aside: float, turn: float, truck: bool) -> None:
    """Seen through a pinhole a convex body is the convex hull of its corners' images."""
    scene = scene_of([(100, 4, 0), (102.5 + ahead, 4 + aside, turn)],
                     size_m=np.array([[5.0, 2.0], [10.0, 2.5] if truck else [4.5, 1.8]]))
    high = heights_m(labels_of(scene, 0))[1]
    flat = corners(scene.position_m[1], scene.heading_rad[1], scene.size_m[1]) - (102.5, 4)
    solid = np.concatenate([np.column_stack((flat, np.full(4, up))) for up in (0, high)])
    if solid[:, 0].min() < 0.5:
        return
    image = 64 + 100 * np.column_stack((solid[:, 1], 1.5 - solid[:, 2])) / solid[:, :1]
    centres = np.stack(np.meshgrid(np.arange(128) + 0.5, np.arange(128) + 0.5), -1)
    shrunk, grown = (image.mean(0) + (image - image.mean(0)) * scale for scale in (0.9999, 1.0001))
    surely, perhaps = (Delaunay(points).find_simplex(centres) >= 0 for points in (shrunk, grown))
    seen = draw_frame(scene, LEVEL).instance == 101
    assert seen[surely].all()
    assert not seen[~perhaps].any()


def test_kinds_and_long_cars() -> None:
    names = ("car", "truck", "obstacle", "motorcycle", "car")
    kinds = np.array([KINDS.index(name) for name in names], np.uint8)
    sizes = np.array([[5, 2], [9, 2.5], [2, 2], [2, 1], [12, 2.5]])
    scene = scene_of([(0, 0, 0)] * 5, kind=kinds, size_m=sizes)
    assert labels_of(scene, 0).tolist() == [EGO, TRUCK, CAR, CAR, TRUCK]
    assert labels_of(scene, 4).tolist() == [CAR, TRUCK, CAR, CAR, EGO]


def test_any_agent_can_be_followed() -> None:
    scene = scene_of([(100, 4, 0), (130, 0, 0.2)])
    frame = draw_frame(scene, BirdView(), agent=1)
    assert frame.instance[64, 64] == 101
    assert frame.mask[64, 64] == EGO


@pytest.mark.parametrize(("make", "said"), [
    (lambda: BirdView(8), "16 to 1024"), (lambda: BirdView(128, 0.0), "m_per_px"),
    (lambda: BirdView(behind=1.0), "behind"), (lambda: Dashcam(4096), "16 to 1024"),
    (lambda: Dashcam(height_m=0.1), "0.7 to 10"), (lambda: Dashcam(focal_px=0), "focal"),
    (lambda: Dashcam(pitch_rad=2.0), "-0.5 to 1"), (lambda: Dashcam(setback_m=-1), "bumper"),
    (lambda: draw_frame(replace(scene_of([(0, 0, 0)]), ego=None), BirdView()), "no ego"),
    (lambda: draw_frame(scene_of([(0, 0, 0)]), BirdView(), agent=3), "no 3"),
    (lambda: draw_frame(scene_of([(np.nan, 0, 0)]), BirdView()), "NaN"),
])
def test_wrong_views_and_scenes_are_named(make: object, said: str) -> None:
    with pytest.raises(InputError, match=said):
        make()  # type: ignore[operator]
