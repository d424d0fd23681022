"""Words -> what they mean: every phrase that the parser knows, as a token of a type and a value."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

from drive_gen.language import (
    more_en_people,
    more_en_scene,
    more_en_verbs,
    more_ko_people,
    more_ko_scene,
    more_ko_verbs,
    words_en,
    words_ko,
)
from drive_gen.language.inflect import english, korean, plural, stems
from drive_gen.language.plan import Share, share_of

# Not synonyms of values: known without the synonyms held out, too.
SMALL = (
    "or",
    "not",
    "no",
    "none",
    "nobody",
    "neither",
    "oneof",
    "that",
    "both",
    "also",
    "does",
    "rel",
    "them",
    "scrap",
    "noise",
    "the",
    "other",
)
FOLDED = {1: 5, 3: 7, 10: 11, 15: 11}  # vowels that sound alike: ㅐ as ㅔ, ㅒ as ㅖ, ㅙ and ㅞ as ㅚ
STRONG, COMMA, AND, JOIN = ".", ",", "and", "join"  # how a clause ends
SEPS_EN = {
    STRONG: (".", ";", "!", "?", "|"),
    COMMA: (",",),
    AND: ("and", "plus", "as well as"),
    JOIN: (
        "but",
        "while",
        "whereas",
        "because",
        "with",
        "where",
        "when",
        "unlike that",
        "though",
        "although",
        "then",
        "and then",
        "afterwards",
        "so",
        "and so",
        "having",
        "until",
        "plus",
        "even though",
        "since",
        "as soon as",
        "if",
        "before that",
        "after that",
        "after which",
        "in which",
        "by which time",
        "next",
        "whilst",
        "yet",
        "however",
        "whereupon",
        "upon which",
        "at which point",
        "so that",
        "which makes",
        "followed by that",
        "subsequently",
        "in turn",
        "meanwhile",
    ),
}
SEPS_KO = {
    STRONG: (".", ";", "!", "?", "|"),
    COMMA: (",",),
    JOIN: (
        "그리고",
        "하지만",
        "그러나",
        "반면",
        "그런데",
        "그러더니",
        "그다음",
        "그다음엔",
        "그다음에",
        "그런다음",
        "그래도",
        "근데",
        "이후",
        "그리고나서",
        "그러면",
        "그래서",
        "이어서",
        "그러고는",
        "그러니까",
        "다음",
        "다음에",
        "뒤이어",
        "그리고는",
    ),
}
MORE = {
    "en": (more_en_people.MORE, more_en_scene.MORE, more_en_verbs.MORE),
    "ko": (more_ko_people.MORE, more_ko_scene.MORE, more_ko_verbs.MORE),
}
ARTICLES = ("the", "a", "an", "this", "these", "those")
OWN = re.compile(
    r"\b(?:our|my|its|their|his|her|your|ego's)(?: own)? (?=(?:lane|brakes?|speed|left|right|back|"
    r"foot|tail|way|side|course|gap|distance|head|nose|pace|engine|accelerator|front|rear)\b)"
)
BEFORE_US = (
    "of",
    "behind",
    "beside",
    "besides",
    "past",
    "to",
    "with",
    "hit",
    "hits",
    "into",
    "near",
    "from",
    "alongside",
    "ends",
    "end",
    "ram",
    "rams",
    "strikes",
    "onto",
    "passes",
    "around",
    "against",
    "front",
    "in",
    "for",
    "on",
    "off",
    "at",
    "than",
    "upon",
    "toward",
    "towards",
)
US = re.compile(
    rf"\b({'|'.join(BEFORE_US)}) (?:the |an )?(?:me|ego(?: vehicle| car)?|(?:our|my) (?:own )?"
    r"(?:car|vehicle|truck|lorry)|ours|mine|you)(?= |$)"
)
ABBREVIATED = re.compile(r"\b(approx|ca|secs?|veh|decel|accel|hwy|mins?|nos?|max|avg|trk|"
                         r"incl)\. (?=[a-z0-9@(])")
NOT_EN = {
    "won't": "will not",
    "can't": "can not",
    "shan't": "shall not",
    "cannot": "can not",
    "ain't": "is not",
}
NOT_EN |= {
    f"{verb}nt": f"{verb} not" for verb in ("does", "do", "did", "is", "are", "was", "should", "would")
}
NOT_EN |= {"wont": "will not", "cant": "can not"}


class Token(NamedTuple):
    """A phrase's meaning. `sep` ends a clause; `no`, `not`, `nobody`, `none` negate; `that` points back."""

    type: str
    value: Any = None
    kind: str | None = None  # of a role's: what kind of car its noun is
    start: int = 0  # its words in English, its letters in Korean
    end: int = 0
    mark: str = ""  # the article before it, or the Korean particle or ending after it
    text: str = ""


