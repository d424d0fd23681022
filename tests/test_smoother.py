"""The smoother and what it is measured by: lines, turned tracks, noise, and errors worked out by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from traffic import driven

from drive_gen.data.store import write_episodes
from drive_gen.data.tracks import Smoothing
from drive_gen.envs.files import InputError
from drive_gen.evaluate.smoothing import errors_of, estimates, learnt, noisy, raw, savgol, tuned
from drive_gen.predict.config import SmootherConfig, SmootherTraining
from drive_gen.predict.smoother import Smooth, Smoother, Tracks, line_through, smoother_loss, tracks_of
from drive_gen.train.config import LoopConfig
from drive_gen.train.smooth import batches_of, loss_of, train_smoother

torch.set_num_threads(1)
SMALL = SmootherConfig(frames=21, width=16, layers=1)
TINY = SmootherTraining(model=SMALL, stride=5, loop=LoopConfig(
    steps=60, batch_size=16, learning_rate=1e-2, warmup=5, ema=0.9, evaluate_every=60, save_every=60))


def tracks(seed: int = 0) -> Tracks:
    return tracks_of([driven(frames=80, seed=seed, dt_s=0.1)], SMALL, stride=5)


def parabola(frames: int = 41, dt_s: float = 0.1) -> Tracks:
    """One car that begins at 10 m/s and gains 1 m/s every second, along +x."""
    time_s = dt_s * np.arange(frames)
    zero = np.zeros(frames)
    position = np.stack((10 * time_s + time_s**2 / 2, zero), -1)
    return Tracks(position[None], np.stack((10 + time_s, zero), -1)[None], np.array(["a"]))


def test_tracks_are_the_cars_own() -> None:
    found = tracks()
    assert found.position_m.shape == found.velocity_mps.shape == (4 * 12, 21, 2)
    assert (found.position_m[:, 0] == 0).all()
    moved = np.diff(found.position_m, axis=1) / 0.1
    np.testing.assert_allclose(moved, found.velocity_mps[:, :-1], atol=0.3)  # a bicycle slips a little
    with pytest.raises(InputError, match=r"2\.0 s of one car"):
        tracks_of([driven(frames=20, dt_s=0.1)], SMALL)


def test_the_line_by_hand() -> None:
    """3-4-5: a track that moves (.3, .4) m a frame of .1 s goes 5 m/s along (.6, .8)."""
    line = torch.tensor([7.0, 1.0]) + torch.arange(9)[:, None] * torch.tensor([0.3, 0.4])
    axes, middle, rate = line_through(line[None], 0.1)
    torch.testing.assert_close(axes[0], torch.tensor([[0.6, -0.8], [0.8, 0.6]]))
    torch.testing.assert_close(middle[0, 0], torch.tensor([8.2, 2.6]))
    assert rate.item() == pytest.approx(5)
    axes, _, rate = line_through(torch.ones(1, 9, 2), 0.1)  # a car that stands
    assert torch.equal(axes[0], torch.eye(2))
    assert rate.item() == 0


def test_a_turned_track_is_smoothed_alike() -> None:
    """Whatever axes a recording has, the smoother makes the same of it."""
    model = Smoother(SMALL).eval()
    measured = torch.from_numpy(noisy(tracks().position_m, 0.3, 0)).float()
    turn = torch.tensor([[0.6, 0.8], [-0.8, 0.6]])
    with torch.no_grad():
        plain, turned = model(measured), model(measured @ turn + 5)
    torch.testing.assert_close(plain.position_m @ turn + 5, turned.position_m, rtol=0, atol=1e-3)
    torch.testing.assert_close(plain.velocity_mps @ turn, turned.velocity_mps, rtol=0, atol=1e-3)


def test_the_loss_by_hand() -> None:
    """Positions 3-4-5 off and velocities 2 off."""
    zero = torch.zeros(1, 4, 2)
    off = Smooth(zero + torch.tensor([3.0, 4.0]), zero + torch.tensor([0.0, 2.0]))
    assert smoother_loss(off, zero, zero)["loss"].item() == pytest.approx(7, abs=1e-3)


@pytest.mark.parametrize("correlation", [0.0, 0.9])
def test_noise_is_as_large_and_as_long_as_asked(correlation: float) -> None:
    noise = noisy(np.zeros((4000, 20, 2)), 0.5, 3, correlation)
    np.testing.assert_allclose(noise.std((0, 2)), 0.5, rtol=0.05)  # at every frame
    found = np.corrcoef(noise[:, 9].ravel(), noise[:, 10].ravel())[0, 1]
    assert found == pytest.approx(correlation, abs=0.03)


def test_a_parabola_is_what_a_polynomial_of_order_2_keeps() -> None:
    true = parabola()
    errors = errors_of(savgol(Smoothing()), true, true.position_m, 0.1)
    assert max(values.max() for values in errors.values()) < 1e-9
    line = errors_of(savgol(Smoothing(order=1)), true, true.position_m, 0.1)
    assert line["position_m"][0] > 0.01
    measured = noisy(true.position_m, 0.3, 0)
    best = tuned(true, measured, 0.1, (0.5, 3.1), (2,))
    assert best.window_s == 3.1
    assert (errors_of(savgol(best), true, measured, 0.1)["speed_mps"]
            < errors_of(raw, true, measured, 0.1)["speed_mps"])


def test_errors_by_hand() -> None:
    """Positions 1 m off; speeds 2 m/s too high at every other frame, so that they change by 20 m/s2."""
    true = parabola()

    def wrong(measured_m: np.ndarray, dt_s: float) -> tuple[np.ndarray, np.ndarray]:
        speed = np.linalg.norm(true.velocity_mps, axis=-1)
        return measured_m + np.array([0, 1]), speed + 2 * (np.arange(41) % 2)

    errors = errors_of(wrong, true, true.position_m, 0.1)
    found = {name: estimate.value for name, estimate in estimates(errors, true.groups).items()}
    assert found == pytest.approx({"position_m": 1, "speed_mps": 40 / 41, "acceleration_mps2": 20})


def test_training_takes_noise_away(tmp_path: Path) -> None:
    """60 updates halve the speed's error of measured tracks, and the checkpoint is what was trained."""
    for split, seeds in (("train", range(4)), ("validation", range(4, 6))):
        write_episodes(tmp_path / "store", [driven(frames=80, seed=seed, dt_s=0.1) for seed in seeds], split)
    progress = train_smoother([tmp_path / "store"], tmp_path / "run", TINY)
    assert progress.step == 60
    model, held_out = Smoother.from_pretrained(tmp_path / "run"), tracks(9)
    measured = noisy(held_out.position_m, 0.3, 5)
    errors, before = (errors_of(each, held_out, measured, 0.1)["speed_mps"].mean()
                      for each in (learnt(model), raw))
    assert errors < 0.5 * before
    with pytest.raises(ValueError, match=r"trained at 0\.1 s"):
        learnt(model)(measured, 0.2)


def test_batches_are_the_steps_own() -> None:
    one, same, other = (batches_of(tracks(), TINY)(step) for step in (3, 3, 4))
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert not torch.equal(one["measured"], other["measured"])
    assert torch.isfinite(loss_of(Smoother(SMALL), one)["loss"])


def test_a_config_that_cannot_be_is_refused() -> None:
    with pytest.raises(InputError, match="memory"):
        SmootherConfig(memory="transformer")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="even width"):
        replace(SMALL, width=15)
