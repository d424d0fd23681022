"""Risk networks on unseen seeds, roads and looks, beside a base rate and the exact state's TTC."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
import torch

from drive_gen.envs.files import InputError
from drive_gen.evaluate.classification import (
    auroc,
    average_precision,
    bootstrapped,
    calibration_error,
    macro_f1,
)
from drive_gen.evaluate.statistics import Estimate
from drive_gen.perception.risk import Risk
from drive_gen.perception.risk_config import BUCKETS_S, RiskTraining, held_out_sets
from drive_gen.perception.risk_data import Moments, bucket_of, moments_of

CLASSES = len(BUCKETS_S) + 1
BOOTSTRAP_SEED = 0
AT_ONCE = 256
Scores = tuple[Moments, dict[str, dict[str, Estimate]]]


class Said(NamedTuple):
    """What is said of N moments."""

    crash: np.ndarray  # (N,) probability of a crash within 2 s
    bucket: np.ndarray  # (N,) int, the likeliest time-to-collision bucket


def said_by(model: Risk, moments: Moments) -> Said:
    """A network's answers; it sees the frames alone."""
    device = next(model.parameters()).device
    parts = [model.predict(torch.from_numpy(moments.frames[start : start + AT_ONCE]).to(device))
             for start in range(0, len(moments), AT_ONCE)]
    return Said(np.concatenate([crash.double().cpu().numpy() for crash, _ in parts]),
                np.concatenate([bucket.argmax(-1).cpu().numpy() for _, bucket in parts]))


def floors(moments: Moments, known: Moments) -> dict[str, Said]:
    """Rows without a network; `known` moments, not those scored, give their rates.

    "exact TTC" reads the state that no picture shows exactly: a crash is as likely as in its bucket.
    """
    count = np.bincount(known.bucket, minlength=CLASSES)
    rate = (np.bincount(known.bucket, known.crash, CLASSES) + known.crash.mean()) / (count + 1)
    common = np.full(len(moments), int(count.argmax()))
    return {"base rate": Said(np.full(len(moments), known.crash.mean()), common),
            "exact TTC": Said(rate[moments.bucket], bucket_of(moments.ttc_s))}


def figures_of(said: Said, moments: Moments) -> dict[str, Estimate]:
    """Each score and its interval, episodes being resampled."""
    crash, true, bucket = said.crash, moments.crash, moments.bucket
    scores: dict[str, Callable[[np.ndarray], float]] = {
        "auroc": lambda at: auroc(crash[at], true[at]),
        "average_precision": lambda at: average_precision(crash[at], true[at]),
        "calibration_error": lambda at: calibration_error(crash[at], true[at]),
        "macro_f1": lambda at: macro_f1(said.bucket[at], bucket[at], CLASSES)}
    return {name: bootstrapped(score, moments.seed, BOOTSTRAP_SEED) for name, score in scores.items()}


def evaluate_risks(models: Mapping[str, Risk], episodes: int) -> dict[str, Scores]:
    """Every test set's moments, and its rows: the floors, then the networks, all of one kind of picture.

    The floors' rates are those of as many validation episodes.
    """
    pictures = {model.config.pictures for model in models.values()}
    if len(pictures) != 1:
        raise InputError("give one or more networks that see the same pictures; score the others apart")
    (seen,) = pictures
    known, found = moments_of(RiskTraining(validation_episodes=episodes).validation, seen), {}
    for name, traffic in held_out_sets(episodes).items():
        moments = moments_of(traffic, seen)
        said = floors(moments, known) | {who: said_by(model, moments) for who, model in models.items()}
        found[name] = moments, {who: figures_of(answers, moments) for who, answers in said.items()}
    return found


def counts_of(moments: Moments) -> str:
    """What was scored, in words."""
    return (f"{len(moments)} moments of {len(np.unique(moments.seed))} episodes, "
            f"{100 * moments.crash.mean():.1f} % before a crash; 95 % intervals over episodes")


def table_of(rows: Mapping[str, Mapping[str, Estimate]]) -> str:
    """Rows of figures as Markdown."""
    head = ("", "AUROC", "average precision", "calibration error", "macro-F1 of TTC")
    lines = [head, ("---",) * len(head)]
    lines += [(name, *(f"{found.value:.3f} [{found.low:.3f}, {found.high:.3f}]"
                       for found in figures.values())) for name, figures in rows.items()]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
