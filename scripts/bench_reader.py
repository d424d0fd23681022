"""Every reader of requests and of narrations on every split: python scripts/bench_reader.py [--count 300]

--rule prints how the parser and the learnt reader do together on the requests written by hand for development
that training did not see, by the rule's two settings (language/choose.py): the split's halves choose for each
other. --data and --roads are stores of `drive-gen collect requests` with unseen seeds and unseen roads.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np

from drive_gen.data.store import iterate_episodes
from drive_gen.envs.files import InputError
from drive_gen.language.choose import CHECKPOINT, parse, reads_better, understood, unread
from drive_gen.language.dictionary import look_up
from drive_gen.language.facts import Facts
from drive_gen.language.floors import FEATURES, Linear, fit, majority, paired
from drive_gen.language.labels import SIZES, facts_of_labels
from drive_gen.language.parse import facts_of_text
from drive_gen.language.plan import Share, Variety
from drive_gen.language.played import UNSEEN_ROADS, Staged, played
from drive_gen.language.questions import ANSWERS, KINDS_ASKED, answer_of, ask, draw_question
from drive_gen.language.read_episode import facts_of_episode
from drive_gen.language.reader import HELPS, Help, Read, Reader
from drive_gen.language.reader_config import Texts
from drive_gen.language.reader_data import answered, by_hand, episode_facts, labelled
from drive_gen.language.score import score
from drive_gen.language.speak import LANGUAGES, say
from drive_gen.language.splits import SPLITS, Request, read_requests, requests
from drive_gen.train.config import FIRST_TEST_SEED

BY_HAND = Path(__file__).parents[1] / "tests" / "data"
SMALL = Texts(requests=4000, narrations=1000, by_hand=8, driven=150)  # what the linear readers learn from
Batched = Callable[[Sequence[Request]], list[Facts | None]]


def main() -> None:
    """Two tables, or the rule's."""
    flags = argparse.ArgumentParser(description=__doc__)
    flags.add_argument("--checkpoint", default=str(CHECKPOINT))
    flags.add_argument("--count", type=int, default=300)
    flags.add_argument("--data", type=Path, default=None)
    flags.add_argument("--roads", type=Path, default=None)
    flags.add_argument("--train", type=Path, default=None, help="a store for the linear readers' training")
    flags.add_argument("--questions", action="store_true", help="the table of questions alone")
    flags.add_argument("--requests", action="store_true", help="the table of requests alone")
    flags.add_argument("--few-words", action="store_true",
                       help="requests again, lexicon and parser without held-out synonyms and people's words")
    flags.add_argument("--rule", action="store_true")
    flags.add_argument("--languages", nargs="+", choices=LANGUAGES, default=LANGUAGES)
    flags.add_argument("--linear", nargs="*", choices=FEATURES, default=FEATURES)
    flags.add_argument("--linear-alone", action="store_true", help="their columns alone")
    chosen = flags.parse_args()
    if chosen.linear_alone:
        return linear_tables(chosen)
    model = Reader.from_pretrained(chosen.checkpoint)
    if chosen.rule:
        return rule(model)
    if chosen.few_words:
        return table_of_few_words(model, chosen)
    told = episode_facts(texts_of(chosen)) if chosen.linear or not chosen.requests else []
    if not chosen.questions:
        table_of_requests(model, chosen, told)
    if not chosen.requests:
        table_of_questions(model, chosen, told)
    return None


def texts_of(chosen: argparse.Namespace) -> Texts:
    """What the linear readers learn from."""
    return replace(SMALL, episodes=str(chosen.train) if chosen.train else None)


def linear_tables(chosen: argparse.Namespace) -> None:
    """The columns of the linear readers by themselves."""
    told = episode_facts(texts_of(chosen))
    if not chosen.questions:
        print_requests(linear_readers(chosen, told), (*SPLITS[2:], "by hand, development", "by hand"), chosen)
    if not chosen.requests:
        table_of_questions(None, chosen, told)


def table_of_requests(model: Reader, chosen: argparse.Namespace, told: list[Facts]) -> None:
    """All slots exact, and slot F1."""
    readers: dict[str, Batched] = {
        "BERT": network(model, "none"), "BERT, lexicon": network(model, "lexicon"),
        "BERT, parser": network(model, "parser"),
        "auto": one_by_one(lambda text, language: understood(text, language, "auto",
                                                             chosen.checkpoint).facts),
        "parser": one_by_one(lambda text, language: understood(text, language, "parser").facts),
        "dictionary": one_by_one(look_up), **linear_readers(chosen, told)}
    print_requests(readers, (*SPLITS[2:], "by hand, development", "by hand"), chosen)


