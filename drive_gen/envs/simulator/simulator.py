"""Simulator: W worlds of one of highway-env's environments, stepped together, equal to it world by world."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple, cast

import gymnasium
import numpy as np

from drive_gen.envs.config import from_mapping
from drive_gen.envs.episode import KINDS, Episode, Scene
from drive_gen.envs.files import InputError
from drive_gen.envs.observe import SHAPE
from drive_gen.envs.road import Road
from drive_gen.envs.simulator import batch
from drive_gen.envs.simulator.asked import take, wanted_of
from drive_gen.envs.simulator.chosen import numbers_of, seeds_of
from drive_gen.envs.simulator.building import built, known_actions, longest
from drive_gen.envs.simulator.convert import cars_of, state_after
from drive_gen.envs.simulator.held import Held, addresses
from drive_gen.envs.simulator.observer import Observer, config_of
from drive_gen.envs.simulator.place import BEGIN, STEP, WAIT, Place, blank_results
from drive_gen.envs.simulator.rng import restore_generators, seed_worlds
from drive_gen.envs.simulator.sharing import cores, share
from drive_gen.envs.simulator.spawn import INTERSECTION, capacity_of
from drive_gen.envs.simulator.tape import blank_tape
from drive_gen.envs.simulator.types import CAR, WORLD
from drive_gen.envs.vector import BOUND, source_of
from drive_gen.envs.world import EnvConfig, WorldState

CAR_KIND, OBSTACLE_KIND = KINDS.index("car"), KINDS.index("obstacle")
FRAME_US, LOOK_US = 0.1, 2.0  # a car's frame, what one world shows; about
MOST_BYTES = 2**34  # of cars and tape; more is a mistake in the number of worlds


class Step(NamedTuple):
    """What a policy step came to in each world; the simulator's own arrays, overwritten by the next one."""

    reward: np.ndarray  # (W,) float64, highway-env's
    terminated: np.ndarray  # (W,) bool
    truncated: np.ndarray  # (W,) bool
    observation: np.ndarray  # (W, A, 17, 9) float32, what each controlled car sees, in list order
    speed: np.ndarray  # (W,) float64, m/s, of the first controlled car; 0 where there is none
    crashed: np.ndarray  # (W,) bool, whether it has
    off_road: np.ndarray  # (W,) bool, whether it is


class Snapshot(NamedTuple):
    """Some worlds as they were."""

    cars: np.ndarray  # (n, V) of CAR
    clocks: np.ndarray  # (n,) of WORLD


