"""What a driver sees: its own state and up to 16 neighbours, from an episode's states alone.

An observation is (17, 9) float32. Row 0 is the ego, rows 1 to 16 the neighbours, nearest first; column 0 is
presence, and rows of absent neighbours are zero. All quantities are in the frame of the ego's lane, scaled
to about one:

    ego        1, speed/20, sin(heading error), offset/width, lanes to the left/4, lanes to the right/4,
               min(speed limit, 40)/30, length/5, ego's lane's width/4
    neighbour  1, ahead/50, aside/4 (to the right), relative speed along/10, relative speed across/5,
               sin(its heading error to the ego's lane), length/5, width/2, own speed/20

Logs, simulation and generated episodes are seen through this one function.
"""

from __future__ import annotations

import numpy as np

from drive_gen.envs.episode import Episode, Scene
from drive_gen.envs.road import Road

NEIGHBOURS = 16
ROWS, COLUMNS = NEIGHBOURS + 1, 9
SHAPE = (ROWS, COLUMNS)
RANGE_M = 150.0  # neighbours farther away are not seen
AHEAD_SCALE_M, ASIDE_SCALE_M = 50.0, 4.0


def observe(episode: Episode, agent: int, frames: np.ndarray | None = None) -> np.ndarray:
    """What one agent sees at the frames given, or at all; (F, 17, 9) float32, zero where it is absent."""
    chosen: np.ndarray = np.arange(episode.steps) if frames is None else np.asarray(frames)
    return _observe(
        episode.road,
        episode.position_m[:, chosen],
        episode.heading_rad[:, chosen],
        episode.speed_mps[:, chosen],
        episode.size_m,
        episode.valid[:, chosen],
        agent,
    )


def observe_scene(scene: Scene, ego: int) -> np.ndarray:
    """What agent number `ego` of a scene sees; (17, 9) float32."""
    seen = _observe(
        scene.road,
        scene.position_m[:, None],
        scene.heading_rad[:, None],
        scene.speed_mps[:, None],
        scene.size_m,
        np.ones((len(scene.agent_id), 1), bool),
        ego,
    )
    return np.asarray(seen[0])


def _observe(
    road: Road,
    position: np.ndarray,
    heading: np.ndarray,
    speed: np.ndarray,
    size: np.ndarray,
    valid: np.ndarray,
    agent: int,
) -> np.ndarray:
    """Arrays as in an Episode, F frames; (F, 17, 9)."""
    agents, frames = valid.shape
    lane = road.nearest_lane(position[agent], heading[agent])  # (F,)
    frame = road.lane_frame(position[agent], lane)
    seen = np.zeros((frames, ROWS, COLUMNS), np.float32)
    aside = np.array([road.lanes_aside(number) for number in range(len(road.lanes))])[lane]
    limits = np.array([min(item.speed_limit_mps, 40.0) for item in road.lanes])[lane]
    widths = np.array([item.width_m for item in road.lanes])[lane]
    seen[:, 0] = np.stack(
        (
            np.ones(frames),
            speed[agent] / 20,
            np.sin(heading[agent] - frame.heading_rad),
            frame.d_m / widths,
            aside[:, 0] / 4,
            aside[:, 1] / 4,
            limits / 30,
            np.full(frames, size[agent, 0] / 5),
            widths / 4,
        ),
        axis=-1,
    )

    cosine, sine = np.cos(frame.heading_rad), np.sin(frame.heading_rad)
    delta = position.astype(np.float64) - position[agent]  # (A, F, 2)
    ahead = delta[..., 0] * cosine + delta[..., 1] * sine
    across = -delta[..., 0] * sine + delta[..., 1] * cosine
    turned = heading - frame.heading_rad
    along_speed, across_speed = speed * np.cos(turned), speed * np.sin(turned)
    distance = np.where(valid, np.hypot(ahead, across), np.inf)
    distance[agent] = np.inf
    order = np.argsort(distance, axis=0, kind="stable")[:NEIGHBOURS].T  # (F, n)
    rows = np.arange(frames)[:, None]
    near = distance.T[rows, order] <= RANGE_M
    features = np.stack(
        (
            np.ones((agents, frames)),
            ahead / AHEAD_SCALE_M,
            across / ASIDE_SCALE_M,
            (along_speed - along_speed[agent]) / 10,
            (across_speed - across_speed[agent]) / 5,
            np.sin(turned),
            np.broadcast_to(size[:, :1] / 5, (agents, frames)),
            np.broadcast_to(size[:, 1:] / 2, (agents, frames)),
            speed / 20,
        ),
        axis=-1,
    )  # (A, F, 9)
    seen[:, 1 : 1 + order.shape[1]] = np.where(near[..., None], features[order, rows], 0)
    seen[~valid[agent]] = 0
    return seen
