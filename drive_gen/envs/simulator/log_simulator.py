"""LogSimulator: worlds in which the cars of a recording do again what they did, until they are handed over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from drive_gen.envs.episode import Episode, Source
from drive_gen.envs.files import InputError
from drive_gen.envs.replay import TARGET_SPEEDS_MPS
from drive_gen.envs.road import Road
from drive_gen.envs.simulator.building import built
from drive_gen.envs.simulator.chosen import numbers_of
from drive_gen.envs.simulator.lines import lines_of
from drive_gen.envs.simulator.logs import Logs
from drive_gen.envs.simulator.place import Place
from drive_gen.envs.simulator.road_network import network_of_road
from drive_gen.envs.simulator.simulator import Simulator
from drive_gen.envs.world import EnvConfig, WorldState


class LogSimulator(Simulator):
    """W worlds of one recording, each begun at one of its frames with one of its cars controlled.

    All other cars replay, come and go as the log has them. `hand_over` gives any of them to the policy, to
    IDM and MOBIL (which aim at the greatest speed that the car had in the log), or back to the log. A car's
    number is its row in the log. Collisions count where a car that is not the log's is in them; boxes that
    overlap in the log are its noise.

    A world ends after `horizon_s`, or with the log, or with a crash of the controlled car. Rewards are
    highway-v0's.
    """

    def __init__(self, log: Episode, worlds: int = 1, *, horizon_s: float = 6.0, decision_s: float = 1.0,
                 target_speeds_mps: Sequence[float] = TARGET_SPEEDS_MPS, actions: str = "meta",
                 tape: bool = False, threads: int | None = None) -> None:
        hertz, policy_hz = round(1 / log.dt_s), round(1 / decision_s)
        if abs(hertz * log.dt_s - 1) > 1e-6 or abs(policy_hz * decision_s - 1) > 1e-6 or hertz % policy_hz:
            raise InputError(f"{log.source.name} has frames of {log.dt_s:g} s and decisions are {decision_s:g} s "
                             "apart; both must go into a second, and frames into decisions, a whole number of "
                             "times")
        self.log = log
        self.cases = cases_of(log.valid, round(horizon_s * hertz))
        if not len(self.cases):
            raise InputError(f"{log.source.name} has no car for {horizon_s:g} s; ask for a shorter horizon_s")
        config: dict[str, Any] = {"actions": actions}
        if actions == "meta":
            config["target_speeds_mps"] = tuple(target_speeds_mps)
        super().__init__(EnvConfig(env="highway-v0", vehicles=0, simulation_hz=hertz, policy_hz=policy_hz,
                                   duration_s=horizon_s, **config),
                         worlds, tape=tape, threads=threads)
        if tape:
            self.tape.size[:] = log.size_m  # of those, too, that have not come yet

    def begin(self, cases: np.ndarray, worlds: np.ndarray | None = None) -> np.ndarray:
        """Begin all worlds, or those numbered: cases (n, 2) are rows of the log to control, and frames.

        Observations of all (W, A, 17, 9). A row of -1 controls none.
        """
        chosen, wanted = numbers_of(worlds, self.worlds), np.asarray(cases)
        if wanted.shape != (len(chosen), 2) or wanted.dtype.kind not in "iu":
            raise InputError(f"cases are {len(chosen)} pairs of a row and a frame, got {wanted.dtype} of shape "
                             f"{wanted.shape}")
        rows, frames = wanted.T
        if (rows < -1).any() or (rows >= self.log.agents).any() or (frames < 0).any() or (
                frames >= self.log.steps - 1).any() or not (self.log.valid[rows, frames] | (rows < 0)).all():
            raise InputError(f"{self.log.source.name} has rows 0 to {self.log.agents - 1} and frames 0 to "
                             f"{self.log.steps - 1}; each row must be there at its frame")
        self.seeds[chosen] = -1
        self._place_cases(chosen, wanted)
        self._begin(worlds)
        return self.observe()

    def to_env(self, world: int) -> WorldState:
        """Not to be had: highway-env has no such world."""
        raise InputError("highway-env has no logged cars; a LogSimulator's worlds stay here")

    def episode(self, world: int, driver: str, notes: dict[str, Any] | None = None) -> Episode:
        """As Simulator's, of the log's agents that were there; a copy."""
        made, log, clock = super().episode(world, driver, notes), self.log.source, self.clocks[world]
        about = {"log": {"name": log.name, "group": log.group, "kind": log.kind},
                 "row": int(clock["ego"]), "start": int(clock["log_frame"]), **(notes or {})}
        source = Source(kind="simulated", name=f"log/{log.name}/{about['row']}/{about['start']}", driver=driver,
                        group=log.group, licence=log.licence, seed=made.source.seed, notes=about,
                        versions=made.source.versions)
        whole = replace(made, agent_id=self.log.agent_id, kind=self.log.kind, source=source)
        return whole.only(np.flatnonzero(made.valid.any(1)))

    def _built(self) -> tuple[dict[str, Any], Road, WorldState, Place]:
        settings, _, origin, place = built(self.config, "policy")
        log = self.log
        motion = np.concatenate((log.position_m, log.heading_rad[..., None], log.speed_mps[..., None]), axis=-1)
        fastest = np.where(log.valid, log.speed_mps, 0).max(1, keepdims=True)
        logs = Logs(motion.astype(np.float64), log.valid.copy(),
                    np.concatenate((log.size_m, fastest), axis=1).astype(np.float64))
        network = network_of_road(log.road)
        place.rules.connected = len(network.ways) > 1
        return settings, log.road, origin, place._replace(network=network, lines=lines_of(log.road), logs=logs)

    def _room(self) -> int:
        return self.log.agents

    def _seed(self, chosen: np.ndarray, seeds: Any) -> None:
        """The cases that the seeds draw; without seeds, any."""
        fresh = seeds is None
        if fresh:
            seeds = self._draws.integers(2**31, size=len(chosen))
        super()._seed(chosen, seeds)
        drawn = [np.random.default_rng(int(seed)).integers(len(self.cases)) for seed in self.seeds[chosen]]
        if fresh:
            self.seeds[chosen] = -1
        self._place_cases(chosen, self.cases[np.array(drawn, np.int64)])

    def _place_cases(self, chosen: np.ndarray, cases: np.ndarray) -> None:
        self.clocks["ego"][chosen], self.clocks["log_frame"][chosen] = cases.T


def cases_of(valid: np.ndarray, frames: int) -> np.ndarray:
    """Rows and frames (C, 2) from which a row (A, T) goes on for so many frames without a gap."""
    gaps = np.concatenate((np.zeros((len(valid), 1), np.int64), np.cumsum(~valid, axis=1)), axis=1)
    if frames >= valid.shape[1]:
        return np.zeros((0, 2), np.int64)
    return np.argwhere(gaps[:, frames + 1 :] == gaps[:, : -frames - 1])
