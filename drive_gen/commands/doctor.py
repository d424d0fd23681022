"""`drive-gen doctor`: what this machine has, and what is missing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

HIGHWAY_ENV = "1.12.1"  # the simulator promises equality with this version alone
PACKAGES = ("torch", "numpy", "gymnasium", "stable-baselines3", "numba", "scipy", "pygame-ce",
            "imageio-ffmpeg", "pyarrow", "safetensors", "tyro")
LEAST_FREE_GB = 2.0


@dataclass(frozen=True)
class Finding:
    """One thing looked at; `problem` is empty where all is well."""

    name: str
    found: str
    problem: str = ""
    todo: str = ""
    essential: bool = True  # nothing works without it


def doctor(*, folder: Path = Path("."), json: bool = False) -> int:
    """Say what this machine has, what is missing, and what to do about it; exits with 1 if that is essential.

    Args:
        folder: Where runs and stores are to be written; its disk is looked at.
        json: Print only the findings, as JSON.
    """
    findings = examine(folder)
    broken = [finding for finding in findings if finding.problem and finding.essential]
    if json:
        import json as encoder

        listed = [asdict(finding) for finding in findings]
        print(encoder.dumps({"ok": not broken, "findings": listed}, indent=1))
        return 1 if broken else 0
    _say(findings)
    noted = sum(bool(finding.problem) for finding in findings) - len(broken)
    if broken:
        print(f"{len(broken)} essential {'thing is' if len(broken) == 1 else 'things are'} missing")
    else:
        print(f"ready{f' ({noted} to note)' if noted else ''}; next: drive-gen demo")
    return 1 if broken else 0


def examine(folder: Path = Path(".")) -> list[Finding]:
    """All findings; a check that fails itself becomes a finding, never a traceback."""
    checks: tuple[Callable[[], Iterator[Finding]], ...] = (
        _drive_gen, _machine, _gpu, _highway_env, _packages, _pygame, _display, _ffmpeg, _numba,
        lambda: _disk(folder))
    findings: list[Finding] = []
    for check in checks:
        try:
            findings.extend(check())
        except Exception as error:  # a broken installation may raise anything
            name = check.__name__.strip("_").replace("_", "-")
            findings.append(Finding(name, "failed", f"{type(error).__name__}: {error}".splitlines()[0],
                                    "install drive-gen anew in a fresh environment",
                                    essential=check not in (_display, _ffmpeg)))
    return findings


def _say(findings: list[Finding]) -> None:
    width = max(len(finding.name) for finding in findings)
    for finding in findings:
        mark = "ok  " if not finding.problem else "MISS" if finding.essential else "note"
        print(f"{mark}  {finding.name:{width}}  {finding.found}")
        if finding.problem:
            print(f"      {'':{width}}  {finding.problem}; {finding.todo}")


def _version(package: str) -> str | None:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _drive_gen() -> Iterator[Finding]:
    import platform
    import sys

    from drive_gen import __version__

    old = sys.version_info < (3, 11)
    yield Finding("drive_gen", __version__)
    yield Finding("python", platform.python_version(), "drive_gen needs Python 3.11 or newer" if old else "",
                  "make an environment with a newer Python")


def _machine() -> Iterator[Finding]:
    import os
    import platform

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    yield Finding("cpu", f"{_cpu_name() or platform.machine()}, {cores} cores to use")
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        total_gb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
        yield Finding("memory", f"{total_gb:.0f} GB", "little memory" if total_gb < 4 else "",
                      "use fewer --workers", essential=False)


def _cpu_name() -> str:
    """The processor's name where Linux says it."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines() if path.exists() else []
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "")


def _gpu() -> Iterator[Finding]:
    import torch

    if torch.cuda.is_available():
        memory_gb = torch.cuda.get_device_properties(0).total_memory / 1e9
        name = torch.cuda.get_device_name(0)
        yield Finding("gpu", f"{name}, {memory_gb:.0f} GB (CUDA {torch.version.cuda})")
    else:
        yield Finding("gpu", "none that torch can use; training takes the CPU")


def _highway_env() -> Iterator[Finding]:
    found = _version("highway-env")
    yield Finding("highway-env", found or "not installed",
                  "" if found == HIGHWAY_ENV else f"drive_gen is exact for {HIGHWAY_ENV} alone",
                  f"pip install highway-env=={HIGHWAY_ENV}")


def _packages() -> Iterator[Finding]:
    found = {package: _version(package) for package in PACKAGES}
    missing = [package for package, version in found.items() if version is None]
    listed = ", ".join(f"{package} {version or 'missing'}" for package, version in found.items())
    yield Finding("packages", listed, f"not installed: {', '.join(missing)}" if missing else "",
                  f"pip install {' '.join(missing)}")


def _pygame() -> Iterator[Finding]:
    """Both distributions install the same files, so that together they give a mixture of two versions."""
    both = _version("pygame") is not None and _version("pygame-ce") is not None
    yield Finding("pygame", "pygame and pygame-ce" if both else "pygame-ce alone",
                  "both are installed, and overwrite each other's files" if both else "",
                  "pip uninstall -y pygame pygame-ce, then pip install pygame-ce")


def _display() -> Iterator[Finding]:
    import os

    driver = os.environ.get("SDL_VIDEODRIVER", "")
    dummy = driver == "dummy"
    screen = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    yield Finding("display", f"SDL_VIDEODRIVER={driver}" if driver else screen or "none; none is needed",
                  "with the dummy driver highway-env's own renderer shows black pictures" if dummy else "",
                  "unset SDL_VIDEODRIVER: drive_gen draws without a display", essential=False)


def _ffmpeg() -> Iterator[Finding]:
    import subprocess

    import imageio_ffmpeg

    program = imageio_ffmpeg.get_ffmpeg_exe()
    done = subprocess.run([program, "-hide_banner", "-encoders"], capture_output=True, text=True, timeout=60)
    works = done.returncode == 0 and "libx264" in done.stdout
    yield Finding("ffmpeg", imageio_ffmpeg.get_ffmpeg_version(),
                  "" if works else f"{program} does not run or lacks libx264: no .mp4",
                  "pip install --force-reinstall imageio-ffmpeg, or write .gif", essential=False)


def _numba() -> Iterator[Finding]:
    import numba

    @numba.njit  # type: ignore[untyped-decorator]
    def triangle(count: int) -> int:
        total = 0
        for number in range(count + 1):
            total += number
        return total

    works = triangle(4) == 10
    yield Finding("compiler", f"numba compiles, {numba.get_num_threads()} threads",
                  "" if works else "what it compiles is wrong",
                  "pip install --force-reinstall numba llvmlite")


def _disk(folder: Path) -> Iterator[Finding]:
    import shutil
    import tempfile

    place = folder.resolve()
    there = next(path for path in (place, *place.parents) if path.exists())
    try:
        with tempfile.TemporaryFile(dir=there):
            reason = ""
    except OSError as error:
        reason = f"{there} cannot be written to ({error.strerror})"
    yield Finding("folder", str(place), reason, "give another --folder")
    free_gb = shutil.disk_usage(there).free / 1e9
    yield Finding("disk", f"{free_gb:.0f} GB free", "little room for episodes and runs"
                  if free_gb < LEAST_FREE_GB else "", "free some, or give another --folder", essential=False)
