"""Scenes: windows of episodes as arrays that a diffusion model can learn, and back.

A scene is T frames of an ego (slot 0) and the N - 1 agents nearest to it, in its road's own frame: x along
the road, counted from where the ego is at the first frame, y to the right of the leftmost lane's centre. An
agent that comes or goes within the window is valid in part of it.

Its state is that of its rear axle, which a bicycle moves along its heading (the centre it swings aside):

    along_m    ahead of where its first speed would have brought it
    aside_m    to the right of where it was first
    along_mps  faster along the road than at first
    aside_mps  speed across the road

So places are sums of speeds. All numbers here are SI; `DiffusionConfig.scales` normalises them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from drive_gen.envs.episode import Episode, make_episode
from drive_gen.envs.files import InputError
from drive_gen.envs.kinematics import wrap
from drive_gen.envs.reward import rewards
from drive_gen.envs.road import Road
from drive_gen.generate.config import AGENT_FEATURES, FEATURES, RETURNS, DiffusionConfig

CRAWL_MPS = 2.0  # below it the direction of motion tells no heading
PARALLEL_RAD, STRAIGHT_M = 1e-3, 0.05  # what still counts as parallel and straight


@dataclass(frozen=True, eq=False)
class RoadFrame:
    """The axes of a road whose lanes are straight, parallel and of one direction."""

    origin_m: np.ndarray  # (2,) on the leftmost lane's centre line
    heading_rad: float
    lanes_m: np.ndarray  # (L,) offsets of the lanes' centres, the first 0, to the right positive
    width_m: float
    limit_mps: float  # inf where none is known

    def to_road(self, position_m: np.ndarray) -> np.ndarray:
        """World positions (..., 2) -> metres along and to the right (..., 2)."""
        return np.asarray((np.asarray(position_m, np.float64) - self.origin_m) @ self._axes().T)

    def to_world(self, along_m: np.ndarray, aside_m: np.ndarray) -> np.ndarray:
        """The inverse of `to_road`; (...) and (...) -> (..., 2)."""
        return np.asarray(np.stack((along_m, aside_m), axis=-1) @ self._axes() + self.origin_m)

    def _axes(self) -> np.ndarray:
        """Unit vectors along the road and to its right, as rows."""
        cosine, sine = np.cos(self.heading_rad), np.sin(self.heading_rad)
        return np.array([[cosine, sine], [-sine, cosine]])


def road_frame(road: Road, where: str) -> RoadFrame:
    """The frame of a straight road; an InputError names `where` for any other."""
    steps = [lane.center_m[-1] - lane.center_m[0] for lane in road.lanes]
    headings = np.array([np.arctan2(step[1], step[0]) for step in steps])
    frame = RoadFrame(origin_m=np.asarray(road.lanes[0].center_m[0], np.float64),
                      heading_rad=float(headings[0]), lanes_m=np.zeros(1), width_m=0.0, limit_mps=np.inf)
    offsets = [frame.to_road(lane.center_m)[:, 1] for lane in road.lanes]
    bent = max(float(np.ptp(offset)) for offset in offsets)
    if np.abs(wrap(headings - headings[0])).max() > PARALLEL_RAD or bent > STRAIGHT_M:
        raise InputError(f"{where}: trajectory diffusion needs straight, parallel lanes of one direction; "
                         "augment episodes of highway-v0, highway-fast-v0 or straight recordings")
    centers = np.sort([float(offset.mean()) for offset in offsets])
    return replace(frame, origin_m=frame.to_world(np.array(0.0), centers[0]), lanes_m=centers - centers[0],
                   width_m=float(np.mean([lane.width_m for lane in road.lanes])),
                   limit_mps=min(lane.speed_limit_mps for lane in road.lanes))


def resample(episode: Episode, dt_s: float) -> Episode:
    """The motion of an episode at another frame period: every n-th frame, or else linear interpolation.

    Commands and advice are dropped: they held for the old period.
    """
    stride = dt_s / episode.dt_s
    if abs(stride - round(stride)) < 1e-6:
        moving = {name: getattr(episode, name)[:, :: round(stride)]
                  for name in ("position_m", "heading_rad", "speed_mps", "valid", "crashed")}
    else:
        moving = _interpolated(episode, stride)
    return make_episode(**moving, size_m=episode.size_m, agent_id=episode.agent_id, kind=episode.kind,
                        dt_s=dt_s, road=episode.road, source=episode.source, ego=episode.ego)


def _interpolated(episode: Episode, stride: float) -> dict[str, np.ndarray]:
    at = np.arange(0, episode.steps - 1 + 1e-6, stride)
    low = np.minimum(at.astype(int), max(episode.steps - 2, 0))
    high, share = np.minimum(low + 1, episode.steps - 1), at - low
    turned = wrap(episode.heading_rad[:, high] - episode.heading_rad[:, low])
    position = episode.position_m.astype(np.float64)
    return {"position_m": position[:, low] + share[:, None] * (position[:, high] - position[:, low]),
            "heading_rad": episode.heading_rad[:, low] + share * turned,
            "speed_mps": episode.speed_mps[:, low] * (1 - share) + episode.speed_mps[:, high] * share,
            "valid": episode.valid[:, low] & episode.valid[:, high],
            "crashed": episode.crashed[:, low] | episode.crashed[:, high]}


class Origin(NamedTuple):
    """Where a scene was cut from."""

    episode: int  # number in the list of episodes
    start: int  # frame, of the resampled episode
    agents: tuple[int, ...]  # numbers in the episode; the ego first
    x_m: float  # the ego's place along the road at the first frame


@dataclass(frozen=True, eq=False)
class Scenes:
    """S scenes of N agents over T frames; slots without an agent are zero and invalid."""

    state: np.ndarray  # (S, N, T, 4) float32: FEATURES, SI
    valid: np.ndarray  # (S, N, T) bool, one run of frames for each agent
    start: np.ndarray  # (S, N, 4) float64, see `start_of`, at the first valid frame
    agent: np.ndarray  # (S, N, AGENT_FEATURES) float32
    road: np.ndarray  # (S, ROAD_FEATURES) float32
    returns: np.ndarray  # (S, 3) float32: the ego's mean rewards over the frames after its history
    origins: tuple[Origin, ...]

    def __len__(self) -> int:
        return len(self.state)

    def take(self, index: np.ndarray) -> Scenes:
        """The scenes whose numbers are given, in that order."""
        arrays = {name: getattr(self, name)[index] for name in
                  ("state", "valid", "start", "agent", "road", "returns")}
        return Scenes(**arrays, origins=tuple(self.origins[number] for number in index))

    def known(self, history_frames: int) -> np.ndarray:
        """The first frames of every agent, which generation keeps; (S, N, T) bool."""
        age = self.valid.cumsum(-1)
        return self.valid & (age <= history_frames)


def window_starts(episode: Episode, config: DiffusionConfig, stride: int) -> list[tuple[int, int]]:
    """(ego, first frame) of every window in which a possible ego is there throughout and nobody has crashed.

    The ego is the episode's; in logs, which have none, every agent in turn.
    """
    egos = [episode.ego] if episode.ego is not None else range(episode.agents)
    found = []
    for ego in egos:
        fit = episode.valid[ego] & ~episode.crashed[ego]
        if fit.any():
            first = int(fit.argmax())
            found += [(ego, start) for start in range(first, episode.steps - config.frames + 1, stride)
                      if fit[start : start + config.frames].all()]
    return found


def scenes_of(episodes: Sequence[Episode], config: DiffusionConfig, stride: int = 5, most: int | None = None,
              seed: int = 0) -> Scenes:
    """The episodes' windows as scenes, starting `stride` frames apart, or `most` of them drawn at random."""
    fine = [resample(episode, config.dt_s) for episode in episodes]
    index = [(number, *window) for number, episode in enumerate(fine)
             for window in window_starts(episode, config, stride)]
    if not index:
        raise InputError(f"none of the {len(fine)} episodes has {config.frames * config.dt_s:.1f} s of one "
                         "agent without a crash; collect longer episodes or set --seconds lower")
    if most is not None and len(index) > most:
        keep = np.random.default_rng(seed).choice(len(index), most, replace=False)
        index = [index[place] for place in np.sort(keep)]
    frames = {number: road_frame(fine[number].road, _name(fine[number]))
              for number in dict.fromkeys(item[0] for item in index)}
    scenes = [_cut(fine[number], frames[number], config, number, ego, start) for number, ego, start in index]
    returns = _returns(fine, index, config)
    columns = {name: np.stack([scene[name] for scene, _ in scenes])
               for name in ("state", "valid", "start", "agent", "road")}
    return Scenes(**columns, returns=returns, origins=tuple(origin for _, origin in scenes))


