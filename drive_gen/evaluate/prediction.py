"""How far forecasts are from what cars did: displacement errors at 1 to 5 s, on held-out groups."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from drive_gen.data.store import iterate_episodes
from drive_gen.envs.files import InputError
from drive_gen.evaluate.cases import HELD_OUT
from drive_gen.evaluate.rows import finite
from drive_gen.evaluate.statistics import bootstrap_mean
from drive_gen.policies.pretrained import Pretrained
from drive_gen.predict.config import PredictorConfig
from drive_gen.predict.floors import FLOORS, Forecaster
from drive_gen.predict.predictor import Forecast, Predictor
from drive_gen.predict.windows import Batch, Windows, windows_of

AT_S = (1, 2, 3, 4, 5)
MODES = (1, 6)  # how many of the most probable futures count
MISS_M = 2.0
AT_ONCE = 512
BOOTSTRAP_SEED = 0
Errors = dict[str, np.ndarray]  # figure -> (N,), one a window


class Displacement(NamedTuple):
    """Errors in metres of each window; all (N, F) at the frames of the future."""

    ade: np.ndarray  # of the best of the modes, mean up to the frame
    fde: np.ndarray  # of the best of the modes, at the frame


def displacement(path_m: np.ndarray, logits: np.ndarray, future_m: np.ndarray, modes: int) -> Displacement:
    """minADE_k and minFDE_k with k = `modes`, over paths (N, K, F, 2) of logits (N, K) and futures (N, F, 2).

    The k most probable paths count (all where there are fewer); at each frame the least error of them, so
    that the best path may be another at another horizon, and another for ADE than for FDE. Source: Argoverse
    (Chang et al., 2019, section 5) and nuScenes' prediction task.
    """
    likely = np.argsort(-logits, axis=1, kind="stable")[:, :modes]
    error = np.linalg.norm(path_m - future_m[:, None], axis=-1)  # (N, K, F)
    kept = np.take_along_axis(error, likely[..., None], axis=1)
    running = kept.cumsum(-1) / np.arange(1, kept.shape[-1] + 1)
    return Displacement(running.min(1), kept.min(1))


def window_errors(forecaster: Forecaster, windows: Windows, dt_s: float) -> Errors:
    """ade_K_Ss and fde_K_Ss in metres for K of MODES and S of AT_S, and miss_K.

    A miss is a window in which all K futures end more than 2 m from where the car is after the last of AT_S
    that the future reaches (Argoverse's miss rate).
    """
    frames = {second: round(second / dt_s) - 1 for second in AT_S
              if round(second / dt_s) <= windows.future_frames}
    if not frames:
        raise InputError(f"a future of {windows.future_frames * dt_s:.1f} s is too short: errors are taken "
                         f"from {AT_S[0]} s on")
    found: dict[str, list[np.ndarray]] = {}
    for part in np.array_split(np.arange(len(windows)), -(-len(windows) // AT_ONCE)):
        batch = windows.gather(part)
        forecast = forecaster(batch)
        for modes in MODES:
            errors = displacement(forecast.path_m.numpy(), forecast.logits.numpy(),
                                  batch["future"].numpy(), modes)
            for second, frame in frames.items():
                found.setdefault(f"ade_{modes}_{second}s", []).append(errors.ade[:, frame])
                found.setdefault(f"fde_{modes}_{second}s", []).append(errors.fde[:, frame])
            last = errors.fde[:, max(frames.values())]
            found.setdefault(f"miss_{modes}", []).append((last > MISS_M).astype(np.float64))
    return {name: np.concatenate(parts) for name, parts in found.items()}


def figures_of(errors: Errors, groups: np.ndarray) -> dict[str, Any]:
    """Means over windows, and their 95 % intervals over groups (NaN, as None, where there is one group)."""
    figures: dict[str, Any] = {}
    for name, values in errors.items():
        estimate = bootstrap_mean(values, BOOTSTRAP_SEED, groups)
        figures |= {name: finite(estimate.value), f"{name}_low": finite(estimate.low),
                    f"{name}_high": finite(estimate.high)}
    return figures


def held_out_windows(data: Path, config: PredictorConfig, stride: int, most: int | None,
                     splits: Sequence[str] = HELD_OUT) -> Windows:
    """The windows of a store's held-out splits."""
    episodes = [episode for split in splits for episode in iterate_episodes(data, split)]
    if not episodes:
        raise InputError(f"{data} has no {' or '.join(splits)} episodes; collect more, of more groups, or "
                         "name another split")
    return windows_of(episodes, config, stride, most)


def as_forecaster(model: Predictor) -> Forecaster:
    """A predictor as a function of a batch."""
    @torch.inference_mode()
    def forecast(batch: Batch) -> Forecast:
        return model(batch["observation"], batch["motion"])  # type: ignore[no-any-return]

    return forecast


def floors(dt_s: float) -> dict[str, Forecaster]:
    """The rules, at a frame period."""
    return {name: partial(floor, dt_s=dt_s) for name, floor in FLOORS.items()}


def evaluate_predictors(references: Sequence[str], data: Path, stride: int = 5, most: int | None = 20_000,
                        splits: Sequence[str] = ("test",)) -> dict[str, Any]:
    """Checkpoints or runs, and the floors, on one store's held-out groups; the summary, errors in metres.

    A run's best checkpoint was chosen by the validation split, so that the test split alone is new to it.
    """
    models = {Path(reference).name: Predictor.from_pretrained(reference) for reference in references}
    if not models or len(models) < len(references):
        raise InputError("give one or more predictors, each in a folder of another name")
    config = next(iter(models.values())).config
    if any(timing(model) != timing(next(iter(models.values()))) for model in models.values()):
        raise InputError("the predictors' history_frames, future_frames and dt_s differ; compare such as are "
                         "alike")
    windows = held_out_windows(data, config, stride, most, splits)
    forecasters: dict[str, Forecaster] = {name: as_forecaster(model) for name, model in models.items()}
    forecasters |= floors(config.dt_s)
    rows = [{"name": name, "parameters": parameters_of(models[name]) if name in models else 0,
             **figures_of(window_errors(forecaster, windows, config.dt_s), windows.groups)}
            for name, forecaster in forecasters.items()]
    return {"data": str(data), "splits": list(splits), "windows": len(windows),
            "groups": len(np.unique(windows.groups)), "predictors": rows}


def timing(model: Predictor) -> tuple[int, int, float]:
    """What a predictor's windows are made by."""
    return model.config.history_frames, model.config.future_frames, model.config.dt_s


def parameters_of(model: Pretrained) -> int:
    """Number of weights."""
    return sum(tensor.numel() for tensor in model.parameters())
