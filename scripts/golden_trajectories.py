"""Write tests/golden/trajectories.json from highway-env itself: python scripts/golden_trajectories.py

Where the cars of one world of each environment are after a few decisions. The simulator is tested against it
in seconds, without highway-env; when highway-env's version changes, run this again.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from drive_gen.envs.files import write_json
from drive_gen.envs.reference import export_state, make_stock, versions
from drive_gen.envs.world import SUPPORTED, EnvConfig

SEED, DECISIONS = 11, 4
OUT = Path(__file__).parents[1] / "tests" / "golden" / "trajectories.json"


def trajectory(env: str) -> dict[str, object]:
    """Actions, rewards, and x, y, heading, speed of all cars after each decision."""
    stock = make_stock(EnvConfig(env=env))
    stock.reset(seed=SEED)
    draw = np.random.default_rng(SEED)
    actions, rewards, states = [], [], []
    for _ in range(DECISIONS):
        space = stock.action_space
        action = (int(draw.integers(space.n)) if hasattr(space, "n")
                  else draw.uniform(-0.2, 0.2, space.shape).tolist())
        given = action if isinstance(action, int) else np.array(action)
        _, reward, terminated, truncated, _ = stock.step(given)
        state = export_state(stock)
        columns = np.column_stack((state.position, state.heading, state.speed))
        actions.append(action)
        rewards.append(round(float(reward), 9))
        states.append(np.round(columns, 6).tolist())
        if terminated or truncated:
            break
    return {"actions": actions, "rewards": rewards, "states": states}


if __name__ == "__main__":
    OUT.parent.mkdir(exist_ok=True)
    write_json(OUT, {"highway-env": versions()["highway-env"], "seed": SEED,
                     "worlds": {env: trajectory(env) for env in SUPPORTED}})
    print(f"wrote {OUT}; next: pytest tests/test_parity.py")
