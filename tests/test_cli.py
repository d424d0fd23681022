"""The table of verbs: help, exit statuses, and what becomes of errors."""

from __future__ import annotations

import pytest

from drive_gen import cli
from drive_gen.envs.files import InputError


def test_help_names_every_verb(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--help"]) == 0
    printed = capsys.readouterr().out
    assert all(verb in printed for verb in cli.VERBS)


@pytest.mark.parametrize("words", [["train"], ["train", "--help"]])
def test_a_familys_help_is_its_own(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(words) == 0
    printed = capsys.readouterr().out
    assert "train behavior" in printed
    assert "collect" not in printed


@pytest.mark.parametrize("verb", cli.VERBS)
def test_every_verb_explains_itself(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        cli.main([*verb.split(), "--help"])
    assert stop.value.code == 0
    printed = capsys.readouterr().out
    assert f"drive-gen {verb}" in printed
    assert "None" not in printed
    assert "default: )" not in printed
    assert "default: '')" not in printed
    assert "--out" in printed or verb in ("inspect", "doctor", "ask", "describe", "comment")


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["evalute"], "did you mean 'evaluate'?"),
        (["import", "nigsim"], "one of: ngsim, highd, commonroad"),
        (["train", "behaviour"], "did you mean 'behavior'?"),
        (["train", "gpt"], "one of: behavior, sight, diffusion, segment"),
    ],
)
def test_a_misspelt_verb_is_one_line_and_2(
    words: list[str], hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(words) == 2
    printed = capsys.readouterr()
    assert hint in printed.err
    assert printed.err.count("\n") == 1
    assert printed.out == ""


def test_errors_become_exit_statuses(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for error, status in ((InputError("no such thing; make one"), 2), (KeyboardInterrupt(), 130)):

        def verb(error: BaseException = error) -> int:
            raise error

        monkeypatch.setattr(cli, "_load", lambda _, verb=verb: lambda: verb())
        assert cli.main(["doctor"]) == status
    assert "no such thing; make one" in capsys.readouterr().err


def test_a_bug_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> int:
        raise ZeroDivisionError

    monkeypatch.setattr(cli, "_load", lambda _: broken)
    with pytest.raises(ZeroDivisionError):
        cli.main(["doctor"])


def test_help_says_what_an_option_takes_and_what_it_is_else(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["train", "behavior", "--help"])
    words = " ".join(capsys.readouterr().out.replace("│", " ").split())
    assert "--out PATH Folder to write" in words
    assert "--device {auto,cpu,cuda} Where to train" in words
    assert "--steps INT Optimiser updates. (default: the preset's)" in words
    assert "--preset {quick,base}" in words
    assert "(default: base)" in words
