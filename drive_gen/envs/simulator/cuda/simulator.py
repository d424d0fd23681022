"""CudaSimulator: the worlds of Simulator on a GPU, actions and observations exchanged there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import numpy as np

from drive_gen.envs.files import InputError
from drive_gen.envs.simulator.building import known_actions
from drive_gen.envs.simulator.chosen import numbers_of, seeds_of
from drive_gen.envs.simulator.cuda import device, kernels
from drive_gen.envs.simulator.cuda.actions import Given, checked, take_controls, take_meta
from drive_gen.envs.simulator.cuda.device import DeviceArray, Kernel
from drive_gen.envs.simulator.cuda.shared import shared_of
from drive_gen.envs.simulator.cuda.space import BAD_CONTROL, BAD_META, FULL, bytes_of, space_of, worlds_of
from drive_gen.envs.simulator.rng import seed_worlds
from drive_gen.envs.simulator.simulator import Simulator, Snapshot
from drive_gen.envs.simulator.types import IDLE, NO_ACTION, WORLD
from drive_gen.envs.world import EnvConfig

SAYS = {BAD_META: "was given a meta-action that is none, and took IDLE",
        BAD_CONTROL: "was given a control that is NaN or infinite, and took 0",
        FULL: "had no room for another car; this is a defect of drive_gen: please report it with the "
              "configuration and the seed"}


class CudaStep(NamedTuple):
    """What a policy step came to in each world; on the device, overwritten by the next one."""

    reward: DeviceArray  # (W,) float64, highway-env's
    terminated: DeviceArray  # (W,) bool
    truncated: DeviceArray  # (W,) bool


class CudaSimulator:
    """W worlds of one configuration on a GPU; `Simulator` has the meaning of it all.

    Arrays that come back are the simulator's own, on the device, with __cuda_array_interface__:
    `torch.as_tensor(array, device="cuda")` shares their memory, and drive_gen.policies.tensors does it for all
    of them. Kernels run on the default stream, torch's own, so that the host waits for neither.

    With autoreset=True a world that has ended begins anew at the next step, whatever its action, from its own
    generator: Gymnasium's NEXT_STEP, as in SimulatorVectorEnv.
    """

    def __init__(self, config: EnvConfig | None = None, worlds: int = 1, *,
                 ego: Literal["policy", "idm"] = "policy", autoreset: bool = True, **overrides: Any) -> None:
        if isinstance(worlds, bool) or not isinstance(worlds, int | np.integer) or worlds < 1:
            raise InputError(f"a simulator needs 1 world or more, got {worlds}")
        device.require_device()
        model = Simulator(config, 1, ego=ego, **overrides)  # checks the configuration and builds the road
        self.config, self.worlds, self.agents, self.room = (model.config, int(worlds), model.agents,
                                                            model.cars.shape[1])
        self.rules, self.decision_s = model.place.rules, model.decision_s
        regulated = bool(self.rules.regulation)
        device.check_room(bytes_of(self.worlds, self.room, self.agents, regulated), f"{worlds} worlds")
        self._shared = shared_of(model.place)
        self._worlds = worlds_of(self.worlds, self.room, self.agents)
        self._space = space_of(self.worlds, self.room, regulated)
        self._nothing, self._begun = ego == "idm", False
        device.fill(self._worlds.meta, np.full((self.worlds, self.agents), NO_ACTION if self._nothing else IDLE))
        device.fill(self._worlds.asked, np.full(self.worlds, float(NO_ACTION)))
        self._known = device.to_device(known_actions(model.settings).astype(np.int64))
        self._own = np.zeros(self.worlds, np.bool_)  # which worlds have a generator
        self._draws = np.random.default_rng()
        self._again = bool(autoreset)
        everything = self._worlds, self._shared, self._space
        self._step = Kernel(kernels.step_worlds, self.worlds, *everything, self._again)
        self._begin = Kernel(kernels.begin_worlds, self.worlds, *everything)
        self._observe = Kernel(kernels.observe_worlds, self.worlds, *everything)

    @property
    def observation(self) -> DeviceArray:
        """What every controlled car saw last, (W, A, 17, 9) float32."""
        return self._worlds.observation

    @property
    def result(self) -> CudaStep:
        """What the last policy step came to."""
        return CudaStep(self._worlds.reward, self._worlds.terminated, self._worlds.truncated)

    def reset(self, seeds: int | Sequence[int] | np.ndarray | None = None,
              worlds: np.ndarray | None = None) -> DeviceArray:
        """Begin new episodes in all worlds, or in those numbered; observations of all (W, A, 17, 9).

        Seeds as in Simulator.reset: without, a world goes on with its own generator.
        """
        chosen = numbers_of(worlds, self.worlds)
        self._wait(chosen)
        if seeds is not None:
            self._seed(chosen, seeds_of(seeds, len(chosen)))
        elif not self._own[chosen].all():
            fresh = chosen[~self._own[chosen]]
            self._seed(fresh, self._draws.integers(2**31, size=len(fresh)))
            self._wait(chosen)
        self._begin(self._worlds, self._shared, self._space)
        self._begun = self._begun or len(chosen) == self.worlds
        return self.observe()

    def step(self, actions: Any = None) -> CudaStep:
        """One policy step of all worlds; `observe` then tells what is seen.

        actions, on the device: meta-actions (W,) or (W, A) int64, or controls in [-1, 1], (W, A, K) or (W, K)
        float32 or float64. Their values are checked by `check` alone, as in actions.py. An IDM ego takes none.
        """
        if not self._begun:
            raise InputError("call reset() before step() of a CudaSimulator")
        if not self._nothing:
            self._take(checked(actions, self.rules, self.worlds, self.agents))
        self._step(self._worlds, self._shared, self._space, self._again)
        if self._again:
            self._begin(self._worlds, self._shared, self._space)
        return self.result

    def observe(self) -> DeviceArray:
        """What every controlled car sees, (W, A, 17, 9) float32; overwritten by the next call."""
        self._observe(self._worlds, self._shared, self._space)
        return self._worlds.observation

    def check(self) -> None:
        """An InputError if a step since the last check was given wrong values; waits for the device."""
        errors = device.to_host(self._worlds.errors)
        if not errors.any():
            return
        device.fill(self._worlds.errors, np.zeros_like(errors))
        world = int(errors.argmax())
        bit = next(bit for bit in SAYS if errors[world] & bit)
        raise InputError(f"world {world} {SAYS[bit]}")

    def snapshot(self) -> Snapshot:
        """A copy of all worlds in the host's memory, as Simulator.restore takes it."""
        return Snapshot(device.to_host(self._worlds.cars), device.to_host(self._worlds.clocks))

    def restore(self, snapshot: Snapshot) -> None:
        """Make all worlds those of a snapshot, this one's or a Simulator's of the same configuration."""
        if snapshot.cars.shape != (self.worlds, self.room):
            raise InputError(f"a snapshot of shape {snapshot.cars.shape} does not fit {self.worlds} worlds of "
                             f"{self.room} cars")
        device.fill(self._worlds.cars, snapshot.cars)
        device.fill(self._worlds.clocks, snapshot.clocks)
        device.fill(self._worlds.ended, np.zeros(self.worlds, np.bool_))
        self._own, self._begun = snapshot.clocks["rng_inc_low"] != 0, True

    def _take(self, actions: DeviceArray) -> None:
        given = Given(actions, self._known, self._shared.rules, actions.dtype == np.float32)
        Kernel(take_controls if self.rules.continuous else take_meta, self.worlds, self._worlds, given)(
            self._worlds, given)

    def _wait(self, chosen: np.ndarray) -> None:
        """Say which worlds begin next."""
        numbers = np.zeros(self.worlds, np.int64)
        numbers[: len(chosen)] = chosen
        device.fill(self._worlds.chosen, numbers)
        device.fill(self._worlds.waiting, np.array([len(chosen)]))

    def _seed(self, chosen: np.ndarray, seeds: np.ndarray) -> None:
        """Give worlds generators of their own."""
        if not len(chosen):
            return
        fresh = np.zeros(len(chosen), WORLD)
        seed_worlds(fresh, seeds.tolist())
        self._wait(chosen)
        there = (device.to_device(fresh),)
        Kernel(kernels.seed_worlds, self.worlds, self._worlds, there)(self._worlds, there)
        self._own[chosen] = True
