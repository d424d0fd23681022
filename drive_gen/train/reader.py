"""Training of the reader: masked words and next clips first, then slots and questions by turns."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from dataclasses import asdict, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from drive_gen.language.concepts import CONCEPTS
from drive_gen.language.labels import FAMILIES, SINGLE, SLOTS, WHOSE
from drive_gen.language.reader import HELPS, Reader, encoded, slots_loss
from drive_gen.language.reader_config import ReaderTraining
from drive_gen.language.reader_data import (
    UNKNOWN,
    Rows,
    answered,
    by_hand,
    episode_facts,
    labelled,
    raw,
    read_rows,
    rows_of,
    validation,
    write_rows,
)
from drive_gen.language.reader_init import begin_with, shape_of, tokenizer_of
from drive_gen.language.score import score
from drive_gen.language.speak import LANGUAGES
from drive_gen.language.tokenizer import SPECIAL, read_tokenizer, train_tokenizer
from drive_gen.policies.pretrained import Card
from drive_gen.train.loop import Batch, step_seed, train
from drive_gen.train.run import Progress, RunFolder, begun_with

RESUME = "drive-gen train reader --resume"
LIMITS = ("Reads short requests about road scenes in English and Korean, learnt from a grammar and requests "
          "written by hand, with the help of the package's lexicon and parser; other texts it may misread "
          "with confidence.")
TEXTS, VALIDATED, MASKED = "texts.npz", 150, 0.15
SLOT_WEIGHT, INTENT_WEIGHT, NARRATED_WEIGHT = 0.2, 0.5, 0.05
ALONE, UNSAID = 0.15, 0.1  # texts without the lexicon's help; stretches without it in the others
EVERY = -1  # class of any saying
WITHHELD = 0.5  # texts without the parser's help
COVERED, HIDDEN = 0.3, 0.5  # texts in which the lexicon explains words that are hidden; how many
SORTED = 6  # batches' worth of rows drawn, of which those of like lengths make a batch


def train_reader(out: Path, config: ReaderTraining, resume: bool = False) -> Progress:
    """Train on texts that the settings' seeds give; the run's folder is `out`."""
    if config.init is not None and not resume:
        config = replace(config, model=shape_of(config.init, config.model))
    texts = config.texts
    hand = sum(len(by_hand(language, kept=False)) for language in LANGUAGES)
    card = Card((f"{texts.requests} requests of the grammar in each language, {hand} by hand, varied",
                 f"narrations of {texts.driven} episodes with questions"), config.loop.seed, limits=LIMITS)
    run = RunFolder(out, {"model": Reader.model_type, "training": asdict(config)}, card, RESUME)
    run.start(resume, config.loop.device)
    needed = min(texts.driven, 2 * VALIDATED) if resume and (out / TEXTS).exists() else texts.driven
    told = episode_facts(replace(texts, driven=needed))
    parts, tokenizer = _corpus(out, config, told, resume)
    if len(tokenizer) != config.model.vocabulary:  # few texts have fewer subwords than were asked for
        config = replace(config, model=replace(config.model, vocabulary=len(tokenizer)))
    model = Reader(config.model, config.loop.seed, tokenizer)
    if config.init is not None and not resume:
        begin_with(model, config.init)
    wanted, asked = validation(texts, told, VALIDATED)
    return train(model, loss_of, batches_of(parts, config), config.loop, run,
                 lambda average: validate(average, wanted, asked))


def resume_reader(out: Path) -> Progress:
    """Go on with a stopped run, with the settings it was begun with."""
    config, _ = begun_with(out, ReaderTraining, Reader.model_type, "drive-gen train reader")
    return train_reader(out, config, resume=True)


def _corpus(out: Path, config: ReaderTraining, told: list[Any], resume: bool) -> tuple[dict[str, Rows], Any]:
    """All rows and the tokenizer; made once a run and kept in its folder."""
    kept = out / "tokenizer"
    if resume and (out / TEXTS).exists():
        return read_rows(out / TEXTS), read_tokenizer(kept)
    said = {"slots": list(labelled(config.texts, told)), "answer": list(answered(config.texts, told)),
            "pretrain": list(raw(config.texts, told))}
    some = [f"{each.text} {each.more or ''}" for rows in said.values() for each in rows[::3]]
    tokenizer = make_tokenizer(some, config) if config.init is None else tokenizer_of(config.init)
    parts = {name: rows_of(rows, lambda *given: encoded(tokenizer, config.model.longest, *given),
                           config.texts.seed) for name, rows in said.items()}
    tokenizer.save_pretrained(kept)
    write_rows(out / TEXTS, parts)
    return parts, tokenizer


def make_tokenizer(texts: list[str], config: ReaderTraining) -> Any:
    """Subwords of texts in lower case; the tokenizer lowers what it is given."""
    from tokenizers import normalizers

    lower = [unicodedata.normalize("NFC", text).lower() for text in texts]
    tokenizer = train_tokenizer(lower, config.model.vocabulary)
    tokenizer.backend_tokenizer.normalizer = normalizers.Sequence([normalizers.NFC(),
                                                                   normalizers.Lowercase()])
    return tokenizer


def task_of(step: int, config: ReaderTraining) -> str:
    """What an update teaches: the pretraining comes first; from there on questions are the more frequent the
    later, since who answers must have learnt to read."""
    begun, steps = round(config.pretraining * config.loop.steps), config.loop.steps
    if step < begun:
        return "pretrain"
    share = 2 * config.questions * (step - begun) / max(steps - begun, 1)
    chance = np.random.default_rng(step_seed(config.loop.seed, step, "task")).random()
    return "answer" if chance < share else "slots"


def batches_of(parts: dict[str, Rows], config: ReaderTraining) -> Callable[[int], Batch]:
    """The batch of any step: rows of like lengths, so that little is padding."""
    size = config.loop.batch_size

    def batch_of(step: int) -> Batch:
        task = task_of(step, config)
        rows, draws = parts[task], np.random.default_rng(step_seed(config.loop.seed, step, "batch"))
        many = draws.integers(len(rows), size=SORTED * size)
        many = many[np.argsort(rows.length[many], kind="stable")]
        start = int(draws.integers(SORTED)) * size
        batch = {name: torch.from_numpy(array) for name,
                 array in rows.batch(many[start : start + size]).items()}
        if task != "pretrain":
            batch["means"] = batch["concepts"] // 2
            batch["owner"] = torch.from_numpy(owners(batch["means"].numpy(), batch["label"][:, 1:].numpy()))
        helped(batch, draws)
        if task == "pretrain":
            batch["words"] = mask(batch["ids"], config.model.vocabulary, draws)
        return {f"{task}/{name}": tensor for name, tensor in batch.items()}

    return batch_of


def helped(batch: Batch, draws: np.random.Generator) -> None:
    """Takes help away by chance, in place: the lexicon's from whole texts and of single stretches, the
    parser's from whole texts; and hides words that the lexicon explains. So each is learnt without the
    others."""
    ids, concepts, told = (batch[name].numpy() for name in ("ids", "concepts", "told"))
    count, longest = ids.shape
    alone = np.less(draws.random(count), ALONE)
    begins = (concepts > 0) & (concepts % 2 == 0)
    stretch = np.minimum(begins.cumsum(1), longest - 1)
    dropped = draws.random((count, longest)) < UNSAID
    concepts[np.take_along_axis(dropped, stretch, 1) | alone[:, None]] = 0
    covered = np.less(draws.random(count), COVERED)
    hidden = covered[:, None] & (draws.random(ids.shape) < HIDDEN)
    ids[hidden & (ids >= len(SPECIAL)) & (concepts > 0)] = list(SPECIAL).index("mask_token")
    told[alone | (draws.random(count) < WITHHELD)] = UNKNOWN


def mask(ids: Tensor, vocabulary: int, draws: np.random.Generator) -> Tensor:
    """Hides 15 % of the words in `ids`, in place; gives what they were, UNKNOWN elsewhere.

    Of those hidden 80 % become [MASK], 10 % another word, 10 % stay. Source: Devlin et al., 2019, section
    3.1.
    """
    chance = torch.from_numpy(draws.random(tuple(ids.shape)))
    how = torch.from_numpy(draws.random(tuple(ids.shape)))
    hidden = (chance < MASKED) & (ids >= len(SPECIAL))
    words = torch.where(hidden, ids, torch.full_like(ids, UNKNOWN))
    ids[hidden & (how < 0.8)] = list(SPECIAL).index("mask_token")
    other = hidden & (how >= 0.9)
    ids[other] = torch.from_numpy(draws.integers(len(SPECIAL), vocabulary, int(other.sum())))
    return words


def loss_of(model: Reader, batch: Batch) -> dict[str, Tensor]:
    """The loss of what a batch teaches."""
    task = next(iter(batch)).split("/")[0]
    ids, segments, concepts, label, told = (batch[f"{task}/{name}"] for name in (
        "ids", "segments", "concepts", "label", "told"))
    states = model.tokens(ids, segments, concepts)
    if task == "pretrain":
        words = batch["pretrain/words"]
        hidden = words != UNKNOWN
        masked = F.cross_entropy(model.word_logits(states[hidden]).float(), words[hidden])
        follows = F.cross_entropy(model.follows(states[:, 0]).float(), label[:, 0])
        return {"loss": masked + follows, "masked": masked, "follows": follows}
    told_of_words = words_loss(model, states, batch[f"{task}/means"], batch[f"{task}/owner"], concepts)
    if task == "answer":
        found = model.narrated(states, segments, told)
        answer = F.cross_entropy(model.answer_logits(states, ids != 0, found).float(), label[:, 0])
        slots = slots_loss(model.slots.logits(found), label[:, 1:])
        return {"loss": answer + NARRATED_WEIGHT * slots + sum(told_of_words.values()), "answer": answer,
                "narrated": slots, **told_of_words}
    intent = F.cross_entropy(model.intent(states[:, 0]).float(), label[:, 0])
    slots = slots_loss(model.slot_logits(states, ids != 0, told), label[:, 1:])
    return {"loss": SLOT_WEIGHT * slots + INTENT_WEIGHT * intent + sum(told_of_words.values()),
            "slots": slots, "intent": intent, **told_of_words}


def words_loss(model: Reader, states: Tensor, means: Tensor, owner: Tensor, given: Tensor
               ) -> dict[str, Tensor]:
    """Of single words (B, T): whom they are about, where facts and concepts leave no doubt, and what they
    mean, where the lexicon does not say it (`given` is 0)."""
    known, silent = owner != UNKNOWN, (means > 0) & (given == 0)
    asked = {"owner": (model.owner(states[known]), owner[known]),
             "means": (model.means(states[silent]), means[silent])}
    return {name: F.cross_entropy(logits.float(), target, reduction="sum") / max(len(target), 1)
            for name, (logits, target) in asked.items()}


@cache
def _sayings() -> np.ndarray:
    """(concepts, S): the class of a slot of which a concept speaks; 0 where it does not, EVERY for any."""
    found = np.zeros((len(CONCEPTS), len(SLOTS)), np.int8)
    for number, name in enumerate(CONCEPTS):
        type_, _, value = name.partition("=")
        for place, (family, _, what) in enumerate(SLOTS):
            values = [str(each) for each in FAMILIES[family]]
            if type_ == family == "event":
                found[number, place] = EVERY if what == value else 0
            elif value in values and family not in SINGLE and (
                    type_ == family or (family == "event" and type_ in ("when", "at_s"))):
                found[number, place] = values.index(value)
    return found


def owners(means: np.ndarray, label: np.ndarray) -> np.ndarray:
    """Whom the words of a batch are about, (B, T): the one of whose slots (B, S) a word's concept (B, T)
    speaks; UNKNOWN where it speaks of nobody's or of several."""
    whose = np.array([WHOSE.index(slot.who) for slot in SLOTS])
    said, label = _sayings()[means], label[:, None]
    match = (said != 0) & ((said == label) | ((said == EVERY) & (label > 0)))
    first, last = (np.where(match, whose, missing) for missing in (len(WHOSE), UNKNOWN))
    found = first.min(-1)
    return np.where(found == last.max(-1), found, UNKNOWN)


def validate(model: Reader, wanted: list[Any], asked: list[tuple[str, str, str]]) -> dict[str, float]:
    """Shares of requests read whole, by hand and of the grammar, by the network's help; and of questions
    answered right. The score takes the lexicon's help alone: the parser knows the grammar."""
    half = len(wanted) // 2  # of either language, those by hand first
    hand = np.arange(len(wanted)) % half < half - VALIDATED
    facts = [request.facts for request in wanted]
    found: dict[str, float] = {}
    for by in HELPS:
        read = [each.facts for each in model.read([request.text for request in wanted], by)]
        for name, chosen in (("hand", hand), ("grammar", ~hand)):
            places = np.flatnonzero(chosen)
            exact = score([facts[place] for place in places], [read[place] for place in places])
            found[f"{name}_{by}"] = exact.exact
    given = model.answer([(question, narration) for question, narration, _ in asked])
    right = float(np.mean([got == answer for (got, _), (_, _, answer) in zip(given, asked, strict=True)]))
    mean = (found["hand_lexicon"] + found["grammar_lexicon"] + right) / 3
    return {"score": mean, "answers": right, **found}
