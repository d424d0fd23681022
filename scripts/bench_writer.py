"""What the writer writes, in tables: python scripts/bench_writer.py RUN --work runs/bench-writer

Programs that run, freely drawn and by grammar, and what is new in them; slots asked for that hold;
perplexity beside a 5-gram's; facts of commentaries beside floors. RUN is a folder of `drive-gen train
writer`. The held-out worlds are made by seed and kept in --work.
"""

from __future__ import annotations

import argparse
import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import torch

from drive_gen.envs.files import write_json
from drive_gen.evaluate.writing import (
    FEATURES,
    distances,
    fact_f1,
    features,
    nearest_commentary,
    novelty,
    slots_that_hold,
)
from drive_gen.language.commentary import LANGUAGES
from drive_gen.language.decode import write_commentaries, write_programs
from drive_gen.language.ngram import NGram
from drive_gen.language.played import UNSEEN_ROADS, Staged, drawn
from drive_gen.language.program import read_program
from drive_gen.language.program_words import words_of
from drive_gen.language.runnable import why_not
from drive_gen.language.writer import BOS, EOS, Example, Writer, commentary_example, program_example
from drive_gen.language.writer_config import Sampling
from drive_gen.language.writings import (
    Writing,
    load_writings,
    program_text,
    save_writings,
    writings_by_seed,
)
from drive_gen.train.config import FIRST_TEST_SEED
from drive_gen.train.writer import WRITINGS, surprises

Sets = dict[str, list[Writing]]
NUCLEI = (0.95, 0.8)  # only of the likeliest words that have this share together (Holtzman et al., 2020)
COMPARED, HELD = 1500, 200  # learnt programs that are compared with; held-out ones that are driven
PARTS = ("perplexity", "runs", "asked", "facts")


def main() -> None:
    """Measure what is asked for, print tables and keep the figures in --work."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("--work", type=Path, default=Path("runs/bench-writer"))
    parser.add_argument("--episodes", type=int, default=400, help="of each held-out set")
    parser.add_argument("--samples", type=int, default=500)
    parser.add_argument("--commentaries", type=int, default=300, help="of each set and language")
    parser.add_argument("--temperature", type=float, default=1.0)
    parser.add_argument("--top-p", type=float, default=1.0)
    parser.add_argument("--parts", default=",".join(PARTS))
    options = parser.parse_args()
    torch.set_num_threads(1)
    writer = Writer.from_pretrained(options.run)
    worlds = load_writings(options.run / WRITINGS)
    share = writer._train_config["training"]["validation"]
    learnt = worlds[: len(worlds) - max(1, round(len(worlds) * share))]
    held = held_out(options.work, options.episodes)
    sampling = Sampling(options.temperature, options.top_p)
    figures: dict[str, object] = {}
    for part in options.parts.split(","):
        if part == "perplexity":
            figures[part] = perplexities(writer, learnt, held)
        elif part == "runs":
            figures[part] = runs(writer, learnt, held["unseen seeds"], options.samples, sampling)
        elif part == "asked":
            figures[part] = asked(writer, options.samples, sampling)
        elif part == "facts":
            figures[part] = facts(writer, learnt, held, options.commentaries)
        write_json(options.work / f"{part}.json", figures[part])


def held_out(work: Path, episodes: int) -> Sets:
    """Worlds of unseen seeds, and of unseen roads."""
    found = {}
    for name, staged in (("unseen seeds", Staged()), ("unseen roads", Staged(UNSEEN_ROADS))):
        path = work / f"{name.replace(' ', '_')}.jsonl"
        if not path.exists():
            save_writings(path, writings_by_seed(staged, range(FIRST_TEST_SEED, FIRST_TEST_SEED + episodes)))
        found[name] = load_writings(path)[:episodes]
    return found


def examples(writer: Writer, worlds: Sequence[Writing]) -> dict[str, list[Example]]:
    """By what is to be written."""
    programs = [world for world in worlds if world.program]
    told = [world for world in worlds if world.trace]
    found = {"programs": [program_example(writer, "", world.program) for world in programs],
             "programs asked for": [program_example(writer, each.asked, each.program) for each in programs]}
    for language in LANGUAGES:
        found[f"commentary, {language}"] = [
            commentary_example(writer, world.trace, language, getattr(world, language)) for world in told]
    return {name: [each for each in rows if len(each.ids) <= writer.config.positions]
            for name, rows in found.items()}


def perplexities(writer: Writer, learnt: Sequence[Writing], held: Sets) -> dict[str, dict[str, float]]:
    """Of the writer and of a 5-gram that learnt the same sequences, on the same tokens."""
    rows = [each for kind in examples(writer, learnt).values() for each in kind]
    ngram = NGram(writer.config.vocabulary).fit((each.ids, each.first) for each in rows)
    found: dict[str, dict[str, float]] = {}
    for name, worlds in held.items():
        total = np.zeros(3)
        for kind, wanted in examples(writer, worlds).items():
            ours = surprises(writer, wanted)
            theirs = [ngram.surprise(each.ids, each.first) for each in wanted]
            sums = np.array([sum(map(len, ours)), np.concatenate(ours).sum(), sum(map(sum, theirs))])
            found[f"{name}: {kind}"] = _row(sums)
            total += sums
        found[f"{name}: all"] = _row(total)
    print("| held out | tokens | 5-gram | writer | lower by |\n| --- | --- | --- | --- | --- |")
    for name, row in found.items():
        print(f"| {name} | {row['tokens']:.0f} | {row['5-gram']:.2f} | {row['writer']:.2f} | "
              f"{row['lower']:.1%} |")
    return found


def _row(sums: np.ndarray) -> dict[str, float]:
    ours, theirs = (math.exp(sums[place] / sums[0]) for place in (1, 2))
    return {"tokens": float(sums[0]), "writer": ours, "5-gram": theirs, "lower": 1 - ours / theirs}


def runs(writer: Writer, learnt: Sequence[Writing], test: Sequence[Writing], count: int,
         sampling: Sampling) -> dict[str, dict[str, object]]:
    """Shares of programs that run, and what is new in them; held-out programs are what to compare with."""
    known = [read_program(world.program) for world in learnt if world.program]
    anything = [None] * count
    heaps = {"held-out programs": [each.program for each in test if each.program][:HELD],
             "by grammar": list(write_programs(writer, anything, sampling)),
             "freely": list(write_programs(writer, anything, sampling, grammar=False)),
             **{f"freely, of {share:.0%}": list(write_programs(
                 writer, anything, replace(sampling, top_p=share), grammar=False)) for share in NUCLEI}}
    usual = features(known[:COMPARED])
    found: dict[str, dict[str, object]] = {}
    print("| programs | count | run | different | new | new skeleton | " + " | ".join(FEATURES) + " |")
    print("| --- " * (6 + len(FEATURES)) + "|")
    for name, texts in heaps.items():
        reasons = [why_not(text) for text in texts]
        programs = [read_program(text) for text, why in zip(texts, reasons, strict=True) if not why]
        share = reasons.count("") / len(reasons)
        new, away = novelty(programs, known), distances(features(programs), usual)
        found[name] = {"count": len(texts), "run": share, **new, "distances": away,
                       "reasons": dict(Counter(reason for reason in reasons if reason))}
        print(f"| {name} | {len(texts)} | {share:.3f} | " + " | ".join(
            f"{value:.3f}" for value in (*new.values(), *away.values())) + " |")
    return found


def asked(writer: Writer, count: int, sampling: Sampling) -> dict[str, dict[str, float]]:
    """Slots that hold of what is asked for: in the request's scenario, in programs for it, and for none."""
    requests = [drawn(Staged(), seed) for seed in range(FIRST_TEST_SEED, FIRST_TEST_SEED + count)]
    wanted = [facts for facts, _ in requests]
    heaps = {"the request's own scenario": [program_text(scenario) for _, scenario in requests],
             "asked for": list(write_programs(writer, wanted, sampling)),
             "asked for nothing": list(write_programs(writer, [None] * count, sampling))}
    found = {name: slots_that_hold(wanted, heap) for name, heap in heaps.items()}
    print("| programs | requests | slots that hold | whole requests |\n| --- | --- | --- | --- |")
    for name, row in found.items():
        print(f"| {name} | {len(heaps[name])} | {row['slots']:.3f} | {row['requests']:.3f} |")
    return found


