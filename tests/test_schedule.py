"""The noise schedule against its closed forms."""

import pytest
import torch

from drive_gen.generate.schedule import add_noise, clean_of, cosine_signal, noise_of, velocity_weight


def test_the_signal_is_the_published_cosine() -> None:
    signal = cosine_signal(1000)
    assert signal.shape == (1000,)
    assert (signal.diff() <= 0).all()
    assert 0.99 < signal[0] < 1
    # Half way: cos^2((.5 + .008) / 1.008 * pi / 2) / cos^2(.008 / 1.008 * pi / 2), worked out apart.
    assert float(signal[499]) == pytest.approx(0.493843, abs=1e-5)
    assert float(signal[-1]) == pytest.approx(1e-5)


def test_noise_keeps_mean_and_variance_of_the_closed_form() -> None:
    generator = torch.Generator().manual_seed(0)
    clean, signal = torch.full((50_000, 1), 2.0), torch.full((50_000,), 0.36)
    noisy = add_noise(clean, torch.randn(clean.shape, generator=generator), signal)
    assert float(noisy.mean()) == pytest.approx(0.6 * 2, abs=0.02)
    assert float(noisy.var()) == pytest.approx(0.64, abs=0.02)


def test_clean_sample_noise_and_velocity_tell_each_other() -> None:
    clean, noise = torch.randn(2, 8, 3, generator=torch.Generator().manual_seed(1))
    signal = torch.linspace(0.01, 0.99, 8)
    noisy = add_noise(clean, noise, signal)
    share = signal[:, None]
    velocity = share.sqrt() * noise - (1 - share).sqrt() * clean
    torch.testing.assert_close(clean_of(noisy, velocity, signal), clean, atol=1e-5, rtol=0)
    torch.testing.assert_close(noise_of(noisy, clean, signal), noise, atol=1e-4, rtol=0)


def test_the_weight_makes_a_clean_error_one_of_the_velocity() -> None:
    noisy, signal = torch.zeros(1, 1), torch.tensor([0.75])
    one, other = (clean_of(noisy, torch.tensor([[velocity]]), signal) for velocity in (0.2, 0.5))
    assert float(velocity_weight(signal) * (one - other) ** 2) == pytest.approx(0.3**2, rel=1e-5)
    assert float(velocity_weight(torch.tensor([0.9999]))) == 25.0
