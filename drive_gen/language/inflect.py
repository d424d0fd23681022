"""How verbs are inflected, and Korean particles chosen by the last sound."""

from __future__ import annotations

import re

VOWELS = "aeiou"
PASTS = {"cut": "cut", "come": "came", "have": "had", "hit": "hit", "speed": "sped", "go": "went", "take":
         "took", "make": "made", "keep": "kept", "leave": "left", "do": "did", "get": "got", "drive":
         "drove", "hold": "held", "hang": "hung", "swing": "swung", "lose": "lost", "overtake": "overtook"}
DOUBLED = ("slam", "jam", "stop", "cut", "hit", "step", "hop", "get", "swap")
FIRST, FINALS, MOST = 0xAC00, 28, 0xD7A3  # Hangul syllables: (initial, vowel, final) in this order
N, L, LM, M, B = 4, 8, 10, 16, 17  # finals ㄴ, ㄹ, ㄻ, ㅁ, ㅂ


def english(verb: str) -> dict[str, str]:
    """The forms of "slam* on the brakes": do, does, doing, did."""
    stem, rest = verb.split("*")
    *before, word = stem.split(" ")
    if word == "have":
        third = "has"
    else:
        third = word + ("es" if word.endswith(("s", "sh", "ch", "x", "o")) else "s")
        if word.endswith("y") and word[-2] not in VOWELS:
            third = word[:-1] + "ies"
    dropped = word[:-1] if word.endswith("e") and not word.endswith("ee") else word
    longer = word + word[-1] if word in DOUBLED else dropped
    past = PASTS.get(word) or (word[:-1] + "ied" if third.endswith("ies") else longer + "ed")
    forms = {"do": word, "does": third, "doing": longer + "ing", "did": past}
    return {name: " ".join([*before, form]) + rest for name, form in forms.items()}


def plural(noun: str) -> str:
    """Of a word for a kind of car."""
    return noun[:-1] + "ies" if noun.endswith("ry") else noun + "s"


def final(word: str) -> int:
    """The final consonant of a Korean word, 0 for none; digits as they are read."""
    last = ord(word[-1])
    if FIRST <= last <= MOST:
        return (last - FIRST) % FINALS
    return {"0": 21, "1": L, "3": 16, "6": 1, "7": L, "8": L}.get(word[-1], 0)


def ended(word: str, with_final: int) -> str:
    """The word with another final consonant."""
    code = ord(word[-1]) - FIRST
    return word[:-1] + chr(FIRST + code - code % FINALS + with_final)


PAIRS = {"이다": "다", "은": "는", "이": "가", "을": "를", "과": "와", "으로": "로"}


def particles(text: str) -> str:
    """Replace "/은" by 은 after a consonant and 는 after a vowel, and so on; ㄹ takes 로."""
    def chosen(found: re.Match[str]) -> str:
        word, particle = found.group(1), found.group(2)
        closed = final(word) and not (particle == "으로" and final(word) == L)
        return word + (particle if closed else PAIRS[particle])

    return re.sub(r"(\S)/(으로|이다|은|이|을|과)", chosen, text)


def korean(verb: str) -> dict[str, str]:
    """The forms of "끼어들*": do (stem), does, polite, while (는), did, and the stem as the past has it."""
    stem = verb.rstrip("*")
    ending = final(stem)
    bare = ended(stem, 0) if ending == L else stem
    open_ = ending in (0, L)
    does = ended(stem, N) + "다" if open_ else stem + "는다"
    polite = ended(stem, B) + "니다" if open_ else stem + "습니다"
    return {"do": stem, "does": does, "polite": polite, "doing": bare + "는", "did": _past(stem)}


def _past(stem: str) -> str:
    """Up to the ㅆ: 급제동했, 끼어들었, 멈췄, 바꿨, 내렸."""
    code = ord(stem[-1]) - FIRST
    vowel, ending = code // FINALS % 21, code % FINALS
    double_s = 20
    if stem.endswith("하"):
        return stem[:-1] + "했"
    if stem.endswith("르"):
        return ended(stem[:-1], L) + "렀"
    if ending:
        return stem + ("았" if vowel in (0, 2, 8) else "었")
    merged = {0: 0, 1: 1, 4: 4, 6: 6, 8: 9, 13: 14, 20: 6, 18: 4}.get(vowel)  # ㅗ+아 ㅘ, ㅜ+어 ㅝ, ㅣ+어 ㅕ
    if merged is None:
        return stem + "었"
    return stem[:-1] + chr(FIRST + (code // FINALS - vowel + merged) * FINALS + double_s)


def stems(verb: str) -> tuple[str, ...]:
    """What every form of a Korean verb begins with: 끼어들, 끼어든, 끼어듦, 끼어듭, 끼어드, 끼어들었."""
    stem = verb.rstrip("*")
    past = _past(stem)
    polite = ended(past, 0) if final(past) == 20 else past  # 바꿔, 멈춰: without the ㅆ
    ending = final(stem)
    if ending in (0, L):
        bare = ended(stem, 0)
        noun = LM if ending == L else M  # 끼어듦
        return (stem, *(ended(bare, each) for each in (0, N, L, M, B, noun)), polite, past)
    return (stem, polite, past)
