"""English text -> tokens: longest phrases of words without articles, numbers with units, slips cured."""

from __future__ import annotations

from functools import lru_cache

from drive_gen.language import words_en
from drive_gen.language.lexicon import ARTICLES, BEFORE_US, OWN, US, Token, lexicon, normal_en
from drive_gen.language.patterns_en import COUNTS, FORMS, NUMBERS, ORDINALS, PATTERNS, WORDED, Patterns
from drive_gen.language.plan import Share
from drive_gen.language.units import numbered, one_slip, shorter

_ORDINALS = {word: number for number, word in enumerate(ORDINALS, start=1)}
SIDED = ("lane", "car", "truck", "lorry", "one", "side", "vehicle", "neighbour", "driver", "van")
WHITHER = ("to", "into", "onto", "over", "left", "right", "across", "aside", "in", "out", "lanes")
LONGEST = 8  # words of a phrase
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
    bunch big huge small little tiny large massive chance certain sort kinds
    called say says said tell mean means sees pls plz u ur ya yes no sure
    """.split()  # noqa: SIM905
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
            if not (token.type == "ego" and _of_a_place(words, place, found)):
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


def _of_a_place(words: list[str], place: int, found: list[Token]) -> bool:
    """Whether "us" only says where somebody is: behind us, hits us, the car ahead of us."""
    if words[place] not in ("us", "me") or not place or words[place - 1] not in BEFORE_US:
        return False
    if words[place - 1] == "of":
        return bool(found) and found[-1].type == "role" and found[-1].end >= place - 1
    return words[place - 1] not in ("for", "in")


def _goes_on(type_: str, phrase: str, after: list[str]) -> bool:
    """Whether a phrase means something else by the word behind it.

    "Make left lane empty" is no turn, "not moving to the left" no standing, "we have to" no noise.
    """
    if type_ == "task":
        return phrase.endswith((" left", " right")) and set(after) <= set(SIDED) and bool(after)
    if type_ == "speed":
        return phrase.endswith((" moving", " move", " moves")) and set(after) <= set(WHITHER) and bool(after)
    return type_ == "noise" and after == ["to"]


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
            and (
                after.type in ("kind", "style", "speed")
                or (after.type == "role" and (after.kind or after.text in ("follower", "lead", "leader")))
            )
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
            if each in known
            and not (known[each].kind and marks.get(place + each.count(" ")) and " " in each)
            and not _goes_on(known[each].type, each, words[place + each.count(" ") + 1 :][:1])
        ),
        None,
    )  # following | a truck
    number = numbered(rest, patterns, NUMBERS | _ORDINALS)
    if number and (phrase is None or number[1] >= len(phrase)):
        return number[0], len(rest[: number[1]].split(" "))
    if phrase is not None:
        return known[phrase], len(phrase.split(" "))
    if words[place] == "some" and not words[min(place + 1, len(words) - 1)].endswith("s"):
        return None, 1
    pair = " ".join(words[place : place + 2])
    if pair in COUNTS:
        return Token("count", COUNTS[pair]), 2
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
        COUNTS, NUMBERS, frames, FILLERS, words_en.NUMBERS, FORMS.split("|"), ARTICLES
    )
    cures: dict[str, str] = {}
    for word in sorted(vocabulary):
        if len(word) > 4:
            for form in (word, *shorter(word)):
                cures.setdefault(form, word)
    return cures, vocabulary
