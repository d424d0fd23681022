"""`inspect` knows every format, and finds what was done to it."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

from drive_gen.cli import main
from drive_gen.data.inspect import EVALUATION_SCHEMA, inspect_path
from drive_gen.data.store import read_index, write_episodes
from drive_gen.envs.episode import Episode, Source, make_episode
from drive_gen.envs.files import InputError, sha256_of, write_json, write_text
from drive_gen.envs.road import straight_road
from drive_gen.envs.scenario import Scenario


def episode(name: str, group: str = "g", kind: str = "logged", apart_m: float = 30.0) -> Episode:
    """Two cars at 10 and 20 m/s, 11 frames, so many metres apart at the start."""
    time = np.arange(11) * 0.1
    along = np.stack((apart_m + 20 * time, 10 * time))
    return make_episode(np.stack((along, np.zeros((2, 11))), axis=-1), np.zeros((2, 11)),
                        np.repeat([[20.0], [10.0]], 11, axis=1), np.tile([5.0, 2.0], (2, 1)),
                        np.ones((2, 11), bool), dt_s=0.1, road=straight_road(2, 500.0),
                        source=Source(kind=kind, name=name, group=group, driver="human"))  # type: ignore[arg-type]


@pytest.fixture
def store(tmp_path: Path) -> Path:
    folder = tmp_path / "store"
    write_episodes(folder, [episode("a"), episode("b")], "train", shard_episodes=1)
    write_episodes(folder, [episode("c", "held")], "test")
    return folder


def test_a_whole_store(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = inspect_path(store)
    assert found.what == "episode store"
    assert found.problems == []
    facts = found.facts
    assert (facts["episodes"], facts["splits"]) == (3, {"train": 2, "test": 1})
    assert facts["agents"] == {"total": 6, "least": 2, "most": 2}
    assert facts["frames"]["total"] == 33
    assert facts["speed_mps"] == {"least": 10, "mean": 15, "most": 20}
    assert facts["agent_hours"] == pytest.approx(6 * 11 * 0.1 / 3600, abs=1e-4)
    assert facts["drivers"] == {"human": 3}
    assert inspect_path(store / "index.json").facts == facts
    assert main(["inspect", str(store)]) == 0
    said = capsys.readouterr().out
    assert "no problems; next: drive-gen train behavior" in said
    assert main(["inspect", str(store), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["facts"]["episodes"] == 3


def test_a_shard_with_and_without_its_index(store: Path, tmp_path: Path) -> None:
    shard = next(iter(sorted(store.glob("*.npz"))))
    assert not inspect_path(shard).problems
    alone = shutil.copy(shard, tmp_path / "alone.npz")
    assert "no index.json" in inspect_path(Path(alone)).problems[0]


def damage(store: Path, how: str) -> None:
    shards = sorted(store.glob("*.npz"))
    index = json.loads((store / "index.json").read_text())
    if how == "orphan":
        shutil.copy(shards[0], store / "episodes-00099.npz")
    elif how == "missing":
        shards[1].unlink()
    elif how == "truncated":
        shards[1].write_bytes(shards[1].read_bytes()[:300])
    elif how == "swapped":
        shards[0].write_bytes(shards[1].read_bytes())
    elif how == "leak":
        index["episodes"][2]["group"] = "g"
    elif how == "held out":
        index["episodes"][2]["kind"] = "generated"
    write_json(store / "index.json", index)


@pytest.mark.parametrize(("how", "said"), [
    ("orphan", "episodes-00099.npz is not in the index"),
    ("missing", "is missing, though the index names it"),
    ("truncated", "truncated or not an episode shard"), ("swapped", "its hash is not the index's"),
    ("leak", "group g is in the splits test and train"), ("held out", "1 generated episodes are held out")])
def test_a_damaged_store_exits_with_1(store: Path, capsys: pytest.CaptureFixture[str], how: str,
                                      said: str) -> None:
    damage(store, how)
    assert main(["inspect", str(store)]) == 1
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("problem:")]
    assert len(lines) == 1
    assert said in lines[0]


def test_overlaps_are_problems_unless_noted_or_crashed(tmp_path: Path) -> None:
    odd = episode("odd", apart_m=3.0)
    noted = replace(odd, source=replace(odd.source, name="noted", notes={"overlaps": [[0, 1, 2]]}))
    crashed = replace(odd, source=replace(odd.source, name="crash"), crashed=np.ones((2, 11), bool))
    write_episodes(tmp_path, [odd, noted, crashed])
    found = inspect_path(tmp_path)
    assert len(found.problems) == 1
    assert "odd" in found.problems[0]
    assert "agents 0 and 1 overlap" in found.problems[0]
    assert found.remarks == ["1 pairs of logged bodies overlap; the episodes' notes name them"]


def test_a_simulations_traffic_may_overlap_its_ego_may_not(tmp_path: Path) -> None:
    odd = episode("odd", apart_m=3.0)
    traffic = replace(odd, ego=None, source=replace(odd.source, kind="simulated", name="traffic"))
    ego = replace(odd, ego=0, source=replace(odd.source, kind="simulated", name="ego"))
    write_episodes(tmp_path, [traffic, ego])
    found = inspect_path(tmp_path)
    assert len(found.problems) == 1
    assert "ego" in found.problems[0]
    assert "1 pairs of a simulation's traffic overlap" in found.remarks[0]


def checkpoint(folder: Path, kind: str = "behavior") -> Path:
    """The files of a checkpoint; a network of 2 x 3 and 4 weights."""
    header = json.dumps({"__metadata__": {"format": "pt"},
                         "a": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]},
                         "b": {"dtype": "F32", "shape": [4], "data_offsets": [24, 40]}}).encode()
    folder.mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + bytes(40))
    write_json(folder / "config.json", {"model": kind, "format": 1, "config": {"width": 8}})
    write_json(folder / "train_config.json", {})
    write_text(folder / "README.md", "card")
    names = ("config.json", "model.safetensors", "train_config.json", "README.md")
    write_json(folder / "manifest.json", {name: sha256_of(folder / name) for name in names})
    return folder


def test_a_checkpoint_as_the_package_saves_it(tmp_path: Path) -> None:
    from drive_gen.policies.behavior import BehaviorTransformer
    from drive_gen.policies.config import BehaviorConfig

    model = BehaviorTransformer(BehaviorConfig(width=16, heads=2, layers=1))
    model.save_pretrained(tmp_path / "model")
    found = inspect_path(tmp_path / "model")
    assert (found.what, found.problems) == ("checkpoint of a behavior model", [])
    assert found.facts["parameters"] == sum(tensor.numel() for tensor in model.state_dict().values())
    assert found.facts["config"]["width"] == 16


@pytest.mark.parametrize(("how", "said"), [
    ("changed", "was changed or cut short"), ("missing", "train_config.json is missing"),
    ("cut", "is truncated"), ("manifest", "is not a table of files and hashes")])
def test_a_damaged_checkpoint(tmp_path: Path, capsys: pytest.CaptureFixture[str], how: str,
                              said: str) -> None:
    folder = checkpoint(tmp_path / "model")
    assert inspect_path(folder).facts["parameters"] == 10
    if how == "changed":
        write_text(folder / "README.md", "other")
    elif how == "missing":
        (folder / "train_config.json").unlink()
    elif how == "cut":
        (folder / "model.safetensors").write_bytes((folder / "model.safetensors").read_bytes()[:-1])
    else:
        write_json(folder / "manifest.json", ["config.json"])
    assert main(["inspect", str(folder)]) == 1
    assert said in capsys.readouterr().out


def test_a_run_and_its_checkpoints(tmp_path: Path) -> None:
    run = tmp_path / "run"
    checkpoint(run / "checkpoints" / "best", "ppo")
    write_json(run / "config.json", {"steps": 5})
    write_text(run / "metrics.jsonl", '{"kind": "train", "step": 7, "loss": 1.0}\n')
    (run / "training_state").mkdir()
    (run / "training_state" / "step-7.safetensors").write_bytes(b"x")
    digest = sha256_of(run / "training_state" / "step-7.safetensors")
    write_json(run / "training_state" / "state.json",
               {"file": "step-7.safetensors", "sha256": digest, "progress": {"step": 7}})
    found = inspect_path(run)
    assert (found.what, found.problems) == ("training run", [])
    assert (found.facts["last_step"], found.facts["checkpoints"]) == (7, ["best"])
    assert found.next.startswith(f"drive-gen evaluate {run} ")
    (run / "training_state" / "step-7.safetensors").write_bytes(b"y")
    (run / "metrics.jsonl").write_text("{]\n")
    assert [line.split(": ")[-1].split("; ")[-1] for line in inspect_path(run).problems] == [
        "line 1 is not a JSON object", "the run cannot be resumed"]


def test_an_evaluation(tmp_path: Path) -> None:
    folder = tmp_path / "evaluation"
    write_episodes(folder / "episodes", [episode("a")], "test")
    key = read_index(folder / "episodes")[0].key
    metrics = {"episodes": 1, "success": 1.0, "mean_speed_mps": 22.0, "return": 20.0, "crash_rate": 0.0}
    write_json(folder / "summary.json", {"schema": EVALUATION_SCHEMA, "kind": "closed_loop",
                                         "drivers": [{"name": "gap", "metrics": metrics}]})
    write_text(folder / "rows.jsonl", json.dumps({"driver": "gap", "seed": 0, "store_key": key}) + "\n")
    found = inspect_path(folder)
    assert (found.what, found.problems) == ("closed-loop evaluation", [])
    assert found.facts["drivers"]["gap"]["mean_speed_mps"] == 22.0
    assert found.next == f"drive-gen report {folder}"
    lost = json.dumps({"driver": "gap", "seed": 0, "store_key": "gone"})
    write_text(folder / "rows.jsonl", f"{lost}\n{lost}\n")
    said = " ".join(inspect_path(folder).problems)
    assert "2 rows of gap, the summary counts 1" in said
    assert "lacks the episodes of 2 rows" in said
    shutil.rmtree(folder / "episodes")
    assert "no episode can be shown" in " ".join(inspect_path(folder).problems)


def test_lone_files(tmp_path: Path) -> None:
    from PIL import Image

    from drive_gen.envs.world import EnvConfig
    from drive_gen.report.video import write_video

    frames = [np.full((32, 64, 3), 20 * number, np.uint8) for number in range(1, 6)]
    for name, what in (("film.mp4", "film"), ("film.gif", "picture")):
        write_video(iter(frames), tmp_path / name, 10)
        found = inspect_path(tmp_path / name)
        assert (found.what, found.facts["frames"], found.facts["size"]) == (what, 5, [64, 32])
    Image.fromarray(frames[0]).save(tmp_path / "one.png")
    assert inspect_path(tmp_path / "one.png").facts["size"] == [64, 32]
    Scenario.from_scene(episode("a").scene(0)).write(tmp_path / "world.yaml")
    assert inspect_path(tmp_path / "world.yaml").facts["agents"] == 2
    write_text(tmp_path / "env.yaml", "env: highway-v0\nlanes: 5\n")
    found = inspect_path(tmp_path / "env.yaml")
    assert (found.what, found.facts["lanes"]) == ("environment settings", 5)
    assert found.facts.keys() >= asdict(EnvConfig()).keys()
    write_text(tmp_path / "page.html", "<html><title>a drive_gen report</title></html>\n")
    assert inspect_path(tmp_path / "page.html").facts["title"] == "a drive_gen report"
    write_json(tmp_path / "any.json", {"schema": "drive_gen.thing/1"})
    assert inspect_path(tmp_path / "any.json").facts["schema"] == "drive_gen.thing/1"
    write_text(tmp_path / "rows.jsonl", '{"a": 1}\n{"a": 2}\n')
    assert inspect_path(tmp_path / "rows.jsonl").facts["rows"] == 2


@pytest.mark.parametrize(("name", "content", "said"), [
    ("gone", None, "nothing at"), ("a.txt", "x", "no file of drive_gen's"),
    ("a.json", "{}", "names no schema"), ("a.json", "{", "is not a JSON file"),
    ("a.html", "<html></html>", "not a report"),
    ("a.html", "<html>drive_gen", "cut short"), ("a.yaml", "lanes: [", "not readable YAML"),
    ("a.yaml", "lane: 5", "did you mean 'lanes'"), ("a.png", "x", "not a picture"),
    ("a.mp4", "x", "not a film"), ("a.npz", "x", "not an episode shard"),
    ("a.jsonl", "x", "not a JSON object")])
def test_what_is_not_ours_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str,
                                     content: str | None, said: str) -> None:
    if content is not None:
        (tmp_path / name).write_text(content)
    assert main(["inspect", str(tmp_path / name)]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


def test_a_folder_of_raw_logs_is_pointed_to_its_importer(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no folder of drive_gen's$"):
        inspect_path(tmp_path)
    (tmp_path / "01_tracks.csv").write_text("")
    with pytest.raises(InputError, match="drive-gen import highd"):
        inspect_path(tmp_path)


def test_a_census_by_hand(tmp_path: Path) -> None:
    """Two episodes of unlike lengths, periods and licences; of the one car that is there half of it, half."""
    one = episode("one")
    valid, crashed = np.ones((2, 11), bool), np.zeros((2, 11), bool)
    valid[0, 5:], crashed[1, 10:] = False, True
    other = replace(episode("two", "held").window(0, 9), dt_s=0.2)
    other = replace(other, source=replace(other.source, licence="CC-BY-4.0"))
    write_episodes(tmp_path, [replace(one, valid=valid, crashed=crashed), other])
    facts = inspect_path(tmp_path).facts
    assert facts["frames"] == {"total": 20, "least": 9, "most": 11}
    assert facts["dt_s"] == [0.1, 0.2]
    assert facts["agent_hours"] == round((16 * 0.1 + 18 * 0.2) / 3600, 4)
    assert facts["speed_mps"]["mean"] == pytest.approx((5 * 20 + 11 * 10 + 9 * 20 + 9 * 10) / 34)
    assert facts["crashed_agents"] == 1
    assert facts["licences"] == {one.source.licence: 1, "CC-BY-4.0": 1}


@pytest.mark.parametrize("who", [0, 1])
def test_one_of_two_that_crashed_explains_an_overlap(tmp_path: Path, who: int) -> None:
    odd = episode("odd", apart_m=3.0)
    crashed = np.zeros((2, 11), bool)
    crashed[who, 4:] = True
    write_episodes(tmp_path, [replace(odd, crashed=crashed)])
    assert inspect_path(tmp_path).problems == []


def test_a_folder_of_scenarios_says_who_and_what_is_in_them(tmp_path: Path) -> None:
    from drive_gen.envs.scenario import AgentRecipe, Condition, Event, LaneRecipe, Scenario

    lane = LaneRecipe(((0.0, 0.0), (500.0, 0.0)), 4.0, 30.0)
    ego = AgentRecipe(0, (10.0, 0.0), 0.0, 20.0)
    truck = AgentRecipe(1, (60.0, 0.0), 0.0, 20.0, kind="truck")
    brakes = Event(1, Condition("time_s", low=2.0), acceleration_mps2=-5.0)
    Scenario((lane,), (ego, truck), ego=0, events=(brakes,)).write(tmp_path / "a.yaml")
    Scenario((lane,), (ego,)).write(tmp_path / "b.yaml")
    found = inspect_path(tmp_path)
    assert found.facts == {"scenarios": 2, "roads": {"highway": 2}, "agents": {"car": 2, "truck": 1},
                           "events": {"acceleration": 1}, "constraints": 0}
    assert not found.problems
    assert found.remarks[0].startswith("1 of them name no ego")
    assert "--replay" in found.next
    (tmp_path / "c.yaml").write_text("road: 3\n", encoding="utf-8")
    assert len(inspect_path(tmp_path).problems) == 1


def test_long_facts_stand_in_lines_below_their_name() -> None:
    from drive_gen.commands.inspect import _block

    settings = {"model": {f"setting_{number}": number for number in range(12)}, "data": ["store"], "seed": 1}
    lines = _block("config", settings, 2)
    assert lines[0] == "  config"
    assert "    seed               1" in lines
    assert "      setting_7          7" in lines
    assert max(map(len, lines)) <= 80
    assert _block("seed", 3, 2) == ["  seed               3"]
