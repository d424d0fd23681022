"""English numbers with their units, and verbs of motion with where they lead, as regular expressions."""

from __future__ import annotations

import re

from drive_gen.language import words_en
from drive_gen.language.inflect import english
from drive_gen.language.units import Pattern

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
ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")
COUNTS = {
    word: number
    for word, number in NUMBERS.items()
    if word not in ("single", "dual", "double", "triple") and word not in TENS
} | {"single": 1}
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
FORMS = "|".join(
    sorted(
        {form for verb in _VERBS for form in english(f"{verb}*").values()} | {"swiches"},
        key=len,
        reverse=True,
    )
)
_TURNS = "|".join(english("turn*").values())
_RIGHT_AWAY = (
    rf"(?! (?:behind|beside|next|in front|ahead|up|away|off|after (?!{_N})|at (?!{_N}|second)|around|turn|"
    r"from|cars?|vehicles?|trucks?|lorry|lorries|sedans?|hgvs?|semis?|rigs?|neighbour))"
)


def _patterns(*rows: tuple[str, str] | tuple[str, str, str]) -> Patterns:
    return tuple(Pattern(re.compile(rf"(?:{row[0]})(?= |$)"), *row[1:]) for row in rows)


_AWAY = {"change", "go", "head", "leave", "return", "pass", "get", "come", "turn"}
_CLOSES = "|".join(  # verbs that bring somebody in front of us
    sorted(
        {form for verb in set(_VERBS) - _AWAY for form in english(f"{verb}*").values()},
        key=len,
        reverse=True,
    )
)
_HOW = (r"(?: (?:over|across|out|back|in|right|just|directly|straight|suddenly|sharply|abruptly|quickly|"
        r"slowly|itself|left|right|to left|to right|from left|from right|close|closely|dangerously|rudely|"
        r"recklessly|tightly|hard|late|down))*")
_ALONE = r"(?:us|me|ego|our car|my car|ourselves|myself)"
_ORDINAL = rf"({'|'.join(ORDINALS)}|\d+ (?:st|nd|rd|th))"
PATTERNS = _patterns(
    (rf"(?:(?:at|in|on|by|from|with|during|after) )?{_ORDINAL} (?:second|sec)(?: mark)?", "at_s"),
    (rf"(?:test )?(?:scenario|case|variant|example|request|episode|item|clip|run|tc|take|version|number|no|"
     rf"nr) {_N}(?= [:.,|;])", "noise", "label"),
    (r"(?:what )?(?:i|we) (?:(?:would|really|just|am|are|also) )*(?:like|love|want|wish|need|looking|"
     r"hoping|hope|"
     r"trying|interested|going|plan)(?: (?:to|in|for))? (?:see|seeing|look at|looking at|have|having|test|"
     r"testing|"
     r"watch|watching|examine|study|try|check|simulate|create|set up|build|generate|know|explore|"
     r"investigate|consider|run|try out|find out|experience|show)(?: is)?"
     r"(?! to\b| \w* (?:left|right))", "noise", "wish"),
    (rf"at (?:(?:over|above|under|below|about|around|roughly|nearly|almost|just|more than|less than|some|"
     rf"well over) )*"
     rf"([2-9]\d|1\d\d)(?! ?(?:{_SECOND}|m|metres?|meters?|mtrs?|mph|m/s|km|km/h|kph|kmh|mps|ft|feet|"
     rf"yards?|kms|"
     r"kilometres?|miles|degrees|percent|clicks|k)\b)", "km/h"),
    (rf"{_AT}(couple) of {_SECOND}(?: (?:in|later|on|into it))?", "at_s"),
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
        r"(?: (?:in|later|on|mark|into it|into scene|into clip|into episode|have passed|sharp|have gone by|"
        r"have elapsed|has passed|have gone|gone by|elapsed|pass|passed|go by|"
        r"after start|from start|time|after beginning|from now|into run|into simulation|into recording|"
        r"of driving))?"
        r"(?! clip| scene| episode| video| gap| headway| long| simulation| drive| apart| behind| ahead)",
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
        r"(?:doing|does|going at|goes at|driving at|drives at|drive at|going|goes|travels at|travelling at|"
        r"speed|"
        r"speed :|speed of|speed is|moving at|moves at|rolling at|at speed of) "
        r"(?:(?:about|around|roughly|under|over|below|above|more than|less than|some|at least|at most|just|"
        r"only) )*"
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
    (r"(?:leave|keep|make|have|with) (left|right)(?: hand)? lane (?:empty|free|clear|vacant|open)",
     "without", "1"),
    (rf"(?:come|comes|coming|came|get|gets|getting|got|go|goes|going|went|turn|turns|turning|turned){_HOW}"
     r" (?:in to|into|onto|to) (?:our )?lane", "event", "cut-in"),
    (rf"(?:{_CLOSES})(?: lanes?)?{_HOW}(?: (?:in|into))? (?:in front(?: of us)?|ahead of us|"
     rf"into our (?:lane|path|way)|"
     r"into (?:lane|path|way|gap)|across our (?:path|bow|nose)|between us)", "event", "cut-in"),
    (rf"(?:nobody|no one|noone|no car|no cars|no vehicles?|no traffic|nothing|not one car)(?: (?:else|"
     rf"other|at all|"
     rf"whatsoever|in sight|around|there|on road|on it|anywhere|is|are))* (?:besides|but|except|except for|"
     rf"apart from|"
     rf"other than|save for|beside) {_ALONE}", "density", "empty"),
    (r"(?:only|just) (?:we|us|ego|our car|i)(?: are| is| am| alone)?(?: on road| here| there| driving)?"
     r"(?! and| plus| with| \w* (?:merge|exit|turn|brake|overtake))", "density", "empty"),
    (r"(?:we|i|ego|our car) (?:are|am|is) (?:only|sole|lone) (?:car|cars|one|ones|vehicle|driver|drivers|"
     r"people)"
     r"(?: on road| here| there| around)?", "density", "empty"),
    (r"(?:(?:do|does|should|must|may|can|could|would|shall|will|please|there) )*not (?:include|put|add|"
     r"place|show|"
     r"spawn|use|want|need|have any|contain|be any|be a single|generate|give us|give me)(?: any| a single|"
     r" in)*(?! to)",
     "no", "any"),
    (
        rf"(?!(?:{_TURNS})\b)(?:{FORMS})(?: lanes?| one lane| 1 lane)?"
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
