"""The docs' Python examples, each run as it is printed."""

from __future__ import annotations

import ast
import re
from importlib import import_module
from pathlib import Path

import pytest

from drive_gen import cli

REPO = Path(__file__).parents[1]
PAGES = ("README", "captions", "image", "language", "perception", "reading", "risk", "search",
         "simulator", "writing")
LONGEST = 20  # lines of an example
SHORTER = {"learn(100_000)": "learn(1)"}  # minutes of training in the README; here one rollout
NOT_RUN = {"CudaSimulator"}  # needs a GPU


def examples_of(page: str) -> list[str]:
    """The Python code of a page, one string a block."""
    path = REPO / "README.md" if page == "README" else REPO / f"docs/{page}.md"
    text = path.read_text(encoding="utf-8")
    return re.findall(r"```python\n(.*?)```", text, re.DOTALL)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the docs' commands have been run: drive_gen beside a store and a run."""
    from drive_gen.data.store import iterate_episodes, write_episodes
    from drive_gen.perception.risk import Risk
    from drive_gen.perception.risk_config import RiskConfig

    home = tmp_path_factory.mktemp("docs")
    (home / "drive_gen").symlink_to(REPO / "drive_gen")
    assert cli.main(["collect", "requests", "--episodes", "3", "--out", str(home / "data/sim")]) == 0
    told = list(iterate_episodes(home / "data/sim", "train"))
    write_episodes(home / "data/us101", told, "test")  # in place of recordings
    film = ["describe", str(home / "data/sim"), "--episode", "0", "--film", str(home / "seen.mp4")]
    assert cli.main(film) == 0
    Risk(RiskConfig(model="vit")).save_pretrained(home / "runs/risk/checkpoints/best")
    return home


@pytest.mark.parametrize("page", PAGES)
def test_a_pages_examples_run(page: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the order of the page; a later one may read what an earlier one wrote."""
    monkeypatch.chdir(folder)
    examples = examples_of(page)
    assert examples
    for code in examples:
        assert len(code.splitlines()) <= LONGEST
        if any(name in code for name in NOT_RUN):
            check_imports(code)
            continue
        for long, short in SHORTER.items():
            code = code.replace(long, short)
        exec(compile(code, f"{page}.md", "exec"), {})


def check_imports(code: str) -> None:
    """What an example that is not run imports is there."""
    found = [node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.ImportFrom)]
    assert found
    for node in found:
        module = import_module(str(node.module))
        assert all(hasattr(module, alias.name) for alias in node.names), code


def test_what_is_shortened_is_in_the_readme() -> None:
    code = "".join(examples_of("README"))
    assert all(long in code for long in SHORTER)
