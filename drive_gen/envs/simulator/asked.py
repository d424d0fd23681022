"""Actions from outside, checked and in the units that compiled code takes."""

from __future__ import annotations

from typing import Any

import numpy as np

from drive_gen.envs.episode import META_ACTIONS
from drive_gen.envs.files import InputError
from drive_gen.envs.simulator.control import commands_of
from drive_gen.envs.simulator.types import IDLE, NO_ACTION, Rules


class Asked:
    """What the A controlled cars of each of W worlds are asked for the next policy step."""

    def __init__(self, worlds: int, agents: int, rules: Rules, known: np.ndarray, nothing: bool) -> None:
        self.rules, self._known, self._nothing = rules, known, nothing
        self.meta = np.full((worlds, agents), NO_ACTION if nothing else IDLE)  # numbers of META_ACTIONS
        self.controls = np.zeros((worlds, agents, 2))  # m/s^2 and rad
        self.efforts = np.full((worlds, agents), float(NO_ACTION))  # what a reward reads of each car's action
        self.read = np.full(worlds, float(NO_ACTION))  # and of the world's, see outcome.outcome

    def take(self, actions: Any) -> None:
        """Meta-actions (W,) or (W, A), or controls (W, A, K) or (W, K) in [-1, 1]; an IDM ego takes none."""
        if self._nothing:
            return
        if self.rules.continuous:
            raw = self._checked_controls(actions)
            self.controls[:] = commands_of(raw, self.rules)
            self.efforts[:] = np.sqrt((raw * raw).sum(2))  # in the actions' precision, as numpy's norm
            self.read[:] = np.sqrt((raw * raw).sum((1, 2)))
            return
        self.meta[:] = self.efforts[:] = self._checked_meta(actions)
        if self.meta.shape[1] == 1:  # of several cars' actions highway-env compares the tuple, to no effect
            self.read[:] = self.meta[:, 0]

    def _checked_meta(self, actions: Any) -> np.ndarray:
        values, shape = np.asarray(actions), self.meta.shape
        if values.shape != shape and (values.shape, 1) != (shape[:1], shape[1]):
            raise InputError(f"meta-actions have shape {values.shape}, expected {shape}")
        if values.dtype.kind not in "iu" or values.min() < 0 or values.max() >= len(META_ACTIONS):
            raise InputError(f"a meta-action is a number from 0 to {len(META_ACTIONS) - 1}, got "
                             f"{values.dtype} from {values.min()} to {values.max()}")
        return np.asarray(self._known[values.reshape(shape)])

    def _checked_controls(self, actions: Any) -> np.ndarray:
        values = np.asarray(actions)
        worlds, agents = self.meta.shape
        shape = worlds, agents, int(self.rules.longitudinal) + int(self.rules.lateral)
        if agents == 1 and values.shape == (worlds, shape[2]):
            values = values[:, None]
        if values.shape != shape or values.dtype.kind != "f":
            raise InputError(f"controls have shape {values.shape} of {values.dtype}, expected {shape} of floats")
        if not np.isfinite(values).all():
            raise InputError("controls hold NaN or infinity; give numbers in [-1, 1]")
        return values
