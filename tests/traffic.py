"""Small traffic for tests of the diffusion: cars that a bicycle drove, their controls known."""

from __future__ import annotations

import numpy as np

from drive_gen.envs.episode import Episode, Source, make_episode
from drive_gen.envs.kinematics import roll_out
from drive_gen.envs.road import Road, straight_road


def driven(agents: int = 4, frames: int = 60, seed: int = 0, dt_s: float = 0.2,
           road: Road | None = None) -> Episode:
    """Cars 40 m apart on three lanes that go faster and slower; car 1 weaves a little."""
    rng = np.random.default_rng(seed)
    time_s = np.arange(frames - 1) * dt_s
    control = np.zeros((agents, frames - 1, 2))
    control[:, :, 0] = np.cos(time_s + rng.uniform(0, 6, agents)[:, None])
    control[1, :, 1] = 0.01 * np.cos(time_s)
    size = np.tile(np.float32([5.0, 2.0]), (agents, 1))
    first = np.stack((40.0 * np.arange(agents), 4.0 * (np.arange(agents) % 3)), axis=-1)
    speed = np.float32(rng.uniform(20, 22, agents)).astype(np.float64)
    control = control.astype(np.float32)
    position, heading, speeds = roll_out(first, np.zeros(agents), speed, control.astype(np.float64),
                                         size[:, 0].astype(np.float64), dt_s)
    known = np.ones((agents, frames), bool)
    known[:, -1] = False
    return make_episode(position, heading, speeds, size, np.ones((agents, frames), bool), dt_s=dt_s, ego=0,
                        control=np.concatenate((control, np.zeros((agents, 1, 2))), 1), control_known=known,
                        road=road or straight_road(3, 2000.0),
                        source=Source("simulated", "toy", f"toy/{seed}", seed=seed, driver="test"))
