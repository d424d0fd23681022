"""English text -> tokens: longest phrases of words without articles, numbers with units, slips cured."""

from __future__ import annotations

import re
from functools import lru_cache

from drive_gen.language import words_en
from drive_gen.language.inflect import english
from drive_gen.language.lexicon import ARTICLES, BEFORE_US, OWN, US, Token, lexicon, normal_en
from drive_gen.language.plan import Share
from drive_gen.language.units import Pattern, numbered, one_slip, shorter

LONGEST = 8  # words of a phrase
TENS = {
    "eleven": 11,
    "twelve": 12,
    "fifteen": 15,
    "twenty": 20,
    "twenty five": 25,
    "thirty": 30,
    "thirty five": 35,
    "forty": 40,
    "forty five": 45,
    "fifty": 50,
    "sixty": 60,
    "seventy": 70,
    "eighty": 80,
    "ninety": 90,
    "hundred": 100,
    "one hundred": 100,
}
NUMBERS = (
    {word: number for number, word in enumerate(words_en.NUMBERS)}
    | TENS
    | {
        "single": 1,
        "lone": 1,
        "solitary": 1,
        "couple": 2,
        "pair": 2,
        "duo": 2,
        "dual": 2,
        "double": 2,
        "twin": 2,
        "few": 3,
        "several": 3,
        "some": 3,
        "trio": 3,
        "triple": 3,
        "handful": 3,
        "quartet": 4,
        "half dozen": 6,
    }
)
COUNTS = {
    word: number
    for word, number in NUMBERS.items()
    if word not in ("single", "dual", "double", "triple") and word not in TENS
} | {"single": 1}
FILLERS = frozenset(  # words that say nothing here, or that phrases are made of
    """
    there this that will from have been like they what were lane lanes seconds second driving drives
    drive scene seen being hard make show please give want need create generate picture imagine would
    could should can you we me let see an is are it its be on in at of to for and the a by up out just
    some very quite really fairly pretty rather scenario simulate test case episode clip video simulation
    sim set
    setup build produce put place road street weather time traffic task day our us thing things
    something anything one ones do does did done get got going go goes keep keeps has had how about
    which who whom whose while when where with as so if then than not too also still only even though
    whole all each every other another side sides front back ahead behind left right car cars vehicle
    vehicles truck trucks driver drivers way well okay ok hey hi hello thanks thank kindly possible sort
    kind type short long plain simple bit lot lots around along across through over under into onto off
    near between during before after until again minute moment first last next now once ever always here
    everywhere somewhere he she him her his their them those these i im id ill wanna wants would'd likes
    must may might shall seems looks look appears happens happen situation example request requests
    version number tests conditions condition speed gap distance metre metres meter meters name named
    called say says said tell mean means sees pls plz u ur ya yes no sure
    """.split()  # noqa: SIM905
)
Patterns = tuple[Pattern, ...]
_DIGITS = "|".join(sorted((*words_en.NUMBERS, *TENS), key=len, reverse=True))
_N = rf"(\d+(?:\.\d+)?|{_DIGITS})"
_AT = (
    r"(?:(?:at|after|in|around|about|by|from|on|approximately|roughly|exactly|within|t|t :|time|time :|mark|"
    r"just) )*"
)
_SECOND = r"(?:seconds?|secs?|s)"
_ABOUT = (
    r"(?:(?:at|about|around|roughly|some|approximately|exactly|only|just|of|less than|under|below|within|"
    r"more than|over|above|beyond|faster than|:|no more than|distance|gap|gap of|distance of|merely|mere|"
    r"barely|circa|ca) )*"
)
_OTHER_UNITS = r"(?! km| m\b| lane| mph| metre| meter| kph| kmh| feet| yard)"
_VERBS = (
    "change",
    "move",
    "switch",
    "shift",
    "go",
    "swerve",
    "drift",
    "veer",
    "slide",
    "come",
    "pull",
    "cross",
    "hop",
    "steer",
    "jump",
    "swing",
    "merge",
    "cut",
    "dart",
    "edge",
    "ease",
    "nudge",
    "sidle",
    "transition",
    "get",
    "weave",
    "head",
    "slip",
    "wander",
    "dive",
    "lurch",
    "pass",
    "migrate",
    "jink",
    "squeeze",
    "leave",
    "turn",
    "return",
    "zip",
)
_FORMS = "|".join(
    sorted(
        {form for verb in _VERBS for form in english(f"{verb}*").values()} | {"swiches"},
        key=len,
        reverse=True,
    )
)
_TURNS = "|".join(english("turn*").values())
_RIGHT_AWAY = (
    rf"(?! (?:behind|beside|next|in front|ahead|up|away|off|after (?!{_N})|at (?!{_N}|second)|around|turn|"
    r"from))"
)


def _patterns(*rows: tuple[str, str] | tuple[str, str, str]) -> Patterns:
    return tuple(Pattern(re.compile(row[0] + r"(?= |$)"), *row[1:]) for row in rows)


