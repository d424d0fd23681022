"""Predictors: what they read, in what order, what they say, and how wrong by hand-worked answers."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from traffic import driven
from worlds import cruising

from drive_gen.commands.predict import evaluate_predict, train_predict
from drive_gen.data.inspect import inspect_path
from drive_gen.data.store import write_episodes
from drive_gen.envs.episode import Episode
from drive_gen.envs.files import InputError
from drive_gen.evaluate.prediction import (
    displacement,
    evaluate_predictors,
    figures_of,
    floors,
    window_errors,
)
from drive_gen.policies.blocks import initialize
from drive_gen.policies.sequences import Recurrence, make_sequence
from drive_gen.predict.config import MEMORIES, PredictorConfig, predictor_preset
from drive_gen.predict.predictor import Forecast, Predictor, predictor_loss
from drive_gen.predict.windows import in_frame_of, windows_of

torch.set_num_threads(1)
SMALL = PredictorConfig(history_frames=4, future_frames=10, width=16, heads=2, layers=2, modes=3)
STEPS = 7


def sequence(kind: str, bidirectional: bool = False) -> torch.nn.Module:
    """A small network whose outputs vary with all that they may depend on."""
    network = (Recurrence("gru", 16, 2, bidirectional=True) if bidirectional
               else make_sequence(kind, SMALL.backbone))
    initialize(network, torch.Generator().manual_seed(0), 2)
    return network.eval()


def series() -> Tensor:
    return torch.randn(3, STEPS, 16, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("kind", MEMORIES)
@torch.no_grad()
def test_step_by_step_is_the_whole_sequence(kind: str) -> None:
    network, x = sequence(kind), series()
    whole, _ = network(x)
    state, steps = None, []
    for step in range(STEPS):
        out, state = network(x[:, step : step + 1], state)
        steps.append(out)
    torch.testing.assert_close(torch.cat(steps, 1), whole, rtol=0, atol=1e-5)
    first, state = network(x[:, :4])
    second, _ = network(x[:, 4:], state)
    torch.testing.assert_close(torch.cat((first, second), 1), whole, rtol=0, atol=1e-5)


def reached(network: torch.nn.Module, step: int) -> set[int]:
    """The steps whose outputs change with the input of one step."""
    x = series()
    changed = x.clone()
    changed[:, step] += 1
    with torch.no_grad():
        differ = (network(x)[0] != network(changed)[0]).flatten(2).any(-1).any(0)
    return set(differ.nonzero().flatten().tolist())


@pytest.mark.parametrize("kind", MEMORIES)
def test_the_future_does_not_change_the_past(kind: str) -> None:
    assert reached(sequence(kind), 3) == {3, 4, 5, 6}


def test_reading_from_both_ends_the_future_does() -> None:
    network = sequence("gru", bidirectional=True)
    assert reached(network, 3) == set(range(STEPS))
    with pytest.raises(ValueError, match="both ends"):
        network(series(), torch.zeros(4, 3, 8))


def test_the_cars_frame_by_hand() -> None:
    """A car at (10, 5) that heads along +y: +y is ahead of it, and -x to its right."""
    quarter = np.pi / 2
    motion = np.array([[[10, 3, quarter, 20], [10, 5, quarter, 20], [9, 9, quarter + 0.1, 22]]])
    found = in_frame_of(motion, 1)
    np.testing.assert_allclose(found, [[[-2, 0, 0, 20], [0, 0, 0, 20], [4, 1, 0.1, 22]]], atol=1e-12)


def test_windows_are_whole_and_without_a_crash() -> None:
    """17 frames: windows of 14 begin at 0 to 3; one car has a gap and one crashes at frame 15."""
    valid = np.ones((3, 17), bool)
    valid[1, 8] = False
    crashed = np.zeros((3, 17), bool)
    crashed[2, 15:] = True
    episode = cruising([(0, 0), (30, 4), (60, 8)], [20, 21, 22], frames=17)
    episode = replace(episode, valid=valid, crashed=crashed)
    windows = windows_of([episode], SMALL, stride=1)
    assert len(windows) == 4 + 0 + 2
    batch = windows.gather(np.array([0, 5]))
    assert {name: tuple(tensor.shape) for name, tensor in batch.items()} == {
        "observation": (2, 4, 17, 9), "motion": (2, 4, 4), "future": (2, 10, 2)}
    ahead = 0.2 * np.arange(1, 11)
    np.testing.assert_allclose(batch["future"][:, :, 0], np.outer([20, 22], ahead), atol=1e-4)
    np.testing.assert_allclose(batch["motion"][0, :, 0], [-12, -8, -4, 0], atol=1e-4)
    assert len(windows_of([episode], SMALL, stride=3)) == 3
    assert len(windows_of([episode], SMALL, stride=1, most=2)) == 2
    with pytest.raises(InputError, match=r"2\.6 s of one car"):
        windows_of([episode.window(0, 13)], SMALL)


def test_the_floors_by_hand() -> None:
    """20 m/s and a loss of 4 m/s in .6 s: constant acceleration stands still after 16 / 6.67 = 2.4 s."""
    motion = torch.zeros(1, 4, 4)
    motion[0, :, 3] = torch.tensor([20, 18.67, 17.33, 16])
    batch = {"motion": motion, "future": torch.zeros(1, 20, 2), "observation": torch.zeros(1, 4, 17, 9)}
    found = {name: floor(batch).path_m[0, 0] for name, floor in floors(0.2).items()}
    np.testing.assert_allclose(found["constant velocity"][:, 0], 3.2 * np.arange(1, 21), rtol=1e-6)
    acceleration = -4 / 0.6
    one_second = 16 + acceleration / 2
    np.testing.assert_allclose(found["constant acceleration"][[4, 12, 19], 0],
                               [one_second, 19.2, 19.2], atol=1e-3)
    assert all((path[:, 1] == 0).all() for path in found.values())


@pytest.mark.parametrize(("lead_m", "lead_mps"), [(40, 0), (30, 15), (12, 20)])
def test_idm_stays_behind_the_car_ahead(lead_m: float, lead_mps: float) -> None:
    episode = cruising([(0, 4), (lead_m, 4), (500, 4)], [12, lead_mps, 30], frames=29)
    windows = windows_of([episode], replace(SMALL, future_frames=25), stride=99)
    path = floors(0.2)["IDM"](windows.gather(np.array([0]))).path_m[0, 0, :, 0]
    start_m = lead_m + 3 * 0.2 * (lead_mps - 12)  # apart now, at the last frame of the history
    lead = start_m + lead_mps * 0.2 * np.arange(1, 26)
    assert (path.numpy() < lead).all()
    assert (np.diff(path.numpy()) >= -1e-6).all()


def test_displacement_by_hand() -> None:
    """Two futures, 1 m off all along, and 0 then 4 m off; the second is the likelier."""
    future = np.zeros((1, 2, 2))
    path = np.zeros((1, 2, 2, 2))
    path[0, 0, :, 1] = 1
    path[0, 1, 1] = 0, -4
    one = displacement(path, np.array([[0.0, 1.0]]), future, 1)
    np.testing.assert_allclose(one.ade, [[0, 2]])
    np.testing.assert_allclose(one.fde, [[0, 4]])
    best = displacement(path, np.array([[0.0, 1.0]]), future, 6)
    np.testing.assert_allclose(best.ade, [[0, 1]])
    np.testing.assert_allclose(best.fde, [[0, 1]])
    np.testing.assert_allclose(displacement(path, np.array([[2.0, 1.0]]), future, 1).fde, [[1, 1]])


def test_cars_at_constant_velocity_are_no_error_and_braking_ones_are() -> None:
    windows = windows_of([cruising([(0, 0), (50, 4)], [20, 25], frames=40)], replace(SMALL, future_frames=25))
    errors = window_errors(floors(0.2)["constant velocity"], windows, 0.2)
    assert {"ade_1_1s", "fde_6_5s", "miss_1", "miss_6"} <= errors.keys()
    assert max(np.abs(values).max() for values in errors.values()) < 1e-3
    windows.motion[:, 0] *= 0.8  # the world's cars go 20 % less far than their speeds say
    errors = window_errors(floors(0.2)["constant velocity"], windows, 0.2)
    slow = errors["fde_1_5s"].min()
    assert slow == pytest.approx(0.2 * 20 * 5, rel=1e-3)
    np.testing.assert_allclose(errors["ade_1_5s"] / errors["fde_1_5s"], 26 / 50, rtol=1e-3)
    figures = figures_of(errors, windows.groups)
    assert figures["miss_6"] == 1
    assert figures["miss_6_low"] is None  # one group says nothing of the spread
    with pytest.raises(InputError, match="too short"):
        window_errors(floors(0.01)["constant velocity"], windows, 0.01)


def test_intervals_resample_groups() -> None:
    """Windows of one group err alike: 2 groups give the interval from the one's mean to the other's."""
    figures = figures_of({"miss_1": np.repeat([1.0, 3.0], 50)}, np.repeat(["a", "b"], 50))
    assert (figures["miss_1"], figures["miss_1_low"], figures["miss_1_high"]) == (2, 1, 3)


def test_the_winner_takes_all_by_hand() -> None:
    """Paths 3 and 1 m off: the nearest gives 1, the mean 2; even odds of two cost log 2."""
    path = torch.zeros(1, 2, 5, 2)
    path[0, 0, :, 0], path[0, 1, :, 1] = 3, 1
    forecast = Forecast(path.requires_grad_(), torch.zeros(1, 2))
    loss = predictor_loss(forecast, torch.zeros(1, 5, 2), spread=0.5)
    assert loss["nearest_m"].item() == pytest.approx(1, abs=1e-3)
    assert loss["loss"].item() == pytest.approx(0.5 * 1 + 0.5 * 2 + np.log(2), abs=1e-3)
    predictor_loss(forecast, torch.zeros(1, 5, 2), spread=0.0)["loss"].backward()
    assert path.grad is not None
    assert (path.grad[0, 0] == 0).all()
    assert (path.grad[0, 1, :, 1] > 0).all()


@pytest.mark.parametrize("memory", MEMORIES)
def test_a_predictor_learns_a_batch_and_sees_neighbours_as_a_set(memory: str) -> None:
    model = Predictor(replace(SMALL, memory=memory), seed=1)  # type: ignore[arg-type]
    windows = windows_of([driven(frames=40)], SMALL, stride=1)
    batch = windows.gather(np.arange(0, len(windows), 9))
    inputs = batch["observation"], batch["motion"]
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    first = predictor_loss(model(*inputs), batch["future"], 0.05)["nearest_m"].item()
    for _ in range(60):
        optimizer.zero_grad()
        predictor_loss(model(*inputs), batch["future"], 0.05)["loss"].backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        forecast = model(*inputs)
        order = torch.cat((torch.zeros(1, dtype=torch.long), 1 + torch.randperm(16)))
        shuffled = model(inputs[0][:, :, order], inputs[1])
    assert forecast.path_m.shape == (len(inputs[0]), 3, 10, 2)
    assert predictor_loss(forecast, batch["future"], 0.0)["nearest_m"].item() < 0.3 * first
    torch.testing.assert_close(forecast.path_m, shuffled.path_m, rtol=1e-4, atol=1e-4)


def test_one_seed_one_predictor() -> None:
    for memory in MEMORIES:
        one, same = (Predictor(replace(SMALL, memory=memory), seed=3) for _ in range(2))  # type: ignore
        assert all(torch.equal(a, b) for a, b in zip(one.parameters(), same.parameters(), strict=True))


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("predict") / "store"
    for split, seeds in (("train", range(4)), ("validation", range(4, 6)), ("test", range(6, 8))):
        write_episodes(folder, [of_seed(seed) for seed in seeds], split)
    return folder


def of_seed(seed: int) -> Episode:
    return driven(frames=45, seed=seed)


def test_commands_train_stop_go_on_and_compare(store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                               capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    settings = tmp_path / "tiny.yaml"
    settings.write_text("model: {width: 16, heads: 2, layers: 1}\n"
                        "loop: {batch_size: 4, evaluate_every: 3, save_every: 3}\n")
    for model in ("gru", "transformer"):
        assert train_predict(data=(store,), out=tmp_path / model, config=settings, steps=6,
                             model=model) == 0  # type: ignore[arg-type]
    assert "next: drive-gen evaluate predict" in capsys.readouterr().out
    assert train_predict(resume=tmp_path / "gru", json=True) == 0  # finished: nothing is left to do
    assert [row["step"] for row in json.loads(capsys.readouterr().out)["evaluations"]] == [3, 6]
    with pytest.raises(InputError, match="no other flags"):
        train_predict(resume=tmp_path / "gru", steps=9)
    with pytest.raises(InputError, match="give --data"):
        train_predict(data=(store,))
    runs = (str(tmp_path / "gru"), str(tmp_path / "transformer"))
    assert evaluate_predict(runs, data=store, split="both", out=tmp_path / "table.json") == 0
    assert "constant" in capsys.readouterr().out
    summary = json.loads((tmp_path / "table.json").read_text())
    assert [row["name"] for row in summary["predictors"]] == [
        "gru", "transformer", "constant velocity", "constant acceleration", "IDM"]
    assert summary["groups"] == 4
    assert inspect_path(tmp_path / "gru").next.startswith("drive-gen evaluate predict")
    rows = summary["predictors"]
    assert all(row["ade_6_5s"] <= row["ade_1_5s"] + 1e-9 for row in rows)
    assert all(row["ade_1_5s_low"] <= row["ade_1_5s"] <= row["ade_1_5s_high"] for row in rows)


def test_predictors_of_other_windows_are_not_compared(store: Path, tmp_path: Path) -> None:
    for name, config in (("a", SMALL), ("b", replace(SMALL, history_frames=5))):  # futures of 2 s
        Predictor(config).save_pretrained(tmp_path / name)
    with pytest.raises(InputError, match="differ"):
        evaluate_predict((str(tmp_path / "a"), str(tmp_path / "b")), data=store)
    assert evaluate_predictors([str(tmp_path / "a")], store)["groups"] == 2  # of the test split alone
    with pytest.raises(InputError, match="one or more"):
        evaluate_predict((), data=store)


@pytest.mark.parametrize(("name", "value"), [("memory", "grru"), ("history_frames", 1), ("modes", 0),
                                             ("width", 30)])
def test_a_config_that_cannot_be_is_refused(name: str, value: object) -> None:
    with pytest.raises(InputError, match=name.split("_")[0]):
        PredictorConfig(**{name: value})  # type: ignore[arg-type]
    assert predictor_preset("quick").model.width < predictor_preset("base").model.width


def test_a_miss_is_at_the_last_second() -> None:
    """Futures that drift off evenly: 1.5 m at 1 s and 3 m at 2 s, or a third of that."""
    windows = windows_of([cruising([(0, 0)], [20], frames=40)], SMALL, stride=5)
    for drift_m, miss in ((3.0, 1.0), (1.9, 0.0)):
        away = torch.zeros(10, 2)
        away[:, 1] = drift_m * torch.arange(1, 11) / 10

        def drifting(batch: dict[str, Tensor], away: Tensor = away) -> Forecast:
            return Forecast((batch["future"] + away)[:, None], torch.zeros(len(batch["future"]), 1))

        errors = window_errors(drifting, windows, 0.2)
        assert (errors["miss_1"] == miss).all()
        np.testing.assert_allclose(errors["fde_6_1s"], drift_m / 2, rtol=1e-4)
        np.testing.assert_allclose(errors["ade_6_2s"], drift_m * 0.55, rtol=1e-4)
        assert "ade_6_3s" not in errors


def test_idm_alone_keeps_its_speed() -> None:
    """With nobody in sight it wants the speed that it has; with somebody faster beside it, theirs."""
    windows = windows_of([cruising([(0, 4)], [20], frames=29)], replace(SMALL, future_frames=25), stride=99)
    path = floors(0.2)["IDM"](windows.gather(np.array([0]))).path_m[0, 0, :, 0]
    np.testing.assert_allclose(path, 4.0 * np.arange(1, 26), rtol=1e-5)
    beside = cruising([(0, 4), (20, 0)], [20, 30], frames=29)
    windows = windows_of([beside], replace(SMALL, future_frames=25), stride=99)
    drawn = floors(0.2)["IDM"](windows.gather(np.array([0]))).path_m[0, 0, :, 0]
    assert drawn[-1] > path[-1] + 5


def test_idm_behind_a_lead_by_a_plain_loop() -> None:
    """The formula of Treiber et al., one step after the other; 12 m/s behind 9 m/s, 30 m apart at first."""
    windows = windows_of([cruising([(0, 4), (30, 4)], [12, 9], frames=29)], replace(SMALL, future_frames=25),
                         stride=99)
    found = floors(0.2)["IDM"](windows.gather(np.array([0]))).path_m[0, 0, :, 0]
    along, speed, lead, expected = 0.0, 12.0, 30 - 3 * 0.2 * 3, []
    for _ in range(25):
        wanted = 10 + 1.5 * speed + speed * (speed - 9) / (2 * np.sqrt(3 * 5))
        acceleration = 3 * (1 - (speed / 12) ** 4 - (wanted / (lead - along)) ** 2)
        slower = max(speed + np.clip(acceleration, -6, 6) * 0.2, 0)
        along, speed, lead = along + (speed + slower) / 2 * 0.2, slower, lead + 9 * 0.2
        expected.append(along)
    np.testing.assert_allclose(found, expected, rtol=1e-4)
