"""How far a long job is, on stderr: a bar on a terminal, and a plain line now and then in a log."""

from __future__ import annotations

import time
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

FIRST_S, EVERY_S = 5.0, 30.0  # when a log's first line is due, and how long after a line the next one


def progress_bar(*notes: str, shown: bool = True) -> Progress:
    """A bar on stderr with the time that remains, gone when it is done; lines where that is no terminal.

    `notes` are fields of a task (`add_task(..., loss="")`) that are said, too.
    """
    return _Progress(notes, Console(stderr=True), shown)


class _Progress(Progress):
    """rich's progress, of which a log gets plain lines: rich itself leaves an empty line a bar there."""

    def __init__(self, notes: tuple[str, ...], console: Console, shown: bool) -> None:
        live = console.is_interactive
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("left"),
                   TimeRemainingColumn(), *(TextColumn(f"{{task.fields[{note}]}}") for note in notes))
        super().__init__(*columns, console=console, transient=True, disable=not (live and shown),
                         auto_refresh=live)
        self.notes, self.plain = notes, shown and not live
        self.begun: dict[TaskID, tuple[float, float]] = {}  # when each task was added, and what was done then
        self.due_s: dict[TaskID, float] = {}

    def add_task(self, description: str, start: bool = True, total: float | None = 100.0, completed: int = 0,
                 visible: bool = True, **fields: Any) -> TaskID:
        """As rich's."""
        task = super().add_task(description, start, total, completed, visible, **fields)
        self.begun[task] = (time.monotonic(), completed)
        self.due_s[task] = time.monotonic() + FIRST_S
        return task

    def update(self, task_id: TaskID, **changes: Any) -> None:
        """As rich's; a line where one is due."""
        super().update(task_id, **changes)
        self._tell(task_id)

    def advance(self, task_id: TaskID, advance: float = 1) -> None:
        """As rich's; a line where one is due."""
        super().advance(task_id, advance)
        self._tell(task_id)

    def _tell(self, task_id: TaskID) -> None:
        now_s = time.monotonic()
        if self.plain and now_s >= self.due_s[task_id]:
            self.due_s[task_id] = now_s + EVERY_S
            self.console.print(self._line(task_id, now_s), soft_wrap=True, markup=False, highlight=False)

    def _line(self, task_id: TaskID, now_s: float) -> str:
        """What is done: how much of how much, the notes, and the time left at the mean pace so far."""
        task = self._tasks[task_id]
        since_s, before = self.begun[task_id]
        of = "" if task.total is None else f" of {task.total:.0f}"
        said = [f"{task.description}: {task.completed:.0f}{of}", *(task.fields[note] for note in self.notes)]
        if task.total is not None and task.completed > before:
            left = (task.total - task.completed) / (task.completed - before) * (now_s - since_s)
            said.append(f"{span(left)} left")
        return ", ".join(part for part in said if part)


def span(seconds: float) -> str:
    """A time as one reads it: 40 s, 12 min, 3.5 h."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
