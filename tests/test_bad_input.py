"""Wrong input: one line that says what, where and what to do, exit status 2, and nothing half written."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from drive_gen import cli
from drive_gen.data.store import INDEX, write_episodes
from drive_gen.envs.episode import Episode, Source, make_episode
from drive_gen.envs.road import straight_road

SHARD = "episodes-00000.npz"


def episode(seed: int = 0, kind: str = "simulated") -> Episode:
    """Two cars that drive straight on for 12 s."""
    frames = np.arange(61)
    x = np.stack((20 * 0.2 * frames, 30 + 20 * 0.2 * frames))
    position = np.stack((x, np.zeros_like(x)), axis=-1)
    meta = np.zeros((2, 61), bool)
    meta[0, ::5] = True
    return make_episode(
        position,
        np.zeros((2, 61)),
        np.full((2, 61), 20.0),
        np.full((2, 2), (5.0, 2.0)),
        np.ones((2, 61), bool),
        dt_s=0.2,
        road=straight_road(3, 1000.0),
        ego=0,
        source=Source(kind, "test", f"test/{seed}", seed=seed),  # type: ignore[arg-type]
        meta_action=np.ones((2, 61)) * meta,
        meta_known=meta,
    )


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store and a trained checkpoint to be damaged in copies."""
    root = tmp_path_factory.mktemp("clean")
    write_episodes(root / "store", [episode(seed) for seed in range(3)], "train")
    from drive_gen.policies.behavior import BehaviorTransformer
    from drive_gen.policies.config import BehaviorConfig

    config = BehaviorConfig(width=16, heads=2, layers=1, context_steps=3)
    BehaviorTransformer(config).save_pretrained(root / "checkpoint")
    from drive_gen.perception.config import SegmenterConfig, UNetConfig
    from drive_gen.perception.segmenter import Segmenter

    unet = UNetConfig(width=8, multipliers=(1, 2), heads=0)
    Segmenter(SegmenterConfig(unet)).save_pretrained(root / "segmenter")
    return root


