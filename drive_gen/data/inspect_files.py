"""Lone files as `inspect` sees them: films, pages, settings; and the parts of a checkpoint."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from drive_gen.envs.config import from_mapping
from drive_gen.envs.files import InputError, read_json, sha256_of
from drive_gen.envs.scenario import Scenario
from drive_gen.envs.world import EnvConfig

Facts = dict[str, Any]
HEADER_MOST_BYTES = 100_000_000  # safetensors' own limit


def check_manifest(folder: Path) -> list[str]:
    """A line for each file of a checkpoint that is missing or is not the one that was saved."""
    manifest = read_json(folder / "manifest.json", "a checkpoint's manifest")
    if not isinstance(manifest, dict) or not all(isinstance(value, str) for value in manifest.values()):
        return [f"{folder / 'manifest.json'} is not a table of files and hashes"]
    problems = []
    for name, expected in manifest.items():
        if not (folder / name).is_file():
            problems.append(f"{folder / name} is missing")
        elif sha256_of(folder / name) != expected:
            problems.append(f"{folder / name} was changed or cut short: its hash is not the manifest's")
    return problems


def weight_facts(path: Path) -> Facts:
    """Number of tensors and parameters of a safetensors file, from its header alone."""
    try:
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            if length > HEADER_MOST_BYTES:
                raise ValueError("its header is too long")
            header = json.loads(file.read(length))
        tensors = [entry for name, entry in header.items() if name != "__metadata__"]
        last = max((int(entry["data_offsets"][1]) for entry in tensors), default=0)
        sizes = [_product(entry["shape"]) for entry in tensors]
    except (OSError, struct.error, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path} is truncated or not a safetensors file: {error}") from None
    if path.stat().st_size != 8 + length + last:
        raise InputError(f"{path} is truncated: {path.stat().st_size} bytes of {8 + length + last}")
    return {"tensors": len(sizes), "parameters": sum(sizes)}


def json_lines(path: Path) -> tuple[list[dict[str, Any]], list[str]]:
    """The rows of a .jsonl file, and a problem where a line is none or the file is missing."""
    if not path.exists():
        return [], [f"{path} is missing"]
    rows = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            rows.append(dict(json.loads(line)))
        except (json.JSONDecodeError, TypeError, ValueError):
            return rows, [f"{path}: line {number} is not a JSON object"]
    return rows, []


def file_facts(path: Path) -> tuple[str, Facts, str]:
    """What a lone file is, its facts, and the next command; an InputError where it is not drive_gen's."""
    what, facts, following = LONE_FILES[path.suffix.lower()](path)
    return what, {**facts, "bytes": path.stat().st_size, "sha256": sha256_of(path)}, following


def _film(path: Path) -> tuple[str, Facts, str]:
    import imageio_ffmpeg

    try:
        reader = imageio_ffmpeg.read_frames(str(path))
        about = next(reader)
        reader.close()
        frames, seconds = imageio_ffmpeg.count_frames_and_secs(str(path))
    except (OSError, RuntimeError, ValueError, StopIteration) as error:
        raise InputError(f"{path} is not a film: {' '.join(str(error).split())[:120]}") from None
    facts = {"size": list(about["size"]), "frames": frames, "seconds": seconds, "fps": about["fps"]}
    return "film", facts, ""


def _picture(path: Path) -> tuple[str, Facts, str]:
    from PIL import Image

    try:
        with Image.open(path) as picture:
            picture.load()
            frames = getattr(picture, "n_frames", 1)
            return "picture", {"format": picture.format, "size": list(picture.size), "frames": frames}, ""
    except (OSError, SyntaxError, ValueError) as error:
        raise InputError(f"{path} is damaged or not a picture: {error}") from None


def _page(path: Path) -> tuple[str, Facts, str]:
    text = _text(path)
    if "drive_gen" not in text:
        raise InputError(f"{path} is an HTML page, but not a report of drive_gen's")
    start, stop = text.find("<title>"), text.find("</title>")
    title = text[start + 7 : stop] if 0 <= start < stop else ""
    complete = text.rstrip().endswith("</html>")
    if not complete:
        raise InputError(f"{path} is cut short: it does not end in </html>")
    return "report", {"title": title, "self_contained": "src=\"http" not in text}, f"open {path} in a browser"


def _settings(path: Path) -> tuple[str, Facts, str]:
    import yaml

    try:
        values = yaml.safe_load(_text(path))
    except yaml.YAMLError as error:
        raise InputError(f"{path} is not readable YAML: {' '.join(str(error).split())}") from None
    if isinstance(values, dict) and "road" in values:
        scenario = Scenario.read(path)
        counts = {name: len(getattr(scenario, name)) for name in ("road", "agents", "events", "constraints")}
        return "scenario", {**counts, "ego": scenario.ego, "seed": scenario.seed}, ""
    config = from_mapping(EnvConfig, values or {}, str(path))
    return "environment settings", asdict(config), f"drive-gen collect --config {path} --out data/collected"


def _json(path: Path) -> tuple[str, Facts, str]:
    values = read_json(path, "a JSON file")
    schema = values.get("schema", "") if isinstance(values, dict) else ""
    if str(schema).startswith("drive_gen."):
        return "JSON file", {"schema": schema, "keys": list(values)}, f"drive-gen inspect {path.parent}"
    if path.name in ("config.json", "manifest.json", "train_config.json", "state.json"):
        keys = list(values) if isinstance(values, dict) else []
        return f"{path.name} of a checkpoint or run", {"keys": keys}, f"drive-gen inspect {path.parent}"
    raise InputError(f"{path} is JSON, but names no schema of drive_gen's")


def _rows(path: Path) -> tuple[str, Facts, str]:
    rows, problems = json_lines(path)
    if problems:
        raise InputError(problems[0])
    facts = {"rows": len(rows), "keys": sorted(rows[0]) if rows else []}
    return "rows", facts, f"drive-gen inspect {path.parent}"


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read as text: {error}") from None


def _product(shape: list[int]) -> int:
    total = 1
    for axis in shape:
        total *= int(axis)
    return total


# Ending -> what reads it.
LONE_FILES: dict[str, Callable[[Path], tuple[str, Facts, str]]] = {
    ".mp4": _film, ".gif": _picture, ".png": _picture, ".html": _page, ".yaml": _settings, ".yml": _settings,
    ".json": _json, ".jsonl": _rows}
