"""The cached driver is the network itself: the same numbers, however long, in whatever batch."""

from __future__ import annotations

from dataclasses import asdict, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from test_behavior import CONTINUOUS, RECURRENT, SMALL, batch_of, network
from torch import Tensor

from drive_gen.envs.files import InputError
from drive_gen.policies.behavior import BehaviorTransformer, Prediction
from drive_gen.policies.config import BehaviorConfig, Steering
from drive_gen.policies.driver import BehaviorPolicy, Details, choose_return, pick
from drive_gen.policies.policy import Policy
from drive_gen.train.config import DriveConfig, TrainBehaviorConfig

LENGTH, WORLDS = 23, 4  # more than five contexts
STEERINGS = [Steering("bc"), Steering("target", target=(0.9, 0.1, 0.5)),
             Steering("tilt", kappa=(5.0, 2.0, 0.0))]


def observations(length: int = LENGTH) -> np.ndarray:
    """(length, WORLDS, 17, 9)."""
    return batch_of(worlds=WORLDS, steps=length)["observation"].transpose(0, 1).numpy()


def drive(policy: BehaviorPolicy, seen: np.ndarray, starts: np.ndarray,
          deterministic: bool = True) -> tuple[np.ndarray, list[Details]]:
    """Actions (length, W, ...) and details of each decision."""
    state, actions, details = None, [], []
    for rows, start in zip(seen, starts, strict=True):
        action, state, detail = policy.predict_with_details(rows, state, start, deterministic)
        actions.append(action)
        details.append(detail)
    return np.array(actions), details


def of_world(details: list[Details], world: int) -> list[Details]:
    return [Details(*(value[world] for value in vars(detail).values())) for detail in details]


def uncached(model: BehaviorTransformer, seen: np.ndarray, actions: np.ndarray, details: list[Details],
             null: bool) -> Prediction:
    """The forward over one world's whole episode, given the returns and actions that were chosen in it."""
    returns = torch.tensor(np.array([detail.return_ for detail in details])).nan_to_num(0.5)[None]
    keep = torch.full(returns.shape[:2], not null)
    with torch.inference_mode():
        return model(torch.tensor(seen)[None], returns, torch.tensor(actions)[None], keep)


def starts_at(*cells: tuple[int, int]) -> np.ndarray:
    """episode_start (LENGTH, WORLDS): at the first step, and at the (step, world) given."""
    starts = np.zeros((LENGTH, WORLDS), bool)
    starts[0] = True
    for cell in cells:
        starts[cell] = True
    return starts


@pytest.mark.parametrize("config", [SMALL, CONTINUOUS, RECURRENT], ids=["meta", "continuous", "gru"])
@pytest.mark.parametrize("steering", STEERINGS, ids=["bc", "target", "tilt"])
def test_the_cache_gives_what_the_forward_gives(config: BehaviorConfig, steering: Steering) -> None:
    """Beyond the context's length, and with two worlds beginning anew in the middle of the batch."""
    model, seen = network(config), observations()
    policy = BehaviorPolicy(model, steering)
    actions, details = drive(policy, seen, starts_at((7, 1), (15, 1), (12, 3)))
    for world, begins in ((0, [0, LENGTH]), (1, [0, 7, 15, LENGTH]), (3, [0, 12, LENGTH])):
        for start, stop in pairwise(begins):
            mine = of_world(details[start:stop], world)
            expected = uncached(model, seen[start:stop, world], actions[start:stop, world], mine,
                                steering.mode == "bc")
            for name, logits in (("return_probability", expected.return_logits),
                                 ("action_probability", expected.action_logits)):
                found = np.array([getattr(detail, name) for detail in mine])
                np.testing.assert_allclose(found, logits[0].softmax(-1), rtol=0, atol=1e-5)
            check_actions(model, actions[start:stop, world], expected)


def check_actions(model: BehaviorTransformer, actions: np.ndarray, expected: Prediction) -> None:
    """They are the most likely ones, with the offset of their bin."""
    best = expected.action_logits[0].argmax(-1)
    if expected.offsets is None:
        np.testing.assert_array_equal(actions, best)
        return
    controls = model.centers[best] + expected.offsets[0][torch.arange(len(best)), best]
    np.testing.assert_allclose(actions, controls.clamp(-1, 1), atol=1e-5)


def test_without_eviction_from_the_band_the_cache_test_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """Mutation: a mask one step too wide lets the ring's oldest step through."""
    from drive_gen.policies import driver

    model, seen = network(), observations()
    mask = driver.banded_mask
    monkeypatch.setattr(driver, "banded_mask", lambda query, key, steps: mask(query, key, steps + 1))
    actions, details = drive(BehaviorPolicy(model, STEERINGS[0]), seen, starts_at())
    mine = of_world(details, 0)
    logits = uncached(model, seen[:, 0], actions[:, 0], mine, null=True).action_logits
    expected, found = logits[0].softmax(-1).numpy(), np.array([detail.action_probability for detail in mine])
    np.testing.assert_allclose(found[:4], expected[:4], atol=1e-5)  # the band is not full yet
    assert np.abs(found[6:] - expected[6:]).max() > 1e-4


