"""EnvConfig, exact export and import of highway-env's worlds, and the guard of its class attributes."""

from dataclasses import replace
from typing import Any

import gymnasium
import numpy as np
import pytest
from highway_env.vehicle.behavior import IDMVehicle
from hypothesis import given, settings
from hypothesis import strategies as st

from drive_gen.envs.config import from_mapping
from drive_gen.envs.files import InputError
from drive_gen.envs.reference import (
    EnvConfig,
    config_hash,
    differences,
    export_road,
    export_state,
    import_state,
    make_stock,
    replace_ego,
    resolved,
)
from drive_gen.envs.world import FAMILIES, SUPPORTED

IDM_ATTRIBUTES = ("DISTANCE_WANTED", "COMFORT_ACC_MAX", "COMFORT_ACC_MIN")
WORLDS = [EnvConfig("highway-fast-v0"), EnvConfig("highway-v0", vehicles=8), EnvConfig("merge-v0"),
          EnvConfig("merge-v1"), EnvConfig("roundabout-v1"), EnvConfig("exit-v0", vehicles=6),
          EnvConfig("two-way-v0"), EnvConfig("u-turn-v0"), EnvConfig("intersection-v0", vehicles=5),
          EnvConfig("highway-fast-v0", traffic="aggressive", vehicles=6)]


def play(stock: gymnasium.Env[Any, Any], actions: list[int]) -> list[tuple[Any, ...]]:
    """Rewards and ends of the decisions, up to the end of the episode."""
    found = []
    for action in actions:
        _, reward, terminated, truncated, _ = stock.step(action)
        found.append((reward, terminated, truncated))
        if terminated or truncated:
            break
    return found


@pytest.mark.parametrize("config", WORLDS, ids=lambda config: f"{config.env}-{config.traffic}")
def test_an_imported_world_goes_on_bit_for_bit(config: EnvConfig) -> None:
    one, other = make_stock(config), make_stock(config)
    one.reset(seed=5)
    other.reset(seed=99)
    actions = np.random.default_rng(0).integers(0, one.action_space.n, 11).tolist()
    one.step(actions[0])
    state = export_state(one)
    assert differences(state, export_state(other))
    import_state(other, state)
    assert differences(state, export_state(other)) == []
    for action in actions[1:]:
        assert play(one, [action]) == play(other, [action])
        assert differences(export_state(one), export_state(other)) == []


def test_a_crash_under_way_is_carried_over() -> None:
    config = EnvConfig("highway-v0", vehicles=10, density=3.0, simulation_hz=5)
    one, other = make_stock(config), make_stock(config)
    for seed in range(30):
        one.reset(seed=seed)
        play(one, [3, 3, 0, 3])
        state = export_state(one)
        if state.has_impact.any():
            break
    assert state.has_impact.any()
    assert state.crashed.any()
    other.reset(seed=0)
    import_state(other, state)
    one.step(1)
    other.step(1)
    assert differences(export_state(one), export_state(other)) == []


@pytest.mark.parametrize("field", ["timer", "delta", "target_speed", "position"])
def test_what_the_state_holds_matters(field: str) -> None:
    """A negative control: a state that is off in one field does not go on the same."""
    config = EnvConfig("highway-fast-v0")
    one, other = make_stock(config), make_stock(config)
    one.reset(seed=5)
    other.reset(seed=5)
    state = export_state(one)
    import_state(other, replace(state, **{field: getattr(state, field) + 0.3}))
    play(one, [1, 1, 1])
    play(other, [1, 1, 1])
    assert "position" in differences(export_state(one), export_state(other))


def test_an_idm_ego_is_carried_over() -> None:
    config = EnvConfig("highway-fast-v0", vehicles=8)
    one, other = make_stock(config), make_stock(config)
    for stock, seed in ((one, 1), (other, 2)):
        stock.reset(seed=seed)
        replace_ego(stock)
    one.step(None)
    import_state(other, export_state(one))
    for _ in range(5):
        one.step(None)
        other.step(None)
    assert differences(export_state(one), export_state(other)) == []
    assert export_state(one).target_speed[0] == 30


def test_a_state_of_another_road_is_refused() -> None:
    one, other = make_stock(EnvConfig(lanes=2, vehicles=2)), make_stock(EnvConfig(lanes=3, vehicles=2))
    with pytest.raises(InputError, match="same config"):
        import_state(one, export_state(other))


@pytest.mark.filterwarnings("ignore:.*out of date")
def test_the_intersection_leaves_other_environments_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    before = [getattr(IDMVehicle, name) for name in IDM_ATTRIBUTES]
    highway = make_stock(EnvConfig(vehicles=6))
    highway.reset(seed=3)
    alone = play(highway, [1, 4, 1, 3])
    expected = export_state(highway)

    highway.reset(seed=3)
    crossing = make_stock(EnvConfig("intersection-v0", vehicles=4))
    crossing.reset(seed=1)
    between = []
    for action in (1, 4, 1, 3):
        crossing.step(1)
        between += play(highway, [action])
    ours = export_state(crossing)
    assert between == alone
    assert differences(export_state(highway), expected) == []
    assert [getattr(IDMVehicle, name) for name in IDM_ATTRIBUTES] == before

    # highway-env's own intersection: the same world, and the trap that the guard is for.
    for name, value in zip(IDM_ATTRIBUTES, before, strict=True):
        monkeypatch.setattr(IDMVehicle, name, value)  # put back when the test is over
    stock = gymnasium.make("intersection-v0", config={"initial_vehicle_count": 4}, disable_env_checker=True)
    stock.reset(seed=1)
    play(stock, [1, 1, 1, 1])
    theirs = export_state(stock)
    assert [getattr(IDMVehicle, name) for name in IDM_ATTRIBUTES] == [7, 6, -3]
    assert set(differences(ours, theirs)) == {"classes"}


