"""`drive-gen train ppo`: a small stable-baselines3 PPO driver."""

from __future__ import annotations

from pathlib import Path
from typing import Literal


def train_ppo(*, out: Path, env: str | None = None, config: Path | None = None, steps: int = 20_000,
              seed: int = 0, workers: int = 0, engine: Literal["simulator", "reference"] = "simulator",
              resume: bool = False) -> int:
    """Train a PPO driver by meta-actions, as highway-env's own example does, on drive_gen's observation.

    Args:
        out: Run folder to write: checkpoints/last, metrics.jsonl, tb/ and the training state.
        env: Environment id of highway-env (highway-fast-v0 where neither this nor --config is given).
        config: YAML file of an environment's settings (lanes, vehicles, density, duration_s, ...).
        steps: Decisions to learn from, over all processes.
        seed: Seed of the weights, the worlds and the exploration.
        workers: Worlds that run at once, a process each; 0 means one a core.
        engine: The simulator, equal to highway-env and much faster; or highway-env itself.
        resume: Go on with the run in --out, whose settings must be the same.
    """
    import os
    import sys

    from drive_gen.commands.collect import read_config
    from drive_gen.train.ppo import PpoTraining
    from drive_gen.train.ppo import train_ppo as train

    worlds = workers or len(os.sched_getaffinity(0))
    try:
        training = PpoTraining(steps=steps, seed=seed, engine=engine)
        checkpoint = train(read_config(env, config), out, training, worlds, resume)
    except KeyboardInterrupt:
        print(f"stopped; go on with: drive-gen train ppo --out {out} --resume and the same other flags",
              file=sys.stderr)
        raise
    world = (f" --env {env}" if env else "") + (f" --config {config}" if config else "")  # as it was trained
    print(f"wrote {checkpoint}; next: drive-gen evaluate {out}{world} --out {out}/evaluation")
    return 0
