"""Actions from outside, checked and in the units that compiled code takes."""

from __future__ import annotations

from typing import Any

import numpy as np

from drive_gen.envs.episode import META_ACTIONS
from drive_gen.envs.files import InputError
from drive_gen.envs.simulator.control import commands_of
from drive_gen.envs.simulator.held import held_at
from drive_gen.envs.simulator.jit import compiled
from drive_gen.envs.simulator.place import STEP, Wanted
from drive_gen.envs.simulator.types import IDLE, NO_ACTION, Rules


def wanted_of(worlds: int, agents: int, decisions: int, known: np.ndarray, nothing: bool) -> Wanted:
    """Nothing wanted yet of A controlled cars in each of W worlds; cars that take no actions never are."""
    meta = np.full((worlds, agents), NO_ACTION if nothing else IDLE)
    return Wanted(np.full(worlds, STEP, np.int8), meta.copy(), known, meta, np.full((worlds, agents), -1.0),
                  np.zeros((worlds, agents, 2)), np.full(worlds, float(NO_ACTION)),
                  np.zeros((worlds if decisions else 0, decisions), np.int8))


@compiled
def take_meta(block: np.ndarray) -> bool:
    """Take the meta-actions given; False, with nothing changed, where one is none."""
    wanted = held_at(block).wanted
    worlds, agents = wanted.given.shape
    for number in range(worlds):
        for agent in range(agents):
            if not 0 <= wanted.given[number, agent] < wanted.known.size:
                return False
    for number in range(worlds):
        for agent in range(agents):
            action = wanted.known[wanted.given[number, agent]]
            wanted.meta[number, agent], wanted.efforts[number, agent] = action, action
        if agents == 1:  # of several cars' actions highway-env compares the tuple, to no effect
            wanted.read[number] = wanted.meta[number, 0]
    return True


def take(actions: Any, wanted: Wanted, block: np.ndarray, rules: Rules) -> None:
    """Meta-actions (W,) or (W, A), or controls (W, A, K) or (W, K) in [-1, 1]; `block` holds `wanted`.

    Raises InputError for others, before anything is taken.
    """
    if rules.continuous:
        raw = _checked_controls(actions, wanted, rules)
        wanted.controls[:] = commands_of(raw, rules)
        wanted.efforts[:] = np.sqrt((raw * raw).sum(2))  # in the actions' precision, as numpy's norm
        wanted.read[:] = np.sqrt((raw * raw).sum((1, 2)))
        return
    values, shape = np.asarray(actions), wanted.given.shape
    if values.shape != shape:
        if (values.shape, 1) != (shape[:1], shape[1]):
            raise InputError(f"meta-actions have shape {values.shape}, expected {shape}")
        values = values[:, None]
    if values.dtype.kind in "iu":
        wanted.given[:] = values
        if take_meta(block):
            return
    raise InputError(f"a meta-action is a number from 0 to {len(META_ACTIONS) - 1}, got {values.dtype} from "
                     f"{values.min()} to {values.max()}")


def _checked_controls(actions: Any, wanted: Wanted, rules: Rules) -> np.ndarray:
    values = np.asarray(actions)
    worlds, agents = wanted.given.shape
    shape = worlds, agents, int(rules.longitudinal) + int(rules.lateral)
    if agents == 1 and values.shape == (worlds, shape[2]):
        values = values[:, None]
    if values.shape != shape or values.dtype.kind != "f":
        raise InputError(f"controls have shape {values.shape} of {values.dtype}, expected {shape} of floats")
    if not np.isfinite(values).all():
        raise InputError("controls hold NaN or infinity; give numbers in [-1, 1]")
    return values
