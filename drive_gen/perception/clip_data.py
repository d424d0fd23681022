"""Episodes -> clips: some seconds as frames, as trajectories, and as what is true of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise

import numpy as np

from drive_gen.envs.episode import Episode, Scene
from drive_gen.envs.files import InputError
from drive_gen.envs.frames.draw import draw_frame
from drive_gen.envs.frames.looks import NATIVE, Look
from drive_gen.envs.frames.views import BirdView
from drive_gen.envs.kinematics import wrap
from drive_gen.envs.road import Lane, Road
from drive_gen.language.read_scene import REACH_M, beside_ego, kind_of, lane_of, others_of
from drive_gen.perception.claims import claims_in
from drive_gen.perception.clip_config import STEP_S, ClipConfig
from drive_gen.perception.clips import LANE, MOTION, START, Clips

SUSTAINED_S = 0.3  # accelerations shorter than this are not told


LookOf = Callable[[int], Look]  # of an episode's number


def native(number: int) -> Look:
    """Every picture as it is."""
    return NATIVE


def cut(episode: Episode, config: ClipConfig, stride_s: float) -> Iterator[tuple[float, Episode]]:
    """Start and clip, every stride; the last is as long as the others, or the whole episode.

    Of an episode without an ego, as logs are, that agent is it who is there the longest.
    """
    if episode.ego is None:
        episode = Episode(**{**vars(episode), "ego": int(episode.valid.sum(1).argmax())})
    steps = min(round(config.clip_s / episode.dt_s) + 1, episode.steps)
    stride = max(1, round(stride_s / episode.dt_s))
    for first in range(0, episode.steps - steps + 1, stride):
        clip = episode.window(first, first + steps)
        assert clip.ego is not None
        if clip.valid[clip.ego].all():
            yield first * episode.dt_s, clip


def clips_of(episodes: Iterable[Episode], config: ClipConfig, stride_s: float, look_of: LookOf = native,
             on_episode: Callable[[], None] = lambda: None) -> Clips:
    """All clips of some episodes."""
    parts: list[tuple[object, ...]] = []
    for number, episode in enumerate(episodes):
        for start_s, clip in cut(episode, config, stride_s):
            parts.append((frames_of(clip, config, look_of(number)), *trajectories_of(clip, config),
                          claims_in(clip), number, start_s))
        on_episode()
    if not parts:
        raise InputError("no episode has an ego that is there throughout a clip")
    return Clips(*(np.asarray(column) for column in zip(*parts, strict=True)))


def frames_of(clip: Episode, config: ClipConfig, look: Look) -> np.ndarray:
    """Pictures from above, spread over the clip, (F, S, S, 3): finer across the road than along it."""
    view = BirdView(config.size_px * config.stretch, 1.0, 0.5)
    first = (view.size_px - config.size_px) // 2
    moments = np.linspace(0, clip.steps - 1, config.frames).round().astype(int)
    wide = [draw_frame(clip.scene(int(moment)), view, look).rgb[:, first : first + config.size_px]
            for moment in moments]
    tall = np.stack(wide).reshape(len(wide), config.size_px, config.stretch, config.size_px, 3)
    return np.asarray(tall.mean(2).round().astype(np.uint8))


def trajectories_of(clip: Episode, config: ClipConfig) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Motion, start and lanes of one clip, as in `Clips`."""
    scene = clip.scene(0)
    assert scene.ego is not None
    here = np.flatnonzero(clip.valid[:, 0])
    distance = np.hypot(*(scene.position_m - scene.position_m[scene.ego]).T)
    distance[scene.ego] = -1
    order = np.argsort(distance, kind="stable")[: config.agents + 1]
    motion = np.zeros((config.agents + 1, config.steps, len(MOTION)), np.float32)
    start = np.zeros((config.agents + 1, len(START)), np.float32)
    motion[: len(order)] = _motion(clip, here[order], config.steps)
    start[: len(order)] = _start(scene, order)
    return motion, start, _lanes(scene, config.lanes)


def _start(scene: Scene, order: np.ndarray) -> np.ndarray:
    """START of the agents in an order, (n, ...)."""
    assert scene.ego is not None
    lane = scene.road.lanes[lane_of(scene, scene.ego)]
    aside = lane.frame_of(scene.position_m).d_m / lane.width_m
    ahead, _, same = beside_ego(scene)
    nearer, alike = _relations(scene)
    length = scene.size_m[:, 0]
    rows = [(1.0, number == scene.ego, ahead[number], aside[number],
             same[number], abs(ahead[number]) - length[[number, scene.ego]].mean(), *scene.size_m[number],
             kind_of(scene, int(number)) == "truck", min(lane.length_m, 2 * REACH_M), nearer[number],
             alike[number]) for number in order]
    return np.array(rows, np.float32)


def _relations(scene: Scene) -> tuple[np.ndarray, np.ndarray]:
    """Two numbers of each agent, (N,) each. How many are nearer to the ego than it: of the ego's way, in its
    lane, and in the ego's lane on its side. How many of its kind drive beside it, bodies overlapping."""
    ahead, aside, same = beside_ego(scene)
    assert scene.ego is not None
    others = np.zeros(len(ahead), bool)
    others[others_of(scene)] = True
    both = (others & same)[:, None] & (others & same)[None] & (aside[:, None] == aside)
    both &= (aside[:, None] != 0) | ((ahead[:, None] > 0) == (ahead > 0))
    nearer = (both & (np.abs(ahead)[:, None] > np.abs(ahead))).sum(1)
    width = scene.road.lanes[lane_of(scene, scene.ego)].width_m
    offset = scene.road.lanes[lane_of(scene, scene.ego)].frame_of(scene.position_m).d_m / width
    apart, length = np.abs(offset[:, None] - offset), scene.size_m[:, 0]
    truck = np.array([kind_of(scene, number) == "truck" for number in range(len(ahead))])
    alike = others[:, None] & others & (truck[:, None] == truck) & (apart > 0.5) & (apart < 1.5)
    alike &= np.abs(ahead[:, None] - ahead) < (length[:, None] + length) / 2
    return nearer, alike.sum(1)


