"""The training loop: exact resume, averaged weights, early stopping, and what ^C leaves behind."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from drive_gen.envs.files import InputError
from drive_gen.policies.pretrained import Pretrained
from drive_gen.train.config import LoopConfig
from drive_gen.train.loop import (
    Batch,
    average_weights,
    ema_decay,
    learning_rate,
    step_seed,
    train,
)
from drive_gen.train.run import RunFolder, device_of

torch.set_num_threads(1)
CONFIG = LoopConfig(steps=12, batch_size=8, warmup=3, log_every=1, evaluate_every=5, save_every=4, seed=3,
                    learning_rate=1e-2, device="cpu")


@dataclass(frozen=True)
class LineConfig:
    width: int = 4


class Line(Pretrained):
    """A small network with dropout: its masks are drawn anew in every step."""

    model_type = "line"
    config_class = LineConfig

    def __init__(self, config: LineConfig) -> None:
        super().__init__(config)
        self.layers = nn.Sequential(nn.Linear(config.width, 16), nn.Dropout(0.3), nn.Linear(16, 1))
        generator = torch.Generator().manual_seed(0)
        for parameter in self.parameters():
            nn.init.normal_(parameter, std=0.3, generator=generator)


def loss_of(model: Line, batch: Batch) -> dict[str, Tensor]:
    return {"loss": F.mse_loss(model.layers(batch["x"])[:, 0], batch["y"])}


def batch_of(step: int) -> Batch:
    x = torch.randn(8, 4, generator=torch.Generator().manual_seed(step_seed(CONFIG.seed, step, "batch")))
    return {"x": x, "y": x.sum(1)}


def score_of(model: Line) -> dict[str, float]:
    torch.rand(5)  # an evaluation that draws numbers must not change the training after it
    return {"score": -loss_of(model, batch_of(10**6))["loss"].item()}


def open_run(path: Path, config: LoopConfig = CONFIG, *, resume: bool = False) -> RunFolder:
    run = RunFolder(path, asdict(config), resume_command="drive-gen train line --resume")
    run.start(resume)
    return run


def stop_at(step: int) -> Callable[[int], Batch]:
    def batch(number: int) -> Batch:
        if number == step:
            os.kill(os.getpid(), signal.SIGTERM)
        return batch_of(number)
    return batch


def metrics_of(path: Path) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in (path / "metrics.jsonl").read_text().splitlines()]
    return [{key: value for key, value in line.items() if key != "time"} for line in lines]


@pytest.mark.parametrize("step", [0, 4, 7, 9])
def test_a_stopped_run_goes_on_bit_for_bit(tmp_path: Path, step: int) -> None:
    whole = Line(LineConfig())
    train(whole, loss_of, batch_of, CONFIG, open_run(tmp_path / "whole"), score_of)

    with pytest.raises(KeyboardInterrupt):
        train(Line(LineConfig()), loss_of, stop_at(step), CONFIG, open_run(tmp_path / "parts"), score_of)
    parts = Line(LineConfig())
    with torch.no_grad():
        parts.layers[0].weight.fill_(9)  # must come from the state, not from here
    progress = train(parts, loss_of, batch_of, CONFIG, open_run(tmp_path / "parts", resume=True), score_of)

    assert progress.step == CONFIG.steps
    assert metrics_of(tmp_path / "parts") == metrics_of(tmp_path / "whole")
    assert all(torch.equal(a, b) for a, b in zip(parts.parameters(), whole.parameters(), strict=True))
    for name in ("best", "last"):
        paths = [tmp_path / run / "checkpoints" / name / "model.safetensors" for run in ("whole", "parts")]
        assert paths[0].read_bytes() == paths[1].read_bytes()


def test_the_resume_test_notices_a_lost_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Mutation: without the optimiser's moments the resumed run takes other steps."""
    train(Line(LineConfig()), loss_of, batch_of, CONFIG, open_run(tmp_path / "whole"))
    with pytest.raises(KeyboardInterrupt):
        train(Line(LineConfig()), loss_of, stop_at(6), CONFIG, open_run(tmp_path / "parts"))
    load = RunFolder.load_state
    monkeypatch.setattr(RunFolder, "load_state",
                        lambda self, learner: (load(self, learner), learner.optimizer.state.clear()))
    train(Line(LineConfig()), loss_of, batch_of, CONFIG, open_run(tmp_path / "parts", resume=True))
    assert metrics_of(tmp_path / "parts") != metrics_of(tmp_path / "whole")


def test_steps_after_the_saved_state_are_taken_again(tmp_path: Path) -> None:
    """A killed process (no handler ran) resumes from the last saved step; the log holds each step once."""
    run = open_run(tmp_path / "run")

    def dying(step: int) -> Batch:
        if step == 6:
            raise MemoryError
        return batch_of(step)

    with pytest.raises(MemoryError):
        train(Line(LineConfig()), loss_of, dying, CONFIG, run)
    train(Line(LineConfig()), loss_of, batch_of, CONFIG, open_run(tmp_path / "run", resume=True))
    assert [line["step"] for line in metrics_of(tmp_path / "run")] == list(range(1, 13))


def test_a_stop_says_how_to_go_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(KeyboardInterrupt):
        train(Line(LineConfig()), loss_of, stop_at(2), CONFIG, open_run(tmp_path / "run"))
    assert "stopped at step 3; go on with: drive-gen train line --resume" in capsys.readouterr().err
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


