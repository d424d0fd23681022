"""The kernel against highway-env, frame by frame. Run as a script it prints its differences as JSON."""

from __future__ import annotations

import importlib.util
import json
import math
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drive_gen.envs import kernel, kinematics
from drive_gen.envs.episode import ARRAYS, Episode, same
from drive_gen.envs.files import InputError
from drive_gen.envs.jit import DIGEST, SOURCES
from drive_gen.envs.kernel_env import KernelEnv
from drive_gen.envs.kernel_state import PLAIN_ROUNDING, rules_of, same_rounding, state_after, world_of
from drive_gen.envs.kernel_types import FASTER, IDLE, LEFT, RIGHT, SLOWER, VEHICLE
from drive_gen.envs.policy_step import ego_acts, reward, reward_of, simulate, step, terminated
from drive_gen.envs.reference import EnvConfig, export_state, import_state, make_stock
from drive_gen.envs.vector import DriveEnv

FAST = EnvConfig()
FULL = EnvConfig(env="highway-v0", vehicles=25)
TOLERANCE = 1e-9  # of states, where numpy and the C library differ in the last place


def differences(config: EnvConfig, seed: int, decisions: int, exact: bool) -> list[str]:
    """Where the kernel and highway-env part under random actions: decision, frame and field."""
    stock = make_stock(config)
    stock.reset(seed=seed)
    state = export_state(stock)
    world, rules = world_of(state), rules_of(state, stock.unwrapped.config)
    road_step, frames, found = stock.unwrapped.road.step, [], []

    def watched(dt: float) -> None:
        road_step(dt)
        frames.append(world_of(export_state(stock)))

    stock.unwrapped.road.step = watched
    for decision, action in enumerate(np.random.default_rng(seed).integers(5, size=decisions)):
        frames.clear()
        _, theirs, ended, _, _ = stock.step(int(action))
        ego_acts(world, rules, action)
        for number, expected in enumerate(frames):
            kernel.advance(world, rules)
            found += [f"{decision}/{number} {name}" for name in _differing(world, expected, exact)]
        ours = reward(world, rules)
        if not (ours == theirs if exact else math.isclose(ours, theirs, abs_tol=TOLERANCE)):
            found.append(f"{decision} reward {ours} {theirs}")
        if bool(terminated(world, rules)) != ended:
            found.append(f"{decision} terminated")
    return found


def _differing(world: np.ndarray, expected: np.ndarray, exact: bool) -> list[str]:
    found = []
    for name in VEHICLE.names or ():
        ours, theirs = world[name], expected[name]
        if name.startswith("impact"):  # the kernel leaves an impact that has been applied
            ours = ours * world["has_impact"]
        close = exact or ours.dtype.kind != "f"
        equal = (np.array_equal(ours, theirs, equal_nan=ours.dtype.kind == "f") if close
                 else np.allclose(ours, theirs, rtol=0, atol=TOLERANCE, equal_nan=True))
        found += [] if equal else [name]
    return found


@pytest.mark.parametrize(("config", "seed", "decisions"),
                         [(FAST, 0, 30), (FAST, 1, 30), (FAST, 2, 30), (FULL, 0, 8)])
def test_every_frame_is_highway_envs(config: EnvConfig, seed: int, decisions: int) -> None:
    assert differences(config, seed, decisions, exact=same_rounding()) == []


def test_bitwise_where_numpy_rounds_as_the_c_library() -> None:
    """In a process whose numpy leaves AVX-512 alone: the same comparison, to the last bit."""
    environment = {**os.environ, **PLAIN_ROUNDING, "PYTHONWARNINGS": "ignore"}
    run = subprocess.run([sys.executable, __file__], env=environment, capture_output=True, text=True,
                         timeout=300, check=True)
    report = json.loads(run.stdout.splitlines()[-1])
    if not report["same_rounding"]:
        pytest.skip("this machine's numpy does not round as the C library, whatever it is told")
    assert report["differences"] == []


# --- controls ---------------------------------------------------------------------------------------------


