"""Training the trajectory diffusion: its data, loss and validation; the loop is loop.py's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from drive_gen.data.store import Row, iterate_episodes, read_index
from drive_gen.envs.episode import Episode
from drive_gen.envs.files import InputError, hash_of
from drive_gen.generate.config import DiffusionConfig, DiffusionTraining
from drive_gen.generate.denoiser import Condition, Denoiser
from drive_gen.generate.sampler import normalised
from drive_gen.generate.scenes import Scenes, resample, scenes_of, window_starts
from drive_gen.generate.schedule import add_noise, cosine_signal, velocity_weight
from drive_gen.policies.pretrained import Card
from drive_gen.train.loop import Batch, step_seed, train
from drive_gen.train.run import SETTINGS, Progress, RunFolder, begun_with

RESUME = "drive-gen train diffusion --resume"
HELD_OUT_SHARE = 0.1  # of the groups, where the stores have no validation split
# Data that hardly vary must not blow up what is left: the least scales of FEATURES, and of returns.
SCALE_FLOORS, RETURN_FLOOR = (1.0, 0.2, 0.5, 0.1), 0.01
HIGH = 0.95  # quantile of the data's returns above which nothing is asked


def train_diffusion(data: Sequence[Path], out: Path, config: DiffusionTraining,
                    resume: bool = False) -> Progress:
    """Train on the real episodes of the stores' train splits; the run's folder is `out`.

    Where few episodes are as long as the config's window, a shorter one is taken (`fit_frames`), and the
    scales are the data's (`scaled`); both are in the checkpoint's config.
    """
    if not data:
        raise InputError("no data given; name one or more episode stores with --data")
    rows = [row for folder in data for row in read_index(folder) if row.kind != "generated"]
    learn, held_out = split_real(data)
    model = fit_frames(learn, config.model)
    scenes = scenes_of(learn, model, config.stride, config.windows, config.loop.seed)
    model = scaled(model, scenes)
    config = replace(config, model=model)
    settings = {"model": Denoiser.model_type, "data": [str(path) for path in data],
                "episodes": identity_of(rows), "training": asdict(config)}
    lines = {f"{row.kind} {row.name} ({row.licence or 'no licence recorded'})" for row in rows}
    card = Card(tuple(sorted(lines)), config.loop.seed)
    run = RunFolder(out, settings, card, RESUME)
    run.start(resume, config.loop.device)
    return train(Denoiser(model, config.loop.seed), loss_of, batches_of(scenes, config), config.loop, run,
                 validation_of(held_out, config))


def resume_diffusion(out: Path) -> Progress:
    """Go on with a stopped run, with the settings it was begun with."""
    config, settings = begun_with(out, DiffusionTraining, Denoiser.model_type, "drive-gen train diffusion")
    data = [Path(path) for path in settings["data"]]
    rows = [row for folder in data for row in read_index(folder) if row.kind != "generated"]
    if identity_of(rows) != settings["episodes"]:
        raise InputError(f"{', '.join(settings['data'])}: the episodes are not those that {out / SETTINGS} "
                         "began with; start a new run with another --out")
    return train_diffusion(data, out, config, resume=True)


def split_real(data: Sequence[Path]) -> tuple[list[Episode], list[Episode]]:
    """Real episodes to learn from and held-out ones, by the stores' splits.

    Where no validation split has any, a tenth of the train split's groups is held out.
    """
    learn = [episode for episode in iterate_episodes(list(data), "train")
             if episode.source.kind != "generated"]
    held_out = list(iterate_episodes(list(data), "validation"))
    groups = sorted({episode.source.group for episode in learn}, key=hash_of)
    if not learn:
        raise InputError(f"no real episodes to train on in {', '.join(map(str, data))}; "
                         "`drive-gen collect` or `drive-gen import` writes some")
    if not held_out and len(groups) > 1:
        out = set(groups[: max(round(HELD_OUT_SHARE * len(groups)), 1)])
        held_out = [episode for episode in learn if episode.source.group in out]
        learn = [episode for episode in learn if episode.source.group not in out]
    return learn, held_out or learn


def fit_frames(episodes: Sequence[Episode], config: DiffusionConfig) -> DiffusionConfig:
    """The config with the longest window, up to its own, that at least half of the episodes have."""
    fine = [resample(episode, config.dt_s) for episode in episodes]
    for frames in range(config.frames, 2 * config.patch_frames, -config.patch_frames):
        shorter = replace(config, frames=frames)
        if sum(bool(window_starts(episode, shorter, 1)) for episode in fine) >= len(fine) / 2:
            return shorter
    least_s = 3 * config.patch_frames * config.dt_s
    raise InputError(f"most of the {len(fine)} episodes have less than {least_s:.0f} s of one agent without "
                     "a crash; collect longer ones")


def scaled(config: DiffusionConfig, scenes: Scenes) -> DiffusionConfig:
    """The config with the scales of these scenes' features, and the spread of their returns."""
    new = scenes.state[scenes.valid & ~scenes.known(config.history_frames)].astype(np.float64)
    along, aside, faster, across = _rounded(np.maximum(np.sqrt((new**2).mean(0)), SCALE_FLOORS))
    returns = scenes.returns.astype(np.float64)
    spread = (returns.mean(0), np.maximum(returns.std(0), RETURN_FLOOR), np.quantile(returns, HIGH, axis=0))
    mean, scale, high = ((progress, safety, comfort) for progress, safety, comfort in map(_rounded, spread))
    return replace(config, scales=(along, aside, faster, across), return_mean=mean, return_scale=scale,
                   return_high=high)


