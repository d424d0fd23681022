"""Text -> tokens: the longest known phrase at each place, numbers with their units, slips put right."""

from __future__ import annotations

import re
from functools import lru_cache

from drive_gen.language import words_en, words_ko
from drive_gen.language.facts import distance_band, speed_band
from drive_gen.language.lexicon import Lexicon, Token, lexicon, normal_en, normal_ko
from drive_gen.language.plan import Share

LONGEST = 8  # words of a phrase
NUMBERS_EN = {word: number for number, word in enumerate(words_en.NUMBERS)} | {
    "single": 1, "couple": 2, "pair": 2, "few": 3, "several": 3, "some": 3, "both": 2}
NUMBERS_KO = {normal_ko(word): number for number, word in enumerate(words_ko.NUMBERS)} | {
    "하나": 1, "두어": 2, "둘": 2, "셋": 3, "넷": 4, "여러": 3, "몇": 3, "서너": 3, "일": 1, "이": 2,
    "삼": 3, "사": 4, "오": 5, "육": 6}
COMMON = ("there", "this", "that", "will", "from", "have", "been", "like", "they", "what", "were", "lane",
          "lanes", "seconds", "second", "driving", "drives", "drive", "scene", "seen", "being", "hard",
          "make", "show")
WHOLE = ("어떤차도", "어떤차량도")  # not the beginning of 어떤 차 도중에
MPH = 1.609
ENDINGS = re.compile(r"(지만|는데|은데|인데|고|며|면서|면|으나|자)$")
_DIGITS_EN = "|".join(words_en.NUMBERS)
_NUMBER = rf"(\d+|{_DIGITS_EN})"
Patterns = tuple[tuple[re.Pattern[str], str], ...]
_OTHER_UNITS = r"(?! km| m\b| lane| mph| metre| meter)"
PATTERNS_EN: Patterns = tuple((re.compile(pattern + r"(?= |$)"), type_) for pattern, type_ in (
    (rf"{_NUMBER} lanes? wide", "lanes"), (rf"{_NUMBER} lanes?", "lanes"), (r"(single) lane", "lanes"),
    (rf"(?:after|in|at second|at|around second|second)(?: about| around)? {_NUMBER}(?: s| seconds?| sec)?"
     rf"(?: in)?{_OTHER_UNITS}", "at_s"),
    (rf"{_NUMBER} (?:s|seconds?|sec) (?:in|later|on)", "at_s"),
    (rf"(?:at )?{_NUMBER} (?:km/h|kmh|kph|km per hour|kilometres per hour)", "km/h"),
    (rf"(?:at )?{_NUMBER} mph", "mph"),
    (rf"(?:about )?{_NUMBER} (?:m|metres?|meters?)(?: away| of gap)?", "m")))
PATTERNS_KO: Patterns = tuple((re.compile(pattern), type_) for pattern, type_ in (
    (r"편도\s*(\d+|[일이삼사오육한두세네]|다섯|여섯)\s*차[로선]", "lanes"),
    (r"차[로선][가이은는]?\s*(\d+|한|두|세|네|다섯|여섯)\s*게", "lanes"),
    (r"(\d+|한|두|세|네|다섯|여섯)\s*(?:게\s*)?차[로선](?![를을 ]*(?:바|변|옮))", "lanes"),
    (r"(\d+|일|이|삼|사|오)\s*초(?:쯤)?(?:뒤에(?!고)|뒤|후에(?!고)|후|지나서|지나|만에|때|에(?!고))?",
     "at_s"),
    (r"시속\s*(?:약\s*)?(\d+)\s*(?:킬로미터|킬로|km/h|km)?(?:로|의|정도)?", "km/h"),
    (r"(\d+)\s*(?:미터|m|엠)(?!/)", "m"),
    (r"(\d+|한|두어|두|세|네|다섯|여섯|서너|여러|몇)\s*데(?![로])", "count"),
    (r"(하나|둘|셋|넷)(?=[이가은는을 ,.])", "count")))


def tokens(text: str, language: str, share: Share = "any") -> list[Token]:
    """What the known phrases of a text mean, in order."""
    return _english(text, share) if language == "en" else _korean(text, share)


def number_token(type_: str, raw: str, numbers: dict[str, int]) -> Token | None:
    """What a number with its unit says; speeds and gaps are put into their bands."""
    digits = re.sub(r"\D", "", raw)
    value = int(digits) if digits else numbers.get(raw)
    if value is None:
        return None
    if type_ in ("km/h", "mph"):
        mps = value * (MPH if type_ == "mph" else 1) / 3.6
        return Token("speed", speed_band(mps))
    if type_ == "m":
        return Token("distance", distance_band(value))
    return Token(type_, value)


