"""Oriented boxes and who drives ahead of and behind whom."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np

from drive_gen.envs.episode import Episode
from drive_gen.envs.road import LaneFrame

INTRUSION_M = 0.3  # a body that reaches farther than this into a lane is in it
CHUNK_PAIRS = 500_000  # pairs of agents held in memory at once


def corners(position_m: np.ndarray, heading_rad: np.ndarray, size_m: np.ndarray) -> np.ndarray:
    """Corners of boxes: centres (..., 2), headings (...), length and width (..., 2) -> (..., 4, 2) metres.

    In the order front left, front right, rear right, rear left, seen by the driver (y is to the right).
    """
    ahead = np.stack((np.cos(heading_rad), np.sin(heading_rad)), axis=-1)[..., None, :]
    aside = np.stack((-np.sin(heading_rad), np.cos(heading_rad)), axis=-1)[..., None, :]
    half = np.asarray(size_m)[..., None, :] / 2
    lengths = np.array([1, 1, -1, -1])[:, None] * half[..., :1]
    widths = np.array([-1, 1, 1, -1])[:, None] * half[..., 1:]
    return np.asarray(np.asarray(position_m)[..., None, :] + lengths * ahead + widths * aside)


def overlaps(position_a_m: np.ndarray, heading_a_rad: np.ndarray, size_a_m: np.ndarray,
             position_b_m: np.ndarray, heading_b_rad: np.ndarray, size_b_m: np.ndarray) -> np.ndarray:
    """Whether boxes overlap or touch; shapes as in `corners`, broadcast against each other; (...) bool.

    Separating axis theorem: two boxes are apart only if they are so along a side of one of them
    (Gottschalk et al., 1996). As in highway-env, boxes that just touch count as overlapping.
    """
    delta = np.asarray(position_b_m, dtype=np.float64) - position_a_m
    turn = np.asarray(heading_b_rad, dtype=np.float64) - heading_a_rad
    cosine, sine = np.abs(np.cos(turn)), np.abs(np.sin(turn))
    half_a, half_b = np.asarray(size_a_m) / 2, np.asarray(size_b_m) / 2
    apart = np.zeros((), bool)
    for heading, own, other in ((heading_a_rad, half_a, half_b), (heading_b_rad, half_b, half_a)):
        cos, sin = np.cos(heading), np.sin(heading)
        along = np.abs(delta[..., 0] * cos + delta[..., 1] * sin)
        across = np.abs(-delta[..., 0] * sin + delta[..., 1] * cos)
        apart = apart | (along > own[..., 0] + other[..., 0] * cosine + other[..., 1] * sine)
        apart = apart | (across > own[..., 1] + other[..., 0] * sine + other[..., 1] * cosine)
    return np.asarray(~apart)


@dataclass(frozen=True, eq=False)
class Leads:
    """The cars ahead and behind in the agent's lane; every array is (T,), or (A, T) for all agents.

    Numbers are -1, and the rest NaN, where there is no such car or the agent is absent. A gap is bumper to
    bumper, centres' distance along the lane less half of both lengths: negative where bodies overlap in it.
    Closing speeds are positive where the gap shrinks.
    """

    lead: np.ndarray  # int32, number of the agent ahead
    gap_m: np.ndarray
    closing_mps: np.ndarray
    lead_speed_mps: np.ndarray  # along the lane
    follower: np.ndarray  # int32, number of the agent behind
    follower_gap_m: np.ndarray
    follower_closing_mps: np.ndarray
    follower_speed_mps: np.ndarray
    speed_mps: np.ndarray  # the agent's own speed along its lane
    lane: np.ndarray  # int32, the agent's lane

    def of(self, agent: int) -> Leads:
        """One agent's rows of the leads of all: (A, T) -> (T,)."""
        return Leads(*(getattr(self, item.name)[agent] for item in fields(self)))

    def at(self, frames: np.ndarray) -> Leads:
        """The leads at some frames: (..., T) -> (..., F)."""
        return Leads(*(getattr(self, item.name)[..., frames] for item in fields(self)))


def leads(episode: Episode, agent: int, frames: np.ndarray | None = None) -> Leads:
    """Lead and follower of one agent at the frames given (all where None); arrays are (F,).

    Another car is in the agent's lane when its centre is, or when its body reaches more than INTRUSION_M into
    it: so a car that changes lanes is seen from both. The lane is the nearest by position and heading; past
    its ends it goes on straight.
    """
    chosen = np.arange(episode.steps) if frames is None else np.asarray(frames)
    found = _nobody((1, len(chosen)))
    for start, stop in _chunks(len(chosen), episode.agents * len(episode.road.lanes)):
        cars, lane = _Cars.in_lane_of(episode, agent, chosen[start:stop])
        part = _neighbours(cars, np.flatnonzero(cars.number == agent))
        _write(found, replace(part, lane=np.where(part.lane < 0, -1, lane)), slice(0, 1), start)
    return found.of(0)


def all_leads(episode: Episode) -> Leads:
    """Lead and follower of every agent at every frame, as in `leads`; arrays are (A, T)."""
    found = _nobody(episode.valid.shape)
    crowd = int(episode.valid.sum(0).max())
    for start, stop in _chunks(episode.steps, crowd * crowd):
        cars = _Cars.at(episode, np.arange(start, stop))
        _write(found, _neighbours(cars, np.arange(len(cars.number))), cars.number, start)
    return found


