"""How far EnvPool's worlds go from highway-env's, and ours: python scripts/envpool_fidelity.py --worlds 100

EnvPool shows what its worlds hold (`debug_states`). Each world is copied from there into stock highway-env
and into our simulator, and all three take the same random actions. The table has the share of worlds in
which any car differs from highway-env's after 1 and after 10 policy steps, or at the end of EnvPool's episode
where that comes sooner. `pip install -e '.[bench]'` brings EnvPool. 100 worlds take ten minutes, nearly
all of them highway-env's; --json FILE writes the rows. Where numpy rounds otherwise than the C library
(AVX-512), Python is started again with numpy's plain code, as for scripts/verify_parity.py.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import tyro
from rich.console import Console
from rich.table import Table

from drive_gen.data.progress import progress_bar
from drive_gen.envs.config import check_choice
from drive_gen.envs.episode import META_ACTIONS
from drive_gen.envs.files import InputError, write_json
from drive_gen.envs.reference import export_state, import_state, make_stock
from drive_gen.envs.simulator.rounding import PLAIN_ROUNDING, same_rounding
from drive_gen.envs.simulator.simulator import Simulator
from drive_gen.envs.world import EnvConfig, WorldState, differences

ENVS = ("highway-v0", "highway-fast-v0", "merge-v0", "roundabout-v0", "intersection-v0", "two-way-v0",
        "u-turn-v0", "exit-v0", "racetrack-v0")
STEPS = (1, 10)  # policy steps after which worlds are compared
SPARE = 2  # worlds drawn for each one asked for; those that cannot be copied in full are passed over
TIGHT, LOOSE = 1e-6, 1e-3  # m, rad and m/s
FAR_M = 0.1
WIDTH = 132  # characters of the table
LONG_S = 200  # of an EnvPool episode that nothing else ends
# highway-env's attributes of cars, EnvPool's words for them, and what is finite where the class has them.
SHOWN = {"heading": ("heading", "heading"), "speed": ("speed", "speed"), "crashed": ("crashed", "speed"),
         "check_collisions": ("check_collisions", "speed"), "target_speed": ("target_speed", "target_speed"),
         "timer": ("timer", "timer"), "delta": ("idm_delta", "delta"),
         "enable_lane_change": ("enable_lane_change", "timer")}
UNSHOWN = {"impact": 0.0, "has_impact": False, "hit": False, "action": 0.0, "yielding": -1}


@dataclass(frozen=True)
class Fidelity:
    """Compare EnvPool, and our simulator, with highway-env from the same states."""

    worlds: int = 100
    seed: int = 0
    envs: tuple[str, ...] = ENVS
    leads: int = 5  # EnvPool first drives world i for i % leads steps; most of its families begin alike
    json: Path | None = None


@dataclass(frozen=True)
class Gap:
    """How far one world is from another."""

    motion: float  # largest difference of a car's x, y (m), heading (rad) or speed (m/s)
    position_m: float  # largest distance between the two places of a car
    discrete: bool  # whether a lane or a crash flag differs, or the number of cars

    def exceeds(self, tolerance: float) -> bool:
        """Whether two worlds that far apart count as different."""
        return self.discrete or self.motion > tolerance


@dataclass(frozen=True)
class Drive:
    """A world that EnvPool drove."""

    start: Any  # what `debug_states` showed of it
    actions: np.ndarray  # (steps,) meta-actions as EnvPool's numbers, or (steps, 1) steering in [-1, 1]
    shown: dict[int, Any]  # steps after the start -> what was shown then; of STEPS, and of the end


@dataclass(frozen=True)
class Compared:
    """One world beside highway-env's after some steps."""

    steps: int
    envpool: Gap
    ours: Gap
    bitwise: bool  # whether ours is equal in every bit of what highway-env holds


@dataclass(frozen=True)
class Row:
    """One environment after some policy steps: shares of its worlds that differ from highway-env's."""

    env: str
    steps: int
    worlds: int
    driven: float  # policy steps that a world was driven, on average: an episode may end sooner
    tight: float  # EnvPool's, by more than TIGHT, in a lane or in a crash
    loose: float  # the same with LOOSE
    far: float  # by more than FAR_M of a car's position
    discrete: float  # in a lane or a crash
    ours_bitwise: float  # our simulator's, in any bit of what highway-env holds
    ours_loose: float  # by more than LOOSE, in a lane or in a crash


