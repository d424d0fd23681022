"""What the behaviour transformer must be: causal, blind to order and padding, trainable."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from drive_gen.envs.files import InputError
from drive_gen.policies import blocks
from drive_gen.policies.behavior import BehaviorTransformer, Prediction
from drive_gen.policies.blocks import banded_mask, rotary, rotate
from drive_gen.policies.config import BehaviorConfig, Steering, per_component
from drive_gen.train.behavior_loss import behavior_loss, keep_mask
from drive_gen.train.config import LossConfig

torch.set_num_threads(1)
SMALL = BehaviorConfig(width=32, heads=2, layers=2, context_steps=4, return_bins=8, dropout=0.0)
CONTINUOUS = replace(SMALL, actions="continuous", action_bins=6)
RECURRENT = replace(SMALL, memory="gru")
STEPS = 7


def network(config: BehaviorConfig = SMALL, seed: int = 1) -> BehaviorTransformer:
    """A small network whose predictions vary with all that they may depend on."""
    model = BehaviorTransformer(config, seed=seed).eval()
    generator = torch.Generator().manual_seed(seed + 1)
    for parameter in (model.no_return, model.no_action, model.encoder.nobody):
        torch.nn.init.normal_(parameter, generator=generator)
    if not model.is_meta:
        model.centers.uniform_(-1, 1, generator=generator)
    return model


def batch_of(config: BehaviorConfig = SMALL, worlds: int = 3, steps: int = STEPS) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(0)

    def uniform(*shape: int) -> Tensor:
        return torch.rand(*shape, generator=generator)

    observation = uniform(worlds, steps, 17, 9) * 2 - 1
    observation[..., 0] = (uniform(worlds, steps, 17) < 0.6).float()
    action = uniform(worlds, steps, 2) * 2 - 1
    if config.actions == "meta":
        action = (uniform(worlds, steps) * 5).long()
    sure = {name: torch.ones(worlds, steps, dtype=bool) for name in ("label_known", "return_known", "valid")}
    return {"observation": observation, "action": action, "label": action,
            "return_": uniform(worlds, steps, 3), **sure}


def predict(model: BehaviorTransformer, batch: dict[str, Tensor]) -> Prediction:
    with torch.inference_mode():
        return model(batch["observation"], batch["return_"], batch["action"])


def changed(batch: dict[str, Tensor], name: str, step: int) -> dict[str, Tensor]:
    """The batch with one kind of token changed at one step, in all worlds."""
    value = batch[name].clone()
    if name == "observation":
        value[:, step, 0, 1] += 1
    else:
        value[:, step] = (value[:, step] + 2) % 5 if value.dtype == torch.int64 else 1 - value[:, step]
    return {**batch, name: value}


def steps_that_differ(one: Tensor, other: Tensor) -> set[int]:
    return set((one != other).flatten(2).any(-1).any(0).nonzero().flatten().tolist())


def check_causality(model: BehaviorTransformer, config: BehaviorConfig) -> None:
    """Each token reaches its own step's later predictions and later steps' ones, and nothing before."""
    batch, step = batch_of(config), 3
    before, later = predict(model, batch), set(range(step + 1, STEPS))
    for name, own_return, own_action in (("observation", True, True), ("return_", False, True),
                                         ("action", False, False)):
        after = predict(model, changed(batch, name, step))
        for reached, one, other in ((own_return, before.return_logits, after.return_logits),
                                    (own_action, before.action_logits, after.action_logits)):
            assert steps_that_differ(one, other) == (later | {step} if reached else later), name


@pytest.mark.parametrize("config", [SMALL, CONTINUOUS, RECURRENT], ids=["meta", "continuous", "gru"])
def test_no_prediction_sees_what_comes_after_it(config: BehaviorConfig) -> None:
    check_causality(network(config), config)


def test_without_the_mask_the_causality_test_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """Mutation: attention to everything."""
    model = network()
    monkeypatch.setattr(model, "mask", lambda places: torch.ones(len(places), len(places), dtype=bool))
    with pytest.raises(AssertionError):
        check_causality(model, SMALL)


def test_the_mask_by_hand() -> None:
    """Two steps of context: a step's tokens see its own earlier ones and all three of the step before."""
    positions = torch.arange(9)
    mask = banded_mask(positions, positions, context_steps=2)
    assert mask[6].tolist() == [False] * 3 + [True] * 4 + [False] * 2  # a state
    assert mask[8].tolist() == [False] * 3 + [True] * 6  # an action
    assert mask[1].tolist() == [True] * 2 + [False] * 7


def test_what_lies_outside_all_bands_is_forgotten() -> None:
    """Two layers of a band of 4 steps reach 2 * (4 - 1) steps back; the seventh is out of reach."""
    model, batch = network(), batch_of(steps=9)
    after = predict(model, changed(batch, "observation", 0))
    assert steps_that_differ(predict(model, batch).action_logits, after.action_logits) == set(range(7))


