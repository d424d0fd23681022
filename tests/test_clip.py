"""CLIP over texts, frames and trajectories: what holds for a clip, texts of it, the towers, and search."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional as F
from worlds import cruising

from drive_gen.cli import main
from drive_gen.data.store import write_episodes
from drive_gen.envs.episode import KINDS, Episode
from drive_gen.envs.files import InputError
from drive_gen.language.agree import agreement
from drive_gen.language.facts import Agent, Facts
from drive_gen.language.plan import Variety
from drive_gen.language.played import Staged, played
from drive_gen.language.read_scene import beside_ego, roles
from drive_gen.perception.claims import CLAIMS, MIRROR, PLACE, claims_in, claims_of, holding, row_of
from drive_gen.perception.clip_config import ClipConfig, ClipTraining
from drive_gen.perception.clip_data import clips_of, cut
from drive_gen.perception.clip_scores import (
    above_false,
    exact,
    most_frequent,
    pairs,
    recall,
    texts_of,
    words_and_pixels,
)
from drive_gen.perception.clip_texts import CHANGED, Known, changes_of, draw_text, one_changed
from drive_gen.perception.clip_words import told, words_of
from drive_gen.perception.clips import MOTION, START, Clips, read_clips, write_clips
from drive_gen.perception.search import bundled, search

pytest.importorskip("transformers", reason="needs the extra [perception]")
from drive_gen.perception.clip import Clip, contrast
from drive_gen.perception.clip_init import begin_with, shape_of
from drive_gen.perception.clip_tower import MOST_TOLD, counted, roles_of
from drive_gen.train.clip import batches_of, loss_of, tokenizer_of

torch.set_num_threads(1)
SMALL = ClipConfig(frames=2, size_px=32, agents=8, vocabulary=500, width=32, layers=1, told_width=32,
                   text_layers=1, heads=2, inner=64, embedding=48)
TRAINING = ClipTraining(model=SMALL)
TRAINING = replace(TRAINING, loop=replace(TRAINING.loop, batch_size=16))
ANY = Variety()


@pytest.fixture(scope="module", autouse=True)
def _few_texts() -> Iterator[None]:
    """Tokenizers of a few hundred texts."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("drive_gen.train.clip.TOKENIZER_TEXTS", 300)
        patch.setattr("drive_gen.train.clip.VALIDATION_TEXTS", 20)
        yield


@pytest.fixture(scope="module")
def episodes() -> list[Episode]:
    return [played(Staged(("highway", "merge", "two-way")), seed) for seed in range(8)]


@pytest.fixture(scope="module")
def clips(episodes: list[Episode]) -> Clips:
    return clips_of(episodes, SMALL, 6.0)


@pytest.fixture(scope="module")
def model(clips: Clips) -> Clip:
    return Clip(SMALL, 0, tokenizer_of(clips, TRAINING)).eval()


def test_claims_are_what_geometry_finds(episodes: list[Episode], clips: Clips) -> None:
    """For texts of a clip, and with one fact changed: all claims hold exactly where all slots agree."""
    rng = np.random.default_rng(0)
    every = [clip for episode in episodes for _, clip in cut(episode, SMALL, 6.0)]
    outcomes = set()
    for number, clip in enumerate(every):
        known = Known(clips.holds[number])
        facts = draw_text(known, "en", rng, ANY).facts
        changed = one_changed(facts, known.true, rng)
        for wanted in (facts, *([changed[1]] if changed else [])):
            other = every[int(rng.integers(len(every)))]
            for world in (clip, other):
                claims = claims_of(wanted)
                assert claims is not None
                expected = all(agreement(wanted, world).values())
                assert holding(row_of(claims)[None], claims_in(world)[None])[0, 0] == expected, wanted
                outcomes.add(expected)
    assert outcomes == {True, False}


