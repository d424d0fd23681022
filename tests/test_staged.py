"""Drivers in generated scenarios: the script's ego beside one who looks, and one line of what is wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from drive_gen.cli import main
from drive_gen.data.store import read_episodes
from drive_gen.envs.files import InputError
from drive_gen.envs.scenario import Scenario
from drive_gen.evaluate.folder import read_rows
from drive_gen.evaluate.replay import SCENARIOS, evaluate_replay
from drive_gen.evaluate.staged import scenario_files
from drive_gen.language.program import read_program

BLIND = """road=highway lanes=1
car lane=0 from=+200 at=+0 v=25
car lane=0 from=+100 at=+40 v=0
t=0.0 who=0 a=+0.5"""


@pytest.fixture
def scenarios(tmp_path: Path) -> Path:
    """One whose ego is told to speed up towards a car that stands, and one where nothing is in the way."""
    folder = tmp_path / "scenarios"
    folder.mkdir()
    read_program(BLIND).scenario().write(folder / "0000.yaml")
    free = BLIND.splitlines()[:2]
    read_program("\n".join(free)).scenario().write(folder / "0001.yaml")
    return folder


def test_a_driver_who_looks_stops_where_the_script_crashes(scenarios: Path, tmp_path: Path) -> None:
    summary = evaluate_replay("idm", scenarios, tmp_path / "ev", horizon_s=6.0, workers=1)
    hits = {(row["driver"], row["seed"]): row["collision"] for row in read_rows(tmp_path / "ev")}
    assert hits["log", 0]
    assert hits["constant velocity", 0]
    assert not hits["idm", 0]
    assert not any(hit for (_, number), hit in hits.items() if number == 1)
    assert (summary["cases"], summary["config"]["scenarios"]) == (2, True)
    scripted = read_episodes(tmp_path / "ev" / SCENARIOS)
    assert [episode.duration_s for episode in scripted] == pytest.approx([7.0, 7.0])
    assert bool(scripted[0].crashed[scripted[0].ego].any())


def test_the_same_command_goes_on_and_other_scenarios_are_refused(scenarios: Path, tmp_path: Path) -> None:
    first = evaluate_replay("idm", scenarios, tmp_path / "ev", horizon_s=2.0, workers=1)
    assert evaluate_replay("idm", scenarios, tmp_path / "ev", horizon_s=2.0, workers=1) == first
    read_program(BLIND.replace("v=25", "v=20")).scenario().write(scenarios / "0000.yaml")
    with pytest.raises(InputError, match="choose another --out"):
        evaluate_replay("idm", scenarios, tmp_path / "ev", horizon_s=2.0, workers=1)
    fewer = evaluate_replay("idm", scenarios, tmp_path / "new", cases=1, horizon_s=2.0, workers=1)
    assert fewer["cases"] == 1


def test_what_holds_no_scenario(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    alone = read_program(BLIND).scenario()
    nobody = Scenario(alone.road, alone.agents, ego=None)
    (tmp_path / "some").mkdir()
    nobody.write(tmp_path / "some" / "scenario.yaml")
    words = ["evaluate", "idm", "--out", str(tmp_path / "ev"), "--replay"]
    assert main([*words, str(tmp_path / "some")]) == 2
    assert "nobody is the ego" in capsys.readouterr().err
    (tmp_path / "some" / "scenario.yaml").write_text("lanes: 3\n")
    assert main([*words, str(tmp_path / "some")]) == 2
    error = capsys.readouterr().err
    assert "lanes" in error
    assert error.count("\n") == 1
    (tmp_path / "none").mkdir()
    assert main([*words, str(tmp_path / "none")]) == 2
    assert "index.json" in capsys.readouterr().err
    assert scenario_files(tmp_path / "none") == []


def test_the_verb_says_whose_places_are_taken(scenarios: Path, tmp_path: Path,
                                              capsys: pytest.CaptureFixture[str]) -> None:
    words = ["evaluate", "idm", "--replay", str(scenarios), "--horizon-s", "2", "--workers", "1"]
    assert main([*words, "--out", str(tmp_path / "ev")]) == 0
    assert "egos of 2 scenarios" in capsys.readouterr().out
    assert main([*words, "--out", str(tmp_path / "ev"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["config"]["data"] == str(scenarios)
    assert main(["report", str(tmp_path / "ev")]) == 0