def test_the_average_in_closed_form() -> None:
    """After n steps of a constant model: average = model + (start - model) * product of the decays."""
    model, average = nn.Linear(2, 2), nn.Linear(2, 2)
    start = average.weight.detach().clone()
    config = replace(CONFIG, ema=0.9)
    decays = [ema_decay(step, config) for step in range(200)]
    for decay in decays:
        average_weights(average, model, decay)
    expected = model.weight + (start - model.weight) * np.prod(decays)
    torch.testing.assert_close(average.weight, expected)
    assert decays[0] == 0.1
    assert max(decays) == 0.9


def test_the_average_is_what_is_saved(tmp_path: Path) -> None:
    model = Line(LineConfig())
    train(model, loss_of, batch_of, CONFIG, open_run(tmp_path / "run"), score_of)
    saved = Line.from_pretrained(tmp_path / "run" / "checkpoints" / "last")
    assert not torch.equal(saved.layers[0].weight, model.layers[0].weight)
    assert metrics_of(tmp_path / "run")[-1]["score"] == score_of(saved)["score"]


def test_the_learning_rate_by_hand() -> None:
    config = LoopConfig(steps=101, warmup=10, learning_rate=1.0)
    assert [learning_rate(step, config) for step in (0, 4, 9, 10)] == pytest.approx([0.1, 0.5, 1.0, 1.0])
    assert learning_rate(55, config) == pytest.approx(0.55)  # half way: the mean of 1 and a tenth
    assert learning_rate(100, config) == pytest.approx(0.1)


def test_patience_stops_and_the_best_stays(tmp_path: Path) -> None:
    scores = iter([1.0, 3.0, 2.0, 2.0, 9.0])
    config = replace(CONFIG, steps=50, evaluate_every=2, patience=2)
    progress = train(Line(LineConfig()), loss_of, batch_of, config, open_run(tmp_path / "run", config),
                     lambda model: {"score": next(scores)})
    assert (progress.step, progress.best_step, progress.best_score) == (8, 4, 3.0)
    card = (tmp_path / "run" / "checkpoints" / "best" / "README.md").read_text()
    assert "- score: 3" in card


def test_the_callers_random_numbers_are_left_alone(tmp_path: Path) -> None:
    model = Line(LineConfig())
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    train(model, loss_of, batch_of, CONFIG, open_run(tmp_path / "run"))
    assert torch.equal(torch.rand(3), expected)


def test_a_held_run_is_not_written_over(tmp_path: Path) -> None:
    train(Line(LineConfig()), loss_of, batch_of, CONFIG, open_run(tmp_path / "run"))
    with pytest.raises(InputError, match="holds a run already; go on with"):
        open_run(tmp_path / "run")
    with pytest.raises(InputError, match="other settings"):
        open_run(tmp_path / "run", replace(CONFIG, seed=9), resume=True)
    with pytest.raises(InputError, match=r"config\.json is missing"):
        open_run(tmp_path / "elsewhere", resume=True)


def test_a_damaged_state_is_named(tmp_path: Path) -> None:
    train(Line(LineConfig()), loss_of, batch_of, CONFIG, open_run(tmp_path / "run"))
    state = next((tmp_path / "run" / "training_state").glob("*.safetensors"))
    state.write_bytes(state.read_bytes()[:-1])
    with pytest.raises(InputError, match=rf"{state.name} is missing or was changed"):
        train(Line(LineConfig()), loss_of, batch_of, CONFIG, open_run(tmp_path / "run", resume=True))


def test_a_diverging_run_says_so(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="the loss is nan at step 1"):
        train(Line(LineConfig()), lambda model, batch: {"loss": loss_of(model, batch)["loss"] * float("nan")},
              batch_of, CONFIG, open_run(tmp_path / "run"))


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a CUDA device")
def test_a_device_that_is_not_there_is_refused() -> None:
    assert device_of("auto") == torch.device("cpu")
    with pytest.raises(InputError, match="--device cuda"):
        device_of("cuda")


@pytest.mark.parametrize("change", [{"steps": 0}, {"learning_rate": 0.0}, {"ema": 1.0}, {"patience": -1}])
def test_a_bad_setting_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=next(iter(change))):
        replace(CONFIG, **change)


def test_a_log_says_what_is_trained_and_how_far_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("drive_gen.data.progress.FIRST_S", 0.0)
    monkeypatch.setattr("drive_gen.data.progress.EVERY_S", 0.0)
    run = RunFolder(tmp_path / "run", {})
    run.start()
    train(Line(LineConfig()), loss_of, batch_of, CONFIG, run)
    printed = capsys.readouterr()
    lines = printed.err.splitlines()
    where = f"cpu (threads: {torch.get_num_threads()})"
    assert lines[0].startswith(f"training line: 97 parameters on {where}, 12 updates of 8")
    assert lines[1].startswith("training: 1 of 12, loss ")
    assert lines[1].endswith(" left")
    assert len(lines) == 13
    assert all(lines)
    assert printed.out == ""


def test_a_run_on_a_missing_device_leaves_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(InputError, match="use --device cpu"):
        RunFolder(tmp_path / "run", {}).start(device="cuda")
    assert not (tmp_path / "run").exists()