def test_what_cannot_be_claimed() -> None:
    assert claims_of(Facts(weather="rain")) is None
    assert claims_of(Facts(agents=(Agent("lead", style="aggressive"),))) is None
    assert claims_of(Facts(agents=(Agent("lead"), Agent("cars", count=2, speed="slow")))) is None
    two = claims_of(Facts(agents=(Agent("lead"), Agent("cars", count=2))))
    assert two == ["lead.kind=car", "cars=3"]  # the lead is one of three


def test_the_mirror_is_the_mirrored_world() -> None:
    """A truck ahead in the left lane, a fast car behind in the right one; and left and right exchanged."""
    def world(side: int) -> Episode:
        return cruising([(20, 4), (40, 4 - 4 * side), (0, 4 + 4 * side)], [20, 20, 30], frames=61, dt_s=0.1,
                        kind=np.array([0, KINDS.index("truck"), 0]))

    one, other = (clips_of([world(side)], SMALL, 6.0) for side in (1, -1))
    mirrored = one.mirrored(np.array([True]))
    assert one.holds[0, PLACE["left.kind=truck"]]
    assert one.holds[0, PLACE["right.speed=fast"]]
    assert np.array_equal(mirrored.holds, other.holds)
    assert np.array_equal(MIRROR[MIRROR], np.arange(len(CLAIMS)))
    np.testing.assert_allclose(mirrored.motion, other.motion, atol=1e-4)
    np.testing.assert_allclose(mirrored.start, other.start, atol=1e-4)
    again = mirrored.mirrored(np.array([True]))
    assert np.array_equal(again.frames, one.frames)
    assert not np.array_equal(mirrored.frames, one.frames)


def test_trajectories_carry_speed() -> None:
    slow, fast = (cruising([(0, 0), (30, 0)], [speed, speed], frames=61, dt_s=0.1) for speed in (10, 30))
    one, other = (clips_of([world], SMALL, 6.0) for world in (slow, fast))
    assert not np.array_equal(one.motion, other.motion)
    assert np.array_equal(one.start, other.start)
    assert one.holds[0, PLACE["lead.speed=slow"]]
    assert other.holds[0, PLACE["lead.speed=fast"]]


def made(facts: Facts, change: dict[str, Any]) -> Facts | None:
    """What a change makes of the facts, where that is no contradiction."""
    try:
        return replace(facts, **change)
    except InputError:
        return None


def test_false_texts_differ_in_one_fact(clips: Clips) -> None:
    rng, kinds = np.random.default_rng(1), set()
    for row in clips.holds:
        known = Known(row)
        for _ in range(6):
            text = draw_text(known, "en", rng, ANY)
            assert known.true.issuperset(claims_of(text.facts) or [""])
            changed = one_changed(text.facts, known.true, rng)
            if changed is not None:
                what, facts = changed
                kinds.add(what)
                assert facts in [made(text.facts, change) for kind, change in changes_of(text.facts)
                                 if kind == what]
                assert not known.true.issuperset(claims_of(facts) or [])
    assert kinds <= set(CHANGED)
    assert len(kinds) > 5
    said = Facts(lanes=3, agents=(Agent("left", "truck"),))
    by_hand = [replace(said, **change).slots() for what, change in changes_of(said)]
    assert {"lanes": "3", "left.kind": "car", "left.count": "1"} in by_hand
    assert {"lanes": "3", "right.kind": "truck", "right.count": "1"} in by_hand


def test_contrast_by_hand() -> None:
    scores = torch.randn(5, 5, generator=torch.Generator().manual_seed(0))
    alone = contrast(scores, torch.eye(5, dtype=torch.bool))
    torch.testing.assert_close(alone, F.cross_entropy(scores, torch.arange(5)))
    right = torch.tensor([[True, True, False], [False, False, False]])
    scores = torch.tensor([[1.0, 5.0, 0.0], [3.0, 2.0, 1.0]])  # a row with nothing right counts for nothing
    expected = (F.softplus(torch.tensor(0.0 - 1.0)) + F.softplus(torch.tensor(0.0 - 5.0))) / 2
    torch.testing.assert_close(contrast(scores, right), expected)