def linear_readers(chosen: argparse.Namespace, told: list[Facts]) -> dict[str, Batched]:
    """Logistic regressions of words' counts."""
    said = [each for each in labelled(texts_of(chosen), told) if (each.label[1:] >= 0).all()
            ] if chosen.linear else []
    labels = np.array([each.label[1:] for each in said])
    return {name: of_linear(fit([each.text for each in said], labels, SIZES, name))
            for name in chosen.linear}


def table_of_few_words(model: Reader, chosen: argparse.Namespace) -> None:
    """The same where lexicon and parser know the grammar's training words alone."""
    readers: dict[str, Batched] = {
        "BERT, lexicon": network(model, "lexicon", "train"),
        "BERT, parser": network(model, "parser", "train"),
        "parser": one_by_one(lambda text, language: facts_of_text(text, language, "train"))}
    print_requests(readers, ("synonym", "by hand, development", "by hand"), chosen)


def network(model: Reader, by: Help, share: Share = "any") -> Batched:
    """The network's facts, by its help."""
    return lambda found: [read.facts for read in model.read([each.text for each in found], by, share)]


def print_requests(readers: dict[str, Batched], splits: Sequence[str], chosen: argparse.Namespace) -> None:
    """A row a language and split."""
    print("| language | split | requests | " + " | ".join(readers) + " |")
    print("|---|---|---|" + "---|" * len(readers))
    for language in chosen.languages:
        for split in splits:
            found = split_of(split, language, chosen.count)
            scores = [score([each.facts for each in found], reader(found)) for reader in readers.values()]
            cells = " | ".join(f"{each.exact:.3f} ({each.f1:.3f})" for each in scores)
            print(f"| {language} | {split} | {len(found)} | {cells} |", flush=True)


def split_of(split: str, language: str, count: int) -> list[Request]:
    """The requests of a row."""
    if split == "by hand":
        return read_requests(BY_HAND / f"requests_{language}.jsonl", language)
    return by_hand(language, kept=True) if split.startswith("by hand") else requests(split, language, count)


def one_by_one(reader: Callable[[str, str], Facts]) -> Batched:
    """What a reader refuses is None."""
    def read(found: Sequence[Request]) -> list[Facts | None]:
        facts: list[Facts | None] = []
        for each in found:
            try:
                facts.append(reader(each.text, each.language))
            except InputError:
                facts.append(None)
        return facts

    return read


def of_linear(linear: Linear) -> Batched:
    """Facts of its likeliest classes."""
    def read(found: Sequence[Request]) -> list[Facts | None]:
        labels, sure = linear.predict([each.text for each in found])
        return [facts_of_labels(*row) for row in zip(labels, sure, strict=True)]

    return read


def table_of_questions(model: Reader | None, chosen: argparse.Namespace, told: list[Facts]) -> None:
    """Shares of questions answered right; without a network those of the floors."""
    said = list(answered(texts_of(chosen), told)) if chosen.linear else []
    pairs = [paired(each.text, each.more or "") for each in said]
    labels = np.array([each.label[:1] for each in said])
    linear = {name: fit(pairs, labels, (len(ANSWERS),), name) for name in chosen.linear}
    often = most_frequent(told)
    columns = ("BERT", "BERT, lexicon", "BERT, parser") if model else ()
    columns = (*columns, "facts parsed from the narration", *linear, "most frequent answer")
    print("\n| episodes | phrasing | language | questions | " + " | ".join(columns) + " |")
    print("|---|---|---|---|" + "---|" * len(columns))
    for name, facts in held_out(chosen).items():
        for phrasing in ("train", "held"):
            for language in chosen.languages:
                rows = asked_of(facts, language, Variety(phrasing, "train"), chosen.count)
                wanted = np.array([row[3] for row in rows])
                shares = [[answer for answer, _ in model.answer([row[1:3] for row in rows], by)]
                          for by in HELPS] if model else []
                shares.append([looked_up(row, language) for row in rows])
                texts_ = [paired(*row[1:3]) for row in rows]
                shares += [[ANSWERS[place] for place in each.predict(texts_)[0][:, 0]]
                           for each in linear.values()]
                shares.append([often.get(row[0].kind, "no") for row in rows])
                cells = " | ".join(f"{np.mean(np.array(each) == wanted):.3f}" for each in shares)
                print(f"| {name} | {phrasing} | {language} | {len(rows)} | {cells} |", flush=True)


