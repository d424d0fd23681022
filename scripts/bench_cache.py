"""Deciding with the key/value cache, and by forwards over all that was seen: python scripts/bench_cache.py"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

import numpy as np
import torch

from drive_gen.policies.behavior import BehaviorTransformer
from drive_gen.policies.config import BehaviorConfig, Steering
from drive_gen.policies.driver import BehaviorPolicy

DECISIONS = 30  # an episode of highway-fast-v0


def main() -> None:
    """Print the time of one decision, mean over an episode, both ways."""
    torch.set_num_threads(1)
    model = BehaviorTransformer(BehaviorConfig()).eval()
    parameters = sum(tensor.numel() for tensor in model.parameters())
    print(f"{parameters:,} parameters, one thread, mean over an episode of {DECISIONS} decisions")
    for worlds in (1, 64):
        seen = np.random.default_rng(0).random((DECISIONS, worlds, 17, 9), dtype=np.float32)
        for mode, passes in (("bc", 1), ("tilt", 2)):
            policy = BehaviorPolicy(model, Steering(mode))  # type: ignore[arg-type]
            cached_ms = timed_ms(partial(decisions, policy, seen))
            uncached_ms = timed_ms(partial(forwards, model, seen, passes))
            print(f"{worlds:3d} worlds, {mode:4}: cached {cached_ms:7.2f} ms, "
                  f"uncached {uncached_ms:7.2f} ms, {uncached_ms / cached_ms:5.1f} times faster")


def decisions(policy: BehaviorPolicy, seen: np.ndarray) -> None:
    """One episode of all worlds through the cache."""
    state = None
    for rows in seen:
        _, state = policy.predict(rows, state, deterministic=True)


@torch.inference_mode()
def forwards(model: BehaviorTransformer, seen: np.ndarray, passes: int) -> None:
    """The same episode without a cache: each decision's passes go over all that came before.

    Tilting takes two: the return must be chosen before the action can be predicted.
    """
    observation = torch.tensor(seen).transpose(0, 1)
    steps = observation.shape[1]
    return_ = torch.zeros(len(observation), steps, model.config.return_components)
    action = torch.zeros(len(observation), steps, dtype=torch.long)
    for count in range(1, steps + 1):
        for _ in range(passes):
            model(observation[:, :count], return_[:, :count], action[:, :count])


def timed_ms(episode: Callable[[], None]) -> float:
    """Milliseconds a decision; the best of three episodes after one to warm up."""
    episode()
    times = []
    for _ in range(3):
        start_s = time.perf_counter()
        episode()
        times.append(time.perf_counter() - start_s)
    return min(times) / DECISIONS * 1e3


if __name__ == "__main__":
    main()