def interpreted(folder: Path, old: str, new: str) -> ModuleType:
    """The kernel as plain Python with one piece of its source replaced."""
    source = Path(kernel.__file__).read_text()
    assert source.count(old) == 1
    path = folder / "mutant.py"
    path.write_text(source.replace(old, new).replace("from drive_gen.envs.jit import compiled",
                                                     "compiled = lambda function: function"))
    spec = importlib.util.spec_from_file_location("mutant", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def worlds_that_differ(mutant: ModuleType, seeds: range, frames: int) -> int:
    """In how many worlds of seeds the mutant parts from the kernel."""
    stock, count = make_stock(FAST), 0
    for seed in seeds:
        stock.reset(seed=seed)
        state = export_state(stock)
        ours, rules = world_of(state), rules_of(state, stock.unwrapped.config)
        theirs = ours.copy()
        for _ in range(frames):
            kernel.advance(ours, rules)
            mutant.advance(theirs, rules)
        count += not np.allclose(ours["y"], theirs["y"], atol=TOLERANCE)
    return count


def test_compiled_and_interpreted_agree(tmp_path: Path) -> None:
    same_rule = interpreted(tmp_path, "for side in (car.lane - 1, car.lane + 1):",
                            "for side in (car.lane - 1, car.lane + 1):  # as it was")
    assert worlds_that_differ(same_rule, range(2), frames=6) == 0


@pytest.mark.parametrize(("old", "new"), [
    ("for side in (car.lane - 1, car.lane + 1):", "for side in (car.lane + 1, car.lane - 1):"),
    ("return not gain < rules.min_acc_gain", "return not gain < 3 * rules.min_acc_gain"),
    ("if not rules.lane_change_delay < car.timer:", "if not 2 * rules.lane_change_delay < car.timer:"),
])
def test_a_mutated_rule_shows(tmp_path: Path, old: str, new: str) -> None:
    assert worlds_that_differ(interpreted(tmp_path, old, new), range(6), frames=8) > 0


# --- scalars, by hand and against the numpy versions ------------------------------------------------------


@settings(max_examples=30, deadline=None)
@given(st.floats(-6, 6), st.floats(-1.5, 1.5), st.floats(-40, 40))
def test_steering_is_the_one_in_kinematics(offset: float, heading: float, speed: float) -> None:
    ours = kernel.steering_towards(offset, heading, speed, 5.0)
    theirs = kinematics.steering_control(np.array(offset), np.array(0.0), np.array(heading), np.array(speed),
                                         np.array(5.0))
    assert ours == pytest.approx(float(theirs), abs=1e-12)


@settings(max_examples=30, deadline=None)
@given(st.floats(-1, 1), st.floats(0, 40), st.floats(-6, 6), st.floats(-1, 1))
def test_a_move_is_the_bicycle_in_kinematics(heading: float, speed: float, acceleration: float,
                                             steering: float) -> None:
    world, rules = first_world()
    car = world[3]
    car.heading, car.speed, car.acceleration, car.steering = heading, speed, acceleration, steering
    position, turned, faster = kinematics.step_bicycle(
        np.array([car.x, car.y]), np.array(heading), np.array(speed), np.array([acceleration, steering]),
        np.array(5.0), rules.dt_s)
    kernel.move(car, rules)
    assert (car.x, car.y, car.heading, car.speed) == pytest.approx((*position, turned, faster), abs=1e-9)


def first_world() -> tuple[np.ndarray, Any]:
    """A fresh copy of one world and its rules."""
    if not CACHED:
        stock = make_stock(FAST)
        stock.reset(seed=0)
        CACHED.append((export_state(stock), stock.unwrapped.config))
    state, config = CACHED[0]
    return world_of(state), rules_of(state, config)


CACHED: list[Any] = []


@pytest.mark.parametrize(("speed", "lane", "crashed", "expected"), [
    (30, 2, False, 1.0), (20, 0, False, 2 / 3), (25, 1, False, 1.25 / 1.5), (30, 2, True, 1 / 3),
    (45, 2, False, 1)])
def test_rewards_by_hand(speed: float, lane: int, crashed: bool, expected: float) -> None:
    _, rules = first_world()
    assert reward_of(float(speed), lane, crashed, rules) == pytest.approx(expected)


@pytest.mark.parametrize(("speed", "action", "target"), [
    (22.4, FASTER, 25), (22.6, FASTER, 30), (29, FASTER, 30), (29, SLOWER, 25), (15, SLOWER, 20),
    (22.5, FASTER, 25)])
def test_target_speeds_by_hand(speed: float, action: int, target: float) -> None:
    world, rules = first_world()  # grid 20, 25, 30: the place nearest to the speed now, 22.5 counting as 20
    world[0].speed = speed
    kernel.take_meta_action(world[0], rules, action)
    assert world[0].target_speed == target


def test_a_lane_out_of_reach_is_no_target() -> None:
    world, rules = first_world()
    ego = world[0]
    ego.y, ego.lane, ego.target_lane = -0.1, 0, 1
    kernel.take_meta_action(ego, rules, RIGHT)  # lane 2 is centred at y = 8, and 8 m is the reach
    assert ego.target_lane == 1
    ego.y = 0.0
    kernel.take_meta_action(ego, rules, RIGHT)
    assert ego.target_lane == 2
    kernel.take_meta_action(ego, rules, LEFT)
    assert ego.target_lane == 1


def test_simulate_stops_where_the_episode_ends() -> None:
    world, rules = first_world()
    twin = world.copy()
    rewards = simulate(world, rules, np.array([FASTER, IDLE]))
    assert rewards.tolist() == [step(twin, rules, FASTER), step(twin, rules, IDLE)]
    world[0].crashed = True
    assert simulate(world, rules, np.array([IDLE, IDLE])).tolist() == [0, 0]


# --- environments -----------------------------------------------------------------------------------------


def drive(env: DriveEnv | KernelEnv, seed: int, decisions: int) -> tuple[Episode, list[float], np.ndarray]:
    """Random decisions from a seed: the episode, the rewards and the last observation."""
    observation, _ = env.reset(seed=seed)
    rewards = []
    for action in np.random.default_rng(seed).integers(5, size=decisions):
        env.advise(IDLE)
        observation, gained, ended, truncated, _ = env.step(action)
        rewards.append(gained)
        if ended or truncated:
            break
    return env.episode("random"), rewards, observation


@pytest.mark.parametrize(("seed", "ego"), [(0, "policy"), (1, "policy"), (0, "idm")])
def test_an_episode_is_drive_envs(seed: int, ego: Any) -> None:
    ours, our_rewards, seen = drive(KernelEnv(FAST, ego=ego), seed, 10)
    theirs, their_rewards, expected = drive(DriveEnv(FAST, record=True, ego=ego), seed, 10)
    assert our_rewards == pytest.approx(their_rewards, abs=TOLERANCE)
    assert np.allclose(seen, expected, atol=1e-6)
    if same_rounding():
        assert same(ours, theirs)
    for name, (dtype, _) in ARRAYS.items():
        mine, other = getattr(ours, name), getattr(theirs, name)
        assert np.allclose(mine, other, atol=1e-4) if dtype.kind == "f" else np.array_equal(mine, other), name
    assert (ours.source, ours.dt_s, ours.ego) == (theirs.source, theirs.dt_s, theirs.ego)


def test_a_kernel_world_goes_on_in_highway_env() -> None:
    env = KernelEnv(FAST)
    env.reset(seed=4)
    for action in (FASTER, LEFT, IDLE):
        env.step(action)
    stock = make_stock(FAST)
    stock.reset(seed=9)
    import_state(stock, env.state())
    stock.step(SLOWER)
    env.step(SLOWER)
    assert np.allclose(export_state(stock).position, env.state().position, atol=TOLERANCE)
    assert export_state(stock).time == env.state().time == 4
    assert export_state(stock).steps == env.state().steps == 20


def test_export_and_back_is_the_identity() -> None:
    stock = make_stock(FAST)
    stock.reset(seed=1)
    stock.step(FASTER)
    state = export_state(stock)
    again = world_of(state_after(state, world_of(state), state.time, state.steps))
    assert again.tobytes() == world_of(state).tobytes()


@pytest.mark.parametrize("config", [EnvConfig(env="merge-v0"), EnvConfig(traffic="linear"),
                                    EnvConfig(actions="continuous")])
def test_what_the_kernel_cannot_move_is_refused(config: EnvConfig) -> None:
    with pytest.raises(InputError, match="kernel"):
        KernelEnv(config).reset(seed=0)


def test_misuse_is_named() -> None:
    env = KernelEnv(FAST)
    with pytest.raises(InputError, match="reset"):
        env.scene()
    env.reset(seed=0)
    with pytest.raises(InputError, match="meta-action"):
        env.step(7)


def test_the_cache_knows_every_file_of_the_kernel() -> None:
    folder = Path(kernel.__file__).parent
    users = {path.name for path in folder.glob("*.py") if "envs.jit import compiled" in path.read_text()}
    assert users | {"kernel_types.py"} == set(SOURCES)
    assert kernel.advance.__qualname__.endswith(DIGEST)


if __name__ == "__main__":
    found = [line for config, seed, decisions in ((FAST, 0, 30), (FAST, 3, 20), (FULL, 1, 8))
             for line in differences(config, seed, decisions, exact=True)]
    print(json.dumps({"same_rounding": same_rounding(), "differences": found}))