def road_features(frame: RoadFrame) -> np.ndarray:
    """Lanes, width and speed limit, scaled to about one, and whether the limit is known; (4,)."""
    known = np.isfinite(frame.limit_mps)
    limit = frame.limit_mps / 30 if known else 0.0
    return np.array([len(frame.lanes_m) / 4, frame.width_m / 4, limit, known], np.float32)


def agent_features(start: np.ndarray, size_m: np.ndarray, entry: np.ndarray, frame: RoadFrame) -> np.ndarray:
    """What does not change: start (n, 4), sizes (n, 2), times of entry (n,) -> (n, 8) float32.

    x0/50, y0/4, v0/20, length/5, width/2, offset from the nearest lane's centre in lane widths, the place
    from the road's right edge/4, and the time of entry as a share of the window.
    """
    offset = start[:, 1:2] - frame.lanes_m
    nearest = offset[np.arange(len(start)), np.abs(offset).argmin(1)]
    columns = (start[:, 0] / 50, start[:, 1] / 4, start[:, 2] / 20, size_m[:, 0] / 5, size_m[:, 1] / 2,
               nearest / frame.width_m, (frame.lanes_m[-1] - start[:, 1]) / 4, entry)
    return np.stack(columns, axis=-1).astype(np.float32)


def cruise_m(start: np.ndarray, valid: np.ndarray, dt_s: float) -> np.ndarray:
    """Where constant speed brings agents along the road: start (..., 4), valid (..., T) -> (..., T)."""
    age_s = (np.arange(valid.shape[-1]) - valid.argmax(-1)[..., None]) * dt_s
    return np.asarray(start[..., :1] + start[..., 2:3] * age_s)


