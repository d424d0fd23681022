"""The checkpoint format: a folder that says what it is, checked before use. No pickle is ever read.

    config.json        {"model": type name, "format": 1, "config": {...}}
    model.safetensors  the weights
    train_config.json  how it was trained
    README.md          the model card
    manifest.json      sha256 of each of the above, and of what a network adds (a tokenizer)

`Pretrained` is huggingface_hub's ModelHubMixin over this format, so a checkpoint goes to the Hub and comes
back as any other model there does (PyTorchModelHubMixin itself falls back to pickles and loads loosely).
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Self

import torch
from huggingface_hub import ModelCardData, ModelHubMixin, snapshot_download
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

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

FORMAT = 1
CONFIG, WEIGHTS, TRAIN_CONFIG, README, MANIFEST = (
    "config.json", "model.safetensors", "train_config.json", "README.md", "manifest.json")
HASHED = (CONFIG, WEIGHTS, TRAIN_CONFIG, README)
LICENCE = "apache-2.0"


@dataclass(frozen=True)
class Card:
    """What a model card says that the config does not."""

    data: tuple[str, ...] = ()  # what it was trained on, a line each
    seed: int | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    limits: str = "Trained and tested in simulation only; it must not drive a real vehicle."


class Pretrained(nn.Module, ModelHubMixin, library_name="drive_gen",  # type: ignore[misc, call-arg]
                 license=LICENCE, tags=["autonomous-driving", "highway-env"]):
    """A network that is built from one frozen config and saved as a checkpoint folder.

    A subclass names its `model_type` and `config_class`, and its `__init__` takes the config first. What it
    needs beside config and weights (a tokenizer) it writes and reads in `save_more` and `read_more`.
    """

    model_type: ClassVar[str]
    config_class: ClassVar[type]
    more_files: ClassVar[tuple[str, ...]] = ()  # of save_more; hashed with the rest
    weights_file: ClassVar[str] = WEIGHTS  # diffusers looks for another name
    weights_prefix: ClassVar[str] = ""  # left out of saved names: of a module that another library reads
    config: Any
    _hub_mixin_info: ClassVar[Any]  # set by ModelHubMixin

    def __init__(self, config: Any) -> None:
        super().__init__()
        self.config = config
        self._card: str | None = None  # as loaded, so that what is loaded and saved again keeps its papers
        self._train_config: dict[str, Any] = {}

    def save_pretrained(self, save_directory: str | Path, *, card: Card | None = None,
                        train_config: Mapping[str, Any] | None = None, **hub: Any) -> str | None:
        """Write the checkpoint folder, whole or not at all; `hub` is ModelHubMixin's (push_to_hub...)."""
        folder = Path(save_directory)
        if card is not None:
            self._card = render_card(self, card)
        if train_config is not None:
            self._train_config = dict(train_config)
        hub.setdefault("repo_id", folder.name)
        with replacing_folder(folder) as temporary:
            return super().save_pretrained(temporary, **hub)  # type: ignore[no-any-return]

    def _save_pretrained(self, save_directory: Path) -> None:
        """ModelHubMixin's hook: all five files."""
        weights = {name.removeprefix(self.weights_prefix): tensor.detach().cpu().contiguous()
                   for name, tensor in untied(self.state_dict()).items()}
        with replacing(save_directory / self.weights_file) as temporary:
            save_file(weights, temporary, metadata={"format": "pt"})
        write_json(save_directory / CONFIG, {**self.library_config(), "model": self.model_type,
                                             "format": FORMAT, "config": asdict(self.config)})
        write_json(save_directory / TRAIN_CONFIG, self._train_config)
        write_text(save_directory / README, self._card or render_card(self, Card()))
        self.save_more(save_directory)
        write_json(save_directory / MANIFEST, {name: sha256_of(save_directory / name)
                                               for name in self.hashed_files()})

    def save_more(self, folder: Path) -> None:
        """Write `more_files`."""

    def read_more(self, folder: Path) -> None:
        """Read `more_files`, after the weights; they are those that were saved."""

    @classmethod
    def hashed_files(cls) -> tuple[str, ...]:
        """All files of a checkpoint but the manifest."""
        return (CONFIG, cls.weights_file, TRAIN_CONFIG, README, *cls.more_files)

    def library_config(self) -> dict[str, Any]:
        """Keys beside ours by which another library loads the same folder; none here."""
        return {}

    @classmethod
    def from_pretrained(cls, pretrained_model_name_or_path: str | Path, *, device: str | torch.device = "cpu",
                        **hub: Any) -> Self:
        """Load a checkpoint or run folder, or a Hub id ("owner/name"), ready to predict.

        `hub` is snapshot_download's: revision, token, cache_dir, force_download, local_files_only.
        """
        folder = _local_folder(pretrained_model_name_or_path, cls.hashed_files(), hub)
        verify(folder, (CONFIG,))
        config = read_config(folder, cls.model_type, cls.config_class)  # another task's has other files
        verify(folder, cls.hashed_files())
        model = cls(config)
        load_weights(model, folder / cls.weights_file, cls.weights_prefix)
        model.read_more(folder)
        model._card = (folder / README).read_text(encoding="utf-8")
        model._train_config = read_json(folder / TRAIN_CONFIG, "a checkpoint's training config")
        return model.to(device).eval()


