"""Says what any of drive_gen's files or folders is, whether it is whole, and what to do with it next."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from drive_gen.data.census import Census, split_problems
from drive_gen.data.inspect_files import (
    LONE_FILES,
    check_manifest,
    file_facts,
    json_lines,
    weight_facts,
)
from drive_gen.data.store import INDEX, read_index, read_shard
from drive_gen.envs.files import InputError, read_json, sha256_of

SUMMARY, ROWS, METRICS, MANIFEST = "summary.json", "rows.jsonl", "metrics.jsonl", "manifest.json"
FIGURES = ("episodes", "success", "mean_speed_mps", "return", "crash_rate")  # shown of each driver
EVALUATION_SCHEMA = "drive_gen.evaluation/1"
STATE = Path("training_state") / "state.json"
RAW_LOGS = {"tracks.parquet": "ngsim", "*.xml": "commonroad", "*tracks.csv": "highd"}  # by what is in it


@dataclass
class Inspection:
    """What a path is. `problems` are what makes it unfit for use; `remarks` what one should know."""

    path: str
    what: str
    facts: dict[str, Any] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    next: str = ""

    def as_json(self) -> dict[str, Any]:
        """All of it, as JSON can hold it."""
        return asdict(self)


def inspect_path(path: Path) -> Inspection:
    """Look into a file or folder; an InputError where it is missing or not drive_gen's."""
    if not path.exists():
        raise InputError(f"nothing at {path}")
    if path.is_dir():
        for marker, look in _FOLDERS:
            if (path / marker).exists():
                return look(path)
        if any(path.glob("*.yaml")):
            return inspect_scenarios(path)
        raise InputError(f"{path} is no folder of drive_gen's{_hint(path)}")
    if path.name == INDEX and _schema(path) == "drive_gen.episodes/1":
        return inspect_store(path.parent)
    if path.name == SUMMARY and _schema(path) == EVALUATION_SCHEMA:
        return inspect_evaluation(path.parent)
    if path.suffix == ".npz":
        return inspect_shard(path)
    if path.suffix.lower() in LONE_FILES:
        what, facts, following = file_facts(path)
        return Inspection(str(path), what, facts, next=following)
    raise InputError(f"{path} is no file of drive_gen's: it ends in {path.suffix or 'nothing'}")


def inspect_store(folder: Path) -> Inspection:
    """Every episode of a store, read and checked against the index."""
    rows = read_index(folder)
    found = Inspection(str(folder), "episode store")
    census = Census()
    for shard in dict.fromkeys(row.shard for row in rows):
        for row in (row for row in rows if row.shard == shard):
            try:
                census.add(read_shard(folder / shard, [row])[0], row)
            except InputError as error:
                found.problems.append(str(error))
            if not (folder / shard).exists():
                break  # one line says it for all its episodes
    named = {row.shard for row in rows}
    found.problems += [f"{path} is not in the index: an interrupted or foreign write; delete it"
                       for path in sorted(folder.glob("*.npz")) if path.name not in named]
    found.problems += split_problems(rows)
    found.problems += census.overlapping
    found.facts = {"episodes": len(rows), "shards": len(named),
                   "splits": dict(Counter(row.split for row in rows)), **census.facts(),
                   "index_sha256": sha256_of(folder / INDEX)}
    if census.noted:
        found.remarks.append(f"{census.noted} pairs of logged bodies overlap; the episodes' notes name them")
    if census.unseen:
        found.remarks.append(f"{census.unseen} pairs of a simulation's traffic overlap: highway-env looks "
                             "for collisions of controlled cars alone")
    if not rows:
        found.remarks.append("the store is empty")
    found.next = (f"drive-gen train behavior --data {folder} --out runs/behavior" if rows
                  else f"drive-gen collect --out {folder}")
    return found


def inspect_shard(path: Path) -> Inspection:
    """A shard on its own: its episodes, without the hashes that only the index has."""
    census = Census()
    for episode in read_shard(path):
        census.add(episode)
    found = Inspection(str(path), "episode shard", census.facts(), census.overlapping)
    if not (path.parent / INDEX).exists():
        found.problems.append(f"{path.parent} has no {INDEX}, so that no command reads this shard")
    found.next = f"drive-gen inspect {path.parent}"
    return found


def inspect_checkpoint(folder: Path) -> Inspection:
    """A checkpoint folder: every file against the manifest, and the size of the network."""
    header = read_json(folder / "config.json", "a checkpoint's config")
    kind = header.get("model", "unknown") if isinstance(header, dict) else "unknown"
    found = Inspection(str(folder), f"checkpoint of a {kind} model")
    found.problems += check_manifest(folder)
    found.facts = {"model": kind, "config": header.get("config", {}) if isinstance(header, dict) else header}
    for weights in sorted(folder.glob("*.safetensors")):
        try:
            found.facts |= weight_facts(weights)
        except InputError as error:
            found.problems.append(str(error))
    found.facts["manifest_sha256"] = sha256_of(folder / MANIFEST)
    drive = f"drive-gen evaluate {folder} --out runs/evaluation"
    found.next = {"behavior": drive, "ppo": drive, "diffusion": "drive-gen augment --help",
                  "predictor": f"drive-gen evaluate predict {folder} --data STORE"}.get(kind, "")
    return found


