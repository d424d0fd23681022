"""CLIP on unseen seeds, roads, looks and phrasings: python scripts/bench_clip.py [--checkpoint RUN]

Clips of test episodes by seed are found by texts with one to three facts; a clip is right where all that the
text says holds. False texts differ from a true one in one fact.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from drive_gen.envs.files import write_json
from drive_gen.envs.frames.looks import EFFECTS
from drive_gen.language.plan import Variety
from drive_gen.language.played import UNSEEN_ROADS
from drive_gen.language.splits import VARIETIES, read_requests
from drive_gen.perception.claims import claims_of, holding, row_of
from drive_gen.perception.clip import Clip
from drive_gen.perception.clip_config import ClipData
from drive_gen.perception.clip_prepare import prepared
from drive_gen.perception.clip_scores import (
    Texts,
    above_false,
    by_chance,
    exact,
    facts_first,
    most_frequent,
    pairs,
    recall,
    texts_of,
    unseen_roads_claims,
    words_and_pixels,
)
from drive_gen.perception.clip_texts import CHANGED, Known, draw_text
from drive_gen.perception.clip_words import seen
from drive_gen.perception.clips import Clips
from drive_gen.perception.search import bundled

TRAINING = Variety("train", "train")
BY_HAND = Path(__file__).parents[1] / "tests" / "data"


def main() -> None:
    """Tables."""
    flags = argparse.ArgumentParser(description=__doc__)
    flags.add_argument("--checkpoint", default=str(bundled()))
    flags.add_argument("--work", type=Path, default=Path("runs/bench-clip"))
    flags.add_argument("--scenes", type=int, default=1000)
    flags.add_argument("--strange", type=int, default=1000, help="in unseen looks, and on unseen roads")
    flags.add_argument("--texts", type=int, default=1000)
    flags.add_argument("--seeds", default=None, help="store of test episodes; made by seed if not given")
    flags.add_argument("--roads", default=None, help="store of episodes on unseen roads")
    flags.add_argument("--learnt", default=None, help="store that the floors learn from")
    flags.add_argument("--learnt-episodes", type=int, default=300)
    flags.add_argument("--workers", type=int, default=0)
    chosen = flags.parse_args()
    model = Clip.from_pretrained(chosen.checkpoint)
    clips_by_name, learnt = sets_of(chosen, model)
    results: dict[str, object] = {}
    counts = ", ".join(f"{name} {len(clips)}" for name, clips in clips_by_name.items())
    print(f"clips: {counts}; {chosen.texts} texts with one to three facts\n\n{HEADER}")
    for name, clips in clips_by_name.items():
        unnamed = unseen_roads_claims() if name == "unseen roads" else ()
        texts = texts_of(clips, chosen.texts, 1, TRAINING, unnamed=unnamed)
        results[name] = table(name, model, clips, texts, learnt)
    clips = clips_by_name["unseen seeds"]
    for language in ("en", "ko"):
        for split in ("seen phrasing", "unseen phrasing", "unseen words"):
            variety = {"unseen phrasing": VARIETIES["phrasing"], "unseen words": VARIETIES["synonym"]}.get(
                split, TRAINING)
            texts = texts_of(clips, chosen.texts // 2, 2, variety, (language,))
            results[f"{language}, {split}"] = towers(f"{language}, {split}", model, clips, texts)
        results[f"{language}, by hand"] = by_hand(model, clips, language)
    results["changed"] = by_change(model, clips, texts_of(clips, 2 * chosen.texts, 3, TRAINING))
    results["across"] = {name: across(name, model, clips) for name, clips in clips_by_name.items()}
    write_json(chosen.work / "clip.json", results)


HEADER = ("| clips or texts | found by | recall@1 | recall@5 | one fact changed |\n|---|---|---|---|---|")


def sets_of(chosen: argparse.Namespace, model: Clip) -> tuple[dict[str, Clips], Clips]:
    """Test clips by what is unseen in them, and training clips for the floors."""
    make = partial(prepared, config=model.config, cache=chosen.work, workers=chosen.workers)
    count = -(-chosen.scenes // 3)  # an episode has three clips
    native = ClipData(episodes=count, seed=10_000, look=0.0, tested=True)
    few = replace(native, episodes=max(10, -(-chosen.strange // 3)))
    strange, roads = replace(few, look=1.0, effects=EFFECTS), replace(few, roads=UNSEEN_ROADS)
    sets = {"unseen seeds": make(replace(native, store=chosen.seeds)),
            "unseen looks": make(replace(strange, store=chosen.seeds)),
            "unseen roads": make(replace(roads, store=chosen.roads))}
    most = {"unseen seeds": chosen.scenes}
    some = {name: clips.take(np.arange(min(most.get(name, chosen.strange), len(clips))))
            for name, clips in sets.items()}
    return some, make(ClipData(store=chosen.learnt, episodes=chosen.learnt_episodes))


def table(name: str, model: Clip, clips: Clips, texts: Texts, learnt: Clips) -> dict[str, list[float]]:
    """Towers, floors and the ceiling."""
    rng = np.random.default_rng(0)
    told = [draw_text(Known(row), ("en", "ko")[number % 2], rng, TRAINING).text
            for number, row in enumerate(learnt.holds)]
    found = towers(name, model, clips, texts)
    others = {"floor: chance": by_chance, "floor: most frequent": most_frequent,
              "floor: words and pixels": partial(words_and_pixels, told=told),
              "ceiling: parser and geometry": exact}
    for who, score in others.items():
        scores, true, false = score(texts, clips, learnt)  # type: ignore[operator]
        found[who] = line(name, who, [recall(scores, texts.fits, 1), recall(scores, texts.fits, 5),
                                      float(above_false(true, false).mean())])
    return found


def embedded(model: Clip, clips: Clips, texts: Texts, parsed: bool = True
             ) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]:
    """Clips by tower, true texts and false ones."""
    true, false = (model.embed_texts([text.text for text in said], cut=True, parsed=parsed)
                   for said in (texts.true, texts.false))
    return model.embed_clips(clips)._asdict(), true, false


def towers(name: str, model: Clip, clips: Clips, texts: Texts) -> dict[str, list[float]]:
    """A line a tower."""
    by_tower, true, false = embedded(model, clips, texts)
    found = {tower: line(name, f"text to {tower}", figures(true, false, rows, texts))
             for tower, rows in by_tower.items()}
    rows = by_tower["both"]
    _, one, other = embedded(model, clips, texts, parsed=False)
    found["written"] = line(name, "text as written to both", figures(one, other, rows, texts))
    scores, own = true @ rows.T, rows[texts.clip]
    scores = facts_first([text.text for text in texts.true], clips.holds, scores)  # by the last tower, both
    sure, rest = (facts_first([text.text for text in said], clips.holds[texts.clip], rows @ own.T).diagonal()
                  for said, rows in ((texts.true, true), (texts.false, false)))
    found["auto"] = line(name, "auto: facts, then both", [
        recall(scores, texts.fits, 1), recall(scores, texts.fits, 5), float(above_false(sure, rest).mean())])
    return found


def figures(true: np.ndarray, false: np.ndarray, rows: np.ndarray, texts: Texts) -> list[float]:
    """Recall of 1 and of 5 of texts among clips, and how often the true one is above the false one."""
    scores, own = true @ rows.T, rows[texts.clip]
    return [recall(scores, texts.fits, 1), recall(scores, texts.fits, 5),
            float(above_false(pairs(true, own), pairs(false, own)).mean())]


def by_hand(model: Clip, clips: Clips, language: str) -> list[float]:
    """Requests that people wrote, of what can be seen, where some clip is right."""
    wanted, said = [], []
    for request in read_requests(BY_HAND / f"requests_{language}.jsonl", language):
        try:
            claims = claims_of(seen(request.facts))
        except ValueError:
            continue
        if claims is not None:
            wanted.append(row_of(claims))
            said.append(request.text)
    fits = holding(np.stack(wanted), clips.holds)
    some = np.asarray(fits.any(1))
    asked, name = [text for text, right in zip(said, some, strict=True) if right], f"{language}, by hand"
    both = model.embed_clips(clips).both
    for who, parsed in (("text as written to both", False), (f"text to both ({len(asked)} texts)", True)):
        scores = model.embed_texts(asked, cut=True, parsed=parsed) @ both.T
        line(name, who, [recall(scores, fits[some], 1), recall(scores, fits[some], 5)])
    scores = facts_first(asked, clips.holds, scores)
    return line(name, "auto: facts, then both",
                [recall(scores, fits[some], 1), recall(scores, fits[some], 5)])


def by_change(model: Clip, clips: Clips, texts: Texts) -> dict[str, list[float]]:
    """How often the true text is above the false one, by what was changed."""
    by_tower, true, false = embedded(model, clips, texts)
    print("\n| changed | texts | frame | trajectory | both |\n|---|---|---|---|---|")
    found = {}
    for what in CHANGED:
        mine = np.flatnonzero(np.array(texts.changed) == what)
        if not len(mine):
            continue
        own = texts.clip[mine]
        found[what] = [float(above_false(pairs(true[mine], rows[own]), pairs(false[mine], rows[own])).mean())
                       for rows in by_tower.values()]
        print(f"| {what} | {len(mine)} | " + " | ".join(f"{value:.3f}" for value in found[what]) + " |")
    return found


def across(name: str, model: Clip, clips: Clips) -> dict[str, float]:
    """Frames find trajectories and the other way round: the same clip, or one of which the same is true."""
    frame, trajectory, _ = model.embed_clips(clips)
    _, kind = np.unique(clips.holds, axis=0, return_inverse=True)
    same = kind[:, None] == kind[None]
    scores = frame @ trajectory.T
    found = {f"{way}, recall@{count}": recall(table, same, count) for way, table in
             (("frame to trajectory", scores), ("trajectory to frame", scores.T)) for count in (1, 5)}
    print(f"\n{name}: " + ", ".join(f"{what} {value:.3f}" for what, value in found.items())
          + f" (chance {same.mean():.3f})")
    return found


def line(name: str, who: str, values: Sequence[float]) -> list[float]:
    """Print a row."""
    print(f"| {name} | {who} | " + " | ".join(f"{value:.3f}" for value in values) + " |", flush=True)
    return list(values)


if __name__ == "__main__":
    main()
