"""The report says what the evaluation found, needs nothing from outside, and plays."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from drive_gen.cli import main
from drive_gen.data.store import read_episodes
from drive_gen.envs.files import InputError
from drive_gen.envs.road import straight_road
from drive_gen.envs.world import EnvConfig
from drive_gen.evaluate.closed_loop import evaluate_closed_loop
from drive_gen.report import selection
from drive_gen.report.html import in_script, page, write_report
from drive_gen.report.replay_data import Roads, episode_data, frames_shown
from drive_gen.report.sections import CLOSED_LOOP, cell, columns_of
from drive_gen.report.selection import ReportConfig, badness

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
EVIL = '<script>alert("1")</script>{{data}}'


@pytest.fixture(scope="module")
def evaluation(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four seeds, driven by two rules; some crash."""
    folder = tmp_path_factory.mktemp("ev")
    config = EnvConfig(vehicles=10, duration_s=8)
    evaluate_closed_loop("baseline:idle", config, folder, episodes=4, seed=5, floors=["slower"], workers=1,
                         command="drive-gen evaluate baseline:idle")
    return folder


@pytest.fixture(scope="module")
def report(evaluation: Path) -> str:
    return write_report(evaluation, evaluation / "r" / "report.html").read_text(encoding="utf-8")


def data_of(text: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    assert found
    return json.loads(found[1])  # type: ignore[no-any-return]


class Parsed(HTMLParser):
    """Tags, what they refer to, and the results' cells."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.cells: list[str] = []
        self.inside: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self.inside.append(tag)
        if tag == "td":
            self.cells.append("")

    def handle_endtag(self, tag: str) -> None:
        while tag in self.inside and self.inside.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if "td" in self.inside and "small" not in self.inside:
            self.cells[-1] += data


def test_the_page_asks_for_nothing_from_outside(report: str) -> None:
    assert not re.search(r"(https?:)?//[a-z0-9.-]+\.[a-z]{2,}", report, re.IGNORECASE)
    for _, attributes in Parsed(report).tags:
        for name in ("src", "href", "action", "data", "poster", "srcset"):
            value = attributes.get(name)
            assert value is None or value.startswith(("data:", "#")), (name, value)
    for forbidden in ("@import", "url(", "fetch(", "XMLHttpRequest", "WebSocket", "importScripts"):
        assert forbidden not in report
    assert "default-src 'none'" in report


def test_the_table_says_what_the_summary_says(evaluation: Path, report: str) -> None:
    summary = json.loads((evaluation / "summary.json").read_text())
    columns = columns_of(summary)
    assert [column.name for column in columns][:3] == ["success", "mean_speed_mps", "return"]
    expected = [column.write(driver["metrics"].get(column.name))
                for driver in summary["drivers"] for column in columns]
    assert Parsed(report).cells == expected
    low = summary["drivers"][0]["metrics"]["return_low"]
    assert f"<small>{low:.2f} to " in report
    for pair in summary["paired"]:
        assert f"return {pair['return_difference']:+.2f}" in report


def test_a_cell_by_hand() -> None:
    metrics = {"success": 0.75, "success_low": 0.5, "success_high": 0.9, "crash_rate": 0.25, "crash_low": 0.1,
               "crash_high": 0.5, "min_ttc_s": None}
    columns = {column.name: column for column in CLOSED_LOOP}
    assert cell(metrics, columns["success"]) == "75.0 %<small>50.0 % to 90.0 %</small>"
    assert cell(metrics, columns["crash_rate"]) == "25.0 %<small>10.0 % to 50.0 %</small>"
    assert cell(metrics, columns["min_ttc_s"]) == "-"


def test_the_player_holds_the_motion_to_the_centimetre(evaluation: Path) -> None:
    episode = next(item for item in read_episodes(evaluation / "episodes") if item.source.driver == "idle")
    agent = int(episode.ego or 0)
    frames, data = frames_shown(episode, agent), episode_data(episode, agent)
    assert frames[-1] == episode.steps - 1
    assert np.allclose(np.array(data["t"]) / 1000, frames * episode.dt_s, atol=1e-3)
    ego = data["ego"][0]
    decoded = np.stack((np.cumsum(ego["x"]), np.cumsum(ego["y"])), axis=-1) / 100
    assert np.abs(decoded - episode.position_m[agent, frames]).max() <= 0.00501
    assert np.abs(np.cumsum(ego["h"]) / 1000 - episode.heading_rad[agent, frames]).max() <= 0.000501
    known = np.flatnonzero(episode.meta_known[agent])
    assert [code for _, code in data["actions"]] == episode.meta_action[agent, known].tolist()


def test_equal_roads_are_held_once() -> None:
    roads = Roads()
    numbers = [roads.add(straight_road(lanes, 100)) for lanes in (3, 3, 4, 3)]
    assert numbers == [0, 0, 1, 0]
    assert len(roads.data) == 2


def test_the_worst_come_first(evaluation: Path, report: str) -> None:
    best = {"crashed": False, "off_road": False, "min_ttc_s": None, "return": 30.0, "seed": 1}
    order = [best | {"crashed": True, "min_ttc_s": 9.0}, best | {"collision": True, "crashed": True},
             best | {"off_road": True}, best | {"min_ttc_s": 0.5}, best | {"min_ttc_s": 2.0},
             best | {"return": 3.0}, best]
    shuffled = [order[number] for number in (3, 6, 0, 5, 2, 4, 1)]
    assert sorted(shuffled, key=badness) == order
    entries = data_of(report)["episodes"]
    rows = [json.loads(line) for line in (evaluation / "rows.jsonl").read_text().splitlines()]
    worst = sorted((row for row in rows if row["driver"] == "idle"), key=badness)
    assert [entry["title"] for entry in entries[:4]] == [f"seed {row['seed']}" for row in worst]
    assert [bool(entry["tag"]) for entry in entries[:4]] == [not row["success"] for row in worst]
    assert all(set(entry["ghosts"]) == {"slower"} for entry in entries[:4])


def test_limits_hold(evaluation: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    few = write_report(evaluation, tmp_path / "few.html", ReportConfig(episodes=2, others=1))
    assert [entry["driver"] for entry in data_of(few.read_text())["episodes"]] == ["idle", "idle", "slower"]
    none = write_report(evaluation, tmp_path / "none.html", ReportConfig(episodes=0, others=0))
    assert not data_of(none.read_text())["episodes"]
    assert 'id="player" hidden' in none.read_text()
    monkeypatch.setattr(selection, "MOST_BYTES", 20_000)
    small = write_report(evaluation, tmp_path / "small.html")
    assert small.stat().st_size < 80_000
    with pytest.raises(InputError, match="at least 0"):
        ReportConfig(episodes=-1)


def test_names_cannot_break_out_of_the_page(evaluation: Path) -> None:
    summary = json.loads((evaluation / "summary.json").read_text())
    summary["drivers"][0]["name"] = EVIL
    summary["paired"][0]["other"] = EVIL
    summary["command"] = f"drive-gen evaluate '{EVIL}' -->"
    summary["config"]["env"] = EVIL
    entry = {"driver": EVIL, "title": "</script><!--", "tag": "", "facts": EVIL}
    text = page(summary, [], {"episodes": [entry], "roads": [], "drivers": [EVIL], "actions": []})
    assert "<script>alert" not in text
    assert html.escape(EVIL) in text
    assert [tag for tag, _ in Parsed(text).tags].count("script") == 2
    assert data_of(text)["episodes"] == [entry]


def test_json_in_a_script_element_is_the_same_json() -> None:
    value = {"a": "</script><!-- & ]]>", "b": [1.5, None, "é"]}
    assert json.loads(in_script(value)) == value
    assert not set("<>&") & set(in_script(value))
    with pytest.raises(ValueError, match="JSON"):
        in_script(float("nan"))


def test_the_same_evaluation_gives_the_same_bytes(evaluation: Path, report: str, tmp_path: Path) -> None:
    assert write_report(evaluation, tmp_path / "again.html").read_text(encoding="utf-8") == report


def test_a_replay_evaluation_has_its_own_words(evaluation: Path) -> None:
    metrics = {"episodes": 8, "ade_m": 1.5, "ade_m_low": 1.0, "ade_m_high": 2.0, "fde_m": 3.0,
               "collision": 0.25, "collision_low": 0.1, "collision_high": 0.5}
    summary = {"kind": "replay", "cases": 8, "horizon_s": 6.0, "config": {"data": "logs"}, "config_hash": "c",
               "drivers": [{"name": "model", "metrics": metrics}, {"name": "log", "metrics": metrics}]}
    text = page(summary, [], {"episodes": [], "roads": [], "drivers": [], "actions": []})
    assert "In place of 8 logged cars" in text
    assert "1.50 m (95 % interval 1.00 to 2.00 m)" in text
    assert '<section aria-labelledby="paired" hidden>' in text


@pytest.mark.parametrize(("break_it", "message"), [
    (lambda folder: shutil.rmtree(folder), "no evaluation at"),
    (lambda folder: (folder / "summary.json").unlink(), "summary.json is missing"),
    (lambda folder: (folder / "summary.json").write_text("{}"), "schema is None"),
    (lambda folder: (folder / "summary.json").write_text("{"), "is not an evaluation's summary"),
    (lambda folder: (folder / "rows.jsonl").unlink(), "has no rows"),
    (lambda folder: _without(folder / "summary.json", "metrics"), "lack 'metrics'"),
])
def test_what_is_no_evaluation_is_refused(break_it: Any, message: str, evaluation: Path, tmp_path: Path,
                                          capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "ev"
    shutil.copytree(evaluation, folder)
    break_it(folder)
    assert main(["report", str(folder), "--out", str(tmp_path / "r.html")]) == 2
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1
    assert not (tmp_path / "r.html").exists()


def _without(path: Path, name: str) -> None:
    summary = json.loads(path.read_text())
    del summary["drivers"][0][name]
    path.write_text(json.dumps(summary))


def test_the_command_prints_only_json(evaluation: Path, tmp_path: Path,
                                      capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "r.html"
    assert main(["report", str(evaluation), "--out", str(out), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"out": str(out), "bytes": out.stat().st_size}


# Without a screen a browser gives frames when it likes; a clock of our own gives one every 20 ms.
CLOCK = """<head><script>
window.requestAnimationFrame = (tick) => setTimeout(() => tick(performance.now()), 20);
</script>"""
PROBE = """
<script>
const key = (name, target) => (target || document.body).dispatchEvent(
  new KeyboardEvent('keydown', { key: name, bubbles: true, cancelable: true }));
const shown = () => parseFloat(document.getElementById('r-time').textContent);
const told = {};
document.getElementById('view').scrollIntoView();
told.start = shown();
key('ArrowRight'); key('ArrowRight'); told.steps = shown();
key('ArrowLeft'); told.back = shown();
key('End'); told.end = shown(); told.crash = !document.getElementById('crash').hidden;
key('Home'); told.home = shown();
key('+'); told.rate = document.getElementById('rate').value;
document.getElementById('scrub').value = '500';
document.getElementById('scrub').dispatchEvent(new Event('input')); told.middle = shown();
const line = document.getElementById('line-speed'), box = line.getBoundingClientRect();
line.dispatchEvent(new MouseEvent('click', { clientX: box.left + box.width / 4, bubbles: true }));
told.quarter = shown();
key('ArrowDown'); told.second = document.querySelector('[aria-pressed=true]').textContent;
const filter = document.getElementById('driver');
filter.value = 'slower'; filter.dispatchEvent(new Event('change'));
told.filtered = document.getElementById('episodes').children.length;
key('Home'); key(' ');
told.playing = document.getElementById('play').getAttribute('aria-label');
setTimeout(() => {
  told.played = shown();
  key(' ');
  told.paused = document.getElementById('play').getAttribute('aria-label');
  const pen = document.getElementById('view').getContext('2d');
  const [red, green, blue] = pen.getImageData(0, 0, 1, 1).data;
  told.ground = [red, green, blue];
  const probe = document.createElement('pre');
  probe.id = 'told';
  probe.textContent = JSON.stringify(told);
  document.body.append(probe);
}, 1500);
</script>
</body>"""


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium to open the page with")
def test_the_player_plays_in_a_browser(evaluation: Path, report: str, tmp_path: Path) -> None:
    probed = tmp_path / "probed.html"
    probed.write_text(report.replace("<head>", CLOCK).replace("</body>", PROBE), encoding="utf-8")
    shown = subprocess.run([
        str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
        "--disable-background-networking", "--disable-component-update", "--disable-sync",
        f"--user-data-dir={tmp_path / 'profile'}", "--window-size=1280,1400", "--virtual-time-budget=6000",
        "--dump-dom", probed.as_uri()], capture_output=True, text=True, timeout=120, check=True).stdout
    found = re.search(r'<pre id="told">(.*?)</pre>', shown)
    assert found, shown[-2000:]
    told = json.loads(html.unescape(found[1]))
    entry = data_of(report)["episodes"][0]
    times = [time / 1000 for time in entry["data"]["t"]]
    assert told["start"] == told["home"] == 0
    assert told["steps"] == pytest.approx(times[2], abs=0.051)
    assert told["back"] == pytest.approx(times[1], abs=0.051)
    assert told["end"] == pytest.approx(times[-1], abs=0.051)
    assert told["crash"] == ("CRASH" in entry["tag"])
    assert told["rate"] == "2"
    assert told["middle"] == pytest.approx(times[-1] / 2, abs=0.1)
    assert told["quarter"] == pytest.approx(times[-1] / 4, abs=0.1)
    assert told["second"].startswith(data_of(report)["episodes"][1]["title"])
    assert told["filtered"] == 3
    assert (told["playing"], told["paused"]) == ("Pause", "Play")
    assert told["played"] == pytest.approx(2 * 1.5, abs=0.5)  # at speed 2
    assert told["ground"] == [23, 28, 31]