@settings(max_examples=15, deadline=None)
@given(st.permutations(range(16)))
def test_the_neighbours_are_a_set(order: list[int]) -> None:
    model, batch = network(replace(SMALL, encoder_layers=2)), batch_of()
    shuffled = batch["observation"].clone()
    shuffled[:, :, 1:] = batch["observation"][:, :, 1:][:, :, order]
    before, after = predict(model, batch), predict(model, {**batch, "observation": shuffled})
    torch.testing.assert_close(after.action_logits, before.action_logits, rtol=0, atol=1e-5)
    torch.testing.assert_close(model.encoder.attention(shuffled),
                               model.encoder.attention(batch["observation"])[..., order], rtol=0, atol=1e-6)


@pytest.mark.parametrize("garbage", [7.0, float("nan")])
def test_absent_neighbours_say_nothing(garbage: float) -> None:
    model, batch = network(), batch_of()
    observation = batch["observation"].clone()
    observation[:, :, 1:, 1:][observation[:, :, 1:, 0] == 0] = garbage
    after = predict(model, {**batch, "observation": observation})
    assert torch.equal(after.action_logits, predict(model, batch).action_logits)


def test_an_empty_road_has_an_answer_and_nobody_to_look_at() -> None:
    model, batch = network(), batch_of()
    batch["observation"][:, :, 1:] = 0
    assert predict(model, batch).action_logits.isfinite().all()
    assert model.encoder.attention(batch["observation"]).abs().max() == 0


def test_attention_weights_are_those_that_attention_uses() -> None:
    """With values replaced by one-hot rows, what the fused kernel gives is the weights."""
    layer = network().encoder.layers[0]
    generator = torch.Generator().manual_seed(0)
    ego, others = torch.randn(5, 32, generator=generator), torch.randn(5, 17, 32, generator=generator)
    present = torch.rand(5, 17, generator=generator) < 0.5
    present[:, 0] = True
    q, k, _ = layer._parts(ego, others)
    heard = torch.nn.functional.scaled_dot_product_attention(
        q, k, torch.eye(17).expand(5, layer.heads, 17, 17), attn_mask=present[:, None, None])
    torch.testing.assert_close(layer.weights(ego, others, present), heard[:, :, 0].mean(1))


@settings(max_examples=10, deadline=None)
@given(st.integers(1, STEPS - 1))
def test_padding_on_the_right_changes_nothing(steps: int) -> None:
    model, batch = network(), batch_of()
    cut = {name: value[:, :steps] for name, value in batch.items()}
    whole, part = predict(model, batch).action_logits[:, :steps], predict(model, cut).action_logits
    torch.testing.assert_close(whole, part, rtol=0, atol=1e-5)
    padded = {**batch, "valid": torch.arange(STEPS).expand(3, -1) < steps}
    losses, expected = (behavior_loss(model, part, LossConfig()) for part in (padded, cut))
    torch.testing.assert_close(losses["loss"], expected["loss"])


def test_rotary_attention_knows_distances_only() -> None:
    generator = torch.Generator().manual_seed(0)
    q, k = torch.randn(2, 4, 16, generator=generator)
    for shift in (1, 10_000):
        near, far = (rotate(q, rotary(torch.arange(4) + offset, 16)) @ rotate(
            k, rotary(torch.arange(4) + offset, 16)).T for offset in (0, shift))
        torch.testing.assert_close(near, far, rtol=0, atol=1e-4)


def test_hidden_returns_and_actions_are_those_hidden() -> None:
    model, batch = network(), batch_of()
    keep = torch.ones(3, STEPS, dtype=torch.bool).index_fill(1, torch.tensor([2]), False)
    arguments = (batch["observation"], batch["return_"], batch["action"])
    before, other = model(*arguments, keep, keep), changed(changed(batch, "return_", 2), "action", 2)
    after = model(other["observation"], other["return_"], other["action"], keep, keep)
    assert torch.equal(before.action_logits, after.action_logits)
    assert not torch.equal(before.action_logits, model(*arguments).action_logits)


@pytest.mark.parametrize("share", [0.0, 0.25, 0.4])
def test_the_share_that_is_dropped(share: float) -> None:
    torch.manual_seed(0)
    dropped = 1 - keep_mask(torch.ones(200, 200, dtype=torch.bool), share).float().mean().item()
    assert dropped == pytest.approx(share, abs=0.01)
    assert not keep_mask(torch.zeros(9, 9, dtype=torch.bool), share).any()