def _motion(clip: Episode, agents: np.ndarray, steps: int) -> np.ndarray:
    """MOTION of agents at every STEP_S, (n, T, ...); zero where they are not there.

    A moment is the last frame before a multiple of STEP_S: what changed by then did so in that half second.
    """
    ends = np.minimum(np.round(np.arange(steps) * STEP_S / clip.dt_s).astype(int), clip.steps)
    if len(ends) > 1 and ends[-1] == clip.steps - 1:
        ends[-1] = clip.steps  # the last frame belongs to the last half second
    moments = np.maximum(ends - 1, 0)
    position, heading = clip.position_m[agents][:, moments], clip.heading_rad[agents][:, moments]
    ego = clip.ego
    way = clip.road.lane_frame(position[0], clip.road.nearest_lane(position[0], heading[0])).heading_rad
    assert agents[0] == ego
    away = position - position[0]
    cosine, sine = np.cos(way), np.sin(way)
    beside = np.array([clip.road.lanes_aside(number) for number in range(len(clip.road.lanes))])
    lane = clip.road.nearest_lane(position, heading)
    least, most = _accelerations(clip, agents, ends)
    there = clip.valid[agents][:, moments] & (np.arange(steps) * STEP_S <= clip.duration_s + 1e-6)
    speed = clip.speed_mps[agents]
    gain = speed - np.minimum.accumulate(np.where(clip.valid[agents], speed, np.inf), axis=1)
    found = np.stack((there, away[..., 0] * cosine + away[..., 1] * sine,
                      away[..., 1] * cosine - away[..., 0] * sine, speed[:, moments],
                      wrap(heading - way), _shift(clip.road, position, lane), least, most,
                      clip.crashed[agents][:, moments], beside[lane].sum(-1),
                      beside[lane][..., 1] - beside[lane][..., 0], gain[:, moments]), -1)
    return np.where(there[..., None], found, 0).astype(np.float32)


def _shift(road: Road, position: np.ndarray, lane: np.ndarray) -> np.ndarray:
    """Lanes to the right of where each agent began, (n, T): changes to a neighbour and the offset inside."""
    left = np.array([-1 if one.left is None else one.left for one in road.lanes])
    right = np.array([-1 if one.right is None else one.right for one in road.lanes])
    old, new = lane[:, :-1], lane[:, 1:]
    change = (new == right[old]).astype(float) - (new == left[old])
    change = np.where(old == new, 0.0, change)
    width = np.array([one.width_m for one in road.lanes])[lane]
    offset = road.lane_frame(position, lane).d_m / width
    return np.asarray(np.pad(change.cumsum(1), ((0, 0), (1, 0))) + offset)


def _accelerations(clip: Episode, agents: np.ndarray, ends: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The hardest braking and accelerating that last SUSTAINED_S, begun since the end before; (n, T) each."""
    change = np.diff(clip.speed_mps[agents].astype(np.float64), axis=1) / clip.dt_s
    need = max(1, round(SUSTAINED_S / clip.dt_s))
    least, most = np.zeros((2, len(agents), len(ends)))
    if change.shape[1] < need:
        return least, most
    runs = np.lib.stride_tricks.sliding_window_view(change, need, axis=1)
    high, low = runs.max(-1), runs.min(-1)  # (n, frames): at most, and at least, so hard from that frame on
    for place, (first, last) in enumerate(pairwise(ends), 1):
        if first < last and first < high.shape[1]:
            least[:, place] = high[:, first:last].min(1)
            most[:, place] = low[:, first:last].max(1)
    return least, most


def _lanes(scene: Scene, most: int) -> np.ndarray:
    """LANE of the nearest lanes, (L, ...), in the frame of the ego."""
    assert scene.ego is not None
    road, own = scene.road, lane_of(scene, scene.ego)
    here, heading = scene.position_m[scene.ego], float(scene.heading_rad[scene.ego])
    ways_in = np.zeros(len(road.lanes), int)
    for lane in road.lanes:
        ways_in[list(lane.successors)] += 1
    rows = [(1.0, number == own, *_shape(lane, here, heading), len(lane.successors), ways_in[number],
             sum(road.lanes_aside(number)), road.lanes_aside(number)[1] - road.lanes_aside(number)[0])
            for number, lane in enumerate(road.lanes)]
    rows.sort(key=lambda row: (not row[1], float(np.hypot(row[4], row[5]))))
    found = np.zeros((most, len(LANE)), np.float32)
    found[: min(most, len(rows))] = rows[:most]
    return found


def _shape(lane: Lane, here: np.ndarray, heading: float) -> tuple[float, ...]:
    """First, middle and last point, first and last heading, turn, length and width of a lane."""
    centre = np.asarray(lane.center_m)
    away = centre[[0, len(centre) // 2, -1]] - here
    cosine, sine = np.cos(heading), np.sin(heading)
    points = np.stack((away[:, 0] * cosine + away[:, 1] * sine, away[:, 1] * cosine - away[:, 0] * sine), -1)
    step = np.diff(centre, axis=0)
    way = np.unwrap(np.arctan2(step[:, 1], step[:, 0]))
    first, last = way[0] - heading, way[-1] - heading
    return (*np.clip(points, -500, 500).ravel(), np.cos(first), np.sin(first), np.cos(last), np.sin(last),
            way[-1] - way[0], min(lane.length_m, 1000.0), lane.width_m)
