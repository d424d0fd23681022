"""The U-Net, its scores, its training on frames and photographs, and the verbs."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from test_frames import scene_of

from drive_gen import cli
from drive_gen.commands.segment import bundled
from drive_gen.envs.episode import Scene
from drive_gen.envs.files import InputError
from drive_gen.envs.frames.draw import draw_frame
from drive_gen.envs.frames.frame import CLASSES, EGO
from drive_gen.envs.frames.looks import NATIVE, draw_look
from drive_gen.envs.frames.views import BirdView
from drive_gen.envs.geometry import overlaps
from drive_gen.envs.observe import observe_scene
from drive_gen.perception.config import (
    FramesConfig,
    PhotosConfig,
    SegmenterConfig,
    SegmentTraining,
    UNetConfig,
    last_training,
)
from drive_gen.perception.crowd import crowded
from drive_gen.perception.driving import Cars, cars_in, drive_by_sight, scene_read, speeds_between
from drive_gen.perception.floor import ColourTable
from drive_gen.perception.metrics import confusion, ious, mean_iou
from drive_gen.perception.photos import COLOURS, PHOTO_CLASSES, read_labelled, read_mask, read_photo
from drive_gen.perception.rendered import looks_of, pool, unseen_sets
from drive_gen.perception.segmenter import Segmenter, _places
from drive_gen.perception.unet import UNet
from drive_gen.train import segment
from drive_gen.train.config import LoopConfig
from drive_gen.train.loop import make_learner, update
from drive_gen.train.segment import loss_of, make_model, resume_segment, train_segment

COMMA = Path(__file__).parents[1] / "../shared/data/comma10k_sample"
TINY = UNetConfig(width=8, multipliers=(1, 2), groups=4, heads=2)
LOOP = LoopConfig(steps=4, batch_size=2, warmup=1, log_every=1, evaluate_every=2, save_every=2, device="cpu")
FRAMES = FramesConfig(size_px=32, scenes=8, held_out=4)
TRAINING = SegmentTraining(SegmenterConfig(TINY), LOOP, FRAMES)


def test_mean_iou_by_hand() -> None:
    truth, guess = np.array([[0, 0, 1, 1], [2, 2, 2, 0]]), np.array([[0, 1, 1, 1], [2, 2, 0, 0]])
    counts = confusion(truth, guess, 4)
    assert counts.tolist() == [[2, 1, 0, 0], [0, 2, 0, 0], [1, 0, 2, 0], [0, 0, 0, 0]]
    assert ious(counts)[:3] == pytest.approx([2 / 4, 2 / 3, 2 / 3])
    assert np.isnan(ious(counts)[3])
    assert mean_iou(counts) == pytest.approx((2 / 4 + 2 / 3 + 2 / 3) / 3)


@settings(max_examples=25, deadline=None)
@given(st.integers(2, 6), st.integers(0, 2**31), st.floats(0, 1))
def test_mean_iou_is_torchmetrics(classes: int, seed: int, wrong: float) -> None:
    functional = pytest.importorskip("torchmetrics.functional.classification")
    draw = np.random.default_rng(seed)
    truth = draw.integers(classes, size=(3, 9, 7))
    guess = np.where(draw.random(truth.shape) < wrong, draw.integers(classes, size=truth.shape), truth)
    pair = torch.from_numpy(guess), torch.from_numpy(truth)
    counts = confusion(truth, guess, classes)
    for average, mine in (("macro", mean_iou(counts)), ("none", np.nan_to_num(ious(counts)))):
        theirs = functional.multiclass_jaccard_index(*pair, num_classes=classes, average=average)
        assert np.allclose(theirs.numpy(), mine, atol=1e-4)


def test_a_colour_table_knows_what_it_saw() -> None:
    rgb = np.array([[[[0, 0, 0], [255, 0, 0], [255, 0, 0], [255, 0, 0], [0, 0, 255]]]], np.uint8)
    table = ColourTable.fit(rgb, np.array([[[1, 2, 2, 3, 4]]]), 5)
    assert table.predict(rgb).tolist() == [[[1, 2, 2, 2, 4]]]


@pytest.mark.parametrize("config", [TINY, replace(TINY, patch=1, blocks=2, heads=0), replace(TINY, time=True),
                                    replace(TINY, text_width=12, time=True, multipliers=(1, 2, 2))])
def test_every_pixel_is_answered_and_every_weight_learns(config: UNetConfig) -> None:
    torch.manual_seed(0)
    model, x = UNet(config), torch.randn(2, 3, 32, 16)
    for parameter in model.parameters():  # zeros at first stop gradients
        torch.nn.init.normal_(parameter, std=0.1)
    more = {"time": torch.tensor([0.1, 0.9])} if config.time else {}
    if config.text_width:
        more["text"] = torch.randn(2, 5, 12)
    out = model(x, **more)
    assert out.shape == (2, config.out_channels, 32, 16)
    out.square().mean().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


def test_time_and_text_act_and_hidden_text_does_not() -> None:
    torch.manual_seed(0)
    model, x = UNet(replace(TINY, text_width=6, time=True)).eval(), torch.randn(1, 3, 16, 16)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    text, time, shown = torch.randn(1, 4, 6), torch.tensor([0.3]), torch.tensor([[True, True, False, False]])
    plain = model(x, time, text, shown)
    assert not torch.allclose(plain, model(x, torch.tensor([0.4]), text, shown), atol=1e-4)
    assert not torch.allclose(plain, model(x, time, text + 1, shown), atol=1e-4)
    changed = text.clone()
    changed[:, 2:] += 5
    assert torch.equal(plain, model(x, time, changed, shown))


def test_pictures_of_any_size_and_large_ones_shrunk() -> None:
    model = Segmenter(SegmenterConfig(TINY, longest_px=40)).eval()
    draw = np.random.default_rng(0)
    for height, width in ((17, 23), (40, 16), (90, 61), (300, 20)):
        guess = model.predict(draw.integers(256, size=(2, height, width, 3), dtype=np.uint8))
        assert guess.shape == (2, height, width)
        assert guess.dtype == np.uint8


def test_the_loss_by_hand() -> None:
    """A sure and right answer costs nothing; a class of few pixels counts as much as a large one."""
    truth = torch.zeros(1, 4, 4, dtype=torch.long)
    truth[0, 0, 0] = 1

    def answered(labels: torch.Tensor) -> dict[str, torch.Tensor]:
        logits = 50.0 * torch.nn.functional.one_hot(labels, 6).movedim(-1, 1).float()
        return dict(loss_of(lambda rgb: logits, {"rgb": truth, "mask": truth}, 0.5))  # type: ignore[arg-type]

    assert float(answered(truth)["loss"]) == pytest.approx(0, abs=1e-6)
    missed = answered(torch.zeros_like(truth))
    assert float(missed["overlap"]) == pytest.approx(1 - (2 * 15 / 31 + 0) / 2, abs=1e-5)


def test_batches_and_tests_share_no_scene_and_come_back() -> None:
    sets = unseen_sets(FRAMES, 4)
    again = unseen_sets(FRAMES, 4)
    assert set(sets) == {"native", "unseen roads", "unseen looks", "unseen roads and looks", "unseen effect"}
    assert not np.array_equal(sets["native"][0], sets["unseen effect"][0])
    assert np.array_equal(sets["native"][1], sets["unseen effect"][1])
    for name, (rgb, mask) in sets.items():
        assert np.array_equal(rgb, again[name][0])
        assert rgb.shape == (4, 32, 32, 3)
        assert mask.max() < len(CLASSES)
    looks = looks_of(replace(FRAMES, native=0.5), np.random.default_rng(0), 100)
    assert 30 < sum(look.seed == 0 for look in looks) < 70
    assert len(pool(FRAMES, 0, 3).scenes) == 3


def test_a_crowd_touches_nobody_and_is_drawn_as_it_is_labelled() -> None:
    scene = pool(FRAMES, 0, 1).scenes[0]
    rotations = set()
    for seed in range(12):
        draws = np.random.default_rng(seed)
        crowd = crowded(scene, 0, draws)
        assert np.array_equal(crowd.position_m[: len(scene.agent_id)], scene.position_m)
        assert len(set(crowd.agent_id.tolist())) == len(crowd.agent_id)
        for agent in range(len(scene.agent_id), len(crowd.agent_id)):
            others = np.arange(len(crowd.agent_id)) != agent
            assert not overlaps(crowd.position_m[agent], crowd.heading_rad[agent], crowd.size_m[agent],
                                crowd.position_m[others], crowd.heading_rad[others],
                                crowd.size_m[others]).any()
        frame = draw_frame(crowd, BirdView(64, 0.8), agent=0)
        assert set(frame.label[frame.agent_id == scene.agent_id[0]]) == {EGO}
        rotations.add(float(crowd.heading_rad[0]))
    assert len(rotations) > 4  # the camera is turned as often as not


def test_crowds_are_for_learning_alone() -> None:
    frames = pool(FRAMES, 0, 8)
    bodies = {crowd: (frames.draw(np.random.default_rng(0), [NATIVE] * 24, replace(FRAMES, crowd=crowd))[1]
                      > EGO).mean() for crowd in (0.0, 1.0)}
    assert bodies[1.0] > 2 * bodies[0.0]
    plain, crowdless = (frames.draw(np.random.default_rng(0), [NATIVE] * 4, harder)[1]
                        for harder in (None, replace(FRAMES, crowd=0.0)))
    assert np.array_equal(plain, crowdless)


def test_piled_bodies_touch_and_half_are_wrecks() -> None:
    scene, touching, wrecks, bodies = pool(FRAMES, 0, 1).scenes[0], 0, 0, 0
    for seed in range(12):
        crowd = crowded(scene, 0, np.random.default_rng(seed), piled=1.0)
        new = slice(len(scene.agent_id), None)
        boxes = crowd.position_m[new], crowd.heading_rad[new], crowd.size_m[new]
        touch = overlaps(*(of[:, None] for of in boxes), *(of[None] for of in boxes))
        touching += int(touch.sum() - len(touch)) // 2
        wrecks, bodies = wrecks + int(crowd.crashed[new].sum()), bodies + len(touch)
    assert touching > 3
    assert 0.3 < wrecks / bodies < 0.7


def test_bent_roads_are_drawn_in_their_share_and_by_their_step() -> None:
    frames, loop = replace(FRAMES, crowd=0.0, native=1.0), replace(LOOP, batch_size=8)
    plain, bends, again = (
        segment._frames(replace(TRAINING, frames=replace(frames, bent=share), loop=loop))[0]
        for share in (0.0, 1.0, 1.0))
    assert not torch.equal(plain(0)["mask"], bends(0)["mask"])
    for step in (9, 0):  # in any order, as a resumed run asks for them
        assert torch.equal(bends(step)["rgb"], again(step)["rgb"])


def test_loud_looks_are_at_the_greatest_strength() -> None:
    frames, draws = replace(FRAMES, native=0.0, loud=0.5, strength=0.8), np.random.default_rng(0)
    full = sum(look == draw_look(look.seed, 0.8) for look in looks_of(frames, draws, 200))
    assert 70 < full < 130
    with pytest.raises(InputError, match="loud is a share below 1"):
        FramesConfig(loud=1.0)


def test_the_bundled_one_is_what_its_script_trains() -> None:
    kept = json.loads((bundled() / "train_config.json").read_text())["training"]
    ours = json.loads(json.dumps(asdict(last_training(kept["init"], 9000, seed=12, held_out=96))))
    ours["loop"]["bfloat16"] = True
    assert kept == ours


def test_equal_roads_are_one() -> None:
    """So that what is drawn of a road is built once."""
    scenes = pool(FRAMES, 0, 24).scenes
    assert len({id(scene.road) for scene in scenes}) == 6  # of six environments
    assert len({scene.position_m.tobytes() for scene in scenes}) == 24


def test_places_run_from_corner_to_corner() -> None:
    places = _places(torch.zeros(2, 3, 5, 9))
    assert places.shape == (2, 2, 5, 9)
    assert places[1, :, 0, 0].tolist() == [-1, -1]
    assert places[1, :, -1, -1].tolist() == [1, 1]
    assert places[0, :, 2, 6].tolist() == [0, 0.5]


def test_only_with_coordinates_a_place_matters() -> None:
    """Two equal halves of a picture, far from its borders, are told apart by their place alone."""
    flat = np.full((1, 160, 160, 3), 90, np.uint8)
    for known in (False, True):
        model = Segmenter(SegmenterConfig(replace(TINY, heads=0), coordinates=known)).eval()
        for parameter in model.parameters():
            torch.nn.init.normal_(parameter, std=0.3)
        with torch.no_grad():
            logits = model(torch.from_numpy(flat))
        assert torch.allclose(logits[..., 76, 76], logits[..., 84, 84], atol=1e-4) is not known


def test_half_the_bits_change_the_loss_little() -> None:
    model, draws = make_model(TRAINING), np.random.default_rng(0)
    rgb, mask = pool(FRAMES, 0, 4).draw(draws, [NATIVE] * 4)
    batch = {"rgb": torch.from_numpy(rgb), "mask": torch.from_numpy(mask)}
    loop = replace(TRAINING.loop, learning_rate=1e-9)
    learner = make_learner(model, loop)
    whole, half = (float(update(learner, lambda net, given: loss_of(net, given, 0.5), lambda step: batch,
                                replace(loop, bfloat16=bits))["loss"]) for bits in (False, True))
    assert whole != half
    assert half == pytest.approx(whole, rel=0.02)


def test_the_bundled_segmenter_knows_frames(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Unseen scenes in the native look; and the verb finds it without being told."""
    rgb, mask = pool(FramesConfig(), 20_000, 12).draw(np.random.default_rng(0), [NATIVE] * 12)
    guess = Segmenter.from_pretrained(bundled()).predict(rgb)
    assert mean_iou(confusion(mask, guess, len(CLASSES))) > 0.9
    Image.fromarray(rgb[0]).save(tmp_path / "p.png")
    command = ["segment", str(tmp_path / "p.png"), "--mask", str(tmp_path / "m.png"), "--json"]
    assert cli.main(command) == 0
    assert np.array_equal(np.asarray(Image.open(tmp_path / "m.png")), guess[0])