def test_a_hidden_state_that_outlives_its_episode_fails_the_test(monkeypatch: pytest.MonkeyPatch) -> None:
    """Mutation: the second episode of a world begins with the first one's hidden state."""
    from drive_gen.policies import driver

    model, seen, starts = network(RECURRENT), observations(), starts_at((9, 0))
    kept, _ = drive_details(BehaviorPolicy(model, STEERINGS[0]), seen, starts)
    made = driver._Carried.__init__

    def forgetful(self: driver._Carried, *arguments: object) -> None:
        made(self, *arguments)  # type: ignore[arg-type]
        self.is_first = torch.zeros_like(self.is_first)

    monkeypatch.setattr(driver._Carried, "__init__", forgetful)
    mixed, _ = drive_details(BehaviorPolicy(model, STEERINGS[0]), seen, starts)
    assert np.abs(kept[9] - mixed[9])[0].max() > 1e-4


def drive_details(policy: BehaviorPolicy, seen: np.ndarray,
                  starts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities of the actions (length, W, bins), and the actions."""
    actions, details = drive(policy, seen, starts)
    return np.array([detail.action_probability for detail in details]), actions


@pytest.mark.parametrize("config", [SMALL, RECURRENT], ids=["attention", "gru"])
def test_the_state_is_handed_over_not_hidden(config: BehaviorConfig) -> None:
    """Asking twice with one state gives one answer, and leaves that state as it was."""
    policy, seen = BehaviorPolicy(network(config)), observations(3)
    _, state = policy.predict(seen[0], deterministic=True)
    kept = [np.array(part) for part in state]
    first, after = policy.predict(seen[1], state, np.zeros(WORLDS, bool), True)
    policy.predict(seen[2], None, None, True)
    second, again = policy.predict(seen[1], state, np.zeros(WORLDS, bool), True)
    np.testing.assert_array_equal(first, second)
    for one, other, before, now in zip(after, again, kept, state, strict=True):
        np.testing.assert_array_equal(one, other)
        np.testing.assert_array_equal(before, now)
    assert isinstance(policy, Policy)
    assert all(isinstance(part, np.ndarray) and len(part) == WORLDS for part in state)


@pytest.mark.parametrize("config", [SMALL, RECURRENT], ids=["attention", "gru"])
def test_a_worlds_driving_does_not_depend_on_its_batch(config: BehaviorConfig) -> None:
    policy, seen = BehaviorPolicy(network(config), Steering(sampling=True, seed=3)), observations()
    together, _ = drive(policy, seen, starts_at((9, 2)), deterministic=False)
    for world, start in ((0, 0), (2, 9)):
        alone, _ = drive(policy, seen[start:, [world]], starts_at()[: LENGTH - start, :1], False)
        np.testing.assert_array_equal(together[start:, [world]], alone)


def test_sampled_draws_come_from_the_seed() -> None:
    seen = observations()
    policies = [BehaviorPolicy(network(), Steering(temperature=5.0, seed=seed)) for seed in (1, 1, 2)]
    runs = [drive(policy, seen, starts_at(), False)[0] for policy in policies]
    np.testing.assert_array_equal(runs[0], runs[1])
    assert (runs[0] != runs[2]).any()
    greedy, _ = drive(policies[0], seen, starts_at())
    assert (runs[0] != greedy).any()


def test_tilting_by_hand() -> None:
    """p(G) = (.5, .3, .2) on centres 1/6, 1/2, 5/6; kappa = 3 ln 2 doubles the odds from bin to bin."""
    logits = torch.tensor([0.5, 0.3, 0.2]).log().expand(1, 1, 3)
    kappa = 3 * np.log(2.0)
    for draw, expected in ((0.25, 1 / 6), (0.27, 1 / 2), (0.57, 1 / 2), (0.59, 5 / 6)):  # 5/19, 11/19, 1
        assert choose_return(logits, (kappa,), torch.tensor([[draw]])).item() == pytest.approx(expected)
    assert choose_return(logits, (0.0,), torch.tensor([[0.27]])).item() == pytest.approx(1 / 6)


def test_more_kappa_asks_for_more() -> None:
    logits = torch.randn(6, 3, 32, generator=torch.Generator().manual_seed(0))
    half = torch.full((6, 3), 0.5)
    asked = [choose_return(logits, (kappa,) * 3, half) for kappa in (-50.0, -5.0, 0.0, 5.0, 50.0, 500.0)]
    assert all((low <= high).all() for low, high in pairwise(asked))
    torch.testing.assert_close(asked[-1], torch.full((6, 3), 63 / 64))


def test_picking_is_the_inverse_of_the_cumulative_distribution() -> None:
    probability = torch.tensor([0.2, 0.0, 0.5, 0.3])
    draws = torch.rand(20_000, generator=torch.Generator().manual_seed(0))
    picked = pick(probability.expand(len(draws), 4), draws)
    shares: Tensor = torch.bincount(picked, minlength=4) / len(draws)
    torch.testing.assert_close(shares, probability, rtol=0, atol=0.01)
    assert pick(torch.tensor([0.5, 0.5 - 1e-7]), torch.tensor(1 - 1e-7)).item() == 1


def test_details_say_whom_it_looks_at_and_what_it_expects() -> None:
    seen = observations(2)
    _, _, details = BehaviorPolicy(network()).predict_with_details(seen[0], deterministic=True)
    present = seen[0, :, 1:, 0] > 0.5
    assert details.attention.shape == (WORLDS, 16)
    assert (details.attention[present] > 0).all()
    assert (details.attention[~present] == 0).all()
    assert (details.attention.sum(1) < 1).all()
    np.testing.assert_allclose(details.return_probability.sum(-1), 1, atol=1e-5)
    assert np.isfinite(details.return_).all()


@pytest.mark.parametrize("config", [CONTINUOUS, replace(CONTINUOUS, memory="gru")], ids=["attention", "gru"])
def test_a_checkpoint_drives_as_its_network(config: BehaviorConfig, tmp_path: Path) -> None:
    model, seen = network(config), observations(5)
    model.save_pretrained(tmp_path / "model")
    loaded = BehaviorPolicy.from_checkpoint(tmp_path / "model", "target", target=(1.0, 1.0, 0.0), seed=4)
    assert loaded.steering == Steering("target", target=(1.0, 1.0, 0.0), seed=4)
    policy = BehaviorPolicy(model, loaded.steering)
    actions = [drive(driver, seen, starts_at()[:5])[0] for driver in (loaded, policy)]
    np.testing.assert_array_equal(*actions)
    with pytest.raises(InputError, match="unknown mode"):
        BehaviorPolicy.from_checkpoint(tmp_path / "model", "fast")


def test_a_checkpoint_is_steered_as_it_was_chosen(tmp_path: Path) -> None:
    model = network(CONTINUOUS)
    chosen = Steering("bc", kappa=(1.0, 2.0, 3.0))
    training = {"training": asdict(TrainBehaviorConfig(drive=DriveConfig(steering=chosen)))}
    model.save_pretrained(tmp_path / "model", train_config=training)
    assert BehaviorPolicy.from_checkpoint(tmp_path / "model").steering == chosen
    asked = BehaviorPolicy.from_checkpoint(tmp_path / "model", "tilt").steering
    assert asked == replace(chosen, mode="tilt")


def test_caution_weighs_the_odds() -> None:
    """At caution 2 a bold action needs four times SLOWER's probability, and twice IDLE's."""
    model = network()
    with torch.no_grad():
        model.action_head.weight.zero_()
        for bold, idle, slower, wins in ((0.5, 0.2, 0.1, 0), (0.3, 0.2, 0.16, 4), (0.3, 0.2, 0.05, 1)):
            odds = torch.tensor([bold, idle, 0.01, 0.01, slower])
            model.action_head.bias.copy_(odds.log())
            seen = np.zeros((1, 17, 9), np.float32)
            for caution, chosen in ((1.0, 0), (2.0, wins)):
                policy = BehaviorPolicy(model, Steering("bc", caution=caution))
                assert policy.predict(seen, deterministic=True)[0].tolist() == [chosen]


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(InputError, match="kappa needs 3 numbers"):
        BehaviorPolicy(network(), Steering(kappa=(1.0,)))
    with pytest.raises(InputError, match="caution is for meta-actions"):
        BehaviorPolicy(network(CONTINUOUS), Steering(caution=2.0))
    with pytest.raises(InputError, match="caution must be positive"):
        Steering(caution=0.0)
    with pytest.raises(ValueError, match="observation has shape"):
        BehaviorPolicy(network()).predict(np.zeros((2, 5, 5), np.float32))


def test_sb3_evaluates_it() -> None:
    """stable-baselines3 hands the state back and says where episodes start, in a batch of two worlds."""
    evaluation = pytest.importorskip("stable_baselines3.common.evaluation")
    vec_env = pytest.importorskip("stable_baselines3.common.vec_env")
    from drive_gen.envs.vector import DriveEnv
    from drive_gen.envs.world import EnvConfig

    env = vec_env.DummyVecEnv([lambda: DriveEnv(EnvConfig(duration_s=4, vehicles=5)) for _ in range(2)])
    env.seed(3)
    policy = BehaviorPolicy(network(replace(SMALL, context_steps=2)))
    returns, lengths = evaluation.evaluate_policy(policy, env, n_eval_episodes=4, warn=False,
                                                  return_episode_rewards=True)
    assert len(returns) == 4
    assert max(lengths) <= 4
    env.close()