def to_motion(state: np.ndarray, start: np.ndarray, valid: np.ndarray, dt_s: float) -> np.ndarray:
    """States (..., T, 4) as the centre's x, y [m], heading [rad], speed [m/s]; (..., T, 4) float64."""
    along, aside, faster, across = np.moveaxis(np.asarray(state, np.float64), -1, 0)
    ahead = start[..., 2:3] + faster
    heading = np.arctan2(across, np.maximum(ahead, CRAWL_MPS))
    half = start[..., 3:] / 2
    x = cruise_m(start, valid, dt_s) + along + half * np.cos(heading)
    y = start[..., 1:2] + aside + half * np.sin(heading)
    return np.stack((x, y, heading, np.hypot(ahead, across)), axis=-1)


def from_motion(motion: np.ndarray, start: np.ndarray, valid: np.ndarray, dt_s: float) -> np.ndarray:
    """The inverse of `to_motion` above CRAWL_MPS, zero where invalid; (..., T, 4) float32."""
    x, y, heading, speed = np.moveaxis(motion, -1, 0)
    cosine, sine, half = np.cos(heading), np.sin(heading), start[..., 3:] / 2
    state = np.stack((x - half * cosine - cruise_m(start, valid, dt_s), y - half * sine - start[..., 1:2],
                      speed * cosine - start[..., 2:3], speed * sine), axis=-1)
    return np.where(valid[..., None], state, 0).astype(np.float32)


