"""SimulatedReplay: a log in which one car is driven in the simulator, and the others may react to it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from drive_gen.envs.episode import Episode
from drive_gen.envs.replay import TARGET_SPEEDS_MPS, Replay
from drive_gen.envs.simulator.log_simulator import LogSimulator
from drive_gen.envs.simulator.types import LOGGED

Others = Literal["log", "idm"]


class SimulatedReplay(Replay):
    """A Replay in the simulator; the log's other cars do what they did, or from its start on (others="idm")
    IDM and MOBIL drive them.

    Those aim at the greatest speed that they have in the log, and stay when their rows end; cars that come
    later do what they did until the next decision. Actions are of one kind, meta-actions or controls.
    """

    def __init__(self, episode: Episode, agent: int, start: int, stop: int, decision_s: float,
                 target_speeds_mps: Sequence[float] = TARGET_SPEEDS_MPS, *, meta: bool = True,
                 others: Others = "log") -> None:
        self.others = others
        self.simulator = LogSimulator(episode, horizon_s=(stop - 1 - start) * episode.dt_s,
                                      decision_s=decision_s, target_speeds_mps=target_speeds_mps, tape=True,
                                      threads=1, actions="meta" if meta else "continuous")
        super().__init__(episode, agent, start, stop, decision_s, target_speeds_mps)

    def reset(self) -> np.ndarray:
        """As Replay's; nobody has reacted yet."""
        self.simulator.begin(np.array([[self.agent, self.start]]))
        return super().reset()

    def step(self, action: int | np.ndarray) -> tuple[np.ndarray, bool]:
        """As Replay's."""
        self._action = np.asarray(action)
        return super().step(action)

    def _advance(self, held: np.ndarray | None) -> bool:
        """One frame, from the simulator, which goes a whole decision ahead; whether the replay is over."""
        simulator, now = self.simulator, self.frame - self.start
        if now == simulator.clocks["steps"][0]:
            if self.others == "idm":
                simulator.hand_over(simulator.cars["kind"] == LOGGED, "idm")
            simulator.step(np.clip(self._action, -1, 1)[None] if held is not None else self._action[None],
                           observe=False)
        self._note("control", simulator.tape.control[0, self.agent, now])
        self._note("control_known", True)
        self.frame += 1
        for name, kept in (("position_m", simulator.tape.position), ("heading_rad", simulator.tape.heading),
                           ("speed_mps", simulator.tape.speed), ("valid", simulator.tape.valid)):
            self._arrays[name][:, now + 1] = kept[0, :, now + 1]
        self._position = simulator.tape.position[0, self.agent, now + 1].astype(np.float64)
        self._heading = float(simulator.tape.heading[0, self.agent, now + 1])
        self._speed = float(simulator.tape.speed[0, self.agent, now + 1])
        return self._arrive()