@pytest.fixture
def here(clean: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with copies to damage."""
    shutil.copytree(clean, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def members(store: Path, change: Callable[[str, bytes], bytes | None]) -> None:
    """Rewrite a shard's members; None leaves one out."""
    shard = store / SHARD
    with zipfile.ZipFile(shard) as archive:
        kept = {name: change(name, archive.read(name)) for name in archive.namelist()}
    with zipfile.ZipFile(shard, "w") as archive:
        for name, data in kept.items():
            if data is not None:
                archive.writestr(name, data)


def array(store: Path, field: str, change: Callable[[np.ndarray], np.ndarray]) -> None:
    """Rewrite one array of the first episode."""
    import io

    def rewrite(name: str, data: bytes) -> bytes:
        if name != f"00000/{field}.npy":
            return data
        buffer = io.BytesIO()
        np.save(buffer, change(np.load(io.BytesIO(data))), allow_pickle=False)
        return buffer.getvalue()

    members(store, rewrite)


def text(path: str, content: str) -> Callable[[Path], None]:
    def write(here: Path) -> None:
        (here / path).parent.mkdir(parents=True, exist_ok=True)
        (here / path).write_text(content)

    return write


def truncate(path: str) -> Callable[[Path], None]:
    return lambda here: (here / path).write_bytes((here / path).read_bytes()[:-200])


def edit_json(path: str, **changes: object) -> Callable[[Path], None]:
    def write(here: Path) -> None:
        content = json.loads((here / path).read_text())
        (here / path).write_text(json.dumps({**content, **changes}))

    return write


def picture(path: str, size: tuple[int, int], mode: str = "RGB") -> Callable[[Path], None]:
    def write(here: Path) -> None:
        (here / path).parent.mkdir(parents=True, exist_ok=True)
        noise = np.random.default_rng(0).integers(256, size=(*size[::-1], 3), dtype=np.uint8)
        made = Image.fromarray(noise).convert(mode) if max(size) < 1000 else Image.new(mode, size)
        made.save(here / path)

    return write


def nothing(here: Path) -> None:
    """The command line alone is wrong."""


def predictor(here: Path) -> None:
    """A checkpoint of another task."""
    from drive_gen.predict.config import PredictorConfig
    from drive_gen.predict.predictor import Predictor

    Predictor(PredictorConfig(width=16, heads=2, layers=1)).save_pretrained(here / "predictor")


def not_a_number(values: np.ndarray) -> np.ndarray:
    values[1, 4] = np.nan
    return values


TRAIN = "train behavior --data store --out run --steps 1"
SIMULATE = "collect --out sim --drivers slower --episodes 1 --workers 1"
CASES: dict[str, tuple[Callable[[Path], object], str, list[str]]] = {
    # name: (what is done first, command, what the line must say)
    "risk's checkpoint of another task": (
        nothing,
        "evaluate risk checkpoint",
        ["checkpoint", "'behavior'", "'risk'"],
    ),
    "a run of another task to go on with": (nothing, "train risk --resume checkpoint",
                                            ["train risk", "such a run"]),
    "risk from one frame": (
        text("c.yaml", "model: {frames: 1}"),
        "train risk --out run --config c.yaml",
        ["2 frames", "speed"],
    ),
    "a ViT's weights for a CNN": (nothing, "train risk --out run --model cnn --init vit", ["--init", "cnn"]),
    "risk without a folder": (nothing, "train risk", ["--out"]),
    "a run that no reader's is, to go on with": (nothing, "train reader --resume checkpoint",
                                                 ["train reader", "such a run"]),
    "a reader without a folder": (nothing, "train reader", ["--out"]),
    "a reader that only pretrains": (
        text("c.yaml", "pretraining: 1.0"),
        "train reader --out run --config c.yaml",
        ["pretraining", "1.0"],
    ),
    "a question of nothing": (nothing, "ask nowhere who", ["nowhere", "no episode store"]),
    "a question in another script": (nothing, "ask store что?", ["English", "Korean"]),
    "a question to another network": (
        nothing,
        "ask store who? --checkpoint checkpoint",
        ["checkpoint", "'behavior'", "'reader'"],
    ),
    "a reader that is not there": (
        nothing,
        "generate --text night --out scene --reader bert --checkpoint nowhere",
        ["no checkpoint", "nowhere"],
    ),
    "a writer of another task": (nothing, "sample --out s --writer checkpoint", ["'behavior'", "'writer'"]),
    "a writer's run that is none": (nothing, "train writer --resume checkpoint", ["such a run"]),
    "a writer without a folder": (nothing, "train writer", ["--out"]),
    "test seeds to train a writer with": (
        text("c.yaml", "first: 9000"),
        "train writer --out run --config c.yaml",
        ["10000", "tests"],
    ),
    "a writer of nothing": (
        text("c.yaml", "episodes: 0"),
        "train writer --out run --config c.yaml",
        ["20 episodes"],
    ),
    "no samples": (nothing, "sample --out s --count 0", ["--count", "0"]),
    "a share above one to sample from": (nothing, "sample --out s --top-p 2", ["top_p", "2"]),
    "samples of something strange": (nothing, "sample --out s --text xyzzy", ["xyzzy"]),
    "no episode to comment": (nothing, "comment store --episode 9 --exact", ["store", "0 to 2", "9"]),
    "nothing to comment": (nothing, "comment none", ["none"]),
    "a scenario to comment that is none": (text("s.yaml", "lanes: 3"), "comment s.yaml", ["s.yaml", "lanes"]),
    "a language to comment in": (nothing, "comment store --language fr", ["fr"]),
    "cells of a CNN": (text("c.yaml", "model: {model: cnn, cells: true}"),
                       "train risk --out run --config c.yaml", ["cells", "vit"]),
    "eyes without episodes": (nothing, "train sight --out run", ["--data"]),
    "eyes taught by a segmenter": (nothing, "train sight --data store --out run --teacher segmenter",
                                   ["segment", "behavior"]),
    "eyes that see one frame": (text("c.yaml", "sight: {frames: 1}"),
                                "train sight --data store --out run --config c.yaml", ["2 frames", "speed"]),
    "patches that do not fit": (text("c.yaml", "sight: {patch_px: [7, 4]}"),
                                "train sight --data store --out run --config c.yaml", ["patch_px"]),
    "no run of eyes to go on with": (nothing, "train sight --resume checkpoint", ["train sight"]),
    "clip without a folder": (nothing, "train clip", ["--out"]),
    "clip from an empty store": (
        text("none/index.json", '{"schema": "drive_gen.episodes/1", "episodes": []}'),
        "train clip --data none --out run",
        ["none", "empty"],
    ),
    "a driver's run to go on with clip": (
        text("run/config.json", '{"model": "behavior"}'),
        "train clip --resume run",
        ["run", "train clip"],
    ),
    "clip resumed with flags": (nothing, "train clip --resume run --steps 3", ["--resume"]),
    "clip begun with a driver": (
        nothing,
        "train clip --out run --init checkpoint",
        ["behavior", "clip-scenes"],
    ),
    "too few episodes for clip": (nothing, "train clip --out run --episodes 3", ["10 episodes", "3"]),
    "impossible clip": (
        text("c.yaml", "model: {width: 30}"),
        "train clip --out run --config c.yaml",
        ["width", "heads", "30"],
    ),
    "a search in no store": (nothing, "search a_truck none --by facts", ["none", "collect"]),
    "a search in an empty store": (
        text("none/index.json", '{"schema": "drive_gen.episodes/1", "episodes": []}'),
        "search a_truck none --by facts",
        ["none", "empty"],
    ),
    "a search that finds nothing": (
        nothing,
        "search six_trucks_on_a_racetrack store --by facts",
        ["nothing in store", "racetrack", "--by auto"],
    ),
    "a search in another language": (nothing, "search 今日は雨です store", ["neither English nor Korean"]),
    "a search for nothing that is understood": (
        nothing,
        "search xyzzy store --by facts",
        ["nothing understood", "xyzzy"],
    ),
    "a search for what is not seen": (nothing, "search rain store --by facts", ["seen in motion", "weather"]),
    "a search with a driver": (
        nothing,
        "search truck store --checkpoint checkpoint",
        ["behavior", "clip-scenes"],
    ),
    "a search without a checkpoint": (nothing, "search truck store --checkpoint nowhere", ["nowhere"]),
    "a sheet that is no picture": (nothing, "search truck store --out sheet.pdf", ["sheet.pdf", ".png"]),
    "a search for none": (nothing, "search truck store --top 0", ["--top", "0"]),
    "captions without a folder": (nothing, "train caption", ["--out"]),
    "captions that go on with other settings": (
        nothing,
        "train caption --resume run --steps 3",
        ["--resume", "no other flags"],
    ),
    "captions beyond the test seeds": (
        text("c.yaml", "data: {first: 9999}"),
        "train caption --out run --config c.yaml",
        ["10000"],
    ),
    "patches that do not fit a clip": (
        text("c.yaml", "model: {patch_px: [7, 4]}"),
        "train caption --out run --config c.yaml",
        ["patch_px", "(7, 4)"],
    ),
    "a run of another task to describe with": (nothing, "train caption --resume checkpoint", ["such a run"]),
    "nothing to describe": (nothing, "describe none.mp4", ["none.mp4", "no film"]),
    "a film of a film": (text("f.mp4", "?"), "describe f.mp4 --film g.mp4", ["--film"]),
    "another task's checkpoint to describe with": (
        nothing,
        "describe store --checkpoint checkpoint",
        ["'behavior'", "'captioner'"],
    ),
    "misspelt setting": (
        text("c.yaml", "lanes_cuont: 2"),
        f"{SIMULATE} --config c.yaml",
        ["c.yaml", "lanes_cuont", "lanes"],
    ),
    "setting of a wrong type": (
        text("c.yaml", "lanes: three"),
        f"{SIMULATE} --config c.yaml",
        ["c.yaml", "lanes", "three"],
    ),
    "impossible setting": (text("c.yaml", "lanes: 0"), f"{SIMULATE} --config c.yaml", ["lanes", "0"]),
    "broken YAML": (text("c.yaml", "lanes: [1"), f"{SIMULATE} --config c.yaml", ["c.yaml", "YAML"]),
    "a list for a config": (text("c.yaml", "- 1"), f"{SIMULATE} --config c.yaml", ["c.yaml"]),
    "missing config": (nothing, f"{SIMULATE} --config none.yaml", ["none.yaml"]),
    "unknown environment": (
        nothing,
        f"{SIMULATE} --env highway-fst-v0",
        ["highway-fst-v0", "highway-fast-v0"],
    ),
    "unknown driver": (nothing, "collect --out sim --drivers plannr", ["plannr", "planner"]),
    "no driver": (nothing, "collect --out sim --drivers ,", ["--drivers"]),
    "no episodes": (nothing, "collect --out sim --drivers slower --episodes 0", ["--episodes", "0"]),
    "a share of two": (nothing, f"{SIMULATE} --explore 2", ["--explore", "2"]),
    "unwritable folder": (
        text("file", ""),
        "collect --out file/sim --drivers slower --episodes 1",
        ["file/sim"],
    ),
    "misspelt flag": (nothing, "collect --out sim --episods 3", ["--episods", "--episodes"]),
    "a word for a number": (nothing, "collect --out sim --episodes three", ["--episodes", "three"]),
    "a flag left out": (nothing, "collect --drivers slower", ["--out"]),
    "missing recordings": (nothing, "import ngsim none --out logs", ["none"]),
    "truncated parquet": (
        text("t.parquet", "PAR1 and no more"),
        "import ngsim t.parquet --out logs",
        ["t.parquet"],
    ),
    "foreign table": (text("t.csv", "a,b\n1,2\n"), "import ngsim t.csv --out logs", ["t.csv", "Vehicle_ID"]),
    "no highD files": (text("d/readme", ""), "import highd d --out logs", ["d", "tracks"]),
    "not XML": (text("s.xml", "<a"), "import commonroad s.xml --out logs", ["s.xml"]),
    "XML of another kind": (text("s.xml", "<html/>"), "import commonroad s.xml --out logs", ["s.xml"]),
    "XML with entities": (
        text("s.xml", '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'),
        "import commonroad s.xml --out logs",
        ["s.xml"],
    ),
    "nothing to inspect": (nothing, "inspect none", ["none"]),
    "something foreign": (text("d/x.bin", "?"), "inspect d", ["d"]),
    "no store": (nothing, "train behavior --data none --out run", ["none"]),
    "store without an index": (lambda here: (here / "store" / INDEX).unlink(), TRAIN, ["index.json"]),
    "broken index": (text(f"store/{INDEX}", "{"), TRAIN, ["index.json"]),
    "index of another version": (
        edit_json(f"store/{INDEX}", schema="drive_gen.episodes/99"),
        TRAIN,
        ["episodes/99", "episodes/1"],
    ),
    "truncated shard": (truncate(f"store/{SHARD}"), TRAIN, [SHARD]),
    "missing shard": (lambda here: (here / "store" / SHARD).unlink(), TRAIN, [SHARD]),
    "foreign shard": (text(f"store/{SHARD}", "not a zip"), TRAIN, [SHARD]),
    "missing field": (
        lambda here: members(
            here / "store", lambda name, data: None if name == "00000/speed_mps.npy" else data
        ),
        TRAIN,
        [SHARD, "episode 0", "speed_mps"],
    ),
    "wrong shape": (
        lambda here: array(here / "store", "heading_rad", lambda values: values[:, :-1]),
        TRAIN,
        [SHARD, "episode 0", "heading_rad"],
    ),
    "not a number": (
        lambda here: array(here / "store", "speed_mps", not_a_number),
        TRAIN,
        [SHARD, "episode 0", "speed_mps", "(1, 4)"],
    ),
    "wrong type": (
        lambda here: array(here / "store", "valid", lambda values: values.astype(int)),
        TRAIN,
        [SHARD, "episode 0", "valid"],
    ),
    "changed values": (
        lambda here: array(here / "store", "speed_mps", lambda values: values + 1),
        TRAIN,
        [SHARD, "episode 0", "hash"],
    ),
    "no updates": (nothing, "train behavior --data store --out run --steps 0", ["steps", "0"]),
    "no GPU": (nothing, f"{TRAIN} --device cuda", ["cuda"]),
    "nothing to go on with": (nothing, "train behavior --resume none", ["none"]),
    "a run's folder taken": (text("run/metrics.jsonl", ""), TRAIN, ["run", "--resume"]),
    "missing checkpoint": (nothing, "evaluate none/at/all --out ev", ["none/at/all"]),
    "truncated weights": (
        truncate("checkpoint/model.safetensors"),
        "evaluate checkpoint --out ev",
        ["model.safetensors"],
    ),
    "changed config": (
        edit_json("checkpoint/config.json", model="diffusion"),
        "evaluate checkpoint --out ev",
        ["config.json"],
    ),
    "no manifest": (
        lambda here: (here / "checkpoint/manifest.json").unlink(),
        "evaluate checkpoint --out ev",
        ["manifest.json"],
    ),
    "a driver that generates": (
        nothing,
        "augment store --checkpoint checkpoint --out aug",
        ["checkpoint", "behavior"],
    ),
    "a driver that predicts": (
        nothing,
        "evaluate predict checkpoint --data store",
        ["checkpoint", "behavior", "predictor"],
    ),
    "a predictor that drives": (
        predictor,
        "evaluate predictor --out ev",
        ["predictor", "cannot drive"],
    ),
    "nothing held out to predict": (
        predictor,
        "evaluate predict predictor --data store",
        ["store", "no test episodes"],
    ),
    "too short to predict": (
        text("c.yaml", "model: {future_frames: 90}"),
        "train predict --data store --out run --config c.yaml",
        ["19.8 s", "longer"],
    ),
    "unknown memory": (
        text("c.yaml", "model: {memory: grru}"),
        "train predict --data store --out run --config c.yaml",
        ["memory", "grru"],
    ),
    "a driver's run to go on predicting": (
        text("run/config.json", '{"model": "behavior"}'),
        "train predict --resume run",
        ["run", "train predict"],
    ),
    "nothing to generate from": (nothing, "augment none --out aug", ["none"]),
    "unknown floor": (
        nothing,
        "evaluate baseline:idle --floor slower,gapp --out ev",
        ["--floor: no driver 'gapp' (did you mean 'gap'?)"],
    ),
    "unknown rule": (nothing, "evaluate baseline:gpa --out ev", ["gpa", "gap"]),
    "no held-out logs": (nothing, "evaluate baseline:idle --replay store --out ev", ["store"]),
    "unknown film": (nothing, "render store --out film.avi", ["film.avi", ".mp4"]),
    "size of a film": (nothing, "render store --out film.mp4 --size big", ["big"]),
    "no picture": (nothing, "segment none.png --checkpoint segmenter", ["none.png"]),
    "a grey picture": (picture("g.png", (40, 30), "L"), "segment g.png --checkpoint segmenter",
                       ["g.png", "grey"]),
    "a tiny picture": (picture("t.png", (9, 30)), "segment t.png --checkpoint segmenter",
                       ["t.png", "9 x 30", "16"]),
    "100 megapixels": (picture("big.png", (10_000, 10_000), "1"), "segment big.png --checkpoint segmenter",
                       ["big.png", "100 megapixels", "16"]),
    "a truncated picture": (lambda here: (picture("c.png", (300, 300))(here), truncate("c.png")(here)),
                            "segment c.png --checkpoint segmenter", ["c.png", "truncated"]),
    "no picture at all": (text("x.png", "text"), "segment x.png --checkpoint segmenter", ["x.png"]),
    "an empty video": (text("v.mp4", ""), "segment v.mp4 --checkpoint segmenter", ["v.mp4", "empty"]),
    "a broken video": (text("v.mp4", "no film"), "segment v.mp4 --checkpoint segmenter", ["v.mp4", "ffmpeg"]),
    "another task's checkpoint": (picture("p.png", (40, 30)), "segment p.png --checkpoint checkpoint",
                                  ["behavior", "segment"]),
    "a segmenter at the wheel": (nothing, "evaluate segmenter --out ev", ["segment"]),
    "a film as a picture": (picture("p.png", (40, 30)), "segment p.png --checkpoint segmenter --out o.mp4",
                            ["o.mp4", ".png"]),
    "a video's mask": (text("v.mp4", "?"), "segment v.mp4 --checkpoint segmenter --mask m.png", ["--mask"]),
    "nowhere to train to": (nothing, "train segment", ["--out"]),
    "no photographs": (nothing, "train segment --out run --photos none", ["none/imgs"]),
    "photographs without masks": (picture("ph/imgs/a.png", (64, 48)), "train segment --out run --photos ph",
                                  ["ph/masks/a.png"]),
    "a foreign mask": (lambda here: (picture("ph/imgs/a.png", (64, 48))(here),
                                     picture("ph/masks/a.png", (64, 48))(here)),
                       "train segment --out run --photos ph", ["ph/masks/a.png", "#"]),
    "begun with a driver": (nothing, "train segment --out run --init checkpoint", ["behavior", "segment"]),
    "resumed with flags": (nothing, "train segment --resume run --steps 3", ["--resume"]),
    "another run resumed": (text("run/config.json", '{"model": "behavior"}'), "train segment --resume run",
                            ["run/config.json"]),
    "nothing understood": (nothing, "generate --text xyzzy --out g", ["nothing understood", "xyzzy"]),
    "nothing understood to draw": (nothing, "imagine xyzzy --out g", ["nothing understood", "xyzzy"]),
    "a road that is not drawn": (nothing, "imagine roundabout --out g", ["roundabout", "merge"]),
    "no such picture to begin with": (nothing, "imagine merge --out g --init-scene n.png", ["n.png"]),
    "a picture of another size": (picture("w.png", (64, 64)), "imagine merge --out g --init-scene w.png",
                                  ["w.png", "64 x 64", "32 x 96"]),
    "a grey picture to begin with": (picture("g.png", (32, 96), "L"),
                                     "imagine merge --out g --init-scene g.png", ["g.png", "grey"]),
    "a truncated picture to begin with": (
        lambda here: (picture("c.png", (32, 96))(here), truncate("c.png")(here)),
        "imagine merge --out g --init-scene c.png", ["c.png", "truncated"]),
    "100 megapixels to begin with": (picture("big.png", (10_000, 10_000), "1"),
                                     "imagine merge --out g --init-scene big.png",
                                     ["big.png", "100 megapixels"]),
    "a part of nothing": (nothing, "imagine merge --out g --inpaint ahead", ["--init-scene"]),
    "no pictures": (nothing, "imagine merge --out g --count 0", ["1 to 256", "0"]),
    "no steps": (nothing, "imagine merge --out g --steps 0", ["1 to 1000"]),
    "weak guidance": (nothing, "imagine merge --out g --guidance 0.5", ["guidance", "0.5"]),
    "a driver that should draw": (nothing, "imagine merge --out g --checkpoint checkpoint",
                                  ["checkpoint", "pipeline"]),
    "pictures without a VAE": (nothing, "train image --out run", ["--vae"]),
    "a driver for a VAE": (nothing, "train image --out run --vae checkpoint", ["behavior", "vae"]),
    "a VAE without a folder": (nothing, "train vae", ["--out"]),
    "another run for a VAE to go on": (text("run/config.json", '{"model": "behavior"}'),
                                       "train vae --resume run", ["train vae", "such a run"]),
    "another run to draw on": (text("run/config.json", '{"model": "behavior"}'), "train image --resume run",
                               ["train image", "such a run"]),
    "no store to draw": (nothing, "train vae --out run --data none", ["none"]),
    "a contradiction": (nothing, "generate --text no-trucks,two-trucks --out g", ["contradiction", "trucks"]),
    "another language": (nothing, "generate --text 今日は雨です --out g", ["neither English nor Korean"]),
    "no evaluation": (nothing, "report store", ["store"]),
    "broken evaluation": (text("ev/summary.json", "{}"), "report ev", ["summary.json"]),
}


@pytest.mark.parametrize("name", CASES)
def test_wrong_input_is_one_line(name: str, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    prepare, command, said = CASES[name]
    prepare(here)
    before = {path for path in here.rglob("*") if path.is_file()}
    assert cli.main(command.split()) == 2
    printed = capsys.readouterr().err.strip().splitlines()
    assert len(printed) == 1, printed
    assert printed[0].startswith("drive-gen: ")
    assert "Traceback" not in printed[0]
    for part in said:
        assert part in printed[0], printed[0]
    left = {path for path in here.rglob("*") if path.is_file()} - before
    assert not [path for path in left if path.suffix == ".tmp" or ".tmp" in path.name], left


def test_generated_episodes_never_test(tmp_path: Path) -> None:
    from drive_gen.envs.files import InputError

    for split in ("validation", "test"):
        with pytest.raises(InputError, match="generated"):
            write_episodes(tmp_path / split, [episode(kind="generated")], split)
    rows = write_episodes(tmp_path / "train", [episode(seed, "generated") for seed in range(30)])
    assert {row.split for row in rows} == {"train"}


def test_the_same_key_is_held_once(tmp_path: Path) -> None:
    first = write_episodes(tmp_path, [episode(0), episode(1)])
    again = write_episodes(tmp_path, [episode(1), replace(episode(2), ego=None)])
    assert len(first) == 2
    assert [row.seed for row in again] == [2]


def test_stopped_training_goes_on(here: Path) -> None:
    """^C in the middle of a run: it says how to go on, and going on finishes it."""
    program = [sys.executable, "-m", "drive_gen.cli"]
    words = [
        "train",
        "behavior",
        "--data",
        "store",
        "--out",
        "run",
        "--preset",
        "quick",
        "--drive-episodes",
        "0",
        "--batch-size",
        "2",
        "--steps",
        "40",
    ]
    with subprocess.Popen([*program, *words, "--steps", "100000"], stderr=subprocess.PIPE, text=True) as run:
        deadline = time.monotonic() + 120
        while not (here / "run" / "metrics.jsonl").exists():
            assert run.poll() is None, run.stderr.read() if run.stderr else ""
            assert time.monotonic() < deadline
            time.sleep(0.1)
        run.send_signal(signal.SIGINT)
        _, said = run.communicate(timeout=60)
    assert run.returncode == 130
    assert "--resume run" in said
    assert "Traceback" not in said
    settings = json.loads((here / "run" / "config.json").read_text())
    state = here / "run" / "training_state" / "state.json"
    done = json.loads(state.read_text())
    step = done.get("step", done.get("progress", {}).get("step"))
    assert step >= 1
    settings["training"]["loop"]["steps"] = step + 3  # the rest of the run, cut short
    (here / "run" / "config.json").write_text(json.dumps(settings))
    subprocess.run([*program, "train", "behavior", "--resume", "run"], check=True, capture_output=True)
    assert (here / "run" / "checkpoints" / "best" / "model.safetensors").exists()