class Simulator:
    """W worlds of one configuration. `seed` i gives the world that highway-env's reset(seed=i) gives.

    `cars` (W, V) of CAR records and `clocks` (W,) of WORLD records hold all that changes; they may be read
    and written. In each world the first `count` cars are vehicles in highway-env's list order, and those up
    to `things` are the road's objects. Controlled cars take actions in that order.

    What they see is drive_gen's (17, 9), or with observation="highway-env" what highway-env's environment
    shows by default, or any of its observation configs ({"type": "TimeToCollision", "horizon": 10}); below,
    (17, 9) then stands for the shape of `observation_space`.

    With tape=True every frame since each world's reset is kept, and `episode` gives it out.
    """

    def __init__(self, config: EnvConfig | None = None, worlds: int = 1, *, tape: bool = False,
                 ego: Literal["policy", "idm"] = "policy", threads: int | None = None,
                 observation: str | Mapping[str, Any] = "drive_gen", **overrides: Any) -> None:
        values = dataclasses.asdict(config) if config else {}
        self.config = from_mapping(EnvConfig, {**values, **overrides}, "Simulator")
        if isinstance(worlds, bool) or not isinstance(worlds, int | np.integer) or worlds < 1:
            raise InputError(f"a simulator needs 1 world or more, got {worlds}")
        self.ego = ego
        self.settings, self.road, self._origin, self.place = self._built()
        self.agents = self.config.controlled or 1
        room = self._room()
        if (need := worlds * room * CAR.itemsize) > MOST_BYTES:
            raise InputError(f"{worlds} worlds of {room} cars need {need / 2**30:.0f} GiB, more than "
                             f"{MOST_BYTES / 2**30:.0f}; ask for fewer worlds")
        self.cars = np.zeros((int(worlds), room), CAR)
        self.clocks = np.zeros(int(worlds), WORLD)
        self.results = blank_results(int(worlds))
        seen = config_of(observation, self.settings)
        self._observer = Observer(seen, self.settings, self._origin, int(worlds), self.agents) if seen else None
        own = np.zeros((int(worlds) if seen is None else 0, self.agents, *SHAPE), np.float32)
        self.observation = self._observer.array if self._observer else own
        self.observation_space = (self._observer.space if self._observer  # of one controlled car
                                  else gymnasium.spaces.Box(-BOUND, BOUND, SHAPE, np.float32))
        self.seeds = np.full(int(worlds), -1, np.int64)  # of the present episodes; -1 where drawn
        decisions = longest(self.place) if tape else 0
        rows = room + (decisions if self.place.spawn.plan.family == INTERSECTION else 0)  # one may come each
        self.tape = (blank_tape(int(worlds), rows, decisions * int(self.place.rules.frames) + 1) if tape
                     else blank_tape(0, 0, 0))
        self.wanted = wanted_of(int(worlds), self.agents, decisions, known_actions(self.settings),
                                nothing=ego == "idm")
        self._block = addresses(Held(self.cars, self.clocks, self.place, self.wanted, self.tape, self.results,
                                     own))
        self._step_us = FRAME_US * room * float(self.place.rules.frames)  # about, of one world
        self._all = np.arange(int(worlds))
        self.threads = threads or cores()
        self._fills = self.place.spawn.plan.family == INTERSECTION or len(self.place.logs.valid)  # cars come
        self._draws = np.random.default_rng()

    @property
    def worlds(self) -> int:
        """How many there are."""
        return len(self.clocks)

    @property
    def decision_s(self) -> float:
        """Seconds between two decisions."""
        return float(self.place.rules.policy_s)

    @property
    def controlled(self) -> np.ndarray:
        """Which cars actions drive, (W, V) bool; a view of the cars, to be written too."""
        return cast(np.ndarray, self.cars["controlled"])

    def reset(self, seeds: int | Sequence[int] | np.ndarray | None = None,
              worlds: np.ndarray | None = None) -> np.ndarray:
        """Begin new episodes in all worlds, or in those numbered; observations of all (W, A, 17, 9).

        seeds: one a world (an integer s means s, s + 1, ...). Without, a world goes on with its own generator
        as highway-env's reset() does; one that was never seeded gets a seed of its own.
        """
        self._seed(numbers_of(worlds, self.worlds), seeds)
        self._begin(worlds)
        return self.observe()

    def step(self, actions: np.ndarray | Sequence[Any], worlds: np.ndarray | None = None, *,
             again: np.ndarray | None = None, observe: bool = True) -> Step:
        """One policy step of all worlds, or of those numbered; those of the mask `again` (W,) begin anew.

        actions: meta-actions (W,) or (W, A) as numbers of META_ACTIONS, or controls in [-1, 1], (W, A, K) or
        (W, K), of K = 2 (acceleration, steering) or 1 (steering). Worlds that begin anew go on with their own
        generators, whatever their actions. Without `observe`, what is seen stays as it was.
        """
        if self.ego == "policy":
            take(actions, self.wanted, self._block, self.place.rules)
        if again is not None:
            self._seed(np.flatnonzero(again), None)
        self._advance(STEP, worlds, again, observe)
        if self._observer and observe:
            self._observer.look(self.cars, self.clocks, self.place, self.threads)
        results = self.results
        return Step(results.reward, results.terminated, results.truncated, self.observation, results.speed,
                    results.crashed, results.off_road)

    def observe(self) -> np.ndarray:
        """What every controlled car sees now, (W, A, 17, 9) float32; overwritten by the next call."""
        share(lambda first, last: batch.observe(self._block, first, last), self.worlds, self.threads, LOOK_US)
        if self._observer:
            self._observer.look(self.cars, self.clocks, self.place, self.threads)
        return self.observation

    def judge(self, world: int) -> tuple[np.ndarray, np.ndarray]:
        """Rewards (A,) and ends (A,) of one world's controlled cars, each as if it were highway-env's ego.

        For several cars; after `step`, which wrote down what they were asked.
        """
        reward, terminated = np.zeros(self.agents), np.zeros(self.agents, np.bool_)
        batch.judge_agents(self.cars[world], self.clocks[world], self.place, self.wanted.efforts[world],
                           reward, terminated)
        return reward, terminated

    def egos(self) -> np.ndarray:
        """The first controlled car of each world, (W,) of CAR, a copy."""
        return cast(np.ndarray, self.cars[self._all, self.cars["controlled"].argmax(1)])

    def hand_over(self, cars: np.ndarray, to: Literal["policy", "idm", "log"]) -> None:
        """Let other hands drive the cars of a mask (W, V) from now on.

        to: "policy" for actions from outside, "idm" for IDM and MOBIL, "log" for what a log says they did.
        Actions are then due in list order of all cars that they drive, at most as many as `agents`. A car
        taken over keeps its lane and aims at the grid's speed next to its own. One given back to its log is
        there from the next frame on, however far it was, and leaves the world if its row has ended.
        """
        if to not in batch.HANDS or (to == "log" and not len(self.place.logs.valid)):
            raise InputError(f"cars cannot be handed to {to!r}: these worlds know policy, idm"
                             + (" and log" if len(self.place.logs.valid) else "; a log is followed by "
                                                                             "LogSimulator's"))
        mask = np.asarray(cars)
        if mask.shape != self.cars.shape or mask.dtype != np.bool_:
            raise InputError(f"a mask of cars has shape {self.cars.shape} of bool, got {mask.shape} of "
                             f"{mask.dtype}")
        batch.hand_over(self.cars, self.clocks, self.place, mask & self._vehicles(),
                        batch.HANDS.index(to))

    def _built(self) -> tuple[dict[str, Any], Road, WorldState, Place]:
        """highway-env's full config, the road, a state of the kind, and what the worlds share."""
        return built(self.config, self.ego)

    def _room(self) -> int:
        """Cars that a world has room for."""
        return capacity_of(self.place.spawn)

    def _begin(self, worlds: np.ndarray | None) -> None:
        self._advance(BEGIN, worlds, observe=False)

    def _vehicles(self) -> np.ndarray:
        """Which of the cars are vehicles, (W, V) bool."""
        return cast(np.ndarray, np.arange(self.cars.shape[1]) < self.clocks["count"][:, None])

    def snapshot(self, worlds: np.ndarray | None = None) -> Snapshot:
        """A copy of all worlds, or of those numbered."""
        chosen = numbers_of(worlds, self.worlds)
        return Snapshot(self.cars[chosen], self.clocks[chosen])

    def restore(self, snapshot: Snapshot, worlds: np.ndarray | None = None) -> None:
        """Put worlds back, into all or into those numbered; what the tape holds of them ends there."""
        chosen = numbers_of(worlds, self.worlds)
        if snapshot.cars.shape != (len(chosen), self.cars.shape[1]):
            raise InputError(f"a snapshot of shape {snapshot.cars.shape} does not fit {len(chosen)} worlds of "
                             f"{self.cars.shape[1]} cars")
        self.cars[chosen], self.clocks[chosen] = snapshot

    def fork(self, world: int, worlds: np.ndarray) -> None:
        """Make the worlds numbered copies of one."""
        self.restore(Snapshot(*(np.repeat(part, len(worlds), axis=0)
                                for part in self.snapshot(np.array([world])))), worlds)

    def from_env(self, world: int, state: WorldState) -> None:
        """Make a world what highway-env's is (reference.export_state), of the same configuration."""
        cars, clock = cars_of(state, self.place.network)
        if len(cars) > self.cars.shape[1]:
            raise InputError(f"the state has {len(cars)} cars, a world here has room for "
                             f"{self.cars.shape[1]}")
        self.cars[world] = np.zeros(1, CAR)[0]
        self.cars[world, : len(cars)], self.clocks[world] = cars, clock
        restore_generators(self.clocks[world : world + 1], [state.rng])
        batch.number_cars(self.cars[world], self.clocks[world])

    def to_env(self, world: int) -> WorldState:
        """A world as reference.import_state puts it into highway-env."""
        return state_after(self._origin, self.cars[world], self.clocks[world])

    def scene(self, world: int) -> Scene:
        """A world at this instant; the ego is agent 0, the others are numbered as in its episode."""
        clock = self.clocks[world]
        here = self.cars[world, : clock["things"]]
        vehicle = np.arange(len(here)) < clock["count"]
        keep = np.flatnonzero(vehicle | here["solid"])
        order = keep[np.argsort(here["number"][keep])]
        cars = here[order]
        ego = np.flatnonzero(cars["number"] == clock["ego"])
        return Scene(
            position_m=np.stack((cars["x"], cars["y"]), axis=-1).astype(np.float32),
            heading_rad=cars["heading"].astype(np.float32), speed_mps=cars["speed"].astype(np.float32),
            size_m=np.stack((cars["length"], cars["width"]), axis=-1).astype(np.float32),
            crashed=cars["crashed"].copy(), agent_id=cars["number"].astype(np.int64),
            kind=np.where(vehicle[order], CAR_KIND, OBSTACLE_KIND).astype(np.uint8), road=self.road,
            ego=int(ego[0]) if ego.size else None)

    def episode(self, world: int, driver: str, notes: dict[str, Any] | None = None) -> Episode:
        """What has happened in a world since its reset. Its motion is the tape's own memory, not a copy:
        it changes with the world's next reset."""
        if not len(self.tape.valid):
            raise InputError("this simulator has kept no tape; make it with tape=True")
        clock, tape = self.clocks[world], self.tape
        frames, rows, ego = int(clock["steps"]) + 1, int(clock["born"]), int(clock["ego"])
        meta, known = self._meta_actions(world, rows, frames, ego)
        none = np.zeros((rows, frames), np.bool_)
        return Episode(
            position_m=tape.position[world, :rows, :frames], heading_rad=tape.heading[world, :rows, :frames],
            speed_mps=tape.speed[world, :rows, :frames], size_m=tape.size[world, :rows],
            valid=tape.valid[world, :rows, :frames], crashed=tape.crashed[world, :rows, :frames],
            control=tape.control[world, :rows, :frames], control_known=tape.commanded[world, :rows, :frames],
            meta_action=meta, meta_known=known, advice=none.astype(np.int8), advice_known=none,
            agent_id=np.arange(rows), dt_s=float(self.place.rules.dt_s), road=self.road, ego=None if ego < 0 else ego,
            kind=np.where(tape.is_object[world, :rows], OBSTACLE_KIND, CAR_KIND).astype(np.uint8),
            source=source_of(self.config, driver, int(self.seeds[world]), notes))

    def _meta_actions(self, world: int, rows: int, frames: int, ego: int) -> tuple[np.ndarray, np.ndarray]:
        """The ego's meta-actions (A, T), and where they are known: at decisions."""
        values, known = np.zeros((rows, frames), np.int8), np.zeros((rows, frames), np.bool_)
        if self.ego == "policy" and not self.place.rules.continuous and ego >= 0:
            places = np.arange(0, frames - 1, int(self.place.rules.frames))
            values[ego, places], known[ego, places] = self.wanted.taken[world, : len(places)], True
        return values, known

    def _advance(self, due: int, worlds: np.ndarray | None, again: np.ndarray | None = None,
                 observe: bool = True) -> None:
        """Let all worlds, or those numbered, do what they are due for; those of the mask `again` begin."""
        if worlds is None:
            self.wanted.due[:] = due
        else:
            self.wanted.due[:] = WAIT
            self.wanted.due[numbers_of(worlds, self.worlds)] = due
        if again is not None:
            self.wanted.due[again] = BEGIN
        share(lambda first, last: batch.advance(self._block, first, last, observe), self.worlds, self.threads,
              self._step_us)
        if self._fills and self.results.full.any():
            number = int(self.results.full.argmax())
            raise InputError(f"world {number} has no room for another car; this is a defect of drive_gen: "
                             "please report it with the configuration and the seed")

    def _seed(self, chosen: np.ndarray, seeds: int | Sequence[int] | np.ndarray | None) -> None:
        """Start the worlds' generators; without seeds only those that have none yet."""
        if seeds is None:
            fresh = chosen[self.clocks["rng_inc_low"][chosen] == 0]  # a PCG64's increment is odd
            self.seeds[np.setdiff1d(chosen, fresh)] = -1
            chosen, values = fresh, self._draws.integers(2**31, size=len(fresh))
        else:
            values = seeds_of(seeds, len(chosen))
        if not len(chosen):
            return
        clocks = self.clocks[chosen]
        seed_worlds(clocks, values.tolist())
        self.clocks[chosen], self.seeds[chosen] = clocks, values
