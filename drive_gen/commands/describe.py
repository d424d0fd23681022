"""What `drive-gen describe` does: a film's frames -> facts, by tracks or by the captioner's network."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from drive_gen.commands.caption import BUNDLED
from drive_gen.envs.episode import Episode
from drive_gen.envs.files import InputError
from drive_gen.language.caption import say_seen
from drive_gen.language.sight import Seen, Sight, clip_of, seen_of
from drive_gen.report.sources import stored

BUNDLED_EYES = Path(__file__).parents[1] / "assets" / "film"


@dataclass(frozen=True, eq=False)
class Described:
    """What is said, by whom, and what is so where that is known."""

    seen: Seen
    by: str
    truth: Seen | None = None
    read: Episode | None = None  # by tracks
    refused: str = ""  # why there are no tracks


def filmed(what: Path, is_store: bool, which: str, film: Path | None) -> tuple[np.ndarray, Episode | None]:
    """Whole pictures (T, S, S, 3) of a film, or of a stored episode, which comes along."""
    from drive_gen.perception.film_files import read_frames, write_film
    from drive_gen.perception.film_view import VIEWS, film_frames

    if not is_store:
        return read_frames(what), None
    episode = stored(what, which).episode
    if film is not None:
        return write_film(episode, film), episode
    return np.stack([rgb for rgb, _ in film_frames(clip_of(episode, Sight()), views=VIEWS)]), episode


def by_tracks(frames: np.ndarray, episode: Episode | None, language: str, eyes: str | None, name: str
              ) -> Described:
    """The facts of the episode that a film is read into; where it cannot be, the captioner's words."""
    from drive_gen.perception.film_read import read_episode
    from drive_gen.perception.film_see import covers
    from drive_gen.perception.film_view import strip
    from drive_gen.perception.segmenter import Segmenter

    network, rgb = Segmenter.from_pretrained(eyes or str(BUNDLED_EYES)), strip(frames)
    try:
        read = read_episode(rgb, covers(network, rgb), name)
    except InputError as refusal:
        return replace(by_network(frames, episode, language, None), refused=str(refusal))
    return Described(seen_of(read), "tracks", seen_of(episode) if episode else None, read)


def by_network(frames: np.ndarray, episode: Episode | None, language: str, checkpoint: str | None
               ) -> Described:
    """The captioner's words; an episode is drawn as it has learnt to see them."""
    import torch

    from drive_gen.perception.captioner import Captioner
    from drive_gen.perception.captioner_data import film_of, looked_at
    from drive_gen.perception.captioner_film import clip_of_film

    model = Captioner.from_pretrained(checkpoint or str(BUNDLED))
    sight = model.config.sight
    clip = clip_of_film(frames, sight) if episode is None else looked_at(film_of(episode, sight), sight)
    truth = seen_of(episode, sight) if episode else None
    return Described(model.describe(torch.from_numpy(clip[None]), language)[0], "network", truth)


def say_described(found: Described, language: str, film: Path | None, out: Path | None, as_json: bool
                  ) -> None:
    """Print it; write what was read to a store."""
    import json

    if out is not None and found.read is None:
        raise InputError(f"nothing was written to {out}: {found.refused}")
    if out is not None and found.read is not None:
        from drive_gen.data.store import write_episodes

        write_episodes(out, [found.read], "test")  # what was seen is there to be measured by
    about = _about(found, language)
    if as_json:
        print(json.dumps(about, indent=1, ensure_ascii=False))
        return
    if found.refused:
        print(f"no tracks: {found.refused}; the captioner's network says:")
    print(about["caption"])
    _table(about["facts"], about.get("truth", {}), found.truth is not None)
    if found.truth is not None:
        print(f"{len(about['right'])} facts right, {len(about['missed'])} missed, "
              f"{len(about['made_up'])} made up")
    wrote, then = (out, "inspect") if out else (film, "describe")
    print(f"wrote {wrote}; next: drive-gen {then} {wrote}" if wrote else "next: describe with --out STORE")


def _about(found: Described, language: str) -> dict[str, Any]:
    ours = found.seen.slots()
    about: dict[str, Any] = {"caption": say_seen(found.seen, language), "facts": ours, "by": found.by}
    if found.refused:
        about["refused"] = found.refused
    if found.truth is not None:
        theirs = found.truth.slots()
        about |= {"truth": theirs, "caption_of_truth": say_seen(found.truth, language),
                  "right": [slot for slot in ours if theirs.get(slot) == ours[slot]],
                  "missed": [slot for slot in theirs if slot not in ours],
                  "made_up": [slot for slot in ours if theirs.get(slot) != ours[slot]]}
    return about


def _table(ours: dict[str, str], theirs: dict[str, str], known: bool) -> None:
    from rich.table import Table

    from drive_gen.commands.show import show

    table = Table("fact", "said", *(("true", "") if known else ()))
    for slot in dict.fromkeys((*ours, *theirs)):
        one, other = ours.get(slot), theirs.get(slot)
        verdict = "right" if one == other else "missed" if one is None else "made up"
        table.add_row(slot, one or "", *((other or "", verdict) if known else ()))
    show(table)
