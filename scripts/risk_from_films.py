"""Risk read off films, beside networks that learnt it: python scripts/risk_from_films.py [--episodes N]

The moments are compare_risk.py's. Of each, the last .8 s are seen as a film (nine frames), read back into an
Episode, and driven on in the simulator; where nothing can be read, the bundled risk network answers. What the
scores mean is set on validation episodes of the training roads, by logistic regression.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
import tyro
from rich.progress import track
from scipy.optimize import minimize
from scipy.special import expit, log_expit

import drive_gen
from drive_gen.envs.files import InputError, write_json
from drive_gen.envs.frames.looks import draw_look
from drive_gen.evaluate.risk import Said, counts_of, figures_of, floors, said_by, table_of
from drive_gen.perception.film_read import read_episode
from drive_gen.perception.film_see import covers
from drive_gen.perception.film_view import film_frame
from drive_gen.perception.foresight import foresee
from drive_gen.perception.risk import Risk
from drive_gen.perception.risk_config import RiskTraffic, RiskTraining, held_out_sets
from drive_gen.perception.risk_data import bucket_of, driven, known_moments, moments_of
from drive_gen.perception.segmenter import Segmenter

ASSETS = Path(drive_gen.__file__).parent / "assets"
FRAMES = 9  # the last .8 s
FILM, BOTH = ("film", "sure"), ("film", "sure", "network")


@dataclass(frozen=True)
class Wanted:
    """What to measure."""

    episodes: int = 100  # of each test set
    out: Path = Path("runs/risk-from-films.json")


class Read(NamedTuple):
    """What was foreseen of N moments; NaN and -1 where nothing could be read."""

    crash: np.ndarray
    bucket: np.ndarray


def main(wanted: Wanted) -> int:
    """Tables as compare_risk.py's."""
    network, eyes = Risk.from_pretrained(ASSETS / "risk"), Segmenter.from_pretrained(ASSETS / "film")
    validation = RiskTraining(validation_episodes=wanted.episodes).validation
    known = moments_of(validation, network.config.pictures)
    before, first = read(validation, eyes), said_by(network, known)
    alone, both = (fitted(features(before, first, names), known.crash) for names in (FILM, BOTH))
    found = {}
    for name, traffic in held_out_sets(wanted.episodes).items():
        moments, own = moments_of(traffic, network.config.pictures), read(traffic, eyes)
        learnt, seen = said_by(network, moments), own.bucket >= 0
        bucket = np.where(seen, own.bucket, learnt.bucket)
        said = {**floors(moments, known), "bundled CNN": learnt,
                "film, read and driven on": Said(
                    np.where(seen, alone(features(own, learnt, FILM)), learnt.crash), bucket),
                "both": Said(np.where(seen, both(features(own, learnt, BOTH)), learnt.crash), bucket)}
        rows = {who: figures_of(answers, moments) for who, answers in said.items()}
        print(f"**{name.capitalize()}**: {counts_of(moments)}; {1 - seen.mean():.1%} not read\n\n"
              f"{table_of(rows)}\n", flush=True)
        found[name] = {who: {score: figure._asdict() for score, figure in figures.items()}
                       for who, figures in rows.items()}
    write_json(wanted.out, found)
    print(f"wrote {wanted.out}")
    return 0


def read(traffic: RiskTraffic, eyes: Segmenter) -> Read:
    """What each moment's film says, in the order of `moments_of`."""
    crash, bucket = [], []
    for rgb in track(list(films(traffic)), "reading", transient=True):
        try:
            seen = foresee(read_episode(rgb, covers(eyes, rgb)))
        except InputError:
            crash.append(np.nan)
            bucket.append(-1)
            continue
        crash.append(seen.crash)
        bucket.append(int(bucket_of(np.array(seen.ttc_s))))
    return Read(np.array(crash), np.array(bucket))


def films(traffic: RiskTraffic) -> Iterator[np.ndarray]:
    """Strips (FRAMES, H, W, 3) before each moment, in the look that the moment's own pictures have."""
    gap = 8  # as `moments_of` with three frames .4 s apart: no moment is nearer to the start
    for seed, episode, start in driven(traffic):
        look = draw_look(seed, traffic.look, traffic.effects)
        for now, _ in known_moments(episode, max(start, gap)):
            yield np.stack([film_frame(episode.scene(frame), look)[0]
                            for frame in range(now + 1 - FRAMES, now + 1)])


def features(own: Read, learnt: Said, names: Sequence[str]) -> np.ndarray:
    """What a regression sees of N moments, (N, features); 0 where nothing was read."""
    logit = np.log(learnt.crash.clip(1e-6, 1 - 1e-6) / (1 - learnt.crash).clip(1e-6))
    columns = {"film": np.nan_to_num(own.crash), "sure": np.nan_to_num(own.crash) == 0, "network": logit / 5}
    return np.stack([columns[name] for name in names], axis=-1).astype(float)


def fitted(seen: np.ndarray, crash: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """A logistic regression's probabilities; its weights are kept small."""
    def with_one(rows: np.ndarray) -> np.ndarray:
        return np.column_stack((rows, np.ones(len(rows))))

    def surprise(weights: np.ndarray) -> float:
        logit = with_one(seen) @ weights
        return float(-log_expit(np.where(crash, logit, -logit)).sum() + 0.05 * (weights[:-1] ** 2).sum())

    weights = minimize(surprise, np.zeros(seen.shape[1] + 1)).x
    return lambda given: np.asarray(expit(with_one(given) @ weights))


if __name__ == "__main__":
    torch.set_num_threads(1)
    raise SystemExit(main(tyro.cli(Wanted)))