def weights_of(folder: Path) -> dict[str, torch.Tensor]:
    return dict(Segmenter.from_pretrained(folder / "checkpoints/last").state_dict())


def test_a_stopped_run_goes_on_to_the_same_weights(tmp_path: Path,
                                                   monkeypatch: pytest.MonkeyPatch) -> None:
    train_segment(tmp_path / "whole", TRAINING)
    lines = [json.loads(line) for line in (tmp_path / "whole/metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines if line["kind"] == "evaluation"] == [2, 4]

    def stop(*_: object) -> dict[str, float]:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(segment, "_scores", stop)
        with pytest.raises(KeyboardInterrupt):
            train_segment(tmp_path / "cut", TRAINING)
    resume_segment(tmp_path / "cut")
    one, other = weights_of(tmp_path / "whole"), weights_of(tmp_path / "cut")
    assert all(torch.equal(tensor, other[name]) for name, tensor in one.items())


def test_it_overfits_one_batch() -> None:
    model = make_model(TRAINING)
    draws = np.random.default_rng(0)
    rgb, mask = pool(FRAMES, 0, 4).draw(draws, looks_of(FRAMES, draws, 4))
    batch = {"rgb": torch.from_numpy(rgb), "mask": torch.from_numpy(mask)}
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    before = mean_iou(confusion(mask, model.eval().predict(rgb), 6))
    for _ in range(80):
        loss = loss_of(model.train(), batch, 0.5)["loss"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    after = mean_iou(confusion(mask, model.eval().predict(rgb), 6))
    assert after > max(0.6, before + 0.3)


def labelled(folder: Path, count: int = 4) -> Path:
    """A folder in comma10k's layout whose pictures are their masks, a little darker."""
    draw = np.random.default_rng(0)
    for part in ("imgs", "masks"):
        (folder / part).mkdir(parents=True)
    for number in range(count):
        blocks = np.array(COLOURS, np.uint8)[draw.integers(5, size=(6, 8))]
        mask = np.repeat(np.repeat(blocks, 8, axis=0), 8, axis=1)
        Image.fromarray(mask).save(folder / f"masks/{number}.png")
        Image.fromarray((mask * 0.8).astype(np.uint8)).save(folder / f"imgs/{number}.png")
    return folder


def test_photographs_are_read_with_their_labels(tmp_path: Path) -> None:
    rgb, mask = read_labelled(labelled(tmp_path), 64, 48)
    assert rgb.shape == (4, 48, 64, 3)
    assert np.array_equal((np.array(COLOURS)[mask] * 0.8).astype(np.uint8), rgb)


def test_fine_tuning_keeps_the_body_and_learns_a_new_head(tmp_path: Path) -> None:
    begun = Segmenter(SegmenterConfig(TINY), seed=3)
    begun.save_pretrained(tmp_path / "begun")
    photos = PhotosConfig(str(labelled(tmp_path / "photos")), 64, 48)
    model = make_model(replace(TRAINING, photos=photos, init=str(tmp_path / "begun")))
    assert model.config.classes == PHOTO_CLASSES
    assert torch.equal(model.unet.stem.weight, begun.unet.stem.weight)
    assert model.unet.head.out_channels == 5 * 4
    loop = replace(LOOP, steps=60, evaluate_every=60, learning_rate=1e-2)
    done = train_segment(tmp_path / "run", replace(TRAINING, photos=photos, loop=loop))
    assert done.best_score is not None
    assert done.best_score > 0.6  # colours tell the classes; the held-out picture is the last


@pytest.mark.skipif(not COMMA.exists(), reason="the dashcam photographs are not here")
def test_eight_dashcam_photographs_are_learnt_by_heart() -> None:
    """Not a result: only that pictures and masks belong together all the way."""
    rgb, mask = read_labelled(COMMA, 64, 48)
    assert len(rgb) == 8
    config = SegmenterConfig(UNetConfig(width=16, multipliers=(1, 2), heads=0, out_channels=5), PHOTO_CLASSES)
    model, batch = Segmenter(config), {"rgb": torch.from_numpy(rgb), "mask": torch.from_numpy(mask)}
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3)
    for _ in range(200):
        loss = loss_of(model.train(), batch, 0.5)["loss"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    each = ious(confusion(mask, model.eval().predict(rgb), 5))
    assert np.nanmean(each) > 0.7, each


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Segmenter(SegmenterConfig(TINY)).save_pretrained(tmp_path / "net")
    Image.fromarray(np.random.default_rng(0).integers(256, size=(40, 60, 3), dtype=np.uint8)).save("p.png")
    return tmp_path


def test_segment_writes_what_it_says(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["segment", "p.png", "--checkpoint", "net", "--out", "o.png", "--mask", "m.png", "--json"]
    assert cli.main(command) == 0
    said = json.loads(capsys.readouterr().out)
    mask = np.asarray(Image.open("m.png"))
    assert mask.shape == (40, 60)
    shares = np.bincount(mask.ravel(), minlength=6) / mask.size
    assert list(said["shares"].values()) == pytest.approx(shares, abs=1e-4)
    assert Image.open("o.png").size == (60, 40)
    assert np.array_equal(mask, Segmenter.from_pretrained("net").predict(read_photo(Path("p.png"))[None])[0])


def test_segment_reads_a_video(here: Path) -> None:
    from drive_gen.report.video import write_video

    frames = [np.full((48, 64, 3), 25 * number, np.uint8) for number in range(10)]
    write_video(iter(frames), here / "film.mp4", 10)
    assert cli.main(["segment", "film.mp4", "--checkpoint", "net"]) == 0
    assert (here / "film-segmented.mp4").stat().st_size > 500


def test_the_verb_trains_and_prints_the_table(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from dataclasses import asdict

    (here / "c.yaml").write_text(json.dumps(asdict(TRAINING)))
    command = ["train", "segment", "--config", "c.yaml", "--out", "run", "--table", "2", "--steps", "2"]
    assert cli.main(command) == 0
    said = capsys.readouterr().out
    assert "U-Net" in said
    assert "next: drive-gen segment" in said
    rows = json.loads((here / "run/segmentation.json").read_text())
    assert {row["reader"] for row in rows} == {"U-Net", "floor: colours, native", "floor: colours, all looks"}
    for row in rows:
        assert 0 <= row["mean"] <= 1


def test_masks_name_a_foreign_colour(tmp_path: Path) -> None:
    from drive_gen.envs.files import InputError

    labelled(tmp_path)
    picture = np.asarray(Image.open(tmp_path / "masks/0.png")).copy()
    picture[3, 5] = (1, 2, 3)
    Image.fromarray(picture).save(tmp_path / "masks/0.png")
    with pytest.raises(InputError, match=r"#010203 at column 5, row 3"):
        read_mask(tmp_path / "masks/0.png")


def read_back(scene: Scene, view: BirdView) -> Cars:
    mask = draw_frame(scene, view).mask
    return cars_in(mask, view, scene.position_m[0], float(scene.heading_rad[0]))


def test_cars_are_read_where_they_are() -> None:
    """To a fifth of a pixel; one that the picture cuts in two by the end that shows."""
    view = BirdView(128, 0.4)
    cars = [(100.0, 4.0, 0.1), (112.3, 0.2, 0.0), (88.1, 8.1, 0.0), (126.0, 4.0, 0.0)]
    sizes = np.array([[5.0, 2.0], [5.0, 2.0], [11.0, 2.5], [5.0, 2.0]])
    for heading in (0.0, 0.1):
        cars[0] = (100.0, 4.0, heading)
        found = read_back(scene_of(cars, size_m=sizes), view)
        assert len(found.position_m) == 3
        order = np.argsort(found.position_m[:, 0])
        assert found.truck[order].tolist() == [True, False, False]
        assert np.allclose(found.position_m[order][:2], [cars[2][:2], cars[1][:2]], atol=0.12)
        assert np.allclose(found.position_m[order][2], cars[3][:2], atol=0.6)  # its rear alone is seen


def test_speeds_are_read_off_two_looks() -> None:
    before = Cars(np.array([[10.0, 0.0], [30.0, 4.0]]), np.zeros(2, bool))
    now = Cars(np.array([[34.0, 4.0], [14.4, 0.0], [60.0, 8.0]]), np.zeros(3, bool))
    found = speeds_between(before, now, 0.2, np.array([21.0, 0.0]))
    assert np.allclose(found, [[20.0, 0.0], [22.0, 0.0], [21.0, 0.0]])  # the third was not there before


def test_what_is_read_is_what_a_driver_sees() -> None:
    """Two looks a frame apart: the observation of the scene read off the masks is nearly the state's own."""
    def at(time_s: float) -> Scene:
        cars = [(100 + 25 * time_s, 4.0, 0.0), (115 + 20 * time_s, 8.0, 0.0), (90 + 28 * time_s, 0.0, 0.0)]
        return scene_of(cars, speed_mps=np.array([25.0, 20.0, 28.0]))

    view, (former, scene) = BirdView(128, 0.4), (at(-0.2), at(0.0))
    seen = scene_read(scene, read_back(former, view), read_back(scene, view), 0.2)
    assert np.allclose(observe_scene(seen, 0), observe_scene(scene, 0), atol=0.06)
    nothing = Cars(np.zeros((0, 2)), np.zeros(0, bool))
    assert len(scene_read(scene, nothing, nothing, 0.2).agent_id) == 1


def test_the_true_mask_drives_better_than_none() -> None:
    from drive_gen.drivers import load_driver
    from drive_gen.envs.world import EnvConfig

    config, view, seeds = EnvConfig(duration_s=8.0), BirdView(128, 0.4, 0.2), np.arange(6)
    policy = load_driver("gap", config).policy
    seeing = drive_by_sight(config, policy, lambda _, mask: mask, seeds, view)
    blind = drive_by_sight(config, policy, lambda _, mask: 0 * mask, seeds, view)
    assert seeing.mean() > blind.mean() + 0.5
    assert np.array_equal(seeing, drive_by_sight(config, policy, lambda _, mask: mask, seeds, view))
