"""What the slots' head thinks of a caption's next symbol: the same choice, made of probabilities of slots.

A part that may be left out is said with the probability of its slot, and in the captions' order: so the third
event is next where it is so and the first two are not.
"""

from __future__ import annotations

import numpy as np

from drive_gen.language.caption import events_left
from drive_gen.language.caption_words import Symbol
from drive_gen.perception.caption_slots import SLOTS

LEAST = 1e-6
PLACE_OF = {name: number for number, name in enumerate(SLOTS)}


def prior_of(slots: np.ndarray, said: tuple[Symbol, ...], options: tuple[Symbol, ...]) -> np.ndarray:
    """Logarithms (len(options),) of the options' probabilities by those of the slots, (S, CLASSES)."""
    kind = options[0][0]
    where = dict(said)  # the last of each kind
    if len(options) == 1:
        return np.zeros(1)
    if kind in ("road", "lanes", "density"):
        chances = [_chance(slots, kind, value) for _, value in options]
    elif kind in ("kind", "speed", "distance"):
        slot = f"{where['place']}.{kind}"
        chances = [_chance(slots, slot, "" if value == "nobody" else value) for _, value in options]
    elif kind == "count":
        chances = [_chance(slots, f"{where['group']}.count", value) for _, value in options]
    elif kind in ("who", "what"):
        chances = _of_event(slots, said, options, kind)
    elif kind == "did":
        chances = [1.0] * len(options)
    else:
        chances = _of_parts(slots, said, options)
    found = np.maximum(np.array(chances, np.float64), LEAST)
    return np.asarray(np.log(found / found.sum()))


def _chance(slots: np.ndarray, slot: str, value: str) -> float:
    return float(slots[PLACE_OF[slot], SLOTS[slot].index(value)])


def _of_parts(slots: np.ndarray, said: tuple[Symbol, ...], options: tuple[Symbol, ...]) -> list[float]:
    """How the next part begins; before it, whether two are abreast or a reason is given."""
    rest, chance = 1.0, dict.fromkeys(options, 0.0)
    reasons = [symbol for symbol in options if symbol[0] == "by"]
    for symbol in reasons:  # of reasons the head knows nothing
        chance[symbol] = 0.5 / len(reasons)
    rest -= sum(chance.values())
    group = next((value for kind, value in reversed(said) if kind == "group"), "")
    for symbol in options:
        if symbol[0] == "abreast":
            share = _chance(slots, f"{group}.abreast", "True")
        elif symbol[0] == "group" and symbol[1] != "no trucks":
            share = 1 - _chance(slots, f"{symbol[1]}.count", "")
        else:
            continue
        chance[symbol] = rest * share
        rest *= 1 - share
    if any(kind == "phase" for kind, _ in options):
        for (phase, _, _), share in _next_event(slots, said):
            chance["phase", phase] += rest * share
            rest *= 1 - share
    last = [symbol for symbol in options if symbol[0] in ("nobody", "end") or symbol[1] == "no trucks"]
    return [chance[symbol] + (rest / len(last) if symbol in last else 0.0) for symbol in options]


def _of_event(slots: np.ndarray, said: tuple[Symbol, ...], options: tuple[Symbol, ...], kind: str
              ) -> list[float]:
    """Who does it, or what is done, of the events that begin as the last symbols say."""
    size = {"who": 1, "what": 2}[kind]
    begun = tuple(value for _, value in said[len(said) - size :])
    rest, chance = 1.0, {value: 0.0 for _, value in options}
    for event, share in _next_event(slots, said[: len(said) - size]):
        if event[:size] == begun:
            chance[event[size]] += rest * share
            rest *= 1 - share
    return [chance[value] for _, value in options]


def _next_event(slots: np.ndarray, said: tuple[Symbol, ...]) -> list[tuple[tuple[str, str, str], float]]:
    """Events that may follow with the probability that each is so, given that it was not earlier."""
    found, passed = [], dict[tuple[str, str], float]()
    for phase, who, what in events_left(said):
        chance = _chance(slots, f"{who}.{what}", phase)
        before = passed.get((who, what), 0.0)
        found.append(((phase, who, what), min(chance / max(1 - before, LEAST), 1.0)))
        passed[who, what] = before + chance
    return found


