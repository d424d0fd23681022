"""An episode as pictures: times, camera, and what the driver thought."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from drive_gen.envs.episode import META_ACTIONS, Episode, Scene
from drive_gen.envs.files import InputError
from drive_gen.envs.hud import Overlay
from drive_gen.envs.kinematics import wrap
from drive_gen.envs.observe import NEIGHBOURS, RANGE_M
from drive_gen.envs.render import Camera, View, cameras_along, draw_scene
from drive_gen.envs.road import Road

CAMERA_SIGMA_S = 0.5  # the camera turns and shifts this gently
STRAIGHT_COS = 0.8  # lanes whose directions differ by less than 37 degrees are parallel
FREEZE_S = 1.0  # the last picture stays, so that an end can be seen


@dataclass(frozen=True, eq=False)
class Details:
    """What a driver thought at its D decisions; what is None is not drawn."""

    frames: np.ndarray  # (D,) frame of each decision
    attention: np.ndarray | None = None  # (D, 16) weight of each neighbour row of the observation
    asked: np.ndarray | None = None  # (D, 3) return asked for, in COMPONENTS' order
    achieved: np.ndarray | None = None  # (D, 3) return to go that came
    paths_m: np.ndarray | None = None  # (D, K, 2) predicted path, world frame
    components: tuple[str, ...] = ("progress", "safety", "comfort")


@dataclass(frozen=True)
class Film:
    """How an episode is shown."""

    view: View = field(default_factory=View)
    fps: float = 15.0
    speed: float = 1.0  # seconds of the episode in a second of film
    title: str = ""  # who drives; the episode's own driver where empty
    start_s: float = 0.0  # of the episode
    length_s: float | None = None  # of the episode; None goes to its end

    def __post_init__(self) -> None:
        if not 0 < self.fps <= 60 or not 0 < self.speed < np.inf:
            raise InputError(f"fps must be in (0, 60] and speed positive, got {self.fps} and {self.speed}")
        if not self.start_s >= 0 or not (self.length_s is None or self.length_s > 0):
            raise InputError(f"start must be at least 0 s and seconds above 0, got {self.start_s} and "
                             f"{self.length_s}")


def view_for(road: Road, size_px: tuple[int, int] | None = None) -> View:
    """A view that suits a road: long and low where lanes are parallel, else high enough for a junction."""
    steps = [np.diff(lane.center_m, axis=0) for lane in road.lanes]
    headings = np.concatenate([np.arctan2(step[:, 1], step[:, 0]) for step in steps])
    straight = bool((np.abs(np.cos(headings - headings[0])) > STRAIGHT_COS).all())
    width, height = size_px or ((1280, 400) if straight else (960, 720))
    metres = 128 if straight else 137  # across the picture
    return View(width, height, px_per_m=width / metres, anchor=0.36 if straight else 0.45)


def film_times(episode: Episode, agent: int, film: Film) -> np.ndarray:
    """Seconds of the episode at which it is shown, while the agent is there; it stands still at the last."""
    present = np.flatnonzero(episode.valid[agent])
    if not len(present):
        raise InputError(f"agent {agent} is never present in the episode; choose another with --agent")
    first, last = present[0] * episode.dt_s + film.start_s, present[-1] * episode.dt_s
    if film.length_s is not None:
        last = min(last, first + film.length_s)
    if first > last:
        there_s = (present[-1] - present[0]) * episode.dt_s
        raise InputError(f"the agent is there for {there_s:.1f} s; no film can start at {film.start_s:g} s")
    frozen = np.full(max(1, round(FREEZE_S * film.fps)), last)
    return np.concatenate((np.arange(first, last, film.speed / film.fps), frozen))


def render_episode(episode: Episode, agent: int, details: Details | None = None, film: Film | None = None,
                   times_s: np.ndarray | None = None) -> Iterator[np.ndarray]:
    """Pictures of an episode, the camera on one agent; (H, W, 3) uint8 each.

    Between the episode's frames the motion is interpolated, so a 5 Hz simulation looks smooth at any rate.
    """
    film = film or Film()
    times = film_times(episode, agent, film) if times_s is None else times_s
    shown = replace(episode, ego=agent)
    cameras = _cameras(episode, agent, times)
    still: tuple[float, np.ndarray] | None = None
    for time_s, camera in zip(times, cameras, strict=True):
        if still is None or still[0] != time_s:
            scene = scene_at(shown, float(time_s))
            picture = draw_scene(scene, replace(film.view, camera=camera),
                                 _overlay(shown, scene, float(time_s), details, film))
            still = (float(time_s), picture)
        yield still[1]


def scene_at(episode: Episode, time_s: float) -> Scene:
    """The episode between frames: agents present at both move evenly, the others stand where they were."""
    place = min(max(time_s / episode.dt_s, 0.0), episode.steps - 1.0)
    step = min(int(place), max(episode.steps - 2, 0))
    scene, share = episode.scene(step), place - step
    if episode.steps < 2 or share <= 0:
        return scene
    if share >= 1:
        return episode.scene(step + 1)
    here = np.flatnonzero(episode.valid[:, step])
    both = episode.valid[here, step + 1]
    part = np.where(both, share, 0.0)
    move = episode.position_m[here, step + 1] - scene.position_m
    turn = wrap(episode.heading_rad[here, step + 1] - scene.heading_rad)
    gain = episode.speed_mps[here, step + 1] - scene.speed_mps
    return replace(scene, position_m=scene.position_m + part[:, None] * move,
                   heading_rad=scene.heading_rad + part * turn, speed_mps=scene.speed_mps + part * gain)


def neighbour_rows(scene: Scene) -> np.ndarray:
    """Agent of each neighbour row of the ego's observation, nearest first; (n <= 16,)."""
    assert scene.ego is not None, "only an ego has neighbours"
    distance = np.hypot(*(scene.position_m.astype(np.float64) - scene.position_m[scene.ego]).T)
    distance[scene.ego] = np.inf
    order = np.argsort(distance, kind="stable")[:NEIGHBOURS]
    return np.asarray(order[distance[order] <= RANGE_M])


