"""The learnt reader: labels, network, training, checkpoint, and when it is asked."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import drive_gen.train.reader
from drive_gen.cli import main
from drive_gen.envs.files import InputError
from drive_gen.language import choose
from drive_gen.language.concepts import CONCEPTS, NUMBER, aid, name_of, plain, weak_aid
from drive_gen.language.facts import Agent, Event, Facts
from drive_gen.language.floors import FEATURES, fit, majority, terms_of
from drive_gen.language.labels import FAMILIES, PLACE, SIZES, SLOTS, WHOSE, Slot, facts_of_labels, labels_of
from drive_gen.language.parse import facts_of_text
from drive_gen.language.questions import ANSWERS
from drive_gen.language.reader import HELPS, Read, Reader, chosen_of, encoded, padded, slots_loss
from drive_gen.language.reader_config import ReaderConfig, ReaderTraining, Texts
from drive_gen.language.reader_data import UNKNOWN, Rows, by_hand, labelled, read_rows, rows_of, write_rows
from drive_gen.language.splits import Request, requests
from drive_gen.language.tokens import tokens
from drive_gen.language.vary import changed, joined, mirrored, pieces, varied
from drive_gen.train.config import LoopConfig
from drive_gen.train.reader import (
    batches_of,
    helped,
    loss_of,
    make_tokenizer,
    mask,
    owners,
    task_of,
    train_reader,
    words_loss,
)

transformers = pytest.importorskip("transformers", reason="needs the extra [language]")
torch.set_num_threads(1)
SMALL = ReaderConfig(vocabulary=400, width=32, layers=1, heads=2, inner=64, longest=64)
FEW = Texts(requests=30, narrations=4, by_hand=0, driven=3)
SAID = [request for language in ("en", "ko") for request in requests("train", language, 40)]


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return make_tokenizer([request.text for request in SAID], ReaderTraining(model=SMALL))


def network(tokenizer: Any, **settings: Any) -> Reader:
    return Reader(replace(SMALL, vocabulary=len(tokenizer), **settings), tokenizer=tokenizer)


# --- labels -------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("split", ["train", "combination"])
def test_labels_hold_all_that_facts_say(split: str) -> None:
    for request in (*requests(split, "en", 200), *by_hand("en", True), *by_hand("ko", True)):
        labels = labels_of(request.facts)
        assert (labels < np.array(SIZES)).all()
        assert facts_of_labels(labels) == request.facts


def test_contradictions_are_repaired_by_dropping_the_least_sure() -> None:
    labels = labels_of(Facts(road="highway", agents=(Agent("lead"),)))
    labels[PLACE[Slot("density", "", "density")]] = FAMILIES["density"].index("empty")
    surety = np.full(len(SLOTS), 0.9)
    surety[PLACE[Slot("density", "", "density")]] = 0.5
    assert facts_of_labels(labels, surety) == Facts(road="highway", agents=(Agent("lead"),))
    surety[PLACE[Slot("there", "lead", "there")]] = 0.4
    assert facts_of_labels(labels, surety) == Facts(road="highway", density="empty")


def test_who_acts_is_there() -> None:
    labels = np.zeros(len(SLOTS), np.int8)
    labels[PLACE[Slot("event", "left", "brake")]] = FAMILIES["event"].index(4)
    labels[PLACE[Slot("kind", "left", "kind")]] = 1
    labels[PLACE[Slot("style", "right", "style")]] = 1  # of nobody who is there
    assert facts_of_labels(labels) == Facts(agents=(Agent("left", "truck"),),
                                            events=(Event("left", "brake", at_s=4),))


# --- texts --------------------------------------------------------------------------------------------------

def test_varied_requests_say_their_facts() -> None:
    """Where the parser reads a request by hand right, it reads its variations right too, almost always: they
    are as true as the original. Typing errors and joined requests are left out here."""
    rng, right, count, new = np.random.default_rng(0), 0, 0, 0
    for language in ("en", "ko"):
        for request in by_hand(language, kept=False):
            try:
                if facts_of_text(request.text, language) != request.facts:
                    continue
                other = changed(mirrored(request), rng)
                count, new = count + 1, new + (other.facts != request.facts)
                right += facts_of_text(other.text, language) == other.facts
            except InputError:
                continue
    assert count > 200
    assert new > count / 4
    assert right / count > 0.93


def test_mirrored_by_hand() -> None:
    one = Request("the car on the left cuts in, right at the start", "en",
                  Facts(agents=(Agent("left"),), events=(Event("left", "cut-in", when="early"),)))
    other = mirrored(one)
    assert other.text == "the car on the right cuts in, right at the start"
    assert other.facts.events == (Event("right", "cut-in", when="early"),)
    assert mirrored(other) == one
    korean = Request("좌회전, 오른쪽 차 급제동", "ko", Facts(task="turn-left",
                                                             events=(Event("right", "brake"),)))
    assert mirrored(korean).text == "우회전, 왼쪽 차 급제동"
    assert mirrored(Request("to the right", "en", Facts(road="exit"))).text == "to the right"


def test_joined_requests_never_mix_what_is_said_of_one() -> None:
    rng = np.random.default_rng(0)
    night = Request("a motorway at night.", "en", Facts(road="highway", time="night"))
    lead = Request("truck ahead", "en", Facts(agents=(Agent("lead", "truck"),)))
    both = joined(night, lead, rng)
    assert both.facts == Facts(road="highway", time="night", agents=(Agent("lead", "truck"),))
    assert both.text in {f"{a}{mark}{b}" for mark in (". ", ", ", "; ")
                         for a, b in (("a motorway at night", "truck ahead"),
                                      ("truck ahead", "a motorway at night."))}
    for other in (Request("midnight", "en", Facts(time="night")),
                  Request("someone crashes", "en", Facts(events=(Event("someone", "crash"),)))):
        assert joined(night, other, rng) == night


def test_validation_requests_are_never_varied() -> None:
    kept = {request.text for language in ("en", "ko") for request in by_hand(language, True)}
    rest = {request.text for language in ("en", "ko") for request in by_hand(language, False)}
    assert len(kept) == 354
    assert not kept & rest
    rng, hand = np.random.default_rng(0), by_hand("en", False)
    assert len({varied(hand[0], rng, hand).text for _ in range(20)}) > 5


def test_rows_come_back(tmp_path: Path, tokenizer: Any) -> None:
    told = [request.facts for request in SAID]
    rows = rows_of(labelled(FEW, told), lambda *given: encoded(tokenizer, 64, *given))
    write_rows(tmp_path / "rows.npz", {"slots": rows})
    again = read_rows(tmp_path / "rows.npz")["slots"]
    assert all(np.array_equal(getattr(rows, each.name), getattr(again, each.name)) for each in fields(Rows))
    batch = rows.batch(np.array([0, 5]))
    first = encoded(tokenizer, 64, next(iter(labelled(FEW, told))).text)
    assert batch["ids"][0][: len(first.ids)].tolist() == first.ids
    assert (batch["concepts"][0][len(first.ids) :] == 0).all()
    assert not batch["segments"].any()
    assert (rows.label[rows.label[:, 0] == 1][:, 1:] == UNKNOWN).all()  # a question says no slots


def test_masked_words(tokenizer: Any) -> None:
    ids = padded([encoded(tokenizer, 64, request.text)[0] for request in SAID])
    before = ids.clone()
    words = mask(ids, len(tokenizer), np.random.default_rng(0))
    hidden = words != UNKNOWN
    assert torch.equal(torch.where(hidden, words, ids), before)
    assert (before[hidden] >= 7).all()
    assert 0.1 < hidden.sum() / (before >= 7).sum() < 0.2
    assert 0.7 < (ids[hidden] == tokenizer.mask_token_id).float().mean() < 0.9


def test_pieces_say_what_they_said_together() -> None:
    whole = Request("a motorway at night, the car ahead brakes hard, which is a pity", "en",
                    Facts(road="highway", time="night", events=(Event("lead", "brake"),)))
    assert [(each.text, each.facts) for each in pieces(whole)] == [
        ("a motorway at night", Facts(road="highway", time="night")),
        ("the car ahead brakes hard, which is a pity", Facts(events=(Event("lead", "brake"),)))]
    tied = Request("a truck ahead, it brakes hard", "en",
                   Facts(agents=(Agent("lead", "truck"),), events=(Event("lead", "brake"),)))
    assert pieces(tied) == (tied,)  # "it" alone is nobody
    assert sum(len(pieces(each)) > 1 for each in by_hand("ko", kept=False)) > 100


# --- help ---------------------------------------------------------------------------------------------------

def stretches(text: str, **settings: Any) -> list[tuple[str, str]]:
    """(letters, concept) of a text's stretches."""
    found = aid(text, **settings).marked
    numbers = [number for number in dict.fromkeys(found.stretch.tolist()) if number]
    spans = [np.flatnonzero(found.stretch == number) for number in numbers]
    return [(text[span[0] : span[-1] + 1], CONCEPTS[found.concept[span[0]]]) for span in spans]


