"""Tables keep whole names and whole figures at 80 columns and in a pipe."""

from __future__ import annotations

import pytest
from rich.table import Table

from drive_gen.commands.show import show

NAME = "runs/behavior_of_a_long_name/checkpoints/step_00012000_of_the_third_seed"


def figures() -> Table:
    table = Table("driver", title="a title that is longer than its table")
    for number in range(4):
        table.add_column(f"figure {number}", justify="right")
    table.add_row(NAME, *("12.3 to 45.6",) * 4)
    return table


def test_at_80_columns_rows_are_numbered_and_names_stand_below(
        monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    show(figures())
    lines = capsys.readouterr().out.splitlines()
    assert f"1: {NAME}" in lines
    assert max(map(len, lines)) <= 80
    assert sum(line.count("12.3 to 45.6") for line in lines) == 4


def test_in_a_pipe_nothing_wraps(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    show(figures())
    row = next(line for line in capsys.readouterr().out.splitlines() if NAME in line)
    assert row.count("12.3 to 45.6") == 4


def test_words_wrap(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    table = Table("slot", "understood")
    table.add_row("text", "word " * 30)
    show(table)
    printed = capsys.readouterr().out
    assert printed.count("word") == 30
    assert max(map(len, printed.splitlines())) <= 80