def held_out(chosen: argparse.Namespace) -> dict[str, list[Facts]]:
    """Facts of episodes of unseen seeds and of unseen roads."""
    found = {}
    for name, store, staged in (("unseen seeds", chosen.data, Staged()),
                                ("unseen roads", chosen.roads, Staged(UNSEEN_ROADS))):
        episodes = (iterate_episodes(store) if store else
                    (played(staged, FIRST_TEST_SEED + seed) for seed in range(chosen.count)))
        found[name] = [facts_of_episode(episode) for episode in islice(episodes, chosen.count)]
    return found


def asked_of(facts: list[Facts], language: str, variety: Variety, count: int) -> list[tuple]:  # type: ignore[type-arg]
    """(question, its words, narration, answer)."""
    rng, rows = np.random.default_rng(np.random.SeedSequence([7, count])), []
    for number in range(2 * count):
        told = facts[number % len(facts)]
        question, answer = draw_question(told, rng)
        rows.append((question, ask(question, language, rng, variety),
                     say(told, language, int(rng.integers(2**31)), variety), answer))
    return rows


def looked_up(row: tuple, language: str) -> str:  # type: ignore[type-arg]
    """What the narration's facts, as the parser reads them, answer."""
    parsed, _ = parse(row[2], language)
    return (answer_of(parsed, row[0]) if parsed else None) or ""


def most_frequent(told: list[Facts]) -> dict[str, str]:
    """The most frequent answer to each kind of question in training."""
    rng = np.random.default_rng(8)
    drawn = [draw_question(told[number % len(told)], rng) for number in range(200 * len(KINDS_ASKED))]
    return majority([question.kind for question, _ in drawn], [answer for _, answer in drawn])


def rule(model: Reader) -> None:
    """Of requests by hand that were kept from training: parser, reader and both, by what the rule asks for;
    with all words, and with those of training, for which the parser was not tuned."""
    found = [each for language in LANGUAGES for each in by_hand(language, kept=True)]
    wanted = [each.facts for each in found]
    for share in ("any", "train"):
        reads = model.read([each.text for each in found], "parser", share)
        parsed = [parse(each.text, each.language, share)[0] for each in found]
        left = np.array([unread(each.text, each.language, share) for each in found])
        print(f"{share} words, {len(found)} requests: parser {score(wanted, parsed).exact:.3f}, "
              f"reader {score(wanted, [read.facts for read in reads]).exact:.3f}, refused by the parser: "
              f"{np.mean([each is None for each in parsed]):.3f}; words unread: {np.bincount(left)}")
        right = by_settings(wanted, parsed, reads, left)
        halves = [np.arange(len(found)) % 2 == side for side in (0, 1)]
        best = [max(right, key=lambda each, half=half: right[each][half].mean())  # type: ignore[misc]
                for half in halves]
        crossed = np.mean([right[best[side]][halves[1 - side]].mean() for side in (0, 1)])
        print(f"chosen by either half: {best}; right on the other half: {crossed:.3f}")


def by_settings(wanted: list[Facts], parsed: list[Facts | None], reads: list[Read], left: np.ndarray
                ) -> dict[tuple[int, float], np.ndarray]:
    """Which requests are read whole, by the words unread and the surety that the rule asks for."""
    right = {}
    for words in (0, 1, 2, 3, 99):
        for sure in (0.0, 0.3, 0.5, 0.7, 0.9, 0.97):
            taken = [reads_better(parse_, read, int(number), words, sure)
                     for parse_, read, number in zip(parsed, reads, left, strict=True)]
            got = [read.facts if take else facts
                   for take, read, facts in zip(taken, reads, parsed, strict=True)]
            right[words, sure] = np.array([a == b for a, b in zip(got, wanted, strict=True)])
            print(f"unread {words:2d} sure {sure:.2f}: {right[words, sure].mean():.3f}, "
                  f"by the reader {np.mean(taken):.3f}")
    return right


if __name__ == "__main__":
    main()
