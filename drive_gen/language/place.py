"""Facts -> Scenario: a road of the kind, cars where they are said to be, and events that make them do it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import lru_cache

import numpy as np

from drive_gen.envs.episode import Scene, Source
from drive_gen.envs.geometry import overlaps
from drive_gen.envs.road import Road, straight_road
from drive_gen.envs.scenario import AgentRecipe, LaneRecipe, Scenario
from drive_gen.language.facts import PLACED, Agent, Facts
from drive_gen.language.read_scene import density, lane_of, road_kind, roles, without
from drive_gen.language.staging import EARLY_S, ROLE_LANES, SLOW_DOWN_MPS2, actor_of, events_of

ENVS = {"merge": "merge-generic-v0", "roundabout": "roundabout-v0", "intersection": "intersection-v0",
        "exit": "exit-v0", "two-way": "two-way-v0", "u-turn": "u-turn-v0", "racetrack": "racetrack-large-v0"}
SPEEDS_MPS = {"stopped": 0.0, "slow": 11.0, "normal": 20.0, "fast": 29.0}
GAPS_M = {"beside": -4.0, "near": 12.0, "middle": 34.0, "far": 70.0}
SIZES_M = {"car": (5.0, 2.0), "truck": (12.0, 2.5)}
TRIES, END_M = 60, 4.0
CLEAR_M = 2.5  # between middles, across: who is farther aside is in another lane
NOWHERE = (LaneRecipe(((0.0, 0.0), (1.0, 0.0)), 4.0),)  # the quickest road to make


@dataclass
class Stage:
    """A scene being set up."""

    road: Road
    facts: Facts
    rng: np.random.Generator
    ego_lane: int
    ego_s_m: float
    recipes: list[AgentRecipe] = field(default_factory=list)
    ids: dict[str, list[int]] = field(default_factory=dict)  # by the request's roles

    def scene(self, more: AgentRecipe | None = None) -> Scene:
        """As it is, or with one more."""
        agents = (*self.recipes, more) if more else tuple(self.recipes)
        return replace(Scenario(NOWHERE, agents, ego=0).to_scene(), road=self.road)

    def recipe(self, agent: Agent, lane: int, s_m: float, speed_mps: float) -> AgentRecipe:
        """A car in a lane."""
        where = self.road.lanes[lane]
        x, y = where.position_at(np.array(s_m)).tolist()
        length, width = SIZES_M[agent.kind]
        heading = float(where.frame_of(np.array([x, y])).heading_rad)
        return AgentRecipe(id=len(self.recipes), position_m=(x, y), heading_rad=heading, speed_mps=speed_mps,
                           length_m=length, width_m=width, kind=agent.kind, driver=agent.style or "")

    def put(self, role: str, recipe: AgentRecipe) -> None:
        """Take it in."""
        self.recipes.append(recipe)
        self.ids.setdefault(role, []).append(recipe.id)

    def fits(self, recipe: AgentRecipe, beside: int | None = None) -> bool:
        """Whether it is clear of the others, and nobody is where somebody else, or no one, is to be.

        beside: the id of one that it may be close to, a lane away.
        """
        others = [each for each in self.recipes if each.id != beside]
        position = np.array([each.position_m for each in others])
        reach = np.array([(each.length_m + recipe.length_m) / 2 + 3 for each in others])
        away = position - recipe.position_m
        across = np.abs(np.cos(recipe.heading_rad) * away[:, 1] - np.sin(recipe.heading_rad) * away[:, 0])
        if ((np.hypot(*away.T) < reach) & (across < CLEAR_M)).any() or self._touches(recipe):
            return False
        scene = self.scene(recipe)
        here = roles(scene)
        named = {role: ids[0] for role, ids in self.ids.items() if role in PLACED and role != "cut-in"}
        if any(here.get(role) != number for role, number in named.items()):
            return False
        missing = set(without(scene))
        return not any(name not in missing for name in self.facts.without if name != "aggressive")

    def _touches(self, recipe: AgentRecipe) -> bool:
        """Whether bodies overlap, as where lanes cross or join."""
        every = [recipe, *self.recipes]
        position = np.array([each.position_m for each in every])
        heading = np.array([each.heading_rad for each in every])
        size = np.array([(each.length_m, each.width_m) for each in every])
        return bool(overlaps(position[1:], heading[1:], size[1:], position[0], heading[0], size[0]).any())


def scenario_of(facts: Facts, seed: int = 0, text: str = "") -> Scenario:
    """A runnable scenario in which the facts hold, as far as the road has room; by seed.

    Weather, time and the ego's task are no part of a world's motion: they stand in its provenance's notes.
    """
    rng = np.random.default_rng(np.random.SeedSequence(seed))
    road = road_of(facts)
    lane = _ego_lane(road, facts)
    stage = Stage(road, facts, rng, lane, _ego_place(road, lane))
    ego = facts.agent("ego") or Agent("ego")
    usual_mps = _stoppable(facts, "ego", SPEEDS_MPS[_cruise(road)])
    ego_mps = SPEEDS_MPS[ego.speed] if ego.speed else usual_mps
    stage.put("ego", stage.recipe(ego, lane, stage.ego_s_m, ego_mps))
    for agent in facts.agents:
        if agent.role not in ("ego", "cars", "trucks"):
            _place_near(stage, agent)
    for agent in facts.agents:
        if agent.role in ("cars", "trucks"):
            _place_group(stage, agent)
    _place_someone(stage)
    _fill(stage)
    events = events_of(stage, facts)
    notes = {"text": text, "facts": facts.to_mapping()}
    source = Source("generated", "drive_gen.language", f"language/{seed}", seed=seed, notes=notes)
    return Scenario(lanes_of(road), tuple(stage.recipes), ego=0, events=events, seed=seed, provenance=source)


@lru_cache(maxsize=32)
def env_road(env: str, lanes: int | None) -> Road:
    """The road of an environment."""
    from drive_gen.envs.simulator.simulator import Simulator
    from drive_gen.envs.world import EnvConfig

    plain = EnvConfig(env=env)
    settable = lanes is not None and plain.family in ("merge-generic", "exit") and lanes > 1
    return Simulator(EnvConfig(env=env, lanes=lanes) if settable else plain, 1).road


@lru_cache(maxsize=16)
def _straight(lanes: int) -> Road:
    return straight_road(lanes, 1000.0)


def road_of(facts: Facts) -> Road:
    """The road that is asked for; a highway where none is, with as many lanes as people need."""
    if facts.road in (None, "highway"):
        return _straight(facts.lanes or 3)
    return env_road(ENVS[facts.road], facts.lanes or 3)


@lru_cache(maxsize=64)
def lanes_of(road: Road) -> tuple[LaneRecipe, ...]:
    """A road's lanes as a scenario has them."""
    return Scenario.from_scene(_blank(road)).road


