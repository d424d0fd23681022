"""Which reader understands a request: the grammar's parser, or the learnt one where it does better."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from drive_gen.envs.files import InputError
from drive_gen.language.facts import Facts
from drive_gen.language.parse import facts_of_text, language_of, unexplained
from drive_gen.language.plan import Share

if TYPE_CHECKING:
    from drive_gen.language.reader import Read, Reader

Choice = Literal["auto", "parser", "bert"]
CHOICES: tuple[Choice, ...] = ("auto", "parser", "bert")
CHECKPOINT = Path(__file__).parents[1] / "assets" / "reader"
# Seldom: on no split does it lose to the parser alone (docs/reading.md).
UNREAD, SURE = 2, 0.9


class Understood(NamedTuple):
    """Facts, and who read them."""

    facts: Facts
    by: Literal["parser", "bert"]


def understood(text: str, language: str | None = None, choice: Choice = "auto",
               checkpoint: str | Path = CHECKPOINT) -> Understood:
    """The facts of a request; InputError where nothing is understood or it contradicts itself.

    auto asks the learnt reader only where the parser refuses, or leaves words unread: see `reads_better`.
    """
    language = language or language_of(text)
    if choice == "parser":
        return Understood(facts_of_text(text, language), "parser")
    parsed, refusal = parse(text, language)
    if choice == "auto" and parsed is not None and unread(text, language) < UNREAD:
        return Understood(parsed, "parser")
    reader = load_reader(checkpoint, required=choice == "bert")
    read = None if reader is None else reader.read([text])[0]
    if read is not None and (choice == "bert" or reads_better(parsed, read, unread(text, language))):
        check(text, read)
        return Understood(read.facts, "bert")
    if parsed is None:
        raise refusal or InputError(f"nothing understood in {text!r}")
    return Understood(parsed, "parser")


def reads_better(parsed: Facts | None, read: Read, left: int, words: int = UNREAD, sure: float = SURE
                 ) -> bool:
    """Whether the network's facts are taken: it is sure, and the parser refuses or left so many words
    unread."""
    if read.intent != "generate" or not read.facts.slots() or read.sure < sure:
        return False
    return parsed is None or left >= words


def check(text: str, read: Read) -> None:
    """An InputError where a text is no request."""
    shown = repr(text if len(text) <= 40 else text[:37] + "...")
    if read.intent == "ask":
        raise InputError(f"{shown} is a question; ask it of an episode: drive-gen ask EPISODES QUESTION")
    if read.intent == "other" or not read.facts.slots():
        raise InputError(f"{shown} is not about driving, or nothing was understood; for example "
                         "'three aggressive cars on a highway at night, the car ahead brakes hard'")


def parse(text: str, language: str, share: Share = "any") -> tuple[Facts | None, InputError | None]:
    """What the parser makes of a text, or why it refuses."""
    try:
        return facts_of_text(text, language, share), None
    except InputError as error:
        return None, error


def unread(text: str, language: str, share: Share = "any") -> int:
    """How many words the parser passes over."""
    return len(unexplained(text, language, share))


def load_reader(checkpoint: str | Path, required: bool) -> Reader | None:
    """The learnt reader; None where it is not there, or transformers is not, and it is not required."""
    if not required and checkpoint == CHECKPOINT and not CHECKPOINT.exists():
        return None
    try:
        import transformers  # noqa: F401

        from drive_gen.language.reader import Reader as Network
    except ImportError:
        if not required:
            return None
        from drive_gen.language.tokenizer import NEEDS

        raise InputError(NEEDS) from None
    return _opened(Network, str(checkpoint))


@lru_cache(maxsize=1)
def _opened(network: type[Reader], checkpoint: str) -> Reader:
    return network.from_pretrained(checkpoint)
