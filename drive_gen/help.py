"""A verb's --help as one reads it: tyro's, but for what it writes where nothing is given."""

from __future__ import annotations

import functools
import inspect
import re
import types
import typing
from collections.abc import Callable
from typing import Annotated, Any

WORDS = {"Path": "PATH", "str": "STR", "int": "INT", "float": "FLOAT"}
# Flags that change one of a preset's settings.
OF_PRESET = {"steps", "batch_size", "learning_rate", "seed", "device", "patience", "drive_episodes",
             "episodes", "seconds", "agents", "actions", "view"}


def explained(function: Callable[..., Any]) -> Callable[..., Callable[[], Any]]:
    """The function as --help tells of it: PATH for {None}|PATH, and no default where it is nothing."""
    import tyro

    hints = typing.get_type_hints(function, include_extras=True)
    signature = inspect.signature(function).parameters
    parameters = []
    for parameter in signature.values():
        hint, told = hints[parameter.name], dict[str, Any]()
        if parameter.default in (None, (), ""):
            of_preset = "preset" in signature and parameter.name in OF_PRESET
            told["help_behavior_hint"] = "(default: the preset's)" if of_preset else ""
        elif parameter.default is parameter.empty:
            told["help_behavior_hint"] = "(required)"
        if metavar := _metavar(hint):
            told["metavar"] = metavar
        parameters.append(parameter.replace(annotation=Annotated[hint, tyro.conf.arg(**told)]))

    def shown(*positional: Any, **named: Any) -> Callable[[], Any]:
        return functools.partial(function, *positional, **named)

    shown.__doc__ = re.sub(r"\n {8,}", " ", inspect.getdoc(function) or "")  # one line a parameter
    shown.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    shown.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return shown


def _metavar(hint: Any) -> str | None:
    """What stands for an optional value; None where tyro's own is right."""
    if typing.get_origin(hint) not in (types.UnionType, typing.Union):
        return None
    kinds = [kind for kind in typing.get_args(hint) if kind is not type(None)]
    if len(kinds) != 1:
        return None
    return _named(kinds[0])


def _named(kind: Any) -> str:
    if typing.get_origin(kind) is typing.Literal:
        return f"{{{','.join(map(str, typing.get_args(kind)))}}}"
    if typing.get_origin(kind) is tuple:
        return " ".join(_named(part) for part in typing.get_args(kind))
    return WORDS[kind.__name__]
