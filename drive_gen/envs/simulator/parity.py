"""The simulator beside highway-env, frame by frame: the proof that they are equal, for tests and scripts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from drive_gen.envs.episode import META_ACTIONS
from drive_gen.envs.simulator import batch
from drive_gen.envs.simulator.control import commands_of
from drive_gen.envs.simulator.convert import OWN, cars_of
from drive_gen.envs.simulator.frame import simulate_frame
from drive_gen.envs.simulator.order import scratch_of
from drive_gen.envs.simulator.simulator import Simulator
from drive_gen.envs.simulator.spawn import INTERSECTION
from drive_gen.envs.simulator.step import decide
from drive_gen.envs.simulator.types import CAR, IDLE, IDM, LINEAR, MDP, NO_ACTION
from drive_gen.envs.vector import LONGEST_S
from drive_gen.envs.world import SUPPORTED, EnvConfig

TOLERANCE = 1e-9  # of states, where numpy and the C library round differently; discrete values stay equal
ROAD_END_M = 9_700.0  # a highway's cars moved on by so much soon leave its 10 km
# cosine and sine are the heading's; a number is our own.
OF_KINDS = {**OWN, "target_lane": (MDP, IDM, LINEAR)}  # other kinds have none
COMPARED = tuple(name for name in CAR.names or () if name not in ("cosine", "sine", "number"))
FAMILIES = tuple(dict.fromkeys(env.rsplit("-", 1)[0] for env in SUPPORTED))
Draw = np.random.Generator


@dataclass
class Comparison:
    """What was compared, and where the two differ."""

    frames: int = 0
    episodes: int = 0
    differences: list[str] = field(default_factory=list)  # env, seed, decision, frame, field
    seen: Counter[str] = field(default_factory=Counter)  # what the frames went through

    def add(self, other: Comparison) -> None:
        """Take another comparison's counts in."""
        self.frames, self.episodes = self.frames + other.frames, self.episodes + other.episodes
        self.differences += other.differences
        self.seen += other.seen


def draw_config(family: str, draw: Draw) -> EnvConfig:
    """Any configuration of a family, small enough for highway-env to be quick."""
    versions = [env for env in SUPPORTED if env.rsplit("-", 1)[0] == family]
    config = EnvConfig(env=str(draw.choice(versions)))
    if family in ("highway", "highway-fast", "exit"):
        config = replace(config, lanes=int(draw.integers(1, 6)), vehicles=int(draw.integers(0, 20)),
                         density=float(draw.choice([0.5, 1.0, 1.5, 2.5])), duration_s=10.0,
                         controlled=int(draw.choice([1, 1, 1, 2])))
        if family == "exit":
            config = replace(config, lanes=int(draw.integers(2, 7)))
    elif family in ("merge-generic", "roundabout-generic"):
        config = replace(config, lanes=int(draw.integers(1, 4)), vehicles=int(draw.integers(1, 8)))
    elif family == "intersection":
        config = replace(config, vehicles=int(draw.integers(2, 12)), controlled=int(draw.choice([1, 1, 2])))
    return _with_any_driving(config, draw)


def _with_any_driving(config: EnvConfig, draw: Draw) -> EnvConfig:
    traffic = str(draw.choice(["idm", "idm", "linear", "aggressive", "defensive"]))
    if not config.is_racetrack:  # their traffic is IDM whatever is configured
        config = replace(config, traffic=traffic)  # type: ignore[arg-type]
    if config.is_racetrack:
        return replace(config, actions=str(draw.choice(["steering", "continuous"])))  # type: ignore[arg-type]
    grid = tuple(np.linspace(*[(20, 30, 3), (0, 30, 7), (5, 32, 9)][int(draw.integers(3))]).tolist())
    if config.family not in ("intersection", "exit") and draw.random() < 0.5:
        config = replace(config, target_speeds_mps=grid)
    return config


