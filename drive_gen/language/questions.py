"""Questions about an episode in English and Korean, by seed, and their answers out of a closed list.

Asked of an episode's facts, which say all that holds: what is not among them did not happen.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from drive_gen.envs.files import InputError
from drive_gen.language import words_en, words_ko
from drive_gen.language.english import PLURALS, article
from drive_gen.language.facts import (
    CHANGES,
    DENSITIES,
    DISTANCES,
    KINDS,
    MOST_LANES,
    PHASES,
    ROADS,
    ROLES,
    SPEEDS,
    Agent,
    Event,
    Facts,
    What,
)
from drive_gen.language.inflect import english, korean, particles, plural
from drive_gen.language.plan import Variety, pick

Kind = Literal["did", "anybody", "when", "who", "lanes", "road", "density", "there", "trucks", "kind",
               "speed", "distance"]
KINDS_ASKED: tuple[Kind, ...] = ("did", "anybody", "when", "who", "lanes", "road", "density", "there",
                                 "trucks",
                                 "kind", "speed", "distance")
ANSWERS = ("yes", "no", "nobody", *ROLES, *ROADS, *map(str, range(1, MOST_LANES + 1)), *DENSITIES, *KINDS,
           *SPEEDS, *DISTANCES, *PHASES)
ASIDE: tuple[str, ...] = ("lead", "follower", "left", "right")
ASKED: tuple[What, ...] = ("brake", "cut-in", "lane-left", "lane-right", "lane-change", "stop", "accelerate",
                           "crash", "merge")
# The last quarter of each is held out.
FRAMES: dict[str, dict[str, tuple[str, ...]]] = {
    "en": {
        "did": ("did {who} {do}?", "does {who} {do}?", "is it true that {who} {does}?",
                "{who} {did}, right?", "can we see {who} {doing}?", "do we watch {who} {do}?",
                "would you say that {who} {does}?"),
        "anybody": ("does anybody {do}?", "did anyone {do}?", "is there any {noun}?",
                    "somebody {does}, right?", "do we see anyone {do}?", "does any car {do}?",
                    "was there any {noun} at some point?"),
        "when": ("when did {who} {do}?", "when does {who} {do}?", "at what time does {who} {do}?",
                 "when is {who} {doing}?", "at which moment does {who} {do}?",
                 "early or late: when does {who} {do}?", "in which part does {who} {do}?"),
        "who": ("who {did}?", "who {does}?", "which car {does}?", "who is {doing}?",
                "whom do we see {doing}?", "which of them {did}?", "name the one who {does}"),
        "lanes": ("how many lanes are there?", "how many lanes does the road have?", "number of lanes?",
                  "lanes?", "how many lanes do we have?", "how wide is the road in lanes?",
                  "what is the lane count?"),
        "road": ("what kind of road is it?", "where are we?", "which road is this?",
                 "where does this happen?", "what road is this?", "what sort of place is this?",
                 "what type of road do we see?"),
        "density": ("how much traffic is there?", "how busy is the road?", "what is the traffic like?",
                    "how full is the road?", "how many cars are around, roughly?",
                    "how about the traffic?", "how dense is the traffic?"),
        "there": ("is there {np}?", "do we have {np}?", "can you see {np}?", "any sign of {np}?",
                  "is {np} around?", "can {np} be seen?", "does {np} exist?"),
        "trucks": ("are there any {trucks}?", "is there a {truck}?", "do you see {trucks}?",
                   "is any of them a {truck}?", "do any {trucks} drive here?", "does a {truck} show up?",
                   "{trucks} anywhere?"),
        "kind": ("is {the} a car or a truck?", "what kind of vehicle is {the}?", "what is {the}?",
                 "tell me what {the} is", "what sort of vehicle is {the}?", "{the}: car or truck?",
                 "of which kind is {the}?"),
        "speed": ("how fast is {the}?", "what is the speed of {the}?", "at what speed does {the} drive?",
                  "is {the} slow or fast?", "what pace does {the} keep?", "how fast does {the} drive?",
                  "how quickly does {the} go?"),
        "distance": ("how far away is {the}?", "how close is {the}?", "what is the distance to {the}?",
                     "how big is the gap to {the}?", "is {the} far away or close?",
                     "how many metres to {the}, roughly?", "how near is {the} to us?")},
    "ko": {
        "did": ("{who}/이 {did}나요?", "{who}/은 {did}습니까?", "{who}/이 {did}어?", "{who}/이 {did}지?",
                "혹시 {who}/이 {did}어요?", "{who}/이 {doing} 장면이 나와?", "{who}/이 {did}는지 알려줘"),
        "anybody": ("{noun}/이 있었나요?", "누군가 {did}나요?", "{noun} 장면이 있습니까?",
                    "{did}던 차가 있어?", "{doing} 차가 있나요?", "{noun} 나와?", "{noun}/이 발생하나?"),
        "when": ("{who}/은 언제 {did}나요?", "언제 {who}/이 {did}어?", "{who}/이 {did}던 때는 언제?",
                 "{who}/이 {doing} 때는 언제야?", "{who}/이 언제쯤 {did}지?",
                 "언제 {who}/이 {doing} 거야?", "{who}/은 어느 시점에 {did}나요?"),
        "who": ("누가 {did}나요?", "{did}던 차는 누구?", "어떤 차가 {did}습니까?", "{doing} 차는 누구야?",
                "누가 {did}어?", "{did}던 차량은?", "{did}던 건 누구였지?"),
        "lanes": ("차로가 몇 개인가요?", "몇 차로 도로야?", "차로 수는?", "차로 개수 알려줘",
                  "차로가 몇 개 있어?", "몇 차로야?", "차선이 총 몇 개지?"),
        "road": ("어떤 도로인가요?", "여기는 어디야?", "도로 종류는?", "어디를 달리고 있어?",
                 "어떤 길이야?", "장소가 어디야?", "무슨 길이지?"),
        "density": ("교통량은 어때?", "도로가 얼마나 붐비나요?", "교통 상황은?", "차가 많아?",
                    "교통이 어떤가요?", "도로에 차가 얼마나 있어?", "얼마나 막히지?"),
        "there": ("{np}/이 있나요?", "{np} 있어?", "{np}/이 보입니까?", "{np} 보여?", "{np}/이 나와?",
                  "혹시 {np} 있나요?", "{np}/이 존재하나?"),
        "trucks": ("{truck}/이 있나요?", "{truck} 있어?", "{truck}/이 보입니까?", "혹시 {truck}도 있어?",
                   "{truck} 보여?", "차 중에 {truck}/이 있어?", "{truck}/이 한 대라도 나와?"),
        "kind": ("{the}/은 승용차인가요 트럭인가요?", "{the}/은 무슨 차종이야?", "{the}의 종류는?",
                 "{the}/은 뭐야?", "{the} 차종 알려줘", "{the}/은 승용차야 트럭이야?",
                 "{the}/은 어떤 종류의 차지?"),
        "speed": ("{the}/은 얼마나 빠른가요?", "{the}의 속도는?", "{the}/은 어떤 속도로 가나요?",
                  "{the}/은 빨라 느려?", "{the} 속도가 어때?", "{the}/은 얼마나 빨라?",
                  "{the}/은 얼마나 빨리 달리지?"),
        "distance": ("{the}/은 얼마나 떨어져 있나요?", "{the}까지 거리는?", "{the}/은 얼마나 가까워?",
                     "{the}/은 멀어 가까워?", "{the}/이 얼마나 멀리 있어?",
                     "{the}/은 몇 미터쯤 떨어져 있어?", "{the}/과 간격이 얼마지?")}}
SAID_KO = {"yes": "예", "no": "아니요", "nobody": "아무도 없음", "ego": "우리 차", "lead": "앞차",
           "follower": "뒤차",
           "left": "왼쪽 차", "right": "오른쪽 차", "cut-in": "끼어드는 차", "cars": "다른 차",
           "trucks": "트럭",
           **{name: words_ko.ROAD[name][0] for name in ROADS}, "empty": "텅 빔", "light": "한산함",
           "moderate": "보통", "heavy": "혼잡함", "car": "승용차", "truck": "트럭", "stopped": "멈춰 있음",
           "slow": "느림", "normal": "보통 속도", "fast": "빠름", "beside": "바로 옆", "near": "가까움",
           "middle": "적당한 거리", "far": "멂", "early": "초반", "mid": "중간", "late": "막판"}


@dataclass(frozen=True)
class Question:
    """What is asked, of whom, about doing what."""

    kind: Kind
    who: str = ""
    what: str = ""


def answer_of(facts: Facts, question: Question) -> str | None:
    """The answer that facts give; None where they do not say, or where several would be right."""
    kind, agent = question.kind, facts.agent(question.who)
    done = [event.who for event in facts.events if event.happens and _is(event, question.what)]
    if kind == "did":
        return "yes" if question.who in done else "no"
    if kind == "anybody":
        return "yes" if done else "no"
    if kind == "when":
        return next((event.when for event in facts.events
                     if event.happens and (event.who, event.what) == (question.who, question.what)), None)
    if kind == "who":
        whos = sorted(set(done))
        return "nobody" if not whos else whos[0] if len(whos) == 1 and whos[0] in ROLES else None
    if kind == "there":
        return "yes" if agent else "no"
    if kind == "trucks":
        return "yes" if any(each.kind == "truck" for each in facts.agents if each.role != "ego") else "no"
    value = getattr(facts, kind) if kind in ("lanes", "road", "density") else getattr(agent, kind, None)
    return None if value is None else str(value)


def _is(event: Event, what: str) -> bool:
    return event.what == what or (what == "lane-change" and event.what in CHANGES)


def draw_question(facts: Facts, rng: np.random.Generator) -> tuple[Question, str]:
    """A question that the facts answer, and the answer; yes and no as often."""
    while True:
        kind = pick(KINDS_ASKED, rng)
        who: str = pick(("ego", *(agent.role for agent in facts.agents)), rng)
        what: str = pick(ASKED, rng)
        happened = [event for event in facts.events if event.happens and event.who in ROLES]
        if kind in ("did", "anybody", "when", "who") and happened and rng.random() < 0.7:
            event = pick(happened, rng)
            who, what = (event.who, event.what) if rng.random() < 0.75 else (who, event.what)
        if kind in ("there", "kind", "distance", "speed"):
            who = pick(ASIDE if kind != "speed" else (*ASIDE, "ego"), rng)
        question = Question(kind, who, what)
        if (answer := answer_of(facts, question)) is not None:
            return question, answer


def ask(question: Question, language: str, rng: np.random.Generator, variety: Variety | None = None) -> str:
    """The question in words."""
    variety = variety or Variety()
    words: Any = words_en if language == "en" else words_ko
    frame = pick(FRAMES[language][question.kind], rng, variety.phrasings)
    forms: dict[str, str] = {}
    if question.what:
        verb = pick(words.EVENT[question.what], rng, variety.synonyms)
        forms = english(verb) if language == "en" else korean(verb)
        forms["noun"] = pick(words.EVENT_NOUN[question.what], rng, variety.synonyms)
    truck = pick(words.KIND["truck"], rng, variety.synonyms)
    text = frame.format(who=_name(question.who, language, rng, variety), truck=truck, trucks=plural(truck),
                        the=_name(question.who, language, rng, variety),
                        np=_name(question.who, language, rng, variety, new=True), **forms)
    return particles(text) if language == "ko" else text


def _name(who: str, language: str, rng: np.random.Generator, variety: Variety, new: bool = False) -> str:
    """Somebody, so that it is not said whether it is a truck."""
    words: Any = words_en if language == "en" else words_ko
    if who in ("cars", "trucks"):
        kind = pick(words.KIND[who.rstrip("s")], rng, variety.synonyms)
        return f"one of the {plural(kind)}" if language == "en" else f"{kind} 중 한 대"
    if who not in words.ROLE:
        egos: list[str] = [name for name in words.EGO if name not in PLURALS]
        return pick(egos, rng, variety.synonyms)
    name: str = pick(words.ROLE[who], rng, variety.synonyms).format(kind=pick(words.KIND["car"][:2], rng))
    if language == "ko":
        return name.replace("앞 차", "앞차").replace("뒤 차", "뒤차")
    return article(name) if new else f"the {name}"


def said(answer: str, language: str) -> str:
    """An answer in words."""
    return answer if language == "en" else SAID_KO.get(answer, answer)


def shuffled(facts: Facts, rng: np.random.Generator) -> Facts:
    """Facts of the same form with other values by chance: who reads them cannot guess."""
    def other(value: Any, options: Any) -> Any:
        return value if value is None or rng.random() < 0.3 else pick(options, rng)

    def moved(agent: Agent) -> Agent:
        aside = agent.role in ("left", "right")
        return replace(agent, speed=other(agent.speed, SPEEDS),
                       distance=other(agent.distance, DISTANCES if aside else DISTANCES[1:]))

    for _ in range(20):
        events = tuple(replace(event,
                               when=other(event.when, PHASES)) if rng.random() < 0.3 or not event.happens
                       else replace(event, when=other(event.when, PHASES), what=pick(ASKED, rng))
                       for event in facts.events)
        try:
            return replace(facts, road=other(facts.road, ROADS),
                           lanes=other(facts.lanes, range(1, MOST_LANES + 1)),
                           density=other(facts.density, DENSITIES[1:]),
                           agents=tuple(moved(agent) for agent in facts.agents), events=events)
        except InputError:
            continue
    return facts