PATTERNS = _patterns(
    (
        rf"{_N} (?:traffic |driving )?(?:lanes?|ln|lns|laner)(?: wide)?"
        r"(?! to (?:left|right)| left| right| over)",
        "lanes",
    ),
    (r"(single|dual|double|triple) (?:lanes?|track)", "lanes"),
    (rf"lanes? (?:count )?: {_N}", "lanes"),
    (rf"lanes {_N}{_OTHER_UNITS}", "lanes"),
    (rf"number of lanes (?:: |is )?{_N}", "lanes"),
    (rf"{_AT}(?:second|sec) {_N}(?: in)?{_OTHER_UNITS}", "at_s"),
    (rf"(?:after|in|at)(?: about| around)? {_N} in{_OTHER_UNITS}", "at_s"),
    (rf"(?:t|time|at t|at time)(?: :)? {_N}(?: {_SECOND})?{_OTHER_UNITS}", "at_s"),
    (
        rf"(?:at|after)(?: about| around)? {_N}(?= [.,;:!?|]|$| and\b| but\b| while\b| we\b){_OTHER_UNITS}",
        "at_s",
    ),
    (
        rf"{_AT}{_N} {_SECOND}"
        r"(?: (?:in|later|on|mark|into it|into scene|into clip|into episode|have passed|sharp))?"
        r"(?! clip| scene| episode| video| gap| headway| long| simulation| drive| apart)",
        "at_s",
    ),
    (
        rf"{_ABOUT}{_N} (?:km/h|kmh|kph|kmph|km per hour|kilometres? per hour|kilometers? per hour|kms|"
        r"clicks|km an hour|"
        r"k per hour|kilometres an hour|kilometers an hour)",
        "km/h",
    ),
    (rf"{_ABOUT}{_N} (?:mph|miles per hour|miles an hour)", "mph"),
    (
        rf"{_ABOUT}{_N} (?:m/s|mps|metres? per second|meters? per second|metres a second|meters a second)",
        "m/s",
    ),
    (
        r"(?:doing|does|going at|driving at|drives at|going|travels at|travelling at|speed|speed :|speed of|"
        r"speed is) "
        r"(\d{2,3})(?! m\b| metres| meters| mph| m/s| km| kph| kmh)",
        "km/h",
    ),
    (
        rf"{_ABOUT}{_N} (?:m|metres?|meters?|mtrs?)"
        r"(?: (?:away|of gap|of distance|gap|or so|off|apart|distance|or less|"
        r"or more|clear))*",
        "m",
    ),
    (rf"{_ABOUT}{_N} (?:ft|feet|foot)(?: away| off)?", "ft"),
    (rf"{_ABOUT}{_N} (?:yards?|yds?)(?: away| off)?", "yd"),
    (rf"{_ABOUT}{_N} car lengths?(?: away| off)?", "cars"),
)
WORDED = _patterns(  # that hold words of values
    (
        rf"(?!(?:{_TURNS})\b)(?:{_FORMS})(?: lanes?| one lane| 1 lane)?"
        r"(?: (?:over|across|out|back|itself|suddenly|sharply|quickly|slowly|smoothly|abruptly))*"
        r"(?: (?:in to|into|to|onto|toward|towards|on))? (left|right)(?:wards?)?"
        rf"(?: hand)?(?: (?:lane|side))?{_RIGHT_AWAY}",
        "event",
        "lane-1",
    ),
    (r"lane (?:changes?|switch|shift|swap) (?:to |towards )?(left|right)(?: lane)?", "event", "lane-1"),
    (r"(left|right)(?: hand)?(?:ward)? lane (?:change|switch|shift)s?", "event", "lane-1"),
    (
        r"(?:over |across |then |back )*(?:in to|into|to|onto|for) (left|right)(?: hand)? lane",
        "toward",
        "lane-1",
    ),
)


def read(text: str, share: Share) -> tuple[list[Token], list[str]]:
    """The tokens of a text, and its words in none of them."""
    words, marks = words_of(text, share)
    known = lexicon("en", share)
    patterns = PATTERNS if share == "train" else (*PATTERNS, *WORDED)
    found: list[Token] = []
    left: list[str] = []
    place = 0
    while place < len(words):
        token, size = _step(words, marks, place, known, patterns)
        if token is not None:
            whole = " ".join(words[place : place + size])
            if not (
                token.type == "ego"
                and words[place] in ("us", "me")
                and words[place - 1] in BEFORE_US
                and place
                and words[place - 1] not in ("for", "of", "in")
            ):
                mark = marks.get(place, "") or _mark_before(found, place)
                found.append(token._replace(start=place, end=place + size, mark=mark, text=whole))
                _unfold(found)
        elif words[place] in ("our", "my") and _noun_near(words, place + 1, known):
            found.append(Token("ego", start=place, end=place + 1, text="our"))
        elif (
            words[place] == "that" and found and found[-1].end == place and found[-1].type in ("kind", "role")
        ):
            found.append(Token("rel", start=place, end=place + 1))
        elif words[place] not in FILLERS and words[place].isalpha():
            left.append(words[place])
        place += size
    return _counted(found), left


