"""Text -> scene -> drive -> video -> caption -> the facts: python scripts/bench_round_trip.py [--count 100]

Requests drawn by seed and said by the grammar, and requests written by hand (drive_gen/assets/requests), in
English and Korean. The slots of the request that a caption can hold, and whole requests. "in an exact
caption" is the ceiling: the caption that geometry writes. --checkpoint takes another captioner;
--frames leaves the video file out.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.progress import track

from drive_gen.commands.caption import BUNDLED
from drive_gen.envs.episode import Episode
from drive_gen.evaluate.round_trip import STAGES, Describe, Trip, Trips, visible
from drive_gen.language.draw import draw
from drive_gen.language.facts import Facts
from drive_gen.language.score import group_of
from drive_gen.language.sight import Seen
from drive_gen.language.speak import say
from drive_gen.language.splits import read_requests
from drive_gen.perception.captioner import Captioner
from drive_gen.perception.captioner_data import film_of, looked_at
from drive_gen.perception.captioner_film import read_clip, write_clip_film

ASSETS = Path(__file__).parents[1] / "drive_gen" / "assets" / "requests"


def main() -> None:
    """Tables of what is left at every stage."""
    flags = argparse.ArgumentParser(description=__doc__)
    flags.add_argument("--count", type=int, default=100)
    flags.add_argument("--language", choices=("en", "ko", "both"), default="both")
    flags.add_argument("--checkpoint", default=str(BUNDLED))
    flags.add_argument("--frames", action="store_true")
    chosen = flags.parse_args()
    languages = ("en", "ko") if chosen.language == "both" else (chosen.language,)
    model = Captioner.from_pretrained(chosen.checkpoint)
    trips = Trips(describer(model, chosen.frames), model.config.sight)
    rows: dict[str, list[Trip]] = {}
    work = [(name, language, text, facts, seed) for language in languages
            for name, requests in (("by seed", drawn(chosen.count, language)),
                                   ("by hand", written(chosen.count, language)))
            for seed, (text, facts) in enumerate(requests) if visible(facts)]
    for name, language, text, facts, seed in track(work, "requests", console=Console(stderr=True)):
        rows.setdefault(f"{name}, {language}", []).append(trips.take(text, facts, language, seed))
    print_stages(rows)
    print_slots([trip for found in rows.values() for trip in found])


def describer(model: Captioner, frames: bool) -> Describe:
    """The network's caption of an episode, through a video file."""
    def describe(episode: Episode) -> Seen:
        with tempfile.TemporaryDirectory() as folder:
            if frames:
                clip = looked_at(film_of(episode, model.config.sight), model.config.sight)
            else:
                write_clip_film(episode, model.config.sight, Path(folder) / "film.mp4")
                clip = read_clip(Path(folder) / "film.mp4", model.config.sight)
        return model.describe(torch.from_numpy(clip[None]))[0]

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
