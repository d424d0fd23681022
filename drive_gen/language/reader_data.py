"""What the reader learns from, by seed: requests, questions over narrations, and raw texts, as token ids."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from drive_gen.envs.files import InputError, replacing
from drive_gen.language.concepts import Aid, aid, plain, weak_aid
from drive_gen.language.facts import Facts
from drive_gen.language.labels import SLOTS, labels_of
from drive_gen.language.offtopic import off_topic
from drive_gen.language.parse import language_of
from drive_gen.language.plan import Variety
from drive_gen.language.questions import ANSWERS, ask, draw_question, shuffled
from drive_gen.language.reader_config import INTENTS, Texts
from drive_gen.language.speak import LANGUAGES, mistyped, say
from drive_gen.language.splits import Request, read_requests, requests
from drive_gen.language.vary import FRAMES, varied

BY_HAND = Path(__file__).parents[1] / "assets" / "requests"
TRAIN = Variety("train", "train")
RAW = Variety("train", "any")  # texts without labels hold the synonyms held out too
KEPT_ONE_IN = 5  # of the requests written by hand are kept from training
TYPOS, TYPO_SHARE = 0.3, 0.12  # so many texts have slips, in so many words
WEAK, HIDDEN = 0.5, (0.02, 0.3)  # of so many texts lexicon or parser know less, by such shares of words
UNKNOWN = -1  # of a label that is not to be learnt


@dataclass(frozen=True, eq=False)
class Rows:
    """N texts or pairs of texts as token ids, one after another, and what is to be learnt of each."""

    ids: np.ndarray  # (total,) uint16
    concepts: np.ndarray  # (total,) uint16, rows of the table of concepts
    end: np.ndarray  # (N,) int64, where each ends
    second: np.ndarray  # (N,) int16, tokens before the second text
    label: np.ndarray  # (N, L) int8
    told: np.ndarray  # (N, S) int8, what the parser makes of the last text; -1 where it refuses

    def __len__(self) -> int:
        return len(self.end)

    @property
    def length(self) -> np.ndarray:
        """Tokens of each, (N,)."""
        return np.diff(self.end, prepend=0)

    def batch(self, chosen: np.ndarray) -> dict[str, np.ndarray]:
        """ids, concepts and segments (B, T), label (B, L), told (B, S); all int64."""
        length = self.length[chosen]
        ids, concepts = np.zeros((2, len(chosen), int(length.max())), np.int64)
        for row, (number, size) in enumerate(zip(chosen, length, strict=True)):
            own = slice(self.end[number] - size, self.end[number])
            ids[row, :size], concepts[row, :size] = self.ids[own], self.concepts[own]
        place = np.arange(ids.shape[1])
        segments = (place >= self.second[chosen, None]) & (place < length[:, None])
        return {"ids": ids, "concepts": concepts, "segments": segments.astype(np.int64),
                "label": self.label[chosen].astype(np.int64), "told": self.told[chosen].astype(np.int64)}


class Said(NamedTuple):
    """A text, or two, and its labels."""

    text: str
    more: str | None
    label: np.ndarray


def rows_of(said: Iterable[Said], encode: Any, seed: int = 0) -> Rows:
    """As token ids, with help of a lexicon and a parser that do not know every word; `encode` is
    Reader.encode or its like."""
    rng = np.random.default_rng(np.random.SeedSequence([seed, 5]))
    encodings, told, labels = [], [], []
    for each in said:
        helped = [_weak(text, rng) for text in (each.text, each.more) if text is not None]
        encodings.append(encode(each.text, each.more, [one.marked for one in helped]))
        last = helped[-1].parsed
        told.append(np.full(len(SLOTS), UNKNOWN) if last is None else last)
        labels.append(each.label)
    ids, concepts = (np.concatenate([np.array(row, np.uint16) for row in rows]) for rows in
                     ([row.ids for row in encodings], [row.concepts for row in encodings]))
    end = np.cumsum([len(row.ids) for row in encodings])
    second = np.array([len(row.ids) - sum(row.segments) for row in encodings], np.int16)
    return Rows(ids, concepts, end, second, np.array(labels, np.int8).reshape(len(end), -1),
                np.array(told, np.int8))


def _weak(text: str, rng: np.random.Generator) -> Aid:
    """Help that knows all words of half of the texts; lexicon and parser by themselves."""
    lexicon, parser = (rng.uniform(*HIDDEN) if rng.random() < WEAK else 0.0 for _ in range(2))
    try:
        return weak_aid(plain(text), language_of(text), rng, (lexicon, parser))
    except InputError:
        return aid("")


def by_hand(language: str, kept: bool) -> list[Request]:
    """The requests of assets/requests; those kept from training, or the others."""
    found = read_requests(BY_HAND / f"{language}.jsonl", language)
    return [request for number, request in enumerate(found) if (number % KEPT_ONE_IN == 0) == kept]


def episode_facts(texts: Texts) -> list[Facts]:
    """Facts of a store's episodes of training, or of episodes driven by seed."""
    from drive_gen.data.store import iterate_episodes
    from drive_gen.language.played import Staged, played
    from drive_gen.language.read_episode import facts_of_episode

    if texts.episodes is None:
        episodes: Iterator[Any] = (played(Staged(), texts.seed + number) for number in range(texts.driven))
    else:
        episodes = iterate_episodes(Path(texts.episodes))
    found = [facts_of_episode(episode) for episode in islice(episodes, texts.driven)]
    if not found:
        raise InputError(f"{texts.episodes} holds no episodes; `drive-gen collect requests` records some")
    return found


