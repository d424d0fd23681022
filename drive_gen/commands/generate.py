"""`drive-gen generate`: a request in English or Korean as a scenario and its first picture."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from drive_gen.envs.episode import Scene
    from drive_gen.language.facts import Facts


def generate(*, text: str, out: Path, language: Literal["en", "ko"] | None = None, seed: int = 0,
             reader: Literal["auto", "parser", "bert"] = "auto", checkpoint: str | None = None,
             json: bool = False) -> int:
    """Understand a request and make a scenario in which it holds.

    Args:
        text: What is asked for: "two trucks side by side", "합류 구간, 앞차 급정거".
        out: Folder to write scenario.yaml and scene.png into.
        language: Language of the text; by its letters if not given.
        seed: Where the cars stand that the text leaves open.
        reader: Who reads the text: the grammar's parser, the learnt BERT, or (auto) BERT where the parser is
            at its wits' end and BERT is installed.
        checkpoint: The learnt reader's folder or Hub id; the bundled one if not given.
        json: Print only what was understood and what holds, as JSON.
    """
    from drive_gen.envs.files import make_folder
    from drive_gen.language.choose import CHECKPOINT, understood
    from drive_gen.language.realise import realise

    facts, by = understood(text, language, reader, checkpoint or CHECKPOINT)
    make_folder(out)
    scenario, episode, holds = realise(facts, seed, text)
    scenario.write(out / "scenario.yaml")
    _draw(episode.scene(0), out / "scene.png")
    _say(facts, by, holds, out, json)
    return 0


def _draw(scene: Scene, path: Path) -> None:
    import imageio.v3 as imageio

    from drive_gen.envs.files import replacing
    from drive_gen.envs.render import draw_scene

    picture = draw_scene(scene)
    with replacing(path) as temporary:
        imageio.imwrite(temporary, picture)


def _say(facts: Facts, by: str, holds: dict[str, bool], out: Path, as_json: bool) -> None:
    import json

    slots = facts.slots()
    if as_json:
        about = {"out": str(out), "reader": by, "facts": facts.to_mapping(), "slots": slots, "holds": holds}
        print(json.dumps(about, indent=1, ensure_ascii=False))
        return
    from rich.table import Table

    from drive_gen.commands.show import show

    table = Table("slot", f"understood by {by}", "holds when driven")
    for slot, value in slots.items():
        table.add_row(slot, value, {True: "yes", False: "no", None: "not seen in motion"}[holds.get(slot)])
    show(table)
    missed = [slot for slot in slots if holds.get(slot) is False]
    note = f" ({', '.join(missed)}: the road has no room for it, or others are in the way)" if missed else ""
    print(f"wrote {out / 'scenario.yaml'} and {out / 'scene.png'}{note}; "
          f"next: drive-gen render {out / 'scenario.yaml'} --out {out / 'drive.mp4'}, "
          f"or drive-gen evaluate DRIVER --replay {out} --out {out / 'evaluation'}")
