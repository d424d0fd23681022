"""CommonRoad XML: a scenario written by hand, the real ones, and the NGSIM recordings they were cut from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from drive_gen.cli import main
from drive_gen.data.commonroad import import_commonroad, read_commonroad
from drive_gen.data.lanelets import LINKS
from drive_gen.data.store import read_episodes, read_index
from drive_gen.envs.episode import KINDS
from drive_gen.envs.files import InputError

DATA = Path(__file__).parents[2] / "shared" / "data"
needs_logs = pytest.mark.skipif(not (DATA / "commonroad").exists(), reason="no scenarios on this machine")


def state(x: float, y: float, heading: float, step: int, speed: float | None = 10.0,
          tag: str = "state") -> str:
    velocity = "" if speed is None else f"<velocity><exact>{speed}</exact></velocity>"
    return (f"<{tag}><position><point><x>{x}</x><y>{y}</y></point></position>"
            f"<orientation><intervalStart>{heading - 0.1}</intervalStart>"
            f"<intervalEnd>{heading + 0.1}</intervalEnd></orientation>"
            f"<time><exact>{step}</exact></time>{velocity}</{tag}>")


def bound(tag: str, y: float, points: int) -> str:
    xs = np.linspace(0, 100, points)
    return f"<{tag}>" + "".join(f"<point><x>{x}</x><y>{y}</y></point>" for x in xs) + f"</{tag}>"


MOVES = state(5, 1.75, 0.2, 3, tag="initialState") + "<trajectory>" + "".join(
    state(5 + step, 1.75 + 0.2 * step, 0.2, 3 + step) for step in (2, 1, 3)) + "</trajectory>"
LANELETS = (
    f'<lanelet id="10">{bound("leftBound", 3.5, 2)}{bound("rightBound", 0, 3)}<successor ref="12"/>'
    '<adjacentRight ref="11" drivingDir="same"/><adjacentLeft ref="13" drivingDir="opposite"/>'
    '<trafficSignRef ref="7"/></lanelet>'
    f'<lanelet id="11">{bound("leftBound", 0, 2)}{bound("rightBound", -3, 2)}'
    '<adjacentLeft ref="10" drivingDir="same"/></lanelet>'
    f'<lanelet id="12">{bound("leftBound", 0, 2)}{bound("rightBound", -3, 2)}<successor ref="99"/></lanelet>'
    f'<lanelet id="13">{bound("leftBound", 3.5, 2)}{bound("rightBound", 7, 2)}</lanelet>'
    f'<lanelet id="14">{bound("leftBound", 0, 2)}{bound("rightBound", -3, 2)}'
    '<laneletType>crosswalk</laneletType></lanelet>')
SCENARIO = (
    '<?xml version="1.0" encoding="utf-8"?><commonRoad commonRoadVersion="2020a" timeStepSize="0.1" '
    f'benchmarkID="X" author="A" source="S">{LANELETS}'
    '<trafficSign id="7"><trafficSignElement><trafficSignID>274</trafficSignID>'
    '<additionalValue>13.9</additionalValue></trafficSignElement></trafficSign>'
    '<dynamicObstacle id="1"><type>truck</type><shape><rectangle><length>8</length><width>2.5</width>'
    f'</rectangle></shape>{MOVES}</dynamicObstacle>'
    '<staticObstacle id="2"><type>parkedVehicle</type><shape><circle><radius>1.5</radius></circle></shape>'
    f'{state(50, -1.5, 0, 0, None, tag="initialState")}</staticObstacle>'
    f'<planningProblem id="3">{state(0, 1, 0.3, 0, 7.0, tag="initialState")}</planningProblem></commonRoad>')


def written(folder: Path, text: str, name: str = "ZAM_Test-1_1_T-1.xml") -> Path:
    (folder / name).write_text(text, encoding="utf-8")
    return folder / name


def as_2018b(text: str) -> str:
    """The same scenario in the older format, whose obstacles have a role."""
    return (text.replace("2020a", "2018b")
            .replace("dynamicObstacle", "obstacle").replace("staticObstacle", "obstacle")
            .replace("<type>truck", "<role>dynamic</role><type>truck")
            .replace("<type>parked", "<role>static</role><type>parked"))


@pytest.mark.parametrize("version", ["2020a", "2018b"])
def test_a_scenario_by_hand(tmp_path: Path, version: str) -> None:
    text = SCENARIO if version == "2020a" else as_2018b(SCENARIO)
    report = import_commonroad(written(tmp_path, text), tmp_path / "out")
    (episode,) = read_episodes(tmp_path / "out")
    assert (episode.agents, episode.steps, episode.dt_s) == (2, 4, 0.1)
    # y and angles change sign; an interval means its middle; states come in any order.
    expected = [(5 + step, -1.75 - 0.2 * step) for step in range(4)]
    np.testing.assert_allclose(episode.position_m[0], expected, rtol=1e-6)
    np.testing.assert_allclose(episode.heading_rad[0], -0.2, rtol=1e-6)
    assert [KINDS[kind] for kind in episode.kind] == ["truck", "obstacle"]
    np.testing.assert_allclose(episode.size_m, [[8, 2.5], [3, 3]])
    assert episode.valid.all()
    assert not episode.speed_mps[1].any()
    first, second, third, fourth = episode.road.lanes
    np.testing.assert_allclose(first.center_m, [[0, -1.75], [50, -1.75], [100, -1.75]])
    assert (first.width_m, first.speed_limit_mps, first.left, first.right) == (3.5, 13.9, None, 1)
    assert (first.successors, second.left, third.successors, fourth.left) == ((2,), 0, (), None)
    assert np.isinf(second.speed_limit_mps)
    problem = episode.source.notes["planning_problems"][0]
    assert problem["position_m"] == [0, -1]
    assert problem["heading_rad"] == pytest.approx(-0.3)
    assert episode.source.group == "commonroad/ZAM_Test"
    assert report.dropped == {"lanelets of type crosswalk": 1, LINKS: 1}


def test_a_shape_off_its_centre_moves_the_body(tmp_path: Path) -> None:
    shape = ('<polygon><point><x>-1</x><y>-1</y></point><point><x>5</x><y>-1</y></point>'
             '<point><x>5</x><y>1</y></point></polygon>')
    text = SCENARIO.replace("<rectangle><length>8</length><width>2.5</width></rectangle>", shape)
    tracks = read_commonroad(written(tmp_path, text)).tracks
    np.testing.assert_allclose(tracks.size_m[0], [6, 2])
    np.testing.assert_allclose(tracks.position_m[0], [5 + 2 * np.cos(0.2), -1.75 - 2 * np.sin(0.2)])


@pytest.mark.parametrize(("old", "new", "said"), [
    ("</commonRoad>", "", "truncated or not XML"),
    ("<commonRoad ", "<other ", "mismatched tag"),
    ("2020a", "2017a", "version 2017a"),
    ('timeStepSize="0.1"', "", "timeStepSize"),
    ("<velocity><exact>10.0</exact></velocity>", "", "obstacle 1, time step 3 has no <velocity>"),
    ("<x>6</x>", "<x>six</x>", "obstacle 1, time step 4: <x> is not a number"),
    ("<x>6</x>", "<x>nan</x>", "not a finite number"),
    ("<length>8</length>", "", "obstacle 1 has no <length>"),
    ("dynamicObstacle", "other", "has no dynamic obstacle"),
    (LANELETS, "", "no lanelets"),
    ('<?xml version="1.0" encoding="utf-8"?>', '<!DOCTYPE lolz [<!ENTITY lol "lol">]>', "DOCTYPE")])
def test_bad_files_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str], old: str, new: str,
                               said: str) -> None:
    path = written(tmp_path, SCENARIO.replace(old, new))
    assert main(["import", "commonroad", str(path), "--out", str(tmp_path / "out")]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert path.name in error
    assert error.count("\n") == 1


def test_a_folder_goes_on_past_a_bad_file(tmp_path: Path) -> None:
    written(tmp_path, SCENARIO)
    written(tmp_path, SCENARIO[:500], "ZAM_Bad-1.xml")
    report = import_commonroad(tmp_path, tmp_path / "out")
    assert (report.episodes, len(report.refused)) == (1, 1)
    assert "ZAM_Bad-1.xml" in report.refused[0]
    (tmp_path / "ZAM_Test-1_1_T-1.xml").unlink()
    with pytest.raises(InputError, match="nothing to import"):
        import_commonroad(tmp_path, tmp_path / "other")


@needs_logs
def test_the_real_scenarios_come_in_or_say_why_not(tmp_path: Path) -> None:
    report = import_commonroad(DATA / "commonroad", tmp_path)
    assert (report.episodes, len(report.refused)) == (16, 1)
    assert "ZAM_Over-1_1.xml has no dynamic obstacle" in report.refused[0]
    splits: dict[str, set[str]] = {}
    for row in read_index(tmp_path):
        splits.setdefault(row.group, set()).add(row.split)
    assert all(len(found) == 1 for found in splits.values())
    assert len({row.split for row in read_index(tmp_path)}) == 3


@needs_logs
@pytest.mark.parametrize("number", [3, 4, 5, 10, 14])
def test_the_us101_scenarios_are_the_ngsim_recordings(number: int) -> None:
    tracks = read_commonroad(DATA / "commonroad" / f"USA_US101-{number}_1_T-1.xml").tracks
    filters = [("recording", "=", f"us101-{number:02d}")]
    table = pq.read_table(DATA / "ngsim_us101" / "tracks.parquet", filters=filters).to_pydict()
    known = {key: row for row, key in enumerate(zip(table["id"], table["t"], strict=True))}
    keys = zip(tracks.vehicle.tolist(), tracks.frame.tolist(), strict=True)
    pairs = [(row, known[key]) for row, key in enumerate(keys) if key in known]
    assert len(pairs) > 0.99 * len(tracks)
    mine, theirs = np.array(pairs).T
    x, y, yaw, speed = (np.array(table[name])[theirs] for name in ("x", "y", "yaw", "v"))
    np.testing.assert_allclose(tracks.position_m[mine], np.stack((x, -y), axis=-1), atol=1e-3)
    np.testing.assert_allclose(tracks.heading_rad[mine], -yaw, atol=1e-3)
    np.testing.assert_allclose(tracks.speed_mps[mine], speed, atol=1e-3)


def test_a_shape_to_the_right_moves_the_body_to_the_right(tmp_path: Path) -> None:
    """1 m to the left of the pose in the file's axes, in which y goes up; headed .2 rad to the left there."""
    shape = ('<rectangle><length>8</length><width>2.5</width><center><x>0</x><y>1</y></center></rectangle>')
    plain = read_commonroad(written(tmp_path, SCENARIO, "plain.xml")).tracks
    text = SCENARIO.replace("<rectangle><length>8</length><width>2.5</width></rectangle>", shape)
    moved = read_commonroad(written(tmp_path, text, "moved.xml")).tracks
    np.testing.assert_allclose(moved.position_m[0] - plain.position_m[0], [-np.sin(0.2), -np.cos(0.2)],
                               atol=1e-9)
