"""The storeys hold: who may import whom, and what each verb's module may pull in."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "drive_gen"
FILES = sorted(PACKAGE.rglob("*.py"))


def imports_of(path: Path) -> set[str]:
    """Every module a file names in an import, inside functions too."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
    return found


def within(path: Path, storey: str) -> bool:
    return path.relative_to(PACKAGE).parts[0] == storey


def test_envs_knows_no_other_storey() -> None:
    for path in FILES:
        if within(path, "envs"):
            ours = {name for name in imports_of(path) if name.startswith("drive_gen.")} - {
                "drive_gen.__version__"
            }
            assert all(name.startswith("drive_gen.envs") for name in ours), path
            assert not any(name.split(".")[0] == "torch" for name in imports_of(path)), path


def test_policies_knows_only_envs() -> None:
    for path in FILES:
        if within(path, "policies"):
            ours = {name for name in imports_of(path) if name.startswith("drive_gen.")}
            assert all(name.startswith(("drive_gen.envs", "drive_gen.policies")) for name in ours), path


def test_highway_env_is_imported_in_one_file() -> None:
    importers = [
        path for path in FILES if any(name.split(".")[0] == "highway_env" for name in imports_of(path))
    ]
    assert [path.relative_to(PACKAGE).as_posix() for path in importers] == ["envs/reference.py"]


def test_the_links_are_never_imported() -> None:
    for path in (*FILES, *Path(__file__).parent.glob("*.py"), *(PACKAGE.parent / "scripts").glob("*.py")):
        assert not {"envs", "policies"} & {name.split(".")[0] for name in imports_of(path)}, path
    assert (PACKAGE.parent / "envs").resolve() == PACKAGE / "envs"
    assert (PACKAGE.parent / "policies").resolve() == PACKAGE / "policies"


def test_nothing_loads_pickles() -> None:
    for path in FILES:
        text = path.read_text(encoding="utf-8")
        assert "allow_pickle=True" not in text, path
        assert "torch.load" not in text, path
        assert not {"pickle", "joblib", "dill"} & imports_of(path), path


@pytest.mark.parametrize(
    "module",
    [
        "policies.behavior",
        "predict.predictor",
        "predict.smoother",
        "perception.risk",
        "perception.vit",
        "language.reader",
        "language.vectors",
        "perception.features",
        "policies.eyes",
        "perception.clip",
        "perception.clip_init",
        "generate.denoiser",
        "generate.sampler",
        "train.loop",
        "language.writer",
        "perception.segmenter",
        "perception.captioner",
        "imagine.config",
    ],
)
def test_networks_import_without_a_simulator(module: str) -> None:
    program = f"""
import sys
for name in ("gymnasium", "highway_env", "stable_baselines3", "pygame", "numba"):
    sys.modules[name] = None
import drive_gen.{module}
"""
    subprocess.run([sys.executable, "-c", program], check=True)


def test_a_verb_without_torch_stays_without_it() -> None:
    program = """
import sys
from drive_gen.cli import VERBS, _load
for verb in VERBS:
    _load(verb)
heavy = {"torch", "numba", "highway_env", "stable_baselines3", "pandas", "scipy"} & set(sys.modules)
assert not heavy, heavy
"""
    subprocess.run([sys.executable, "-c", program], check=True)
