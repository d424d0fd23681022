"""Replay evaluation: what is chosen, errors by hand, floors that do what they should, and real recordings."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from worlds import cruising

from drive_gen.data.ngsim import import_ngsim
from drive_gen.data.store import key_of, read_episodes, read_index, write_episodes
from drive_gen.envs.actions import CONTROL_SCALE
from drive_gen.envs.episode import Episode, Source
from drive_gen.envs.files import InputError
from drive_gen.envs.replay import Replay
from drive_gen.evaluate import tables
from drive_gen.evaluate.cases import Case, choose_cases, episode_of
from drive_gen.evaluate.folder import read_rows
from drive_gen.evaluate.replay import _Pilot, _primed, evaluate_replay, fastest_mps
from drive_gen.evaluate.replay_metrics import (
    INTERVALS,
    ade_difference,
    case_figures,
    displacement_figures,
    motion_distances,
)
from drive_gen.evaluate.statistics import wilson
from drive_gen.evaluate.tables import replay_table
from drive_gen.policies.behavior import BehaviorTransformer
from drive_gen.policies.config import BehaviorConfig
from drive_gen.policies.driver import BehaviorPolicy
from drive_gen.policies.rules import Idm

NGSIM = Path(__file__).parents[2] / "shared" / "data" / "ngsim_us101"


def log_of(number: int, starts: list[tuple[float, float]], speeds: list[float], frames: int = 81) -> Episode:
    source = Source("logged", f"recording {number}", f"group {number}", driver="human")
    episode = cruising(starts, speeds, frames, 0.1, ego=None)
    return dataclasses.replace(episode, source=source)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three held-out recordings of two cars far apart at constant speeds, and one that trains."""
    folder = tmp_path_factory.mktemp("logs")
    for number, split in enumerate(("test", "validation", "test")):
        write_episodes(folder, [log_of(number, [(10.0, 0.0), (200.0, 4.0)], [20.0 + number, 24.0])], split)
    write_episodes(folder, [log_of(3, [(0.0, 0.0), (60.0, 0.0)], [20.0, 20.0])], "train")
    return folder


