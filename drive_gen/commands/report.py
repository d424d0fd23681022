"""`drive-gen report`: an evaluation as one HTML file."""

from __future__ import annotations

from pathlib import Path


def report(evaluation: Path, /, *, out: Path | None = None,
           episodes: int = 12, others: int = 3, json: bool = False) -> int:
    """Write an evaluation as one HTML file: verdict, tables, charts and a replay player.

    The file needs nothing else: no network, no server, no other files.

    Args:
        evaluation: Folder that `drive-gen evaluate` wrote.
        out: File to write; report.html in the evaluation folder if not given.
        episodes: How many of the evaluated driver's worst episodes can be replayed.
        others: The same of each other driver.
        json: Print only what was written, as JSON.
    """
    import json as encoder

    from drive_gen.report.html import write_report
    from drive_gen.report.selection import ReportConfig

    path = write_report(evaluation, out, ReportConfig(episodes=episodes, others=others))
    size = path.stat().st_size
    if json:
        print(encoder.dumps({"out": str(path), "bytes": size}, indent=1))
        return 0
    print(f"wrote {path} ({size / 1e6:.1f} MB); next: open it in a browser, "
          f"or film its worst episode: drive-gen render {evaluation} --episode worst --out film.mp4")
    return 0