def compare_episode(config: EnvConfig, seed: int, decisions: int, exact: bool,
                    mutate: Callable[[Any], None] | None = None) -> Comparison:
    """Drive one world in both with the same random actions; `mutate` may change the simulator beforehand."""
    from drive_gen.envs.reference import make_stock

    simulator, stock = Simulator(config, 1, threads=1), make_stock(config)
    if mutate:
        mutate(simulator)
    return _Pair(config, simulator, stock, seed, exact).run(decisions)


class _Pair:
    """The two in one world."""

    def __init__(self, config: EnvConfig, simulator: Simulator, stock: Any, seed: int, exact: bool) -> None:
        self.config, self.simulator, self.stock, self.seed, self.exact = config, simulator, stock, seed, exact
        self.result = Comparison(episodes=1)
        self.draw = np.random.default_rng([seed, 1])
        self.asked = 0.0  # of the present decision, as rewards read it
        self.frames: list[Any] = []  # highway-env's cars after each frame of a decision

    def run(self, decisions: int) -> Comparison:
        """Both from the seed, until an end or so many decisions."""
        from drive_gen.envs.reference import export_state

        self.stock.reset(seed=self.seed)
        self.simulator.reset([self.seed])
        self._compare(cars_of(export_state(self.stock), self.simulator.place.network)[0], "reset")
        self._move_to_the_end()
        self._watch()
        for decision in range(decisions):
            if self._step(decision):
                break
        self.stock.close()
        return self.result

    def _move_to_the_end(self) -> None:
        """A third of the highways' worlds goes on near the end of the road."""
        from drive_gen.envs.reference import export_state, import_state

        if self.simulator.place.network.parallel and self.seed % 3 == 0:
            state = export_state(self.stock)
            state.position[:, 0] += ROAD_END_M
            import_state(self.stock, state)
            self.simulator.from_env(0, export_state(self.stock))

    def _watch(self) -> None:
        from drive_gen.envs.reference import export_state

        road: Any = self.stock.unwrapped.road
        step = road.step

        def watched(dt: float) -> None:
            step(dt)
            self.frames.append(cars_of(export_state(self.stock), self.simulator.place.network)[0])

        road.step = watched

    def _step(self, decision: int) -> bool:
        """One decision in both; whether the episode is over."""
        self.frames.clear()
        action = self._sample()
        _, reward, terminated, truncated, _ = self.stock.step(action)
        self._frames(action, decision)
        self._outcome((float(reward), bool(terminated), bool(truncated)), decision)
        self._after(decision)
        return bool(terminated or truncated)

    def _sample(self) -> Any:
        """Random actions of all agents, as highway-env takes them."""
        spaces = self.stock.action_space
        one = spaces.spaces if hasattr(spaces, "spaces") else [spaces]
        drawn = [int(self.draw.integers(space.n)) if hasattr(space, "n")
                 else self.draw.uniform(-1, 1, space.shape) for space in one]
        return tuple(drawn) if hasattr(spaces, "spaces") else drawn[0]

    def _frames(self, action: Any, decision: int) -> None:
        """Our frames of a decision, each beside highway-env's."""
        simulator = self.simulator
        agents = action if isinstance(action, tuple) else (action,)
        place, cars, clock = simulator.place, simulator.cars[0], simulator.clocks[0]
        if place.rules.continuous:
            raw = np.array(agents)
            meta, controls = np.full(len(agents), IDLE), commands_of(raw, place.rules)
            self.asked = float(np.linalg.norm(raw))
        else:
            meta, controls = self._numbers(agents), np.zeros((len(agents), 2))
            self.asked = float(agents[0]) if len(agents) == 1 else float(NO_ACTION)
        scratch = scratch_of(cars, place.rules)
        decide(cars, clock, place.network, place.rules, scratch, meta, controls)
        for frame, expected in enumerate(self.frames):
            simulate_frame(cars, clock, place.network, place.rules, scratch)
            self._compare(expected, f"decision {decision} frame {frame}")

    def _numbers(self, agents: tuple[Any, ...]) -> np.ndarray:
        """highway-env's numbers of meta-actions as ours."""
        kind = self.stock.unwrapped.action_type
        names = getattr(kind, "actions", None) or kind.agents_action_types[0].actions
        return np.array([META_ACTIONS.index(names[int(agent)]) for agent in agents])

    def _outcome(self, expected: tuple[float, bool, bool], decision: int) -> None:
        simulator = self.simulator
        results = simulator.results
        batch.judge_world(simulator.cars[0], simulator.clocks[0], simulator.place, self.asked, results, 0)
        found = float(results.reward[0]), bool(results.terminated[0]), bool(results.truncated[0])
        for name, one, other in zip(("reward", "terminated", "truncated"), found, expected, strict=True):
            near = one == other if self.exact or name != "reward" else abs(one - other) <= TOLERANCE
            # A time limit of our own ends what highway-env never does.
            own = name == "truncated" and simulator.clocks["time_s"][0] >= LONGEST_S
            if not near and not own:
                self._note(f"decision {decision} {name} {one} {other}")

    def _after(self, decision: int) -> None:
        """What comes and goes after a policy step."""
        from drive_gen.envs.reference import export_state

        if self.simulator.place.spawn.plan.family == INTERSECTION:
            simulator = self.simulator
            batch.finish_world(simulator.cars[0], simulator.clocks[0], simulator.place, simulator.tape, 0)
            expected = cars_of(export_state(self.stock), self.simulator.place.network)[0]
            self._compare(expected, f"after decision {decision}")

    def _compare(self, expected: np.ndarray, where: str) -> None:
        """One frame: every field of every car."""
        self.result.frames += 1
        clock = self.simulator.clocks[0]
        cars = self.simulator.cars[0, : clock["things"]]
        if len(cars) != len(expected):
            self._note(f"{where} has {len(cars)} cars, expected {len(expected)}")
            return
        for name in COMPARED:
            one, other = cars[name], expected[name]
            if name.startswith("impact"):  # one that has been applied is left as it was
                one, other = np.where(cars["has_impact"], one, 0), np.where(expected["has_impact"], other, 0)
            if name in OF_KINDS:
                one, other = (_of_kinds(values, expected["kind"], OF_KINDS[name]) for values in (one, other))
            if name.startswith("route_r") or name.startswith("route_l"):
                here = np.arange(one.shape[1]) < cars["route_size"][:, None]
                one, other = np.where(here, one, 0), np.where(here, other, 0)
            if not _equal(one, other, self.exact):
                self._note(f"{where} {name}")
        self._count(cars)

    def _count(self, cars: np.ndarray) -> None:
        """What the frame went through."""
        self.result.seen.update({
            "crashed cars": int(cars["crashed"].sum()),
            "lane changes": int((cars["lane"] != cars["target_lane"]).sum()),
            "impacts": int(cars["has_impact"].sum()),
            "speeds below 0.1 m/s": int((np.abs(cars["speed"]) < 0.1).sum()),
            "cars past a highway's end": int(self.simulator.place.network.parallel
                                             * (cars["x"] > 10_000).sum())})

    def _note(self, what: str) -> None:
        self.result.differences.append(f"{self.config.env} seed {self.seed} {what}")


def _of_kinds(values: np.ndarray, kind: np.ndarray, kinds: tuple[int, ...]) -> np.ndarray:
    """The values of cars of some kinds, 0 for the others."""
    here = np.isin(kind, kinds).reshape(-1, *[1] * (values.ndim - 1))
    return np.where(here, values, 0)


def _equal(one: np.ndarray, other: np.ndarray, exact: bool) -> bool:
    if one.dtype.kind != "f":
        return bool(np.array_equal(one, other))
    if exact:
        return bool(np.array_equal(one, other, equal_nan=True))
    return bool(np.allclose(one, other, rtol=0, atol=TOLERANCE, equal_nan=True))