def start_of(motion: np.ndarray, length_m: np.ndarray) -> np.ndarray:
    """First states (n, 4) and lengths (n,) -> x, y of the rear axle, speed along the road, length; (n, 4)."""
    x, y, heading, speed = motion.T
    cosine, sine, half = np.cos(heading), np.sin(heading), length_m / 2
    return np.stack((x - half * cosine, y - half * sine, speed * cosine, length_m), axis=-1)


def _cut(episode: Episode, frame: RoadFrame, config: DiffusionConfig, number: int, ego: int,
         start: int) -> tuple[dict[str, np.ndarray], Origin]:
    """One scene of an episode at the config's frame period."""
    window = episode.window(start, start + config.frames)
    chosen, valid = _choose(window, ego, config)
    road = frame.to_road(window.position_m[chosen])
    x_m = float(road[0, 0, 0])
    motion = np.concatenate((road - [x_m, 0], wrap(window.heading_rad[chosen] - frame.heading_rad)[..., None],
                             window.speed_mps[chosen][..., None]), axis=-1)  # (n, T, 4)
    first = valid.argmax(1)
    begin = start_of(motion[np.arange(len(chosen)), first], window.size_m[chosen, 0].astype(np.float64))
    scene = {
        "state": np.zeros((config.agents, config.frames, len(FEATURES)), np.float32),
        "valid": np.zeros((config.agents, config.frames), bool),
        "start": np.zeros((config.agents, 4)),
        "agent": np.zeros((config.agents, AGENT_FEATURES), np.float32),
        "road": road_features(frame)}
    filled = {"state": from_motion(motion, begin, valid, config.dt_s), "valid": valid, "start": begin,
              "agent": agent_features(begin, window.size_m[chosen], first / config.frames, frame)}
    for name, values in filled.items():
        scene[name][: len(chosen)] = values
    return scene, Origin(number, start, tuple(int(agent) for agent in chosen), x_m)


def _choose(window: Episode, ego: int, config: DiffusionConfig) -> tuple[np.ndarray, np.ndarray]:
    """The ego and the agents nearest to it when they come into sight; numbers (n,) and validity (n, T).

    Of an agent that leaves and returns, the first stay counts; one that stays no longer than the history,
    or has crashed, is left out.
    """
    first = window.valid.argmax(1)
    after = np.arange(window.steps) >= first[:, None]
    valid = window.valid & ~np.logical_or.accumulate(after & ~window.valid, axis=1)
    fit = (valid.sum(1) > config.history_frames + 1) & ~(window.crashed & valid).any(1)
    apart = window.position_m[np.arange(window.agents), first] - window.position_m[ego, first]
    distance = np.where(fit, np.hypot(*apart.astype(np.float64).T), np.inf)
    distance[ego] = -1
    order = np.argsort(distance, kind="stable")[: config.agents]
    chosen = order[np.isfinite(distance[order])]
    return chosen, valid[chosen]


def ego_returns(window: Episode, config: DiffusionConfig) -> np.ndarray:
    """The mean rewards of a window's ego over the decisions after its history; (3,) float32."""
    return np.asarray(_returns([window], [(0, window.ego or 0, 0)], config)[0])


def _returns(episodes: Sequence[Episode], index: list[tuple[int, int, int]],
             config: DiffusionConfig) -> np.ndarray:
    """The ego's mean rewards over the decisions after the history, of each window; (S, 3) float32."""
    stride = round(config.decision_s / config.dt_s)
    offsets = np.arange(config.history_frames - 1, config.frames - stride, stride)
    places: dict[tuple[int, int], list[int]] = {}
    for place, (number, ego, _) in enumerate(index):
        places.setdefault((number, ego), []).append(place)
    result = np.zeros((len(index), RETURNS), np.float32)
    for (number, ego), members in places.items():
        frames = np.array([index[place][2] for place in members])[:, None] + offsets
        needed, back = np.unique(frames, return_inverse=True)
        values = rewards(episodes[number], ego, needed, config.decision_s)
        result[members] = values[back.reshape(frames.shape)].mean(1)
    return result


def _name(episode: Episode) -> str:
    source = episode.source
    return f"episode {source.name}/{source.group} (driver {source.driver or 'none'}, seed {source.seed})"
