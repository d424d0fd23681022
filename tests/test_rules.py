"""The rules, by hand and against highway-env's own IDM and MOBIL."""

from typing import Any

import numpy as np
import pytest

from drive_gen.envs.actions import CONTROL_SCALE
from drive_gen.envs.episode import Scene
from drive_gen.envs.observe import RANGE_M, observe_scene
from drive_gen.envs.reference import EnvConfig
from drive_gen.envs.road import straight_road
from drive_gen.envs.vector import DriveEnv
from drive_gen.policies.policy import Policy
from drive_gen.policies.rules import (
    FASTER,
    IDLE,
    LEFT,
    RIGHT,
    RULES,
    SLOWER,
    ConstantVelocity,
    GapRule,
    Idm,
    IdmParameters,
    RandomPolicy,
    idm_acceleration,
    mobil,
    neighbour,
    see,
)


def seen(*cars: tuple[float, float, float], lanes: int = 3, heading_rad: float = 0.0) -> np.ndarray:
    """What the first of the cars (x, y, speed) sees on a straight highway; (1, 17, 9)."""
    rows = np.array(cars, dtype=np.float32)
    heading = np.zeros(len(cars), np.float32)
    heading[0] = heading_rad
    scene = Scene(position_m=rows[:, :2], heading_rad=heading, speed_mps=rows[:, 2],
                  size_m=np.tile(np.float32([5, 2]), (len(cars), 1)), crashed=np.zeros(len(cars), bool),
                  agent_id=np.arange(len(cars)), kind=np.zeros(len(cars), np.uint8),
                  road=straight_road(lanes, 10_000), ego=0)
    return observe_scene(scene, 0)[None]


def decide(policy: Policy, observation: np.ndarray) -> Any:
    return policy.predict(observation, None, np.array([True]))[0][0]


def test_scales_are_undone() -> None:
    view = see(seen((100, 4.5, 25), (130, 3.5, 20), (80, 8, 30)))
    assert view.speed_mps == pytest.approx(25)
    assert (view.offset_m, view.lanes_left, view.lanes_right) == (pytest.approx(0.5), 1, 1)
    assert (view.limit_mps, view.length_m, view.lane_width_m) == (pytest.approx(30), 5, 4)
    assert view.ahead_m[0, :2] == pytest.approx([-20, 30])  # nearest first
    assert view.aside_m[0, :2] == pytest.approx([4, -0.5])
    assert view.closing_mps[0, :2] == pytest.approx([-5, 5])
    assert view.present[0].sum() == 2


def test_neighbours_are_the_nearest_in_the_lane() -> None:
    view = see(seen((100, 4, 25), (150, 4, 20), (140, 8, 21), (180, 4, 10), (70, 4, 27)))
    lead, behind = neighbour(view, 0, ahead=True), neighbour(view, 0, ahead=False)
    assert (lead.distance_m, lead.closing_mps) == (pytest.approx(50), pytest.approx(5))
    assert (behind.distance_m, behind.closing_mps) == (pytest.approx(30), pytest.approx(2))
    assert neighbour(view, 1, ahead=True).distance_m == pytest.approx(40)
    assert np.isnan(neighbour(view, -1, ahead=True).distance_m)


@pytest.mark.parametrize(("distance_m", "expected"), [
    (29, SLOWER), (31, IDLE), (42, IDLE), (43, FASTER)])  # bumper to bumper 5 m less; 1 s is 25 m, 1.5 s 37.5
def test_the_gap_rule_by_hand(distance_m: float, expected: int) -> None:
    assert decide(GapRule(), seen((100, 4, 25), (100 + distance_m, 4, 25))) == expected


def test_the_gap_rule_looks_at_its_lane_and_ahead() -> None:
    assert decide(GapRule(), seen((100, 4, 25), (110, 8, 25), (90, 4, 25))) == FASTER
    assert decide(GapRule(), seen((100, 4, 30), (141, 4, 25))) == IDLE  # 36 m, in a second 31: over a second
    assert decide(GapRule(), seen((100, 4, 30), (139, 4, 25))) == SLOWER  # 34 m, in a second 29


def test_idm_by_hand() -> None:
    parameters = IdmParameters()
    free = idm_acceleration(np.array(15.0), np.array(30.0), np.array(np.nan), np.array(np.nan), parameters)
    assert free == pytest.approx(3 * (1 - 1 / 16))
    # At the target speed the free term is 0; the wanted distance is 10 + 30 + 20 * 4 / (2 sqrt(15)).
    following = idm_acceleration(np.array(20.0), np.array(20.0), np.array(50.0), np.array(4.0), parameters)
    assert following == pytest.approx(-3 * ((40 + 80 / (2 * np.sqrt(15))) / 50) ** 2)