def labelled(texts: Texts, told: list[Facts]) -> Iterator[Said]:
    """Requests of the grammar and by hand, varied; questions; texts about anything else. The label is the
    intent, then every slot's class."""
    rng = np.random.default_rng(np.random.SeedSequence([texts.seed, 1]))
    for language in LANGUAGES:
        for request in requests("train", language, texts.requests, texts.seed):
            yield _request(_worn(request.text, language, rng), request.facts)
        hand = by_hand(language, kept=False)
        for _ in range(texts.by_hand):
            for request in hand:
                yield _request(*_parts(varied(request, rng, hand)))
        for _ in range(texts.requests // 30):
            facts = told[int(rng.integers(len(told)))]
            yield _request(say(facts, language, int(rng.integers(2**31)), TRAIN), facts)
            question, _ = draw_question(facts, rng)
            asked = _worn(ask(question, language, rng, TRAIN), language, rng)
            yield Said(asked, None, _label("ask", np.full(len(SLOTS), UNKNOWN)))
            other = off_topic(language, rng, "train")
            yield Said(other, None, _label("other", np.zeros(len(SLOTS))))


def answered(texts: Texts, told: list[Facts], variety: Variety = TRAIN) -> Iterator[Said]:
    """Questions over narrations, half of them of facts with other values; the label is the answer's place,
    then every slot's class."""
    rng = np.random.default_rng(np.random.SeedSequence([texts.seed, 2]))
    for language in LANGUAGES:
        for _ in range(texts.narrations):
            facts = told[int(rng.integers(len(told)))]
            facts = shuffled(facts, rng) if rng.random() < 0.5 else facts
            for _ in range(4):
                question, answer = draw_question(facts, rng)
                narration = say(facts, language, int(rng.integers(2**31)), variety)
                yield Said(ask(question, language, rng, variety), narration,
                           np.concatenate(([ANSWERS.index(answer)], labels_of(facts))))


def raw(texts: Texts, told: list[Facts]) -> Iterator[Said]:
    """Halves of texts without labels: does the second go on with the first (1), or with another (0)?"""
    rng = np.random.default_rng(np.random.SeedSequence([texts.seed, 3]))
    for language in LANGUAGES:
        halves = []
        for number in range(texts.requests // 4):
            facts = told[number % len(told)]
            if number % 3:
                facts = requests("train", language, 1, texts.seed + 10**6 + number)[0].facts
            clauses = say(facts, language, int(rng.integers(2**31)), RAW).split(", ")
            if len(clauses) > 1:
                halves.append((", ".join(clauses[: len(clauses) // 2]),
                               ", ".join(clauses[len(clauses) // 2 :])))
        for number, (first, second) in enumerate(halves):
            own = rng.random() < 0.5
            yield Said(first, second if own else halves[(number + 1) % len(halves)][1], np.array([own]))


def validation(texts: Texts, told: list[Facts], count: int) -> tuple[list[Request],
                                                                     list[tuple[str, str, str]]]:
    """Requests by hand that training never sees, the grammar's of another seed, and questions with
    answers."""
    wanted = [request for language in LANGUAGES for request in
              (*by_hand(language, kept=True), *requests("validation", language, count, texts.seed))]
    rng, asked = np.random.default_rng(np.random.SeedSequence([texts.seed, 4])), []
    for number in range(2 * count):
        language, facts = LANGUAGES[number % 2], told[number % len(told)]
        question, answer = draw_question(facts, rng)
        narration = say(facts, language, int(rng.integers(2**31)), TRAIN)
        asked.append((ask(question, language, rng, TRAIN), narration, answer))
    return wanted, asked


def write_rows(path: Path, parts: dict[str, Rows]) -> None:
    """Rows by name, as npz."""
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, **{f"{name}/{field.name}": getattr(rows, field.name)
                                     for name, rows in parts.items() for field in fields(rows)})


def read_rows(path: Path) -> dict[str, Rows]:
    """What `write_rows` wrote."""
    with np.load(path, allow_pickle=False) as arrays:
        names = dict.fromkeys(key.split("/")[0] for key in arrays)
        return {name: Rows(*(arrays[f"{name}/{field.name}"] for field in fields(Rows))) for name in names}


def _parts(request: Request) -> tuple[str, Facts]:
    return request.text, request.facts


def _request(text: str, facts: Facts) -> Said:
    return Said(text, None, _label("generate", labels_of(facts)))


def _label(intent: str, slots: np.ndarray) -> np.ndarray:
    return np.concatenate(([INTENTS.index(intent)], slots)).astype(np.int8)


def _worn(text: str, language: str, rng: np.random.Generator) -> str:
    """Sometimes with slips, sometimes in a frame as people ask."""
    if rng.random() < 0.1:
        frames = FRAMES[language]
        text = frames[int(rng.integers(len(frames)))].format(text.rstrip("."))
    return mistyped(text, language, rng, TYPO_SHARE) if rng.random() < TYPOS else text
