"""What a long job says of itself: lines in a log, and never an empty one."""

from __future__ import annotations

import pytest

from drive_gen.data import progress
from drive_gen.data.progress import progress_bar, span


def test_a_log_gets_a_line_when_one_is_due(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: clock[0])
    with progress_bar("loss") as bar:
        task = bar.add_task("training", total=100, loss="")
        for done in range(1, 101):  # a step a second: lines at 5, 35, 65, 95 s
            clock[0] += 1.0
            bar.update(task, completed=done, loss=f"loss {100 - done}")
    assert capsys.readouterr().err.splitlines() == [
        "training: 5 of 100, loss 95, 2 min left",
        "training: 35 of 100, loss 65, 65 s left",
        "training: 65 of 100, loss 35, 35 s left",
        "training: 95 of 100, loss 5, 5 s left",
    ]


def test_the_pace_is_that_since_it_went_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: clock[0])
    with progress_bar() as bar:
        task = bar.add_task("training", total=100, completed=90)
        clock[0] = 10.0
        bar.advance(task, 5)
    assert capsys.readouterr().err == "training: 95 of 100, 10 s left\n"


@pytest.mark.parametrize("shown", [True, False])
def test_a_short_job_leaves_a_log_empty(shown: bool, capsys: pytest.CaptureFixture[str]) -> None:
    with progress_bar(shown=shown) as bar:
        assert list(bar.track(range(3), description="drawing")) == [0, 1, 2]
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == ("", "")


@pytest.mark.parametrize(("seconds", "said"), [(4.4, "4 s"), (600, "10 min"), (9000, "2.5 h")])
def test_times_are_said_in_the_unit_that_fits(seconds: float, said: str) -> None:
    assert span(seconds) == said
