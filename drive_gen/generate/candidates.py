"""Candidates for augmentation: scenes sampled from real windows, driven in the simulator, and checked.

Attempt k depends on the seed, the settings, the model, the data and k alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from drive_gen import __version__
from drive_gen.data.store import iterate_episodes, key_of
from drive_gen.envs.episode import Episode, Source, make_episode
from drive_gen.envs.files import InputError, hash_of
from drive_gen.envs.simulator.redrive import redrive
from drive_gen.generate.config import AugmentConfig, DiffusionConfig, Limits
from drive_gen.generate.denoiser import Denoiser
from drive_gen.generate.refit import refit
from drive_gen.generate.sampler import Sampling, condition_of, noise_for, normalised, sample
from drive_gen.generate.scenes import RoadFrame, Scenes, resample, road_frame, scenes_of, to_motion
from drive_gen.generate.schedule import cosine_signal
from drive_gen.generate.verify import Verdict, off_road_m, touches, verify

PARENTS = 2000  # windows to begin from, at most
USUAL = Limits()


class Candidate(NamedTuple):
    """One attempt, driven and checked."""

    attempt: int
    episode: Episode
    verdict: Verdict


@dataclass(frozen=True, eq=False)
class Parents:
    """Real windows to generate from."""

    episodes: list[Episode]  # at the model's frame period
    scenes: Scenes
    unfit: int = 0  # windows left out

    @cached_property
    def identity(self) -> str:
        """A hash of what the windows were cut from."""
        return hash_of([key_of(episode.source) for episode in self.episodes])

    def frame_of(self, episode: int) -> RoadFrame:
        """The road frame of one of the episodes."""
        return road_frame(self.episodes[episode].road, "episode")

    def window(self, place: int) -> Episode:
        """One of the windows, as the real episode of the agents that its scene has."""
        origin, scenes = self.scenes.origins[place], self.scenes
        cut = self.episodes[origin.episode].only(np.array(origin.agents))
        cut = cut.window(origin.start, origin.start + scenes.valid.shape[-1])
        motion = {name: getattr(cut, name) for name in ("position_m", "heading_rad", "speed_mps", "size_m")}
        return make_episode(**motion, valid=scenes.valid[place, : cut.agents], agent_id=cut.agent_id,
                            kind=cut.kind, dt_s=cut.dt_s, road=cut.road, source=cut.source, ego=0)


@dataclass(frozen=True, eq=False)
class Generation:
    """Everything that a run's candidates depend on."""

    parents: Parents
    model: Denoiser
    config: AugmentConfig
    seed: int

    @cached_property
    def model_hash(self) -> str:
        """A hash of the model's weights."""
        digest = hashlib.sha256()
        for name, tensor in sorted(self.model.state_dict().items()):
            digest.update(name.encode() + tensor.detach().cpu().contiguous().numpy().tobytes())
        return digest.hexdigest()[:16]

    @cached_property
    def hash(self) -> str:
        """What tells this run's episodes from others'."""
        return hash_of({"config": asdict(self.config), "seed": self.seed, "model": self.model_hash,
                        "shape": asdict(self.model.config), "parents": self.parents.identity})


class Driven(NamedTuple):
    """What the simulator made of one scene's sampled states, for its n agents."""

    states: np.ndarray  # (n, T, 4): x, y [m], heading [rad], speed [m/s], in the world frame
    control: np.ndarray  # (n, T, 2)
    valid: np.ndarray  # (n, T)
    residual_m: float  # the largest distance between a sampled and a driven position


def parents_of(data: Sequence[Path], config: DiffusionConfig, limits: Limits | None = USUAL) -> Parents:
    """The windows of the real episodes in the stores' train splits that generation may begin from.

    Windows are left out in which the recorded cars themselves touch, or leave the road by more than the
    limits allow: tracks are not always exact, and such a beginning cannot end well. None keeps all.
    """
    parents = windows_of(data, config, "train")
    if limits is None:
        return parents
    windows = map(parents.window, range(len(parents.scenes)))
    fit = [not touches(window) and off_road_m(window) <= limits.off_road_m for window in windows]
    if not any(fit):
        raise InputError(f"in all {len(fit)} windows of {', '.join(map(str, data))} recorded cars touch or "
                         "leave the road; raise off_road_m in the limits of --config, or check the import")
    return replace(parents, scenes=parents.scenes.take(np.flatnonzero(fit)), unfit=len(fit) - sum(fit))


def windows_of(data: Sequence[Path], config: DiffusionConfig, split: str) -> Parents:
    """The windows of the real episodes in one split of the stores."""
    real = [episode for episode in iterate_episodes(list(data), split)
            if episode.source.kind != "generated"]
    if not real:
        raise InputError(f"no real {split} episodes in {', '.join(map(str, data))}; "
                         "`drive-gen collect` or `drive-gen import` writes some")
    scenes = scenes_of(real, config, most=PARENTS)
    return Parents([resample(episode, config.dt_s) for episode in real], scenes)


