"""What a program is asked for: facts as words before it."""

from __future__ import annotations

from drive_gen.language.facts import Agent, Event, Facts


def asked_words(facts: Facts) -> list[str]:
    """The words of all that a program can hold; weather, time of day and task are no part of it."""
    found = [f" ?{name}={getattr(facts, name)}" for name in ("road", "lanes", "density")
             if getattr(facts, name) is not None]
    for agent in facts.agents:
        found += _agent(agent)
    found += [f" ?no={name}" for name in facts.without]
    for event in facts.events:
        found += _event(event)
    return found


def _agent(agent: Agent) -> list[str]:
    found = [f" ?who={agent.role}"]
    if agent.kind != "car" and agent.role != "trucks":
        found.append(f" ?kind={agent.kind}")
    if agent.count > 1:
        found.append(f" ?count={agent.count}")
    found += [f" ?{name}={getattr(agent, name)}" for name in ("style", "speed", "distance")
              if getattr(agent, name) is not None]
    return found + [" ?abreast"] * agent.abreast


def _event(event: Event) -> list[str]:
    found = [f" ?who={event.who}", f" ?do={event.what}"]
    if not event.happens:
        return [*found, " ?never"]
    if event.at_s is not None:
        return [*found, f" ?at={event.at_s}"]
    return found + ([f" ?when={event.when}"] if event.when else [])
