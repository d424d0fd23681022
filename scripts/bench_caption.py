"""What a captioner says against what is so: python scripts/bench_caption.py [--episodes 400]

Rows: unseen seeds, unseen kinds of road (roundabout, u-turn), unseen looks; floors: the most frequent facts,
and the caption of the training clip whose pixels are nearest. --seeds and --roads take stores of episodes
(`drive-gen collect requests`), --data the training's; they are played by seed if not given. --languages,
--checkpoint (again and again, NAME=FOLDER) and --film, which adds a row through mp4 files.
"""

from __future__ import annotations

import argparse
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import torch

from drive_gen.commands.caption import BUNDLED
from drive_gen.data.processes import progress_bar
from drive_gen.data.store import iterate_episodes
from drive_gen.envs.episode import Episode
from drive_gen.envs.frames.looks import EFFECTS
from drive_gen.evaluate.captions import CaptionScore, interval, score_captions
from drive_gen.language.caption import say_seen, symbols_of
from drive_gen.language.played import UNSEEN_ROADS, Staged, played
from drive_gen.language.sight import Seen, Sight
from drive_gen.perception.captioner import Captioner
from drive_gen.perception.captioner_data import Clips, clips_of
from drive_gen.perception.captioner_film import read_clip, write_clip_film
from drive_gen.train.config import FIRST_TEST_SEED

SMALL_PX = 8  # of the pictures whose distance is taken
Rows = dict[str, list[Seen]]


def main() -> None:
    """The tables."""
    flags = argparse.ArgumentParser(description=__doc__)
    flags.add_argument("--episodes", type=int, default=400)
    flags.add_argument("--known", type=int, default=400, help="training episodes of the floors")
    flags.add_argument("--checkpoint", action="append", default=[])
    for name in ("seeds", "roads", "data"):
        flags.add_argument(f"--{name}", type=Path)
    flags.add_argument("--languages", default="en,ko")
    flags.add_argument("--film", type=int, default=0, help="episodes of the row through mp4 files")
    chosen = flags.parse_args()
    named = [pair.partition("=")[::2] for pair in chosen.checkpoint] or [("ViT + GPT-2", str(BUNDLED))]
    models = {name: Captioner.from_pretrained(folder) for name, folder in named}
    sight = next(iter(models.values())).config.sight
    known = clips(episodes_of(chosen.data, chosen.known, 0), sight, 0.0, "training clips", chosen.known)
    print("| set | reader | fact F1 | precision | recall | hallucinated | exact | BLEU-4 | ROUGE-L |")
    print("|---|---|---|---|---|---|---|---|---|")
    first: dict[str, CaptionScore] = {}
    for name, found in sets(chosen, sight):
        rows = floors(known, found) | {
            f"{who}, {language}": model.describe(torch.from_numpy(found.frames), language)
            for who, model in models.items() for language in chosen.languages.split(",")}
        for who, said in rows.items():
            print_row(name, who, found.seen, said)
        if name == "unseen roads":
            last = list(rows)[-1]
            print_row(f"{name}, but for their names", last, found.seen, rows[last], ("road",))
        first = first or {who: score_captions(found.seen, said) for who, said in rows.items()}
    print_slots(first)


def sets(chosen: argparse.Namespace, sight: Sight) -> Iterator[tuple[str, Clips]]:
    """What is scored, by name."""
    count = chosen.episodes
    yield "unseen seeds", clips(episodes_of(chosen.seeds, count), sight, 0.0, "unseen seeds", count)
    if chosen.film:
        yield "unseen seeds, mp4", through_films(list(episodes_of(chosen.seeds, chosen.film)), sight)
    roads = episodes_of(chosen.roads, count, roads=UNSEEN_ROADS)
    yield "unseen roads", clips(roads, sight, 0.0, "unseen roads", count)
    yield "unseen looks", clips(episodes_of(chosen.seeds, count), sight, 1.0, "unseen looks", count)


