"""The writer: its checkpoint, decoding by grammar, training, its floors and its verbs."""

from __future__ import annotations

import json
import math
from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

pytest.importorskip("transformers", reason="the writer needs transformers: the extra [language]")

from drive_gen.cli import main
from drive_gen.data.store import write_episodes
from drive_gen.envs.files import InputError
from drive_gen.envs.scenario import Scenario
from drive_gen.evaluate.writing import distances, features, novelty, slots_that_hold
from drive_gen.language.commentary import commentary, told_in
from drive_gen.language.decode import write_commentaries, write_programs
from drive_gen.language.facts import ROADS, Facts
from drive_gen.language.legal import Legal, tokens_of
from drive_gen.language.ngram import NGram
from drive_gen.language.play import play
from drive_gen.language.played import Staged, drawn, played
from drive_gen.language.program import read_program
from drive_gen.language.runnable import why_not
from drive_gen.language.trace import trace_words
from drive_gen.language.writer import (
    BOS,
    EOS,
    Writer,
    begin_with,
    commentary_example,
    mean_loss,
    padded,
    program_example,
    shape_of,
)
from drive_gen.language.writer_config import Sampling, WriterConfig, WriterTraining
from drive_gen.language.writings import (
    EVERY_S,
    LEAST_S,
    Writing,
    load_writings,
    save_writings,
    views_of,
    writings_by_seed,
    written,
)
from drive_gen.train.config import LoopConfig
from drive_gen.train.writer import batches_of, lessons_of, make_writer, mean_surprise, surprises, train_writer

torch.set_num_threads(1)
SMALL = WriterTraining(model=WriterConfig(width=32, layers=2, heads=2), episodes=20, more_programs=4,
                       subwords=400, validation=0.5,
                       loop=LoopConfig(steps=2, batch_size=4, warmup=0, evaluate_every=1))
OF_THREE = replace(SMALL, asked=0.5, loop=LoopConfig(batch_size=3))


@pytest.fixture(scope="module")
def worlds() -> list[Writing]:
    driven = [written(*drawn(Staged(), seed), played(Staged(), seed), seed) for seed in range(6)]
    return driven + writings_by_seed(Staged(), range(6, 26), drive=False, workers=1)


@pytest.fixture(scope="module")
def writer(worlds: list[Writing]) -> Writer:
    return make_writer(SMALL, worlds)


@pytest.fixture(scope="module")
def taught(worlds: list[Writing]) -> Writer:
    """A writer that has seen two worlds again and again."""
    few = [world for world in worlds[:6] if world.program][:2]
    model = make_writer(SMALL, few)
    lessons = lessons_of(model, few)
    batch = padded(lessons.plain + lessons.commentaries)
    optimizer = torch.optim.Adam(model.parameters(), lr=7e-3)
    for _ in range(200):
        loss = model.surprise(**batch).mean()
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    return model.eval()


def test_worlds_are_kept_as_they_are(worlds: list[Writing], tmp_path: Path) -> None:
    save_writings(tmp_path / "w.jsonl", worlds)
    assert load_writings(tmp_path / "w.jsonl") == worlds
    assert written(*drawn(Staged(), 0), played(Staged(), 0), 0) == worlds[0]
    assert all(why_not(world.program) == "" for world in worlds[:8] if world.program)
    assert all(world.asked and (world.program or not world.trace) for world in worlds[6:] if world.program)


def test_an_episode_is_told_as_others_see_it() -> None:
    episode = next(each for each in (played(Staged(), seed) for seed in range(6)) if each.agents > 3)
    views = list(views_of(episode, 3, 40))
    assert views == list(views_of(episode, 3, 40))
    assert views != list(views_of(episode, 4, 40))
    assert len({view.trace for view in views}) > 3
    assert all(view.seed == 3 and view.program == view.asked == "" for view in views)
    own = "".join(trace_words(episode))
    ends = [told_in(view.en).end_s for view in views]
    for view, end_s in zip(views, ends, strict=True):
        assert view.trace != own
        assert told_in(view.en) == told_in(view.ko)
        assert end_s + EVERY_S > LEAST_S  # what is left is long enough to tell of
    assert max(ends) == pytest.approx(round(episode.duration_s, 3))
    assert min(ends) < max(ends)
    eventful = sum(bool(told_in(view.en).moments) for view in views)
    assert eventful > 0.5 * len(views)