def main(wanted: Fidelity) -> int:
    """Print the table, and write what was asked for."""
    if importlib.util.find_spec("envpool") is None:
        raise InputError("EnvPool is not installed; `pip install -e '.[bench]'` brings it")
    for name in ("worlds", "leads"):
        if getattr(wanted, name) < 1:
            raise InputError(f"--{name} is {getattr(wanted, name)}, expected 1 or more")
    for env in wanted.envs:
        check_choice(env, ENVS, "environment")
    if not same_rounding() and PLAIN_ROUNDING.items() - os.environ.items():
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, **PLAIN_ROUNDING})
    with progress_bar() as progress:
        rows = [row for env in progress.track(wanted.envs, description="comparing")
                for row in measured(env, wanted.worlds, wanted.seed, wanted.leads)]
    say(rows)
    if wanted.json:
        write_json(wanted.json, [asdict(row) for row in rows])
        print(f"wrote {wanted.json}")
    return 0


def say(rows: Sequence[Row]) -> None:
    """The table."""
    table = Table("environment", "steps", "worlds", "driven", f"EnvPool > {TIGHT:g}", f"> {LOOSE:g}",
                  f"> {FAR_M:g} m", "lane, crash", "ours, any bit", f"> {LOOSE:g}")
    for row in rows:
        shares = row.tight, row.loose, row.far, row.discrete, row.ours_bitwise, row.ours_loose
        table.add_row(row.env, str(row.steps), str(row.worlds), f"{row.driven:.1f}",
                      *(f"{share:.1%}" for share in shares))
    Console(width=WIDTH).print(table)


def measured(env: str, worlds: int, seed: int, leads: int) -> list[Row]:
    """One environment: a row for each of STEPS."""
    bench = Bench(EnvConfig(env=env), seed)
    found: list[dict[int, Compared]] = []
    for drive in driven(env, worlds * SPARE, seed, leads):
        state = bench.state_of(drive.start)
        if bench.is_free(state):
            found.append(bench.compared(drive, state))
        if len(found) == worlds:
            break
    if not found:
        raise InputError(f"none of {worlds * SPARE} worlds of {env} could be copied; try another --seed")
    return [row_of(env, steps, [world[steps] for world in found]) for steps in STEPS]


def row_of(env: str, steps: int, worlds: Sequence[Compared]) -> Row:
    """Shares over the worlds."""
    def share(flags: Sequence[float]) -> float:
        return sum(flags) / len(flags)

    return Row(env, steps, len(worlds), driven=share([world.steps for world in worlds]),
               tight=share([world.envpool.exceeds(TIGHT) for world in worlds]),
               loose=share([world.envpool.exceeds(LOOSE) for world in worlds]),
               far=share([world.envpool.position_m > FAR_M for world in worlds]),
               discrete=share([world.envpool.discrete for world in worlds]),
               ours_bitwise=share([not world.bitwise for world in worlds]),
               ours_loose=share([world.ours.exceeds(LOOSE) for world in worlds]))


def driven(env: str, worlds: int, seed: int, leads: int) -> list[Drive]:
    """Worlds under random actions, all in one pool; those whose episode ended in the lead are left out."""
    import envpool

    pool: Any = envpool.make(env, env_type="gymnasium", num_envs=worlds, num_threads=1, seed=seed,
                             duration=LONG_S, max_episode_steps=LONG_S)
    pool.reset()
    space, draw = pool.action_space, np.random.default_rng(seed)
    shown, taken = [pool.debug_states()], []
    last = np.full(worlds, LONG_S)  # step that ended the episode
    for step in range(1, leads + max(STEPS)):
        taken.append(draw.integers(space.n, size=worlds) if hasattr(space, "n")
                     else draw.uniform(-1, 1, (worlds, *space.shape)).astype(np.float32))
        _, _, terminated, truncated, _ = pool.step(taken[-1])
        last = np.minimum(last, np.where(terminated | truncated, step, LONG_S))
        shown.append(pool.debug_states())
    drives = []
    for world, end in enumerate(last.tolist()):
        lead = world % leads
        steps = {min(steps, end - lead): shown[min(lead + steps, end)][world] for steps in STEPS}
        if end > lead:
            drives.append(Drive(shown[lead][world], np.array(taken)[lead:, world], steps))
    return drives


