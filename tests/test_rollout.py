"""Collection: the same bytes whoever works on it, resumable, and drivers by name."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from drive_gen.commands.collect import collect as collect_command
from drive_gen.data.rollout import Outcome, collect, roll_out
from drive_gen.data.store import read_episodes, read_index
from drive_gen.data.windows import WindowConfig, trajectories
from drive_gen.drivers import Engine, load_driver
from drive_gen.envs.episode import same
from drive_gen.envs.files import InputError, sha256_of
from drive_gen.envs.observe import observe
from drive_gen.envs.reference import EnvConfig
from drive_gen.envs.vector import DriveEnv
from drive_gen.policies.rules import AlwaysSlower, GapRule, RandomPolicy

SMALL = EnvConfig(vehicles=5, duration_s=4)


def hashes(folder: Path) -> dict[str, str]:
    return {path.name: sha256_of(path) for path in folder.iterdir()}


def test_an_outcome_adds_up() -> None:
    env = DriveEnv(SMALL, record=True)
    episode, outcome = roll_out(env, AlwaysSlower(), 11, "slower")
    env.reset(seed=11)
    rewards = [env.step(4)[1] for _ in range(outcome.decisions)]
    assert outcome.return_ == sum(rewards) == episode.source.notes["return"]
    assert (outcome.decisions, outcome.truncated, outcome.success) == (4, True, True)
    assert outcome.mean_speed_mps == pytest.approx(float(episode.speed_mps[0].mean()))
    assert episode.source.group == "highway-fast-v0/11"
    assert episode.source.notes["config"] == {"env": "highway-fast-v0", "vehicles": 5, "duration_s": 4.0,
                                              "actions": "meta"}


def test_success_is_neither_crashed_nor_off_road() -> None:
    values: dict[str, Any] = {"driver": "", "seed": 0, "return_": 0.0, "decisions": 1, "truncated": True,
                              "decision_ms": 0.0, "mean_speed_mps": 0.0}
    assert [Outcome(crashed=crashed, off_road=off, **values).success
            for crashed, off in ((False, False), (True, False), (False, True))] == [True, False, False]


def test_exploration_and_advice() -> None:
    env = DriveEnv(SMALL, record=True)
    episode, _ = roll_out(env, AlwaysSlower(), 3, "slower", advisor=GapRule(), explore=0.5)
    decisions = np.flatnonzero(episode.meta_known[0])
    assert decisions.tolist() == np.flatnonzero(episode.advice_known[0]).tolist() == [0, 5, 10, 15]
    assert (episode.meta_action[0, decisions] != 4).any()
    advised = GapRule().predict(observe(episode, 0, decisions))[0]
    assert episode.advice[0, decisions].tolist() == advised.tolist()
    again, _ = roll_out(env, AlwaysSlower(), 3, "slower", advisor=GapRule(), explore=0.5)
    assert same(episode, again)


def test_the_advisor_takes_over_at_a_random_decision() -> None:
    env = DriveEnv(EnvConfig(vehicles=5, duration_s=8), record=True)
    reliefs = set()
    for seed in range(8):
        episode, outcome = roll_out(env, AlwaysSlower(), seed, "slower", advisor=RandomPolicy(7),
                                   handover=3)
        relief = episode.source.notes["handover"]
        reliefs.add(relief)
        decisions = np.flatnonzero(episode.meta_known[0])
        assert np.flatnonzero(episode.advice_known[0]).tolist() == decisions[:relief].tolist()
        assert (episode.meta_action[0, decisions[:relief]] == 4).all()
        known = next(trajectories(episode, WindowConfig(min_steps=1))).return_known
        assert known.tolist() == [number >= relief for number in range(outcome.decisions)]
    assert reliefs == {1, 2, 3}


def test_the_store_does_not_depend_on_the_number_of_workers(tmp_path: Path) -> None:
    for workers in (1, 2):
        collect(SMALL, ["idm", "random"], 2, 7, tmp_path / str(workers), workers, explore=0.3)
    assert hashes(tmp_path / "1") == hashes(tmp_path / "2")
    rows = read_index(tmp_path / "1")
    assert [(row.driver, row.seed) for row in rows] == [("idm", 7), ("idm", 8), ("random+explore0.3", 7),
                                                        ("random+explore0.3", 8)]
    assert {row.split for row in rows if row.seed == 7} == {row.split for row in rows[:1]}


def test_a_stopped_collection_goes_on(tmp_path: Path) -> None:
    done: list[Outcome] = []

    def stop_after_two(outcome: Outcome) -> None:
        done.append(outcome)
        if len(done) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        collect(SMALL, ["slower"], 4, 0, tmp_path / "stopped", 1, on_outcome=stop_after_two)
    assert [row.seed for row in read_index(tmp_path / "stopped")] == [0, 1]
    added = collect(SMALL, ["slower"], 4, 0, tmp_path / "stopped", 1)
    assert [row.seed for row in added] == [2, 3]
    collect(SMALL, ["slower"], 4, 0, tmp_path / "whole", 1)
    pairs = zip(read_episodes(tmp_path / "stopped"), read_episodes(tmp_path / "whole"), strict=True)
    assert all(same(one, other) for one, other in pairs)
    assert collect(SMALL, ["slower"], 4, 0, tmp_path / "whole", 1) == []


def test_each_episode_of_a_random_driver_is_its_own() -> None:
    """It does not matter which episodes the process drove before."""
    env, policy = DriveEnv(SMALL, record=True), RandomPolicy(0)
    first, _ = roll_out(env, policy, 5, "random")
    roll_out(env, policy, 6, "random")
    assert same(roll_out(env, policy, 5, "random")[0], first)


@pytest.mark.parametrize(("arguments", "reason"), [
    ({"episodes": 0}, "episodes is 0"), ({"explore": 1.5}, "explore is 1.5"),
    ({"drivers": ["gpa"]}, "did you mean 'gap'"), ({"advisor": "nobody"}, "no driver 'nobody'"),
    ({"drivers": ["runs/none/such"]}, "no driver 'runs/none/such'"),
    ({"handover": 3}, "handover is 3"),
    ({"config": EnvConfig("merge-v0"), "drivers": ["planner"]}, "planner knows highway-v0")])
def test_bad_arguments_are_one_line(tmp_path: Path, arguments: dict[str, Any], reason: str) -> None:
    out = tmp_path / "out"
    values = {"config": SMALL, "drivers": ["slower"], "episodes": 1, "seed": 0, "out": out, "workers": 1}
    with pytest.raises(InputError, match=reason) as error:
        collect(**{**values, **arguments})
    assert "\n" not in str(error.value)
    assert not out.exists()


def test_highway_env_gives_the_same_episodes(tmp_path: Path) -> None:
    engines: tuple[Engine, ...] = ("reference", "simulator")
    for engine in engines:
        collect(SMALL, ["idm", "random", "gap"], 2, 3, tmp_path / engine, 1, engine=engine, explore=0.2,
                advisor="slower", handover=3)
    stores = (read_episodes(tmp_path / engine) for engine in engines)
    for one, other in zip(*stores, strict=True):
        assert np.allclose(one.position_m, other.position_m, atol=1e-4)
        for name in ("meta_action", "meta_known", "advice", "advice_known"):
            assert np.array_equal(getattr(one, name), getattr(other, name)), name
        assert one.source == other.source


def test_drivers_by_name() -> None:
    assert load_driver("baseline:gap", SMALL).name == "gap"
    idm = load_driver("idm", SMALL)
    assert (idm.ego, idm.label, idm.env_for(SMALL).ego) == ("idm", "idm", "idm")
    assert load_driver("random", SMALL, 1).hash != load_driver("random", SMALL, 2).hash


def test_the_command_says_what_it_did(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "small.yaml").write_text("vehicles: 4\nduration_s: 2\n")
    out = tmp_path / "out"
    flags: dict[str, Any] = {"out": out, "config": tmp_path / "small.yaml", "drivers": "slower,idle",
                             "episodes": 1, "workers": 1}
    assert collect_command(**flags) == 0
    assert f"wrote {out}: 2 episodes; next:" in capsys.readouterr().out
    assert collect_command(**flags, json=True) == 0
    assert json.loads(capsys.readouterr().out) == {"out": str(out), "held_before": 2, "drivers": []}