def facts(writer: Writer, learnt: Sequence[Writing], held: Sets, count: int) -> dict[str, dict[str, float]]:
    """F1 of commentaries' facts beside those of floors."""
    told = [world for world in learnt if world.trace]
    found: dict[str, dict[str, float]] = {}
    print("| commentaries | precision | recall | F1 | F1 of the start | F1 of events |")
    print("| --- " * 6 + "|")
    for language in LANGUAGES:
        speakers = floors(writer, told, language)
        speakers["writer"] = partial(commented, writer, language)
        for name, worlds in held.items():
            test = [world for world in worlds if world.trace][:count]
            wanted = [getattr(world, language) for world in test]
            for who, speaker in speakers.items():
                scores = fact_f1(wanted, speaker([world.trace for world in test]))
                row = {"precision": scores["all"].precision, "recall": scores["all"].recall,
                       **{f"F1 {part}": score.f1 for part, score in scores.items()}}
                found[f"{name}, {language}: {who}"] = row
                print(f"| {name}, {language}: {who} | {row['precision']:.3f} | {row['recall']:.3f} | "
                      f"{row['F1 all']:.3f} | {row['F1 start']:.3f} | {row['F1 events']:.3f} |", flush=True)
    return found


def commented(writer: Writer, language: str, traces: Sequence[str]) -> list[str]:
    """What the writer says of traces."""
    return list(write_commentaries(writer, traces, language))


def floors(writer: Writer, told: Sequence[Writing], language: str
           ) -> dict[str, Callable[[Sequence[str]], list[str]]]:
    """Speakers that know no trace, and one that knows the nearest."""
    texts = [getattr(world, language) for world in told]
    nearest = nearest_commentary([words_of(world.trace, joined=True) for world in told], texts)
    frequent = Counter(texts).most_common(1)[0][0]
    encoded = [[BOS, *writer.tokenizer.encode(text, add_special_tokens=False), EOS] for text in texts]
    ngram = NGram(writer.config.vocabulary).fit((ids, 1) for ids in encoded)
    said = writer.tokenizer.decode(ngram.likeliest([BOS], EOS, 150))
    return {"the most frequent": lambda traces: [frequent] * len(traces),
            "5-gram of nothing": lambda traces: [said] * len(traces),
            "of the nearest trace": lambda traces: [nearest(words_of(each, joined=True)) for each in traces]}


if __name__ == "__main__":
    main()
