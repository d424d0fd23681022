"""The captioner: clips, heads, grammar, checkpoints, films, training and the command."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from test_causes import driven, speeds

pytest.importorskip("transformers", reason="captions need transformers: the extra [perception]")

from drive_gen.cli import main
from drive_gen.data.store import write_episodes
from drive_gen.envs.episode import Episode
from drive_gen.envs.files import InputError
from drive_gen.evaluate.captions import score_captions
from drive_gen.language.caption import next_symbols, say_seen, seen_of_caption, symbols_of
from drive_gen.language.caption_words import LANGUAGE_TOKENS, WORDS, Symbol
from drive_gen.language.sight import Seen, Sight, mirrored, seen_of
from drive_gen.perception.caption_prior import prior_of
from drive_gen.perception.caption_slots import CLASSES, NOT_SAID, SLOTS, labels_of, patches_of
from drive_gen.perception.captioner import Captioner
from drive_gen.perception.captioner_config import CaptionData, CaptionerConfig, CaptionTraining
from drive_gen.perception.captioner_data import Clips, clips_of, drivers_of, looked_at
from drive_gen.perception.captioner_film import clip_of_film
from drive_gen.perception.film_files import read_frames, write_film
from drive_gen.report.video import write_video
from drive_gen.train.caption import batches_of, coded, loss_of
from drive_gen.train.config import LoopConfig

torch.set_num_threads(1)
SIGHT = Sight(size_px=160, m_per_px=1.25, aside_px=32, along_px=4)
SMALL = CaptionerConfig(SIGHT, patch_px=(10, 8), width=32, layers=1, heads=2, decoder_layers=1)


def scene(number: int) -> Episode:
    """A lead that brakes at a time, or none; somebody to the left, or nobody."""
    ego = (300.0, 4.0, speeds(20))
    lead = (345.0 + 5 * number, 4.0, speeds(20, (2 + 3 * (number % 3), 4 + 3 * (number % 3), -5)))
    left = (310.0, 0.0, speeds(20 + number))
    return driven([ego, lead, left] if number % 2 else [ego, lead])


@pytest.fixture(scope="module")
def clips() -> Clips:
    return clips_of([scene(number) for number in range(6)], SIGHT, others=1)


def test_clips_come_back_from_their_episodes(clips: Clips) -> None:
    again = clips_of([scene(number) for number in range(6)], SIGHT, others=1)
    assert np.array_equal(again.frames, clips.frames)
    assert again.seen == clips.seen
    assert clips.frames.shape == (12, *SIGHT.shape, 3)
    assert drivers_of(scene(1), SIGHT, 1, 1)[0] == 0
    assert len(drivers_of(scene(1), SIGHT, 5, 1)) == 3
    assert clips.seen[0].slots()["lead.distance"] == "middle"
    assert clips.seen[1].slots()["follower.distance"] == "middle"  # the same, seen from the other


def test_looked_at_is_the_middle_by_hand() -> None:
    film = np.zeros((1, 160, 160, 3), np.uint8)
    film[0, 21, 80] = 200
    film[0, 21, 20] = 200  # aside of what is looked at
    found = looked_at(film, SIGHT)
    assert found.shape == (1, 40, 32, 3)
    assert found[0, 5, 16, 0] == 50
    assert found.sum() == 150


def test_labels_name_every_slot(clips: Clips) -> None:
    labels = dict(zip(SLOTS, labels_of(clips.seen[0]).tolist(), strict=True))
    said = clips.seen[0].slots()
    for name, values in SLOTS.items():
        if labels[name] == NOT_SAID:
            assert name not in said
        else:
            assert values[labels[name]] == said.get(name, "")
    assert labels["right.speed"] == NOT_SAID
    assert SLOTS["right.kind"][labels["right.kind"]] == ""


def test_patches_by_hand_and_in_a_mirror(clips: Clips) -> None:
    """The ego is in the middle, and who is to the left is to the right in a mirror."""
    objects = clips.objects[2]  # episode 1, from its ego: with a car on the left
    plain = patches_of(objects, SIGHT, (10, 4)).reshape(4, 8, -1)
    assert (plain[:, :, 0] > 0).sum() == len(objects) == 3
    assert plain[2, 4, 1] == 0  # row 20 of 40 begins behind the ego's centre; column 16 of 32
    mirror = patches_of(objects, SIGHT, (10, 4), mirror=True).reshape(4, 8, -1)
    roles = list(WORDS["en"])
    whos = [value for kind, value in roles if kind == "who"]
    assert whos.index("left") in plain[..., 1]
    assert whos.index("right") in mirror[..., 1]
    assert whos.index("left") not in mirror[..., 1]


def test_a_mirrored_clip_has_its_own_caption(clips: Clips) -> None:
    model = Captioner(SMALL)
    data = coded(model, clips)
    batch_of = batches_of(data, 64, 0, model.tokenizer.pad_token_id)
    first, again = batch_of(5), batch_of(5)
    assert all(torch.equal(first[name], again[name]) for name in first)
    kept = {clip.tobytes(): labels_of(seen).tobytes()
            for clip, seen in zip(clips.frames, clips.seen, strict=True)}
    kept |= {clip[:, :, ::-1].tobytes(): labels_of(mirrored(seen)).tobytes()
             for clip, seen in zip(clips.frames, clips.seen, strict=True)}
    for frames, slots in zip(first["frames"].numpy(), first["slots"].numpy(), strict=True):
        assert kept[frames.tobytes()] == slots.astype(np.int8).tobytes()
    starts = set(first["tokens"][:, 0].tolist())
    assert starts == set(model.tokenizer.convert_tokens_to_ids(list(LANGUAGE_TOKENS.values())))


def test_an_untrained_network_still_says_captions(clips: Clips) -> None:
    for seed in range(3):
        model = Captioner(SMALL, seed).eval()
        for language in ("en", "ko"):
            for seen in model.describe(torch.from_numpy(clips.frames[:3]), language):
                assert seen_of_caption(say_seen(seen, language), language) == seen


def certain(seen: Seen) -> np.ndarray:
    """Slots (S, CLASSES) of which there is no doubt."""
    labels = np.maximum(labels_of(seen), 0)
    return np.eye(CLASSES)[labels] + 1e-9


def test_slots_without_doubt_write_the_caption(clips: Clips) -> None:
    """All but the reasons, of which the slots know nothing: there the caption goes on as it should."""
    for seen in clips.seen:
        wanted, said = symbols_of(seen), list[Symbol]()
        while len(said) < len(wanted):
            options = next_symbols(tuple(said))
            if wanted[len(said)][0] in ("by", "did"):
                said.append(wanted[len(said)])
                continue
            options = tuple(symbol for symbol in options if symbol[0] != "by")
            prior = prior_of(certain(seen), tuple(said), options)
            assert np.exp(prior).sum() == pytest.approx(1)
            said.append(options[int(prior.argmax())])
        assert said == wanted


def test_the_slots_have_a_say(clips: Clips) -> None:
    """With a great weight an untrained network says what its slots say."""
    model = Captioner(replace(SMALL, slots_say=1000.0), seed=2).eval()
    frames = torch.from_numpy(clips.frames[:2])
    with torch.no_grad():
        slots = model(frames, torch.zeros(2, 1, dtype=torch.long)).slots.softmax(-1).numpy()
    roads = SLOTS["road"]
    for seen, found in zip(model.describe(frames), slots, strict=True):
        assert seen.facts.road == roads[int(found[list(SLOTS).index("road"), : len(roads)].argmax())]


def test_every_phrase_is_a_token() -> None:
    model = Captioner(SMALL)
    seen = seen_of(scene(1), SIGHT)
    for language in ("en", "ko"):
        numbers = model.ids(language)
        assert len(set(numbers.values())) == len(numbers)
        text = say_seen(seen, language)
        assert model.tokenizer.decode(model.tokenizer(text).input_ids) == text
        assert set(model.tokenizer(text).input_ids) <= set(numbers.values())


def test_three_clips_are_learned_by_heart(clips: Clips) -> None:
    """Captions in both languages say what is so, and the heads have learned too."""
    few = Clips(clips.frames[:6:2], clips.seen[:6:2], clips.objects[:6:2])
    model = Captioner(SMALL, seed=1).train()
    batch_of = batches_of(coded(model, few), 8, 0, model.tokenizer.pad_token_id)
    optimizer = torch.optim.AdamW(model.parameters())
    first: dict[str, float] = {}
    for step in range(steps := 150):
        optimizer.param_groups[0]["lr"] = 4e-3 * (1 - step / steps)
        losses = loss_of(model, batch_of(step))
        first = first or {name: float(value.detach()) for name, value in losses.items()}
        optimizer.zero_grad()
        losses["loss"].backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
    assert all(float(value.detach()) < 0.2 * first[name] for name, value in losses.items())
    for language in ("en", "ko"):
        said = model.eval().describe(torch.from_numpy(few.frames), language)
        assert score_captions(few.seen, said).f1 > 0.95


def test_a_checkpoint_comes_back_and_transformers_loads_it(clips: Clips, tmp_path: Path) -> None:
    from transformers import AutoTokenizer, VisionEncoderDecoderModel

    from drive_gen.perception.captioner import pixels

    model = Captioner(SMALL, seed=3).eval()
    model.save_pretrained(tmp_path / "captioner")
    again, frames = Captioner.from_pretrained(tmp_path / "captioner"), torch.from_numpy(clips.frames[:2])
    assert again.config == model.config
    assert again.describe(frames) == model.describe(frames)
    theirs, found = VisionEncoderDecoderModel.from_pretrained(tmp_path / "captioner",
                                                              output_loading_info=True)
    assert not found["missing_keys"]
    own = model.net.state_dict()
    assert all(torch.equal(value, own[name]) for name, value in theirs.state_dict().items())
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "captioner")
    start = torch.tensor([tokenizer.convert_tokens_to_ids(["[KO]"])])
    with torch.no_grad():
        said = theirs(pixel_values=pixels(frames[:1]), decoder_input_ids=start).logits
        ours = model(frames[:1], start).tokens
    torch.testing.assert_close(said, ours)


@pytest.mark.parametrize("ending", [".mp4", ".gif"])
def test_a_film_gives_the_clip_back(ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"film{ending}"
    frames = write_film(scene(1), path)
    assert frames.shape == (121, 400, 400, 3)
    back = read_frames(path)
    assert back.shape == frames.shape
    clip, wanted = clip_of_film(back, SIGHT), clip_of_film(frames, SIGHT)
    assert clip.shape == wanted.shape
    off = np.abs(clip.astype(int) - wanted)
    assert off.mean() < 8  # colours suffer from the codec, places do not
    assert np.abs(clip[0].astype(int) - wanted[1]).mean() > off[0].mean()  # the first frame is the first


def test_a_clip_of_a_film_is_means_by_hand() -> None:
    film = np.zeros((121, 400, 400, 3), np.uint8)
    film[0, 100, 200] = 200
    sight = Sight(size_px=200, aside_px=44, along_px=2)
    found = clip_of_film(film, sight)
    assert found[0, 25, 22, 0] == 25  # a quarter of a pixel of a metre, half of a row of two
    assert found.sum() == 75
    with pytest.raises(InputError, match="a film shows no more"):
        clip_of_film(film, Sight(size_px=400, aside_px=44))


def test_films_that_cannot_be_described(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One line each, exit status 2: empty, no video, cut short, of another size, grey, too slow."""
    square = np.random.default_rng(0).integers(256, size=(8, 8, 3), dtype=np.uint8)
    square = square.repeat(50, 0).repeat(50, 1)
    moving = np.stack([np.roll(square, number, 0) for number in range(121)])
    grey = moving[..., :1].repeat(3, -1)

    def film(name: str, frames: np.ndarray, fps: float = 10.0) -> Path:
        write_video(iter(frames), tmp_path / name, fps)
        return tmp_path / name

    (tmp_path / "empty.mp4").write_bytes(b"")
    (tmp_path / "text.mp4").write_text("no film")
    whole = film("whole.mp4", moving[:30])
    (tmp_path / "cut.mp4").write_bytes(whole.read_bytes()[:2000])
    (tmp_path / "notes.txt").write_text("no film")
    film("short.mp4", moving[:40])
    film("grey.mp4", grey)
    film("small.mp4", moving[:5, :64, :64])
    film("slow.gif", moving[:5], 2)
    wrong = {"empty.mp4": "empty", "text.mp4": "no video", "cut.mp4": "no video|no frame",
             "notes.txt": "no film", "short.mp4": "cut short", "grey.mp4": "grey", "small.mp4": "64 x 64",
             "slow.gif": "slow"}
    for name, message in wrong.items():
        capsys.readouterr()
        assert main(["describe", str(tmp_path / name)]) == 2
        lines = capsys.readouterr().err.strip().splitlines()
        assert len(lines) == 1
        assert re.search(message, lines[0]), lines