def test_every_word_is_one_token(writer: Writer, worlds: list[Writing]) -> None:
    for world in worlds:
        example = program_example(writer, world.asked, world.program)
        assert (example.ids[0], example.ids[-1]) == (BOS, EOS)
        assert writer.tokenizer.encode(world.program) == example.ids[example.first : -1]
        assert writer.tokenizer.decode(example.ids[example.first : -1]) == world.program
    world = worlds[2]
    for language, text in (("en", world.en), ("ko", world.ko)):
        example = commentary_example(writer, world.trace, language, text)
        assert writer.tokenizer.decode(example.ids[example.first : -1]) == text


def test_transformers_loads_the_checkpoint_unchanged(writer: Writer, worlds: list[Writing],
                                                     tmp_path: Path) -> None:
    from transformers import AutoTokenizer, GPT2LMHeadModel

    writer.save_pretrained(tmp_path / "writer")
    theirs, report = GPT2LMHeadModel.from_pretrained(tmp_path / "writer", output_loading_info=True)
    assert not report["missing_keys"]
    assert not report["unexpected_keys"]
    ids = padded(lessons_of(writer, worlds[:3]).plain)["ids"]
    torch.testing.assert_close(theirs(ids).logits, writer.lm(ids).logits, rtol=0, atol=0)
    assert AutoTokenizer.from_pretrained(tmp_path / "writer").encode(worlds[0].en) == writer.tokenizer.encode(
        worlds[0].en)
    again = Writer.from_pretrained(tmp_path / "writer")
    assert list(write_programs(again, [None] * 2)) == list(write_programs(writer, [None] * 2))
    (tmp_path / "writer" / "tokenizer.json").write_text("{}")
    with pytest.raises(InputError, match=r"tokenizer\.json was changed"):
        Writer.from_pretrained(tmp_path / "writer")


def test_surprise_is_transformers_loss(writer: Writer, worlds: list[Writing]) -> None:
    """Of the wanted tokens alone, whatever the padding."""
    example = program_example(writer, worlds[0].asked, worlds[0].program)
    labels = torch.tensor([example.ids])
    ids = labels.clone()
    labels[:, : example.first] = -100
    expected = float(writer.lm(ids, labels=labels).loss.detach())
    assert mean_surprise(writer, [example]) == pytest.approx(expected, rel=1e-5)
    among = surprises(writer, [example, *lessons_of(writer, worlds[:4]).commentaries])[0]
    assert among.mean() == pytest.approx(expected, rel=1e-5)
    assert len(among) == len(example.ids) - example.first


def test_an_untrained_writer_runs_by_grammar_alone(writer: Writer, worlds: list[Writing]) -> None:
    wanted = [Facts(road="merge"), None, drawn(Staged(), 3)[0]] * 4
    programs = list(write_programs(writer, wanted, Sampling(seed=1)))
    assert [why_not(program) for program in programs] == [""] * 12
    assert programs == list(write_programs(writer, wanted, Sampling(seed=1)))
    assert programs != list(write_programs(writer, wanted, Sampling(seed=2)))
    free = list(write_programs(writer, [None] * 4, grammar=False))
    assert all(why_not(program) for program in free)


def test_what_was_taught_is_written(taught: Writer, worlds: list[Writing]) -> None:
    few = [world for world in worlds[:6] if world.program][:2]
    for language in ("en", "ko"):
        said = list(write_commentaries(taught, [world.trace for world in few], language))
        assert said == [getattr(world, language) for world in few]
    programs = set(write_programs(taught, [None] * 12, grammar=False))
    assert programs & {world.program.strip() for world in few}
    likeliest = set(write_programs(taught, [None] * 3, Sampling(temperature=0.0)))
    assert len(likeliest) == 1


def test_batches_are_of_one_kind_and_come_back(writer: Writer, worlds: list[Writing]) -> None:
    lessons = lessons_of(writer, worlds)
    batch_of = batches_of(lessons, OF_THREE)
    trace = writer.ids(["\ntrace"])[0]
    kinds = set()
    for step in range(8):
        batch = batch_of(step)
        spoken = (batch["ids"] == trace).any(1)
        assert len(set(spoken.tolist())) == 1
        kinds.add(bool(spoken[0]))
        assert torch.equal(batch["ids"], batch_of(step)["ids"])
        assert (batch["wanted"].sum(1) > 1).all()
    assert kinds == {True, False}


