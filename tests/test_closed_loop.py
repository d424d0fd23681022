"""Closed-loop evaluation: highway-env's own return, runs that go on where they were, figures by hand."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from worlds import cruising

from drive_gen.data.store import read_episodes, read_index
from drive_gen.envs.episode import Episode
from drive_gen.envs.files import InputError
from drive_gen.envs.world import EnvConfig
from drive_gen.evaluate.closed_loop import evaluate_closed_loop
from drive_gen.evaluate.folder import read_rows, run_units
from drive_gen.evaluate.statistics import clopper_pearson, wilson
from drive_gen.evaluate.summary import compare, driver_metrics
from drive_gen.evaluate.tables import paired_table, verdict_table

SHORT = EnvConfig(vehicles=8, duration_s=6)
FLOORS = ("slower", "idm")


def timeless(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows without the one figure that is never the same twice."""
    return [{name: value for name, value in row.items() if name != "decision_ms"} for row in rows]


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    out = tmp_path_factory.mktemp("evaluation")
    return out, evaluate_closed_loop("baseline:idle", SHORT, out, episodes=3, workers=1,
                                     floors=("slower", "idle", "idm"), command="drive-gen evaluate ...")


def test_returns_are_highway_envs_own(evaluated: tuple[Path, dict[str, Any]]) -> None:
    import highway_env  # noqa: F401 (registers)

    stock = gymnasium.make("highway-fast-v0", config=SHORT.to_highway_env())
    for row in (row for row in read_rows(evaluated[0]) if row["driver"] == "slower"):
        stock.reset(seed=row["seed"])
        total, over = 0.0, False
        while not over:
            _, reward, terminated, truncated, info = stock.step(4)
            total, over = total + float(reward), terminated or truncated
        assert row["return"] == pytest.approx(total)
        assert row["crashed"] == info["crashed"]


def test_every_driver_has_every_seed_and_its_episode(evaluated: tuple[Path, dict[str, Any]]) -> None:
    out, summary = evaluated
    rows, stored = read_rows(out), read_index(out / "episodes")
    assert [driver["name"] for driver in summary["drivers"]] == ["idle", "slower", "idm"]  # idle only once
    assert {(row["driver"], row["seed"]) for row in rows} == {
        (name, seed) for name in ("idle", "slower", "idm") for seed in (10000, 10001, 10002)}
    assert [row["store_key"] for row in rows] == [row.key for row in stored]
    assert {row.split for row in stored} == {"test"}  # evaluations are not for training on
    for row, episode in zip(rows, read_episodes(out / "episodes"), strict=True):
        assert (episode.source.driver, episode.source.seed) == (row["driver"], row["seed"])
        frames = episode.steps if not row["crashed"] else int(episode.crashed[0].argmax()) + 1
        assert row["duration_s"] == pytest.approx((frames - 1) * episode.dt_s)
    assert json.loads((out / "summary.json").read_text()) == summary
    assert summary["seeds"] == {"first": 10000, "count": 3}


def test_tables_hold_every_driver(evaluated: tuple[Path, dict[str, Any]]) -> None:
    _, summary = evaluated
    assert verdict_table(summary).row_count == 3
    assert paired_table(summary).row_count == 2


