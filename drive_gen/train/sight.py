"""Eyes for a driver: its network's observation encoder is replaced by one that reads pictures.

Distillation (Hinton et al., 2015): on recorded episodes the new encoder learns to say what the teacher's said
of the same instant, or a ViT what the teacher saw, so that all of the teacher that is kept, which stays as it
is, acts as it did. The loop is loop.py's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from drive_gen.data.progress import progress_bar
from drive_gen.data.store import iterate_episodes
from drive_gen.data.windows import WindowConfig, Windows, decision_runs
from drive_gen.envs.actions import TARGET_SPEEDS_MPS
from drive_gen.envs.episode import Episode
from drive_gen.envs.files import InputError
from drive_gen.envs.world import EnvConfig
from drive_gen.policies.behavior import BehaviorTransformer
from drive_gen.policies.eyes import FrameEncoder, cells_loss, own_loss
from drive_gen.policies.pretrained import Card
from drive_gen.policies.seeing import cells_at, frames_at
from drive_gen.train.behavior import drive, facts_of
from drive_gen.train.behavior_loss import masked_mean
from drive_gen.train.loop import Batch, step_seed, train
from drive_gen.train.run import Progress, RunFolder, begun_with
from drive_gen.train.sight_config import SightTraining

RESUME = "drive-gen train sight --resume"
WHAT = "sight"  # in a run's config.json; the checkpoint is a behaviour transformer's
HELD_OUT = 64  # windows that a validation is on


def train_sight(data: Sequence[Path], out: Path, config: SightTraining, resume: bool = False) -> Progress:
    """Teach eyes on the stores' train splits; the run's folder is `out`, its checkpoints drive by sight."""
    teacher = BehaviorTransformer.from_pretrained(config.teacher)
    if teacher.config.sight or not teacher.is_meta:
        raise InputError(f"{config.teacher}: the teacher must read observations and give meta-actions")
    facts = facts_of(data)
    config = replace(config, drive=replace(config.drive, steering=teacher.training_steering()))
    settings = {"model": WHAT, "data": [str(path) for path in data], "episodes": facts.identity,
                "training": asdict(config)}
    lines = (f"taught by {Path(config.teacher).name}", *facts.lines)
    run = RunFolder(out, settings, Card(lines, config.loop.seed), RESUME)
    run.start(resume, config.loop.device)
    windows = seen_windows(data, config, teacher, "train")
    held_out = seen_windows(data, config, teacher, "validation") if facts.has_validation else windows
    model = with_eyes(teacher, config)
    scores = partial(_scores, teacher=teacher, held_out=held_out, config=config, env=facts.env)
    return train(model, partial(sight_loss, teacher=teacher, config=config),
                 partial(batch_of, windows, config), config.loop, run, scores)


def resume_sight(out: Path) -> Progress:
    """Go on with a stopped run, with the settings it was begun with."""
    config, settings = begun_with(out, SightTraining, WHAT, "drive-gen train sight")
    return train_sight([Path(path) for path in settings["data"]], out, config, resume=True)


def with_eyes(teacher: BehaviorTransformer, config: SightTraining) -> BehaviorTransformer:
    """The teacher's network with untrained eyes for an encoder; all but the encoder is frozen."""
    shape = replace(teacher.config, sight=config.sight, dropout=0.0)
    model = BehaviorTransformer(shape, config.loop.seed)
    kept = {name: tensor for name, tensor in teacher.state_dict().items() if not name.startswith("encoder.")}
    unknown = model.load_state_dict(kept, strict=False).unexpected_keys
    assert not unknown, unknown
    encoder = model.encoder
    assert isinstance(encoder, FrameEncoder)
    if config.init:
        begin_with(encoder, config.init)
    model.requires_grad_(False)
    encoder.requires_grad_(True)
    if encoder.scene is not None:
        encoder.scene.load_state_dict(teacher.encoder.state_dict())
        encoder.scene.requires_grad_(False)
    return model


def begin_with(encoder: FrameEncoder, init: str) -> None:
    """Give eyes the ViT, or CNN, of others of the same shape, and what they say of cells."""
    begun, sight = BehaviorTransformer.from_pretrained(init).encoder, encoder.sight
    if not isinstance(begun, FrameEncoder) or replace(begun.sight, scene=sight.scene) != sight:
        raise InputError(f"--init {init}: it has no eyes of this shape: {sight}")
    encoder.eyes.load_state_dict(begun.eyes.state_dict())
    if encoder.cells is not None and begun.cells is not None:
        encoder.cells.load_state_dict(begun.cells.state_dict())


@dataclass(frozen=True, eq=False)
class SeenWindows:
    """Windows of decisions, each with the frames of its instant."""

    windows: Windows
    frames: Tensor  # (decisions, F, H, W, 3) uint8, in the windows' own order
    cells: Tensor  # (decisions, rows, columns, FACTS) float16, of the last frame

    def gather(self, items: np.ndarray) -> Batch:
        """The windows numbered, with frames (B, K, F, H, W, 3) and cells (B, K, rows, columns, FACTS)."""
        batch = self.windows.gather(items)
        rows = self.windows.starts[items][:, None] + np.arange(self.windows.config.steps)
        last = self.windows.stops[items][:, None] - 1
        places = torch.from_numpy(np.minimum(rows, last))
        return {**batch, "frames": self.frames[places], "cells": self.cells[places]}