def _ego_lane(road: Road, facts: Facts) -> int:
    """Where those beside the ego have a lane, and then where there is most room."""
    happening = [event for event in facts.events if event.happens]
    wanted = {event.what for event in happening if event.who in ("ego", *ROLE_LANES)}
    here = {agent.role for agent in facts.agents}
    need = {side for side in ("left", "right") if side in here or f"lane-{side}" in wanted}
    aside = "lane-change" in wanted or any(
        event.what == "cut-in" and event.who not in need for event in happening)
    if not need and (aside or any(agent.abreast for agent in facts.agents)):
        need |= {"left"} if "left" not in facts.without else {"right"}

    def merit(number: int) -> tuple[float, ...]:
        lane = road.lanes[number]
        sides = sum(getattr(lane, side) is not None for side in need)
        bundle = 1 + sum(road.lanes_aside(number))
        asked = facts.lanes is not None and bundle == facts.lanes
        spare = abs(road.lanes_aside(number)[0] - road.lanes_aside(number)[1])
        return (asked, sides, min(lane.length_m, 400.0), bundle, -spare)

    return max(range(len(road.lanes)), key=merit)


def _ego_place(road: Road, lane: int) -> float:
    return float(min(road.lanes[lane].length_m * 0.45, 200.0))


def _cruise(road: Road) -> str:
    return "slow" if road_kind(road) in ("roundabout", "intersection", "racetrack", "u-turn") else "normal"


