"""The Policy protocol: stable-baselines3's `predict`, over a batch of worlds."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

import numpy as np

State = tuple[Any, ...]  # arrays or tensors: a context window, a cache


@runtime_checkable
class Policy(Protocol):
    """Whoever drives. What it remembers goes in and comes out of `predict`, so that nothing hides in it.

    A policy may also have `attach(env)`, called before each episode (the planner reads the world through it).
    """

    def predict(self, observation: np.ndarray, state: State | None = None,
                episode_start: np.ndarray | None = None, deterministic: bool = False,
                ) -> tuple[np.ndarray, State | None]:
        """Act in W worlds at once.

        observation is (W, 17, 9), episode_start (W,) bool; the actions are meta-actions (W,) int or controls
        (W, 2) in [-1, 1] in units of CONTROL_SCALE, with the state to hand back at the next step.
        """
        ...