def test_idm_and_mobil_are_highway_envs() -> None:
    """Accelerations and lane changes of every car of a dense highway, at twelve moments."""
    env = DriveEnv(EnvConfig(vehicles=15, density=1.5), ego="idm")
    agreed, changes, compared = [], 0, 0
    for moment in range(12):
        if moment % 3 == 0:
            env.reset(seed=moment)
        scene = env.scene()
        cars: list[Any] = env.stock.unwrapped.road.vehicles  # type: ignore[attr-defined]
        for agent, car in enumerate(cars):
            # Turned, highway-env takes the closing speed along the car's own axis; crashed cars do not act.
            if car.lane_index != car.target_lane_index or abs(car.heading) > 0.02 or car.crashed:
                continue
            observation = observe_scene(scene, agent)[None]
            idm = Idm(car.target_speed, parameters=IdmParameters(exponent=car.DELTA))
            lead, _ = car.road.neighbour_vehicles(car)
            if lead is not None and car.lane_distance_to(lead) > RANGE_M:
                lead = None  # farther than an observation reaches
            expected = np.clip(car.acceleration(car, lead), -6, 6) / CONTROL_SCALE[0]
            assert decide(idm, observation)[0] == pytest.approx(np.clip(expected, -1, 1), abs=2e-3)
            compared += 1
            for index in car.road.network.side_lanes(car.lane_index):
                side = index[2] - car.lane_index[2]
                ours = mobil(see(observation), side, np.array([car.target_speed]), idm.parameters)
                agreed.append(bool(ours[0]) == bool(car.mobil(index)))
                changes += bool(car.mobil(index))
        env.step(1)
    assert (compared > 50, changes > 10) == (True, True)
    # A follower's target speed cannot be seen, so the two may differ in what it would be made to brake.
    assert np.mean(agreed) > 0.9


def test_idm_steers_as_highway_env_does() -> None:
    env = DriveEnv(EnvConfig(vehicles=10), ego="idm", record=True)
    env.reset(seed=2)
    for _ in range(8):
        env.step(1)
    episode = env.episode("idm")
    env.reset(seed=2)
    state, close = None, []
    for frame in range(0, episode.steps - 1):
        observation = observe_scene(episode.scene(frame), 0)[None]
        action, state = Idm(lane_changes=False).predict(observation, state, np.array([frame == 0]))
        lane_kept = abs(episode.position_m[0, frame, 1] - episode.position_m[0, 0, 1]) < 1e-3
        if lane_kept:
            close.append(abs(action[0, 1] * CONTROL_SCALE[1] - episode.control[0, frame, 1]))
    assert np.median(close) < 1e-4


def test_idm_changes_lane_and_stays_there() -> None:
    """Behind a slow car with a free lane to the left, in continuous control, over four seconds."""
    env = DriveEnv(EnvConfig(vehicles=0, lanes=2, initial_lane=1, policy_hz=5), actions="continuous")
    env.reset(seed=0)
    policy, state = Idm(lane_changes=True), None
    lanes = []
    for step in range(25):
        ego: Any = env.stock.unwrapped.vehicle  # type: ignore[attr-defined]
        x_m, y_m = ego.position
        blocked = seen((x_m, y_m, ego.speed), (x_m + 25, 4, ego.speed - 3), lanes=2, heading_rad=ego.heading)
        action, state = policy.predict(blocked, state, np.array([step == 0]))
        env.step(action[0])
        lanes.append(state[0][0])
    assert set(lanes) == {0}
    assert abs(ego.position[1]) < 0.3


def test_idm_by_meta_actions() -> None:
    policy = Idm(actions="meta", lane_changes=True)
    assert decide(policy, seen((100, 4, 20))) == FASTER
    assert decide(policy, seen((100, 4, 25), (112, 4, 20), (101, 0, 25), (99, 8, 25))) == SLOWER
    assert decide(policy, seen((100, 4, 25), (130, 4, 20), (120, 8, 20))) == LEFT
    assert decide(policy, seen((100, 4, 25), (130, 4, 20), (120, 0, 20))) == RIGHT
    assert decide(policy, seen((100, 4, 25), (130, 4, 20))) == RIGHT  # highway-env's own order


def test_constant_velocity_turns_along_its_lane() -> None:
    assert decide(ConstantVelocity(), seen((100, 4.6, 25))).tolist() == pytest.approx([0, 0])
    acceleration, steering = decide(ConstantVelocity(), seen((100, 4, 25), heading_rad=0.05))
    assert (acceleration, steering < 0) == (0, True)


def test_a_batch_is_its_worlds_one_by_one() -> None:
    rng = np.random.default_rng(0)
    batch = np.concatenate([seen((100, 4, 20 + 10 * a), (100 + 60 * b, 4, 22), (100 - 60 * c, 8, 25),
                                 (140 * d, 0, 25)) for a, b, c, d in rng.random((20, 4))])
    rules = (GapRule(), ConstantVelocity(), Idm(lane_changes=True), Idm(actions="meta", lane_changes=True))
    for policy in rules:
        together = policy.predict(batch, None, np.ones(20, bool))[0]
        alone = [decide(policy, batch[world : world + 1]) for world in range(20)]
        assert np.array_equal(together, alone)
        assert len(np.unique(together.round(6), axis=0)) > 1 or isinstance(policy, ConstantVelocity)


@pytest.mark.parametrize("name", RULES)
def test_rules_are_policies_by_meta_actions(name: str) -> None:
    policy = RULES[name](0)
    assert isinstance(policy, Policy)
    actions, state = policy.predict(np.zeros((7, 17, 9), np.float32))
    assert actions.shape == (7,)
    assert state is None
    assert ((actions >= 0) & (actions < 5)).all()


def test_random_driving_depends_on_seed_and_episode_only() -> None:
    class Episode:
        seed = 4

    def draw(policy: RandomPolicy) -> list[int]:
        policy.attach(Episode())
        return policy.predict(np.zeros((30, 17, 9)))[0].tolist()  # type: ignore[no-any-return]

    policy = RandomPolicy(0)
    first = draw(policy)
    assert draw(policy) == first == draw(RandomPolicy(0)) != draw(RandomPolicy(1))
    assert set(first) == {LEFT, IDLE, RIGHT, FASTER, SLOWER}