def test_texts_are_told_in_words_of_claims(model: Clip) -> None:
    """Whatever a fact is called it is the same words; of what cannot be seen nothing is told."""
    said = told("A truck on the left.")
    assert said == "<left.kind=truck>"
    assert told("왼쪽에 트럭이 있다") == told("In the rain, a lorry to my left") == said
    assert told("the car ahead brakes after 2 seconds") == told("the car ahead brakes")
    assert told("qwerty asdf") == "qwerty asdf"
    assert len(model.tokenizer(said, add_special_tokens=False)["input_ids"]) == 1
    every = words_of(np.ones(len(CLAIMS), bool))
    assert len(model.tokenizer(every, add_special_tokens=False)["input_ids"]) == len(CLAIMS)
    assert not np.allclose(model.embed_texts(["a truck"]), model.embed_texts(["a truck"], parsed=False))


def test_tokens_know_who_is_nearest_and_who_is_beside() -> None:
    """The ego; two ahead of it, one behind; two trucks side by side in the lanes beside that."""
    world = cruising([(50, 4), (70, 4), (90, 4), (30, 4), (75, 0), (78, -4)], [20] * 6, frames=61, dt_s=0.1)
    world = replace(world, kind=np.array([0, 0, 0, 0, 1, 1], world.kind.dtype))
    one = clips_of([world], SMALL, 6.0)
    order = np.argsort(np.hypot(*(world.position_m[:, 0] - world.position_m[0, 0]).T), kind="stable")
    nearer, abreast = np.zeros((2, len(order)))
    nearer[order], abreast[order] = (one.start[0, : len(order), START.index(name)]
                                     for name in ("nearer", "abreast"))
    assert nearer.tolist() == [0, 0, 1, 0, 0, 0]
    assert abreast.tolist() == [0, 0, 0, 0, 1, 1]


def test_the_tower_knows_who_is_who() -> None:
    """The roles that it reads are those of the clip's scene: one agent each, of the role's kind and place."""
    config = ClipConfig()
    episodes = [played(Staged(("highway", "merge", "intersection", "racetrack")), seed) for seed in range(6)]
    scenes = [clip.scene(0) for episode in episodes for _, clip in cut(episode, config, 3.0)]
    start = clips_of(episodes, config, 3.0).start
    found = roles_of(torch.from_numpy(start)).numpy()
    assert found[..., 0].argmax(1).tolist() == [0] * len(scenes)
    seen = set()
    for scene, row, has in zip(scenes, start, found, strict=True):
        here, (ahead, _, _) = roles(scene), beside_ego(scene)
        for place, role in enumerate(("lead", "follower", "left", "right"), 1):
            assert has[:, place].sum() == (role in here)
            if role in here:
                own = row[has[:, place] > 0][0]
                assert own[START.index("ahead_m")] == pytest.approx(ahead[here[role]], abs=1e-3)
                seen.add(role)
    assert len(seen) == 4


def test_counts_are_past_halves() -> None:
    told = counted(torch.tensor([[0.0, 2.0, 2.25]]))[0]
    torch.testing.assert_close(told[:3], torch.tensor([0.0, 2.0, 2.25]) / MOST_TOLD)
    assert told[3:].view(3, -1)[:, :4].tolist() == [[-1, -1, -1, -1], [1, 1, -1, -1], [1, 1, -0.5, -1]]


def test_what_changes_in_a_half_second_is_in_its_moment() -> None:
    """Hard braking from 1 s to 1.5 s, then faster by 5 m/s: the third moment, and no other; then a gain."""
    world = cruising([(0, 0), (30, 0)], [20, 20], frames=61, dt_s=0.1)
    speed = world.speed_mps.copy()
    speed[1, 11:16] = 20 - 0.5 * np.arange(1, 6)
    speed[1, 16:] = np.minimum(17.5 + 0.2 * np.arange(1, 46), 22.5)
    one = clips_of([replace(world, speed_mps=speed)], SMALL, 6.0)
    least, gain = (one.motion[0, 1, :, MOTION.index(name)] for name in ("least_mps2", "gain_mps"))
    assert np.flatnonzero(least <= -4).tolist() == [3]
    assert gain[3] == 0
    assert gain[-1] == pytest.approx(5.0, abs=1e-4)


