"""Requests written by hand, varied: other values in the same words, mirrored, cut, joined, mistyped.

A word is replaced only where the text's tokens then differ in that one place, so that it is known which slot
has changed; the words put in are those of training (`plan.share_of`).
"""

from __future__ import annotations

import functools
import itertools
import re
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np

from drive_gen.envs.files import InputError
from drive_gen.language import words_en, words_ko
from drive_gen.language.facts import LAST_S, MOST_COUNT, MOST_LANES, SINGLE, Facts
from drive_gen.language.inflect import english, korean
from drive_gen.language.lexicon import MORE as MORE_TABLES
from drive_gen.language.parse import facts_of_text
from drive_gen.language.plan import pick, share_of
from drive_gen.language.speak import mistyped
from drive_gen.language.splits import Request
from drive_gen.language.tokens import tokens

TABLES = ("ROAD", "DENSITY", "WEATHER", "TIME", "STYLE", "STYLE_ADVERB", "SPEED", "SPEED_ADVERB", "DISTANCE",
          "WHEN")
MORE = ("road", "density", "weather", "time", "style", "speed", "distance", "when")
FRAMES = {"en": ("please {}", "show me this: {}", "make a scene: {}", "i want {}", "{} pls", "{}, thanks",
                 "can you do {}", "{} please", "a clip: {}", "scenario: {}"),
          "ko": ("{} 만들어줘", "{} 보여줘", "{} 상황", "{} 부탁해", "{}요", "{} 해주세요", "이런 장면: {}",
                 "{} 시나리오")}
MIRROR = {"en": ((r"\bleft\b", "right"), (r"\bright\b(?! (?:beside|next|behind|ahead|at|after|away|now|in))",
                                          "left")),
          "ko": (("왼", "오른"), ("오른", "왼"), ("좌(?=측|회전|로|편)", "우"),
                 ("우(?=측|회전|로|편)", "좌"))}
SWAPPED = {"left": "right", "right": "left", "lane-left": "lane-right", "lane-right": "lane-left",
           "turn-left": "turn-right", "turn-right": "turn-left"}


@lru_cache(maxsize=2)
def categories(language: str) -> tuple[tuple[tuple[str, str], ...], ...]:
    """Groups of (phrase, value) in which one may stand for another: tables, and verbs by form."""
    words: Any = words_en if language == "en" else words_ko
    groups = [tuple((phrase, value) for value, phrases in getattr(words, name).items()
                    for phrase in share_of(phrases, "train")) for name in TABLES]
    held = {phrase for name in TABLES for phrases in getattr(words, name).values()
            for phrase in phrases if phrase not in share_of(phrases, "train")}
    groups += [tuple((phrase, value) for table in MORE_TABLES[language]
                     for value, phrases in table.get(name, {}).items() if value is not None
                     for phrase in phrases.split(", ") if phrase not in held) for name in MORE]
    for table in (words.EVENT, words.TASK):
        forms = [(value, english(verb) if language == "en" else korean(verb))
                 for value, verbs in table.items() for verb in share_of(verbs, "train")]
        groups += [tuple((form[name], value) for value, form in forms) for name in forms[0][1]]
    return tuple(group for group in groups if len({value for _, value in group}) > 1)


@lru_cache(maxsize=4096)
def _places(text: str, language: str) -> tuple[tuple[int, str], ...]:
    """(group, phrase) of every phrase of a group that the text holds once."""
    lower = text.lower()
    return tuple((number, phrase) for number, group in enumerate(categories(language)) for phrase, _ in group
                 if len(phrase) > 1 and phrase in lower
                 and len(_whole(phrase, language).findall(lower)) == 1)


@functools.cache
def _whole(phrase: str, language: str) -> re.Pattern[str]:
    """The phrase, in English not inside a word."""
    edge = r"(?<![a-z]){}(?![a-z])" if language == "en" else "{}"
    return re.compile(edge.format(re.escape(phrase)))


def varied(request: Request, rng: np.random.Generator, others: list[Request]) -> Request:
    """One variation, of up to three changes; some are cut, joined with others, or mistyped."""
    found = mirrored(request) if rng.random() < 0.4 else request
    if rng.random() < 0.3:
        found = pick(pieces(found), rng)
    for _ in range(int(rng.integers(0, 4))):
        found = changed(found, rng)
    for _ in range(int(rng.choice(3, p=(0.5, 0.35, 0.15)))):
        found = joined(found, changed(pick(pieces(pick(others, rng)), rng), rng), rng)
    text = pick(FRAMES[found.language],
                rng).format(found.text.rstrip(".")) if rng.random() < 0.15 else found.text
    if rng.random() < 0.2:
        text = re.sub(r"[.,;!]", "", text)
    if rng.random() < 0.25:
        text = mistyped(text, found.language, rng, 0.12)
    return replace(found, text=text)


def changed(request: Request, rng: np.random.Generator) -> Request:
    """With another value in one place, or as it was where that cannot be."""
    text, language = request.text, request.language
    places = _places(text, language)
    digits = list(re.finditer(r"\d+", text))
    if not places and not digits:
        return request
    if digits and (not places or rng.random() < 0.3):
        found = digits[int(rng.integers(len(digits)))]
        most = 120 if int(found.group()) > LAST_S else LAST_S if rng.random() < 0.5 else MOST_LANES
        new = f"{text[: found.start()]}{int(rng.integers(1, most + 1))}{text[found.end() :]}"
    else:
        group, phrase = places[int(rng.integers(len(places)))]
        start = text.lower().index(phrase)
        other = pick(categories(language)[group], rng)[0]
        new = text[:start] + other + text[start + len(phrase) :]
    facts = _facts_after(request, new)
    return request if facts is None else replace(request, text=new, facts=facts)


