"""Text -> scene -> drive -> video -> caption -> the facts: python scripts/bench_round_trip.py [--count 100]

Requests drawn by seed and said by the grammar, and requests written by hand (drive_gen/assets/requests), in
English and Korean. The slots of the request that a caption can hold, and whole requests. "in an exact
caption" is the ceiling: the caption that geometry writes of the episode itself. The film is read by tracks,
or with --by network by the captioner; --checkpoint takes another network; --frames leaves the video file out.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.progress import track

from drive_gen.commands.caption import BUNDLED
from drive_gen.commands.describe import BUNDLED_EYES
from drive_gen.envs.episode import Episode
from drive_gen.envs.files import InputError
from drive_gen.evaluate.round_trip import STAGES, Describe, Trip, Trips, visible
from drive_gen.language.draw import draw
from drive_gen.language.facts import Facts
from drive_gen.language.score import group_of
from drive_gen.language.sight import Seen, Sight, seen_of
from drive_gen.language.speak import say
from drive_gen.language.splits import read_requests
from drive_gen.perception.captioner import Captioner
from drive_gen.perception.captioner_film import clip_of_film
from drive_gen.perception.film_files import read_frames, write_film
from drive_gen.perception.film_read import read_episode
from drive_gen.perception.film_see import covers
from drive_gen.perception.film_view import strip
from drive_gen.perception.segmenter import Segmenter

ASSETS = Path(__file__).parents[1] / "drive_gen" / "assets" / "requests"


def main() -> None:
    """Tables of what is left at every stage."""
    flags = argparse.ArgumentParser(description=__doc__)
    flags.add_argument("--count", type=int, default=100)
    flags.add_argument("--language", choices=("en", "ko", "both"), default="both")
    flags.add_argument("--by", choices=("tracks", "network"), default="tracks")
    flags.add_argument("--checkpoint")
    flags.add_argument("--frames", action="store_true")
    chosen = flags.parse_args()
    languages = ("en", "ko") if chosen.language == "both" else (chosen.language,)
    describe = by_network(chosen.checkpoint) if chosen.by == "network" else by_tracks(chosen.checkpoint)
    trips = Trips(through_film(describe, chosen.frames), Sight())
    rows: dict[str, list[Trip]] = {}
    work = [(name, language, text, facts, seed) for language in languages
            for name, requests in (("by seed", drawn(chosen.count, language)),
                                   ("by hand", written(chosen.count, language)))
            for seed, (text, facts) in enumerate(requests) if visible(facts)]
    try:
        for name, language, text, facts, seed in track(work, "requests", console=Console(stderr=True)):
            rows.setdefault(f"{name}, {language}", []).append(trips.take(text, facts, language, seed))
    except KeyboardInterrupt:
        print(f"stopped after {sum(map(len, rows.values()))} of {len(work)} requests", file=sys.stderr)
    print_stages(rows)
    print_slots([trip for found in rows.values() for trip in found])


def through_film(describe: Callable[[np.ndarray], Seen], frames: bool) -> Describe:
    """What is said of an episode's film, through a video file."""
    def of(episode: Episode) -> Seen:
        with tempfile.TemporaryDirectory() as folder:
            film = write_film(episode, Path(folder) / "film.mp4")
            return describe(film if frames else read_frames(Path(folder) / "film.mp4"))

    return of


def by_network(checkpoint: str | None) -> Callable[[np.ndarray], Seen]:
    """The captioner."""
    model = Captioner.from_pretrained(checkpoint or str(BUNDLED))
    return lambda frames: model.describe(torch.from_numpy(clip_of_film(frames, model.config.sight)[None]))[0]


def by_tracks(checkpoint: str | None) -> Callable[[np.ndarray], Seen]:
    """The film read into an episode; where that is refused, the captioner."""
    eyes, words = Segmenter.from_pretrained(checkpoint or str(BUNDLED_EYES)), by_network(None)

    def describe(frames: np.ndarray) -> Seen:
        rgb = strip(frames)
        try:
            return seen_of(read_episode(rgb, covers(eyes, rgb)))
        except InputError as refusal:
            print(f"refused: {refusal}", file=sys.stderr)
            return words(frames)

    return describe


def drawn(count: int, language: str) -> Iterator[tuple[str, Facts]]:
    """Requests by seed; the same in either language."""
    rng = np.random.default_rng(np.random.SeedSequence([10_000, *b"trip"]))
    for number in range(count):
        facts = draw(rng)
        yield say(facts, language, number), facts


def written(count: int, language: str) -> list[tuple[str, Facts]]:
    """Requests by hand, evenly out of the file."""
    found = read_requests(ASSETS / f"{language}.jsonl", language)
    places = np.linspace(0, len(found) - 1, min(count, len(found))).astype(int)
    return [(found[place].text, found[place].facts) for place in places]


def print_stages(rows: dict[str, list[Trip]]) -> None:
    """Shares of slots, and of whole requests, that are right at every stage."""
    print("| requests | | slots | " + " | ".join(STAGES) + " |\n|---|---|---|" + "---|" * len(STAGES))
    for name, trips in rows.items():
        slots = np.array([stages for trip in trips for stages in trip.slots.values()])
        whole = np.array([np.all(list(trip.slots.values()), axis=0) for trip in trips])
        for what, held in (("slots", slots), ("whole", whole)):
            shares = " | ".join(f"{share:.3f}" for share in held.mean(0))
            print(f"| {name} | {what} | {len(held)} | {shares} |")


def print_slots(trips: list[Trip]) -> None:
    """The same by kind of slot, of all rows together."""
    print("\n| slot | asked | " + " | ".join(STAGES) + " |\n|---|---|" + "---|" * len(STAGES))
    groups: dict[str, list[tuple[bool, ...]]] = {}
    for trip in trips:
        for slot, stages in trip.slots.items():
            group = group_of(slot)
            name = f"event {slot.split('.')[1]}" if group == "events" else group
            groups.setdefault(name, []).append(stages)
    for name, found in sorted(groups.items()):
        shares = " | ".join(f"{share:.3f}" for share in np.array(found).mean(0))
        print(f"| {name} | {len(found)} | {shares} |")


if __name__ == "__main__":
    main()
