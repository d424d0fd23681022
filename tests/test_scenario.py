"""Scenarios: YAML and scenes there and back to the last bit, and mistakes named."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from worlds import SOURCE, arbitrary, cruising

from drive_gen.envs.episode import Scene
from drive_gen.envs.files import InputError
from drive_gen.envs.scenario import AgentRecipe, Condition, Event, LaneRecipe, Scenario

number = st.floats(-1e9, 1e9, allow_nan=False)
LANE = LaneRecipe(((0.0, 0.0), (500.0, 0.0)), 4.0)
CARS = (AgentRecipe(7, (0.0, 0.0), 0.0, 30.0, driver="planner"), AgentRecipe(9, (35.0, 0.0), 0.0, 20.0))
CUT = Event(9, Condition("ttc_s", agent=7, other=9, high=2.5), action="SLOWER")


def same_scene(one: Scene, other: Scene) -> bool:
    arrays = [item.name for item in fields(Scene) if item.name not in ("road", "ego")]
    lanes = zip(one.road.lanes, other.road.lanes, strict=True)
    return (
        one.ego == other.ego
        and all(np.array_equal(getattr(one, name), getattr(other, name)) for name in arrays)
        and all(getattr(one, name).dtype == getattr(other, name).dtype for name in arrays)
        and all(
            np.array_equal(a.center_m, b.center_m)
            and (a.left, a.right, a.successors, a.speed_limit_mps)
            == (b.left, b.right, b.successors, b.speed_limit_mps)
            for a, b in lanes
        )
    )


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.integers(0, 11))
def test_scenes_come_back_to_the_last_bit(seed: int, frame: int) -> None:
    episode = arbitrary(seed)
    if not episode.valid[:, frame].any():
        return
    scene = episode.scene(frame)
    scenario = Scenario.from_scene(scene, seed=seed, provenance=episode.source)
    assert Scenario.from_yaml(scenario.to_yaml()) == scenario
    assert same_scene(Scenario.from_yaml(scenario.to_yaml()).to_scene(), scene)


@settings(max_examples=30, deadline=None)
@given(number, number, st.floats(1e-300, 1e300), st.one_of(st.none(), number), st.integers(-(2**62), 2**62))
def test_yaml_gives_back_every_number(x: float, y: float, speed: float, low: float | None, seed: int) -> None:
    agent = AgentRecipe(0, (x, y), -0.0, speed, kind="truck")
    scenario = Scenario(
        (LANE,),
        (agent,),
        ego=0,
        seed=seed,
        provenance=SOURCE,
        events=(Event(0, Condition("time_s", low=low, high=1e-05), acceleration_mps2=x),),
        constraints=(Condition("speed_mps", agent=0, high=y),),
    )
    assert Scenario.from_yaml(scenario.to_yaml()) == scenario
    assert "NaN" not in scenario.to_yaml()


def test_files(tmp_path: Path) -> None:
    scenario = Scenario((LANE,), CARS, ego=7, events=(CUT,))
    scenario.write(tmp_path / "cut.yaml")
    assert Scenario.read(tmp_path / "cut.yaml") == scenario
    with pytest.raises(InputError, match="no config file at"):
        Scenario.read(tmp_path / "none.yaml")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("seed:", "sede:"), "unknown key 'sede' \\(did you mean 'seed'\\?\\)"),
        (("heading_rad", "heading_deg"), "agents: unknown key 'heading_deg'"),
        (("action: SLOWER", "action: SLOW"), "events: action: unknown value 'SLOW' \\(did you mean 'SLOWER'"),
        (("quantity: ttc_s", "quantity: ttc"), "events: when: quantity: unknown value 'ttc'"),
        (("id: 9", "id: 7"), "different ids"),
        (("ego: 7", "ego: 8"), r"names agents \[8\]"),
        (("speed_mps: 20.0", "speed_mps: fast"), "speed_mps: expected float"),
        (("road:", "road: ["), "not readable YAML"),
        (("width_m: 4.0", "width_m: -4.0"), "Lane.width_m is -4.0"),
    ],
)
def test_mistakes_are_named(change: tuple[str, str], message: str) -> None:
    text = Scenario((LANE,), CARS, ego=7, events=(CUT,)).to_yaml()
    assert change[0] in text
    with pytest.raises(InputError, match=message) as refused:
        Scenario.from_yaml(text.replace(*change, 1), "cut.yaml")
    assert "\n" not in str(refused.value)


def test_an_event_does_one_thing_and_a_condition_bounds_something() -> None:
    with pytest.raises(InputError, match="one of them"):
        Event(9, CUT.when)
    with pytest.raises(InputError, match="low, high or both"):
        Condition("time_s")
    with pytest.raises(InputError, match="names 2 agents, got 1"):
        Condition("gap_m", agent=7, low=0.0)


def test_conditions_by_hand() -> None:
    scene = Scenario((LANE,), CARS, ego=7).to_scene()
    measured = {
        name: Condition(name, agent=7, other=9, low=0.0).measure(scene, 4.0) for name in ("gap_m", "ttc_s")
    }
    assert measured == {"gap_m": 30.0, "ttc_s": 3.0}
    assert not CUT.when.holds(scene, 0.0)
    assert replace(CUT.when, high=3.0).holds(scene, 0.0)
    assert not Condition("gap_m", agent=9, other=7, high=1e9).holds(scene, 0.0)  # the other is behind
    assert Condition("time_s", low=3.9, high=4.0).holds(scene, 4.0)
    assert Condition("speed_mps", agent=9, low=20.0, high=20.0).holds(scene, 0.0)
    assert Condition("along_m", agent=9, low=35.0).holds(scene, 0.0)
    assert not Condition("speed_mps", agent=12, low=0.0).holds(scene, 0.0)
    touching = cruising([(0, 0), (4, 0)], [20.0, 30.0]).scene(0)
    assert Condition("ttc_s", agent=0, other=1, low=0.0).measure(touching, 0.0) == 0