def _english(text: str, share: Share) -> list[Token]:
    known, cures, vocabulary = lexicon("en", share), *_cures(share)
    words = [word if word in vocabulary or not word.isalpha() else cures.get(word, word)
             for word in _mended(normal_en(text).split(" "), vocabulary, cures)]
    found: list[Token] = []
    place = 0
    while place < len(words):
        rest = " ".join(words[place : place + LONGEST])
        phrases = (" ".join(words[place : place + size]) for size in range(LONGEST, 0, -1))
        phrase = next((each for each in phrases if each in known), None)
        number = _numbered(rest, PATTERNS_EN, NUMBERS_EN)
        if number and (phrase is None or number[1] >= len(phrase)):
            found.append(number[0])
            place += len(rest[: number[1]].split(" "))
        elif phrase is not None:
            found.append(known[phrase])
            place += len(phrase.split(" "))
        else:
            if words[place] in NUMBERS_EN or words[place].isdigit():
                found.append(Token("count", NUMBERS_EN.get(words[place]) or int(words[place])))
            place += 1
    return found


def _mended(words: list[str], vocabulary: frozenset[str], cures: dict[str, str]) -> list[str]:
    """Words one slip from exactly one known word, replaced by it."""
    mended = []
    for word in words:
        if len(word) < 4 or word in vocabulary or not word.isalpha():
            mended.append(word)
            continue
        near = {cures[form] for form in (word, *_shorter(word)) if form in cures}
        near |= {form for form in _shorter(word) if form in vocabulary and len(form) > 3}
        near = {other for other in near if len(other) > 3 and one_slip(word, other)}
        mended.append(min(near, key=lambda other: (sorted(other) != sorted(word), other)) if near else word)
    return mended


def one_slip(word: str, other: str) -> bool:
    """Whether one letter was left out, put in, changed, or two neighbours were swapped."""
    if len(word) > len(other):
        word, other = other, word
    if len(other) - len(word) > 1:
        return False
    start = next((place for place, (a, b) in enumerate(zip(word, other, strict=False)) if a != b), len(word))
    if len(word) < len(other):
        return word[start:] == other[start + 1 :]
    swapped = word[:start] + word[start : start + 2][::-1] + word[start + 2 :]
    return swapped == other or word[start + 1 :] == other[start + 1 :]


def _shorter(word: str) -> list[str]:
    return [word[:place] + word[place + 1 :] for place in range(len(word))]


@lru_cache(maxsize=4)
def _cures(share: Share) -> tuple[dict[str, str], frozenset[str]]:
    """Every known word with a letter left out -> the word; and all known words."""
    frames = normal_en(" ".join(frame for frames in words_en.FRAME.values() for frame in frames)).split()
    vocabulary = frozenset(word for phrase in lexicon("en", share) for word in phrase.split(" ")).union(
        NUMBERS_EN, frames, COMMON)
    cures: dict[str, str] = {}
    for word in sorted(vocabulary):
        if len(word) > 4:
            for form in (word, *_shorter(word)):
                cures.setdefault(form, word)
    return cures, vocabulary


def _korean(text: str, share: Share) -> list[Token]:
    known = lexicon("ko", share)
    folded = normal_ko(text)
    spaced = " ".join(folded.split())
    letters = spaced.replace(" ", "")
    starts = _starts(spaced)
    found: list[Token] = []
    place, unread = 0, ""
    while place < len(letters):
        step = _korean_step(letters, spaced, starts, place, known)
        if step is None:
            unread += letters[place]
            place += 1
            if place in starts or place == len(letters):
                if ENDINGS.search(unread):
                    found.append(Token("sep", "verb"))
                unread = ""
            continue
        token, size = step
        if token.type == "sep" or unread:
            unread = ""
        found.append(token)
        place += size
    return found


def _starts(spaced: str) -> dict[int, int]:
    """Places among the letters where a word begins -> its place in the spaced text."""
    starts, letters = {}, 0
    for place, letter in enumerate(spaced):
        if place == 0 or spaced[place - 1] == " ":
            starts[letters] = place
        letters += letter != " "
    return starts


def _korean_step(letters: str, spaced: str, starts: dict[int, int], place: int,
                 known: Lexicon) -> tuple[Token, int] | None:
    """The token at a place and how many letters it takes."""
    longest = next((size for size in range(min(14, len(letters) - place), 0, -1)
                    if letters[place : place + size] in known and (size > 1 or place in starts
                                                                    or not letters[place].isalpha()
                                                                    or letters[place] in "없않")
                    and (letters[place : place + size] not in WHOLE or place + size in starts)), 0)
    rest = letters[place:]
    number = _numbered(rest, PATTERNS_KO, NUMBERS_KO)
    if number and number[1] > longest and (place in starts or rest[0].isdigit() or number[0].type != "at_s"):
        return number
    if longest:
        return known[letters[place : place + longest]], longest
    return None


def _numbered(rest: str, patterns: Patterns,
              numbers: dict[str, int]) -> tuple[Token, int] | None:
    for pattern, type_ in patterns:
        if (found := pattern.match(rest)) and (token := number_token(type_, found.group(1), numbers)):
            return token, found.end()
    return None
