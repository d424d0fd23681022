"""Log replay: one agent of a log is handed to a policy, the others do again what they did.

The ego moves by the bicycle model at the log's own frame period. The others do not react to it, so one that
runs into the ego from behind is the log's doing, not the driver's: a Collision says which side was hit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import numpy as np

from drive_gen.envs.actions import (
    CONTROL_SCALE,
    MetaController,
    frames_per_decision,
    infer_controls,
    infer_meta,
)
from drive_gen.envs.episode import ARRAYS, META_ACTIONS, Episode, Scene, Source
from drive_gen.envs.files import InputError
from drive_gen.envs.geometry import overlaps
from drive_gen.envs.kinematics import step_bicycle
from drive_gen.envs.observe import observe, observe_scene

# Logs stop and go; highway-env's own grid begins at 20 m/s.
TARGET_SPEEDS_MPS = (0.0, 5.0, 10.0, 15.0, 20.0, 25.0, 30.0, 35.0)
MAX_SPEED_MPS = 40.0  # highway-env's Vehicle.MAX_SPEED
Side = Literal["front", "rear", "side"]


@dataclass(frozen=True)
class Collision:
    """The ego's first contact."""

    frame: int  # of the log
    agent_id: int  # whom it met
    side: Side  # of the ego that was hit
    speed_mps: float
    other_speed_mps: float

    @property
    def from_behind(self) -> bool:
        """Whether a replayed car, which does not see the ego, ran into it: no fault of the driver's."""
        return self.side == "rear" and self.other_speed_mps > self.speed_mps


