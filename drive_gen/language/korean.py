"""Units as Korean clauses."""

from __future__ import annotations

import numpy as np

from drive_gen.language import words_ko as words
from drive_gen.language.facts import Agent, Event
from drive_gen.language.inflect import korean, particles
from drive_gen.language.plan import Unit, Variety, pick


class Korean:
    """A speaker: chance, and which words and frames may be used."""

    def __init__(self, rng: np.random.Generator, variety: Variety) -> None:
        self.rng, self.variety = rng, variety
        self.polite = bool(rng.random() < 0.3)

    def word(self, options: tuple[str, ...]) -> str:
        """A synonym."""
        return pick(options, self.rng, self.variety.synonyms)

    def frame(self, name: str) -> str:
        """A phrasing."""
        return pick(words.FRAME[name], self.rng, self.variety.phrasings)

    def forms(self, verb: str) -> dict[str, str]:
        """A verb's forms; `does` as politely as this speaker is."""
        forms = korean(verb)
        return {**forms, "does": forms["polite"]} if self.polite else forms

    def clause(self, unit: Unit) -> str:
        """One unit in words."""
        value = str(unit.value)
        if unit.form == "lanes":
            text = self.frame("lanes").format(n=value, count=words.NUMBERS[int(value)])
        elif unit.form in ("road", "density", "weather", "time"):
            table = {"road": words.ROAD, "density": words.DENSITY, "weather": words.WEATHER,
                     "time": words.TIME}
            frame = "condition" if unit.form in ("weather", "time") else unit.form
            text = self.frame(frame).format(it=self.word(table[unit.form][value]))
        elif unit.form == "task":
            text = self.frame("task").format(ego=self.word(words.EGO),
                                             **self.forms(self.word(words.TASK[value])))
        elif unit.form == "without":
            text = self.frame("without").format(no=self.word(words.WITHOUT[value]))
        elif unit.form == "ego_kind":
            text = self.frame("ego_kind").format(ego=self.word(words.EGO), kind=self.word(words.KIND[value]))
        elif unit.form in ("ego_style", "ego_speed"):
            table_ = words.STYLE_ADVERB if unit.form == "ego_style" else words.SPEED_ADVERB
            text = self.frame(unit.form).format(ego=self.word(words.EGO), adverb=self.word(table_[value]))
        else:
            text = self.agents_clause(unit)
        return particles(text)

    def agents_clause(self, unit: Unit) -> str:
        """Who is there, and who does what."""
        agent, event = unit.agent, unit.event
        if unit.form == "there" and agent:
            return self.frame("there").format(np=self.noun(agent))
        if unit.form == "is" and agent:
            return self.frame("is").format(the=self.name(Agent(agent.role)), adj=self.noun(agent, role=False))
        assert event is not None
        forms = self.forms(self.word(words.EVENT[event.what]))
        noun = self.word(words.EVENT_NOUN[event.what])
        if unit.form == "nobody":
            return self.frame("nobody").format(nobody=self.word(words.NOBODY), noun=noun, **forms)
        return self.frame(unit.form).format(who=self.subject(unit), when=self.when(event), noun=noun, **forms)

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
            return "전자" if unit.reference == "former" else "후자"
        kind = self.word(words.KIND[agent.kind])
        if unit.reference == "kind":
            return f"그 {kind}"
        if agent.role in ("cars", "trucks"):
            if agent.count > 1 or unit.reference == "known":
                return f"{kind} 중 한 대"
            return self.noun(agent)
        if agent.role == "cut-in" and unit.event.what == "cut-in" and unit.event.happens:
            return self.noun(agent, role=False)
        return self.name(agent) if unit.reference == "known" else self.noun(agent)

    def name(self, agent: Agent) -> str:
        """앞차, 왼쪽에 있는 트럭."""
        kind = self.word(words.KIND[agent.kind])
        name = self.word(words.ROLE[agent.role]).format(kind=kind)
        return name.replace("앞 차", "앞차").replace("뒤 차", "뒤차")

    def noun(self, agent: Agent, role: bool = True) -> str:
        """The agent with all that is said of it."""
        said = [self.word(words.DISTANCE[agent.distance])] if agent.distance else []
        said += [self.word(words.STYLE[agent.style])] if agent.style else []
        said += [self.word(words.SPEED[agent.speed])] if agent.speed else []
        said += [self.word(words.ABREAST)] if agent.abreast else []
        rng = self.rng
        rng.shuffle(said)
        named = role and agent.role in words.ROLE
        said.append(self.name(agent) if named else self.word(words.KIND[agent.kind]))
        if agent.count > 1 or (agent.role in ("cars", "trucks") and rng.random() < 0.7):
            said.append(f"{words.NUMBERS[agent.count]} 대" if rng.random() < 0.7 else f"{agent.count}대")
        return " ".join(said)

    def when(self, event: Event) -> str:
        """When it happens; empty where it is not said."""
        if event.at_s is not None:
            return self.word(words.AT_S).format(n=event.at_s)
        return self.word(words.WHEN[event.when]) if event.when else ""

    def join(self, clauses: list[str]) -> str:
        """Clauses as sentences."""
        text = " ".join(clauses[0].split())
        for clause in clauses[1:]:
            ended = text.endswith(("다", "음"))
            text += pick((". ", ". ", ", ") if ended else (", ",), self.rng) + " ".join(clause.split())
        return text + pick((".", ""), self.rng)
