"""What the denoising network must not depend on, and what it can learn."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from traffic import driven

from drive_gen.generate.config import DiffusionConfig, DiffusionTraining
from drive_gen.generate.denoiser import Condition, Denoiser
from drive_gen.generate.sampler import condition_of, normalised
from drive_gen.generate.scenes import scenes_of
from drive_gen.train.config import LoopConfig
from drive_gen.train.diffusion import batches_of, loss_of, scaled

CONFIG = DiffusionConfig(frames=20, agents=5, width=32, heads=2, layers=2)


def shaken(config: DiffusionConfig = CONFIG) -> Denoiser:
    """A network whose every weight counts: at the start, gates and head are zero."""
    model, generator = Denoiser(config), torch.Generator().manual_seed(3)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.1 * torch.randn(parameter.shape, generator=generator)
    return model.eval()


def inputs() -> tuple[torch.Tensor, torch.Tensor, Condition]:
    scenes = scenes_of([driven(agents=4)], CONFIG).take(np.array([0, 3]))
    noisy = torch.randn(2, 5, 20, 4, generator=torch.Generator().manual_seed(1))
    return noisy, torch.tensor([0.3, 0.8]), condition_of(scenes, CONFIG)


@torch.no_grad()
def test_the_order_of_the_agents_other_than_the_ego_does_not_matter() -> None:
    model, (noisy, signal, condition) = shaken(), inputs()
    order = torch.tensor([0, 3, 1, 4, 2])
    moved = condition._replace(**{name: getattr(condition, name)[:, order]
                                  for name in ("agent", "valid", "known", "given")})
    expected = model(noisy, signal, condition)[:, order]
    torch.testing.assert_close(model(noisy[:, order], signal, moved), expected, atol=1e-5, rtol=1e-5)
    swapped = torch.tensor([1, 0, 2, 3, 4])  # but the ego is told apart
    other = condition._replace(**{name: getattr(condition, name)[:, swapped]
                                  for name in ("agent", "valid", "known", "given")})
    assert not torch.allclose(model(noisy[:, swapped], signal, other)[:, swapped],
                              model(noisy, signal, condition), atol=1e-3)


@torch.no_grad()
def test_what_absent_agents_and_unknown_frames_hold_does_not_matter() -> None:
    model, (noisy, signal, condition) = shaken(), inputs()
    expected = model(noisy, signal, condition)
    agent, given = condition.agent.clone(), condition.given.clone()
    agent[:, 4], given[~condition.known] = 7.0, 9.0
    changed = noisy.clone()
    changed[:, 4] = 5.0
    got = model(changed, signal, condition._replace(agent=agent, given=given))
    torch.testing.assert_close(got[:, :4], expected[:, :4], atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_what_agents_condition_and_noise_hold_does_matter() -> None:
    model, (noisy, signal, condition) = shaken(), inputs()
    expected = model(noisy, signal, condition)
    changed = noisy.clone()
    changed[:, 2] += 1
    returns = condition.returns * 0.5
    for other in (model(changed, signal, condition), model(noisy, signal * 0.5, condition),
                  model(noisy, signal, condition._replace(returns=returns)),
                  model(noisy, signal, condition.unasked()),
                  model(noisy, signal, condition._replace(road=condition.road * 1.5))):
        assert float((other[:, 0] - expected[:, 0]).abs().max()) > 1e-3
    unasked = condition.unasked()
    torch.testing.assert_close(model(noisy, signal, unasked._replace(returns=returns)),
                               model(noisy, signal, unasked))


def test_an_agent_sees_how_its_lead_moves_against_it() -> None:
    """Cars 0 and 3 begin in one lane, 120 m apart; the others have nobody ahead of them."""
    noisy, _, condition = inputs()
    seen = Denoiser(CONFIG)._ahead(noisy, condition)
    ego, lead = list(condition.agent[0, [0, 3], :3] * torch.tensor([50.0, 4, 20]))
    torch.testing.assert_close(seen[0, 0, :, :4], noisy[0, 3] - noisy[0, 0])
    gap = (lead - ego)[0] + (lead - ego)[2] * 0.2 * torch.arange(20)
    torch.testing.assert_close(seen[0, 0, :, 4], gap / 50)
    assert float((lead - ego)[0]) == pytest.approx(120, abs=1e-3)
    assert (seen[0, 0, :, 5] == 1).all()
    assert not seen[0, 1:4].any()


def test_consistent_motion_has_places_that_are_sums_of_speeds() -> None:
    model = Denoiser(CONFIG)
    motion = torch.randn(2, 5, 20, 4, generator=torch.Generator().manual_seed(0)) * 0.2
    scales = torch.tensor(CONFIG.scales)
    state = model.consistent(motion) * scales
    steps = state[:, :, 1:, :2] - state[:, :, :-1, :2]
    torch.testing.assert_close(steps, state[:, :, :-1, 2:] * CONFIG.dt_s, atol=1e-4, rtol=0)
    again = model.consistent(state / scales)  # the noise is gone: little is left to smooth
    assert float((again * scales - state).abs().mean()) < 0.2 * float((state - motion * scales).abs().mean())


def test_driven_motion_is_consistent_already() -> None:
    scenes = scenes_of([driven()], CONFIG)
    state = normalised(torch.from_numpy(scenes.state), CONFIG)
    error = (Denoiser(CONFIG).consistent(state) - state) * torch.tensor(CONFIG.scales)
    assert float(error.abs().max()) < 0.1


def test_one_batch_can_be_learnt_by_heart() -> None:
    scenes = scenes_of([driven(agents=4)], CONFIG).take(np.array([0, 4]))
    config = scaled(CONFIG, scenes)
    training = DiffusionTraining(model=config, loop=LoopConfig(batch_size=16), drop_return=0, whole_agents=0)
    model, batch = Denoiser(config), batches_of(scenes, training)(0)
    optimizer = torch.optim.Adam(model.parameters(), lr=4e-3)
    losses = []
    for _ in range(100):
        optimizer.zero_grad()
        loss = loss_of(model, batch)["loss"]
        loss.backward()  # type: ignore[no-untyped-call]
        losses.append(loss.item())
        optimizer.step()
    assert losses[-1] < 0.1 * losses[0]


def test_batches_are_of_their_step_and_know_the_history() -> None:
    scenes = scenes_of([driven(agents=4)], CONFIG)
    training = DiffusionTraining(model=CONFIG, loop=LoopConfig(batch_size=64), whole_agents=0.5)
    batch_of = batches_of(scenes, training)
    one, again, other = batch_of(3), batch_of(3), batch_of(4)
    assert all(torch.equal(one[name], again[name]) for name in one)
    assert not torch.equal(one["noise"], other["noise"])
    whole = one["known"].all(-1)
    assert one["known"][:, :4, :5].all()
    assert not one["known"][:, 4].any()
    assert 0.1 < whole[:, :4].float().mean() < 0.45
    assert 0.6 < one["asked"].float().mean() < 0.95


def test_a_checkpoint_gives_the_same_network(tmp_path: Path) -> None:
    model, (noisy, signal, condition) = shaken(), inputs()
    model.save_pretrained(tmp_path / "diffusion")
    loaded = Denoiser.from_pretrained(tmp_path / "diffusion")
    assert loaded.config == CONFIG
    torch.testing.assert_close(loaded(noisy, signal, condition), model(noisy, signal, condition))


def test_the_base_network_has_one_to_two_million_weights() -> None:
    count = sum(parameter.numel() for parameter in Denoiser(DiffusionConfig()).parameters())
    assert 1e6 < count < 2e6


def test_configs_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="multiple of patch_frames"):
        DiffusionConfig(frames=53)
    with pytest.raises(ValueError, match="multiple of heads"):
        DiffusionConfig(width=130)


def test_the_network_needs_no_simulator() -> None:
    code = ("import sys; import drive_gen.generate.denoiser, drive_gen.generate.sampler; "
            "print([name for name in ('gymnasium', 'highway_env', 'stable_baselines3', 'pygame') "
            "if name in sys.modules])")
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "[]\n"
