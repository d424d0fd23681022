"""`drive-gen inspect`: what a file or folder of drive_gen's is."""

from __future__ import annotations

from pathlib import Path
from textwrap import wrap
from typing import Any

LINE_CHARACTERS = 80


def inspect(path: Path, /, *, json: bool = False) -> int:
    """Say what a file or folder is, check that it is whole, and name the next command.

    Episode stores and shards, checkpoints, training runs, evaluations, scenarios, films, reports, settings.
    Every hash that there is gets checked. Exits with 1 where something is wrong, 2 where it is not
    drive_gen's.

    Args:
        path: The file or folder.
        json: Print only what was found, as JSON.
    """
    from drive_gen.data.inspect import inspect_path

    found = inspect_path(path)
    if json:
        import json as encoder

        print(encoder.dumps(found.as_json(), indent=1))
        return 1 if found.problems else 0
    print(f"{found.path}: {found.what}")
    for name, value in found.facts.items():
        print("\n".join(_block(name.replace("_", " "), value, 2)))
    for line in found.remarks:
        print(f"note: {line}")
    for line in found.problems:
        print(f"problem: {line}")
    count = len(found.problems)
    said = f"{count or 'no'} problem{'' if count == 1 else 's'}"
    print(f"{said}; next: {found.next}" if found.next else said)
    return 1 if found.problems else 0


def _block(name: str, value: Any, indent: int) -> list[str]:
    """A fact on a line of its own; tables and lists too long for one are indented below its name."""
    start = f"{'':{indent}}{name or 'none':18} "
    line = start + _words(value)
    if len(line) <= LINE_CHARACTERS or not isinstance(value, dict | list | tuple):
        return [line]
    if isinstance(value, dict):
        inner = [below for key, item in value.items() for below in _block(str(key), item, indent + 2)]
        return [start.rstrip(), *inner]
    if any(isinstance(item, dict) for item in value):
        inner = [below for number, item in enumerate(value)
                 for below in _block(str(number), item, indent + 2)]
        return [start.rstrip(), *inner]
    return wrap(_words(value), LINE_CHARACTERS, initial_indent=start, subsequent_indent=" " * len(start),
                break_long_words=False, break_on_hyphens=False)


def _words(value: Any) -> str:
    """A fact on one line."""
    if isinstance(value, dict):
        return ", ".join(f"{name or 'none'} {_words(item)}" for name, item in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(_words(item) for item in value)
    if isinstance(value, float):
        return f"{value:.4g}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
