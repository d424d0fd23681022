"""A driver of the user's own: whatever has `predict`, in a Python file."""

from __future__ import annotations

import hashlib
import importlib.util
import sys
import traceback
from pathlib import Path
from typing import Any, Literal

import numpy as np

from drive_gen.envs.config import nearest
from drive_gen.envs.files import InputError
from drive_gen.envs.observe import SHAPE
from drive_gen.policies.policy import State

MARK = ".py:"  # between a file and the name in it


class OwnPolicy:
    """Asks the user's policy, and checks what it answers."""

    def __init__(self, policy: Any, name: str) -> None:
        self.policy, self.name = policy, name
        box = len(getattr(getattr(policy, "action_space", None), "shape", ())) > 0  # stable-baselines3 says it
        self.actions: Literal["meta", "continuous"] = getattr(policy, "actions", "continuous" if box else "meta")
        self.sampling = bool(getattr(policy, "sampling", False))
        if hasattr(policy, "attach"):
            self.attach = policy.attach
        if self.actions not in ("meta", "continuous"):
            raise InputError(f"{name}: actions is {self.actions!r}, expected 'meta' or 'continuous'")
        seen = getattr(getattr(policy, "observation_space", None), "shape", SHAPE)
        if tuple(seen) != SHAPE:
            raise InputError(f"{name} was trained on observations {tuple(seen)}, and drivers see {SHAPE}: train "
                             "it on drive_gen's environments as they are, or turn one into the other in a class")

    def predict(self, observation: np.ndarray, state: State | None = None,
                episode_start: np.ndarray | None = None,
                deterministic: bool = False) -> tuple[np.ndarray, State | None]:
        """Meta-actions (W,) or controls (W, 2), as the user's policy gives them."""
        try:
            answer = self.policy.predict(observation, state, episode_start, deterministic)
        except Exception as error:
            raise _reason(Path(self.name.rsplit(":", 1)[0]), error) from error
        if not isinstance(answer, tuple) or len(answer) != 2:
            raise InputError(f"{self.name}: predict gave {type(answer).__name__}, expected (actions, state)")
        actions, worlds = np.asarray(answer[0]), len(observation)
        expected = (worlds,) if self.actions == "meta" else (worlds, 2)
        whole = self.actions == "continuous" or np.issubdtype(actions.dtype, np.integer)
        if actions.shape != expected or not whole:
            raise InputError(f"{self.name}: predict gave actions {actions.shape} of {actions.dtype} for {worlds} "
                             f"worlds, expected {expected} of {'int' if self.actions == 'meta' else 'float'}")
        return actions, answer[1]


def load_own(reference: str) -> tuple[OwnPolicy, str]:
    """The policy that FILE.py:NAME means (a class is called without arguments), and a hash of file and weights.

    The file is executed as Python's own import would, beside its neighbours.
    """
    source, name = reference.rsplit(":", 1)
    path = Path(source)
    if not path.is_file():
        raise InputError(f"no driver {reference!r}: there is no file {source}")
    policy = _called(path, name, _execute(path))
    if not callable(getattr(policy, "predict", None)):
        raise InputError(f"{reference} has no predict(observation, state, episode_start, deterministic); "
                         "docs/drivers.md says what a driver is")
    return OwnPolicy(policy, reference), _hash_of(path, policy)


def _execute(path: Path) -> dict[str, Any]:
    """The names that a file defines."""
    spec = importlib.util.spec_from_file_location(f"own_driver_{path.stem}", path)
    assert spec is not None and spec.loader is not None  # it ends in .py
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    if (folder := str(path.resolve().parent)) not in sys.path:
        sys.path.insert(0, folder)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise _reason(path, error) from error
    return vars(module)


def _called(path: Path, name: str, names: dict[str, Any]) -> Any:
    if name not in names:
        own = [found for found in names if not found.startswith("_")]
        raise InputError(f"{path} defines no {name!r}{nearest(name, own)}")
    if not isinstance(names[name], type):
        return names[name]
    try:
        return names[name]()
    except Exception as error:
        raise _reason(path, error) from error


def _reason(path: Path, error: Exception) -> InputError:
    """What went wrong in a user's file, and in which of its lines."""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__)
             if frame.filename == str(path) or frame.filename == str(path.resolve())]
    if isinstance(error, SyntaxError):
        lines = [error.lineno]
    place = f"{path}:{lines[-1]}" if lines else str(path)
    return InputError(f"{place}: {type(error).__name__}: {' '.join(str(error).split())}")


def _hash_of(path: Path, policy: Any) -> str:
    """Changes with the file and with the weights of torch modules in the policy, or in what it holds."""
    digest = hashlib.sha256(path.read_bytes())
    held = [policy, *getattr(policy, "__dict__", {}).values()]
    held += [getattr(part, "policy", None) for part in held]  # stable-baselines3's models keep theirs there
    modules = {id(part): part for part in held
               if callable(getattr(part, "state_dict", None)) and not isinstance(part, type)}
    for module in modules.values():
        for key, tensor in module.state_dict().items():
            if hasattr(tensor, "numpy"):
                digest.update(key.encode() + tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]