def test_wrong_settings() -> None:
    for wrong in ({"width": 0}, {"width": 33}, {"patch_px": (7, 4)}):
        with pytest.raises(InputError):
            replace(SMALL, **wrong)  # type: ignore[arg-type]
    for data in ({"episodes": 0}, {"look": 2.0}, {"others": -1}):
        with pytest.raises(InputError):
            CaptionData(**data)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="below seed"):
        CaptionTraining(data=CaptionData(first=9_999, episodes=2))


def test_a_run_trains_goes_on_and_describes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import yaml

    store = tmp_path / "store"
    made = [replace(scene(number), source=replace(scene(number).source, group=f"g/{number}", seed=number))
            for number in range(5)]
    write_episodes(store, made[:4], "train")
    write_episodes(store, made[4:], "validation")
    loop = LoopConfig(steps=2, batch_size=4, warmup=0, evaluate_every=1)
    training = CaptionTraining(SMALL, loop, CaptionData(str(store), episodes=4, others=0), 1)
    (tmp_path / "training.yaml").write_text(yaml.safe_dump(json.loads(json.dumps(asdict(training)))))
    run, film = tmp_path / "run", tmp_path / "film.gif"
    assert main(["train", "caption", "--config", str(tmp_path / "training.yaml"), "--out", str(run)]) == 0
    settings = json.loads((run / "config.json").read_text())
    settings["training"]["loop"]["steps"] = 3
    (run / "config.json").write_text(json.dumps(settings))
    assert main(["train", "caption", "--resume", str(run)]) == 0
    assert "step      3" in capsys.readouterr().out
    more = ["--checkpoint", str(run), "--json"]
    assert main(["describe", str(store), *more, "--film", str(film), "--language", "ko"]) == 0
    about = json.loads(capsys.readouterr().out)
    assert seen_of_caption(about["caption_of_truth"], "ko") == seen_of(scene(0), SIGHT)
    assert set(about["right"]) | set(about["made_up"]) == set(about["facts"])
    assert main(["describe", str(film), "--by", "network", "--checkpoint", str(run)]) == 0
    assert "fact" in capsys.readouterr().out