Lexicon = dict[str, Token]  # phrases normalised


def normal_en(text: str) -> str:
    """Lower case, contractions undone, words and marks apart by one space; articles stay."""
    text = ABBREVIATED.sub(r"\1 ", text.lower()).replace("’", "'").replace("let's", "let us")
    text = text.replace("&", " and ").replace("@", " at ")
    text = re.sub(r"[a-z']+", lambda found: NOT_EN.get(found.group(), found.group()), text)
    text = re.sub(r"\b(after|within|in|about|around|only|just) a sec(?:ond)?\b", r"\1 one second", text)
    text = re.sub(r"\bmy\b", "our", re.sub(r"(?<=s)'(?= |$)", "", text))
    text = re.sub(r"n't\b", " not", text)
    text = re.sub(r"'(?:s|re|m|ll|ve|d)\b", lambda found: " is" if found.group() == "'s" else "", text)
    text = re.sub(r"\s[/|]\s|\s-+\s|[—–|+→]|\.\.+|…|->", " | ", text)
    text = re.sub(r"[()\[\]]", " , ", text).replace("-", " ")
    text = re.sub(r"(\d)([a-z])", r"\1 \2", text)
    text = " ".join(re.findall(r"\d+(?:\.\d+)?|[a-z'/]+|[a-z0-9/']+|[.,;:!?|=]", text)).replace("=", ":")
    text = text.replace("infront", "in front")
    return re.sub(r"\ba few\b", "several", text).replace("km / h", "km/h")


def plain_en(text: str) -> str:
    """As the lexicon has it: whose is left out, and the articles are."""
    text = US.sub(r"\1 us", OWN.sub("", normal_en(text)))
    return " ".join(word for word in text.split(" ") if word not in ARTICLES)


def normal_ko(text: str) -> str:
    """Vowels that sound alike made one, lower case; spaces stay."""
    return folded(text.lower().replace("-", ""))


def folded(text: str) -> str:
    """Vowels that sound alike made one."""
    return "".join(_folded(letter) for letter in text)


def _folded(letter: str) -> str:
    code = ord(letter) - 0xAC00
    if not 0 <= code < 11172:
        return letter
    vowel = code // 28 % 21
    return chr(ord(letter) + 28 * (FOLDED.get(vowel, vowel) - vowel))


@lru_cache(maxsize=8)
def lexicon(language: str, share: Share = "any") -> Lexicon:
    """Phrases of a language -> tokens; with share="train" without the synonyms held out."""
    found: Lexicon = {}
    words = words_en if language == "en" else words_ko
    normal: Callable[[str], str] = (
        plain_en if language == "en" else lambda phrase: normal_ko(phrase).replace(" ", "")
    )

    def add(phrase: str, token: Token) -> None:
        found.setdefault(normal(phrase), token)

    for end, phrases in (SEPS_EN if language == "en" else SEPS_KO).items():
        for phrase in phrases:
            add(phrase, Token("sep", end))
    _add_plain(add, words, share)
    _add_verbs(add, words, share, language)
    _add_roles(add, words, share, language)
    _add_more(add, language, share)
    found.pop("", None)
    return found


def _add_more(add: Any, language: str, share: Share) -> None:
    for type_, values in ((type_, values) for table in MORE[language] for type_, values in table.items()):
        if type_ == "pattern":
            continue  # of roles, with their nouns
        if type_ == "traffic":
            _add_traffic(add, values, share)
            continue
        if share == "train" and type_ not in (*SMALL, "role"):
            continue
        for value, phrases in values.items():
            token = Token("role", value, "car") if type_ == "named" else Token(type_, value)
            for phrase in phrases.split(", "):
                for form in _forms(phrase, language):
                    add(form, token)


