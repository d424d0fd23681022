"""Resets, frames, rewards and ends of whole episodes beside highway-env's, and beside those written down."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drive_gen.envs.episode import META_ACTIONS
from drive_gen.envs.simulator.parity import FAMILIES, compare_episode, draw_config
from drive_gen.envs.simulator.rounding import same_rounding
from drive_gen.envs.simulator.simulator import Simulator
from drive_gen.envs.world import EnvConfig

GOLDEN = json.loads((Path(__file__).parent / "golden" / "trajectories.json").read_text())
LONGITUDINAL = ("SLOWER", "IDLE", "FASTER")  # the intersection's meta-actions, by highway-env's numbers


@pytest.mark.parametrize("env", GOLDEN["worlds"])
def test_worlds_go_where_highway_env_took_them(env: str) -> None:
    wanted = GOLDEN["worlds"][env]
    simulator = Simulator(env=env, threads=1)
    simulator.reset([GOLDEN["seed"]])
    for action, reward, states in zip(*wanted.values(), strict=True):
        if env.startswith("intersection"):
            action = META_ACTIONS.index(LONGITUDINAL[action])
        result = simulator.step([action])
        cars = simulator.cars[0, : simulator.clocks["things"][0]]
        found = np.column_stack([cars[name] for name in ("x", "y", "heading", "speed")])
        np.testing.assert_allclose(found, np.array(states), atol=2e-6)
        assert result.reward[0] == pytest.approx(reward, abs=1e-8)


@settings(max_examples=4, deadline=None)
@given(st.sampled_from(FAMILIES), st.integers(0, 10**6))
def test_any_episode_is_highway_envs(family: str, seed: int) -> None:
    config = draw_config(family, np.random.default_rng([seed, 0]))
    assert compare_episode(config, seed, 2, exact=same_rounding()).differences == []


def test_what_is_not_equal_shows() -> None:
    def reckless(simulator: Simulator) -> None:
        simulator.place.rules["distance_wanted"] = 9.0

    def stingy(simulator: Simulator) -> None:
        simulator.place.goals["weights"][1] += 0.01

    def drawn_otherwise(simulator: Simulator) -> None:
        simulator.place.spawn.plan["spacing"] *= 1.01

    mutations: list[Any] = [reckless, stingy, drawn_otherwise]
    for mutate, where in zip(mutations, ("speed", "reward", "reset x"), strict=True):
        found = compare_episode(EnvConfig(vehicles=8), 1, 1, exact=False, mutate=mutate).differences
        assert any(where in difference for difference in found), (where, found[:3])