def episodes_of(store: Path | None, count: int, first: int = FIRST_TEST_SEED, roads: Sequence[str] = ()
                ) -> Iterator[Episode]:
    """A store's first episodes, or those of seeds."""
    if store is not None:
        return islice(iterate_episodes(store), count)
    staged = Staged(tuple(roads)) if roads else Staged()
    return (played(staged, seed) for seed in range(first, first + count))


def clips(episodes: Iterator[Episode], sight: Sight, look: float, what: str, count: int) -> Clips:
    """Draw them, with a bar; looks are of any effect."""
    with progress_bar() as bar:
        task = bar.add_task(what, total=count)
        return clips_of(episodes, sight, look, effects=EFFECTS, native=0.0,
                        on_episode=lambda: bar.update(task, advance=1))


def through_films(episodes: list[Episode], sight: Sight) -> Clips:
    """Clips that are written as mp4 and read again."""
    plain = clips_of(episodes, sight)
    frames = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "film.mp4"
        for episode in episodes:
            write_clip_film(episode, sight, path)
            frames.append(read_clip(path, sight))
    return replace(plain, frames=np.stack(frames))


def floors(known: Clips, found: Clips) -> Rows:
    """The most frequent caption, and that of the nearest training clip."""
    common = Counter(tuple(symbols_of(seen)) for seen in known.seen).most_common(1)[0][0]
    usual = next(seen for seen in known.seen if tuple(symbols_of(seen)) == common)
    near, ours = small(known.frames), small(found.frames)
    nearest = [int(((near - one) ** 2).sum(1).argmin()) for one in ours]
    return {"floor: most frequent": [usual] * len(found),
            "floor: nearest clip": [known.seen[number] for number in nearest]}


def small(frames: np.ndarray) -> np.ndarray:
    """Clips as small grey pictures, (N, D) float32: every fourth frame."""
    grey = frames[:, ::4].mean(-1, dtype=np.float32)
    rows, columns = (grey.shape[2] // SMALL_PX, grey.shape[3] // SMALL_PX)
    cut = grey[:, :, : rows * SMALL_PX, : columns * SMALL_PX]
    blocks = cut.reshape(*cut.shape[:2], rows, SMALL_PX, columns, SMALL_PX).max((3, 5))
    return np.asarray(blocks.reshape(len(frames), -1))


def print_row(name: str, who: str, wanted: Sequence[Seen], said: Sequence[Seen], without: Sequence[str] = ()
              ) -> None:
    """One line of the table; texts are compared in the language that the row names."""
    from torchmetrics.functional.text import bleu_score, rouge_score

    found = score_captions(wanted, said, without)
    f1 = interval(wanted, said, lambda score: score.f1, without=without)
    language = "ko" if who.endswith("ko") else "en"
    ours, theirs = ([say_seen(seen, language) for seen in part] for part in (said, wanted))
    bleu = float(bleu_score(ours, [[text] for text in theirs]))
    rouge = float(rouge_score(ours, theirs, rouge_keys="rougeL", tokenizer=str.split,
                              normalizer=str.strip)["rougeL_fmeasure"])
    print(f"| {name} | {who} | {f1.value:.3f} [{f1.low:.3f}, {f1.high:.3f}] | {found.precision:.3f} | "
          f"{found.recall:.3f} | {found.hallucinated:.3f} | {found.exact:.3f} | {bleu:.3f} | {rouge:.3f} |",
          flush=True)


def print_slots(scores: dict[str, CaptionScore]) -> None:
    """F1 by kind of fact, on the first set."""
    names = sorted({name for score in scores.values() for name in score.by_slot})
    print("\n| fact | true | " + " | ".join(scores) + " |\n|---|---|" + "---|" * len(scores))
    for name in names:
        values = [score.by_slot.get(name, (0.0, 0)) for score in scores.values()]
        print(f"| {name} | {values[0][1]} | " + " | ".join(f"{f1:.3f}" for f1, _ in values) + " |")


if __name__ == "__main__":
    main()