def _forms(phrase: str, language: str) -> tuple[str, ...]:
    """Of a verb, marked by a star, all forms."""
    if "*" not in phrase:
        return (phrase,)
    return tuple(english(phrase).values()) if language == "en" else stems(phrase)


def _add_traffic(add: Any, adjectives: dict[str | None, str], share: Share) -> None:
    """Heavy traffic; the traffic is heavy; traffic: heavy; density heavy."""
    for value, words in adjectives.items() if share != "train" else ():
        for word in words.split(", "):
            for said in (
                "traffic is {}",
                "traffic {}",
                "traffic : {}",
                "density : {}",
                "density {}",
                "{} density",
                "traffic density {}",
                "traffic is very {}",
                "traffic is quite {}",
                "traffic is rather {}",
                "traffic is fairly {}",
                "traffic flow is {}",
                "traffic flow {}",
                "traffic volume {}",
                "{} traffic flow",
                "{} flow of traffic",
                "{} flow of cars",
                "{} amount of traffic",
                "{} volume of traffic",
                "{} traffic volume",
                "{} stream of cars",
                "traffic level {}",
                "traffic level : {}",
                "cars : {}",
                *(("{} traffic",) if value != "empty" else ()),
            ):
                add(said.format(word), Token("density", value))


def _each(table: dict[str, tuple[str, ...]], share: Share) -> list[tuple[str, str]]:
    return [(phrase, value) for value, phrases in table.items() for phrase in share_of(phrases, share)]


def _add_plain(add: Any, words: Any, share: Share) -> None:
    for type_, tables in (
        ("road", ("ROAD",)),
        ("density", ("DENSITY",)),
        ("weather", ("WEATHER",)),
        ("time", ("TIME",)),
        ("style", ("STYLE", "STYLE_ADVERB")),
        ("speed", ("SPEED", "SPEED_ADVERB")),
        ("distance", ("DISTANCE",)),
        ("when", ("WHEN",)),
    ):
        for table in tables:
            for phrase, value in _each(getattr(words, table), share):
                add(phrase, Token(type_, value))
    for type_, phrases in (
        ("ego", words.EGO),
        ("abreast", words.ABREAST),
        ("someone", words.SOMEONE),
        ("nobody", words.NOBODY),
    ):
        for phrase in share_of(phrases, share):
            add(phrase, Token(type_))
    for phrase, value in _each(words.KIND, share):
        add(phrase, Token("kind", value))
    if hasattr(words, "AT_ROADS"):
        for phrase, value in _each(words.WITHOUT, share):
            add(phrase, Token("without", value))


def _add_verbs(add: Any, words: Any, share: Share, language: str) -> None:
    for type_, table in (("event", words.EVENT), ("task", words.TASK)):
        for verb, value in _each(table, share):
            for form in (
                english(verb).values() if language == "en" else (*korean(verb).values(), *stems(verb))
            ):
                add(form, Token(type_, value))
            if language == "ko" and verb.endswith("하*"):
                add(verb[:-2], Token(type_, value))  # the noun in it: 급제동
    for phrase, value in _each(words.EVENT_NOUN, share):
        add(phrase, Token("event", value))
        if language == "en":
            add(phrase.split(" ")[0] + "s" if " " not in phrase else plural(phrase), Token("event", value))


def _add_roles(add: Any, words: Any, share: Share, language: str) -> None:
    more = MORE[language][0]["kind"]
    nouns = [(noun, value) for noun, value in _each(words.KIND, share)]
    if language == "en":
        nouns += [(plural(noun), value) for noun, value in nouns] + [("one", "car"), ("driver", "car")]
        for noun, value in nouns:
            add(noun, Token("kind", value))
        add("anyone", Token("someone"))  # words of the grammar's frames
    else:
        add("운전자", Token("kind", "car"))
    if share != "train":
        nouns += [(noun, str(value)) for value, phrases in more.items() for noun in phrases.split(", ")]
    placed = _each(words.ROLE, share)
    if share != "train":
        said = MORE[language][0].get("pattern", {})
        placed += [(each, str(role)) for role, patterns in said.items() for each in patterns.split(", ")]
    for pattern, role in placed:
        for noun, value in nouns:
            add(pattern.format(kind=noun), Token("role", role, value))
