"""Training a driver end to end, on small made-up stores: what the data decide, resume, and refusals."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from drive_gen.commands.train_behavior import train_behavior as command
from drive_gen.commands.training import evaluation_of
from drive_gen.data.store import write_episodes
from drive_gen.envs.config import from_mapping, read_yaml
from drive_gen.envs.episode import Episode, Source, make_episode
from drive_gen.envs.files import InputError
from drive_gen.envs.road import straight_road
from drive_gen.envs.world import EnvConfig
from drive_gen.policies.config import BehaviorConfig, Steering
from drive_gen.policies.driver import BehaviorPolicy
from drive_gen.train import behavior
from drive_gen.train.config import (
    DriveConfig,
    LoopConfig,
    TrainBehaviorConfig,
    behavior_preset,
)

torch.set_num_threads(1)
TINY = TrainBehaviorConfig(
    model=BehaviorConfig(width=16, heads=2, layers=1, context_steps=3, return_bins=4),
    loop=LoopConfig(steps=6, batch_size=4, warmup=2, evaluate_every=3, save_every=3, device="cpu"),
    drive=DriveConfig(episodes=2), control_bins=3, window_steps=4, validation_windows=8)
WORLD = {"env": "highway-fast-v0", "duration_s": 2.0, "vehicles": 2, "policy_hz": 2, "simulation_hz": 10,
         "target_speeds_mps": [15.0, 20.0, 25.0]}


def drives(kind: str, number: int) -> Episode:
    """Three cars on two lanes for 4 s at 10 Hz; a simulated one's ego took meta-actions every 0.5 s."""
    generator = np.random.default_rng(number)
    speed = generator.uniform(18, 25, (3, 41)).cumsum(1) / np.arange(1, 42)
    x = np.array([[0.0], [30.0], [-25.0]]) + speed.cumsum(1) * 0.1
    position = np.stack((x, np.repeat([[0.0], [0.0], [4.0]], 41, axis=1)), axis=-1)
    notes = {"config": WORLD} if kind == "simulated" else {}
    known = np.zeros((3, 41), bool)
    known[0, :40:5] = kind == "simulated"
    source = Source(kind, "made up", f"{kind}/{number}", seed=number, licence="CC0-1.0", notes=notes)
    return make_episode(position, np.zeros((3, 41)), speed, np.full((3, 2), [5.0, 2.0]),
                        np.ones((3, 41), bool), dt_s=0.1, road=straight_road(2, 400.0), source=source,
                        ego=0 if kind == "simulated" else None, meta_known=known,
                        meta_action=generator.integers(0, 5, (3, 41)) * known)


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("stores")
    for kind in ("simulated", "logged"):
        write_episodes(folder / kind, [drives(kind, number) for number in range(6)], "train")
        write_episodes(folder / kind, [drives(kind, number) for number in range(6, 8)], "validation")
    return {kind: folder / kind for kind in ("simulated", "logged")}


def evaluations(run: Path) -> list[dict[str, float]]:
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [line for line in lines if line["kind"] == "evaluation"]


def test_the_data_decide_the_actions_and_the_world(stores: dict[str, Path]) -> None:
    fitted = behavior.fitted(TINY, behavior.facts_of([stores["logged"], stores["simulated"]]))
    assert (fitted.actions, fitted.model.action_bins) == ("meta", 5)
    assert fitted.model.decision_s == 0.5
    assert fitted.model.target_speeds_mps == (15.0, 20.0, 25.0)
    logged = behavior.fitted(TINY, behavior.facts_of([stores["logged"]]))
    assert (logged.actions, logged.model.action_bins, logged.model.decision_s) == ("continuous", 3, 0.2)
    asked = behavior.fitted(replace(TINY, actions="meta"), behavior.facts_of([stores["logged"]]))
    assert asked.model.actions == "meta"


def test_a_first_driver_without_meta_actions_does_not_decide(tmp_path: Path) -> None:
    """`collect --drivers idm,gap` begins with episodes of highway-env's IDM, which takes none."""
    first, second = drives("simulated", 0), drives("simulated", 1)
    nobody = np.zeros_like(first.meta_known)
    write_episodes(tmp_path, [replace(first, meta_known=nobody, meta_action=first.meta_action * 0)], "train")
    assert not behavior.facts_of([tmp_path]).meta_known
    write_episodes(tmp_path, [second], "train")
    assert behavior.facts_of([tmp_path]).meta_known


