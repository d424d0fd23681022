"""Does a network smooth tracks better than a polynomial? python scripts/compare_smoothers.py --help

Simulated tracks are true; noise is added and taken away again. Beside the GRU that reads from both ends: one
that reads forwards only (from the line through the whole track), the importers' Savitzky-Golay, the same
tuned for each noise on training tracks, and no smoothing. Training draws white noise of 0.05 to 0.5 m: more
of it, and correlated noise, are new to the networks.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import tyro

from drive_gen.data.store import iterate_episodes
from drive_gen.data.tracks import Smoothing
from drive_gen.envs.files import write_json, write_text
from drive_gen.evaluate.cases import HELD_OUT
from drive_gen.evaluate.smoothing import (
    FIGURES,
    Smooths,
    errors_of,
    estimates,
    learnt,
    noisy,
    raw,
    savgol,
    tuned,
)
from drive_gen.predict.config import SmootherTraining
from drive_gen.predict.smoother import Smoother, Tracks, tracks_of
from drive_gen.train.smooth import train_smoother

DONE = "done.json"
NOISES = ((0.1, 0.0), (0.3, 0.0), (1.0, 0.0), (0.3, 0.9))  # standard deviation in m, correlation of frames
TUNING_TRACKS = 500
WINDOWS_S, ORDERS = (0.7, 1.1, 1.5, 2.1, 3.1, 4.1, 5.1), (2, 3)


@dataclass(frozen=True)
class Comparison:
    """Compare smoothers on a store of simulated episodes at 10 Hz."""

    data: Path  # episode store; the validation and test splits are what is smoothed
    out: Path  # folder for the runs, comparison.json and comparison.md
    seeds: int = 3
    steps: int = 1500  # updates of each training
    most: int = 4000  # tracks of the evaluation


def main(wanted: Comparison) -> int:
    """Train, smooth and say how they compare."""
    config = SmootherTraining()
    episodes = [episode for split in HELD_OUT for episode in iterate_episodes(wanted.data, split)]
    held_out = tracks_of(episodes, config.model, config.stride, wanted.most)
    learn = tracks_of(list(islice(iterate_episodes(wanted.data, "train"), 60)), config.model, config.stride,
                      TUNING_TRACKS)
    networks = {name: [learnt(trained(wanted, config, name, both, seed)) for seed in range(wanted.seeds)]
                for name, both in (("GRU, both ways", True), ("GRU, forwards", False))}
    rows = [row for noise in NOISES for row in compared(networks, held_out, learn, noise, config.model.dt_s)]
    head = ("noise", "smoother", "position, m [95 %]", "speed, m/s [95 %]", "acceleration, m/s2 [95 %]")
    lines = [head, ("---",) * len(head), *map(cells, rows)]
    text = "\n".join("| " + " | ".join(line) + " |" for line in lines)
    said = (f"{len(held_out.groups)} tracks of 6 s in {len(np.unique(held_out.groups))} held-out groups, "
            f"mean absolute errors, the networks' mean of {wanted.seeds} seeds of {wanted.steps} updates")
    settings = {name: str(value) for name, value in asdict(wanted).items()}
    write_json(wanted.out / "comparison.json", {"settings": settings, "rows": rows})
    write_text(wanted.out / "comparison.md", f"{text}\n\n{said}\n")
    print(f"{text}\n\n{said}\nwrote {wanted.out / 'comparison.md'} and comparison.json")
    return 0


def trained(wanted: Comparison, base: SmootherTraining, name: str, both: bool, seed: int) -> Smoother:
    """The last weights of one finished run: nothing is chosen on the held-out groups."""
    run = wanted.out / "runs" / f"{name.replace(', ', '-').replace(' ', '-').lower()}-{seed}"
    config = replace(base, model=replace(base.model, bidirectional=both),
                     loop=replace(base.loop, steps=wanted.steps, seed=seed))
    if not (run / DONE).exists():
        train_smoother([wanted.data], run, config, resume=(run / "training_state").exists())
        write_json(run / DONE, {"seed": seed})
    return Smoother.from_pretrained(run / "checkpoints" / "last")


def compared(networks: dict[str, list[Smooths]], held_out: Tracks, learn: Tracks, noise: tuple[float, float],
             dt_s: float) -> list[dict[str, Any]]:
    """The rows of one noise: a standard deviation and a correlation."""
    measured = noisy(held_out.position_m, noise[0], 1, noise[1])
    best = tuned(learn, noisy(learn.position_m, noise[0], 2, noise[1]), dt_s, WINDOWS_S, ORDERS)
    arms: dict[str, list[Smooths]] = {
        **networks, f"Savitzky-Golay, as imported ({Smoothing().label})": [savgol(Smoothing())],
        f"Savitzky-Golay, tuned ({best.label})": [savgol(best)], "raw": [raw]}
    rows = []
    for name, smooths in arms.items():
        runs = [errors_of(each, held_out, measured, dt_s) for each in smooths]
        mean = {figure: np.mean([run[figure] for run in runs], axis=0) for figure in FIGURES}
        rows.append({"noise_m": noise[0], "correlation": noise[1], "smoother": name,
                     **{figure: estimate._asdict()
                        for figure, estimate in estimates(mean, held_out.groups).items()}})
    return rows


def cells(row: dict[str, Any]) -> tuple[str, ...]:
    """One line of the table."""
    noise = f"{row['noise_m']} m" + (f", correlated {row['correlation']}" if row["correlation"] else "")
    return (noise, row["smoother"], *("{value:.3f} [{low:.3f}, {high:.3f}]".format(**row[figure])
                                      for figure in FIGURES))


if __name__ == "__main__":
    raise SystemExit(main(tyro.cli(Comparison)))
