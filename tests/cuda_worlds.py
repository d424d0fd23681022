"""CudaSimulator in numba's CUDA simulator: test_simulator_cuda.py runs these with NUMBA_ENABLE_CUDASIM=1.

The kernels run in Python there and call the CPU's machine code, so that all must be equal bit for bit to
Simulator. What the GPU's own compiler makes of the same functions, scripts/verify_cuda.py measures.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from drive_gen.envs.files import InputError
from drive_gen.envs.simulator.cuda.compare import compare, differs, draw_actions, present, state_gap
from drive_gen.envs.simulator.cuda.simulator import CudaSimulator
from drive_gen.envs.simulator.simulator import Simulator, Snapshot
from drive_gen.envs.simulator.vector_env import SimulatorVectorEnv
from drive_gen.policies.tensors import TensorWorlds

WORLDS = 3
FEW = {"vehicles": 6}


def assert_same(one: Snapshot, other: Snapshot) -> None:
    """Every field of the cars that are there, and of the clocks, bit for bit."""
    np.testing.assert_array_equal(one.clocks, other.clocks)
    for name in one.cars.dtype.names or ():
        np.testing.assert_array_equal(one.cars[name][present(one)], other.cars[name][present(other)], name)


@pytest.mark.parametrize(
    ("family", "overrides"),
    [
        ("highway-v0", {}),
        ("highway-fast-v0", {"traffic": "aggressive"}),
        ("highway-v0", {"actions": "continuous", "vehicles": 6}),
        ("highway-fast-v0", {"controlled": 2, "vehicles": 6}),
        ("two-way-v0", {}),
        ("merge-v1", {}),
        ("roundabout-generic-v0", {}),
        ("exit-v0", {"vehicles": 6}),
        ("racetrack-v1", {}),
        ("intersection-v0", {}),
    ],
)
def test_every_family_is_equal_to_the_bit(family: str, overrides: dict[str, Any]) -> None:
    host = Simulator(env=family, worlds=WORLDS, **overrides)
    gpu = CudaSimulator(env=family, worlds=WORLDS, autoreset=False, **overrides)
    np.testing.assert_array_equal(gpu.reset(5), host.reset(5))
    draws = np.random.default_rng(0)
    for _ in range(4):
        actions = draw_actions(draws, host.place.rules, WORLDS, host.agents)
        for ours, theirs in zip(gpu.step(actions), host.step(actions)[:3], strict=True):
            np.testing.assert_array_equal(ours, theirs)
        np.testing.assert_array_equal(gpu.observe(), host.observe())
        assert_same(gpu.snapshot(), host.snapshot())
    gpu.check()


def test_ended_worlds_begin_anew_at_the_next_step_as_in_the_vector_env() -> None:
    settings = {"env": "highway-fast-v0", "vehicles": 10, "duration_s": 3.0}
    env, gpu = SimulatorVectorEnv(5, **settings), CudaSimulator(worlds=5, **settings)
    seen, _ = env.reset(seed=0)
    np.testing.assert_array_equal(gpu.reset(0)[:, 0], seen)
    draws, ends = np.random.default_rng(1), 0
    for _ in range(10):
        actions = draws.integers(5, size=5)
        seen, reward, terminated, truncated, _ = env.step(actions)
        ours = gpu.step(actions)
        for one, other in zip(ours, (reward, terminated, truncated), strict=True):
            np.testing.assert_array_equal(one, other)
        np.testing.assert_array_equal(gpu.observe()[:, 0], seen)
        ends += int((terminated | truncated).sum())
    assert ends >= 10
    assert_same(gpu.snapshot(), env.simulator.snapshot())


def test_worlds_begin_by_number_and_go_on_with_their_generators() -> None:
    host = Simulator(env="highway-fast-v0", worlds=WORLDS, **FEW)
    gpu = CudaSimulator(env="highway-fast-v0", worlds=WORLDS, **FEW)
    some = np.array([True, False, True])
    for seeds, worlds in ((7, None), ([3], np.array([1])), (None, some), (None, None)):
        np.testing.assert_array_equal(gpu.reset(seeds, worlds), host.reset(seeds, worlds))
        assert_same(gpu.snapshot(), host.snapshot())


def test_worlds_without_a_seed_get_seeds_of_their_own() -> None:
    gpu = CudaSimulator(env="highway-fast-v0", worlds=WORLDS, **FEW)
    x = np.sort(gpu.reset()[:, 0, 1, 1])
    assert (np.diff(x) > 0).all()


def test_worlds_move_between_the_cpu_and_the_gpu() -> None:
    host = Simulator(env="merge-v1", worlds=WORLDS)
    gpu = CudaSimulator(env="merge-v1", worlds=WORLDS, autoreset=False)
    host.reset(2)
    host.step(np.zeros(WORLDS, np.int64))
    gpu.restore(host.snapshot())
    np.testing.assert_array_equal(gpu.observe(), host.observe())
    gpu.step(np.ones(WORLDS, np.int64))
    back = Simulator(env="merge-v1", worlds=WORLDS)
    back.restore(gpu.snapshot())
    host.step(np.ones(WORLDS, np.int64))
    assert_same(back.snapshot(), host.snapshot())
    with pytest.raises(InputError, match="does not fit 3 worlds"):
        gpu.restore(host.snapshot(np.array([0])))


def test_idm_drives_the_ego() -> None:
    host = Simulator(env="highway-fast-v0", worlds=WORLDS, ego="idm", **FEW)
    gpu = CudaSimulator(env="highway-fast-v0", worlds=WORLDS, ego="idm", autoreset=False, **FEW)
    np.testing.assert_array_equal(gpu.reset(1), host.reset(1))
    for _ in range(3):
        gpu.step()
        host.step(np.zeros(WORLDS, np.int64))
    assert_same(gpu.snapshot(), host.snapshot())


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_controls_have_the_precision_of_the_actions(dtype: type) -> None:
    host = Simulator(env="racetrack-v0", worlds=WORLDS, actions="continuous")
    gpu = CudaSimulator(env="racetrack-v0", worlds=WORLDS, actions="continuous", autoreset=False)
    host.reset(0), gpu.reset(0)
    actions = np.random.default_rng(0).uniform(-1.5, 1.5, (WORLDS, 2)).astype(dtype)
    np.testing.assert_array_equal(gpu.step(actions).reward, host.step(actions).reward)
    assert_same(gpu.snapshot(), host.snapshot())


def test_nan_never_enters_the_state_and_is_told_when_asked() -> None:
    gpu = CudaSimulator(env="racetrack-v0", worlds=WORLDS)
    gpu.reset(0)
    actions = np.zeros((WORLDS, 1), np.float32)
    actions[1] = np.nan
    gpu.step(actions)
    there = gpu.snapshot().cars
    assert all(np.isfinite(there[name]).all() for name in ("x", "y", "heading", "speed", "steering"))
    assert np.isfinite(gpu.result.reward).all()
    with pytest.raises(InputError, match="world 1 was given a control that is NaN"):
        gpu.check()
    gpu.check()  # told once


def test_what_is_no_meta_action_is_idle_and_told_when_asked() -> None:
    gpu, idle = (CudaSimulator(env="highway-fast-v0", worlds=WORLDS, **FEW) for _ in range(2))
    gpu.reset(0), idle.reset(0)
    gpu.step(np.array([1, 5, -1]))
    idle.step(np.array([1, 1, 1]))
    assert_same(gpu.snapshot(), idle.snapshot())
    with pytest.raises(InputError, match="world 1 was given a meta-action that is none"):
        gpu.check()


def test_wrong_input_is_one_line() -> None:
    with pytest.raises(InputError, match="needs 1 world or more, got 0"):
        CudaSimulator(env="highway-fast-v0", worlds=0)
    gpu = CudaSimulator(env="highway-fast-v0", worlds=WORLDS, **FEW)
    with pytest.raises(InputError, match=r"call reset\(\) before step"):
        gpu.step(np.zeros(WORLDS, np.int64))
    with pytest.raises(InputError, match="seeds are 3 integers"):
        gpu.reset([1, 2])
    with pytest.raises(InputError, match="a seed is 0 or more"):
        gpu.reset(-1)
    with pytest.raises(InputError, match="numbered from 0 to 2"):
        gpu.reset(0, np.array([3]))
    gpu.reset(0)
    with pytest.raises(InputError, match=r"meta-actions have shape \(2,\), expected \(3, 1\)"):
        gpu.step(np.zeros(2, np.int64))
    with pytest.raises(InputError, match="meta-actions are int64, got float64"):
        gpu.step(np.zeros(WORLDS))


def test_tensors_share_the_worlds_memory() -> None:
    worlds = TensorWorlds(CudaSimulator(env="highway-fast-v0", worlds=WORLDS, **FEW))
    first = worlds.reset(0)
    before, address = first.clone(), first.data_ptr()
    seen, reward, terminated, truncated = worlds.step(torch.ones(WORLDS, dtype=torch.int64))
    assert seen.data_ptr() == address
    assert not torch.equal(seen, before)
    assert (seen.dtype, reward.dtype, terminated.dtype) == (torch.float32, torch.float64, torch.bool)
    assert (seen.shape, truncated.shape) == ((WORLDS, 1, 17, 9), (WORLDS,))
    host = Simulator(env="highway-fast-v0", worlds=WORLDS, **FEW)
    host.reset(0)
    np.testing.assert_array_equal(reward.numpy(), host.step(np.ones(WORLDS, np.int64)).reward)


def test_the_comparison_sees_a_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    same = compare("highway-fast-v0", WORLDS, 3, 0, **FEW)
    assert (same.first, same.equal, same.state, same.observation, same.reward) == (None, WORLDS, 0, 0, 0)
    whole = CudaSimulator.step

    def late(self: CudaSimulator, actions: Any = None) -> Any:
        actions[0] = 0 if actions[0, 0] == 4 else 4
        return whole(self, actions)

    monkeypatch.setattr(CudaSimulator, "step", late)
    other = compare("highway-fast-v0", WORLDS, 3, 0, **FEW)
    assert other.first == 1
    assert other.equal == WORLDS - 1


def test_a_gap_counts_only_where_there_are_cars() -> None:
    host = Simulator(env="highway-fast-v0", worlds=2, **FEW)
    host.reset(0)
    one, other = host.snapshot(), host.snapshot()
    other.cars["x"][1, 2] += 0.25
    other.clocks["things"][0] = one.clocks["things"][0] = 3
    other.cars["lane"][0, 3] += 1
    np.testing.assert_array_equal(state_gap(one, other), (0.0, 0.25))
    np.testing.assert_array_equal(differs(one, other), (False, False))
    other.cars["lane"][0, 2] += 1
    np.testing.assert_array_equal(differs(one, other), (True, False))
