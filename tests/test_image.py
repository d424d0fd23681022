"""Pictures from words: the VAE, what draws, folders that diffusers loads unchanged, and the command."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

pytest.importorskip("diffusers", reason="pictures from words need the extra [image]")
pytest.importorskip("transformers", reason="pictures from words need the extra [image]")

from drive_gen.cli import main
from drive_gen.data.store import write_episodes
from drive_gen.envs.files import InputError
from drive_gen.imagine.config import (
    PainterConfig,
    PainterTraining,
    Traffic,
    VaeConfig,
    VaeLoss,
    VaeTraining,
    painter_preset,
    vae_preset,
)
from drive_gen.imagine.data import CAPTIONS, Pictures, pictures_of, request_of
from drive_gen.imagine.draw import Drawing, draw, mask_of
from drive_gen.imagine.enact import best_of, enacted
from drive_gen.imagine.painter import Painter, make_scheduler, make_tokenizer, painter_loss, tokens_of
from drive_gen.imagine.pipeline import begin_with, read_pipeline, write_pipeline
from drive_gen.imagine.raster import raster_of
from drive_gen.imagine.slots import HEADS, SlotReader, SlotReaderConfig, judged, labels_of, values_of
from drive_gen.imagine.vae import Vae, to_network, to_pictures, vae_loss
from drive_gen.imagine.words import MOST_WORDS, Caption, facts_of_words, vocabulary, words_of
from drive_gen.language.agree import agreement
from drive_gen.language.facts import Agent, Facts
from drive_gen.language.place import scenario_of
from drive_gen.language.play import play
from drive_gen.policies.pretrained import MANIFEST
from drive_gen.train.config import LoopConfig
from drive_gen.train.image import batches_of, train_image, validate
from drive_gen.train.slots import train_slots
from drive_gen.train.vae import train_vae

torch.set_num_threads(1)
SMALL_VAE, SMALL = VaeConfig((8, 8, 16)), PainterConfig((16, 16, 16), text_width=32)
ASKED = (
    Facts(road="highway", lanes=2, agents=(Agent("lead"),)),
    Facts(road="merge", agents=(Agent("left", "truck"),)),
    Facts(road="two-way"),
    Facts(road="highway", lanes=4, density="light"),
)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four short episodes."""
    episodes = []
    for seed, facts in enumerate(ASKED):
        episode = play(scenario_of(facts, seed), 2.0)
        episodes.append(replace(episode, source=replace(episode.source, kind="simulated")))
    folder = tmp_path_factory.mktemp("image") / "store"
    write_episodes(folder, episodes, "train")
    return folder