def test_padding_and_absent_agents_change_nothing(model: Clip, clips: Clips) -> None:
    texts = ["A truck.", "The car ahead brakes hard, two lorries side by side on a highway with three lanes."]
    both = model.embed_texts(texts)
    np.testing.assert_allclose(model.embed_texts(texts[:1])[0], both[0], atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(both, axis=1), 1, atol=1e-5)
    few = clips.take(np.arange(3))
    motion, start, lanes = (torch.from_numpy(getattr(few, name)) for name in ("motion", "start", "lanes"))
    with torch.no_grad():
        plain, held = model.of_trajectories(motion, start, lanes)
        crowd = motion.clone()
        crowd[start[..., 0] == 0] = 7.0  # what is said of nobody
        torch.testing.assert_close(model.of_trajectories(crowd, start, lanes)[0], plain, atol=1e-5, rtol=0)
        others = torch.tensor([0, *range(SMALL.agents, 0, -1)])  # the ego stays first
        turned = model.trajectory(motion[:, others], start[:, others], lanes)
        torch.testing.assert_close(turned, held, atol=1e-4, rtol=0)


def test_both_sees_frames_and_trajectories(model: Clip, clips: Clips) -> None:
    frame, trajectory, both = map(torch.from_numpy, model.embed_clips(clips.take(np.arange(4))))
    torch.testing.assert_close(both.norm(dim=-1), torch.ones(4))
    with torch.no_grad():
        torch.testing.assert_close(model.of_both(frame, trajectory), both)
        for pair in ((frame.roll(1, 0), trajectory), (frame, trajectory.roll(1, 0))):
            assert (model.of_both(*pair) - both).norm(dim=-1).min() > 1e-3


def test_a_few_clips_are_learnt_by_heart(clips: Clips) -> None:
    few = clips.take(np.arange(8))
    network = Clip(SMALL, 0, tokenizer_of(few, TRAINING)).train()
    optimizer, batch_of = torch.optim.AdamW(network.parameters(), lr=3e-3), batches_of(few, network, TRAINING)
    first = last = 0.0
    for step in range(40):
        losses = loss_of(network, batch_of(step % 3), TRAINING)
        optimizer.zero_grad()
        losses["loss"].backward()
        optimizer.step()
        last = float(losses["loss"].detach())
        first = first or last
    assert last < 0.5 * first
    assert all(value.isfinite() for value in losses.values())


def test_transformers_loads_the_same_folder(model: Clip, clips: Clips, tmp_path: Path) -> None:
    from transformers import AutoTokenizer, CLIPModel

    model.save_pretrained(tmp_path / "clip")
    theirs, found = CLIPModel.from_pretrained(tmp_path / "clip", output_loading_info=True)
    assert not found["missing_keys"]
    own = model.clip.state_dict()
    assert all(torch.equal(value, own[name]) for name, value in theirs.state_dict().items())
    tokenizer, text = AutoTokenizer.from_pretrained(tmp_path / "clip"), "a truck on the left"
    said = tokenizer(told(text))["input_ids"]
    ids = torch.tensor([[tokenizer.bos_token_id, *said, tokenizer.eos_token_id]])
    pixels = torch.from_numpy(clips.frames[:1]).permute(0, 1, 4, 2, 3).flatten(1, 2).float() / 127.5 - 1
    found = theirs.eval()(input_ids=ids, pixel_values=pixels)
    np.testing.assert_allclose(found.text_embeds[0].detach(), model.embed_texts([text])[0], atol=1e-5)
    frame = model.embed_clips(clips.take(np.arange(1)))[0]
    np.testing.assert_allclose(found.image_embeds.detach(), frame, atol=1e-5)
    again = Clip.from_pretrained(tmp_path / "clip")
    assert np.array_equal(again.embed_texts([text]), model.embed_texts([text]))


