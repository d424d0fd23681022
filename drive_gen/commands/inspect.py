"""`drive-gen inspect`: what a file or folder of drive_gen's is."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def inspect(path: Path, /, *, json: bool = False) -> int:
    """Say what a file or folder is, check that it is whole, and name the next command.

    Episode stores and shards, checkpoints, training runs, evaluations, films, reports and settings. Every
    hash that there is gets checked. Exits with 1 where something is wrong, 2 where it is not drive_gen's.

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
        print(f"  {name.replace('_', ' '):16} {_words(value)}")
    for line in found.remarks:
        print(f"note: {line}")
    for line in found.problems:
        print(f"problem: {line}")
    count = len(found.problems)
    said = f"{count or 'no'} problem{'' if count == 1 else 's'}"
    print(f"{said}; next: {found.next}" if found.next else said)
    return 1 if found.problems else 0


def _words(value: Any) -> str:
    """A fact on one line."""
    if isinstance(value, dict):
        return ", ".join(f"{name or 'none'} {_words(item)}" for name, item in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(_words(item) for item in value)
    if isinstance(value, float):
        return f"{value:.4g}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
