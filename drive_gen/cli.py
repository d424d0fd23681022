"""drive-gen's table of verbs, and what becomes of errors."""

from __future__ import annotations

import contextlib
import functools
import io
import os
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

from drive_gen.envs.files import InputError

# Verb -> (module:function, what it does). Only the chosen verb's module is imported, so that --help is quick.
VERBS = {
    "demo": ("demo:demo", "the main job on bundled logs: augment, train, drive, evaluate, report"),
    "collect": ("collect:collect", "record drivers in highway-env as episodes of all vehicles"),
    "collect requests": ("collect_requests:collect_requests", "record scripted traffic where much happens"),
    "import ngsim": (
        "import_logs:ngsim",
        "NGSIM recordings (prepared parquet or the portal's CSV) -> episodes",
    ),
    "import highd": ("import_logs:highd", "highD-style CSV recordings -> episodes"),
    "import commonroad": ("import_logs:commonroad", "CommonRoad XML scenarios -> episodes"),
    "inspect": ("inspect:inspect", "say what any of drive_gen's files or folders is"),
    "generate": ("generate:generate", "a request in English or Korean as a scenario and its first picture"),
    "imagine": ("imagine:imagine", "a request in English or Korean as a picture that is drawn, and driven"),
    "sample": ("writer:sample", "scenarios that the writer invents, each of them runs"),
    "augment": ("augment:augment", "generate verified episodes with the trajectory diffusion model"),
    "train behavior": ("train_behavior:train_behavior", "train the behaviour transformer"),
    "train sight": ("train_sight:train_sight", "teach a driver to drive by pictures, with a ViT for eyes"),
    "train diffusion": ("augment:train_diffusion", "train the trajectory diffusion model"),
    "train segment": ("segment:train_segment", "train the U-Net that tells road, lines and cars in pictures"),
    "train risk": ("risk:train_risk", "train a network that sees a crash coming in pictures from above"),
    "train predict": ("predict:train_predict", "train a predictor of where cars will be"),
    "train reader": ("reader:train_reader", "train BERT to read requests and answer questions"),
    "train writer": ("writer:train_writer", "train a GPT-2 that writes scenarios and commentaries"),
    "train caption": ("caption:train_caption", "train a captioner: clips -> what happened and why"),
    "train clip": ("clip:train_clip", "train CLIP: texts, frames and trajectories in one space"),
    "train vae": ("imagine:train_vae", "train the VAE of pictures that a network draws"),
    "train image": ("imagine:train_image", "train the latent diffusion that draws scenes from words"),
    "train ppo": ("train_ppo:train_ppo", "train a small stable-baselines3 PPO driver"),
    "evaluate": ("evaluate:evaluate", "closed-loop or replay evaluation beside the floor drivers"),
    "evaluate predict": ("predict:evaluate_predict", "errors of predictors beside constant velocity"),
    "evaluate risk": ("risk:evaluate_risk", "risk networks on unseen seeds, roads and looks"),
    "segment": ("segment:segment", "classes of every pixel of your own picture or video"),
    "describe": ("caption:describe", "what happens in an episode or a film of one, and why, in words"),
    "search": ("clip:search", "moments of an episode store by a text, as a contact sheet"),
    "ask": ("reader:ask", "ask a question of an episode in English or Korean"),
    "comment": ("writer:comment", "timed lines on what an episode's traffic does, in English or Korean"),
    "render": ("render:render", "an episode of a driver as mp4, gif or png strip"),
    "report": ("report:report", "an evaluation as one self-contained HTML file"),
    "doctor": ("doctor:doctor", "what this machine has, and what is missing"),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb; 0 done, 2 wrong input (one line on stderr), 130 stopped by ^C."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        verb, rest = _verb_of(words)
        if verb is None:
            print(_help(*rest))
            return 0
        return int(_parse(_load(verb), rest, f"drive-gen {verb}")() or 0)
    except InputError as error:
        print(f"drive-gen: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("drive-gen: stopped", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader (head, less) has left; silence Python's own flush at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _verb_of(words: list[str]) -> tuple[str | None, list[str]]:
    """The verb at the head of the command line and what follows it; None asks for help, on a family
    of verbs where one follows."""
    if not words or words[0] in ("-h", "--help", "help"):
        return None, []
    if words[0] == "--version":
        from drive_gen import __version__

        print(f"drive-gen {__version__}")
        raise SystemExit(0)
    for count in (2, 1):
        if (verb := " ".join(words[:count])) in VERBS and len(words) >= count:
            return verb, words[count:]
    from drive_gen.envs.config import nearest

    kinds = [verb.split()[1] for verb in VERBS if verb.startswith(f"{words[0]} ")]
    if kinds:
        if len(words) < 2 or words[1] in ("-h", "--help"):
            return None, words[:1]
        unknown = f"unknown {words[0]} {words[1]!r}{nearest(words[1], kinds)}"
        raise InputError(f"{unknown}; one of: {', '.join(kinds)}")

    verbs = list(dict.fromkeys(verb.split()[0] for verb in VERBS))
    raise InputError(f"unknown command {words[0]!r}{nearest(words[0], verbs)}; one of: {', '.join(verbs)}")


def _load(verb: str) -> Callable[..., Any]:
    module, function = VERBS[verb][0].split(":")
    return getattr(import_module(f"drive_gen.commands.{module}"), function)  # type: ignore[no-any-return]


def _parse(function: Callable[..., Any], words: list[str], prog: str) -> Callable[[], Any]:
    """The function with the arguments that the words mean; what tyro says of wrong ones, in one line."""
    import tyro

    @functools.wraps(function)
    def bind(*positional: Any, **named: Any) -> Callable[[], Any]:
        return functools.partial(function, *positional, **named)

    if {"-h", "--help"} & set(words):
        from drive_gen.help import explained

        return tyro.cli(explained(function), args=words, prog=prog)
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said), contextlib.redirect_stdout(said):
            return tyro.cli(bind, args=words, prog=prog)
    except SystemExit:
        lines = [line.strip() for line in said.getvalue().splitlines()]
        rules = [number for number, line in enumerate(lines) if line and set(line) <= {"-", "─"}]
        body = " ".join(line for line in lines[rules[0] + 1 : rules[-1]] if set(line) - {"-", "─"})
        what = " ".join(body.split("Argument helptext:")[0].split()).rstrip(".")
        what = what.replace(" Perhaps you meant:", "; perhaps you meant")
        raise InputError(f"{what}; see {prog} --help") from None


def _help(family: str = "") -> str:
    """All verbs, or those of a family such as train."""
    begin = f"{family} " if family else ""
    verbs = {verb: what for verb, (_, what) in VERBS.items() if verb.startswith(begin)}
    width = max(map(len, verbs))
    lines = [f"  {verb:{width}}  {what}" for verb, what in verbs.items()]
    if family:
        usage = f"usage: drive-gen {family} KIND [options]     (drive-gen {family} KIND --help lists them)"
        return "\n".join([usage, "", *lines])
    return "\n".join(
        [
            "usage: drive-gen VERB [options]     (drive-gen VERB --help lists a verb's options)",
            "",
            *lines,
            "",
            "start with: drive-gen demo",
        ]
    )


if __name__ == "__main__":
    raise SystemExit(main())
