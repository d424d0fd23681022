"""What a captioner says against what is so: python scripts/bench_caption.py [--episodes 400]

Rows: unseen seeds, unseen kinds of road (roundabout, u-turn), unseen looks; floors: the most frequent facts,
and the caption of the training clip whose pixels are nearest. "tracks" reads the film back into an episode;
"exact masks" does so without a network. --seeds and --roads take stores of episodes (`drive-gen collect
requests`), --data the training's; they are played by seed if not given. --languages, --checkpoint (again and
again, NAME=FOLDER), --eyes, and --film, the episodes of rows through mp4 files.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from drive_gen.commands.caption import BUNDLED
from drive_gen.commands.describe import BUNDLED_EYES
from drive_gen.data.progress import progress_bar
from drive_gen.data.store import iterate_episodes
from drive_gen.envs.episode import Episode
from drive_gen.envs.files import InputError
from drive_gen.envs.frames.looks import EFFECTS, NATIVE, Look
from drive_gen.evaluate.captions import CaptionScore, interval, score_captions
from drive_gen.evaluate.tracking import Tracking, score_tracking
from drive_gen.language.caption import say_seen, symbols_of
from drive_gen.language.played import UNSEEN_ROADS, Staged, played
from drive_gen.language.sight import Seen, Sight, seen_of
from drive_gen.perception.captioner import Captioner
from drive_gen.perception.captioner_data import Clips, clips_of, look_of
from drive_gen.perception.film_files import read_frames, write_film
from drive_gen.perception.film_read import read_episode
from drive_gen.perception.film_see import covers
from drive_gen.perception.film_view import cover_of, film_frames, strip
from drive_gen.perception.segmenter import Segmenter
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
    flags.add_argument("--eyes", default=str(BUNDLED_EYES), help="the network that sees films")
    flags.add_argument("--masks", type=int, default=20, help="unseen seeds read with exact masks")
    flags.add_argument("--film", type=int, default=0, help="episodes of the row through mp4 files")
    chosen = flags.parse_args()
    named = [pair.partition("=")[::2] for pair in chosen.checkpoint] or [("ViT + GPT-2", str(BUNDLED))]
    models = {name: Captioner.from_pretrained(folder) for name, folder in named}
    sight = next(iter(models.values())).config.sight
    known = clips(episodes_of(chosen.data, chosen.known, 0), sight, 0.0, "training clips", chosen.known)
    print("| set | reader | fact F1 | precision | recall | hallucinated | exact | BLEU-4 | ROUGE-L |")
    print("|---|---|---|---|---|---|---|---|---|")
    first: dict[str, CaptionScore] = {}
    tracked: dict[str, Tracking] = {}
    eyes = Segmenter.from_pretrained(chosen.eyes)
    for name, found, films in sets(chosen, sight):
        read = [episode_in(film, eyes) for film in progressing(films, f"{name}, tracks")]
        rows = floors(known, found) | {
            f"{who}, {language}": model.describe(torch.from_numpy(found.frames), language)
            for who, model in models.items() for language in chosen.languages.split(",")}
        fallback = next(reversed(rows.values()))
        tracks = [seen_of(one) if one else other for one, other in zip(read, fallback, strict=True)]
        rows |= {f"tracks, {language}": tracks for language in chosen.languages.split(",")}
        tracked[name] = score_tracking([film.episode for film in films], read)
        if chosen.masks and not first:
            exact = [episode_in(film, None) for film in progressing(films[: chosen.masks], "exact masks")]
            pairs = [(seen, seen_of(one)) for seen, one in zip(found.seen, exact, strict=False) if one]
            print_row(name, f"tracks of {len(pairs)} exact masks", *zip(*pairs, strict=True))
            tracked[f"{name}, exact masks"] = score_tracking(
                [film.episode for film in films[: chosen.masks]], exact)
        for who, said in rows.items():
            print_row(name, who, found.seen, said)
        first = first or {who: score_captions(found.seen, said) for who, said in rows.items()}
    print_slots(first)
    print_tracking(tracked)


class Film(NamedTuple):
    """An episode as it is filmed: in a look, or through an mp4 file."""

    episode: Episode
    look: Look = NATIVE
    mp4: bool = False


def episode_in(film: Film, eyes: Segmenter | None) -> Episode | None:
    """What is read of a film, with exact masks if there are no eyes; None if it is refused."""
    if film.mp4:
        with tempfile.TemporaryDirectory() as folder:
            write_film(film.episode, Path(folder) / "film.mp4", film.look)
            rgb = strip(read_frames(Path(folder) / "film.mp4"))
        cover = covers(eyes, rgb) if eyes else []
    else:
        frames = list(film_frames(film.episode, film.look))
        rgb = np.stack([picture for picture, _ in frames])
        cover = covers(eyes, rgb) if eyes else [cover_of(samples) for _, samples in frames]
    try:
        return read_episode(rgb, cover)
    except InputError as refusal:
        print(f"refused: {refusal}", file=sys.stderr)
        return None


def sets(chosen: argparse.Namespace, sight: Sight) -> Iterator[tuple[str, Clips, list[Film]]]:
    """What is scored, by name."""
    count = chosen.episodes
    seeds = list(episodes_of(chosen.seeds, count))
    plain = clips(iter(seeds), sight, 0.0, "unseen seeds", count)
    yield "unseen seeds", plain, [Film(episode) for episode in seeds]
    if chosen.film:
        some = replace(plain, frames=plain.frames[: chosen.film], seen=plain.seen[: chosen.film])
        yield "unseen seeds, mp4", some, [Film(episode, mp4=True) for episode in seeds[: chosen.film]]
    roads = list(episodes_of(chosen.roads, count, roads=UNSEEN_ROADS))
    yield "unseen roads", clips(iter(roads), sight, 0.0, "unseen roads", count), [Film(one) for one in roads]
    looks = [Film(one, look_of(number, 0, 1.0, EFFECTS, 0.0)) for number, one in enumerate(seeds)]
    yield "unseen looks", clips(iter(seeds), sight, 1.0, "unseen looks", count), looks


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


def progressing(films: Sequence[Film], what: str) -> Iterator[Film]:
    """One by one, with a bar."""
    with progress_bar() as bar:
        task = bar.add_task(what, total=len(films))
        for film in films:
            yield film
            bar.update(task, advance=1)


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


def print_tracking(rows: dict[str, Tracking]) -> None:
    """How well films were read."""
    print("\n| set | films | refused | road right | place, rms m | speed, rms m/s | kind right | missed | "
          "false |")
    print("|---|---|---|---|---|---|---|---|---|")
    for name, row in rows.items():
        print(f"| {name} | {row.films} | {row.refused} | {row.roads:.3f} | {row.position_m:.2f} | "
              f"{row.speed_mps:.2f} | {row.kinds:.3f} | {row.missed:.3f} | {row.false:.3f} |")


if __name__ == "__main__":
    main()
