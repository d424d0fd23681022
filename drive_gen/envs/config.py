"""Frozen dataclasses filled from mappings and YAML files: a key or type they do not know is refused."""

from __future__ import annotations

import dataclasses
import difflib
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import yaml

from drive_gen.envs.files import InputError

Config = TypeVar("Config")


def nearest(name: str, known: typing.Iterable[str]) -> str:
    """' (did you mean X?)', or nothing where no known name is near."""
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f" (did you mean {close[0]!r}?)" if close else ""


def check_choice(value: str, known: typing.Iterable[str], what: str) -> str:
    """The value if it is one of the known ones; else an InputError that lists them."""
    names = list(known)
    if value not in names:
        raise InputError(f"unknown {what} {value!r}{nearest(value, names)}; one of: {', '.join(names)}")
    return value


def from_mapping(kind: type[Config], values: Mapping[str, Any], where: str) -> Config:
    """Build the dataclass `kind`; the InputError for a bad key or value names `where` (a file, a flag)."""
    if not isinstance(values, Mapping):
        raise InputError(f"{where}: expected named settings, found {type(values).__name__}")
    hints = typing.get_type_hints(kind)
    known = [field.name for field in dataclasses.fields(kind)]  # type: ignore[arg-type]
    for key in values:
        if key not in known:
            raise InputError(
                f"{where}: unknown key {key!r}{nearest(str(key), known)}; known: {', '.join(known)}"
            )
    try:
        return kind(**{key: _cast(hints[key], value, f"{where}: {key}") for key, value in values.items()})
    except InputError:
        raise
    except (TypeError, ValueError) as error:
        raise InputError(f"{where}: {error}") from None


def read_yaml(kind: type[Config], path: Path) -> Config:
    """Read one config file, YAML or JSON."""
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"no config file at {path}") from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{path} is not readable YAML: {reason}") from None
    return from_mapping(kind, values or {}, str(path))


def _cast(hint: Any, value: Any, where: str) -> Any:
    """The value as the annotated type, without loss: 3 may become 3.0, 3.5 never becomes 3."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (types.UnionType, typing.Union):
        return _cast_union(arguments, value, where)
    if origin is typing.Literal:
        if value not in arguments:
            names = ", ".join(map(str, arguments))
            raise InputError(f"{where}: unknown value {value!r}{nearest(str(value), map(str, arguments))}; "
                             f"one of: {names}")
        return value
    if dataclasses.is_dataclass(hint) and isinstance(value, Mapping):
        return from_mapping(typing.cast(type, hint), value, where)
    if origin is tuple and isinstance(value, list | tuple):
        if len(arguments) == 2 and arguments[1] is Ellipsis:
            return tuple(_cast(arguments[0], item, where) for item in value)
        if len(arguments) == len(value):
            return tuple(_cast(kind, item, where) for kind, item in zip(arguments, value, strict=True))
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if hint is Path and isinstance(value, str):
        return Path(value)
    plain = origin or hint
    if isinstance(plain, type) and isinstance(value, plain) and (plain is bool) == isinstance(value, bool):
        return value
    raise InputError(f"{where}: expected {getattr(hint, '__name__', hint)}, found {value!r}")


def _cast_union(kinds: tuple[Any, ...], value: Any, where: str) -> Any:
    if value is None and type(None) in kinds:
        return None
    known = [kind for kind in kinds if kind is not type(None)]
    if len(known) == 1:  # optional: the one type's own message says most
        return _cast(known[0], value, where)
    for kind in kinds:
        try:
            return _cast(kind, value, where)
        except InputError:
            continue
    names = " or ".join(getattr(kind, "__name__", str(kind)) for kind in kinds)
    raise InputError(f"{where}: expected {names}, found {value!r}")
