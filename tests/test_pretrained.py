"""The checkpoint format: exact round trips, and one line for everything that can be wrong with a folder."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from drive_gen.envs.files import InputError, sha256_of
from drive_gen.policies.pretrained import (
    HASHED,
    MANIFEST,
    Card,
    Pretrained,
    checkpoint_folder,
    model_type_of,
    replacing_folder,
)


@dataclass(frozen=True)
class TinyConfig:
    width: int = 3
    speeds: tuple[float, ...] = (20.0, 25.0)


class Tiny(Pretrained):
    model_type = "tiny"
    config_class = TinyConfig

    def __init__(self, config: TinyConfig) -> None:
        super().__init__(config)
        self.linear = nn.Linear(config.width, 2)
        self.register_buffer("centers", torch.arange(4.0))


class Other(Tiny):
    model_type = "other"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    card = Card(data=("store A, 12 episodes",), seed=7, metrics={"score": 0.5})
    Tiny(TinyConfig(width=5)).save_pretrained(tmp_path / "tiny", card=card, train_config={"steps": 3})
    return tmp_path / "tiny"


def rehash(folder: Path) -> None:
    """Make the manifest agree with what the folder holds now."""
    (folder / MANIFEST).write_text(json.dumps({name: sha256_of(folder / name) for name in HASHED}))


def test_a_model_comes_back_bit_for_bit(tmp_path: Path) -> None:
    model = Tiny(TinyConfig(width=4, speeds=(1.0,)))
    model.centers.mul_(0.1)
    model.save_pretrained(tmp_path / "a" / "b")
    loaded = Tiny.from_pretrained(tmp_path / "a" / "b")
    assert loaded.config == model.config
    assert not loaded.training
    assert all(torch.equal(loaded.state_dict()[name], value) for name, value in model.state_dict().items())


def test_saving_what_was_loaded_keeps_every_byte(folder: Path, tmp_path: Path) -> None:
    Tiny.from_pretrained(folder).save_pretrained(tmp_path / "again")
    for name in (*HASHED, MANIFEST):
        assert (tmp_path / "again" / name).read_bytes() == (folder / name).read_bytes()


def test_the_card_is_the_hubs(folder: Path) -> None:
    from huggingface_hub import ModelCard

    card = ModelCard.load(folder / "README.md")
    assert card.data.license == "apache-2.0"
    assert card.data.library_name == "drive_gen"
    for line in ("- store A, 12 episodes", "- seed: 7", "- score: 0.5", "Tiny.from_pretrained", "## Limits"):
        assert line in card.text


def test_pushing_uploads_the_checkpoint(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import HfApi, RepoUrl

    uploaded: dict[str, bytes] = {}

    def upload_folder(self: HfApi, *, folder_path: Path, **_: object) -> str:
        uploaded.update({path.name: path.read_bytes() for path in Path(folder_path).iterdir()})
        return "commit"

    monkeypatch.setattr(HfApi, "create_repo", lambda self, repo_id, **_: RepoUrl(f"https://huggingface.co/{repo_id}"))
    monkeypatch.setattr(HfApi, "upload_folder", upload_folder)
    assert Tiny.from_pretrained(folder).push_to_hub("someone/tiny") == "commit"
    assert uploaded == {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_run_folder_means_its_best_and_else_its_last(folder: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(folder, run / "checkpoints" / "last")
    assert checkpoint_folder(run) == run / "checkpoints" / "last"
    shutil.copytree(folder, run / "checkpoints" / "best")
    assert checkpoint_folder(run) == run / "checkpoints" / "best"
    assert model_type_of(run) == "tiny"
    assert Tiny.from_pretrained(run).config.width == 5


@pytest.mark.parametrize("name", HASHED)
def test_each_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(InputError, match=f"{name}.* is missing"):
        Tiny.from_pretrained(folder)


@pytest.mark.parametrize("name", HASHED)
def test_each_changed_or_truncated_file_is_named(folder: Path, name: str) -> None:
    data = (folder / name).read_bytes()
    for changed in (data[:-1], data[:-2] + b"??"):
        (folder / name).write_bytes(changed)
        with pytest.raises(InputError, match=f"{name} was changed or cut short"):
            Tiny.from_pretrained(folder)


def test_another_model_is_refused(folder: Path) -> None:
    with pytest.raises(InputError, match=r"config\.json: this is a 'tiny' model, expected a 'other' model"):
        Other.from_pretrained(folder)


def test_wrong_shapes_and_names_are_refused(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    for changed, expected in (({**weights, "linear.bias": torch.zeros(9)}, r"'linear.bias' has shape \(9,\)"),
                              ({**weights, "more": torch.zeros(1)}, "unknown tensor 'more'"),
                              ({"linear.bias": torch.zeros(2)}, "lacks tensor 'centers'")):
        save_file(changed, folder / "model.safetensors")
        rehash(folder)
        with pytest.raises(InputError, match=f"model.safetensors.*{expected}"):
            Tiny.from_pretrained(folder)


def test_a_truncated_file_with_a_fitting_hash_is_refused(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:50])
    rehash(folder)
    with pytest.raises(InputError, match=r"model\.safetensors is truncated or not a safetensors file"):
        Tiny.from_pretrained(folder)


@pytest.mark.parametrize(("change", "expected"), [
    ({"format": 2}, "format is 2"),
    ({"config": {"widht": 5}}, "unknown key 'widht'.*did you mean 'width'"),
    ({"config": {"width": "wide"}}, "width: expected int"),
])
def test_a_bad_config_is_refused(folder: Path, change: dict[str, object], expected: str) -> None:
    header = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**header, **change}))
    rehash(folder)
    with pytest.raises(InputError, match=rf"config\.json.*{expected}"):
        Tiny.from_pretrained(folder)


@pytest.mark.parametrize(("reference", "expected"), [
    ("no/such/folder", "no checkpoint at"), ("", "is no checkpoint"), ("else/where", "the Hub gave none")])
def test_what_is_no_checkpoint_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reference: str,
                                        expected: str) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=expected) as caught:
        Tiny.from_pretrained(reference or tmp_path, local_files_only=True)
    assert "\n" not in str(caught.value)


def test_a_folder_is_replaced_whole_or_not_at_all(folder: Path) -> None:
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(ZeroDivisionError), replacing_folder(folder) as temporary:
        (temporary / "config.json").write_text(str(1 / 0))
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]
    with replacing_folder(folder) as temporary:
        (temporary / "only").write_text("whole")
    assert [path.name for path in folder.iterdir()] == ["only"]


class Tied(Pretrained):
    """An output layer tied to the embeddings, a prefix that another library does not know, one more file."""

    model_type = "tied"
    config_class = TinyConfig
    weights_file = "diffusion_pytorch_model.safetensors"
    weights_prefix = "inner."
    more_files = ("words.txt",)

    def __init__(self, config: TinyConfig) -> None:
        super().__init__(config)
        self.inner = nn.ModuleDict({"embed": nn.Embedding(7, config.width),
                                    "out": nn.Linear(config.width, 7, bias=False)})
        self.inner["out"].weight = self.inner["embed"].weight
        self.words = ""

    def save_more(self, folder: Path) -> None:
        (folder / "words.txt").write_text(self.words)

    def read_more(self, folder: Path) -> None:
        self.words = (folder / "words.txt").read_text()


def test_tied_weights_prefix_and_more_files(tmp_path: Path) -> None:
    model = Tied(TinyConfig())
    model.words = "one two"
    model.save_pretrained(tmp_path / "tied")
    assert list(load_file(tmp_path / "tied" / Tied.weights_file)) == ["embed.weight"]
    again = Tied.from_pretrained(tmp_path / "tied")
    assert again.words == "one two"
    assert again.inner["out"].weight is again.inner["embed"].weight
    assert torch.equal(again.inner["embed"].weight, model.inner["embed"].weight)
    (tmp_path / "tied" / "words.txt").write_text("one two three")
    with pytest.raises(InputError, match=r"words\.txt was changed"):
        Tied.from_pretrained(tmp_path / "tied")


def test_a_tied_checkpoint_that_lacks_a_tensor_is_refused(tmp_path: Path) -> None:
    Tied(TinyConfig()).save_pretrained(tmp_path / "tied")
    weights = tmp_path / "tied" / Tied.weights_file
    save_file({"other.weight": torch.zeros(7, 3)}, weights)
    manifest = tmp_path / "tied" / MANIFEST
    manifest.write_text(json.dumps({**json.loads(manifest.read_text()), weights.name: sha256_of(weights)}))
    with pytest.raises(InputError, match=r"lacks tensor 'embed\.weight'"):
        Tied.from_pretrained(tmp_path / "tied")