def test_what_programs_grammar_allows(writer: Writer, worlds: list[Writing]) -> None:
    """Row by row for the wanted tokens: the next word, no body on another, no lane that is not there."""
    lessons = lessons_of(writer, [world for world in worlds if world.program][:6])
    names = np.array(tokens_of(writer))
    program = "\nroad=highway lanes=2\ncar lane=0 from=+200 at=+0 v=20\ncar lane=0 at=+8 v=20"
    own = program_example(writer, "", program)
    allowed = Legal(writer).of([own, *lessons.asked])
    batch = padded([own, *lessons.asked])
    target = batch["ids"][:, 1:][batch["wanted"][:, 1:]]
    assert allowed.shape == (len(target), writer.config.vocabulary)
    assert allowed[torch.arange(len(target)), target].all()
    follows = [set(names[row.numpy()]) for row in allowed[: len(own.ids) - 1]]
    assert follows[0] == {f"\nroad={road}" for road in ROADS}
    assert follows[3] == {" lane=0", " lane=1"}
    near = {place for place in range(1, 20) if f" at=+{place}" in follows[9]}
    assert near == set(range(6, 20))  # cars are 5 m long, and .2 m stay clear
    assert names[EOS] in follows[-1]
    assert names[EOS] not in follows[0]


def test_a_program_may_do_what_its_grammar_bars(writer: Writer) -> None:
    program = ("\nroad=highway lanes=1\ncar lane=0 from=+200 at=+0 v=20\n"
               "t=1.0 who=0 go=left\nt=2.0 who=0 go=on")
    allowed = Legal(writer).of([program_example(writer, "", program)])
    assert allowed.all(1).tolist() == [False] * 9 + [True] * 5


def test_the_loss_on_what_is_barred(writer: Writer, worlds: list[Writing]) -> None:
    """It is -log of the share of words that are allowed, and its gradient leads there."""
    lessons = lessons_of(writer, [world for world in worlds if world.program][:4])
    batch = padded(lessons.plain)
    allowed = Legal(writer).of(lessons.plain)
    share = writer.logits(**batch).softmax(-1).mul(allowed).sum(-1)
    losses = mean_loss(writer, **batch, allowed=allowed, weight=3.0)
    torch.testing.assert_close(losses["barred"], -share.log().mean())
    torch.testing.assert_close(losses["loss"], losses["surprise"] + 3 * losses["barred"])
    torch.testing.assert_close(losses["surprise"], writer.surprise(**batch).mean())
    everything = mean_loss(writer, **batch, allowed=torch.ones_like(allowed), weight=3.0)
    torch.testing.assert_close(everything["loss"], losses["surprise"])
    pupil = deepcopy(writer)
    optimizer = torch.optim.Adam(pupil.parameters(), lr=3e-3)
    for _ in range(20):
        optimizer.zero_grad()
        loss = mean_loss(pupil, **batch, allowed=allowed, weight=1.0)["barred"]
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    assert loss.item() < 0.5 * losses["barred"].item()


def test_programs_come_with_what_their_grammar_allows(writer: Writer, worlds: list[Writing]) -> None:
    batch_of = batches_of(lessons_of(writer, worlds), OF_THREE, Legal(writer))
    for step in range(8):
        batch = batch_of(step)
        spoken = bool((batch["ids"] == writer.ids(["\ntrace"])[0]).any())
        assert ("allowed" in batch) != spoken
        if not spoken:
            assert len(batch["allowed"]) == int(batch["wanted"].sum())


def test_a_run_trains_goes_on_and_is_used(worlds: list[Writing], tmp_path: Path,
                                          capsys: pytest.CaptureFixture[str]) -> None:
    run = tmp_path / "run"
    mixed = worlds[3:] + worlds[:3]  # commentaries among those held out, too
    train_writer(run, SMALL, writings=mixed)
    save_writings(run / "writings.jsonl", mixed)
    settings = json.loads((run / "config.json").read_text())
    settings["training"]["loop"]["steps"] = 3
    (run / "config.json").write_text(json.dumps(settings))
    assert main(["train", "writer", "--resume", str(run)]) == 0
    assert "step      3" in capsys.readouterr().out
    out = tmp_path / "scenarios"
    words = ["sample", "--writer", str(run), "--out", str(out), "--count", "5", "--json"]
    assert main([*words, "--text", "a truck ahead"]) == 0
    about = json.loads(capsys.readouterr().out)
    assert (about["run"], about["count"]) == (5, 5)
    assert "lead.kind" in about["holds"]
    assert len(list(out.glob("*.yaml"))) == 5
    assert (out / "sheet.png").stat().st_size > 1000
    play(Scenario.read(out / "0004.yaml"), 1.0)


