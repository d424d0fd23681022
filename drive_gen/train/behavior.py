"""Training the behaviour transformer: its data, and its evaluation on the road and on held-out windows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from drive_gen.data.store import iterate_episodes, read_index
from drive_gen.data.windows import WindowConfig, Windows
from drive_gen.envs.actions import TARGET_SPEEDS_MPS
from drive_gen.envs.config import from_mapping
from drive_gen.envs.episode import META_ACTIONS
from drive_gen.envs.files import InputError, hash_of, read_json
from drive_gen.envs.world import EnvConfig
from drive_gen.policies.behavior import BehaviorTransformer
from drive_gen.policies.pretrained import Card
from drive_gen.policies.tokens import KMeansBins
from drive_gen.train.behavior_loss import Batch, behavior_loss
from drive_gen.train.config import DriveConfig, TrainBehaviorConfig
from drive_gen.train.loop import step_seed, train
from drive_gen.train.run import SETTINGS, Progress, RunFolder

RESUME = "drive-gen train behavior --resume"


CONTROL_DECISION_S = 0.2  # of controls learnt from logs: steering held for longer leaves the lane


@dataclass(frozen=True)
class Facts:
    """What the stores say that the network depends on."""

    meta_known: bool  # whether any recorded driver took meta-actions
    env: EnvConfig | None  # that simulated episodes come from: the first store's
    has_validation: bool
    lines: tuple[str, ...]  # for the card: what each store holds
    identity: str  # hash of the episodes


def train_behavior(data: Sequence[Path], out: Path, config: TrainBehaviorConfig,
                   resume: bool = False) -> Progress:
    """Train on the stores' train splits; the run's folder is `out`, its best checkpoint the result.

    The best is that of the highest mean return on the road, or of the least validation loss where nothing
    can be driven. Without a validation split (few groups), windows of the train split stand in for it.
    """
    facts = facts_of(data)
    config = fitted(config, facts)
    begun = None if config.init is None or resume else begin_with(config.init, config)
    config = replace(config, model=begun.config) if begun else config
    run = RunFolder(out, settings_of(data, config, facts), Card(facts.lines, config.loop.seed), RESUME)
    run.start(resume, config.loop.device)
    windows = Windows.read(data, window_config(config))
    held_out = Windows.read(data, window_config(config), "validation") if facts.has_validation else windows
    model = begun or make_model(config, windows)
    return train(model, partial(behavior_loss, config=config.loss), partial(batch_of, windows, config),
                 config.loop, run, Evaluation(config, held_out, facts.env))


def resume_behavior(out: Path) -> Progress:
    """Go on with a stopped run, with the settings it was begun with."""
    settings = read_json(out / SETTINGS, "a run's config (`drive-gen train behavior` writes one)")
    where = str(out / SETTINGS)
    if not isinstance(settings, dict) or "training" not in settings:
        raise InputError(f"{where} is not a behaviour run's config; give the folder of such a run")
    data = [Path(path) for path in settings["data"]]
    if facts_of(data).identity != settings["episodes"]:
        raise InputError(f"{', '.join(settings['data'])}: the episodes are not those that {where} began "
                         "with; start a new run with another --out")
    config = from_mapping(TrainBehaviorConfig, settings["training"], where)
    return train_behavior(data, out, config, resume=True)


def settings_of(data: Sequence[Path], config: TrainBehaviorConfig, facts: Facts) -> dict[str, Any]:
    """What the run's config.json holds."""
    return {"model": BehaviorTransformer.model_type, "data": [str(path) for path in data],
            "episodes": facts.identity, "training": asdict(config)}


def facts_of(data: Sequence[Path]) -> Facts:
    """Read the stores' indices, and train episodes until one has meta-actions."""
    if not data:
        raise InputError("no data given; name one or more episode stores with --data")
    indices = {path: read_index(path) for path in data}
    lines = []
    for path, rows in indices.items():
        kinds = " and ".join(sorted({f"{row.kind} {row.name}" for row in rows})[:4]) or "nothing"
        licences = ", ".join(sorted({row.licence for row in rows if row.licence})) or "no licence recorded"
        lines.append(f"{path.name}: {len(rows)} episodes of {kinds} ({licences})")
    # Not the first episodes alone: highway-env's own IDM, often collected first, takes no meta-actions.
    meta_known = any(bool(episode.meta_known.any()) for episode in iterate_episodes(list(data), "train"))
    return Facts(meta_known=meta_known,
                 env=env_of(data),
                 has_validation=any(row.split == "validation" for rows in indices.values() for row in rows),
                 lines=tuple(lines),
                 identity=hash_of([[row.sha256, row.split] for rows in indices.values() for row in rows]))


def env_of(data: Sequence[Path]) -> EnvConfig | None:
    """The environment of the first store with simulated episodes; None where all are logs."""
    firsts = [next(iterate_episodes(path, "train"), None) for path in data]
    notes = [episode.source.notes["config"] for episode in firsts if episode is not None
             and episode.source.kind == "simulated" and "config" in episode.source.notes]
    return from_mapping(EnvConfig, notes[0], "an episode's config") if notes else None


