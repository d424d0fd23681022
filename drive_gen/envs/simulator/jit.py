"""numba's compiler behind a typed decorator, with a cache that notices changes in any file here."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar, cast

import numba

Function = TypeVar("Function", bound=Callable[..., object])

_IMPORT = re.compile(r"^from drive_gen\.envs\.simulator(?:\.(\w+))? import (\w+)", re.MULTILINE)
_COMPILED = re.compile(r"^@.*(compiled|lean|merged)", re.MULTILINE)


def sources(folder: Path) -> list[Path]:
    """The files of a folder that machine code comes from: those with compiled functions, and what they import."""
    texts = {path.stem: path.read_text("utf-8") for path in sorted(folder.glob("*.py"))}
    found, new = set[str](), {name for name, text in texts.items() if _COMPILED.search(text)}
    while new:
        found |= new
        imported = {module or name for one in new for module, name in _IMPORT.findall(texts[one])}
        new = (imported & texts.keys()) - found
    return [folder / f"{name}.py" for name in sorted(found)]


# numba's cache looks at a function's own file only, and would go on using machine code in which an older
# callee of another file is inlined. So the digest is of all files from which any comes.
DIGEST = hashlib.sha256(b"".join(path.read_bytes() for path in sources(Path(__file__).parent))).hexdigest()[:8]


def is_compiled() -> bool:
    """Whether the machine code of these files has been kept here by some process before."""
    return any((Path(__file__).parent / "__pycache__").glob(f"batch.advance-{DIGEST}*.nbi"))


def compiled(function: Function) -> Function:
    """Compile with numba on first call and keep the machine code on disk.

    No fast math: sums keep their order, so that results stay bitwise equal to highway-env's. Division follows
    numpy (inf, no exception); the simulator divides by nothing that can be zero.
    """
    function.__qualname__ += f"-{DIGEST}"  # part of the name of the cache's file
    compile_ = numba.njit(cache=True, error_model="numpy", nogil=True)
    return cast(Function, compile_(function))
