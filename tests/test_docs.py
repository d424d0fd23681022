"""The docs' Python examples, each run as it is printed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from drive_gen import cli

REPO = Path(__file__).parents[1]
PAGES = ("captions", "image", "language", "perception", "reading", "risk", "search", "writing")
LONGEST = 15  # lines of an example


def examples_of(page: str) -> list[str]:
    """The Python code of a page, one string a block."""
    text = (REPO / f"docs/{page}.md").read_text(encoding="utf-8")
    return re.findall(r"```python\n(.*?)```", text, re.DOTALL)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the docs' commands have been run: drive_gen beside a store and a run."""
    from drive_gen.perception.risk import Risk
    from drive_gen.perception.risk_config import RiskConfig

    home = tmp_path_factory.mktemp("docs")
    (home / "drive_gen").symlink_to(REPO / "drive_gen")
    assert cli.main(["collect", "requests", "--episodes", "3", "--out", str(home / "data/sim")]) == 0
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
        assert len(code.splitlines()) < LONGEST
        exec(compile(code, f"docs/{page}.md", "exec"), {})
