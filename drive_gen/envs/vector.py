"""DriveEnv: highway-env's worlds under drive_gen's observation, as Gymnasium environments.

Importing this file, or `gymnasium.make("drive_gen.envs.vector:drive_gen/<id>")`, registers drive_gen/<id>.
highway-env itself (and the pygame it loads) is imported when the first environment is made.
"""

from __future__ import annotations

import dataclasses
from functools import cache
from typing import Any, Literal

import gymnasium
import numpy as np

from drive_gen.envs.config import from_mapping
from drive_gen.envs.episode import META_ACTIONS, Episode, Scene, Source
from drive_gen.envs.files import InputError
from drive_gen.envs.observe import SHAPE, observe_scene
from drive_gen.envs.recorder import Recorder
from drive_gen.envs.road import Road
from drive_gen.envs.world import SUPPORTED, EnvConfig

# merge and two-way worlds have no time limit of their own: whoever stands still there would do so for ever.
LONGEST_S = 120.0
BOUND = 1000.0  # of an observation; entries are about one, and grow only with the distance off the road


class DriveEnv(gymnasium.Env[np.ndarray, Any]):
    """One of highway-env's road environments: its dynamics, reward and ends; drive_gen's observation (17, 9).

    Actions are meta-actions (a number in META_ACTIONS; those that an environment lacks, such as the
    intersection's lane changes, mean IDLE) or, with actions="continuous", acceleration and steering in units
    of CONTROL_SCALE. With ego="idm" highway-env's IDM and MOBIL drive, and actions are ignored.
    """

    metadata: dict[str, Any] = {"render_modes": ["rgb_array"], "render_fps": 5}  # noqa: RUF012 (Env's own type)

    def __init__(self, config: EnvConfig | None = None, *, record: bool = False,
                 ego: Literal["policy", "idm"] = "policy", render_mode: str | None = None,
                 **overrides: Any) -> None:
        from drive_gen.envs.reference import make_stock, resolved

        values = dataclasses.asdict(config) if config else {}
        self.config = from_mapping(EnvConfig, {**values, **overrides}, "DriveEnv")
        if (self.config.controlled or 1) > 1:
            raise InputError(f"DriveEnv drives one car, controlled is {self.config.controlled}; leave it out")
        self.record, self.ego, self.render_mode = record, ego, render_mode
        self.settings = resolved(self.config)  # highway-env's full config
        self.stock = make_stock(self.config, render_mode)
        self.observation_space = gymnasium.spaces.Box(-BOUND, BOUND, SHAPE, np.float32)
        self.action_space: gymnasium.Space[Any] = (
            gymnasium.spaces.Discrete(len(META_ACTIONS)) if self.config.actions == "meta"
            else gymnasium.spaces.Box(-1.0, 1.0, (2 if self.config.actions == "continuous" else 1,),
                                      np.float32))
        self.seed: int | None = None  # of the present episode
        self._road: Road | None = None
        self._recorder: Recorder | None = None

    @property
    def decision_s(self) -> float:
        """Seconds between two decisions."""
        return 1 / float(self.settings["policy_frequency"])

    def reset(self, *, seed: int | None = None,
              options: dict[str, Any] | None = None) -> tuple[np.ndarray, dict[str, Any]]:
        """Begin the episode of `seed`, the same as highway-env's own; without one, a seed is drawn."""
        from drive_gen.envs.reference import export_road, replace_ego

        super().reset(seed=seed)
        self.seed = int(self.np_random.integers(2**31)) if seed is None else seed
        _, info = self.stock.reset(seed=self.seed, options=options)
        if self.ego == "idm":
            replace_ego(self.stock)
        if self._road is None or options:  # a config's road is always the same
            self._road = export_road(self.stock)
        self._recorder = Recorder(self.stock, self._road, keep=self.record)
        return self._observe(), {**info, "seed": self.seed, "off_road": self._off_road()}

    def step(self, action: Any) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        """Take one decision; highway-env's reward and ends, and `off_road` in the info."""
        _, reward, terminated, truncated, info = self.stock.step(self._stock_action(action))
        world: Any = self.stock.unwrapped
        truncated = bool(truncated) or ("duration" not in world.config and world.time >= LONGEST_S)
        info = {**info, "off_road": self._off_road()}
        return self._observe(), float(reward), bool(terminated), truncated, info

    def advise(self, meta_action: int) -> None:
        """Record what a teacher would do at the present frame."""
        self._watching().advise(int(meta_action))

    def scene(self) -> Scene:
        """The world at this instant; the ego is agent 0."""
        return self._watching().scene()

    def episode(self, driver: str, notes: dict[str, Any] | None = None) -> Episode:
        """What has happened since the reset, by whoever is named as the driver."""
        if not self.record or self.seed is None:
            raise InputError("this DriveEnv has recorded nothing; make it with record=True, then reset it")
        return self._watching().episode(source_of(self.config, driver, self.seed, notes))

    def render(self) -> Any:
        """highway-env's own picture, where made with render_mode="rgb_array"."""
        return self.stock.render()

    def close(self) -> None:
        """Close highway-env's viewer."""
        self.stock.close()

    def _observe(self) -> np.ndarray:
        scene = self.scene()
        return observe_scene(scene, scene.ego or 0)

    def _off_road(self) -> bool:
        return not self.stock.unwrapped.vehicle.on_road  # type: ignore[attr-defined]

    def _watching(self) -> Recorder:
        if self._recorder is None:
            raise InputError("call reset() before anything else of a DriveEnv")
        return self._recorder

    def _stock_action(self, action: Any) -> Any:
        """The action in highway-env's own terms; a meta-action is noted by the recorder."""
        if self.ego == "idm":
            return None
        if self.config.actions != "meta":
            control, wanted = np.asarray(action, dtype=np.float64), self.action_space.shape
            if control.shape != wanted or not np.isfinite(control).all():
                raise InputError(f"a control is finite numbers in [-1, 1] of shape {wanted}, got {action!r}")
            return control
        number = int(action)
        if not 0 <= number < len(META_ACTIONS):
            raise InputError(f"a meta-action is a number from 0 to {len(META_ACTIONS) - 1}, got {action!r}")
        known: dict[str, int] = self.stock.unwrapped.action_type.actions_indexes  # type: ignore[attr-defined]
        name = META_ACTIONS[number] if META_ACTIONS[number] in known else "IDLE"
        self._watching().decide(META_ACTIONS.index(name))
        return known[name]