def run_of(data: Path, out: Path) -> Path:
    """A run's folder, as far as the next command is drawn from it."""
    out.mkdir()
    (out / "config.json").write_text(json.dumps({"data": [str(data)]}))
    return out


def test_the_next_command_measures_where_the_data_come_from(
    stores: dict[str, Path], tmp_path: Path
) -> None:
    run = run_of(stores["simulated"], tmp_path / "settings")  # more of them than an id can say
    assert evaluation_of(run) == f"drive-gen evaluate {run} --config {run}/env.yaml --out {run}/evaluation"
    assert read_yaml(EnvConfig, run / "env.yaml") == from_mapping(EnvConfig, WORLD, "")
    run = run_of(stores["logged"], tmp_path / "logged")
    assert evaluation_of(run).split()[3:5] == ["--replay", str(stores["logged"])]
    first = drives("simulated", 0)
    source = replace(first.source, notes={"config": {"env": "merge-v0"}})
    write_episodes(tmp_path / "merges", [replace(first, source=source)], "train")
    run = run_of(tmp_path / "merges", tmp_path / "merging")
    assert evaluation_of(run).split()[3:5] == ["--env", "merge-v0"]


@pytest.mark.parametrize("memory", ["attention", "gru"])
def test_simulated_data_are_trained_on_and_driven(memory: str, stores: dict[str, Path],
                                                  tmp_path: Path) -> None:
    config = replace(TINY, model=replace(TINY.model, memory=memory))  # type: ignore[arg-type]
    progress = behavior.train_behavior([stores["simulated"]], tmp_path / "run", config)
    scores = evaluations(tmp_path / "run")
    assert [score["step"] for score in scores] == [3, 6]
    assert all(score["score"] == score["return"] > 0 for score in scores)
    assert progress.best_score == max(score["score"] for score in scores)
    policy = BehaviorPolicy.from_checkpoint(tmp_path / "run")
    actions, _ = policy.predict(np.zeros((2, 17, 9), np.float32), deterministic=True)
    assert actions.shape == (2,)
    card = (tmp_path / "run" / "checkpoints" / "best" / "README.md").read_text()
    assert "- simulated: 8 episodes of simulated made up (CC0-1.0)" in card


def test_logs_are_scored_by_their_held_out_windows(stores: dict[str, Path], tmp_path: Path) -> None:
    behavior.train_behavior([stores["logged"]], tmp_path / "run", TINY)
    scores = evaluations(tmp_path / "run")
    assert all(score["score"] == -score["validation_loss"] for score in scores)
    policy = BehaviorPolicy.from_checkpoint(tmp_path / "run", "bc")
    actions, _ = policy.predict(np.zeros((2, 17, 9), np.float32), deterministic=True)
    assert actions.shape == (2, 2)
    assert (policy.model.centers.std(0) > 0).any()


def test_a_stopped_run_goes_on_by_the_command(stores: dict[str, Path], tmp_path: Path,
                                              monkeypatch: pytest.MonkeyPatch,
                                              capsys: pytest.CaptureFixture[str]) -> None:
    behavior.train_behavior([stores["logged"]], tmp_path / "whole", TINY)
    batch_of = behavior.batch_of

    def stopping(windows: object, config: object, step: int) -> object:
        if step == 4:
            raise KeyboardInterrupt
        return batch_of(windows, config, step)  # type: ignore[arg-type]

    monkeypatch.setattr(behavior, "batch_of", stopping)
    with pytest.raises(KeyboardInterrupt):
        behavior.train_behavior([stores["logged"]], tmp_path / "parts", TINY)
    assert "stopped at step 4; go on with: drive-gen train behavior --resume" in capsys.readouterr().err
    monkeypatch.setattr(behavior, "batch_of", batch_of)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert command(resume=tmp_path / "parts", json=True) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["steps"] == 6
    whole, parts = (load_file(tmp_path / run / "checkpoints" / "last" / "model.safetensors")
                    for run in ("whole", "parts"))
    assert all(torch.equal(whole[name], parts[name]) for name in whole)