def _rounded(values: np.ndarray) -> list[float]:
    return [round(float(value), 4) for value in values]


def batches_of(scenes: Scenes, config: DiffusionTraining) -> Callable[[int], Batch]:
    """The batch of any step, noise included: the same seed and step give the same batch."""
    model, size = config.model, config.loop.batch_size
    clean = normalised(torch.from_numpy(scenes.state), model)
    fixed = {"agent": scenes.agent, "valid": scenes.valid, "road": scenes.road, "returns": scenes.returns,
             "history": scenes.known(model.history_frames)}
    tensors = {name: torch.from_numpy(array) for name, array in fixed.items()}
    signal = cosine_signal(model.diffusion_steps)

    def batch_of(step: int) -> Batch:
        generator = torch.Generator().manual_seed(step_seed(config.loop.seed, step, "batch"))
        pick = torch.randint(len(scenes), (size,), generator=generator)
        batch = {name: tensor[pick] for name, tensor in tensors.items()} | {"clean": clean[pick]}
        # One level from each equal share of the range: less noise in the loss than independent ones.
        share = (torch.arange(size) + torch.rand(size, generator=generator)) / size
        time = (share * len(signal)).long()
        whole = torch.rand(batch["valid"].shape[:2], generator=generator) < 0.5
        whole &= torch.rand((size, 1), generator=generator) < config.whole_agents
        return batch | {"known": batch.pop("history") | (whole[..., None] & batch["valid"]),
                        "signal": signal[time],
                        "asked": torch.rand(size, generator=generator) >= config.drop_return,
                        "noise": torch.randn(batch["clean"].shape, generator=generator)}

    return batch_of


def loss_of(model: Denoiser, batch: Batch) -> dict[str, Tensor]:
    """Mean squared error over the frames that are neither known nor absent, weighed as of the velocity."""
    known, clean, noise, signal = (batch[name] for name in ("known", "clean", "noise", "signal"))
    condition = Condition(agent=batch["agent"], valid=batch["valid"], road=batch["road"], known=known,
                          given=clean, returns=batch["returns"], asked=batch["asked"])
    error = model(add_noise(clean, noise, signal), signal, condition) - clean
    weight = (batch["valid"] & ~known) * velocity_weight(signal)[:, None, None]
    counts = (batch["valid"] & ~known).sum() * clean.shape[-1]
    return {"loss": (error.square() * weight[..., None]).sum() / counts.clamp(min=1)}


def validation_of(episodes: Sequence[Episode],
                  config: DiffusionTraining) -> Callable[[Denoiser], dict[str, float]]:
    """The loss on fixed batches of held-out windows; the score is its negative."""
    scenes = scenes_of(episodes, config.model, config.stride, config.validation_windows, config.loop.seed)
    batch_of = batches_of(scenes, replace(config, drop_return=0.0, whole_agents=0.0))
    batches = [batch_of(number) for number in range(max(len(scenes) // config.loop.batch_size, 1))]

    @torch.no_grad()
    def evaluate(network: Denoiser) -> dict[str, float]:
        device = next(network.parameters()).device
        moved = ({name: tensor.to(device) for name, tensor in batch.items()} for batch in batches)
        loss = float(np.mean([float(loss_of(network, batch)["loss"]) for batch in moved]))
        return {"score": -loss, "validation_loss": loss}

    return evaluate


def identity_of(rows: Sequence[Row]) -> str:
    """A hash of the episodes, so that a run goes on with the same data only."""
    return hash_of([[row.sha256, row.split] for row in rows])
