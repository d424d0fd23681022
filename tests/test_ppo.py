"""PPO: the saved actor is the trained one, and a stopped run goes on."""

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from drive_gen.data.rollout import roll_out
from drive_gen.drivers import load_driver
from drive_gen.envs.files import InputError
from drive_gen.envs.reference import EnvConfig
from drive_gen.policies.policy import Policy
from drive_gen.train import ppo
from drive_gen.train.ppo import PpoActor, PpoConfig, PpoPolicy, PpoTraining, train_ppo

SMALL = EnvConfig(vehicles=3, duration_s=4)
TINY = PpoTraining(steps=32, hidden=(8,), batch=8, rollout=16, epochs=1)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished tiny run."""
    folder = tmp_path_factory.mktemp("runs") / "ppo"
    train_ppo(SMALL, folder, TINY)
    return folder


def test_the_saved_actor_is_stable_baselines3s(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    learners: list[Any] = []
    make = ppo._make_learner
    monkeypatch.setattr(ppo, "_make_learner", lambda *args: learners.append(make(*args)) or learners[0])
    checkpoint = train_ppo(SMALL, tmp_path / "run", TINY)
    observations = np.random.default_rng(0).normal(size=(50, 17, 9)).astype(np.float32)
    expected, _ = learners[0].predict(observations, deterministic=True)
    found, _ = PpoPolicy.from_checkpoint(checkpoint).predict(observations, deterministic=True)
    assert np.array_equal(found, expected)
    assert len(np.unique(found)) > 1
    with torch.no_grad():
        tensors = torch.from_numpy(observations)
        theirs = learners[0].policy.get_distribution(tensors).distribution.logits
        ours = PpoActor.from_pretrained(checkpoint)(tensors).log_softmax(-1)
    assert torch.allclose(ours, theirs, atol=1e-6)


def test_a_run_is_a_driver(run: Path) -> None:
    driver = load_driver(str(run), SMALL)
    assert isinstance(driver.policy, Policy)
    assert (driver.name, driver.label) == ("ppo", f"ppo@{driver.hash[:8]}")
    _, outcome = roll_out(driver.env_for(SMALL), driver.policy, 0, driver.name)
    assert outcome.decisions >= 1
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [16, 32]


def test_sampling_follows_the_logits() -> None:
    actor = PpoActor(PpoConfig((4,)))
    with torch.no_grad():
        actor.head.weight.zero_()
        actor.head.bias.copy_(torch.tensor([0.1, 0.2, 0.4, 0.2, 0.1]).log())
    draws, _ = PpoPolicy(actor, seed=1).predict(np.zeros((4000, 17, 9), np.float32))
    assert np.abs(np.bincount(draws, minlength=5) / 4000 - [0.1, 0.2, 0.4, 0.2, 0.1]).max() < 0.03


def test_a_stopped_run_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keep, kept = ppo._keep, []

    def keep_then_stop(learner: Any, *rest: Any) -> None:
        keep(learner, *rest)
        kept.append({name: value.clone() for name, value in learner.policy.state_dict().items()})
        raise KeyboardInterrupt

    monkeypatch.setattr(ppo, "_keep", keep_then_stop)
    with pytest.raises(KeyboardInterrupt):
        train_ppo(SMALL, tmp_path / "run", TINY)
    monkeypatch.setattr(ppo, "_keep", keep)
    with pytest.raises(InputError, match="--resume"):
        train_ppo(SMALL, tmp_path / "run", TINY)
    learner = ppo._make_learner(SMALL, TINY, 1)
    assert ppo._load_state(learner, tmp_path / "run") == 16
    assert all(torch.equal(value, kept[0][name]) for name, value in learner.policy.state_dict().items())
    assert learner.policy.optimizer.state_dict()["state"][0]["step"] == 2  # 16 decisions, batches of 8
    train_ppo(SMALL, tmp_path / "run", TINY, resume=True)
    state = json.loads((tmp_path / "run" / "training_state" / "state.json").read_text())
    assert state["progress"]["step"] == 32


def test_damage_is_told(run: Path, tmp_path: Path) -> None:
    import shutil

    copied = shutil.copytree(run, tmp_path / "run")
    weights = copied / "checkpoints" / "last" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-7])
    with pytest.raises(InputError, match="cut short"):
        load_driver(str(copied), SMALL)
    (copied / "training_state" / "ppo.safetensors").write_bytes(b"nothing")
    with pytest.raises(InputError, match="missing or damaged"):
        train_ppo(SMALL, copied, TINY, resume=True)


def test_training_leaves_the_global_generators_alone(tmp_path: Path) -> None:
    random.seed(3)
    torch.manual_seed(3)
    expected = (random.Random(3).random(), torch.rand(1, generator=torch.Generator().manual_seed(3)).item())
    train_ppo(SMALL, tmp_path / "run", TINY)
    assert (random.random(), torch.rand(1).item()) == expected


def test_two_runs_of_a_seed_are_one(run: Path, tmp_path: Path) -> None:
    train_ppo(SMALL, tmp_path / "again", TINY)
    paths = [folder / "checkpoints" / "last" / "model.safetensors" for folder in (run, tmp_path / "again")]
    assert paths[0].read_bytes() == paths[1].read_bytes()


@pytest.mark.parametrize("values", [{"steps": 0}, {"batch": -1}, {"learning_rate": 0.0}])
def test_bad_settings_are_told(values: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=next(iter(values))):
        PpoTraining(**values)
