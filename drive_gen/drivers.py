"""Drivers by name: a rule, the planner, highway-env's IDM, a checkpoint, or the user's own."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from drive_gen.envs.config import nearest
from drive_gen.envs.files import InputError, hash_of, read_json, sha256_of
from drive_gen.envs.vector import DriveEnv
from drive_gen.envs.world import EnvConfig
from drive_gen.policies.own import MARK, load_own
from drive_gen.policies.policy import Policy
from drive_gen.policies.rules import RULES, Idle

if TYPE_CHECKING:
    from drive_gen.envs.simulator.simulator import Simulator
    from drive_gen.envs.simulator.single import SimulatorEnv

Engine = Literal["simulator", "reference"]

BUILT_IN = ("idm", "planner", "careful", *RULES)
PPO_FOLDERS = (Path("runs/ppo"), Path(__file__).parent / "assets" / "ppo")  # where "ppo" is looked for


@dataclass(frozen=True)
class Driver:
    """Somebody who can drive, and what it is in reports and stores."""

    name: str
    policy: Policy
    hash: str
    ego: Literal["policy", "idm"] = "policy"
    actions: Literal["meta", "continuous"] = "meta"
    trained: bool = False

    @property
    def label(self) -> str:
        """The name by which a store knows it: a trained driver's weights are part of who it is."""
        return f"{self.name}@{self.hash[:8]}" if self.trained else self.name

    def config_for(self, config: EnvConfig) -> EnvConfig:
        """The config with this driver's kind of actions."""
        if self.actions == "continuous":
            return dataclasses.replace(config, actions="continuous", target_speeds_mps=None)
        return dataclasses.replace(config, actions="meta")

    def env_for(self, config: EnvConfig, engine: Engine = "simulator") -> DriveEnv | SimulatorEnv:
        """A recording environment that this driver can drive in: highway-env's, or the simulator's equal."""
        if engine == "simulator":
            from drive_gen.envs.simulator.single import SimulatorEnv

            return SimulatorEnv(self.config_for(config), record=True, ego=self.ego)
        return DriveEnv(self.config_for(config), record=True, ego=self.ego)

    def simulator_for(self, config: EnvConfig, worlds: int) -> Simulator:
        """Recording worlds that this driver can drive in, all at once."""
        from drive_gen.envs.simulator.simulator import Simulator

        return Simulator(self.config_for(config), worlds, tape=True, ego=self.ego, threads=1)


def load_driver(reference: str, config: EnvConfig, seed: int = 0, mode: str | None = None) -> Driver:
    """The driver that a reference means, for worlds of a config.

    A reference is a built-in name ("idm", "planner", "careful", "slower", "idle", "gap", "random"), with or
    without "baseline:" before it, "ppo", the path of a checkpoint or run folder, or FILE.py:NAME, the
    user's own policy. `mode` is how a behaviour transformer chooses its actions: bc, target or tilt; by
    default as in its training's evaluations.
    """
    name = reference.removeprefix("baseline:")
    if name in BUILT_IN:
        return _built_in(name, config, seed)
    if name == "ppo":
        return _trained(find_ppo(), "ppo", mode)
    if MARK in reference:
        own, digest = load_own(reference)
        return Driver(Path(reference).name.replace(MARK, "."), own, digest, actions=own.actions, trained=True)
    path = Path(reference)
    if path.is_file():
        raise InputError(f"{path} is a file; a driver is a folder, or FILE.py:NAME, a class or object with "
                         "predict in a Python file (docs/drivers.md)")
    if not path.exists() and reference.count("/") != 1:  # owner/name may be a model on the Hub
        raise InputError(f"no driver {reference!r}{nearest(name, [*BUILT_IN, 'ppo'])}; give the folder of a "
                         f"checkpoint, FILE.py:NAME, or one of: {', '.join(BUILT_IN)}, ppo")
    return _trained(path, path.resolve().name, mode)


def find_ppo() -> Path:
    """The folder of a trained PPO driver: runs/ppo, or the one that comes with the package."""
    for folder in PPO_FOLDERS:
        if folder.exists():
            return folder
    raise InputError("no PPO driver at runs/ppo; `drive-gen train ppo --out runs/ppo` trains one")


def _built_in(name: str, config: EnvConfig, seed: int) -> Driver:
    if name == "idm":  # highway-env drives; the policy's actions are ignored
        return Driver(name, Idle(), hash_of(name), ego="idm")
    if name in ("planner", "careful"):
        from drive_gen.policies.planner import CAREFUL, Planner

        planner = dataclasses.replace(CAREFUL) if name == "careful" else Planner()
        return Driver(name, planner, hash_of([name, _settings(planner)]))
    policy = RULES[name](seed)
    return Driver(name, policy, hash_of([name, _settings(policy), seed if name == "random" else 0]))


def _settings(policy: Any) -> dict[str, Any]:
    """What a rule's behaviour depends on beside its name."""
    return dataclasses.asdict(policy) if dataclasses.is_dataclass(policy) else {}  # type: ignore[arg-type]


def _trained(path: Path, name: str, mode: str | None) -> Driver:
    """A driver from a checkpoint; torch is loaded only here."""
    from drive_gen.policies.pretrained import MANIFEST, checkpoint_folder, model_type_of, verify

    folder = checkpoint_folder(path)
    verify(folder)
    kind, digest = model_type_of(folder), sha256_of(folder / MANIFEST)[:16]
    if kind == "ppo":
        from drive_gen.train.ppo import PpoPolicy

        return Driver(name, PpoPolicy.from_checkpoint(folder), digest, trained=True)
    if kind == "behavior":
        from drive_gen.policies.driver import BehaviorPolicy

        actions = read_json(folder / "config.json", "a checkpoint's config")["config"].get("actions", "meta")
        policy = BehaviorPolicy.from_checkpoint(folder, mode=mode)
        steered = hash_of([digest, dataclasses.asdict(policy.steering)])
        if policy.config.sight is None:
            return Driver(name, policy, steered, actions=actions, trained=True)
        from drive_gen.policies.seeing import SeeingPolicy  # draws pictures: numba is loaded only for it

        return Driver(name, SeeingPolicy(policy), steered, actions=actions, trained=True)
    raise InputError(f"{folder} holds a {kind!r} model, which cannot drive; give a behavior or ppo one")