def seen_windows(data: Sequence[Path], config: SightTraining, teacher: BehaviorTransformer,
                 split: str) -> SeenWindows:
    """Windows of the stores' egos, and the frames that their cameras saw, drawn once."""
    shape = teacher.config
    wanted = WindowConfig(steps=config.window_steps, decision_s=shape.decision_s, agents="ego", min_steps=1,
                          target_speeds_mps=shape.target_speeds_mps or TARGET_SPEEDS_MPS)
    windows = Windows.read(list(data), wanted, split)
    frames = np.empty((len(windows.arrays["action"]), *config.sight.shape), np.uint8)
    places = list(_instants(data, split, shape.decision_s))
    assert len(places) == len(frames)
    cells = []
    with progress_bar() as bar:
        for number, (episode, frame) in enumerate(bar.track(places, description=f"drawing {split} frames")):
            frames[number] = frames_at(episode, frame, config.sight)
            cells.append(cells_at(episode, frame, config.sight))
    return SeenWindows(windows, torch.from_numpy(frames), torch.from_numpy(np.stack(cells)))


def _instants(data: Sequence[Path], split: str, decision_s: float) -> Iterator[tuple[Episode, int]]:
    """Episodes and frames of all the egos' decisions, in the order of Windows."""
    for path in data:
        for episode in iterate_episodes(path, split):
            if episode.ego is not None:
                for run in decision_runs(episode, episode.ego, decision_s):
                    yield from ((episode, int(frame)) for frame in run)


def batch_of(windows: SeenWindows, config: SightTraining, step: int) -> Batch:
    """The batch of any step: the same seed and step give the same batch."""
    draws = np.random.default_rng(step_seed(config.loop.seed, step, "batch"))
    return windows.gather(draws.integers(len(windows.windows), size=config.loop.batch_size))


def sight_loss(model: BehaviorTransformer, batch: Batch, teacher: BehaviorTransformer,
               config: SightTraining) -> dict[str, Tensor]:
    """What eyes are taught: the teacher's tokens and odds; or the scene itself, where the scene is asked.

    In the latter case tokens and odds are measured in validation alone: what would come back through the
    teacher's encoder, whose attention is sharp, are gradients of no use.
    """
    encoder, valid = model.encoder, batch["valid"]
    assert isinstance(encoder, FrameEncoder)
    seen = encoder.look(batch["frames"])
    measured = seen.own is None or not torch.is_grad_enabled()
    losses = distances(model, seen.token, batch, teacher) if measured else {}
    if seen.own is None:
        loss = losses["action"] + config.token_weight * losses["token"]
    else:
        losses["own"] = own_loss(seen.own[valid], batch["observation"][..., 0, :][valid])
        loss = config.own_weight * losses["own"]
    if seen.cells is not None:
        losses["cells"] = cells_loss(seen.cells[valid], batch["cells"][valid].float())
        loss = loss + config.cells_weight * losses["cells"]
    return {"loss": loss, **losses}


def distances(model: BehaviorTransformer, token: Tensor, batch: Batch,
              teacher: BehaviorTransformer) -> dict[str, Tensor]:
    """How far the actions' odds are from the teacher's (KL, nats), and the tokens from its (in variances).

    No return is shown to either, as to a driver in mode "bc". `agreement` is the share of equal best actions.
    """
    valid, hidden = batch["valid"], torch.zeros_like(batch["valid"])
    rest = batch["return_"], batch["action"], hidden, valid
    with torch.no_grad():
        wanted = teacher.encoder(batch["observation"])
        goal = teacher.decide(wanted, *rest).action_logits.float()
    said = model.decide(token, *rest).action_logits.float()
    apart = F.kl_div(said.log_softmax(-1), goal.log_softmax(-1), reduction="none", log_target=True).sum(-1)
    spread = wanted[valid].var(0).mean().clamp(min=1e-6)
    return {"action": masked_mean(apart, valid),
            "token": masked_mean((token - wanted).square().mean(-1), valid) / spread,
            "agreement": masked_mean((said.argmax(-1) == goal.argmax(-1)).float(), valid)}


@torch.no_grad()
def _scores(model: BehaviorTransformer, teacher: BehaviorTransformer, held_out: SeenWindows,
            config: SightTraining, env: EnvConfig | None) -> dict[str, float]:
    """Losses on held-out windows and, where the data's environment can be driven in, the return there."""
    draws = np.random.default_rng(step_seed(config.loop.seed, 0, "validation"))
    chosen = draws.permutation(len(held_out.windows))[:HELD_OUT]
    parts = [sight_loss(model, held_out.gather(part), teacher, config)
             for part in np.array_split(chosen, -(-len(chosen) // config.loop.batch_size))]
    found = {f"validation_{name}": float(np.mean([float(part[name]) for part in parts])) for name in parts[0]}
    if env is None or config.drive.episodes == 0:
        return {"score": -found["validation_loss"], **found}
    driven = drive(model, env, config.drive)
    return {"score": driven["return"], **driven, **found}