def test_an_episode_is_commented(taught: Writer, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    taught.save_pretrained(tmp_path / "writer")
    episodes = [played(Staged(), seed) for seed in range(2)]
    write_episodes(tmp_path / "store", episodes)
    words = ["comment", str(tmp_path / "store"), "--episode", "1", "--writer", str(tmp_path / "writer")]
    assert main([*words, "--exact", "--language", "ko"]) == 0
    assert capsys.readouterr().out.strip() == commentary(episodes[1], "ko")
    assert main([*words, "--json", "--out", str(tmp_path / "said.txt")]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["exact"] == commentary(episodes[1])
    assert (tmp_path / "said.txt").read_text().strip() == said["said"]


def test_others_gpt2s_are_begun_with(writer: Writer, tmp_path: Path) -> None:
    from transformers import BertConfig, GPT2Config, GPT2LMHeadModel

    theirs = GPT2LMHeadModel(GPT2Config(vocab_size=50, n_positions=700, n_embd=24, n_layer=1, n_head=2))
    theirs.save_pretrained(tmp_path / "gpt2")
    shape = shape_of(str(tmp_path / "gpt2"), writer.config)
    assert (shape.width, shape.layers, shape.heads, shape.positions) == (24, 1, 2, 640)
    ours = Writer(shape)
    ours.tokenizer = writer.tokenizer
    begin_with(ours, str(tmp_path / "gpt2"))
    own, found = ours.lm.transformer.state_dict(), theirs.transformer.state_dict()
    del own["wte.weight"]
    assert all(torch.equal(value, found[name][: len(value)]) for name, value in own.items())
    with pytest.raises(InputError, match="does not fit"):
        begin_with(Writer(replace(shape, width=32)), str(tmp_path / "gpt2"))
    BertConfig().save_pretrained(tmp_path / "bert")
    with pytest.raises(InputError, match="'bert' network"):
        shape_of(str(tmp_path / "bert"), writer.config)
    with pytest.raises(InputError, match="cannot read it"):
        shape_of(str(tmp_path / "none"), writer.config)


def test_an_ngram_by_hand() -> None:
    """Bigrams of 0 1 0 1 0 2, the first token not to be said: 01 twice, 10 twice, 02 once.

    Too few counts to estimate discounts from: 0.5, 1 and 1.5. Contexts that precede: 0 follows {1}, 1 and 2
    follow {0}, so each has one of three bigrams. p(1) = (1 - .5) / 3 + 1.5 / 3 * 1/4 = 7/24, and
    p(1 | 0) = (2 - 1) / 3 + (1 + .5) / 3 * 7/24 = 23/48.
    """
    model = NGram(vocabulary=4, order=2).fit([([0, 1, 0, 1, 0, 2], 1)])
    assert model.probability(1, [0]) == pytest.approx(23 / 48)
    assert model.probability(3, [0]) == pytest.approx(0.5 * 0.125)
    assert model.probability(3, [3]) == pytest.approx(0.125)  # nothing is known of what follows 3
    assert model.surprise([0, 1], 1) == [pytest.approx(-math.log(23 / 48))]


@pytest.mark.parametrize("context", [[], [1], [2, 0], [0, 1, 2, 0, 1], [7, 7, 7]])
def test_an_ngrams_probabilities_sum_to_one(context: list[int]) -> None:
    rng = np.random.default_rng(0)
    rows = [(np.minimum(rng.geometric(0.3, 40) - 1, 7).tolist(), 2) for _ in range(20)]
    model = NGram(vocabulary=9, order=5).fit(rows)
    assert sum(model.probability(token, context) for token in range(9)) == pytest.approx(1.0)
    uniform = math.log(9)
    assert np.mean([np.mean(model.surprise(*row)) for row in rows]) < uniform


def test_heaps_of_programs_are_compared_by_hand() -> None:
    one, two, three = (read_program(f"road=highway lanes={lanes}\ncar lane=0 at=+50 v={speed}")
                       for lanes, speed in ((1, 20), (2, 20), (2, 21)))
    assert set(distances(features([one, one]), features([one])).values()) == {0.0}
    assert distances(features([one, one]), features([one, two]))["lanes"] == 0.5
    assert distances(features([]), features([one]))["lanes"] == 1.0
    found = novelty([one, two, three, three], [one, two])
    assert found == {"different": 0.75, "new": 0.5, "new skeleton": 0.0}
    held = slots_that_hold([Facts("highway", 2), Facts("highway", 2)], [two.text(), "nonsense"])
    assert held == {"slots": 0.5, "requests": 0.5}