def test_others_clips_are_begun_with(model: Clip, tmp_path: Path) -> None:
    """On a frame seen in all places, ours says what theirs says of it once."""
    from transformers import BertConfig, CLIPConfig, CLIPModel

    tower = {"hidden_size": 24, "intermediate_size": 48, "num_hidden_layers": 1, "num_attention_heads": 2}
    theirs = CLIPModel(CLIPConfig(text_config={**tower, "vocab_size": 300}, projection_dim=20,
                                  vision_config={**tower, "image_size": 32, "patch_size": 8})).eval()
    theirs.save_pretrained(tmp_path / "theirs")
    shape = shape_of(str(tmp_path / "theirs"), SMALL)
    assert (shape.embedding, shape.vocabulary, shape.patch_px) == (20, 300, 8)
    ours = Clip(shape, 0, model.tokenizer).eval()
    begin_with(ours, str(tmp_path / "theirs"))
    frames = torch.randint(256, (2, 1, 32, 32, 3), dtype=torch.uint8).repeat(1, SMALL.frames, 1, 1, 1)
    pixels = frames[:, 0].permute(0, 3, 1, 2).float() / 127.5 - 1
    seen = theirs.visual_projection(theirs.vision_model(pixel_values=pixels).pooler_output)
    torch.testing.assert_close(ours.of_frames(frames), F.normalize(seen, dim=-1), atol=1e-5, rtol=0)
    BertConfig().save_pretrained(tmp_path / "bert")
    with pytest.raises(InputError, match="'bert' network"):
        shape_of(str(tmp_path / "bert"), SMALL)
    model.save_pretrained(tmp_path / "ours")
    begun = Clip(shape_of(str(tmp_path / "ours"), SMALL), 9, model.tokenizer).eval()
    begin_with(begun, str(tmp_path / "ours"))
    assert np.array_equal(begun.embed_texts(["a truck"]), model.embed_texts(["a truck"]))


def test_scores_and_floors(clips: Clips) -> None:
    fits = np.array([[True, False, False], [False, False, True]])
    scores = np.array([[0.9, 0.1, 0.2], [0.9, 0.1, 0.2]])
    assert [recall(scores, fits, count) for count in (1, 2, 3)] == [0.5, 1.0, 1.0]
    texts = texts_of(clips, 40, 0, Variety("train", "train"))
    assert texts.fits[np.arange(40), texts.clip].all()
    found, true, false = exact(texts, clips, clips)
    assert recall(found, texts.fits, 1) == 1.0  # the parser knows the grammar's words
    assert (true > false).all()
    told = [text.text for text in texts.true[: len(clips)]]
    for floor in (most_frequent(texts, clips, clips), words_and_pixels(texts, clips, clips, told)):
        assert floor[0].shape == texts.fits.shape
        assert np.isfinite(floor[1]).all()


def test_clips_are_kept(clips: Clips, tmp_path: Path) -> None:
    write_clips(tmp_path / "clips.npz", clips)
    assert np.array_equal(read_clips(tmp_path / "clips.npz").frames, clips.frames)
    (tmp_path / "clips.npz").write_bytes(b"no")
    with pytest.raises(InputError, match=r"clips\.npz holds no clips"):
        read_clips(tmp_path / "clips.npz")


