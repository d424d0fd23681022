"""Every frame of the simulator is highway-env's. Run as a script it prints the differences as JSON."""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))  # when run as a script from elsewhere

from simulator_frames import (
    CASES,
    CONTROLS,
    META,
    Case,
    differences_from_highway_env,
    interpreted_simulator,
    traffic,
)
from simulator_worlds import in_plain_rounding

from drive_gen.envs.simulator.rounding import same_rounding

MUTANT = Case("highway-fast-v0", {"lanes_count": 4, "vehicles_count": 14, "vehicles_density": 2}, steps=4,
              action=3)
FAMILIES = ["highway-v0", "highway-fast-v0", "exit-v0", "merge-v0", "merge-generic-v1", "roundabout-v1",
            "roundabout-generic-v0", "two-way-v0", "u-turn-v0"]


@pytest.mark.parametrize("case", CASES[::6], ids=lambda case: case.env)
def test_every_frame_is_highway_envs(case: Case) -> None:
    assert differences_from_highway_env(case, exact=same_rounding())[0] == []


@settings(max_examples=5, deadline=None)
@given(st.sampled_from(FAMILIES), st.sampled_from(["IDM", "Linear", "Aggressive", "Defensive"]),
       st.sampled_from([META, CONTROLS]), st.sampled_from([5, 10, 15]), st.integers(0, 10**6))
def test_any_family_traffic_actions_and_seed(env: str, driver: str, action: dict[str, Any], hertz: int,
                                             seed: int) -> None:
    config = {**traffic(driver), "action": action, "simulation_frequency": hertz, "vehicles_count": 12,
              "observation": {"type": "Kinematics"}}
    case = Case(env, config, seed=seed, steps=2)
    assert differences_from_highway_env(case, exact=same_rounding())[0] == []


def test_bitwise_where_numpy_rounds_as_the_c_library() -> None:
    """In a process whose numpy leaves AVX-512 alone: all cases, to the last bit."""
    assert in_plain_rounding(__file__) == []


@pytest.mark.parametrize(("file", "old", "new"), [
    ("traffic.py", "for side in (car.lane - 1, car.lane + 1):", "for side in (car.lane + 1, car.lane - 1):"),
    ("longitudinal.py", "** decider.delta", "** (decider.delta + 0.01)"),
    ("motion.py", "    if car.has_impact:", "    if False:")])
def test_a_mutated_rule_shows(tmp_path: Path, file: str, old: str, new: str) -> None:
    mutant = interpreted_simulator(tmp_path, file, old, new)
    assert differences_from_highway_env(MUTANT, exact=False, module=mutant)[0] != []


def test_compiled_and_interpreted_agree(tmp_path: Path) -> None:
    same = interpreted_simulator(tmp_path, "traffic.py", "for side in (", "for side in (  # as it was\n    ")
    assert differences_from_highway_env(MUTANT, exact=False, module=same)[0] == []


if __name__ == "__main__":
    found, events = [], Counter[str]()
    for case in CASES:
        differences, seen = differences_from_highway_env(case, exact=True)
        found += differences
        events += seen
    missing = [name for name in ("crashes", "impacts", "decisions", "lanes changed", "route steps", "yields",
                                 "stopped") if not events[name]]
    print(json.dumps({"same_rounding": same_rounding(), "differences": found + missing, "events": events}))
