"""python -m drive_gen.compile: compile all that is compiled now, so that nothing waits for it later.

What is compiled is kept beside the sources and used by every later process, until a source file changes.
"""

from __future__ import annotations

import time

import numpy as np

from drive_gen.envs.frames.draw import draw_frame
from drive_gen.envs.frames.looks import Look, draw_look
from drive_gen.envs.frames.views import BirdView, Dashcam
from drive_gen.envs.simulator.simulator import Simulator
from drive_gen.policies.planner import Planner


def compile_all() -> None:
    """Run everything once that compiles."""
    simulator = Simulator(env="highway-fast-v0", vehicles=2, tape=True)
    observations = simulator.reset(0)[:, 0]
    planner = Planner(depth=1)
    planner.attach(simulator)
    simulator.step(planner.predict(observations)[0])
    planner.plan(simulator)
    simulator.observe()
    simulator.judge(0)
    simulator.hand_over(np.zeros(simulator.cars.shape, bool), "idm")
    crossing = Simulator(env="intersection-v0")  # where cars come and go
    crossing.reset(0)
    crossing.step([1])
    for view in (BirdView(), Dashcam()):
        draw_frame(simulator.scene(0), view, draw_look(0, 1.0, ("palette",)))
        draw_frame(simulator.scene(0), view, Look(rain=1.0, blur=1.0))


if __name__ == "__main__":
    begin_s = time.perf_counter()
    compile_all()
    print(f"the simulator is compiled ({time.perf_counter() - begin_s:.0f} s)")
