"""DDIM, guidance and inpainting, with networks whose answers are known."""

import numpy as np
import pytest
import torch
from torch import Tensor
from traffic import driven

from drive_gen.generate.config import DiffusionConfig
from drive_gen.generate.denoiser import Condition
from drive_gen.generate.sampler import (
    Sampling,
    condition_of,
    guided,
    levels_of,
    noise_for,
    normalised,
    sample,
)
from drive_gen.generate.scenes import scenes_of
from drive_gen.generate.schedule import cosine_signal

CONFIG = DiffusionConfig(frames=20, agents=5)
SIGNAL = cosine_signal(1000)


def scene() -> tuple[Condition, Tensor]:
    """The condition of two scenes and their clean states."""
    scenes = scenes_of([driven(agents=4)], CONFIG).take(np.array([0, 3]))
    return condition_of(scenes, CONFIG), normalised(torch.from_numpy(scenes.state), CONFIG)


def noise() -> Tensor:
    return noise_for(0, [0, 1], (5, 20, 4))


def spread(noisy: Tensor, signal: Tensor, condition: Condition) -> Tensor:
    """The best guess for data that are normal with variance 4: shrink towards 0."""
    share = signal.view(-1, 1, 1, 1)
    return noisy * 4 * share.sqrt() / (4 * share + 1 - share)


@pytest.mark.parametrize("steps", [1, 5, 20])
def test_a_perfect_denoiser_gives_the_data_back(steps: int) -> None:
    condition, clean = scene()
    got = sample(lambda *_: clean, condition, SIGNAL, Sampling(steps), noise())
    torch.testing.assert_close(got, clean, atol=1e-5, rtol=0)


def test_samples_have_the_spread_that_the_denoiser_knows_of() -> None:
    condition, _ = scene()
    many = Condition(*(part[:1].expand(400, *part.shape[1:]) for part in condition))
    free = many._replace(known=torch.zeros_like(many.known), valid=torch.ones_like(many.valid))
    got = sample(spread, free, SIGNAL, Sampling(50), noise_for(1, list(range(400)), (5, 20, 4)))
    assert float(got.std()) == pytest.approx(2.0, rel=0.05)


def test_known_states_are_kept_exactly_and_seen_with_the_levels_noise() -> None:
    condition, clean = scene()
    known, drawn, seen = condition.known, noise(), []

    def network(noisy: Tensor, signal: Tensor, _: Condition) -> Tensor:
        seen.append((noisy[known], signal[0]))
        return torch.zeros_like(noisy)

    got = sample(network, condition, SIGNAL, Sampling(8), drawn)
    assert torch.equal(got[known], clean[known])
    for noisy, share in seen:
        expected = share.sqrt() * clean[known] + (1 - share).sqrt() * drawn[known]
        torch.testing.assert_close(noisy, expected, atol=1e-6, rtol=0)
    assert not got[~condition.valid].any()


def test_guidance_0_ignores_1_conditions_and_more_exaggerates() -> None:
    condition, _ = scene()
    calls = []

    def network(noisy: Tensor, signal: Tensor, given: Condition) -> Tensor:
        calls.append(bool(given.asked.all()))
        return torch.full_like(noisy, 3.0 if given.asked.all() else 1.0)

    level = torch.tensor([0.5, 0.5])
    values = [float(guided(network, noise(), level, condition, strength)[0, 0, 0, 0])
              for strength in (0, 1, 2.5)]
    assert values == [1.0, 3.0, 1 + 2.5 * 2]
    assert calls == [False, True, True, False]


def test_varying_begins_from_the_scene_and_stays_nearer_the_weaker() -> None:
    condition, clean = scene()
    free = condition._replace(known=torch.zeros_like(condition.known), valid=torch.ones_like(condition.valid))
    far = [float((sample(spread, free, SIGNAL, Sampling(20, strength=strength), noise(), clean) - clean)
                 .abs().mean()) for strength in (0.05, 0.25, 0.5, 0.75)]
    assert far == sorted(far)
    assert far[0] < 0.2
    with pytest.raises(ValueError, match="scenes to begin from"):
        sample(spread, free, SIGNAL, Sampling(20, strength=0.5), noise())


def test_the_levels_go_from_the_strength_down_to_the_first() -> None:
    assert levels_of(1000, Sampling(5)).tolist() == [999, 749, 500, 250, 0]
    assert levels_of(1000, Sampling(3, strength=0.5)).tolist() == [499, 250, 0]


def test_the_noise_of_an_attempt_is_its_own() -> None:
    both, second = noise_for(7, [4, 5], (3,)), noise_for(7, [5], (3,))
    assert torch.equal(both[1], second[0])
    assert not torch.equal(noise_for(8, [5], (3,)), second)