def test_a_run_begins_with_a_checkpoint(stores: dict[str, Path], tmp_path: Path) -> None:
    behavior.train_behavior([stores["simulated"]], tmp_path / "first", TINY)
    # One step at a learning rate of nothing leaves the weights, and the first network's width, as they were.
    still = replace(TINY, model=BehaviorConfig(), init=str(tmp_path / "first"),
                    loop=replace(TINY.loop, steps=1, learning_rate=1e-12, weight_decay=0.0))
    behavior.train_behavior([stores["simulated"]], tmp_path / "second", still)
    begun = load_file(tmp_path / "first" / "checkpoints" / "best" / "model.safetensors")
    ended = load_file(tmp_path / "second" / "checkpoints" / "last" / "model.safetensors")
    assert all(torch.allclose(begun[name], ended[name], atol=1e-6) for name in begun)
    held = json.loads((tmp_path / "second" / "config.json").read_text())["training"]
    assert held["model"]["width"] == 16
    with pytest.raises(InputError, match="its actions is meta, and the data's is continuous"):
        behavior.train_behavior([stores["logged"]], tmp_path / "third", still)
    assert not (tmp_path / "third").exists()


def test_the_command_says_what_it_wrote_and_what_is_next(stores: dict[str, Path], tmp_path: Path,
                                                         monkeypatch: pytest.MonkeyPatch,
                                                         capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    settings = tmp_path / "tiny.yaml"
    settings.write_text("model: {width: 16, heads: 2, layers: 1}\nwindow_steps: 4\ncontrol_bins: 3\n")
    out = tmp_path / "run"
    assert command(data=(stores["logged"],), out=out, config=settings, steps=2, batch_size=4,
                   memory="gru") == 0
    said = capsys.readouterr().out
    assert "validation loss" in said
    assert f"next: drive-gen evaluate {out}" in said
    held = json.loads((out / "config.json").read_text())["training"]
    assert held["loop"]["batch_size"] == 4
    assert held["model"]["memory"] == "gru"
    assert BehaviorPolicy.from_checkpoint(out).model.is_recurrent


def test_what_a_run_cannot_be_made_of_is_refused(stores: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no episode store at"):
        command(data=(tmp_path / "nothing",), out=tmp_path / "run")
    with pytest.raises(InputError, match="give --data"):
        command(out=tmp_path / "run")
    with pytest.raises(InputError, match="give no other flags"):
        command(resume=tmp_path / "run", steps=3)
    with pytest.raises(InputError, match="give no other flags"):
        command(resume=tmp_path / "run", init="other")
    with pytest.raises(InputError, match=r"config\.json is missing"):
        command(resume=tmp_path / "run")
    with pytest.raises(InputError, match=r"below seed 10000"):
        DriveConfig(episodes=20, seed=9990)
    assert not (tmp_path / "run").exists()


def test_a_run_does_not_go_on_with_other_episodes(tmp_path: Path) -> None:
    store = tmp_path / "store"
    write_episodes(store, [drives("logged", number) for number in range(3)], "train")
    behavior.train_behavior([store], tmp_path / "run", TINY)
    write_episodes(store, [drives("logged", 3)], "train")
    with pytest.raises(InputError, match="the episodes are not those"):
        behavior.resume_behavior(tmp_path / "run")


@pytest.mark.parametrize("name", ["quick", "base"])
def test_presets_come_back_from_json(name: str) -> None:
    from dataclasses import asdict

    preset = behavior_preset(name)
    assert from_mapping(TrainBehaviorConfig, json.loads(json.dumps(asdict(preset))), "here") == preset
    assert preset.drive.steering == Steering()


@pytest.mark.parametrize(("modules", "absent"), [
    ("drive_gen.commands.train_behavior", "numpy torch gymnasium"),
    ("drive_gen.train.config, drive_gen.policies.config", "torch gymnasium highway_env"),
    ("drive_gen.train.behavior, drive_gen.train.loop, drive_gen.policies.driver",
     "gymnasium highway_env stable_baselines3 pygame numba tensorboard"),
])
def test_what_importing_does_not_load(modules: str, absent: str) -> None:
    code = f"import sys, {modules}; print([name for name in '{absent}'.split() if name in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert found.strip() == "[]"
