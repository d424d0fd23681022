"""Risk from pictures: labels, what a frame can tell, and networks, their checkpoints and their attention."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from worlds import cruising

from drive_gen.cli import main
from drive_gen.envs.files import InputError
from drive_gen.envs.frames.cells import FACTS, cells_of
from drive_gen.envs.frames.draw import draw_frame
from drive_gen.envs.frames.views import BirdView
from drive_gen.evaluate.classification import auroc
from drive_gen.evaluate.risk import evaluate_risks, floors
from drive_gen.perception.features import FrozenFeatures, features
from drive_gen.perception.risk import Risk, risk_loss
from drive_gen.perception.risk_config import MODELS, RiskConfig, RiskTraffic, RiskTraining
from drive_gen.perception.risk_data import Moments, bucket_of, exact_ttc_s, known_moments, moments_of
from drive_gen.perception.vit import attention_rollout, begin_with, rolled_out, shape_of
from drive_gen.train.config import LoopConfig
from drive_gen.train.risk import batches_of, judged, loss_of, mirrored, train_risk, validate

torch.set_num_threads(1)
ASSETS = Path(__file__).parents[1] / "drive_gen" / "assets"
SMALL = RiskConfig(size_px=32, m_per_px=2.0, width=32, layers=2, heads=4, inner=64)
FEW = RiskTraffic(envs=("two-way-v0", "merge-v0"), episodes=16)


def small(model: str) -> RiskConfig:
    if model == "vit":
        pytest.importorskip("transformers", reason="a ViT needs transformers: the extra [perception]")
    return replace(SMALL, model=model)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def moments() -> Moments:
    return moments_of(FEW, SMALL.pictures)


def test_moments_come_back_from_their_seeds(moments: Moments) -> None:
    moments_of.cache_clear()
    again = moments_of(FEW, SMALL.pictures)
    assert again is not moments
    assert all(np.array_equal(getattr(again, name), getattr(moments, name), equal_nan=name == "ttc_s")
               for name in ("frames", "crash", "ttc_s", "seed", "cells"))
    assert moments.crash.any()
    assert not moments.crash.all()


def test_labels_are_the_episodes_future() -> None:
    """A car at 10 m/s, 20 m (15 m of gap) behind a standing one: contact is due after 1.5 s."""
    episode = cruising([(0, 0), (20, 0)], [10, 0], frames=41, dt_s=0.1)
    crashed = episode.crashed.copy()
    crashed[0, 25:] = True
    episode = replace(episode, crashed=crashed)
    assert exact_ttc_s(episode)[0] == pytest.approx(1.5)
    assert known_moments(episode, 0) == [(0, False), (5, True), (10, True), (15, True), (20, True)]
    calm = replace(episode, crashed=np.zeros_like(crashed))
    assert known_moments(calm, 10) == [(10, False), (15, False), (20, False)]  # later the future is not known


def test_buckets() -> None:
    times = np.array([0.0, 1.0, 1.5, 3.0, 4.5, np.inf, np.nan])
    assert bucket_of(times).tolist() == [0, 0, 1, 2, 3, 3, 3]


def test_one_frame_carries_no_speed() -> None:
    """Two worlds that differ in speeds alone look the same now, and differ before."""
    slow, fast = (cruising([(20 - 0.4 * speed, 0), (50, 0)], [speed, 0], frames=9, dt_s=0.1)
                  for speed in (10, 20))
    view = BirdView(64, 1.0, 0.3)
    now = [draw_frame(episode.scene(4), view).rgb for episode in (slow, fast)]
    before = [draw_frame(episode.scene(0), view).rgb for episode in (slow, fast)]
    assert np.array_equal(*now)
    assert not np.array_equal(*before)
    assert exact_ttc_s(slow)[4] == pytest.approx(2 * exact_ttc_s(fast)[4])
    with pytest.raises(InputError, match="carries no speed"):
        RiskConfig(frames=1)


@pytest.mark.parametrize("model", MODELS)
def test_sixteen_clips_are_learned_by_heart(model: str, moments: Moments) -> None:
    crash, calm = np.flatnonzero(moments.crash)[:8], np.flatnonzero(~moments.crash)[:8]
    chosen = np.concatenate((crash, calm))
    network = Risk(small(model)).train()
    optimizer = torch.optim.AdamW(network.parameters(), lr=2e-3)
    frames = torch.from_numpy(moments.frames[chosen])
    crash_, bucket = torch.from_numpy(moments.crash[chosen]), torch.from_numpy(moments.bucket[chosen])
    for _ in range(200):
        loss = risk_loss(network(frames), crash_, bucket)["loss"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if loss.item() < 0.05:
            break
    said = network.eval()(frames)
    assert ((said.crash > 0) == crash_).all()
    assert (said.bucket.argmax(-1) == bucket).all()


@pytest.mark.parametrize("model", MODELS)
def test_every_frame_is_read(model: str, moments: Moments) -> None:
    network, frames = Risk(small(model)).eval(), torch.from_numpy(moments.frames[:1])
    with torch.no_grad():
        for frame in range(SMALL.frames):
            changed = frames.clone()
            changed[:, frame] = 255 - changed[:, frame]
            assert not torch.equal(network(frames).crash, network(changed).crash)


def test_the_mirror_is_a_batch_of_the_same_moments(moments: Moments) -> None:
    kept = moments.frames.copy()
    batch_of = batches_of(moments, 32, seed=0)
    first, again = batch_of(3), batch_of(3)
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert np.array_equal(moments.frames, kept)
    either = {clip.tobytes() for clip in kept} | {clip[:, :, ::-1].tobytes() for clip in kept}
    assert all(clip.numpy().tobytes() in either for clip in first["frames"])


def test_cells_by_hand() -> None:
    """From an ego at 20 m/s: one car 20 m ahead and 2 m to the right at 15 m/s, one too far behind."""
    scene = cruising([(0, 0), (20, 2), (-30, 0)], [20, 15, 20], frames=2, dt_s=0.1).scene(0)
    turned = replace(scene, position_m=scene.position_m @ np.array([[0, 1], [-1, 0]], np.float32),
                     heading_rad=scene.heading_rad + np.float32(np.pi / 2))
    for seen in (scene, turned):
        cells = cells_of(seen, BirdView(64, 1.0, 0.25), (8, 8))
        assert cells.shape == (8, 8, FACTS)
        assert np.argwhere(cells[..., 0]).tolist() == [[3, 4]]  # 28 px down and 34 px along
        expected = [1, 3.5 - 28 / 8, 34 / 8 - 4.5, -0.5, 0]
        assert cells[3, 4] == pytest.approx(expected, abs=2e-3)
    narrow = cells_of(scene, BirdView(64, 1.0, 0.25, width_px=16), (8, 4))
    assert np.argwhere(narrow[..., 0]).tolist() == [[3, 2]]  # 10 px of the middle 16 along


def test_mirrored_cells_are_those_of_the_mirrored_world() -> None:
    view = BirdView(64, 1.0, 0.25)
    scene = cruising([(0, 0), (21, 3), (-5, -7)], [20, 15, 20], frames=2, dt_s=0.1).scene(0)
    scene = replace(scene, heading_rad=np.array([0, 0.3, -0.2], np.float32))
    other = replace(scene, position_m=scene.position_m * [1, -1], heading_rad=-scene.heading_rad)
    assert np.allclose(mirrored(cells_of(scene, view, (8, 8))), cells_of(other, view, (8, 8)), atol=2e-3)


def test_what_a_vit_says_of_cells_is_learnt(moments: Moments) -> None:
    network = Risk(replace(small("vit"), cells=True)).train()
    batch = batches_of(moments, 16, seed=0)(0)
    before = loss_of(network, batch)
    optimizer = torch.optim.AdamW(network.parameters(), lr=2e-3)
    for _ in range(60):
        losses = loss_of(network, batch)
        optimizer.zero_grad()
        losses["loss"].backward()
        optimizer.step()
    assert losses["cells"].item() < 0.6 * before["cells"].item()
    with pytest.raises(InputError, match="cells"):
        replace(SMALL, model="cnn", cells=True)


@pytest.mark.parametrize("model", MODELS)
def test_features_are_what_the_heads_read(model: str, moments: Moments) -> None:
    network, clips = Risk(small(model)).eval(), moments.frames[:5]
    found = features(network, clips)
    assert found.shape == (5, SMALL.width)
    with torch.no_grad():
        said = network.crash(torch.from_numpy(found))[:, 0]
        assert torch.equal(said, network(torch.from_numpy(clips)).crash)
    still = np.repeat(clips[:, -1:], SMALL.frames, axis=1)
    assert np.allclose(features(network, clips[:, -1]), features(network, still), atol=1e-5)
    large = np.repeat(np.repeat(clips[:, -1], 2, axis=1), 2, axis=2)
    assert np.allclose(features(network, large), features(network, still), atol=1e-5)
    frozen = FrozenFeatures(network).train()
    assert not frozen.model.training
    assert frozen.num_features == SMALL.width


def test_torchmetrics_measures_with_our_features(moments: Moments) -> None:
    fid = pytest.importorskip("torchmetrics.image.fid", reason="needs the extra [perception]")
    pictures = torch.from_numpy(moments.frames[:, -1]).movedim(-1, 1)
    measure = fid.FrechetInceptionDistance(FrozenFeatures(Risk(small("cnn"))), reset_real_features=False)
    measure.update(pictures[::2], real=True)
    far = []
    for others in (pictures[::2], pictures[1::2], 255 - pictures[1::2]):
        measure.update(others, real=False)
        far.append(float(measure.compute()))
        measure.reset()
    assert far[0] < 0.01 * far[1]
    assert far[2] > 2 * far[1]


def test_validation_sets_the_temperature(moments: Moments) -> None:
    network = Risk(replace(SMALL, model="cnn")).eval()
    scores = validate(network, moments)
    assert scores["score"] == -scores["validation_loss"]
    assert float(network.temperature) == pytest.approx(scores["temperature"])
    probability, buckets = network.predict(torch.from_numpy(moments.frames))
    expected = torch.sigmoid(judged(network, moments.frames).crash / network.temperature)
    torch.testing.assert_close(probability, expected)
    torch.testing.assert_close(buckets.sum(-1), torch.ones(len(moments)))


@pytest.mark.parametrize("model", MODELS)
def test_a_checkpoint_comes_back(model: str, moments: Moments, tmp_path: Path) -> None:
    network = Risk(small(model), seed=3).eval()
    network.temperature.fill_(1.7)
    network.save_pretrained(tmp_path / "risk")
    again, frames = Risk.from_pretrained(tmp_path / "risk"), torch.from_numpy(moments.frames[:4])
    assert again.config == network.config
    assert torch.equal(again.predict(frames)[0], network.predict(frames)[0])


def test_transformers_loads_the_same_folder(moments: Moments, tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers", reason="needs the extra [perception]")
    network = Risk(small("vit"), seed=3).eval()
    network.save_pretrained(tmp_path / "risk")
    theirs, found = transformers.ViTModel.from_pretrained(tmp_path / "risk", add_pooling_layer=False,
                                                          output_loading_info=True)
    assert not found["missing_keys"]
    own = network.encoder.state_dict()
    assert all(torch.equal(value, own[name]) for name, value in theirs.state_dict().items())


def test_others_vits_are_begun_with(tmp_path: Path) -> None:
    """On a frame seen again and again, ours says what theirs says of it once; other sizes fit too."""
    transformers = pytest.importorskip("transformers", reason="needs the extra [perception]")
    config = transformers.ViTConfig(hidden_size=24, num_hidden_layers=1, num_attention_heads=2,
                                    intermediate_size=48, image_size=32, patch_size=8)
    theirs = transformers.ViTModel(config, add_pooling_layer=False).eval()
    theirs.save_pretrained(tmp_path / "vit")
    shape = shape_of(str(tmp_path / "vit"), SMALL)
    assert (shape.width, shape.layers, shape.heads, shape.inner, shape.patch_px) == (24, 1, 2, 48, 8)
    ours = Risk(shape).eval()
    begin_with(ours, str(tmp_path / "vit"))
    picture = torch.rand(1, 3, 32, 32)
    with torch.no_grad():
        said = ours.encoder(pixel_values=picture.repeat(1, SMALL.frames, 1, 1)).last_hidden_state
        torch.testing.assert_close(said, theirs(picture).last_hidden_state, rtol=0, atol=1e-5)
    begin_with(Risk(replace(shape, size_px=64)), str(tmp_path / "vit"))


def test_what_cannot_be_begun_with(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers", reason="needs the extra [perception]")
    transformers.BertConfig().save_pretrained(tmp_path / "bert")
    with pytest.raises(InputError, match="'bert' network"):
        shape_of(str(tmp_path / "bert"), SMALL)
    with pytest.raises(InputError, match="cannot read it"):
        shape_of(str(tmp_path / "nothing"), SMALL)
    with pytest.raises(InputError, match="do not fit a cnn"):
        RiskTraining(model=replace(SMALL, model="cnn"), init="anything")


def test_rollout_by_hand() -> None:
    """Two layers that swap two tokens: half stays each time, so half of all comes back."""
    swap = torch.tensor([[0.0, 1.0], [1.0, 0.0]])
    assert rolled_out(torch.stack((swap, swap))[None]).tolist() == [[[0.5, 0.5], [0.5, 0.5]]]


def test_attention_is_shared_out(moments: Moments) -> None:
    network = Risk(small("vit")).eval()
    frames = torch.from_numpy(moments.frames[:3])
    before = network.predict(frames)[0]
    seen = attention_rollout(network, frames)
    assert seen.shape == (3, 4, 4)
    assert (seen > 0).all()
    assert (seen.sum((1, 2)) < 1).all()
    torch.testing.assert_close(network.predict(frames)[0], before)
    with pytest.raises(InputError, match="this is a cnn"):
        attention_rollout(Risk(small("cnn")), frames)


def test_the_bundled_network_sees_crashes_coming() -> None:
    """On episodes that neither training nor the published figures are of."""
    network = Risk.from_pretrained(ASSETS / "risk")
    moments = moments_of(RiskTraffic(first=70_000, episodes=60), network.config.pictures)
    assert auroc(judged(network, moments.frames).crash.numpy(), moments.crash) > 0.85


def test_floors_know_rates_alone(moments: Moments) -> None:
    said = floors(moments, moments)
    assert set(said["base rate"].crash) == {moments.crash.mean()}
    assert np.array_equal(said["exact TTC"].bucket, moments.bucket)


def test_a_run_trains_goes_on_and_is_scored(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    loop = LoopConfig(steps=2, batch_size=8, warmup=0, evaluate_every=1)
    training = RiskTraining(replace(SMALL, model="cnn"), loop, FEW, validation_episodes=16)
    train_risk(tmp_path / "run", training)
    model = Risk.from_pretrained(tmp_path / "run")
    assert loss_of(model, batches_of(moments_of(FEW, SMALL.pictures), 4, 0)(0))["loss"].isfinite()
    settings = json.loads((tmp_path / "run" / "config.json").read_text())
    settings["training"]["loop"]["steps"] = 3
    (tmp_path / "run" / "config.json").write_text(json.dumps(settings))
    assert main(["train", "risk", "--resume", str(tmp_path / "run")]) == 0
    assert "step      3" in capsys.readouterr().out
    sets = evaluate_risks({"cnn": model}, 16)
    assert set(sets) == {"unseen seeds", "unseen roads", "unseen looks"}
    for _, rows in sets.values():
        assert set(rows) == {"base rate", "exact TTC", "cnn"}
