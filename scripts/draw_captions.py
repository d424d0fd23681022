"""Films with what is read of them: python scripts/draw_captions.py --out docs/captions.png

Episodes of unseen seeds, or of a store, in which somebody brakes, stops, crashes or cuts in; boxes are the
bodies of the episode that was read.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import tyro

from drive_gen.commands.describe import BUNDLED_EYES
from drive_gen.data.store import iterate_episodes
from drive_gen.envs.episode import Episode
from drive_gen.envs.files import replacing
from drive_gen.envs.geometry import corners
from drive_gen.language.caption import say_seen
from drive_gen.language.played import Staged, played
from drive_gen.language.sight import Seen, seen_of
from drive_gen.perception.film_read import read_episode
from drive_gen.perception.film_see import covers
from drive_gen.perception.film_view import ASIDE_PX, FPS, M_PER_PX, SIZE_PX, film_frames
from drive_gen.perception.segmenter import Segmenter
from drive_gen.train.config import FIRST_TEST_SEED

CLIPS, TIMES_S, GAP_PX = 4, (0.0, 6.0, 12.0), 6
DEEDS = ("brake", "stop", "crash", "cut-in")


def main(out: Path, eyes: str = str(BUNDLED_EYES), data: Path | None = None) -> int:
    """Draw them one below the other, forward to the right."""
    network = Segmenter.from_pretrained(eyes)
    by_seed = (played(Staged(), seed) for seed in range(FIRST_TEST_SEED, 10**6))
    shown: list[tuple[np.ndarray, Episode, Seen]] = []
    for episode in iterate_episodes(data) if data else by_seed:
        truth = seen_of(episode)
        if len(shown) == CLIPS:
            break
        if not any(event.happens and event.what in DEEDS for event in truth.facts.events):
            continue
        rgb = np.stack([picture for picture, _ in film_frames(episode)])
        shown.append((rgb, read_episode(rgb, covers(network, rgb)), truth))
    draw(shown, out)
    print(f"wrote {out}")
    return 0


def draw(shown: list[tuple[np.ndarray, Episode, Seen]], out: Path) -> None:
    """Each film's frames, one below the other, and its caption beside them."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 2.9 * len(shown)), dpi=80)
    for row, (rgb, read, truth) in zip(figure.subplots(len(shown), 2), shown, strict=True):
        frames = [round(time_s * FPS) for time_s in TIMES_S]
        high = ASIDE_PX + GAP_PX
        gap = np.full((GAP_PX, SIZE_PX, 3), 255, np.uint8)
        strips = [part for frame in frames for part in (np.rot90(rgb[frame], -1), gap)]
        row[0].imshow(np.concatenate(strips), interpolation="nearest")
        for number, frame in enumerate(frames):
            for box in boxes_px(read, frame):
                row[0].plot(box[:, 0], box[:, 1] + number * high, color="red", linewidth=0.8)
        row[0].set_xlim(0, SIZE_PX)
        row[0].set_ylim(high * len(frames), 0)
        row[1].text(0, 1, "\n".join(lines_of(truth, seen_of(read))), fontsize=8, va="top")
        for axis in row:
            axis.set_axis_off()
    figure.subplots_adjust(left=0.01, right=0.99, top=0.99, bottom=0.01, wspace=0.02, hspace=0.04)
    with replacing(out) as temporary:
        figure.savefig(temporary, format="png")


def boxes_px(read: Episode, frame: int) -> np.ndarray:
    """Outlines (N, 5, 2) of the bodies read, as columns and rows of a strip that lies on its side."""
    there, ego = np.flatnonzero(read.valid[:, frame]), read.ego or 0
    position, heading, size = (array.astype(np.float64) for array in (
        read.position_m[there, frame], read.heading_rad[there, frame], read.size_m[there]))
    outline = corners(position, heading, size)
    away = outline[:, [0, 1, 2, 3, 0]] - read.position_m[ego, frame]
    cosine, sine = np.cos(read.heading_rad[ego, frame]), np.sin(read.heading_rad[ego, frame])
    ahead, right = away @ (cosine, sine), away @ (-sine, cosine)
    return np.stack((SIZE_PX / 2 + ahead / M_PER_PX, ASIDE_PX / 2 + right / M_PER_PX), -1) - 0.5


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