@pytest.fixture(scope="module")
def evaluated(store: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    out = tmp_path_factory.mktemp("replay")
    return out, evaluate_replay("baseline:slower", store, out, cases=5, horizon_s=5.0, workers=1)


def test_cases_are_held_out_cars_once_each(store: Path) -> None:
    cases = choose_cases(store, 5.0, 100, seed=1)
    assert [case.number for case in cases] == list(range(6))
    assert len({(case.key, case.agent) for case in cases}) == 6
    assert not any("recording 3" in case.key for case in cases)
    assert {case.frames for case in cases} == {51}
    assert all(10 <= case.start <= 30 for case in cases)
    assert choose_cases(store, 5.0, 100, seed=1) == cases != choose_cases(store, 5.0, 100, seed=2)
    assert len(choose_cases(store, 5.0, 4, seed=1)) == 4
    with pytest.raises(InputError, match="stays for 10 s"):
        choose_cases(store, 9.0, 4, seed=1)


def test_a_gap_in_a_track_is_no_case(tmp_path: Path) -> None:
    log = log_of(0, [(10.0, 0.0), (10.0, 4.0)], [20.0, 20.0])
    valid = log.valid.copy()
    valid[0, 40] = False
    write_episodes(tmp_path, [dataclasses.replace(log, valid=valid)], "test")
    assert {case.agent for case in choose_cases(tmp_path, 5.0, 10, seed=0)} == {1}


def test_displacement_by_hand() -> None:
    """2 m/s too fast and 0.5 m/s to the right from frame 10 on; at 3 s it crashes and stays there."""
    log = log_of(0, [(0.0, 0.0)], [20.0])
    time = np.arange(31) * 0.1
    driven = log.window(10, 41)
    moved = driven.position_m + np.stack((2 * time, 0.5 * time), axis=-1)[None].astype(np.float32)
    crashed = dataclasses.replace(driven, position_m=moved)
    early = displacement_figures(log, crashed, Case(0, "", 0, 10, 31))
    assert early["fde_m"] == early["error_3s_m"] == pytest.approx(np.hypot(6, 1.5), abs=1e-4)
    assert early["ade_m"] == pytest.approx(np.hypot(2, 0.5) * 1.55, abs=1e-4)  # mean of 0.1 .. 3.0 s
    assert early["longitudinal_m"] == pytest.approx(3.1, abs=1e-4)
    assert early["lateral_m"] == pytest.approx(0.775, abs=1e-4)
    assert early["error_4s_m"] is None
    late = displacement_figures(log, crashed, Case(0, "", 0, 10, 51))
    assert late["fde_m"] == pytest.approx(np.hypot(2 * 20 - 6, 1.5), abs=1e-4)  # the log goes on at 20 m/s


def test_floors_on_cars_at_constant_speed(evaluated: tuple[Path, dict[str, Any]]) -> None:
    _, summary = evaluated
    figures = {driver["name"]: driver["metrics"] for driver in summary["drivers"]}
    assert list(figures) == ["slower", "constant velocity", "idm", "log"]
    for name in ("constant velocity", "log"):
        assert figures[name]["ade_m"] == pytest.approx(0, abs=1e-3)
        assert figures[name]["w1_speed_mps"] == pytest.approx(0, abs=1e-4)
    assert figures["slower"]["ade_m"] > figures["idm"]["ade_m"] > 0.1
    assert figures["slower"]["longitudinal_m"] > 100 * figures["slower"]["lateral_m"]
    assert all(metrics["collision"] == metrics["off_road_rate"] == 0 for metrics in figures.values())
    assert figures["slower"]["ade_m_low"] < figures["slower"]["ade_m"] < figures["slower"]["ade_m_high"]
    assert replay_table(summary).row_count == 4


def test_every_row_has_its_episode(evaluated: tuple[Path, dict[str, Any]]) -> None:
    out, summary = evaluated
    rows, stored = read_rows(out), read_index(out / "episodes")
    assert [row["store_key"] for row in rows] == [row.key for row in stored]
    assert len(rows) == summary["cases"] * 4 == 20
    for row, episode in zip(rows, read_episodes(out / "episodes"), strict=True):
        assert episode.source.driver == row["driver"]
        assert int(episode.agent_id[episode.ego or 0]) == row["agent_id"]
        assert episode.source.group == row["group"]


def test_a_killed_replay_goes_on(evaluated: tuple[Path, dict[str, Any]], store: Path, tmp_path: Path) -> None:
    for path in evaluated[0].rglob("*"):
        if path.is_file():
            copy = tmp_path / path.relative_to(evaluated[0])
            copy.parent.mkdir(exist_ok=True)
            copy.write_bytes(path.read_bytes())
    lines = (tmp_path / "rows.jsonl").read_text().splitlines(keepends=True)
    (tmp_path / "rows.jsonl").write_text("".join(lines[:7]))
    again = evaluate_replay("baseline:slower", store, tmp_path, cases=5, horizon_s=5.0, workers=1)
    assert again["ade_differences"] == evaluated[1]["ade_differences"]
    assert len(read_index(tmp_path / "episodes")) == 20


@pytest.mark.parametrize(("changes", "complaint"), [
    ({"horizon_s": 6.0}, "config_hash"),
    ({"reference": "baseline:gap"}, "'slower' too"),
    ({"reference": "baseline:planner"}, "cannot drive in a log"),
    ({"cases": 0}, "needs a case"),
    ({"horizon_s": 0.0}, "horizon above 0 s"),
])
def test_a_replay_that_cannot_be_is_refused(evaluated: tuple[Path, dict[str, Any]], store: Path,
                                            changes: dict[str, Any], complaint: str) -> None:
    given = {"reference": "baseline:slower", "cases": 5, "horizon_s": 5.0, **changes}
    with pytest.raises(InputError, match=complaint):
        evaluate_replay(data=store, out=evaluated[0], workers=1, **given)


def test_who_runs_into_whom_is_at_fault(tmp_path: Path) -> None:
    """Car 0 closes at 10 m/s on car 1; people braked at 6 s, 10 m apart."""
    for number in range(2):
        log = log_of(number, [(0.0, 0.0), (75.0, 0.0)], [25.0, 15.0])
        position, speed = log.position_m.copy(), log.speed_mps.copy()
        speed[0, 60:] = 15.0
        position[0, 60:, 0] = position[0, 60, 0] + 1.5 * np.arange(21)
        braked = dataclasses.replace(log, position_m=position, speed_mps=speed)
        write_episodes(tmp_path / "logs", [braked], "test")
    evaluate_replay("baseline:slower", tmp_path / "logs", tmp_path / "out", cases=4, horizon_s=7.0, workers=1)
    found = {(row["driver"], row["agent_id"]): (row["collision"], row["at_fault"])
             for row in read_rows(tmp_path / "out")}
    assert found["slower", 1] == (True, False)  # it stops, and the log runs into it
    assert found["constant velocity", 0] == (True, True)  # it does not brake
    assert found["log", 0] == found["log", 1] == (False, False)


@pytest.mark.skipif(not NGSIM.exists(), reason="the NGSIM recordings are not here")
def test_us101(tmp_path: Path) -> None:
    """Constant velocity is better than always slowing down on a freeway, and the log does not hit itself."""
    import_ngsim(NGSIM, tmp_path / "logs")
    summary = evaluate_replay("baseline:slower", tmp_path / "logs", tmp_path / "out", cases=6, workers=1)
    figures = {driver["name"]: driver["metrics"] for driver in summary["drivers"]}
    assert figures["constant velocity"]["ade_m"] < figures["slower"]["ade_m"]
    assert figures["log"]["collision"] == figures["log"]["off_road_rate"] == 0
    rows = read_rows(tmp_path / "out")
    held_out = {row.group for row in read_index(tmp_path / "logs") if row.split != "train"}
    assert {row["group"] for row in rows} <= held_out
    for case in choose_cases(tmp_path / "logs", 6.0, 6, 0):
        assert episode_of(tmp_path / "logs", case.key).valid[case.agent, case.start : case.start + 61].all()


@pytest.mark.parametrize("memory", ["attention", "gru"])
@pytest.mark.parametrize("actions", ["meta", "continuous"])
def test_a_network_sees_the_log_before_it_takes_over(actions: Literal["meta", "continuous"],
                                                     memory: Literal["attention", "gru"]) -> None:
    """Four decisions of history are there: their observations are in its memory, the last action too."""
    bins = 5 if actions == "meta" else 8
    config = BehaviorConfig(actions=actions, action_bins=bins, width=16, heads=2, layers=1, memory=memory)
    policy = BehaviorPolicy(BehaviorTransformer(config))
    replay = Replay(log_of(0, [(0.0, 0.0), (40.0, 0.0)], [20.0, 20.0]), 0, 45, 81, 1.0)
    state = _primed(replay, _Pilot(policy, 1.0, context_steps=10, actions=actions))
    _, done = replay.history(10, actions)
    assert state.decision.tolist() == [len(done)] == [4]
    np.testing.assert_array_equal(state.action[0], done[-1])
    assert _primed(replay, _Pilot(policy, 1.0)) is None


def test_nobody_brakes_into_reverse() -> None:
    """IDM brakes harder than a slow car can without reversing; the replay lets it stand."""
    replay = Replay(log_of(0, [(0.0, 0.0), (8.0, 0.0)], [0.5, 0.0]), 0, 10, 60, 0.2)
    observation = replay.reset()
    controls, _ = Idm().predict(observation[None])
    assert controls[0, 0] * CONTROL_SCALE[0] * 0.2 < -0.5
    while not replay.done:
        controls, _ = Idm().predict(observation[None])
        observation, _ = replay.step(controls[0])
    assert replay.episode("idm").speed_mps[0].min() > -1e-4


@pytest.mark.parametrize(("first", "last", "starts"), [(0, 80, {10, 20, 30}), (10, 70, {20}), (11, 70, set()),
                                                       (10, 69, set())])
def test_a_case_has_its_second_before_and_its_horizon_after(tmp_path: Path, first: int, last: int,
                                                            starts: set[int]) -> None:
    """Handed over at whole seconds of a log of 8 s, for 5 s: the car is there from `first` to `last`."""
    log = log_of(0, [(10.0, 0.0), (10.0, 4.0)], [20.0, 20.0])
    valid = np.stack(((np.arange(81) >= first) & (np.arange(81) <= last), np.ones(81, bool)))
    write_episodes(tmp_path, [dataclasses.replace(log, valid=valid)], "test")
    found = [case for seed in range(12) for case in choose_cases(tmp_path, 5.0, 2, seed)]
    assert {case.start for case in found if case.agent == 0} == starts
    assert {case.start for case in found if case.agent == 1} == {10, 20, 30}


def test_an_episode_by_its_key(store: Path) -> None:
    for row in read_index(store):
        assert key_of(episode_of(store, row.key).source) == row.key


def test_along_and_across_follow_the_logs_heading() -> None:
    """A log that turns by .05 rad a frame, and a car 1 m to its right and 2 m behind it throughout."""
    heading = 0.05 * np.arange(41)[None].astype(np.float32)
    log = dataclasses.replace(log_of(0, [(0.0, 0.0)], [20.0], frames=41), heading_rad=heading)
    right = np.stack((-np.sin(heading), np.cos(heading)), axis=-1)
    ahead = np.stack((np.cos(heading), np.sin(heading)), axis=-1)
    off = dataclasses.replace(log, position_m=(log.position_m + right - 2 * ahead).astype(np.float32))
    found = displacement_figures(log, off.window(5, 41), Case(0, "", 0, 5, 36))
    assert found["lateral_m"] == pytest.approx(1, abs=1e-4)
    assert found["longitudinal_m"] == pytest.approx(2, abs=1e-4)
    assert found["ade_m"] == pytest.approx(np.sqrt(5), abs=1e-4)
    assert found["error_3s_m"] == pytest.approx(np.sqrt(5), abs=1e-4)
    assert displacement_figures(log, off.window(5, 35), Case(0, "", 0, 5, 30))["error_3s_m"] is None


def replay_row(number: int, group: str, ade_m: float, **more: Any) -> dict[str, Any]:
    errors = dict.fromkeys(INTERVALS, ade_m)
    return {"driver": "a", "seed": number, "group": group, **errors, "collision": False, "at_fault": False,
            "off_road": False, "min_ttc_s": None, "decision_ms": 2.0, "distance_m": 100.0, **more}


def test_case_figures_by_hand() -> None:
    rows = [replay_row(0, "a", 1.0, collision=True, at_fault=True, min_ttc_s=0.5, decision_ms=None),
            replay_row(1, "a", 2.0, collision=True, error_5s_m=None, min_ttc_s=3.0),
            replay_row(2, "b", 6.0, off_road=True, decision_ms=4.0), replay_row(3, "b", 7.0)]
    figures = case_figures(rows)
    expected = {"episodes": 4, "ade_m": 4.0, "ade_m_low": 1.5, "ade_m_high": 6.5, "error_5s_m": 14 / 3,
                "error_5s_m_low": 1.0, "error_5s_m_high": 6.5, "collision": 0.5, "at_fault_rate": 0.25,
                "off_road_rate": 0.25, "decision_ms": 8 / 3, "km": 0.4}
    assert {name: figures[name] for name in expected} == pytest.approx(expected)
    assert figures["min_ttc_s"] is None  # the median of .5, 3 and two without a lead
    assert case_figures(rows[:3])["min_ttc_s"] == 3.0
    assert (figures["collision_low"], figures["collision_high"]) == tuple(wilson(2, 4))
    other = [replay_row(number, row["group"], 1.0) for number, row in enumerate(rows)]
    assert ade_difference(rows, other) == pytest.approx({
        "cases": 4, "ade_difference_m": 3.0, "ade_difference_low_m": 0.5, "ade_difference_high_m": 5.5})


def test_distances_of_motion_by_hand(tmp_path: Path) -> None:
    """The log at 20 m/s; a driver whose speed goes from 22 to 24 m/s at 1 m/s^2."""
    log = log_of(0, [(0.0, 0.0), (90.0, 4.0)], [20.0, 20.0], frames=21)
    faster = dataclasses.replace(log, source=dataclasses.replace(log.source, name="x", driver="x"), ego=0,
                                 speed_mps=np.float32([22 + 0.1 * np.arange(21), np.full(21, 5.0)]))
    base = dataclasses.replace(log, source=dataclasses.replace(log.source, driver="log"), ego=0)
    write_episodes(tmp_path / "episodes", [base, faster], "test")
    assert motion_distances(tmp_path, "log") == {
        "log": {"w1_speed_mps": 0.0, "w1_acceleration_mps2": 0.0},
        "x": {"w1_speed_mps": pytest.approx(3.0, abs=1e-5),
              "w1_acceleration_mps2": pytest.approx(1.0, abs=1e-4)}}


def test_who_is_who_in_a_summary(evaluated: tuple[Path, dict[str, Any]]) -> None:
    _, summary = evaluated
    assert [(driver["name"], driver["reference"]) for driver in summary["drivers"]] == [
        ("slower", "baseline:slower"), *((name, name) for name in ("constant velocity", "idm", "log"))]
    ade = {driver["name"]: driver["metrics"]["ade_m"] for driver in summary["drivers"]}
    assert [(pair["driver"], pair["other"]) for pair in summary["ade_differences"]] == [
        ("slower", "constant velocity"), ("slower", "idm")]
    for pair in summary["ade_differences"]:
        assert pair["ade_difference_m"] == pytest.approx(ade["slower"] - ade[pair["other"]])
    assert summary["mode"] == "as trained"


def test_idm_wants_the_speed_of_the_fastest_in_sight() -> None:
    assert fastest_mps(log_of(0, [(0.0, 0.0), (50.0, 4.0)], [12.0, 27.0]).scene(0)) == 27.0
    assert fastest_mps(log_of(0, [(0.0, 0.0), (50.0, 4.0)], [0.0, 0.0]).scene(0)) == 1.0


def test_a_table_says_what_the_summary_does() -> None:
    figures = {"ade_m": 1.234, "ade_m_low": 1.0, "ade_m_high": None, "collision": 0.125,
               "collision_low": 0.031, "collision_high": 0.4}
    assert tables.interval(figures, "ade_m", 2) == "1.23\n1.00\u00a0to\u00a0-"
    assert tables.rate(figures, "collision") == "12.5 %\n3\u00a0to\u00a040"
    assert (tables.percent(None), tables.percent(0.0049)) == ("-", "0.5 %")
    assert (tables.number(None, 1), tables.number(2.0, 1, " s")) == ("-", "2.0 s")