def camera_track(episode: Episode, agent: int) -> tuple[np.ndarray, np.ndarray]:
    """Camera points (P, 2) and headings (P,) at the P frames in which the agent is there, without jerks.

    The car's own motion stays sharp; the turn of the road and the shift to its middle are smoothed.
    """
    present = np.flatnonzero(episode.valid[agent])
    position = episode.position_m[agent, present].astype(np.float64)
    center, heading = cameras_along(episode.road, position, episode.heading_rad[agent, present])
    sigma = CAMERA_SIGMA_S / episode.dt_s
    shift = np.stack([_smooth(axis, sigma) for axis in (center - position).T], axis=-1)
    return position + shift, _smooth(np.unwrap(heading), sigma)


def _cameras(episode: Episode, agent: int, times_s: np.ndarray) -> list[Camera]:
    """The camera at each time; it waits where the agent is absent."""
    center, heading = camera_track(episode, agent)
    at = np.flatnonzero(episode.valid[agent]) * episode.dt_s
    x, y, angle = (np.interp(times_s, at, values) for values in (center[:, 0], center[:, 1], heading))
    return [Camera((float(a), float(b)), float(c)) for a, b, c in zip(x, y, angle, strict=True)]


def _smooth(values: np.ndarray, sigma: float) -> np.ndarray:
    """Gaussian mean over neighbours, the ends held; (T,) -> (T,)."""
    reach = max(1, round(3 * sigma))
    weight = np.exp(-0.5 * (np.arange(-reach, reach + 1) / max(sigma, 1e-6)) ** 2)
    return np.convolve(np.pad(values, reach, mode="edge"), weight / weight.sum(), mode="valid")


def _overlay(episode: Episode, scene: Scene, time_s: float, details: Details | None, film: Film) -> Overlay:
    agent = int(episode.ego or 0)
    step = min(int(time_s / episode.dt_s + 1e-6), episode.steps - 1)
    overlay = Overlay(time_s=time_s, driver=film.title or episode.source.driver,
                      action=_action(episode, agent, step),
                      note="CRASH" if episode.crashed[agent, step] else "")
    if details is None or not len(details.frames) or details.frames[0] > step or scene.ego is None:
        return overlay
    number = int(np.searchsorted(details.frames, step, side="right")) - 1
    return replace(overlay, returns=_returns(details, number),
                   attention=_attention(episode, scene, details, number),
                   path_m=_path_ahead(episode, scene, time_s, details, number))


def _path_ahead(episode: Episode, scene: Scene, time_s: float, details: Details,
                number: int) -> np.ndarray | None:
    """What is left of a decision's path, from where the car is; None after a crash."""
    if details.paths_m is None or scene.ego is None or scene.crashed[scene.ego]:
        return None
    passed = int(time_s / episode.dt_s - float(details.frames[number]) + 1e-6)
    return np.vstack((scene.position_m[scene.ego], details.paths_m[number, passed + 1 :]))


def _action(episode: Episode, agent: int, step: int) -> str:
    known = np.flatnonzero(episode.meta_known[agent, : step + 1])
    return META_ACTIONS[int(episode.meta_action[agent, known[-1]])] if len(known) else ""


def _returns(details: Details, number: int) -> tuple[tuple[str, float | None, float | None], ...]:
    if details.asked is None and details.achieved is None:
        return ()
    asked = details.asked[number].tolist() if details.asked is not None else itertools.repeat(None)
    achieved = details.achieved[number].tolist() if details.achieved is not None else itertools.repeat(None)
    return tuple(zip(details.components, asked, achieved, strict=False))


def _attention(episode: Episode, scene: Scene, details: Details, number: int) -> np.ndarray | None:
    """Weights of the scene's agents (N,) from those of the observation's rows at the decision."""
    if details.attention is None:
        return None
    then = episode.scene(int(details.frames[number]))
    rows = neighbour_rows(then)
    weight = dict(zip(then.agent_id[rows].tolist(), details.attention[number].tolist(), strict=False))
    return np.array([weight.get(int(number), 0.0) for number in scene.agent_id])