def _stoppable(facts: Facts, role: str, speed_mps: float) -> float:
    """A speed from which one who is to stop soon comes to a gentle stop in time."""
    for event in facts.events:
        soon = event.at_s or event.when == "early"
        if event.who == role and event.what == "stop" and event.happens and soon:
            in_s = event.at_s + 0.6 if event.at_s else EARLY_S
            return min(speed_mps, -SLOW_DOWN_MPS2 * in_s)
    return speed_mps


def _within(s_m: float, length_m: float) -> float:
    """On the lane: where a gap does not fit, as much of it as does."""
    return float(np.clip(s_m, END_M + 1.0, max(length_m - END_M - 1.0, END_M + 1.0)))


def _place_near(stage: Stage, agent: Agent, role: str | None = None) -> None:
    """One with a place beside the ego; kept under its role, or another."""
    ego = stage.recipes[0]
    acts = {event.what for event in stage.facts.events if event.who == agent.role and event.happens}
    side: str = agent.role
    if agent.role == "cut-in":
        taken = (*stage.ids, *stage.facts.without)
        free = [name for name in ("left", "right") if name not in taken
                and getattr(stage.road.lanes[stage.ego_lane], name) is not None]
        side = free[0] if free else "left"
    lane = stage.ego_lane if side in ROLE_LANES else getattr(stage.road.lanes[stage.ego_lane], side)
    if lane is None:
        return
    usual = "near" if "cut-in" in acts else "middle"
    sign = -1 if side == "follower" else 1
    gap = GAPS_M[agent.distance or usual] + (stage.rng.uniform(-3, 3) if agent.distance != "beside" else 0)
    usual_mps = _stoppable(stage.facts, agent.role, ego.speed_mps + (1.0 if "cut-in" in acts else 0.0))
    speed = SPEEDS_MPS[agent.speed] if agent.speed else usual_mps
    for number in range(agent.count):
        first = SIZES_M[agent.kind][0]
        ahead = gap + (ego.length_m + first) / 2 + number * (first + 8.0)
        if gap < 0:
            ahead = number * (first + 8.0) + (1.0 if "cut-in" in acts else 0.0)
        s = _within(stage.ego_s_m + sign * ahead, stage.road.lanes[lane].length_m)
        clear = (ego.length_m + first) / 2 + 2.0 + number * (first + 2.0)
        if side not in ROLE_LANES or sign * (s - stage.ego_s_m) > clear:
            recipe = stage.recipe(agent, lane, s, speed)
            stage.put(role or agent.role, recipe)
            if agent.role == "cut-in":
                stage.ids.setdefault(side, []).append(recipe.id)


def _place_group(stage: Stage, agent: Agent) -> None:
    """Cars or trucks somewhere in the traffic; two abreast are put so."""
    if agent.abreast:
        _place_abreast(stage, agent)
    for _ in range(agent.count - len(stage.ids.get(agent.role, []))):
        _anywhere(stage, agent, agent.role)


def _place_abreast(stage: Stage, agent: Agent) -> None:
    for lane in _lanes_around(stage):
        beside = stage.road.lanes[lane].right
        if beside is None:
            continue
        for ahead in stage.rng.permutation((35.0, 50.0, 65.0, 80.0, -25.0, -40.0, -60.0, 20.0)):
            s = stage.ego_s_m + float(ahead)
            if not END_M < s < stage.road.lanes[lane].length_m - END_M:
                continue
            speed = SPEEDS_MPS[agent.speed] if agent.speed else stage.recipes[0].speed_mps
            first = stage.recipe(agent, lane, s, speed)
            if not stage.fits(first):
                continue
            stage.put(agent.role, first)
            second = stage.recipe(agent, beside, s, speed)
            if stage.fits(second, beside=first.id):
                stage.put(agent.role, second)
                return
            stage.recipes.pop()
            stage.ids[agent.role].pop()