def _facts_after(request: Request, text: str) -> Facts | None:
    """Facts of a text that differs in one word's meaning; None where it is not clear which slot that is."""
    before, after = tokens(request.text, request.language), tokens(text, request.language)
    if [token.type for token in before] != [token.type for token in after]:
        return None
    pairs = [(old, new) for old, new in zip(before, after, strict=True)
             if (old.value, old.kind) != (new.value, new.kind)]
    if not pairs:
        return request.facts
    if len(pairs) > 1:
        return None
    old, new = pairs[0]
    if sum(token.type == old.type and token.value == old.value for token in before) > 1:
        return None
    try:
        return _with(request.facts, old.type, old.value, new.value)
    except InputError:
        return None


def _with(facts: Facts, type_: str, old: Any, new: Any) -> Facts | None:
    """The facts with another value where exactly one slot has the old one."""
    if type_ in SINGLE:
        within = type_ != "lanes" or 1 <= new <= MOST_LANES
        follows = "follow" in (old, new)  # it brings a lead with it
        return replace(facts, **{type_: new}) if getattr(facts,
                                                         type_) == old and within and not follows else None
    if type_ in ("style", "speed", "distance", "count"):
        meant = [agent for agent in facts.agents if getattr(agent, type_) == old]
        if len(meant) != 1 or (type_ == "count" and not (old > 1 and 1 < new <= MOST_COUNT)):
            return None
        agents = tuple(replace(agent,
                               **{type_: new}) if agent == meant[0] else agent for agent in facts.agents)
        return replace(facts, agents=agents)
    if type_ in ("when", "at_s", "event") and "cut-in" not in (old, new):
        name = "what" if type_ == "event" else type_
        done = [event for event in facts.events if getattr(event, name) == old]
        if len(done) != 1 or (name == "at_s" and not 1 <= new <= LAST_S) or (
                name == "what" and (done[0].who == "ego" and "merge" in (old, new))):
            return None
        return replace(facts, events=tuple(replace(event, **{name: new}) if event == done[0] else event
                                           for event in facts.events))
    return None


def mirrored(request: Request) -> Request:
    """Left for right, in the words and in the facts; as it was where neither is said."""
    facts = request.facts
    sided = {facts.task, *facts.without, *(agent.role for agent in facts.agents),
             *(event.what for event in facts.events), *(event.who for event in facts.events)}
    if not sided & set(SWAPPED):
        return request
    (first, *rest) = MIRROR[request.language]
    pattern = "|".join(f"({each[0]})" for each in (first, *rest))
    new = [each[1] for each in (first, *rest)]
    text = re.sub(pattern, lambda found: new[found.lastindex - 1], request.text, flags=re.IGNORECASE)  # type: ignore[operator]

    def other(name: Any) -> Any:
        return SWAPPED.get(name, name)

    return Request(text, request.language, replace(
        facts, task=other(facts.task), without=tuple(map(other, facts.without)),
        agents=tuple(replace(agent, role=other(agent.role)) for agent in facts.agents),
        events=tuple(replace(event, who=other(event.who), what=other(event.what)) for event in facts.events)))


@lru_cache(maxsize=4096)
def pieces(request: Request) -> tuple[Request, ...]:
    """The parts between a request's marks, each with its own facts, where the parser reads them so that
    together they say what the request says; else the request alone."""
    cuts = [found.end() for found in re.finditer(r"[.,;]\s+", request.text)]
    for chosen in ((*cuts,), *((cut,) for cut in cuts)):
        ends = [0, *chosen, len(request.text)]
        parts = [request.text[start:end].strip(" ,;") for start, end in itertools.pairwise(ends)]
        read = [_parsed(part, request.language) for part in parts]
        whole = functools.reduce(_both, read) if read else None
        if len(parts) > 1 and whole == request.facts:
            return tuple(Request(part, request.language, facts)
                         for part, facts in zip(parts, read, strict=True) if facts is not None)
    return (request,)


def joined(one: Request, two: Request, rng: np.random.Generator) -> Request:
    """Both, one after the other, where they speak of different things; else the first alone."""
    first, second = (one, two) if rng.random() < 0.5 else (two, one)
    facts = _both(one.facts, two.facts)
    if facts is None or len(one.text) + len(two.text) > 160:
        return one
    text = first.text.rstrip(".") + pick((". ", ", ", "; "), rng) + second.text
    sound = _parsed(one.text, one.language) == one.facts and _parsed(two.text, two.language) == two.facts
    if sound and _parsed(text, one.language) != facts:
        return one  # "the truck" may mean another one now
    return Request(text, one.language, facts)


def _both(a: Facts | None, b: Facts | None) -> Facts | None:
    """What two texts say together, where they speak of different things."""
    if a is None or b is None:
        return None
    both_said = any(getattr(a, name) is not None and getattr(b, name) is not None for name in SINGLE)
    roles = {agent.role for agent in a.agents} & {agent.role for agent in b.agents}
    somebody = any(event.who == "someone" for event in (*a.events, *b.events))
    if both_said or roles or somebody:
        return None
    single = {name: getattr(a, name) if getattr(a, name) is not None else getattr(b, name) for name in SINGLE}
    try:
        return Facts(**single, agents=(*a.agents, *b.agents), without=(*a.without, *b.without),
                     events=(*a.events, *b.events))
    except InputError:
        return None


def _parsed(text: str, language: str) -> Facts | None:
    try:
        return facts_of_text(text, language)
    except InputError:
        return None
