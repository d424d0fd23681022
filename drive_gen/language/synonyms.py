"""Synonyms held out: are their vectors near words that are known, and does a parser gain by that?"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from drive_gen.language import words_en, words_ko
from drive_gen.language.draw import draw
from drive_gen.language.inflect import english, korean, plural
from drive_gen.language.plan import Share, Variety, share_of
from drive_gen.language.speak import say
from drive_gen.language.tokens import tokens
from drive_gen.language.vectors import WordVectors, words_of

# Table -> what its values are of: an adverb may stand for an adjective of the same meaning.
TABLES = {"ROAD": "road", "DENSITY": "density", "WEATHER": "weather", "TIME": "time", "STYLE": "style",
          "STYLE_ADVERB": "style", "SPEED": "speed", "SPEED_ADVERB": "speed", "DISTANCE": "distance",
          "WHEN": "when", "KIND": "kind", "ROLE": "role", "WITHOUT": "without", "EVENT_NOUN": "event",
          "EVENT": "event", "TASK": "task"}
ALONE = {"ABREAST": "abreast", "SOMEONE": "someone", "NOBODY": "nobody", "EGO": "ego"}
SMALL = ("a an the in on at of to our us my under during by", "의 에 있는")  # in phrases of any meaning
MARKS = ".,;:"
LONGEST = 5  # words of a phrase that is looked up
COST = 0.15  # of each word beyond one
NEAR = 0.5  # cosine from which a known phrase stands in for an unknown one


class Phrase(NamedTuple):
    """Words, and what they mean."""

    text: str
    meaning: tuple[str, str]


def phrases(language: str, share: Share, inflected: bool = False) -> list[Phrase]:
    """The grammar's phrases; verbs as they are said of one who does it, or in all their forms."""
    words: Any = words_en if language == "en" else words_ko
    found = [Phrase(form, (of, value)) for name, of in TABLES.items()
             for value, options in getattr(words, name).items() for phrase in _chosen(options, share)
             for form in _forms(phrase, language, inflected)]
    found += [Phrase(phrase, (of, "")) for name, of in ALONE.items()
              for phrase in _chosen(getattr(words, name), share)]
    return list(dict.fromkeys(found))


def _chosen(options: tuple[str, ...], share: Share) -> tuple[str, ...]:
    if share != "held":
        return tuple(share_of(options, share))
    return tuple(phrase for phrase in options if phrase not in share_of(options, "train"))


def _forms(phrase: str, language: str, inflected: bool) -> list[str]:
    if "{kind}" in phrase:
        return [phrase.format(kind="").strip()]
    if "*" not in phrase:
        return [phrase]
    if language == "en":
        forms = english(phrase)
    else:
        forms = korean(phrase)
        forms["denied"] = forms["do"] + "지"
    return list(forms.values()) if inflected else [forms["does"]]


def tellings(language: str, count: int, seed: int = 0) -> Iterator[str]:
    """Raw texts: scenes by chance, each told three times, as several people's captions of one clip are. All
    synonyms occur in them, and the phrasings of training."""
    rng = np.random.default_rng(np.random.SeedSequence([seed, 5]))
    for _ in range(count):
        facts = draw(rng)
        yield " ".join(say(facts, language, int(rng.integers(2**31)),
                           Variety("train", "any")) for _ in range(3))


def recall(vectors: WordVectors, language: str, count: int = 5) -> tuple[float,
                                                                         list[tuple[Phrase, list[str]]]]:
    """Share of held-out synonyms that have a training word of their meaning among their `count` nearest, and
    those that have none."""
    known, held = phrases(language, "train"), phrases(language, "held")
    meanings: dict[str, set[tuple[str, str]]] = {}
    for phrase in known:
        meanings.setdefault(phrase.text, set()).add(phrase.meaning)
    missed = []
    for phrase in held:
        near = [text for text, _ in vectors.nearest(phrase.text, list(meanings), count)]
        if not any(phrase.meaning in meanings[text] for text in near):
            missed.append((phrase, near))
    return 1 - len(missed) / len(held), missed


class Substitute:
    """Puts the nearest known phrase in the place of unknown words, for a reader of the training words."""

    def __init__(self, vectors: WordVectors, language: str) -> None:
        self.vectors, self.language = vectors, language
        known = [phrase for phrase in phrases(language, "train", inflected=True)
                 if phrase.meaning[0] != "without"]  # said by parts: no, car, ahead
        self.texts = list(dict.fromkeys([phrase.text for phrase in known] + [
            plural(phrase.text) for phrase in known if language == "en" and phrase.meaning[0] == "kind"]))
        self.matrix = np.array([vectors.phrase(text) for text in self.texts])
        words: Any = words_en if language == "en" else words_ko
        frames = [frame for options in words.FRAME.values() for frame in share_of(options, "train")]
        self.small = {word for text in (*frames, *SMALL) for word in words_of(re.sub(r"{.*?}", " ", text))}
        self.known = self.small | {word for text in (*self.texts, *words.NUMBERS) for word in words_of(text)}

    def __call__(self, text: str) -> str:
        """The text with known words in the place of unknown ones."""
        words = text.split(" ")
        place = 0
        while place < len(words):
            if self.is_known(words, place):
                place += 1
                continue
            start, end, other = self._best(words, place)
            if other:
                marks = words[end - 1][len(words[end - 1].rstrip(MARKS)) :]
                words[start:end] = [other + marks]
                place = start
            place += 1
        return " ".join(words)

    def is_known(self, words: list[str], place: int) -> bool:
        """Whether a word is one of training, or one that the parser makes something of."""
        bare = words_of(words[place])
        if not bare or all(part in self.known for part in bare) or any(part.isdigit() for part in bare):
            return True
        near = words[max(0, place - 3) : place + 4]
        marks = words[place][len(words[place].rstrip(MARKS)) :]
        without = [*words[max(0, place - 3) : place], marks, *words[place + 1 : place + 4]]
        return self._meant(near) != self._meant(without)

    def _meant(self, words: list[str]) -> list[tuple[Any, ...]]:
        found = tokens(" ".join(words), self.language, "train")
        return [(token.type, token.value, token.kind) for token in found]

    def _best(self, words: list[str], place: int) -> tuple[int, int, str]:
        """The span around a place that is most like a known phrase: its start, end, and that phrase. It takes
        in other unknown words, and small ones."""
        best = (NEAR, place, place + 1, "")
        for start in range(place, max(-1, place - LONGEST), -1):
            if start < place and (words[start].endswith(tuple(MARKS)) or words_of(words[start])[:1] == [] or
                                  words_of(words[start])[0] not in self.small):
                break
            for end in range(place + 1, min(len(words), place + LONGEST) + 1):
                if end > place + 1 and (words[end - 2].endswith(tuple(MARKS)) or not (
                        set(words_of(words[end - 1])) <= self.small or not self.is_known(words, end - 1))):
                    break
                cosines = self.matrix @ self.vectors.phrase(" ".join(words[start:end]))
                top = int(cosines.argmax())
                near = float(cosines[top]) - COST * (end - start - 1)
                if near > best[0]:
                    best = (near, start, end, self.texts[top])
        _, start, end, text = best
        return start, end, text