def test_search_finds_what_holds(episodes: list[Episode], model: Clip, tmp_path: Path) -> None:
    store = tmp_path / "sim"
    write_episodes(store, episodes[:5])
    model.save_pretrained(tmp_path / "clip")
    found = search("a truck", store, "facts", top=3)
    assert found
    assert all(all(one.holds.values()) for one in found)
    kept = tmp_path / "sim.facts.npz"
    before = kept.stat().st_mtime_ns
    search("a truck", store, "facts")
    assert kept.stat().st_mtime_ns == before  # nothing new was read
    by_clip = search("트럭 한 대", store, "clip", tmp_path / "clip", top=4)
    assert [one.score for one in by_clip] == sorted((one.score for one in by_clip), reverse=True)
    assert len({one.row.key for one in by_clip}) == 4
    first = search("트럭 한 대", store, "auto", tmp_path / "clip", top=5)
    shares = [one.score for one in first]
    assert shares == sorted(shares, reverse=True)
    assert shares[0] == 1.0
    assert [share == 1.0 for share in shares] == [all(one.holds.values()) for one in first]
    like = {one.row.key: one.score for one in search("트럭 한 대", store, "clip", tmp_path / "clip", top=5)}
    alike = [like[one.row.key] for one in first if one.score == shares[-1]]
    assert len(alike) > 1
    assert alike == sorted(alike, reverse=True)  # of equals the likest comes first
    timed = search("the car ahead brakes after 2 seconds", store, "auto", tmp_path / "clip", top=5)
    assert timed[0].score == max(one.score for one in timed)  # seconds are no claim: clips are read
    assert len(search("snow", store, "auto", tmp_path / "clip", top=5)) == 5  # not to be seen: by likeness
    write_episodes(store, episodes[5:7])
    seen: list[int] = []
    search("a truck", store, "facts", on_episode=lambda done, total: seen.append(total))
    assert seen == [2, 2]  # the new episodes alone
    with pytest.raises(InputError, match="holds all of"):
        search("six trucks on a racetrack", store, "facts")


def test_the_bundled_checkpoint(clips: Clips) -> None:
    """It is small, transformers loads it, and it tells true texts from false ones more often than not."""
    from transformers import CLIPModel

    assert sum(path.stat().st_size for path in bundled().iterdir()) < 5e6
    _, found = CLIPModel.from_pretrained(bundled(), output_loading_info=True)
    assert not found["missing_keys"]
    network = Clip.from_pretrained(bundled())
    own = clips_of([played(Staged(("highway", "merge")), seed) for seed in range(10_000, 10_004)],
                   network.config, 6.0)
    texts = texts_of(own, 80, 0, Variety("train", "train"))
    trajectory = network.embed_clips(own)[1][texts.clip]
    true, false = (network.embed_texts([text.text for text in said]) for said in (texts.true, texts.false))
    assert above_false(pairs(true, trajectory), pairs(false, trajectory)).mean() > 0.6


def test_a_run_trains_goes_on_and_searches(episodes: list[Episode], tmp_path: Path,
                                           capsys: pytest.CaptureFixture[str]) -> None:
    store, run = tmp_path / "sim", tmp_path / "run"
    twelve = [replace(episodes[number % 8], source=replace(episodes[number % 8].source, seed=number))
              for number in range(12)]
    write_episodes(store, twelve)
    (tmp_path / "c.yaml").write_text("""
        model: {frames: 2, size_px: 32, agents: 8, vocabulary: 400, width: 16, layers: 1, told_width: 16,
          text_layers: 1, heads: 2, inner: 32, embedding: 16}
        loop: {steps: 1, batch_size: 8, evaluate_every: 1, warmup: 0}
        data: {stride_s: 6.0}""")
    words = ["train", "clip", "--data", str(store), "--out", str(run), "--workers", "1"]
    assert main([*words, "--config", str(tmp_path / "c.yaml")]) == 0
    settings = json.loads((run / "config.json").read_text())
    settings["training"]["loop"]["steps"] = 2
    (run / "config.json").write_text(json.dumps(settings))
    assert main(["train", "clip", "--resume", str(run)]) == 0
    assert "step      2" in capsys.readouterr().out
    sheet = tmp_path / "sheet.png"
    words = ["search", "two trucks side by side", str(store), "--checkpoint", str(run), "--out", str(sheet)]
    assert main([*words, "--top", "5", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [one["rank"] for one in found] == [1, 2, 3, 4, 5]
    assert set(found[0]["holds"]) == {"trucks.kind", "trucks.count", "trucks.abreast"}
    assert found[0]["end_s"] - found[0]["start_s"] == pytest.approx(6.0)
    assert np.asarray(Image.open(sheet)).std() > 10