def _place_someone(stage: Stage) -> None:
    """Whoever nobody in particular is: one who can cut in, anyone else; and partners for crashes."""
    happening = [event for event in stage.facts.events if event.happens]
    whats = {event.what for event in happening if event.who == "someone"}
    if "cut-in" in whats and "cut-in" not in stage.ids:
        _place_near(stage, Agent("cut-in"), "someone")
    if whats - {"cut-in"} and len(stage.recipes) == 1:
        _anywhere(stage, Agent("cars"), "someone")
    for event in happening:
        if event.what == "crash" and (actor := actor_of(stage, event)) is not None:
            _place_partner(stage, actor)


def _place_partner(stage: Stage, actor: int) -> None:
    """Somebody ahead of one who is to crash, where nobody is."""
    scene = stage.scene()
    lane = lane_of(scene, actor)
    place = stage.road.lanes[lane]
    frame = place.frame_of(scene.position_m)
    ahead = frame.s_m - frame.s_m[actor]
    if ((np.abs(frame.d_m) < place.width_m / 2) & (ahead > 0) & (ahead < 50)).any():
        return
    s = float(frame.s_m[actor]) + stage.recipes[actor].length_m / 2 + 22.0
    if s < place.length_m - END_M:
        stage.put("partner", stage.recipe(Agent("cars"), lane, s, stage.recipes[actor].speed_mps))


def _lanes_around(stage: Stage) -> list[int]:
    """The ego's lane and those beside it, then all that are long enough."""
    bundle = [stage.ego_lane]
    for side in ("left", "right"):
        here = getattr(stage.road.lanes[stage.ego_lane], side)
        while here is not None and here not in bundle:
            bundle.append(here)
            here = getattr(stage.road.lanes[here], side)
    return bundle


def _anywhere(stage: Stage, agent: Agent, role: str) -> bool:
    """One car by chance, not where another is wanted; False where there is no room."""
    near = _lanes_around(stage)
    merging = role in ("cars", "trucks") and any(event.who == role and event.what == "merge" and event.happens
                                                 for event in stage.facts.events)
    if merging and not stage.ids.get(role):
        near = [number for number, place in enumerate(stage.road.lanes)
                if place.successors and not sum(stage.road.lanes_aside(number))] or near
    ego_mps, every = stage.recipes[0].speed_mps, range(len(stage.road.lanes))
    for turn in range(TRIES):
        lanes = near if turn < TRIES // 2 else [n for n in every if stage.road.lanes[n].length_m > 12]
        lane = int(stage.rng.choice(lanes))
        length = stage.road.lanes[lane].length_m
        low, high = (stage.ego_s_m - 90, stage.ego_s_m + 95) if lane in near and not merging else (0, length)
        s = float(stage.rng.uniform(max(low, END_M + 4), max(min(high, length - END_M - 4), END_M + 5)))
        usual_mps = ego_mps + stage.rng.uniform(-1, 1)
        usual_mps = usual_mps if stage.ids.get(role) else _stoppable(stage.facts, role, usual_mps)
        speed = SPEEDS_MPS[agent.speed] if agent.speed else usual_mps
        recipe = stage.recipe(agent, lane, s, max(float(speed), 0.0))
        if s < length and stage.fits(recipe):
            stage.put(role, recipe)
            return True
    return False


def _fill(stage: Stage) -> None:
    """Traffic until the density is what is said."""
    wanted = stage.facts.density
    for _ in range(80):
        if wanted in (None, "empty") or density(stage.scene()) == wanted:
            return
        if not _anywhere(stage, Agent("cars"), "filler"):
            return


def _blank(road: Road) -> Scene:
    """The road with one car, since no scenario is without."""
    start = road.lanes[0].position_at(np.array(1.0)).astype(np.float32)
    zero = np.zeros(1, np.float32)
    return Scene(position_m=start[None], heading_rad=zero, speed_mps=zero,
                 size_m=np.array([(5.0, 2.0)], np.float32), crashed=np.zeros(1, bool),
                 agent_id=np.zeros(1, np.int64), kind=np.zeros(1, np.uint8), road=road)