def fitted(config: TrainBehaviorConfig, facts: Facts) -> TrainBehaviorConfig:
    """The config with what the data decide: the kind of actions, the decisions' period, the target speeds."""
    actions = config.actions
    if actions == "auto":
        actions = "meta" if facts.meta_known else "continuous"
    bins = len(META_ACTIONS) if actions == "meta" else config.control_bins
    model = replace(config.model, actions=actions, action_bins=bins)
    if actions == "continuous" and facts.env is None:  # a control is held until the next decision
        model = replace(model, decision_s=min(model.decision_s, CONTROL_DECISION_S))
    if facts.env is not None:
        from drive_gen.envs.reference import resolved  # highway-env is loaded only where it was driven in

        world = resolved(facts.env)
        speeds = world["action"].get("target_speeds", TARGET_SPEEDS_MPS)
        model = replace(model, decision_s=1 / world["policy_frequency"],
                        target_speeds_mps=tuple(float(speed) for speed in speeds))
    return replace(config, actions=actions, model=model)


def begin_with(init: str, config: TrainBehaviorConfig) -> BehaviorTransformer:
    """The network of a checkpoint, if it acts as the data's drivers do."""
    model = BehaviorTransformer.from_pretrained(init)
    for name in ("actions", "decision_s", "target_speeds_mps"):
        held, wanted = getattr(model.config, name), getattr(config.model, name)
        if held != wanted:
            raise InputError(f"--init {init}: its {name} is {held}, and the data's is {wanted}; train from "
                             "the beginning, without --init")
    return model


def window_config(config: TrainBehaviorConfig) -> WindowConfig:
    """The windows that a network of this config learns from."""
    model = config.model
    return WindowConfig(steps=config.window_steps, decision_s=model.decision_s, actions=model.actions,
                        target_speeds_mps=model.target_speeds_mps or TARGET_SPEEDS_MPS,
                        min_steps=min(4, config.window_steps))


def make_model(config: TrainBehaviorConfig, windows: Windows) -> BehaviorTransformer:
    """An untrained network; its bins of controls, where it has some, are the data's."""
    model = BehaviorTransformer(config.model, seed=config.loop.seed)
    if not model.is_meta:
        known = windows.arrays["label_known"]
        bins = KMeansBins.fit(windows.arrays["label"][known].numpy(), config.control_bins, config.loop.seed)
        model.centers.copy_(bins.centers)
    return model


def batch_of(windows: Windows, config: TrainBehaviorConfig, step: int) -> Batch:
    """The batch of any step: the same seed and step give the same batch."""
    return windows.batch(config.loop.batch_size,
                         np.random.default_rng(step_seed(config.loop.seed, step, "batch")))


class Evaluation:
    """Scores a network: on held-out windows, and on the road where the data's environment can be driven."""

    def __init__(self, config: TrainBehaviorConfig, held_out: Windows, env: EnvConfig | None) -> None:
        self.drive = config.drive
        drivable = env is not None and env.actions == config.model.actions and config.drive.episodes > 0
        self.env = env if drivable else None
        generator = np.random.default_rng(step_seed(config.loop.seed, 0, "validation"))
        count = min(config.validation_windows, len(held_out))
        chosen = generator.permutation(len(held_out))[:count]
        self.batches = [held_out.gather(part) for part in
                        np.array_split(chosen, -(-count // config.loop.batch_size))]
        self.loss = partial(behavior_loss, config=config.loss)

    def __call__(self, model: BehaviorTransformer) -> dict[str, float]:
        """Metrics by name; "score" is the mean return on the road, or minus the validation loss."""
        losses = validation_losses(model, self.batches, self.loss)
        if self.env is None:
            return {"score": -losses["loss"], **prefixed("validation_", losses)}
        driven = drive(model, self.env, self.drive)
        return {"score": driven["return"], **driven, **prefixed("validation_", losses)}


@torch.no_grad()
def validation_losses(model: BehaviorTransformer, batches: Sequence[Batch],
                      loss_of: Callable[[BehaviorTransformer, Batch], Mapping[str, torch.Tensor]],
                      ) -> dict[str, float]:
    """Mean losses over batches, nothing hidden."""
    device = next(model.parameters()).device
    found = [loss_of(model, {name: tensor.to(device) for name, tensor in batch.items()}) for batch in batches]
    return {name: float(np.mean([losses[name].item() for losses in found])) for name in found[0]}


def drive(model: BehaviorTransformer, env: EnvConfig, config: DriveConfig) -> dict[str, float]:
    """Closed-loop episodes: mean return, share without crash or leaving the road, mean speed."""
    from drive_gen.data.rollout import BATCH, batched
    from drive_gen.data.rollout import drive as drive_seeds
    from drive_gen.drivers import Driver
    from drive_gen.envs.vector import DriveEnv
    from drive_gen.policies.seeing import policy_of

    policy = policy_of(model, config.steering)
    driver = Driver("behavior", policy, "", actions=model.config.actions)
    at_once = min(config.episodes, BATCH)
    worlds = (driver.simulator_for(env, at_once) if config.engine == "simulator"
              else DriveEnv(driver.config_for(env), record=True))
    outcomes = [outcome for part in batched(range(config.seed, config.seed + config.episodes), at_once)
                for _, outcome in drive_seeds(worlds, policy, part, "behavior")]
    return {"return": float(np.mean([outcome.return_ for outcome in outcomes])),
            "success": float(np.mean([outcome.success for outcome in outcomes])),
            "mean_speed_mps": float(np.mean([outcome.mean_speed_mps for outcome in outcomes]))}


def prefixed(prefix: str, values: Mapping[str, float]) -> dict[str, float]:
    """The same values under longer names."""
    return {prefix + name: value for name, value in values.items()}