def _unfold(found: list[Token]) -> None:
    """Far behind: a distance and a place; normal drivers: a manner and who has it."""
    last = found[-1]
    if last.type == "placed":
        distance, role = str(last.value).split("+")
        found[-1:] = [
            last._replace(type="distance", value=distance, end=last.start + 1),
            last._replace(type="role", value=role, start=last.start + 1),
        ]


def _noun_near(words: list[str], place: int, known: dict[str, Token]) -> bool:
    """Whether a car follows within three words: our (cautious) lorry."""
    near = (known.get(word) for word in words[place : place + 3] if word != "one")
    return any(token is not None and token.type == "kind" for token in near)


def _counted(found: list[Token]) -> list[Token]:
    """ "one truck" counts, "the one behind" does not; "behind the truck" is no place of its own."""
    kept: list[Token] = []
    for place, token in enumerate(found):
        after = found[place + 1] if place + 1 < len(found) else Token("sep")
        beside = after.start == token.end
        if (
            token.type == "kind"
            and token.text == "one"
            and not token.mark
            and beside
            and after.type in ("kind", "style", "speed")
        ):
            token = token._replace(type="count", value=1)
        if token.type == "role" and token.text == "behind" and beside and after.mark:
            if after.type == "role":
                continue  # along behind the car ahead
            if after.type in ("kind", "style", "speed") and any(each.type == "ego" for each in kept[-3:]):
                token = token._replace(value="lead")  # we drive behind a truck
        if token.type == "not" and token.text.startswith("avoid") and after.type != "event":
            continue  # to avoid a stopped truck
        kept.append(token)
    return kept


def _step(
    words: list[str], marks: dict[int, str], place: int, known: dict[str, Token], patterns: Patterns
) -> tuple[Token | None, int]:
    """The token at a place and how many words it takes; None for an unknown word."""
    rest = " ".join(words[place : place + LONGEST])
    phrases = (" ".join(words[place : place + size]) for size in range(LONGEST, 0, -1))
    phrase = next(
        (
            each
            for each in phrases
            if each in known and not (known[each].kind and marks.get(place + each.count(" ")) and " " in each)
        ),
        None,
    )  # following | a truck
    number = numbered(rest, patterns, NUMBERS)
    if number and (phrase is None or number[1] >= len(phrase)):
        return number[0], len(rest[: number[1]].split(" "))
    if phrase is not None:
        return known[phrase], len(phrase.split(" "))
    if words[place] == "some" and not words[min(place + 1, len(words) - 1)].endswith("s"):
        return None, 1
    if words[place] in COUNTS or words[place].isdigit():
        return Token("count", COUNTS.get(words[place]) or int(words[place])), 1
    return None, 1


def words_of(text: str, share: Share) -> tuple[list[str], dict[int, str]]:
    """Words without articles and slips; and the article before each that had one."""
    cures, vocabulary = _cures(share)
    words: list[str] = []
    marks: dict[int, str] = {}
    for word in US.sub(r"\1 us", OWN.sub("", normal_en(text))).split(" "):
        if word in ARTICLES:
            marks[len(words)] = "a" if word in ("a", "an") else "the"
            continue
        if word == "that":
            marks[len(words) + 1] = "the"
        words.append(_mended(word, vocabulary, cures))
    return words, marks


def _mark_before(found: list[Token], place: int) -> str:
    """The article before the adjectives before a noun."""
    if found and found[-1].end == place and found[-1].type in ("style", "speed", "count", "distance"):
        return found[-1].mark
    return ""


def _mended(word: str, vocabulary: frozenset[str], cures: dict[str, str]) -> str:
    """The one known word that is one slip away, or the word itself."""
    if len(word) < 4 or word in vocabulary or not word.isalpha():
        return word
    near = {cures[form] for form in (word, *shorter(word)) if form in cures}
    near |= {form for form in shorter(word) if form in vocabulary and len(form) > 3}
    near = {other for other in near if len(other) > 3 and one_slip(word, other)}
    if not near:
        return word  # letters are swapped or left out more often than put in
    return min(
        near, key=lambda other: (sorted(other) != sorted(word), set(other) != set(word), -len(other), other)
    )


@lru_cache(maxsize=4)
def _cures(share: Share) -> tuple[dict[str, str], frozenset[str]]:
    """Every known word with a letter left out -> the word; and all known words."""
    frames = normal_en(" ".join(frame for frames in words_en.FRAME.values() for frame in frames)).split()
    vocabulary = frozenset(word for phrase in lexicon("en", share) for word in phrase.split(" ")).union(
        COUNTS, NUMBERS, frames, FILLERS, words_en.NUMBERS, _FORMS.split("|"), ARTICLES
    )
    cures: dict[str, str] = {}
    for word in sorted(vocabulary):
        if len(word) > 4:
            for form in (word, *shorter(word)):
                cures.setdefault(form, word)
    return cures, vocabulary