def checkpoint_folder(path: Path) -> Path:
    """The checkpoint that a path means: itself, or a run folder's best, or its last."""
    for folder in (path, path / "checkpoints" / "best", path / "checkpoints" / "last"):
        if (folder / MANIFEST).is_file() or (folder / WEIGHTS).is_file():
            return folder
    if not path.exists():
        raise InputError(f"no checkpoint at {path}; `drive-gen train` writes one")
    raise InputError(f"{path} is no checkpoint (it has no {MANIFEST}) and no run: it has no checkpoints/best")


def model_type_of(path: Path) -> str:
    """Which network a checkpoint or run folder holds ("behavior", ...)."""
    return str(_read_header(checkpoint_folder(path))["model"])


def verify(folder: Path, names: Iterable[str] = HASHED) -> None:
    """Check that every file is there and is the one that was saved."""
    manifest = read_json(folder / MANIFEST, "a checkpoint's manifest (`drive-gen train` writes one)")
    for name in names:
        expected = manifest.get(name) if isinstance(manifest, dict) else None
        if not isinstance(expected, str):
            raise InputError(f"{folder / MANIFEST} gives no hash of {name}; copy the whole checkpoint again")
        if not (folder / name).is_file():
            raise InputError(f"{folder / name} is missing; copy the whole checkpoint again")
        if sha256_of(folder / name) != expected:
            raise InputError(f"{folder / name} was changed or cut short: its hash is not {MANIFEST}'s")


def read_config(folder: Path, model_type: str, config_class: type) -> Any:
    """The config of a checkpoint that holds a `model_type`; an InputError where it holds another."""
    header = _read_header(folder)
    path = folder / CONFIG
    if header["model"] != model_type:
        raise InputError(f"{path}: this is a {header['model']!r} model, expected a {model_type!r} model")
    if header.get("format") != FORMAT:
        raise InputError(f"{path}: format is {header.get('format')!r}, this version reads {FORMAT}")
    return from_mapping(config_class, header.get("config", {}), str(path))


def load_weights(model: nn.Module, path: Path, prefix: str = "") -> None:
    """Fill a model from a safetensors file that fits it exactly; `prefix` was left out of its names."""
    try:
        found = load_file(path)
    except (OSError, SafetensorError) as error:
        raise InputError(f"{path} is truncated or not a safetensors file: {error}") from None
    own = untied(model.state_dict())
    plain = {name.removeprefix(prefix): name for name in own}
    check_tensors(found, {name: own[full] for name, full in plain.items()}, path)
    load_untied(model, {full: found[name] for name, full in plain.items()})


