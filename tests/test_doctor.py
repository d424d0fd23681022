"""The doctor sees what is there, and says what to do about what is not."""

from __future__ import annotations

import importlib.metadata
import json
from pathlib import Path

import pytest

from drive_gen.cli import main
from drive_gen.commands import doctor
from drive_gen.commands.doctor import Finding, examine

VERSION = importlib.metadata.version


def named(findings: list[Finding]) -> dict[str, Finding]:
    return {finding.name: finding for finding in findings}


def pretend(monkeypatch: pytest.MonkeyPatch, **versions: str | None) -> None:
    """Let packages (with _ for -) seem to have other versions, or none."""
    def version(package: str) -> str:
        found = versions.get(package.replace("-", "_"), "")
        if found is None:
            raise importlib.metadata.PackageNotFoundError(package)
        return found or VERSION(package)

    monkeypatch.setattr(importlib.metadata, "version", version)


def test_all_is_well_here(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--folder", str(tmp_path), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["ok"]
    findings = {finding["name"]: finding for finding in told["findings"]}
    assert {"cpu", "gpu", "ffmpeg", "compiler", "folder", "pygame"} <= findings.keys()
    assert findings["highway-env"]["found"] == doctor.HIGHWAY_ENV == VERSION("highway-env")
    assert not list(tmp_path.iterdir())


def test_another_highway_env_is_essential(monkeypatch: pytest.MonkeyPatch,
                                          capsys: pytest.CaptureFixture[str]) -> None:
    pretend(monkeypatch, highway_env="1.10.0")
    assert main(["doctor"]) == 1
    said = capsys.readouterr().out
    assert "MISS  highway-env" in said
    assert f"pip install highway-env=={doctor.HIGHWAY_ENV}" in said


def test_missing_packages_and_two_pygames_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, pygame="2.6.1", numba=None, safetensors=None)
    findings = named(examine())
    assert findings["packages"].problem == "not installed: numba, safetensors"
    assert "overwrite" in findings["pygame"].problem
    assert "uninstall" in findings["pygame"].todo
    assert findings["pygame"].essential


def test_the_dummy_video_driver_is_a_note(monkeypatch: pytest.MonkeyPatch,
                                          capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    assert main(["doctor"]) == 0
    said = capsys.readouterr().out
    assert "note  display" in said
    assert "unset SDL_VIDEODRIVER" in said


def test_a_folder_that_cannot_be_written_is_essential() -> None:
    if not Path("/proc/self").exists():
        pytest.skip("no /proc, where nobody can write")
    finding = named(examine(Path("/proc/self/runs")))["folder"]
    assert finding.essential
    assert "cannot be written" in finding.problem


def test_a_check_that_breaks_becomes_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    import imageio_ffmpeg

    def broken() -> str:
        raise RuntimeError("no ffmpeg in sight")

    monkeypatch.setattr(imageio_ffmpeg, "get_ffmpeg_exe", broken)
    finding = named(examine())["ffmpeg"]
    assert finding.problem == "RuntimeError: no ffmpeg in sight"
    assert not finding.essential
