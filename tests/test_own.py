"""Drivers of the user's own: FILE.py:NAME wherever a driver is named."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from drive_gen import cli
from drive_gen.drivers import load_driver
from drive_gen.envs.files import InputError
from drive_gen.envs.world import EnvConfig
from drive_gen.policies.own import load_own

CONFIG = EnvConfig(env="highway-fast-v0")
SIGNATURE = "def predict(self, observation, state=None, episode_start=None, deterministic=False)"
MINE = f"""
from __future__ import annotations
from dataclasses import dataclass
import numpy as np
import torch
import neighbour


@dataclass
class Always:
    action: int = neighbour.ACTION

    {SIGNATURE}:
        return np.full(len(observation), self.action), state


class Straight:
    actions = "continuous"

    {SIGNATURE}:
        return np.zeros((len(observation), 2)), state


class Floats:
    {SIGNATURE}:
        return np.ones(len(observation)), state


class NoPair:
    {SIGNATURE}:
        return np.ones(len(observation), int)


class Broken:
    {SIGNATURE}:
        return 1 / 0


class Greedy:
    def __init__(self, speed): ...


class Learned(Always):
    def __init__(self):
        self.action, self.model = 1, torch.nn.Linear(1, 1)
        torch.nn.init.constant_(self.model.weight, neighbour.ACTION)


slower = Always(4)
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of the user's with drivers in mine.py, which imports a neighbour."""
    (tmp_path / "mine.py").write_text(MINE)
    (tmp_path / "neighbour.py").write_text("ACTION = 3\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(__import__("sys").modules, "neighbour", raising=False)
    return tmp_path


def test_a_users_driver_is_evaluated_as_a_built_in_one_of_the_same_actions(here: Path) -> None:
    words = ["--episodes", "2", "--workers", "1", "--floor", "slower", "--out", "ev"]
    assert cli.main(["evaluate", "mine.py:slower", *words]) == 0
    mine, theirs = json.loads((here / "ev/summary.json").read_text())["drivers"]
    assert (mine["name"], theirs["name"]) == ("mine.slower", "slower")
    assert mine["metrics"] | {"decision_ms": 0} == theirs["metrics"] | {"decision_ms": 0}


def test_controls_and_classes(here: Path) -> None:
    straight = load_driver("mine.py:Straight", CONFIG)
    assert straight.actions == "continuous"
    assert load_own("mine.py:Always")[0].policy.action == 3  # from its neighbour


def test_the_hash_is_of_the_file_and_the_weights(here: Path) -> None:
    first, again = load_own("mine.py:Learned")[1], load_own("mine.py:Always")[1]
    assert load_own("mine.py:Always")[1] == again != first
    (here / "mine.py").write_text(MINE.replace("neighbour.ACTION)", "7.0)"))
    assert load_own("mine.py:Learned")[1] != first
    (here / "mine.py").write_text("from stable_baselines3 import PPO\ndriver = PPO.load('ppo.zip')\n")
    hashes = []
    for seed in (0, 1):
        learnt_by_sb3(here / "ppo.zip", seed)
        hashes.append(load_own("mine.py:driver")[1])
    assert hashes[0] != hashes[1]


def learnt_by_sb3(path: Path, seed: int) -> None:
    """An untrained PPO; its weights are the seed's."""
    from stable_baselines3 import PPO

    from drive_gen.envs.simulator.sb3 import SimulatorVecEnv

    PPO("MlpPolicy", SimulatorVecEnv(2, CONFIG), seed=seed, device="cpu").save(path)


def test_what_stable_baselines3_trained_drives(here: Path) -> None:
    learnt_by_sb3(here / "ppo.zip", 0)
    (here / "ppo.py").write_text("from stable_baselines3 import PPO\ndriver = PPO.load('ppo.zip')\n")
    assert cli.main(["collect", "--drivers", "ppo.py:driver", "--episodes", "1", "--out", "store"]) == 0
    row = json.loads((here / "store/index.json").read_text())["episodes"][0]
    assert row["driver"].startswith("ppo.driver@")


@pytest.mark.parametrize(("reference", "said"), [
    ("mine.py:Alway", "did you mean 'Always'"), ("none.py:x", "no file none.py"),
    ("mine.py:np", "no predict"), ("mine.py:Greedy", "missing 1 required"), ("mine.py:Floats", "float64"),
    ("mine.py:NoPair", "(actions, state)"), ("mine.py:Broken", "mine.py:36: ZeroDivisionError"),
    ("mine.py", "FILE.py:NAME"), ("bad.py:x", "bad.py:1"),
])
def test_what_is_wrong_is_said_in_one_line(reference: str, said: str, here: Path,
                                           capsys: pytest.CaptureFixture[str]) -> None:
    (here / "bad.py").write_text("x = (\n")
    words = ["--episodes", "1", "--workers", "1", "--floor", "none", "--out", "ev"]
    assert cli.main(["evaluate", reference, *words]) == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert said in lines[-1]
    assert lines[-1].startswith("drive-gen: ")
    assert not any("Traceback" in line for line in lines)


def test_a_driver_of_other_observations_is_refused(here: Path) -> None:
    (here / "other.py").write_text("import gymnasium, numpy as np\nclass Other:\n    predict = print\n"
                                   "    observation_space = gymnasium.spaces.Box(0, 1, (5, 5))\n")
    with pytest.raises(InputError, match=r"\(5, 5\)"):
        load_own("other.py:Other")


def test_the_pages_examples_run(here: Path) -> None:
    """docs/drivers.md, in its order: blocks that begin with a file's name are that file."""
    page = (Path(__file__).parents[1] / "docs/drivers.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    assert len(blocks) == 4
    for code in blocks:
        if name := re.match(r"# (\w+\.py)\n", code):
            (here / name[1]).write_text(code)
        else:
            exec(compile(code.replace("5_000", "64"), "docs/drivers.md", "exec"), {})
    assert (here / "ev3/summary.json").exists()
    assert load_driver("my_ppo.py:driver", CONFIG).name == "my_ppo.driver"
