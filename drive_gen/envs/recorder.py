"""Recorder: an Episode out of a stock environment, every simulation frame and every vehicle of it."""

from __future__ import annotations

import types
from typing import Any

import gymnasium
import numpy as np

from drive_gen.envs.episode import KINDS, META_ACTIONS, Episode, Scene, Source, make_episode
from drive_gen.envs.road import Road


class Recorder:
    """Watches one reset's world of highway-env. Make a new one after each reset.

    Agent 0 is the ego; the others are numbered as they are first seen, vehicles before obstacles. A frame is
    read just before the road moves, so vehicles that the environment adds or removes after a decision are
    there, or gone, from that decision's last frame on, as the driver sees it.
    """

    def __init__(self, stock: gymnasium.Env[Any, Any], road: Road, keep: bool = True) -> None:
        world: Any = stock.unwrapped
        self._place = world.road  # the world gets another at its next reset
        self._road = road
        self._dt_s = 1 / float(world.config["simulation_frequency"])
        self._agents: list[Any] = []  # kept, so that no other vehicle can get one's id()
        self._numbers: dict[int, int] = {}
        self._frames: list[dict[int, tuple[float, ...]]] = []  # agent -> x, y, heading, speed, crashed
        self._controls: list[dict[int, tuple[float, float]]] = []
        self._meta: dict[int, int] = {}  # frame -> META_ACTIONS
        self._advice: dict[int, int] = {}
        for thing in (world.vehicle, *self._things()):
            self._number(thing)
        if keep:
            self._place.step = _StepHook(self, self._place)

    def decide(self, meta_action: int) -> None:
        """Note the ego's meta-action, taken now."""
        self._meta[len(self._frames)] = meta_action

    def advise(self, meta_action: int) -> None:
        """Note what a teacher would do now."""
        self._advice[len(self._frames)] = meta_action

    def before_step(self) -> None:
        """Read the frame that is about to end."""
        self._frames.append(self._read())

    def after_step(self) -> None:
        """Read the commands that acted during it, as clipped."""
        self._controls.append({self._number(vehicle): (vehicle.action["acceleration"],
                                                       vehicle.action["steering"])
                               for vehicle in self._place.vehicles})

    def scene(self) -> Scene:
        """The world now, its entries as an Episode's frame would hold them."""
        read = self._read()
        agents = sorted(read)
        rows = np.array([read[agent] for agent in agents])
        moving = rows.astype(np.float32)
        return Scene(position_m=moving[:, :2], heading_rad=moving[:, 2], speed_mps=moving[:, 3],
                     size_m=self._sizes()[agents], crashed=rows[:, 4] > 0, agent_id=np.array(agents),
                     kind=self._kinds()[agents], road=self._road, ego=agents.index(0))

    def episode(self, source: Source) -> Episode:
        """All frames so far, the present one last."""
        frames = [*self._frames, self._read()]
        agents, steps = len(self._agents), len(frames)
        states, valid = np.zeros((agents, steps, 5)), np.zeros((agents, steps), bool)
        control, control_known = np.zeros((agents, steps, 2)), np.zeros((agents, steps), bool)
        for step, frame in enumerate(frames):
            here = list(frame)
            states[here, step], valid[here, step] = list(frame.values()), True
        for step, commands in enumerate(self._controls):
            here = list(commands)
            control[here, step], control_known[here, step] = list(commands.values()), True
        meta_action, meta_known = _of_ego(self._meta, agents, steps)
        advice, advice_known = _of_ego(self._advice, agents, steps)
        return make_episode(
            states[..., :2], states[..., 2], states[..., 3], self._sizes(), valid, crashed=states[..., 4] > 0,
            control=control, control_known=control_known, meta_action=meta_action, meta_known=meta_known,
            advice=advice, advice_known=advice_known, kind=self._kinds(), dt_s=self._dt_s, road=self._road,
            source=source, ego=0)

    def _things(self) -> list[Any]:
        """Vehicles, and the objects that can be hit (landmarks are not solid)."""
        return [*self._place.vehicles, *(thing for thing in self._place.objects if thing.solid)]

    def _number(self, thing: Any) -> int:
        number = self._numbers.get(id(thing))
        if number is None:
            number = self._numbers[id(thing)] = len(self._agents)
            self._agents.append(thing)
        return number

    def _read(self) -> dict[int, tuple[float, ...]]:
        return {self._number(thing): (*thing.position, thing.heading, thing.speed, thing.crashed)
                for thing in self._things()}

    def _sizes(self) -> np.ndarray:
        return np.array([(thing.LENGTH, thing.WIDTH) for thing in self._agents], dtype=np.float32)

    def _kinds(self) -> np.ndarray:
        car, obstacle = KINDS.index("car"), KINDS.index("obstacle")
        return np.array([car if hasattr(thing, "action") else obstacle for thing in self._agents], np.uint8)


class _StepHook:
    """Stands in for one road's `step`. A deep copy of the road gets its own plain step back."""

    def __init__(self, recorder: Recorder, road: Any) -> None:
        self._recorder, self._road = recorder, road

    def __call__(self, dt: float) -> None:
        self._recorder.before_step()
        type(self._road).step(self._road, dt)
        self._recorder.after_step()

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        copied = memo[id(self._road)]  # a road's copy is in the memo before its attributes are copied
        return types.MethodType(type(copied).step, copied)


def _of_ego(noted: dict[int, int], agents: int, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Meta-actions (A, T) and where they are known, from the ego's by frame."""
    values, known = np.zeros((agents, steps), np.int8), np.zeros((agents, steps), bool)
    for frame, action in noted.items():
        if not 0 <= action < len(META_ACTIONS):
            raise ValueError(f"meta-action {action} at frame {frame}, expected 0 to {len(META_ACTIONS) - 1}")
        values[0, frame], known[0, frame] = action, True
    return values, known
