"""A run's folder: settings, metrics, checkpoints, and the training state that a stopped run goes on from."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn, optim

from drive_gen.envs.config import from_mapping
from drive_gen.envs.files import (
    InputError,
    make_folder,
    read_json,
    replacing,
    sha256_of,
    write_json,
    write_text,
)
from drive_gen.policies.pretrained import Card, Pretrained, check_tensors, load_untied, untied

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

SETTINGS, METRICS, STATE = "config.json", "metrics.jsonl", "training_state/state.json"

Config = TypeVar("Config")


def device_of(name: str) -> torch.device:
    """The device that "auto", "cpu" or "cuda" means here."""
    if name == "cuda" and not torch.cuda.is_available():
        raise InputError("--device cuda: torch finds no CUDA device here; use --device cpu or auto")
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return torch.device(name)


def begun_with(out: Path, config_class: type[Config], model: str, command: str
               ) -> tuple[Config, dict[str, Any]]:
    """The settings that a run of a command was begun with, and all of its config.json."""
    where = out / SETTINGS
    settings = read_json(where, f"a run's config (`{command}` writes one)")
    if not isinstance(settings, dict) or settings.get("model") != model:
        raise InputError(f"{where} is no config of `{command}`; give the folder of such a run")
    return from_mapping(config_class, settings["training"], str(where)), settings


@dataclass(frozen=True)
class Progress:
    """How far a run has come."""

    step: int = 0  # updates taken
    evaluated: int = 0  # the step evaluated last
    best_score: float | None = None
    best_step: int = 0
    stale: int = 0  # evaluations since the best one

    def scored(self, score: float) -> Progress:
        """After an evaluation at this step."""
        if self.best_score is None or score > self.best_score:
            return replace(self, evaluated=self.step, best_score=score, best_step=self.step, stale=0)
        return replace(self, evaluated=self.step, stale=self.stale + 1)


@dataclass
class Learner:
    """All that training changes."""

    model: Pretrained
    average: Pretrained  # its averaged weights, which are what is evaluated and saved
    optimizer: optim.Optimizer
    progress: Progress = field(default_factory=Progress)


@dataclass(frozen=True)
class RunFolder:
    """Writes config.json, metrics.jsonl, tb/, checkpoints/{last,best} and training_state/ under `path`."""

    path: Path
    settings: Mapping[str, Any]  # JSON: everything the run's result depends on
    card: Card = field(default_factory=Card)
    resume_command: str = "drive-gen train ... --resume"  # the path is put after it

    def start(self, resume: bool = False, device: str = "auto") -> None:
        """Make the folder, or check that it holds this very run where it is to go on.

        The device is asked for first, so that a run that cannot train leaves no folder behind.
        """
        device_of(device)
        held = (self.path / STATE).exists() or (self.path / METRICS).exists()
        if not resume:
            if held:
                raise InputError(f"{self.path} holds a run already; go on with `{self.resume_command} "
                                 f"{self.path}` or choose another --out")
            make_folder(self.path)
            write_json(self.path / SETTINGS, self.settings)
            return
        former = read_json(self.path / SETTINGS, "a run's config (`drive-gen train` writes one)")
        if former != json.loads(json.dumps(self.settings)):
            raise InputError(f"{self.path / SETTINGS} has other settings than those given; drop the flags "
                             "that differ, or choose another --out")

    def log(self, kind: str, step: int, values: Mapping[str, float]) -> None:
        """One line of metrics.jsonl and a point in TensorBoard's curves; kind is train or evaluation."""
        line = json.dumps({"kind": kind, "step": step, **values, "time": round(time.time(), 3)})
        with (self.path / METRICS).open("a", encoding="utf-8") as file:
            file.write(line + "\n")
        for name, value in values.items():
            self.tensorboard.add_scalar(f"{kind}/{name}", value, step)

    @cached_property
    def tensorboard(self) -> SummaryWriter:
        """Opened at the first use: its import takes seconds."""
        from torch.utils.tensorboard import SummaryWriter

        former = read_json(self.path / STATE, "a training state") if (self.path / STATE).exists() else None
        again_from = former["progress"]["step"] + 1 if former else None  # steps to be taken again
        return SummaryWriter(str(self.path / "tb"), purge_step=again_from)

    def save_checkpoint(self, name: str, model: Pretrained, metrics: Mapping[str, float]) -> Path:
        """Write checkpoints/`name`; the metrics go into its card."""
        folder = self.path / "checkpoints" / name
        model.save_pretrained(folder, card=replace(self.card, metrics=metrics), train_config=self.settings)
        return folder

    def save_state(self, learner: Learner) -> None:
        """Write all that training changes. state.json names the tensors' file: both change at one instant."""
        folder = make_folder(self.path / "training_state")
        tensors = folder / f"step-{learner.progress.step:08d}.safetensors"
        with replacing(tensors) as temporary:
            save_file(_tensors_of(learner), temporary)
        write_json(self.path / STATE, {"file": tensors.name, "sha256": sha256_of(tensors),
                                       "progress": asdict(learner.progress)})
        for path in folder.glob("step-*.safetensors"):
            if path != tensors:
                path.unlink()

    def load_state(self, learner: Learner) -> None:
        """Put the learner back to where `save_state` left it; a run that saved nothing starts at step 0."""
        if not (self.path / STATE).exists():
            return
        state = read_json(self.path / STATE, "a run's training state")
        path = self.path / "training_state" / str(state.get("file"))
        if not path.is_file() or sha256_of(path) != state.get("sha256"):
            raise InputError(f"{path} is missing or was changed; start the run again with another --out")
        try:
            found = load_file(path)
        except SafetensorError as error:
            raise InputError(f"{path} is not a safetensors file: {error}") from None
        _restore(learner, found, path)
        learner.progress = from_mapping(Progress, state.get("progress", {}), f"{self.path / STATE}: progress")
        self._forget_after(learner.progress.step)

    def _forget_after(self, step: int) -> None:
        """Drop the metrics of steps that will be taken again."""
        path = self.path / METRICS
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True) if path.exists() else []
        write_text(path, "".join(line for line in lines if json.loads(line)["step"] <= step))


def _tensors_of(learner: Learner) -> dict[str, Tensor]:
    """The state as named tensors: weights/*, average/*, optimizer/<slot>/*."""
    tensors = {f"{prefix}/{name}": tensor for prefix, module in _modules_of(learner).items()
               for name, tensor in untied(module.state_dict()).items()}
    for name, parameter in learner.model.named_parameters():
        for slot, value in learner.optimizer.state[parameter].items():
            tensors[f"optimizer/{slot}/{name}"] = value
    return {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}


def _restore(learner: Learner, found: dict[str, Tensor], path: Path) -> None:
    for prefix, module in _modules_of(learner).items():
        part = {name.removeprefix(f"{prefix}/"): tensor
                for name, tensor in found.items() if name.startswith(f"{prefix}/")}
        check_tensors(part, untied(module.state_dict()), path)
        load_untied(module, part)
    for name, parameter in learner.model.named_parameters():
        slots = {key.split("/")[1]: tensor.to(parameter.device) for key, tensor in found.items()
                 if key.startswith("optimizer/") and key.split("/", 2)[2] == name}
        if slots:
            learner.optimizer.state[parameter] = slots


def _modules_of(learner: Learner) -> dict[str, nn.Module]:
    return {"weights": learner.model, "average": learner.average}