def candidates(run: Generation, first: int = 0) -> Iterator[Candidate]:
    """Attempts without end, from number `first` on; batches are the same wherever it begins."""
    size = run.config.batch
    start = first // size * size
    while True:
        attempts = list(range(start, start + size))
        scenes = run.parents.scenes.take(parents_at(attempts, len(run.parents.scenes), run.seed))
        asked = asked_of(scenes.returns, run)
        states = sample_states(run, scenes, torch.from_numpy(asked),
                               noise_for(run.seed, attempts, scenes.state.shape[1:]))
        driven = drive(run, scenes, states)
        for place, attempt in enumerate(attempts):
            if attempt >= first:
                episode = _episode(run, scenes, place, driven[place], asked[place], attempt)
                yield Candidate(attempt, episode, verify(episode, run.config.limits))
        start += size


def asked_of(returns: np.ndarray, run: Generation) -> np.ndarray:
    """What is asked for where the parents got `returns` (S, 3): more, as far as the data know of it; float32.

    GTA (Lee et al., 2024) asks for a multiple; a return that no data ever had would leave the model guessing.
    """
    most = np.maximum(returns, run.model.config.return_high)
    return np.asarray(np.minimum(returns * np.array(run.config.return_factor), most), np.float32)


def parents_at(attempts: Sequence[int], count: int, seed: int) -> np.ndarray:
    """The window that each attempt begins from: all of them in a random order, then all again in another."""
    orders = {epoch: np.random.default_rng([seed, epoch]).permutation(count)
              for epoch in {attempt // count for attempt in attempts}}
    return np.array([orders[attempt // count][attempt % count] for attempt in attempts])


@torch.no_grad()
def sample_states(run: Generation, scenes: Scenes, asked: Tensor, noise: Tensor) -> np.ndarray:
    """Sampled states (S, N, T, 4), SI, of scenes continued or varied under the returns asked (S, 3)."""
    config = run.model.config
    condition = condition_of(scenes, config, asked)
    varies = run.config.mode == "vary"
    sampling = Sampling(run.config.sampler_steps, run.config.guidance, run.config.strength if varies else 1.0)
    begin = normalised(torch.from_numpy(scenes.state), config) if varies else None
    states = sample(run.model, condition, cosine_signal(config.diffusion_steps), sampling, noise, begin)
    return (states * states.new_tensor(config.scales)).numpy()


def drive(run: Generation, scenes: Scenes, states: np.ndarray) -> list[Driven]:
    """Each scene's sampled states as the simulator drives them, from their first frames on."""
    dt_s, limits = run.model.config.dt_s, run.config.limits
    motion = to_motion(states, scenes.start, scenes.valid, dt_s)
    control = _controls(motion, scenes.start[..., 3], scenes.valid, dt_s, limits)
    return [_driven(run, scenes, place, motion[place], control[place]) for place in range(len(scenes))]


def _controls(motion: np.ndarray, length_m: np.ndarray, valid: np.ndarray, dt_s: float,
              limits: Limits) -> np.ndarray:
    """Controls (S, N, T, 2) of all agents; those that come and go at the same frames are fitted together."""
    control = np.zeros((*valid.shape, 2), np.float32)
    start, stay = valid.argmax(-1), valid.sum(-1)
    for begin, frames in sorted(set(zip(start.ravel().tolist(), stay.ravel().tolist(), strict=True))):
        if frames:
            who = (start == begin) & (stay == frames)
            control[who, begin : begin + frames - 1] = refit(motion[who, begin : begin + frames],
                                                             length_m[who], dt_s, limits)
    return control


def _driven(run: Generation, scenes: Scenes, place: int, motion: np.ndarray, control: np.ndarray) -> Driven:
    """Roll one scene's controls out in the world frame, from the real first states as stored."""
    origin = scenes.origins[place]
    parent = run.parents.episodes[origin.episode].only(np.array(origin.agents))
    parent = parent.window(origin.start, origin.start + scenes.valid.shape[-1])
    valid, control = scenes.valid[place, : parent.agents], control[: parent.agents]
    states = redrive(parent, control, valid).states
    apart = run.parents.frame_of(origin.episode).to_road(states[..., :2]) - [origin.x_m, 0]
    residual = np.hypot(*(apart - motion[: parent.agents, :, :2])[valid].T).max()
    return Driven(states, control, valid, float(residual))


def _episode(run: Generation, scenes: Scenes, place: int, driven: Driven, asked: np.ndarray,
             attempt: int) -> Episode:
    origin = scenes.origins[place]
    parent = run.parents.episodes[origin.episode].only(np.array(origin.agents))
    config = run.config
    known = np.zeros_like(driven.valid)
    known[:, :-1] = driven.valid[:, :-1] & driven.valid[:, 1:]
    notes = {"parent": key_of(parent.source), "parent_start_s": round(origin.start * parent.dt_s, 6),
             "parent_ego": int(parent.agent_id[0]), "model": run.model_hash, "seed": run.seed,
             "mode": config.mode, "strength": config.strength if config.mode == "vary" else 1.0,
             "guidance": config.guidance, "sampler_steps": config.sampler_steps, "attempt": attempt,
             "residual_m": driven.residual_m, "asked": [round(float(value), 6) for value in asked]}
    source = Source("generated", "diffusion", parent.source.group, seed=attempt, driver=parent.source.driver,
                    config_hash=run.hash, licence=parent.source.licence, versions={"drive_gen": __version__},
                    notes=notes)
    return make_episode(driven.states[..., :2], driven.states[..., 2], driven.states[..., 3], parent.size_m,
                        driven.valid, control=driven.control * known[..., None], control_known=known,
                        kind=parent.kind, agent_id=parent.agent_id, dt_s=parent.dt_s, road=parent.road,
                        source=source, ego=0)