def test_every_setting_is_one_that_highway_env_reads() -> None:
    for name in SUPPORTED:
        family = EnvConfig(name).family
        assert set(FAMILIES[family].values()) <= set(resolved(EnvConfig(name)))


def test_a_config_left_alone_is_highway_envs_own() -> None:
    stock = gymnasium.make("highway-v0", config={"vehicles_count": 1}, disable_env_checker=True)
    assert resolved(EnvConfig("highway-v0", vehicles=1)) == {**stock.unwrapped.config,  # type: ignore[attr-defined]
                                                            "offscreen_rendering": None}
    assert config_hash(EnvConfig(lanes=3)) == config_hash(EnvConfig()) != config_hash(EnvConfig(lanes=4))


@pytest.mark.parametrize(("values", "reason"), [
    ({"env": "higway-v0"}, "did you mean 'highway-v0'"), ({"lanes": 0}, "lanes is 0"),
    ({"density": -1.0}, "density is -1.0"), ({"vehicles": -1}, "vehicles is -1"),
    ({"policy_hz": 10, "simulation_hz": 5}, "not a multiple"), ({"target_speeds_mps": [30, 20]}, "rising"),
    ({"env": "racetrack-v0", "actions": "meta"}, "controls only"), ({"controlled": 0}, "controlled is 0"),
    ({"env": "racetrack-v0", "traffic": "idm"}, "IDM traffic only"),
    ({"env": "merge-v0", "actions": "continuous"}, "meta-actions or steering"),
    ({"target_speeds_mps": [20, 21, 30]}, "rising"), ({"env": "merge-v0", "lanes": 3}, "no setting lanes"),
    ({"lanes": 2, "initial_lane": 2}, "expected 0 to 1"), ({"traffic": "calm"}, "traffic"),
    ({"env": "u-turn-v0", "actions": "continuous"}, "meta-actions only"), ({"lanes": 2.5}, "lanes"),
    ({"density": float("nan")}, "density is nan"),
])
def test_a_wrong_config_is_one_line(values: dict[str, Any], reason: str) -> None:
    with pytest.raises(InputError, match=reason) as error:
        from_mapping(EnvConfig, values, "test.yaml")
    assert "\n" not in str(error.value)


def test_a_policy_faster_than_the_default_simulation_is_refused() -> None:
    with pytest.raises(InputError, match="not a multiple"):
        make_stock(EnvConfig(policy_hz=10))


def test_a_highways_road() -> None:
    road = export_road(make_stock(EnvConfig(lanes=3, vehicles=1)))
    ends = [lane.center_m.tolist() for lane in road.lanes]
    assert ends == [[[0, 4 * k], [10_000, 4 * k]] for k in range(3)]
    assert [(lane.left, lane.right) for lane in road.lanes] == [(None, 1), (0, 2), (1, None)]
    assert {(lane.width_m, lane.speed_limit_mps, lane.successors) for lane in road.lanes} == {(4, 30, ())}


def test_a_merges_road() -> None:
    stock = make_stock(EnvConfig("merge-v0"))
    road, keys = export_road(stock), export_state(stock).lane_keys
    ramp, main = keys.index(("b", "c", 2)), keys.index(("b", "c", 1))
    assert road.lanes[main].right is None  # the ramp is forbidden to those on the main road
    assert road.lanes[ramp].left == main
    assert road.lanes[keys.index(("k", "b", 0))].successors == (ramp,)


@settings(max_examples=30, deadline=None)
@given(st.floats(-200, 200), st.floats(-200, 200), st.floats(-3.1, 3.1))
def test_polylines_stay_on_highway_envs_lanes(x_m: float, y_m: float, heading_rad: float) -> None:
    """The nearest lane is highway-env's, or one that is as near to within the polyline's error."""
    world: Any = ROUNDABOUT.unwrapped
    position = np.array([x_m, y_m])
    lane = ROUNDABOUT_ROAD.nearest_lane(position, np.asarray(heading_rad))
    lanes = world.road.network.lanes_list()
    distances = [lane.distance_with_heading(position, heading_rad) for lane in lanes]
    # Past a curve's ends highway-env goes on along the circle, the polyline along the tangent.
    if min(distances) < 2:
        assert distances[int(lane)] < min(distances) + 0.2


ROUNDABOUT = make_stock(EnvConfig("roundabout-v0"))
ROUNDABOUT_ROAD = export_road(ROUNDABOUT)


def test_imported_agents_do_as_they_are_told() -> None:
    """Several agents' action types hold on to their vehicles; a world that is put in has others."""
    stock = make_stock(EnvConfig(vehicles=2, controlled=2))
    stock.reset(seed=0)
    import_state(stock, export_state(stock))
    stock.step((3, 4))
    assert export_state(stock).target_speed[export_state(stock).controlled].tolist() == [30.0, 20.0]
