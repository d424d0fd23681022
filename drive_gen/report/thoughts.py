"""What a driver thought, for pictures: attention, returns asked for and achieved, where it meant to go."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from drive_gen.envs.actions import TARGET_SPEEDS_MPS, MetaController, frames_per_decision
from drive_gen.envs.episode import Episode
from drive_gen.envs.kinematics import step_bicycle
from drive_gen.envs.reward import COMPONENTS, returns_to_go, rewards
from drive_gen.report.film import Details

PATH_S = 2.0  # how far ahead a decision is drawn


class Listener:
    """A behaviour policy that keeps why it acted, decision by decision, as it drives one world."""

    def __init__(self, policy: Any) -> None:
        self.policy = policy
        self.sampling: bool = getattr(policy, "sampling", False)
        self.attention: list[np.ndarray] = []  # (16,) each
        self.asked: list[np.ndarray] = []  # (components,) each, NaN where nothing was asked

    def predict(self, observation: np.ndarray, state: tuple[Any, ...] | None = None,
                episode_start: np.ndarray | None = None, deterministic: bool = False,
                ) -> tuple[np.ndarray, tuple[Any, ...] | None]:
        """As the policy's own."""
        action, state, details = self.policy.predict_with_details(observation, state, episode_start,
                                                                  deterministic)
        self.attention.append(details.attention[0])
        self.asked.append(details.return_[0])
        return action, state


@dataclass(frozen=True)
class Decisions:
    """How an episode's driver decides."""

    every_s: float = 1.0
    target_speeds_mps: Sequence[float] = TARGET_SPEEDS_MPS


def details_of(episode: Episode, agent: int, decisions: Decisions, heard: Listener | None = None) -> Details:
    """All that is known of an episode's decisions; attention and asked returns where somebody listened."""
    frames = _decision_frames(episode, agent, decisions.every_s)
    gained = rewards(episode, agent, frames, decisions.every_s)
    achieved = returns_to_go(gained, bool(episode.crashed[agent].any()))
    attention = np.stack(heard.attention)[: len(frames)] if heard and heard.attention else None
    asked = np.stack(heard.asked)[: len(frames)] if heard and heard.asked else None
    if asked is not None and np.isnan(asked).any():
        asked = None
    return Details(frames=frames, attention=attention, asked=asked, achieved=achieved,
                   paths_m=predicted_paths(episode, agent, frames, decisions), components=COMPONENTS)


def predicted_paths(episode: Episode, agent: int, frames: np.ndarray,
                    decisions: Decisions) -> np.ndarray | None:
    """Where each decision at the frames (D,) leads in PATH_S seconds if nothing follows it; (D, K, 2).

    Meta-actions go through highway-env's controllers, controls are held; None where commands are unknown.
    """
    if not len(frames):
        return None
    if episode.meta_known[agent, frames].all():
        return _meta_paths(episode, agent, frames, decisions.target_speeds_mps)
    if not episode.control_known[agent, frames].all():
        return None
    return np.stack([_roll(episode, agent, int(frame), None) for frame in frames])


def _decision_frames(episode: Episode, agent: int, decision_s: float) -> np.ndarray:
    """Frames of the agent's decisions: where they are known, else one every decision_s while it is there."""
    known = np.flatnonzero(episode.meta_known[agent])
    if len(known):
        return known
    present = np.flatnonzero(episode.valid[agent])
    return np.arange(present[0], present[-1], frames_per_decision(episode, decision_s))


def _meta_paths(episode: Episode, agent: int, frames: np.ndarray,
                target_speeds_mps: Sequence[float]) -> np.ndarray:
    """The paths of meta-actions: one controller drives along, a copy goes ahead from each decision."""
    first = int(frames[0])
    controller = MetaController(episode.road, *_state(episode, agent, first), float(episode.size_m[agent, 0]),
                                target_speeds_mps)
    paths = []
    for frame in frames.tolist():
        position, _, speed = _state(episode, agent, frame)
        controller.decide(int(episode.meta_action[agent, frame]), position, speed)
        paths.append(_roll(episode, agent, frame, copy.copy(controller)))
    return np.stack(paths)


def _roll(episode: Episode, agent: int, frame: int, controller: MetaController | None) -> np.ndarray:
    """Positions (K, 2) from a frame on, under a controller or the frame's own control."""
    position, heading, speed = _state(episode, agent, frame)
    held = episode.control[agent, frame].astype(np.float64)
    length, points = np.asarray(float(episode.size_m[agent, 0])), [position]
    for _ in range(round(PATH_S / episode.dt_s)):
        control = controller.control(position, heading, speed) if controller else held
        position, turned, faster = step_bicycle(position, np.asarray(heading), np.asarray(speed), control,
                                                length, episode.dt_s)
        heading, speed = float(turned), float(faster)
        points.append(position)
    return np.stack(points)


def _state(episode: Episode, agent: int, frame: int) -> tuple[np.ndarray, float, float]:
    return (episode.position_m[agent, frame].astype(np.float64), float(episode.heading_rad[agent, frame]),
            float(episode.speed_mps[agent, frame]))
