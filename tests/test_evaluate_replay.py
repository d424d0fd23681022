"""Replay evaluation: what is chosen, errors by hand, floors that do what they should, and real recordings."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from worlds import cruising

from drive_gen.data.ngsim import import_ngsim
from drive_gen.data.store import read_episodes, read_index, write_episodes
from drive_gen.envs.actions import CONTROL_SCALE
from drive_gen.envs.episode import Episode, Source
from drive_gen.envs.files import InputError
from drive_gen.envs.replay import Replay
from drive_gen.evaluate.cases import Case, choose_cases, episode_of
from drive_gen.evaluate.folder import read_rows
from drive_gen.evaluate.replay import _Pilot, _primed, evaluate_replay
from drive_gen.evaluate.replay_metrics import displacement_figures
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