def inspect_run(folder: Path) -> Inspection:
    """A training run: its settings, how far it came, and its checkpoints."""
    found = Inspection(str(folder), "training run")
    found.facts["config"] = read_json(folder / "config.json", "a run's config")
    lines, broken = json_lines(folder / METRICS)
    found.problems += broken
    last_step = max((int(line.get("step", 0)) for line in lines), default=0)
    found.facts |= {"metrics": len(lines), "last_step": last_step}
    if (folder / STATE).exists():
        state = read_json(folder / STATE, "a training state")
        found.facts["progress"] = state.get("progress")
        tensors = folder / STATE.parent / str(state.get("file"))
        # A run of PPO has no tensors of its own there, and no hash.
        if "file" in state and not (tensors.is_file() and sha256_of(tensors) == state.get("sha256")):
            found.problems.append(f"{tensors} is missing or was changed; the run cannot be resumed")
    checkpoints = [path.parent for path in sorted(folder.glob(f"checkpoints/*/{MANIFEST}"))]
    found.facts["checkpoints"] = [path.name for path in checkpoints]
    for checkpoint in checkpoints:
        inner = inspect_checkpoint(checkpoint)
        found.problems += inner.problems
        found.next = inner.next.replace(str(checkpoint), str(folder))
    if not checkpoints:
        found.remarks.append("it has no checkpoint yet")
    return found


def inspect_evaluation(folder: Path) -> Inspection:
    """An evaluation: its drivers' figures, and whether rows and episodes are all there."""
    if _schema(folder / SUMMARY) != EVALUATION_SCHEMA:
        raise InputError(f"{folder / SUMMARY}: schema is {_schema(folder / SUMMARY)!r}, this version reads "
                         f"{EVALUATION_SCHEMA!r}")
    summary = read_json(folder / SUMMARY, "an evaluation's summary")
    found = Inspection(str(folder), f"{summary.get('kind', '')} evaluation".replace("_", "-").strip())
    rows, broken = json_lines(folder / ROWS)
    found.problems += broken
    drivers = {driver["name"]: driver.get("metrics", {}) for driver in summary.get("drivers", [])}
    counts = Counter(row.get("driver") for row in rows)
    for name, metrics in drivers.items():
        if counts[name] != metrics.get("episodes", counts[name]):
            found.problems.append(f"{folder / ROWS} has {counts[name]} rows of {name}, the summary counts "
                                  f"{metrics['episodes']}")
    about = {name: summary.get(name) for name in ("config_hash", "command", "versions")}
    figures = {name: {key: metrics.get(key) for key in FIGURES} for name, metrics in drivers.items()}
    found.facts = {"rows": len(rows), **about, "drivers": figures}
    store = folder / "episodes"
    if (store / INDEX).exists():
        inner = inspect_store(store)
        found.problems += inner.problems
        found.facts["episodes"] = inner.facts["episodes"]
        keys = {row.key for row in read_index(store)}
        lost = [row for row in rows if row.get("store_key") is not None and row["store_key"] not in keys]
        found.problems += [f"{store} lacks the episodes of {len(lost)} rows"] if lost else []
    else:
        found.problems.append(f"{store} is missing, so that no episode can be shown")
    found.next = f"drive-gen report {folder}"
    return found


def inspect_scenarios(folder: Path) -> Inspection:
    """The scenarios of a folder of `generate` or `sample`: how many, which roads, agents and events."""
    from drive_gen.envs.scenario import Scenario
    from drive_gen.language.read_scene import road_kind

    found, scenarios = Inspection(str(folder), "folder of scenarios"), list[Scenario]()
    files = sorted(folder.glob("*.yaml"))
    for path in files:
        try:
            scenarios.append(Scenario.read(path))
        except InputError as error:
            found.problems.append(str(error))
    if not scenarios:
        raise InputError(f"{folder} is no folder of drive_gen's: {found.problems[0]}")
    found.facts = {"scenarios": len(scenarios),
                   "roads": dict(Counter(road_kind(one.to_road()) for one in scenarios)),
                   "agents": dict(Counter(agent.kind for one in scenarios for agent in one.agents)),
                   "events": dict(Counter(event.action or "acceleration"
                                          for one in scenarios for event in one.events)) or "none",
                   "constraints": sum(len(one.constraints) for one in scenarios)}
    alone = sum(one.ego is None for one in scenarios)
    if alone:
        found.remarks.append(f"{alone} of them name no ego, so that no driver can be put into them")
    found.next = f"drive-gen evaluate DRIVER --replay {folder} --out {folder / 'evaluation'}"
    return found


def _inspect_manifest_folder(folder: Path) -> Inspection:
    """A folder with config.json: a checkpoint has a manifest beside it, a run metrics or checkpoints."""
    if (folder / MANIFEST).exists():
        return inspect_checkpoint(folder)
    if (folder / METRICS).exists() or (folder / "checkpoints").is_dir():
        return inspect_run(folder)
    raise InputError(f"{folder} has a config.json, but neither a {MANIFEST} (checkpoint) nor {METRICS} (run)")


_FOLDERS: tuple[tuple[str, Callable[[Path], Inspection]], ...] = (
    (INDEX, inspect_store), (SUMMARY, inspect_evaluation), ("config.json", _inspect_manifest_folder))


def _schema(path: Path) -> str | None:
    content = read_json(path, "a JSON file")
    return str(content.get("schema")) if isinstance(content, dict) else None


def _hint(folder: Path) -> str:
    """What to do with a folder of raw logs."""
    for pattern, kind in RAW_LOGS.items():
        if any(folder.glob(pattern)):
            return f"; it looks like raw logs: drive-gen import {kind} {folder} --out data/{kind}"
    return ""