def test_a_killed_run_goes_on_to_the_same_end(evaluated: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    whole, summary = evaluated
    evaluate_closed_loop("baseline:idle", SHORT, tmp_path, episodes=2, floors=("slower",), workers=1)
    (tmp_path / "summary.json").unlink()
    lines = (tmp_path / "rows.jsonl").read_text().splitlines(keepends=True)
    (tmp_path / "rows.jsonl").write_text("".join(lines[:1]) + lines[1][:40])  # killed in the middle of a row
    before = {row["seed"]: row["decision_ms"] for row in read_rows(tmp_path)}
    again = evaluate_closed_loop("baseline:idle", SHORT, tmp_path, episodes=3, floors=FLOORS, workers=1)
    rows, expected = (sorted(read_rows(folder), key=lambda row: (row["driver"], row["seed"]))
                      for folder in (tmp_path, whole))
    assert timeless(rows) == timeless(expected)
    assert rows[0]["decision_ms"] == before[10000]  # kept, not driven again
    assert len(read_index(tmp_path / "episodes")) == 9
    assert again["paired"] == summary["paired"]


def test_workers_change_nothing(evaluated: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    evaluate_closed_loop("baseline:idle", SHORT, tmp_path, episodes=3, floors=FLOORS, workers=2)
    assert timeless(read_rows(tmp_path)) == timeless(read_rows(evaluated[0]))


@pytest.mark.parametrize(("changes", "complaint"), [
    ({"reference": "baseline:gap"}, "an evaluation of 'idle' too"),
    ({"config": EnvConfig(vehicles=9, duration_s=6)}, "config_hash"),
    ({"episodes": 2}, "seed 10002"),
    ({"seed": 20000}, "seed 10000"),
    ({"episodes": 0}, "at least 1 episode"),
])
def test_another_runs_folder_is_refused(evaluated: tuple[Path, dict[str, Any]], changes: dict[str, Any],
                                        complaint: str) -> None:
    given = {"reference": "baseline:idle", "config": SHORT, "episodes": 3, "floors": FLOORS, **changes}
    rows = read_rows(evaluated[0])
    with pytest.raises(InputError, match=complaint):
        evaluate_closed_loop(out=evaluated[0], workers=1, **given)
    assert read_rows(evaluated[0]) == rows


def test_an_interrupt_keeps_what_is_done(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def work(number: int) -> list[tuple[dict[str, Any], Episode]]:
        if number == 3:
            raise KeyboardInterrupt
        return [({"driver": "test", "seed": number}, cruising([(0.0, 0.0)], [20.0]))]

    with pytest.raises(KeyboardInterrupt):
        run_units(tmp_path, list(range(5)), work, 1, "testing")
    assert [row["seed"] for row in read_rows(tmp_path)] == [0, 1, 2]
    assert "3 more episodes are kept" in capsys.readouterr().err


def test_a_damaged_row_is_named(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text('{"driver": "a"}\nnonsense\n{"driver": "b"}\n')
    with pytest.raises(InputError, match="line 2"):
        read_rows(tmp_path)


def row(seed: int, gain: float, success: bool = True, **more: Any) -> dict[str, Any]:
    return {"driver": "a", "seed": seed, "return": gain, "success": success, "crashed": not success,
            "at_fault": not success, "off_road": False, "duration_s": 10.0, "distance_m": 200.0, "tet_s": 0.0,
            "min_ttc_s": None, "mean_headway_s": None, "following_s": 0.0, "headway_below_1s_s": 0.0,
            "hard_brakes": 0, "lane_changes": 1, "comfortable_share": 1.0, "decision_ms": None, **more}


def test_metrics_by_hand() -> None:
    rows = [row(0, 10.0, min_ttc_s=4.0, mean_headway_s=1.0, following_s=2.0, headway_below_1s_s=1.0),
            row(1, 20.0, min_ttc_s=1.0, mean_headway_s=2.5, following_s=4.0, tet_s=2.0, hard_brakes=3),
            row(2, 30.0, success=False, duration_s=5.0, distance_m=100.0)]
    figures = driver_metrics(rows)
    expected = {"episodes": 3, "success": 2 / 3, "return": 20.0, "crash_rate": 1 / 3, "at_fault_rate": 1 / 3,
                "mean_speed_mps": 20.0, "min_ttc_s": 4.0, "ttc_below_2s": 2 / 25, "mean_headway_s": 2.0,
                "headway_below_1s": 1 / 6, "hard_brakes_per_100km": 600.0, "lane_changes_per_km": 6.0,
                "km": 0.5, "decision_ms": None}
    assert {name: figures[name] for name in expected} == {
        name: value if value is None else pytest.approx(value) for name, value in expected.items()}
    assert figures["return_low"] < 20 < figures["return_high"]


def test_planner_scores_are_averaged_where_there_are_any() -> None:
    scores = [0.5, None, 0.9, 0.7]
    mine = [row(seed, 1.0, planner_score=score) for seed, score in enumerate(scores)]
    figures = driver_metrics(mine)
    assert figures["planner_score"] == pytest.approx(0.7)
    assert 0.5 <= figures["planner_score_low"] < 0.7 < figures["planner_score_high"] <= 0.9
    older = [row(seed, 1.0) for seed in range(4)]  # written before there were scores
    assert driver_metrics(older)["planner_score"] is driver_metrics(older)["planner_score_low"] is None
    theirs = [row(seed, 1.0, planner_score=score) for seed, score in enumerate([0.4, 0.1, 0.8, None])]
    pair = compare(mine, theirs)  # on seeds 0 and 2
    assert pair["planner_score_difference"] == pytest.approx(0.1)
    assert compare(mine, older)["planner_score_difference"] is None
    assert pair["return_difference"] == 0.0


def test_nothing_undefined_becomes_a_number() -> None:
    figures = driver_metrics([row(0, 1.0)])
    assert figures["min_ttc_s"] is figures["mean_headway_s"] is figures["headway_below_1s"] is None
    assert figures["return_low"] is None  # one episode has no spread
    assert json.loads(json.dumps(figures)) == figures


def test_pairs_are_by_seed() -> None:
    mine = [row(seed, 5.0 + seed, success=seed != 1) for seed in range(6)]
    theirs = [row(seed, 3.0 + seed, success=seed in (1, 2)) for seed in reversed(range(6))]
    pair = compare(mine, theirs)
    assert pair["return_difference"] == pair["return_low"] == pair["return_high"] == pytest.approx(2.0)
    assert (pair["success_only_driver"], pair["success_only_other"]) == (4, 1)
    assert pair["success_p"] == pytest.approx(2 * (1 + 5) / 2**5)


def test_highway_env_gives_the_same_rows(evaluated: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    evaluate_closed_loop("baseline:idle", SHORT, tmp_path, episodes=3, floors=FLOORS, workers=1,
                         engine="reference")
    for ours, theirs in zip(timeless(read_rows(tmp_path)), timeless(read_rows(evaluated[0])), strict=True):
        assert ours.keys() == theirs.keys()
        for name, value in theirs.items():
            same = pytest.approx(value, rel=1e-4, abs=1e-4) if isinstance(value, float) else value
            assert ours[name] == same, name
    assert np.isfinite([row["return"] for row in read_rows(tmp_path)]).all()


def test_unknown_comfort_is_left_out_and_exposure_is_a_share() -> None:
    rows = [row(number, 1.0, comfortable_share=share, tet_s=10.2, decision_ms=spent_ms)
            for number, (share, spent_ms) in enumerate([(None, 1.0), (0.5, 3.0), (1.0, 8.0)])]
    figures = driver_metrics(rows)
    assert figures["comfortable_share"] == 0.75
    assert figures["ttc_below_2s"] == 1.0  # frames at both ends count
    assert figures["decision_ms"] == 4.0
    assert (figures["success_low"], figures["success_high"]) == tuple(wilson(3, 3))
    assert (figures["crash_low"], figures["crash_high"]) == tuple(clopper_pearson(0, 3))


def test_units_of_many_episodes_are_all_kept_once(tmp_path: Path) -> None:
    """One at a time, 16 are kept together; many at a time, a shard of them; the rest at the end."""
    def work(unit: tuple[int, ...]) -> list[tuple[dict[str, Any], Episode]]:
        made = [cruising([(0.0, 0.0)], [20.0], frames=3) for _ in unit]
        return [({"driver": "test", "seed": number}, dataclasses.replace(
            episode, source=dataclasses.replace(episode.source, name=f"n/{number}")))
            for number, episode in zip(unit, made, strict=True)]

    units = [*((number,) for number in range(40)), tuple(range(40, 80)), (80,)]
    run_units(tmp_path, units, work, 1, "testing")
    assert [each["seed"] for each in read_rows(tmp_path)] == list(range(81))
    stored = [each.source.name for each in read_episodes(tmp_path / "episodes")]
    assert stored == [f"n/{number}" for number in range(81)]


def test_only_a_line_cut_by_a_kill_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text('{"driver": "a"}\n{"dri')
    assert read_rows(tmp_path) == [{"driver": "a"}]
    (tmp_path / "rows.jsonl").write_text('{"driver": "a"}\n{"dri\n')  # a whole line: somebody edited it
    with pytest.raises(InputError, match="line 2"):
        read_rows(tmp_path)


def test_idms_decisions_have_no_time(evaluated: tuple[Path, dict[str, Any]]) -> None:
    times = {name: [each["decision_ms"] for each in read_rows(evaluated[0]) if each["driver"] == name]
             for name in ("idle", "slower", "idm")}
    assert times["idm"] == [None] * 3
    assert all(each > 0 for name in ("idle", "slower") for each in times[name])


def test_what_a_summary_says_of_the_run(evaluated: tuple[Path, dict[str, Any]]) -> None:
    _, summary = evaluated
    assert (summary["mode"], summary["engine"]) == ("as trained", "simulator")
    assert summary["config"]["vehicles"] == 8
    assert None not in summary["config"].values()
    assert [(pair["driver"], pair["other"], pair["seeds"]) for pair in summary["paired"]] == [
        ("idle", "slower", 3), ("idle", "idm", 3)]