@pytest.fixture(scope="module")
def seen(store: Path) -> Pictures:
    return pictures_of(Traffic(str(store), moments_s=(0.0, 1.0)))


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A drawer that has learnt nothing."""
    folder = tmp_path_factory.mktemp("drawer") / "pipeline"
    write_pipeline(folder, Painter(SMALL).eval(), Vae(SMALL_VAE).eval())
    return read_pipeline(folder)


def test_pictures_come_back_from_their_settings(store: Path, seen: Pictures) -> None:
    again = pictures_of(Traffic(str(store), moments_s=(0.0, 1.0)))
    assert np.array_equal(again.pictures, seen.pictures)
    assert again.words == seen.words
    assert len(seen) == 8
    assert all(len(words) == CAPTIONS for words in seen.words)
    by_seed = Traffic(episodes=2, moments_s=(0.0,), workers=1)
    assert np.array_equal(pictures_of(by_seed).pictures, pictures_of(by_seed).pictures)
    with pytest.raises(InputError, match="below seed"):
        Traffic(first=9_999, episodes=2)


def test_requests_are_set_up_beside_episodes(store: Path, seen: Pictures) -> None:
    """Each picture shows its scene; half of the captions are what was asked for, and each of them holds."""
    both = pictures_of(Traffic(str(store), moments_s=(0.0, 1.0), requests=24, workers=1))
    assert np.array_equal(both.pictures[: len(seen)], seen.pictures)
    added = range(len(seen), len(both))
    assert 12 < len(added) <= 24
    whole = 0
    for number in added:
        scene, words = both.scenes[number], both.words[number]
        assert len(words) == CAPTIONS
        assert all(held for text in words for held in agreement(facts_of_words(text), scene).values())
        facts, placed = request_of(int(both.group[number]))
        whole += words[: CAPTIONS // 2] == (words_of(facts),) * (CAPTIONS // 2)
        assert np.array_equal(both.pictures[number], raster_of(placed))
    assert whole > len(added) / 2
    with pytest.raises(InputError, match="0 or more"):
        Traffic(requests=-1)


def test_pixels_go_to_the_network_and_back(seen: Pictures) -> None:
    assert np.array_equal(to_pictures(to_network(seen.pictures)), seen.pictures)


def test_two_pictures_are_learned_by_heart(seen: Pictures) -> None:
    vae = Vae(SMALL_VAE).train()
    optimizer = torch.optim.AdamW(vae.parameters(), lr=1e-2)
    pictures = torch.from_numpy(seen.pictures[::4])
    first = vae_loss(vae, pictures, VaeLoss())["square"].item()
    for _ in range(30):
        loss = vae_loss(vae, pictures, VaeLoss())
        optimizer.zero_grad()
        loss["loss"].backward()
        optimizer.step()
    assert loss["square"].item() < 0.1 * first


def test_the_latent_scale_is_measured(seen: Pictures, tmp_path: Path) -> None:
    vae = Vae(SMALL_VAE).eval()
    means, deviations = vae.latents_of(seen.pictures)
    assert means.shape == deviations.shape == (8, 4, 24, 8)
    vae.measure_scale(means)
    assert float((means * vae.config.scaling_factor).std()) == pytest.approx(1, abs=1e-5)
    vae.save_pretrained(tmp_path / "vae")
    again = Vae.from_pretrained(tmp_path / "vae")
    assert again.config == vae.config
    assert np.array_equal(again.pictures_of(means), vae.pictures_of(means))


def test_diffusers_loads_the_vae_unchanged(tmp_path: Path) -> None:
    from diffusers import AutoencoderKL

    vae = Vae(SMALL_VAE, seed=3).eval()
    vae.measure_scale(torch.randn(4, 4, 24, 8, generator=torch.Generator().manual_seed(0)) * 3)
    vae.save_pretrained(tmp_path / "vae")
    theirs = AutoencoderKL.from_pretrained(tmp_path / "vae")
    own = vae.vae.state_dict()
    assert all(torch.equal(value, own[name]) for name, value in theirs.state_dict().items())
    assert theirs.config.scaling_factor == vae.config.scaling_factor


def test_libraries_load_the_folders_unchanged(tmp_path: Path) -> None:
    from diffusers import AutoencoderKL, DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel
    from transformers import AutoTokenizer, CLIPTextModel

    painter, vae = Painter(SMALL, seed=1).eval(), Vae(SMALL_VAE).eval()
    write_pipeline(tmp_path / "p", painter, vae)
    loaded = StableDiffusionPipeline.from_pretrained(tmp_path / "p")
    for kind, name, own in (
        (UNet2DConditionModel, "unet", painter.unet),
        (AutoencoderKL, "vae", vae.vae),
        (CLIPTextModel, "text_encoder", painter.text),
    ):
        theirs = kind.from_pretrained(tmp_path / "p" / name).state_dict()
        expected = own.state_dict()
        assert all(torch.equal(value, expected[key].half().to(value.dtype)) for key, value in theirs.items())
        assert all(
            torch.equal(value.half(), theirs[key].half())
            for key, value in getattr(loaded, name).state_dict().items()
        )
    scheduler = DDIMScheduler.from_pretrained(tmp_path / "p" / "scheduler")
    assert scheduler.config.prediction_type == "v_prediction"
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "p" / "tokenizer")
    assert torch.equal(tokens_of(["road=merge"], tokenizer), tokens_of(["road=merge"], make_tokenizer()))


def test_every_word_is_a_token() -> None:
    words = vocabulary()
    assert len(set(words)) == len(words)
    tokens = tokens_of(["road=merge lead.kind=truck", "", "unheard"], make_tokenizer())
    assert tokens.shape == (3, MOST_WORDS)
    assert tokens[0, :5].tolist() == [1, words.index("road=merge"), words.index("lead.kind=truck"), 2, 0]
    assert tokens[1, :3].tolist() == [1, 2, 0]
    assert tokens[2, 1] == words.index("<unknown>")


def test_words_say_facts_that_hold(seen: Pictures) -> None:
    """Of a scene some is said or all, and each of it holds; words become the facts that they were made of."""
    rng = np.random.default_rng(0)
    for scene in seen.scenes:
        some, full = (Caption(scene).draw(rng, fullness) for fullness in (0.0, 1.0))
        for facts in (some, full):
            assert all(agreement(facts, scene).values())
            assert words_of(facts_of_words(words_of(facts))) == words_of(facts)
        assert full.road is not None
        assert full.lanes is not None
        assert {agent.role for agent in full.agents} >= {"ego"}
        assert len(full.slots()) > len(some.slots())


def test_one_latent_is_learned_with_its_words() -> None:
    """What is drawn of one word is one latent, and of another word another."""
    painter, scheduler = Painter(SMALL).train(), make_scheduler(SMALL)
    latent = torch.tensor([1.0, -1.0]).reshape(2, 1, 1, 1).expand(2, 4, 24, 8).repeat(6, 1, 1, 1)
    words = tokens_of(["road=merge", "road=exit"] * 6, make_tokenizer())
    optimizer = torch.optim.AdamW(painter.parameters(), lr=5e-3)
    torch.manual_seed(0)
    for _ in range(50):
        loss = painter_loss(painter, scheduler, latent, words)["loss"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    noise = torch.randn(2, 4, 24, 8)
    step = torch.full((2,), 900)
    with torch.no_grad():
        velocity = painter.eval()(scheduler.add_noise(latent[:2], noise, step), step, words[:2])
    signal = scheduler.alphas_cumprod[900]
    clean = signal.sqrt() * scheduler.add_noise(latent[:2], noise, step) - (1 - signal).sqrt() * velocity
    assert clean[0].mean() > 0.5
    assert clean[1].mean() < -0.5


def test_words_reach_what_draws() -> None:
    painter = Painter(SMALL).eval()
    words = tokens_of(["road=merge", "lanes=2"], make_tokenizer())
    noisy, step = torch.ones(2, 4, 24, 8), torch.tensor([500, 500])
    with torch.no_grad():
        one, other = painter(noisy, step, words)
    assert not torch.equal(one, other)


def test_the_loss_tells_whether_words_are_heard(seen: Pictures) -> None:
    """A network that cannot hear has no gap between right words and wrong ones."""
    painter, scheduler = Painter(SMALL).eval(), make_scheduler(SMALL)
    words = tokens_of([texts[-1] for texts in seen.words], make_tokenizer())
    latents = torch.randn(8, 4, 24, 8, generator=torch.Generator().manual_seed(0))
    heard = validate(painter, scheduler, latents, words)
    assert heard["gap"] != 0
    assert heard == validate(painter, scheduler, latents, words)
    painter.text.embeddings.token_embedding.weight.data.zero_()
    assert validate(painter, scheduler, latents, words)["gap"] == pytest.approx(0, abs=1e-6)


def test_a_vae_goes_on_from_another(seen: Pictures, tmp_path: Path) -> None:
    loop = LoopConfig(steps=1, batch_size=2, warmup=0, learning_rate=1e-9)
    config = VaeTraining(SMALL_VAE, loop=loop)
    former = Vae(SMALL_VAE, seed=7)
    former.save_pretrained(tmp_path / "former")
    train_vae(tmp_path / "run", replace(config, init=str(tmp_path / "former")), False, seen, seen)
    again = Vae.from_pretrained(tmp_path / "run").state_dict()
    assert all(torch.allclose(value, again[name], atol=1e-6) for name, value in former.state_dict().items())
    other = replace(config, model=VaeConfig((8, 16, 16)), init=str(tmp_path / "former"))
    with pytest.raises(InputError, match="its shape is"):
        train_vae(tmp_path / "other", other, False, seen, seen)


def test_batches_hold_latents_of_unit_deviation_and_silence(seen: Pictures) -> None:
    vae = Vae(SMALL_VAE).eval()
    vae.measure_scale(vae.latents_of(seen.pictures)[0])
    config = PainterTraining("none", loop=LoopConfig(batch_size=64), unsaid=0.5)
    batch_of = batches_of(vae, seen, config)
    first, again, other = batch_of(3), batch_of(3), batch_of(4)
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["latent"], other["latent"])
    silent = tokens_of([""], make_tokenizer())
    assert 0.3 < float((first["words"] == silent).all(1).float().mean()) < 0.8


def test_a_drawing_depends_on_its_own_seed(pipeline: Any) -> None:
    how = Drawing(count=3, steps=3)
    three, two = draw(pipeline, "road=merge", how), draw(pipeline, "road=merge", replace(how, count=2))
    assert np.abs(three.pictures[:2].astype(int) - two.pictures).max() <= 1
    assert three.stages.shape == (3, 96, 32, 3)
    assert not np.array_equal(three.pictures[0], three.pictures[1])
    assert not np.array_equal(three.pictures, draw(pipeline, "road=merge", replace(how, seed=1)).pictures)


def test_pictures_are_begun_with_and_parts_stay(pipeline: Any, seen: Pictures) -> None:
    begin = seen.pictures[0]
    how = Drawing(count=2, steps=4, strength=0.5)
    assert len(draw(pipeline, "road=merge", how, begin).stages) == 2  # half of the noise is half of the steps
    drawn = draw(pipeline, "road=merge", how, begin, "ahead").pictures
    mask = mask_of("ahead")
    assert (drawn[:, ~mask] == begin[~mask]).all()
    assert (drawn[:, mask] != begin[mask]).any()
    assert not mask[44:].any()  # the ego and what is behind it


def test_what_cannot_be_drawn() -> None:
    with pytest.raises(InputError, match="pictures in 1 to"):
        Drawing(count=0)
    with pytest.raises(InputError, match="strength is from"):
        Drawing(strength=0.001)
    with pytest.raises(InputError, match="multiples of 8"):
        VaeConfig((4, 8, 8))


def test_a_changed_pipeline_is_refused(tmp_path: Path) -> None:
    write_pipeline(tmp_path / "p", Painter(SMALL), Vae(SMALL_VAE))
    begin_with(other := Painter(SMALL, seed=5), str(tmp_path / "p"))
    assert torch.equal(
        other.text.state_dict()["embeddings.token_embedding.weight"],
        read_pipeline(tmp_path / "p").text_encoder.state_dict()["embeddings.token_embedding.weight"],
    )
    with pytest.raises(InputError, match="unet has another shape"):
        begin_with(Painter(PainterConfig((16, 16, 32), text_width=32)), str(tmp_path / "p"))
    weights = tmp_path / "p" / "unet" / "diffusion_pytorch_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-8])
    with pytest.raises(InputError, match="changed or cut short"):
        read_pipeline(tmp_path / "p")
    (tmp_path / "p" / MANIFEST).write_text("{}")
    with pytest.raises(InputError, match="gives no hash"):
        read_pipeline(tmp_path / "p")


def test_the_best_candidate_is_one_that_drives(seen: Pictures) -> None:
    wanted = ASKED[0]
    black = np.zeros((96, 32, 3), np.uint8)
    candidates = [
        enacted(black, wanted),
        enacted(seen.pictures[4], wanted),
        enacted(seen.pictures[0], wanted),
    ]
    assert candidates[0].reason is not None
    assert best_of(candidates) is candidates[2]
    assert best_of(candidates[:1]) is None


def test_the_second_reader_learns_and_judges(seen: Pictures, tmp_path: Path) -> None:
    train_slots(tmp_path / "run", seen, seen, 30, SlotReaderConfig((16, 16, 16), 32))
    reader = SlotReader.from_pretrained(tmp_path / "run")
    said = reader.read(seen.pictures)
    labels = labels_of(seen.scenes)
    assert set(labels) == set(HEADS)
    right = [one["road"] == values_of(scene)["road"] for one, scene in zip(said, seen.scenes, strict=True)]
    assert np.mean(right) > 0.7
    for scene, facts in zip(
        seen.scenes[::2], ASKED, strict=True
    ):  # told the truth it judges as geometry does
        true = {name: values_of(scene).get(name) for name in HEADS}
        by_geometry = agreement(facts, scene)
        assert all(by_geometry[name] == held for name, held in judged(facts, true).items())


def test_training_draws_and_drives(store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    loop = LoopConfig(steps=2, batch_size=4, warmup=0, evaluate_every=1)
    traffic = Traffic(str(store), episodes=3, moments_s=(0.0,))
    train_vae(tmp_path / "vae", VaeTraining(SMALL_VAE, loop=loop, traffic=traffic, validation_episodes=1))
    config = PainterTraining(str(tmp_path / "vae"), SMALL, loop, traffic, validation_episodes=1)
    train_image(tmp_path / "run", config)
    settings = json.loads((tmp_path / "run" / "config.json").read_text())
    settings["training"]["loop"]["steps"] = 3
    (tmp_path / "run" / "config.json").write_text(json.dumps(settings))
    capsys.readouterr()
    assert main(["train", "image", "--resume", str(tmp_path / "run"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["evaluations"][-1]["step"] == 3
    request = [
        "imagine",
        "two-lane highway, a car ahead",
        "--checkpoint",
        str(tmp_path / "run"),
        "--steps",
        "2",
        "--out",
        str(tmp_path / "out"),
        "--count",
        "2",
    ]
    assert main(request) == 2  # what has learnt nothing draws nothing that could be driven
    said = capsys.readouterr().err
    assert "none of 2 pictures can be driven (2 x" in said
    assert (tmp_path / "out" / "strip.png").is_file()


def test_a_scene_drawn_again_in_part_is_driven(
    pipeline: Any,
    store: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The command from words to a film; the VAE is replaced by pixels that stay, as nothing was learnt."""
    from drive_gen.imagine import draw as drawing
    from drive_gen.imagine import pipeline as folder
    from drive_gen.imagine.begin import begin_picture

    begin = begin_picture(store)
    monkeypatch.setattr(folder, "read_pipeline", lambda path: pipeline)
    monkeypatch.setattr(drawing, "mask_of", lambda part: np.zeros((96, 32), bool))
    request = [
        "imagine",
        "차로 둘인 고속도로, 앞차",
        "--out",
        str(tmp_path),
        "--steps",
        "2",
        "--count",
        "1",
        "--init-scene",
        str(store),
        "--inpaint",
        "behind",
        "--strength",
        "1",
        "--json",
    ]
    assert main(request) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["rejected"] == []
    assert np.array_equal(np.asarray(Image.open(tmp_path / "picture.png")), begin)
    assert {path.name for path in tmp_path.iterdir()} == {
        "picture.png",
        "strip.png",
        "scenario.yaml",
        "drive.mp4",
    }
    assert np.array_equal(begin_picture(tmp_path / "picture.png"), begin)
    assert np.abs(begin_picture(tmp_path / "scenario.yaml").astype(int) - begin).mean() < 3


def test_presets_are_small_and_large() -> None:
    assert vae_preset("quick").loop.steps < vae_preset("base").loop.steps
    assert painter_preset("quick", "vae").traffic.episodes < painter_preset("base", "vae").traffic.episodes
    assert painter_preset("base", "vae", "store").validation.first == 4000
    assert vae_preset("quick").validation.first == 50_000