class Bench:
    """One world of stock highway-env and one of our simulator, into which EnvPool's are copied."""

    def __init__(self, config: EnvConfig, seed: int) -> None:
        self.config = config
        self.stock = make_stock(config)
        self.stock.reset(seed=seed)
        self.simulator = Simulator(config, threads=1)
        if config.family == "intersection":
            self._let_nobody_come()
        self.blank = export_state(self.stock)

    def _let_nobody_come(self) -> None:
        """No arrivals: EnvPool 1.2.5 has none."""
        world: Any = self.stock.unwrapped
        world.config["spawn_probability"] = 0.0
        spawn = self.simulator.place.spawn
        plan: Any = spawn.plan.copy()  # type: ignore[attr-defined]  # a numpy record, seen as its fields
        plan.spawn_probability = 0.0
        self.simulator.place = self.simulator.place._replace(spawn=spawn._replace(plan=plan))

    def state_of(self, shown: Any) -> WorldState:
        """What EnvPool shows, as highway-env's state.

        It does not show the displacement that a collision gives at the next frame, the last command, which
        only crashed cars keep, nor for how long a car has yielded; `is_free` tells whether there is any.
        """
        blank, cars = self.blank, shown.vehicles
        ego, traffic = int(blank.controlled.argmax()), int(blank.controlled.argmin())
        rows = [ego, *[traffic] * (len(cars) - 1), *range(blank.vehicles, len(blank.classes))]  # and objects
        values: dict[str, Any] = {name: value[rows] for name, value in vars(blank).items()
                                  if isinstance(value, np.ndarray) and name != "target_speeds"}
        here = slice(len(cars))
        for name, (theirs, owner) in SHOWN.items():
            has = np.isfinite(values[owner][here])  # whether the car's class has such a thing
            values[name][here][has] = np.array([getattr(car, theirs) for car in cars])[has]
        values["speed_index"][:1] = cars[0].speed_index if self.config.actions == "meta" else -1
        values["position"][here] = [(car.x, car.y) for car in cars]
        values["lane"][here] = [self._lane(car.lane_from, car.lane_to, car.lane_index) for car in cars]
        values["target_lane"][here] = [self._lane(car.target_lane_from, car.target_lane_to,
                                                  car.target_lane_index) for car in cars]
        for name, nothing in UNSHOWN.items():
            values[name][here] = nothing
        frames = shown.elapsed_step * (shown.simulation_frequency // shown.policy_frequency)
        return replace(blank, **values, classes=tuple(blank.classes[row] for row in rows), vehicles=len(cars),
                       routes=tuple(route_of(car) for car in cars) + (None,) * (len(rows) - len(cars)),
                       time=float(shown.time), steps=frames,
                       road_steps=blank.road_steps and blank.road_steps + frames)  # of a regulated road

    def _lane(self, start: str, end: str, place: int) -> int:
        """The number of a lane that EnvPool names."""
        return self.blank.lane_keys.index((start, end, place))

    def is_free(self, state: WorldState) -> bool:
        """Whether no car has crashed, is about to, or yields: then nothing is hidden."""
        if (state.target_speed[~state.controlled] == 0).any():  # a car that yields aims at 0 m/s
            return False
        import_state(self.stock, state)
        world: Any = self.stock.unwrapped
        cars, things = world.road.vehicles, world.road.objects
        for place, car in enumerate(cars):
            for other in (*cars[place + 1 :], *things):
                car.handle_collisions(other, 1 / world.config["simulation_frequency"])
        return not any(car.crashed or car.impact is not None for car in cars)

    def compared(self, drive: Drive, start: WorldState) -> dict[int, Compared]:
        """Drive highway-env and our simulator as EnvPool drove; what was found after each of STEPS."""
        import_state(self.stock, start)
        self.simulator.from_env(0, start)
        found: dict[int, Compared] = {}
        for step in range(1, max(drive.shown) + 1):
            self.step(drive.actions[step - 1])
            if step in drive.shown:
                expected, ours = export_state(self.stock), self.simulator.to_env(0)
                found[step] = Compared(step, gap_between(self.state_of(drive.shown[step]), expected),
                                       gap_between(ours, expected), not differences(ours, expected))
        return {steps: found[min(steps, max(found))] for steps in STEPS}

    def step(self, action: np.ndarray) -> None:
        """One policy step of highway-env and of our simulator."""
        if self.config.actions != "meta":
            self.stock.step(action)
            self.simulator.step(action[None])
            return
        kind: Any = self.stock.unwrapped.action_type  # type: ignore[attr-defined]
        self.stock.step(int(action))
        self.simulator.step([META_ACTIONS.index(kind.actions[int(action)])])


def route_of(car: Any) -> tuple[tuple[str, str, int | None], ...] | None:
    """The roads that a car will take, or None where EnvPool has planned none."""
    steps = zip(car.route_from, car.route_to, car.route_id, strict=True)
    return tuple((start, end, None if lane < 0 else lane) for start, end, lane in steps) or None


def gap_between(one: WorldState, other: WorldState) -> Gap:
    """Of all vehicles, which have the same order in both."""
    if one.vehicles != other.vehicles:
        return Gap(np.inf, np.inf, True)
    here = slice(one.vehicles)
    apart = (one.position - other.position)[here]
    turned, faster = (one.heading - other.heading)[here], (one.speed - other.speed)[here]
    discrete = (one.lane != other.lane)[here] | (one.crashed != other.crashed)[here]
    return Gap(motion=float(np.abs(np.column_stack((apart, turned, faster))).max()),
               position_m=float(np.hypot(*apart.T).max()), discrete=bool(discrete.any()))


if __name__ == "__main__":
    try:
        raise SystemExit(main(tyro.cli(Fidelity)))
    except InputError as error:
        print(error, file=sys.stderr)
        raise SystemExit(2) from None