@dataclass(frozen=True, eq=False)
class _Cars:
    """The N agents present in some of F frames, seen from L lanes."""

    number: np.ndarray  # (N,) their numbers in the episode
    valid: np.ndarray  # (N, F)
    length_m: np.ndarray  # (N,)
    lane: np.ndarray  # (N, F) the lane each is in
    s_m: np.ndarray  # (N, F, L)
    outside_m: np.ndarray  # (N, F, L), below 0 where the car is in the lane
    along_mps: np.ndarray  # (N, F, L), speed along the lane

    @classmethod
    def at(cls, episode: Episode, frames: np.ndarray) -> _Cars:
        """All who are present, from all lanes."""
        number = np.flatnonzero(episode.valid[:, frames].any(1))
        pick = np.ix_(number, frames)
        seen = episode.road.frames_of(episode.position_m[pick])
        half_lane = np.array([lane.width_m / 2 for lane in episode.road.lanes])
        lane = episode.road.nearest_of(seen, episode.heading_rad[pick])
        return cls._seen_from(seen, half_lane, lane, episode, number, pick)

    @classmethod
    def in_lane_of(cls, episode: Episode, agent: int, frames: np.ndarray) -> tuple[_Cars, np.ndarray]:
        """All who are present, from one lane at each frame, the agent's own, whose numbers (F,) come along."""
        road = episode.road
        own = road.nearest_lane(episode.position_m[agent, frames], episode.heading_rad[agent, frames])
        number = np.flatnonzero(episode.valid[:, frames].any(1))
        pick = np.ix_(number, frames)
        position = episode.position_m[pick]
        seen = LaneFrame(*(np.empty((*position.shape[:2], 1)) for _ in LaneFrame._fields))
        for lane in np.unique(own).tolist():
            here = own == lane
            for whole, part in zip(seen, road.lanes[lane].frame_of(position[:, here]), strict=True):
                whole[:, here, 0] = part
        half_lane = np.array([lane.width_m / 2 for lane in road.lanes])[own][:, None]
        nowhere = np.zeros(position.shape[:2], np.int64)  # there is but one lane to be in
        return cls._seen_from(seen, half_lane, nowhere, episode, number, pick), own

    @classmethod
    def _seen_from(cls, seen: LaneFrame, half_lane_m: np.ndarray, lane: np.ndarray, episode: Episode,
                   number: np.ndarray, pick: tuple[np.ndarray, ...]) -> _Cars:
        turned = episode.heading_rad[pick][..., None] - seen.heading_rad
        sin, cos = np.sin(turned), np.cos(turned)
        length, width = episode.size_m[number].astype(np.float64).T[:, :, None, None]
        half_body = (np.abs(sin) * length + np.abs(cos) * width) / 2
        return cls(number=number, valid=episode.valid[pick], length_m=length[:, 0, 0], lane=lane,
                   s_m=seen.s_m,
                   outside_m=np.abs(seen.d_m) - half_lane_m - np.maximum(half_body - INTRUSION_M, 0),
                   along_mps=episode.speed_mps[pick][..., None] * cos)


def _neighbours(cars: _Cars, places: np.ndarray) -> Leads:
    """Leads of the n cars at `places` among the N; arrays are (n, F)."""
    lane = cars.lane[places]
    frame = np.arange(lane.shape[1])
    in_lane = (np.arange(len(cars.number))[None, :, None], frame, lane[:, None])  # (n, N, F) out of (N, F, L)
    own = (places[:, None], frame, lane)  # (n, F) out of (N, F, L)
    here = cars.valid[places]
    there = cars.valid & here[:, None] & (cars.outside_m[in_lane] < 0)
    there[np.arange(len(places)), places] = False
    ahead = cars.s_m[in_lane] - cars.s_m[own][:, None]
    front = _nearest(np.where(there & (ahead > 0), ahead, np.inf), cars, places)
    rear = _nearest(np.where(there & (ahead <= 0), -ahead, np.inf), cars, places)
    speed = np.where(here, cars.along_mps[own], np.nan)
    return Leads(lead=front[0], gap_m=front[1], closing_mps=speed - front[2], lead_speed_mps=front[2],
                 follower=rear[0], follower_gap_m=rear[1], follower_closing_mps=rear[2] - speed,
                 follower_speed_mps=rear[2], speed_mps=speed, lane=np.where(here, lane, -1).astype(np.int32))


def _nearest(distance_m: np.ndarray, cars: _Cars,
             places: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Number, gap and speed of the nearest, (n, F); centres' distances are (n, N, F), inf for none."""
    best = distance_m.argmin(1)
    frame = np.arange(best.shape[1])
    distance = distance_m[np.arange(len(places))[:, None], best, frame]
    found = np.isfinite(distance)
    gap = distance - (cars.length_m[places][:, None] + cars.length_m[best]) / 2
    return (np.where(found, cars.number[best], -1).astype(np.int32), np.where(found, gap, np.nan),
            np.where(found, cars.along_mps[best, frame, cars.lane[places]], np.nan))


def _chunks(frames: int, pairs_a_frame: int) -> list[tuple[int, int]]:
    size = max(1, CHUNK_PAIRS // max(pairs_a_frame, 1))
    return [(start, min(start + size, frames)) for start in range(0, frames, size)]


def _nobody(shape: tuple[int, ...]) -> Leads:
    return Leads(*(np.full(shape, -1, np.int32) if item.name in ("lead", "follower", "lane")
                   else np.full(shape, np.nan) for item in fields(Leads)))


def _write(found: Leads, part: Leads, agents: np.ndarray | slice, start: int) -> None:
    """Copy the leads of some agents at the frames from `start` on into those of all."""
    frames = slice(start, start + part.lane.shape[1])
    if not len(part.lane):
        return
    for item in fields(Leads):
        getattr(found, item.name)[agents, frames] = getattr(part, item.name)
