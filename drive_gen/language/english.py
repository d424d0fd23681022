"""Units as English clauses."""

from __future__ import annotations

import numpy as np

from drive_gen.language import words_en as words
from drive_gen.language.facts import Agent, Event
from drive_gen.language.inflect import english, plural
from drive_gen.language.plan import Unit, Variety, pick

PLURALS = ("we", "I")  # egos whose verb takes no s


class English:
    """A speaker: chance, and which words and frames may be used."""

    def __init__(self, rng: np.random.Generator, variety: Variety) -> None:
        self.rng, self.variety = rng, variety

    def word(self, options: tuple[str, ...]) -> str:
        """A synonym."""
        return pick(options, self.rng, self.variety.synonyms)

    def frame(self, name: str) -> str:
        """A phrasing."""
        return pick(words.FRAME[name], self.rng, self.variety.phrasings)

    def clause(self, unit: Unit) -> str:
        """One unit in words."""
        value = str(unit.value)
        if unit.form == "road":
            noun = self.word(words.ROAD[value])
            at = "at" if value in words.AT_ROADS else "on"
            return self.frame("road").format(on=f"{at} {article(noun)}", a=article(noun))
        if unit.form == "lanes":
            number = int(value)
            text = self.frame("lanes").format(n=self.number(number))
            return text if number > 1 else text.replace("lanes", "lane")
        if unit.form in ("weather", "time"):
            table = words.WEATHER if unit.form == "weather" else words.TIME
            return self.frame("condition").format(it=self.word(table[value]))
        if unit.form == "density":
            return self.frame("density").format(it=self.word(words.DENSITY[value]))
        if unit.form == "task":
            ego = self.word(words.EGO)
            forms = english(self.word(words.TASK[value]))
            frame = self.frame("task")
            plain = ego in PLURALS or "should" in frame or "will" in frame
            return frame.format(ego=ego, do=forms["do"] if plain or "{ego}" not in frame else forms["does"])
        if unit.form == "without":
            return self.frame("without").format(no=self.word(words.WITHOUT[value]))
        if unit.form.startswith("ego_"):
            return self.ego(unit.form, value)
        return self.agents_clause(unit)

    def ego(self, form: str, value: str) -> str:
        """How we drive, or what."""
        name = self.word(words.EGO)
        if form == "ego_kind":
            return f"{name} {'am' if name == 'I' else 'are' if name == 'we' else 'is'} in " \
                   f"{article(self.word(words.KIND[value]))}"
        adverb = self.word((words.STYLE_ADVERB if form == "ego_style" else words.SPEED_ADVERB)[value])
        verb = "is" if adverb in words.SPEED_ADVERB["stopped"] else "drives"
        if name in PLURALS:
            verb = {"drives": "drive", "is": "am" if name == "I" else "are"}[verb]
        return f"{name} {verb} {adverb}"

    def agents_clause(self, unit: Unit) -> str:
        """Who is there, and who does what."""
        agent, event = unit.agent, unit.event
        if unit.form == "there" and agent:
            text = self.frame("there").format(np=self.noun(agent))
            return text.replace("there is", "there are") if agent.count > 1 else text
        if unit.form == "is" and agent:
            whole = self.noun(Agent(agent.role, agent.kind), definite=True)
            return self.frame("is").format(the=whole, adj=self.predicate(agent))
        assert event is not None
        forms = english(self.word(words.EVENT[event.what]))
        if unit.form == "nobody":
            return self.frame("nobody").format(nobody=self.word(words.NOBODY), **forms,
                                               noun=self.word(words.EVENT_NOUN[event.what]))
        who = self.subject(unit)
        if who in PLURALS:
            forms["does"] = forms["do"]
        text = self.frame(unit.form).format(who=who, when=self.when(event), **forms)
        if who in PLURALS:
            text = text.replace("does not", "do not").replace("doesn't", "don't").replace("is not", "are not")
        return text

    def subject(self, unit: Unit) -> str:
        """Who does it."""
        assert unit.event is not None
        if unit.event.who == "someone":
            return self.word(words.SOMEONE)
        if unit.event.who == "ego":
            return self.word(words.EGO)
        agent = unit.agent
        assert agent is not None
        if unit.reference in ("former", "latter"):
            return f"the {unit.reference}"
        if unit.reference == "kind":
            return f"the {self.word(words.KIND[agent.kind])}"
        if agent.role in ("cars", "trucks"):
            name = self.word(words.KIND[agent.kind])
            if agent.count > 1 or unit.reference == "known":
                return f"one of the {plural(name)}"
            return self.noun(agent)
        if agent.role == "cut-in" and unit.event.what == "cut-in" and unit.event.happens:
            return self.noun(agent, role=False)
        known = Agent(agent.role, agent.kind) if unit.reference == "known" else agent
        return self.noun(known, definite=agent.count == 1)

    def noun(self, agent: Agent, definite: bool = False, role: bool = True) -> str:
        """The agent with all that is said of it."""
        kind = self.word(words.KIND[agent.kind])
        kind = plural(kind) if agent.count > 1 else kind
        placed = role and agent.role in words.ROLE
        name = self.word(words.ROLE[agent.role]).format(kind=kind) if placed else kind
        before, after = [], []
        for value, adjectives, adverbs in ((agent.style, words.STYLE, words.STYLE_ADVERB),
                                           (agent.speed, words.SPEED, words.SPEED_ADVERB)):
            if value and (self.rng.random() < 0.7 or agent.role == "cut-in"):
                before.append(self.word(adjectives[value]))
            elif value:
                adverb = self.word(adverbs[value])
                after.append(adverb if value == "stopped" else f"driving {adverb}")
        if agent.distance:
            after.append(self.word(words.DISTANCE[agent.distance]))
        if agent.abreast:
            after.append(self.word(words.ABREAST))
        text = " ".join([*before, name, *after])
        if agent.count > 1:
            return f"{self.number(agent.count)} {text}"
        return f"the {text}" if definite else article(text)

    def predicate(self, agent: Agent) -> str:
        """What is said of an agent that is named already."""
        said = [self.word(words.STYLE[agent.style])] if agent.style else []
        said += [self.word(words.SPEED_ADVERB[agent.speed])] if agent.speed else []
        said += [self.word(words.DISTANCE[agent.distance])] if agent.distance else []
        return " and ".join(said)

    def when(self, event: Event) -> str:
        """When it happens; empty where it is not said."""
        if event.at_s is not None:
            return pick(words.AT_S, self.rng, self.variety.synonyms).format(n=event.at_s).replace(
                "1 seconds", "1 second")
        return self.word(words.WHEN[event.when]) if event.when else ""

    def number(self, value: int) -> str:
        """In words or digits."""
        return words.NUMBERS[value] if self.rng.random() < 0.7 else str(value)

    def join(self, clauses: list[str]) -> str:
        """Clauses as sentences."""
        tidy = [" ".join(clause.replace(" ,", ",").split()).strip(" ,") for clause in clauses]
        text = tidy[0] + "".join(pick((". ", ", ", "; ", ". "), self.rng) + clause for clause in tidy[1:])
        sentences = text.split(". ")
        whole = ". ".join(each[:1].upper() + each[1:] for each in sentences if each)
        return whole + pick((".", ""), self.rng)


def article(noun: str) -> str:
    """With a or an."""
    return f"{'an' if noun[0] in 'aeio' else 'a'} {noun}"