def untied(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A state without the second and further names of one tensor (an output layer tied to embeddings)."""
    seen: set[tuple[int, tuple[int, ...]]] = set()
    found = {}
    for name, tensor in state.items():
        place = (tensor.data_ptr(), tuple(tensor.shape))
        if tensor.numel() and place in seen:
            continue
        seen.add(place)
        found[name] = tensor
    return found


def load_untied(model: nn.Module, state: Mapping[str, Tensor]) -> None:
    """Fill a model from an `untied` state whose names were checked; tied tensors follow by themselves."""
    unknown = model.load_state_dict(dict(state), strict=False).unexpected_keys
    assert not unknown, unknown


def check_tensors(found: Mapping[str, Tensor], expected: Mapping[str, Tensor], path: Path) -> None:
    """An InputError names the first tensor that is missing, unknown or of another shape."""
    for name in sorted(expected.keys() ^ found.keys()):
        what = "lacks" if name in expected else "has an unknown"
        raise InputError(f"{path} {what} tensor {name!r}; it does not fit its {CONFIG}")
    for name, tensor in expected.items():
        if found[name].shape != tensor.shape:
            raise InputError(f"{path}: tensor {name!r} has shape {tuple(found[name].shape)}, "
                             f"its {CONFIG} asks for {tuple(tensor.shape)}")


def render_card(model: Pretrained, card: Card) -> str:
    """The model card in the Hub's format: YAML front matter, then the same in words."""
    info: ModelCardData = model._hub_mixin_info.model_card_data
    parameters = sum(tensor.numel() for tensor in model.parameters())
    sections = {
        "Data": [f"- {line}" for line in card.data] or ["- not recorded"],
        "Training": [f"- seed: {'not recorded' if card.seed is None else card.seed}",
                     f"- all settings: `{TRAIN_CONFIG}`"],
        "Metrics": [f"- {name}: {value:.4g}" for name, value in card.metrics.items()] or ["- not recorded"],
        "Limits": [card.limits],
        "Load": ["```python", f"from {type(model).__module__} import {type(model).__name__}", "",
                 f'model = {type(model).__name__}.from_pretrained("path/to/this/folder")', "```"],
    }
    body = "\n".join(f"\n## {title}\n\n" + "\n".join(lines) for title, lines in sections.items())
    return (f"---\n{info.to_yaml()}\n---\n\n# drive_gen {model.model_type} model\n\n"
            f"{parameters:,} parameters; `{CONFIG}` describes the network.\n{body}\n")


@contextmanager
def replacing_folder(folder: Path) -> Iterator[Path]:
    """Give a temporary folder beside `folder`; on success it takes its place, else it is removed."""
    make_folder(folder.parent)
    temporary = folder.with_name(f".{folder.name}.{os.getpid()}.new")
    former = folder.with_name(f".{folder.name}.{os.getpid()}.old")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir()
    try:
        yield temporary
        if folder.exists():
            folder.rename(former)  # a folder cannot be renamed over a full one
        temporary.rename(folder)
    finally:
        if former.exists() and not folder.exists():
            former.rename(folder)
        shutil.rmtree(former, ignore_errors=True)
        shutil.rmtree(temporary, ignore_errors=True)


def _read_header(folder: Path) -> dict[str, Any]:
    header = read_json(folder / CONFIG, "a checkpoint's config")
    if not isinstance(header, dict) or "model" not in header:
        raise InputError(f"{folder / CONFIG} is not a checkpoint's config: it names no model type")
    return header


def _local_folder(reference: str | Path, names: Iterable[str], hub: Mapping[str, Any]) -> Path:
    """The checkpoint's folder, downloaded first where the reference can only be a Hub id."""
    path = Path(reference)
    hub_id = re.fullmatch(r"[\w.-]+/[\w.-]+", str(reference)) and not path.parent.exists()
    if path.exists() or not hub_id:
        return checkpoint_folder(path)
    try:
        return Path(snapshot_download(str(reference), allow_patterns=[*names, MANIFEST], **hub))
    except Exception as error:  # the client's, the network's or the cache's: the user can act on none of them
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"no checkpoint folder {reference}, and the Hub gave none: {reason}") from None