def test_training_hides_the_returns_of_whole_windows_and_evaluation_none() -> None:
    model, batch = network(replace(SMALL, return_dropout=0.5)), batch_of(worlds=400)
    seen: list[Tensor] = []
    original = model.return_token
    model.return_token = lambda return_, keep: (seen.append(keep), original(return_, keep))[1]  # type: ignore
    behavior_loss(model.eval(), batch, LossConfig())
    torch.manual_seed(0)
    behavior_loss(model.train(), batch, LossConfig())
    assert seen[0].all()
    assert seen[1].shape == (400, STEPS)
    assert torch.equal(seen[1].all(1), seen[1].any(1))
    assert seen[1].float().mean().item() == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize("config", [SMALL, CONTINUOUS, RECURRENT], ids=["meta", "continuous", "gru"])
def test_one_batch_is_learnt_by_heart(config: BehaviorConfig) -> None:
    model, batch = network(config).train(), batch_of(config, worlds=4, steps=5)
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3)
    torch.manual_seed(0)
    first = behavior_loss(model.eval(), batch, LossConfig())["action"].item()
    for _ in range(80):
        loss = behavior_loss(model.train(), batch, LossConfig())["loss"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    last = behavior_loss(model.eval(), batch, LossConfig())
    assert last["action"].item() < 0.1 * first
    assert last["return"].item() < 1.0


def test_the_losses_by_hand() -> None:
    """Uniform logits: log(5) for the action, log(8) for each return; masked steps count for nothing."""
    model, batch = network(), batch_of()
    with torch.no_grad():
        for head in (model.action_head, model.return_head):
            head.weight.zero_()
            head.bias.zero_()
    losses = behavior_loss(model, batch, LossConfig(return_weight=0.5))
    assert losses["action"].item() == pytest.approx(torch.tensor(5.0).log().item())
    assert losses["return"].item() == pytest.approx(torch.tensor(8.0).log().item())
    assert losses["loss"].item() == pytest.approx(losses["action"].item() + 0.5 * losses["return"].item())
    model.action_head.bias.data[2] = 1e4  # certain of action 2
    known = batch["label"] == 2
    assert behavior_loss(model, {**batch, "label_known": known}, LossConfig())["action"].item() == 0
    nothing = torch.zeros_like(known)
    assert behavior_loss(model, {**batch, "valid": nothing}, LossConfig())["loss"].item() == 0


def test_an_unknown_return_is_neither_seen_nor_learnt() -> None:
    model, batch = network(), batch_of()
    batch["return_known"][:, 3] = False
    before = behavior_loss(model, batch, LossConfig())
    after = behavior_loss(model, changed(batch, "return_", 3), LossConfig())
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_the_offset_is_learnt_at_the_true_bin_only() -> None:
    model, batch = network(CONTINUOUS), batch_of(CONTINUOUS)
    losses = behavior_loss(model, batch, LossConfig())
    losses["offset"].backward()
    used = model.control_bins.encode(batch["label"])[0].unique().tolist()
    moved = model.offset_head.bias.grad.view(-1, 2).abs().sum(-1) > 0
    assert moved.nonzero().flatten().tolist() == used


def test_a_gru_remembers_what_attention_has_lost_sight_of() -> None:
    """The first state reaches a GRU's last prediction; two steps back is all that a narrow band lets through.

    Two layers of a context of two steps reach two steps back.
    """
    for memory, reached in (("gru", {*range(STEPS)}), ("attention", {0, 1, 2})):
        model, batch = network(replace(SMALL, memory=memory, context_steps=2)), batch_of()
        before, after = predict(model, batch), predict(model, changed(batch, "observation", 0))
        assert steps_that_differ(before.action_logits, after.action_logits) == reached


@pytest.mark.parametrize("config", [SMALL, RECURRENT], ids=["attention", "gru"])
def test_one_seed_one_network(config: BehaviorConfig) -> None:
    torch.manual_seed(1)
    one = BehaviorTransformer(config, seed=3)
    torch.manual_seed(2)
    same = BehaviorTransformer(config, seed=3)
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), same.parameters(), strict=True))
    deep = BehaviorTransformer(replace(SMALL, width=128, layers=8), seed=3).blocks[0]
    assert deep.attention.project.weight.std().item() == pytest.approx((128 * 16) ** -0.5, rel=0.05)
    assert blocks.TOKENS_PER_STEP == 3


@pytest.mark.parametrize(("name", "value"), [("width", 30), ("action_bins", 7), ("dropout", 1.0),
                                             ("context_steps", 0)])
def test_a_config_that_cannot_be_is_refused(name: str, value: float) -> None:
    with pytest.raises(InputError, match=name):
        BehaviorConfig(**{name: value})  # type: ignore[arg-type]


def test_steering_is_checked() -> None:
    with pytest.raises(InputError, match="unknown mode 'fast'"):
        Steering(mode="fast")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="target"):
        Steering(target=(2.0, 1.0, 1.0))
    assert per_component({"safety": 1.0}, (0.1, 0.2, 0.3)) == (0.1, 1.0, 0.3)
    with pytest.raises(InputError, match="unknown return component 'speed'"):
        per_component({"speed": 1.0}, (0.1, 0.2, 0.3))