class Replay:
    """A log from frame `start` to `stop` - 1, in which one agent is driven.

    `decision_s` is the time between decisions, a multiple of the log's frame period. Meta-actions aim at
    `target_speeds_mps` and at the log's lanes.
    """

    def __init__(self, episode: Episode, agent: int, start: int, stop: int, decision_s: float,
                 target_speeds_mps: Sequence[float] = TARGET_SPEEDS_MPS) -> None:
        if not 0 <= agent < episode.agents:
            raise InputError(f"{episode.source.name} has agents 0 to {episode.agents - 1}, not {agent}")
        if not 0 <= start < stop - 1 < episode.steps:
            raise InputError(f"{episode.source.name} has frames 0 to {episode.steps - 1}; a replay "
                             f"from {start} to {stop} - 1 does not fit")
        if not episode.valid[agent, start]:
            raise InputError(f"{episode.source.name}: agent {agent} is absent at frame {start}")
        self.log, self.agent, self.start, self.stop = episode, agent, start, stop
        self.decision_s = decision_s
        self.target_speeds_mps = tuple(target_speeds_mps)
        self.frames_a_decision = frames_per_decision(episode, decision_s)
        self.collision: Collision | None = None
        self.reset()

    def reset(self) -> np.ndarray:
        """Put the ego where the log has it at frame `start`; what it sees there, (17, 9) float32."""
        window = self.log.window(self.start, self.stop)
        # The ego's commands and actions in the log are not the driver's.
        moving = {name: getattr(window, name).copy() for name, (_, axes) in ARRAYS.items() if "T" in axes}
        for name, array in moving.items():
            if name not in ("position_m", "heading_rad", "speed_mps", "valid"):
                array[self.agent] = 0
        self._arrays = moving
        self.frame = self.start
        self.collision = None
        self._position = self.log.position_m[self.agent, self.start].astype(np.float64)
        self._heading = float(self.log.heading_rad[self.agent, self.start])
        self._speed = float(self.log.speed_mps[self.agent, self.start])
        self._controller = MetaController(self.log.road, self._position, self._heading, self._speed,
                                          float(self.log.size_m[self.agent, 0]), self.target_speeds_mps)
        # Boxes that overlap in the log as it is given over are its noise; they count once they have parted.
        self._touching = self._touched()
        return self._look()

    @property
    def done(self) -> bool:
        """Whether the last frame is reached, or the ego has hit someone."""
        return self.collision is not None or self.frame == self.stop - 1

    def scene(self) -> Scene:
        """The world at the present frame; the ego is marked."""
        now = self.frame - self.start
        here = np.flatnonzero(self._arrays["valid"][:, now])
        motion = {name: self._arrays[name][here, now]
                  for name in ("position_m", "heading_rad", "speed_mps", "crashed")}
        return Scene(**motion, size_m=self.log.size_m[here], agent_id=self.log.agent_id[here],
                     kind=self.log.kind[here], road=self.log.road,
                     ego=int(np.flatnonzero(here == self.agent)[0]))

    @property
    def touching_at_start(self) -> list[int]:
        """Ids of the agents whose boxes have overlapped the ego's ever since the start."""
        return [int(number) for number in self.log.agent_id[self._touching]]

    def step(self, action: int | np.ndarray) -> tuple[np.ndarray, bool]:
        """Drive until the next decision; what the ego sees then, (17, 9), and whether the replay is over.

        The action is a meta-action (a number), or a control (2,) in units of CONTROL_SCALE, which is clipped
        to [-1, 1] and held for the whole interval.
        """
        if self.done:
            raise RuntimeError("the replay is over; reset it before another step")
        given = np.asarray(action)
        if given.shape == (2,) and given.dtype.kind == "f":
            held = np.clip(given.astype(np.float64), -1, 1) * CONTROL_SCALE
        elif given.shape == () and given.dtype.kind in "iu" and 0 <= int(given) < len(META_ACTIONS):
            held = None
            self._controller.decide(int(given), self._position, self._speed)
            self._note("meta_action", int(given))
            self._note("meta_known", True)
        else:
            raise InputError(f"an action is a number from 0 to {len(META_ACTIONS) - 1} or two controls, "
                             f"got {given.dtype} of shape {given.shape}")
        over = False
        for _ in range(self.frames_a_decision):
            over = over or self._advance(held)
        return self._look(), over

    def history(self, decisions: int, actions: Literal["meta", "continuous"] = "meta",
                ) -> tuple[np.ndarray, np.ndarray]:
        """What the agent saw and did at up to so many decisions before `start`, to prime a policy's context.

        Observations (H, 17, 9) and meta-actions (H,) int8, or controls (H, 2) in units of CONTROL_SCALE; both
        inferred from the log, the latest last. H is smaller where the agent is not in the log that long.
        """
        frames = self.start - self.frames_a_decision * np.arange(decisions, 0, -1)
        present = self.log.valid[self.agent, : self.start + 1]
        absent = np.flatnonzero(~present)
        frames = frames[frames >= (absent[-1] + 1 if len(absent) else 0)]
        seen = observe(self.log, self.agent, frames)
        if actions == "meta":
            return seen, infer_meta(self.log, self.agent, frames, self.target_speeds_mps, self.decision_s)
        controls = infer_controls(self.log, self.agent, frames, self.decision_s) / np.array(CONTROL_SCALE)
        return seen, np.clip(controls, -1, 1).astype(np.float32)

    def episode(self, driver: str) -> Episode:
        """What happened so far, the ego's commands known, as an episode of its own."""
        length = self.frame - self.start + 1
        arrays = {name: array[:, :length].copy() for name, array in self._arrays.items()}
        log = self.log.source
        about: dict[str, Any] = {
            "log": {"name": log.name, "group": log.group, "kind": log.kind},
            "agent_id": int(self.log.agent_id[self.agent]), "start": self.start, "stop": self.stop,
            "decision_s": self.decision_s, "target_speeds_mps": list(self.target_speeds_mps),
            "collision": self.collision and {**asdict(self.collision),
                                             "from_behind": self.collision.from_behind}}
        source = Source(kind="simulated", name=f"replay/{log.name}/{about['agent_id']}/{self.start}",
                        group=log.group, driver=driver, licence=log.licence, notes=about)
        return replace(self.log, **arrays, ego=self.agent, source=source)

    def _advance(self, held: np.ndarray | None) -> bool:
        """One frame: control, motion, contact; whether the replay is over."""
        state = (self._position, self._heading, self._speed)
        control = held if held is not None else self._controller.control(*state)
        if self._speed > MAX_SPEED_MPS:  # as highway-env's Vehicle.clip_actions
            control = np.array([min(control[0], MAX_SPEED_MPS - self._speed), control[1]])
        # Nobody reverses in freeway traffic: whoever drives, brakes end at a standstill.
        control = np.array([max(control[0], -max(self._speed, 0.0) / self.log.dt_s), control[1]])
        self._note("control", control)
        self._note("control_known", True)
        length = np.asarray(float(self.log.size_m[self.agent, 0]))
        position, heading, speed = step_bicycle(state[0], np.asarray(state[1]), np.asarray(state[2]), control,
                                                length, self.log.dt_s)
        self._position, self._heading, self._speed = position, float(heading), float(speed)
        self.frame += 1
        for name, value in (("position_m", position), ("heading_rad", heading), ("speed_mps", speed),
                            ("valid", True)):
            self._note(name, value)
        return self._arrive()

    def _arrive(self) -> bool:
        """Look for contact at the frame just reached; whether the replay is over."""
        touched = self._touched()
        new = touched & ~self._touching
        self._touching = self._touching & touched
        if new.any():
            self._collide(np.flatnonzero(new))
        return self.done

    def _note(self, name: str, value: Any) -> None:
        """Write the ego's entry of an array at the present frame."""
        self._arrays[name][self.agent, self.frame - self.start] = value

    def _touched(self) -> np.ndarray:
        """Which agents' boxes overlap the ego's at the present frame; (A,) bool."""
        now = self.frame - self.start
        names = ("position_m", "heading_rad", "valid")
        position, heading, valid = (self._arrays[name][:, now] for name in names)
        own = (self._position, np.asarray(self._heading), self.log.size_m[self.agent])
        hit = np.asarray(valid & overlaps(*own, position, heading, self.log.size_m))
        hit[self.agent] = False
        return hit

    def _collide(self, others: np.ndarray) -> None:
        """Record the contact with the nearest of the agents met, and mark both as crashed from here on."""
        now = self.frame - self.start
        delta = self._arrays["position_m"][others, now].astype(np.float64) - self._position
        other = int(others[np.hypot(*delta.T).argmin()])
        ahead, _ = self._in_ego_frame(self._arrays["position_m"][other, now])
        reach = float(self.log.size_m[self.agent, 0]) / 2
        side: Side = "front" if ahead > reach else "rear" if ahead < -reach else "side"
        self.collision = Collision(frame=self.frame, agent_id=int(self.log.agent_id[other]), side=side,
                                   speed_mps=self._speed,
                                   other_speed_mps=float(self._arrays["speed_mps"][other, now]))
        self._arrays["crashed"][[self.agent, other], now:] = True

    def _in_ego_frame(self, position_m: np.ndarray) -> tuple[float, float]:
        """Metres ahead of the ego's centre and to its right."""
        delta = position_m - self._position
        cosine, sine = np.cos(self._heading), np.sin(self._heading)
        return float(delta[0] * cosine + delta[1] * sine), float(-delta[0] * sine + delta[1] * cosine)

    def _look(self) -> np.ndarray:
        """What the ego sees at the present frame; (17, 9) float32."""
        scene = self.scene()
        assert scene.ego is not None
        return observe_scene(scene, scene.ego)
