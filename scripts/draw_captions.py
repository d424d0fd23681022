"""Clips with what the captioner says of them: python scripts/draw_captions.py --out docs/captions.png

Episodes of unseen seeds, or of a store, in which somebody brakes, stops, crashes or cuts in.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
import tyro

from drive_gen.commands.caption import BUNDLED
from drive_gen.data.store import iterate_episodes
from drive_gen.envs.files import replacing
from drive_gen.language.caption import say_seen
from drive_gen.language.played import Staged, played
from drive_gen.language.sight import Seen, seen_of
from drive_gen.perception.captioner import Captioner
from drive_gen.perception.captioner_data import film_of, looked_at
from drive_gen.train.config import FIRST_TEST_SEED

CLIPS, TIMES_S = 4, (0.0, 6.0, 12.0)
DEEDS = ("brake", "stop", "crash", "cut-in")


def main(out: Path, checkpoint: str = str(BUNDLED), data: Path | None = None) -> int:
    """Draw them one below the other, forward to the right."""
    model = Captioner.from_pretrained(checkpoint)
    sight = model.config.sight
    by_seed = (played(Staged(), seed) for seed in range(FIRST_TEST_SEED, 10**6))
    shown: list[tuple[np.ndarray, Seen, Seen]] = []
    for episode in iterate_episodes(data) if data else by_seed:
        truth = seen_of(episode, sight)
        if len(shown) == CLIPS:
            break
        if not any(event.happens and event.what in DEEDS for event in truth.facts.events):
            continue
        clip = looked_at(film_of(episode, sight), sight)
        said = model.describe(torch.from_numpy(clip[None]))[0]
        shown.append((film_of(episode, sight, times_s=TIMES_S), truth, said))
    draw(shown, sight.aside_px, out)
    print(f"wrote {out}")
    return 0


def draw(shown: list[tuple[np.ndarray, Seen, Seen]], aside_px: int, out: Path) -> None:
    """Each clip's frames, one below the other, and its caption beside them."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 3.1 * len(shown)), dpi=80)
    for row, (film, truth, said) in zip(figure.subplots(len(shown), 2), shown, strict=True):
        edge = (film.shape[2] - aside_px) // 2
        strips = [np.rot90(frame[:, edge : edge + aside_px], -1) for frame in film]
        gap = np.full((3, *strips[0].shape[1:]), 255, np.uint8)
        picture = np.concatenate([part for strip in strips for part in (strip, gap)])
        row[0].imshow(picture, interpolation="nearest")
        row[1].text(0, 1, "\n".join(lines_of(truth, said)), fontsize=8, va="top")
        for axis in row:
            axis.set_axis_off()
    figure.subplots_adjust(left=0.01, right=0.99, top=0.99, bottom=0.01, wspace=0.02, hspace=0.04)
    with replacing(out) as temporary:
        figure.savefig(temporary, format="png")


def lines_of(truth: Seen, said: Seen) -> Iterator[str]:
    """The caption, and what is wrong with it."""
    yield from textwrap.wrap(say_seen(said), 85)
    ours, theirs = said.slots(), truth.slots()
    wrong = [f"{slot} {value} ({theirs.get(slot, 'not so')})" for slot, value in ours.items()
             if theirs.get(slot) != value]
    missed = [f"{slot} {value}" for slot, value in theirs.items() if slot not in ours]
    yield from textwrap.wrap("Made up: " + (", ".join(wrong) or "nothing") + ". Missed: "
                             + (", ".join(missed) or "nothing") + ".", 85)


if __name__ == "__main__":
    raise SystemExit(tyro.cli(main))