def source_of(config: EnvConfig, driver: str, seed: int, notes: dict[str, Any] | None = None) -> Source:
    """Where an episode comes from that a driver drives in the world of a seed."""
    settings, digest, versions = _world_of(config, repr(config))
    return Source("simulated", config.env, f"{config.env}/{seed}", seed=seed, driver=driver,
                  config_hash=digest, versions=versions, notes={"config": dict(settings), **(notes or {})})


@cache
def _world_of(config: EnvConfig, written: str) -> tuple[dict[str, Any], str, dict[str, str]]:
    """Settings that are not highway-env's defaults, hash and versions; 6 and 6.0 are equal, but not written so."""
    from drive_gen.envs.reference import config_hash, versions

    settings = {name: list(value) if isinstance(value, tuple) else value
                for name, value in dataclasses.asdict(config).items() if value is not None}
    return settings, config_hash(config), versions()


def register_envs() -> None:
    """Register drive_gen/<id> with Gymnasium, once."""
    for name in SUPPORTED:
        if f"drive_gen/{name}" not in gymnasium.registry:
            gymnasium.register(
                f"drive_gen/{name}", entry_point="drive_gen.envs.vector:DriveEnv", kwargs={"env": name},
                vector_entry_point="drive_gen.envs.simulator.vector_env:SimulatorVectorEnv")


register_envs()