@pytest.mark.parametrize(("text", "found"), [
    ("Two lorries, the guy behind me dosen't brake hard.",
     [("Two", "count=2"), ("lorries", "kind=truck"), (",", "sep=,"), ("guy behind me", "role=follower/car"),
      ("dosen't", "not"), ("brake hard", "event=brake"), (".", "sep=.")]),
    ("at 90 km/h after 3 seconds", [("at 90 km/h", "speed=normal"), ("after 3 seconds", "at_s=3")]),
    ("trucks on either side", [("trucks", "kind=truck"), ("on either side", "role=left+right")]),
    ("밤 고속도로, 앞차 급정거 않함", [("밤", "time=night"), ("고속도로", "road=highway"), (",", "sep=,"),
                                       ("앞차", "role=lead/car"), ("급정거", "event=brake"),
                                       ("않함", "not")]),
    ("blorp", [])])
def test_concepts_cover_the_words_that_say_them(text: str, found: list[tuple[str, str]]) -> None:
    assert stretches(text) == found


def test_every_token_has_a_concept() -> None:
    for language in ("en", "ko"):
        names = {name_of(token) for request in by_hand(language, False)
                 for token in tokens(request.text, language)}
        assert "unknown" not in names
        assert len(names) > 90


def test_subwords_get_the_concepts_of_their_letters(tokenizer: Any) -> None:
    for text in ("a semi  truck ahead brakes hard", "밤에 앞차가 급정거"):
        marks = aid(plain(text)).marked
        row = encoded(tokenizer, 64, text, None, [marks])
        words = ["".join(tokenizer.decode([each])) for each in row.ids]
        assert row.ids == encoded(tokenizer, 64, text).ids
        said = [CONCEPTS[each // 2] for each in row.concepts if each and each % 2 == 0]
        assert said == [name for _, name in stretches(plain(text))], words
        assert row.concepts[0] == row.concepts[-1] == 0  # [CLS] and [SEP]
        covered = sum(bool(each) for each in row.concepts)
        assert covered >= len(said)


def test_help_that_knows_less() -> None:
    text, rng = "a truck ahead brakes hard at night", np.random.default_rng(0)
    whole = aid(text)
    same = weak_aid(text, "en", rng, (0.0, 0.0))
    assert np.array_equal(same.marked.concept, whole.marked.concept)
    assert np.array_equal(same.parsed, whole.parsed)
    assert same.parsed is not None
    assert same.parsed.tolist() == labels_of(facts_of_text(text)).tolist()
    none = weak_aid(text, "en", rng, (1.0, 1.0))
    assert not none.marked.concept.any()
    assert none.parsed is None
    some = [weak_aid(text, "en", np.random.default_rng(seed), (0.3, 0.3)) for seed in range(30)]
    again = [weak_aid(text, "en", np.random.default_rng(seed), (0.3, 0.3)) for seed in range(30)]
    assert all(np.array_equal(one.marked.concept, two.marked.concept)
               for one, two in zip(some, again, strict=True))
    right = [each.parsed is not None and np.array_equal(each.parsed, whole.parsed) for each in some]
    assert 0 < sum(right) < 30
    russian = aid("это грузовик")
    assert russian.parsed is None
    assert not russian.marked.concept.any()


def test_help_is_taken_away_by_seed(tokenizer: Any) -> None:
    rows = rows_of(labelled(FEW, [SAID[0].facts]), lambda *given: encoded(tokenizer, 64, *given))

    def batch(seed: int) -> dict[str, torch.Tensor]:
        found = {name: torch.from_numpy(array) for name, array in rows.batch(np.arange(len(rows))).items()}
        helped(found, np.random.default_rng(seed))
        return found

    whole, one, two = rows.batch(np.arange(len(rows))), batch(1), batch(1)
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert not torch.equal(one["concepts"], batch(2)["concepts"])
    left = one["concepts"].numpy()
    assert ((left == whole["concepts"]) | (left == 0)).all()
    alone = ~left.any(1) & whole["concepts"].any(1)
    assert 0.05 < alone.mean() < 0.3
    assert (one["told"].numpy()[alone] == UNKNOWN).all()
    hidden = one["ids"].numpy() != whole["ids"]
    assert hidden.any()
    assert (left[hidden] > 0).all()


def test_the_parser_is_heard(tokenizer: Any) -> None:
    model = network(tokenizer).eval()
    torch.nn.init.normal_(model.slots.told.weight)
    ids = padded([model.encode("a truck ahead")[0]])
    states = model.tokens(ids, torch.zeros_like(ids))
    told = torch.full((1, len(SLOTS)), UNKNOWN)
    with torch.no_grad():
        model.slots.told.weight[0] = 0
        alone = model.slots(states, ids != 0)
        torch.testing.assert_close(model.slots(states, ids != 0, told), alone)
        place = PLACE[Slot("kind", "lead", "kind")]
        told[0, place] = 1
        other = model.slots(states, ids != 0, told)
    assert (other != alone).any(-1)[0].nonzero().flatten().tolist() == [place]


# --- the network --------------------------------------------------------------------------------------------

def test_padding_changes_nothing(tokenizer: Any) -> None:
    model = network(tokenizer).eval()
    short, long = model.encode("a truck ahead")[0], model.encode(SAID[0].text)[0]
    with torch.no_grad():
        alone, both = padded([short]), padded([short, long])
        for head in (lambda ids, states: model.slot_logits(states, ids != 0)["event"][:1],
                     lambda ids, states: model.answer_logits(states, ids != 0,
                                                             model.slots(states, ids != 0))[:1]):
            one, two = (head(ids, model.tokens(ids, torch.zeros_like(ids))) for ids in (alone, both))
            torch.testing.assert_close(one, two, rtol=0, atol=1e-5)


def test_every_word_is_read_and_question_and_narration_differ(tokenizer: Any) -> None:
    model = network(tokenizer).eval()
    ids, segments, _ = (torch.tensor([row]) for row in model.encode("who brakes?",
                                                                    "the car ahead brakes hard"))

    def answered(ids: torch.Tensor, segments: torch.Tensor) -> torch.Tensor:
        states = model.tokens(ids, segments)
        return model.answer_logits(states, ids != 0, model.narrated(states, segments))

    with torch.no_grad():
        whole = answered(ids, segments)
        for place in range(1, ids.shape[1] - 1):
            other = ids.clone()
            other[0, place] = tokenizer.mask_token_id
            assert not torch.equal(answered(other, segments), whole)
        assert answered(ids, 0 * segments).isfinite().all()
        assert not torch.equal(answered(ids, 0 * segments), whole)


def test_the_loss_by_hand() -> None:
    """Nothing known: each slot costs the logarithm of its classes; what is not to be learnt costs nothing."""
    logits = {name: torch.zeros(2, sum(slot.family == name for slot in SLOTS), len(values))
              for name, values in FAMILIES.items()}
    labels = torch.zeros(2, len(SLOTS), dtype=torch.long)
    assert slots_loss(logits, labels).item() == pytest.approx(np.log(SIZES).sum(), rel=1e-5)
    labels[1] = UNKNOWN
    assert slots_loss(logits, labels).item() == pytest.approx(np.log(SIZES).sum() / 2, rel=1e-5)
    chosen, sure = chosen_of(logits)
    assert chosen.shape == sure.shape == (2, len(SLOTS))
    np.testing.assert_allclose(sure[0], 1 / np.array(SIZES), rtol=1e-5)


@pytest.mark.parametrize(("text", "facts", "found"), [
    ("the lorry behind brakes hard and we drive fast",
     Facts(agents=(Agent("ego", speed="fast"), Agent("follower", "truck")),
           events=(Event("follower", "brake"),)), {"event=brake": "follower", "speed=fast": "ego"}),
    ("the car ahead never stops late",  # a time that no event has
     Facts(agents=(Agent("lead"),), events=(Event("lead", "stop", happens=False),)),
     {"event=stop": "lead", "when=late": None}),
    ("the car ahead brakes, the car behind brakes",  # two of whom it may speak
     Facts(agents=(Agent("lead"), Agent("follower")),
           events=(Event("lead", "brake"), Event("follower", "brake"))), {"event=brake": None})])
def test_whom_words_are_about(text: str, facts: Facts, found: dict[str, str | None]) -> None:
    means = np.array([[NUMBER[name] for name in found] + [0]])
    assert set(means[0]) - {0} <= set(aid(text).marked.concept)
    whose = [WHOSE[who] if who != UNKNOWN else None for who in owners(means, labels_of(facts)[None])[0]]
    assert whose == [*found.values(), None]


def test_words_teach_whom_they_are_about_and_what_they_mean(tokenizer: Any) -> None:
    """By hand: untrained heads without weights cost the logarithm of their classes; what nobody knows, and
    what the lexicon says, costs nothing."""
    model = network(tokenizer)
    for head in (model.owner, model.means):
        torch.nn.init.zeros_(head.weight)
        torch.nn.init.zeros_(head.bias)
    states = torch.randn(1, 3, model.config.width)
    means, owner = torch.tensor([[4, 5, 0]]), torch.tensor([[2, UNKNOWN, UNKNOWN]])
    losses = words_loss(model, states, means, owner, given=torch.tensor([[0, 10, 0]]))
    assert losses["owner"].item() == pytest.approx(np.log(len(WHOSE)), rel=1e-5)
    assert losses["means"].item() == pytest.approx(np.log(len(CONCEPTS)), rel=1e-5)
    losses["means"].backward(retain_graph=True)
    assert model.means.bias.grad[4] < 0 < model.means.bias.grad[5]  # the second is said by the lexicon
    nothing = words_loss(model, states, 0 * means, 0 * owner + UNKNOWN, given=means)
    assert nothing["owner"].item() == nothing["means"].item() == 0


def test_who_is_asked_for_finds_the_words_about_them(tokenizer: Any) -> None:
    model = network(tokenizer)
    torch.nn.init.zeros_(model.owner.weight)
    states = torch.randn(1, 2, model.config.width)
    with torch.no_grad():
        model.owner.bias.fill_(-1e4)
        model.owner.bias[WHOSE.index("lead")] = 1e4
    expected = states + model.slots.who.weight[WHOSE.index("lead")]
    torch.testing.assert_close(model.owned(states), expected)


def test_twelve_requests_are_learned_by_heart(tokenizer: Any) -> None:
    model = network(tokenizer, width=64).train()
    chosen = SAID[:6] + SAID[40:46]
    ids = padded([model.encode(request.text)[0] for request in chosen])
    labels = torch.tensor(np.stack([labels_of(request.facts) for request in chosen]).astype(np.int64))
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for _ in range(250):
        loss = slots_loss(model.slot_logits(model.tokens(ids, torch.zeros_like(ids)), ids != 0), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if loss.item() < 0.3:
            break
    assert [read.facts for read in model.eval().read([request.text for request in chosen],
                                                                "none")] == [
        request.facts for request in chosen]


def test_a_checkpoint_is_ours_and_transformers(tmp_path: Path, tokenizer: Any) -> None:
    model = network(tokenizer).eval()
    model.save_pretrained(tmp_path / "reader")
    again = Reader.from_pretrained(tmp_path / "reader")
    assert again.read(["밤 고속도로"]) == model.read(["밤 고속도로"])
    theirs, found = transformers.BertModel.from_pretrained(tmp_path / "reader", add_pooling_layer=False,
                                                           output_loading_info=True)
    assert not found["missing_keys"]
    assert all(torch.equal(value, model.bert.state_dict()[name]) for name,
               value in theirs.state_dict().items())
    words = transformers.AutoTokenizer.from_pretrained(tmp_path / "reader")
    assert words(" A Truck").input_ids == words(" a truck").input_ids == model.encode("A truck")[0][1:-1]
    with pytest.raises(InputError, match="without a tokenizer"):
        Reader(SMALL).save_pretrained(tmp_path / "none")


# --- training -----------------------------------------------------------------------------------------------

def test_turns() -> None:
    config = ReaderTraining(loop=LoopConfig(steps=1000), pretraining=0.1, questions=0.25)
    tasks = [task_of(step, config) for step in range(1000)]
    assert set(tasks[:100]) == {"pretrain"}
    assert "pretrain" not in tasks[100:]
    assert 150 < tasks.count("answer") < 300


def test_a_run_trains_goes_on_and_begins_another(tmp_path: Path, capsys: pytest.CaptureFixture[str],
                                                 monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drive_gen.train.reader, "VALIDATED", 3)
    loop = LoopConfig(steps=3, batch_size=4, warmup=0, evaluate_every=3)
    training = ReaderTraining(SMALL, loop, FEW, pretraining=0.34, questions=0.5)
    train_reader(tmp_path / "run", training)
    settings = json.loads((tmp_path / "run" / "config.json").read_text())
    settings["training"]["loop"]["steps"] = 4
    (tmp_path / "run" / "config.json").write_text(json.dumps(settings))
    assert main(["train", "reader", "--resume", str(tmp_path / "run")]) == 0
    assert "step      4" in capsys.readouterr().out
    model = Reader.from_pretrained(tmp_path / "run")
    from drive_gen.language.reader_init import begin_with, shape_of, tokenizer_of

    reference = str(tmp_path / "run" / "checkpoints" / "last")
    other = Reader(shape_of(reference, ReaderConfig(longest=32)), seed=5, tokenizer=tokenizer_of(reference))
    begin_with(other, reference)
    last = Reader.from_pretrained(reference)
    ids = padded([last.encode("a truck ahead")[0]])
    with torch.no_grad():
        torch.testing.assert_close(other.eval().tokens(ids, 0 * ids), last.tokens(ids, 0 * ids))
    assert model.answer([("who?", "nobody")])[0][0] in ANSWERS
    scene = str(tmp_path / "scene")
    assert main(["generate", "--text", "밤 고속도로, 앞차 급제동", "--reader", "parser", "--out", scene]) == 0
    capsys.readouterr()
    question = ["ask", f"{scene}/scenario.yaml", "앞차가 급제동했나요?", "--checkpoint", reference]
    assert main([*question, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["answer"] in ANSWERS
    assert facts_of_text(told["narration"], "ko").road == "highway"


def test_batches_come_back_from_their_step(tokenizer: Any) -> None:
    rows = rows_of(labelled(FEW, [SAID[0].facts]), lambda *given: encoded(tokenizer, 64, *given))
    config = ReaderTraining(replace(SMALL, vocabulary=len(tokenizer)), LoopConfig(batch_size=4), FEW)
    parts = {"pretrain": replace(rows, label=np.zeros((len(rows), 1), np.int8)), "slots": rows,
             "answer": replace(rows, label=np.zeros((len(rows), 1 + len(SLOTS)), np.int8))}
    batch_of = batches_of(parts, config)
    model = network(tokenizer)
    for step in (0, config.loop.steps - 1, config.loop.steps - 2, config.loop.steps - 3):
        one, two = batch_of(step), batch_of(step)
        assert all(torch.equal(one[name], two[name]) for name in one)
        assert loss_of(model, one)["loss"].isfinite()


# --- which reader -------------------------------------------------------------------------------------------

class Told:
    """Stands for a network that reads one thing."""

    def __init__(self, read: Read) -> None:
        self.one = read

    def read(self, texts: list[str]) -> list[Read]:
        return [self.one] * len(texts)


def test_auto_asks_the_network_where_the_parser_cannot(monkeypatch: pytest.MonkeyPatch) -> None:
    fog = Facts(weather="fog")
    monkeypatch.setattr(choose, "load_reader", lambda checkpoint, required: Told(Read(fog, 0.99, "generate")))
    assert choose.understood("a truck ahead").by == "parser"
    refused = choose.understood("blorp")
    assert (refused.by, refused.facts) == ("bert", fog)
    assert choose.understood("a truck ahead", choice="bert").facts == fog
    with pytest.raises(InputError, match="nothing understood"):
        choose.understood("blorp", choice="parser")
    strange = "a truck ahead hurtling vroom whoosh kaboom bang"
    assert choose.unread(strange, "en") >= choose.UNREAD
    assert choose.understood(strange).by == "bert"
    monkeypatch.setattr(choose, "load_reader", lambda checkpoint, required: Told(Read(fog, 0.0, "generate")))
    assert choose.understood(strange).by == "parser"


def test_what_is_no_request_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    for intent, words in (("ask", "drive-gen ask"), ("other", "not about driving")):
        monkeypatch.setattr(choose, "load_reader",
                            lambda checkpoint, required, intent=intent: Told(Read(Facts(), 0.9, intent)))
        with pytest.raises(InputError, match=words):
            choose.understood("what is photosynthesis", choice="bert")
        with pytest.raises(InputError, match="nothing understood"):
            choose.understood("what is photosynthesis", choice="auto")


def test_the_bundled_reader() -> None:
    reader = choose.load_reader(choose.CHECKPOINT, required=True)
    assert reader is not None
    assert (choose.CHECKPOINT / "model.safetensors").stat().st_size <= 5_000_000
    texts = ["a roundabout at night", "비 오는 고속도로", "who cut in?", "write a poem about the moon"]
    for by in HELPS:
        reads = reader.read(texts, by)
        assert [read.facts for read in reads[:2]] == [Facts(road="roundabout", time="night"),
                                                      Facts(road="highway", weather="rain")]
        assert [read.intent for read in reads] == ["generate", "generate", "ask", "other"]


# --- floors -------------------------------------------------------------------------------------------------

def test_features_by_hand() -> None:
    assert terms_of("Fog at night", 2) == ["fog", "at", "night", "fog at", "at night"]
    assert majority(["did", "did", "did", "who"], ["no", "yes", "no", "left"]) == {"did": "no", "who": "left"}


@pytest.mark.parametrize("features", FEATURES)
def test_linear_readers_learn_what_words_say(features: Any) -> None:
    texts = ["fog ahead", "rain ahead", "fog at night", "rain at night"] * 5
    labels = np.array([[0, 0], [1, 0], [0, 1], [1, 1]] * 5)
    model = fit(texts, labels, (2, 2), features, steps=60)
    assert model.predict(["fog at night", "so much rain ahead"])[0].tolist() == [[0, 1], [1, 0]]
