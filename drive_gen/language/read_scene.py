"""Scene -> facts, by geometry: which road it is, who is where around the ego, and who is not."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from drive_gen.envs.episode import KINDS, Scene
from drive_gen.envs.road import Lane, Road
from drive_gen.language.facts import (
    MOST_COUNT,
    MOST_LANES,
    Agent,
    Density,
    Facts,
    Kind,
    RoadKind,
    Without,
    distance_band,
    speed_band,
)

REACH_M = 100.0  # of the ego's surroundings
TRUCK_M = 7.5  # a car at least this long is a truck, whatever it is called
LIGHT, MODERATE = 15.0, 30.0  # bands of density, vehicles per kilometre of lane
U_TURN_RAD, TURN_RAD = 2.6, 0.6


def facts_of_scene(scene: Scene) -> Facts:
    """All that a scene holds, nothing of it left out: who is not there is said, too."""
    if scene.ego is None:
        return Facts(road=road_kind(scene.road))
    here = roles(scene)
    agents = [Agent("ego", kind_of(scene, scene.ego), speed=speed_band(scene.speed_mps[scene.ego]))]
    for role, number in here.items():
        gap = gap_m(scene, number)
        if role in ("lead", "follower"):
            gap = max(gap, 0.0)  # bodies in one lane that touch are near
        speed = speed_band(scene.speed_mps[number])
        agents.append(Agent(role, kind_of(scene, number), speed=speed,  # type: ignore[arg-type]
                            distance=distance_band(gap)))
    others = [number for number in others_of(scene) if number not in here.values()]
    for role, kind in (("cars", "car"), ("trucks", "truck")):
        group = [number for number in others if kind_of(scene, number) == kind]
        if group:
            agents.append(Agent(role, count=min(len(group), MOST_COUNT),  # type: ignore[arg-type]
                                abreast=len(group) > 1 and abreast(scene, group)))
    lanes = 1 + sum(scene.road.lanes_aside(lane_of(scene, scene.ego)))
    return Facts(road=road_kind(scene.road), lanes=min(lanes, MOST_LANES), density=density(scene),
                 agents=tuple(agents), without=without(scene))


def without(scene: Scene) -> tuple[Without, ...]:
    """Who is not there."""
    here = roles(scene)
    places: tuple[Without, ...] = ("lead", "follower", "left", "right")
    missing = [role for role in places if role not in here]
    if not any(kind_of(scene, number) == "truck" for number in others_of(scene)):
        missing.append("trucks")
    return tuple(missing)


def others_of(scene: Scene) -> list[int]:
    """Numbers of the vehicles that are not the ego."""
    obstacle = KINDS.index("obstacle")
    return [number for number in range(len(scene.agent_id))
            if number != scene.ego and scene.kind[number] != obstacle]


def kind_of(scene: Scene, number: int) -> Kind:
    """car or truck, by its kind and its length."""
    truck = scene.kind[number] == KINDS.index("truck") or scene.size_m[number, 0] >= TRUCK_M
    return "truck" if truck else "car"


def lane_of(scene: Scene, number: int) -> int:
    """The lane that an agent is in."""
    return int(scene.road.nearest_lane(scene.position_m[number], scene.heading_rad[number]))


def beside_ego(scene: Scene) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Seen along the ego's lane: metres ahead (N,), lanes to the right (N,), and who drives the ego's way."""
    assert scene.ego is not None
    lane = scene.road.lanes[lane_of(scene, scene.ego)]
    frame = lane.frame_of(scene.position_m)
    ahead = frame.s_m - frame.s_m[scene.ego]
    aside = np.round(frame.d_m / lane.width_m).astype(int)
    same = np.cos(scene.heading_rad - frame.heading_rad) > 0
    return ahead, aside, same


def roles(scene: Scene) -> dict[str, int]:
    """Lead, follower, left and right of the ego: the nearest in its lane and in those next to it."""
    ahead, aside, same = beside_ego(scene)
    others = np.zeros(len(ahead), bool)
    others[others_of(scene)] = True
    near = others & same & (np.abs(ahead) <= REACH_M)
    found: dict[str, int] = {}
    for role, chosen in (("lead", near & (aside == 0) & (ahead > 0)),
                         ("follower", near & (aside == 0) & (ahead <= 0)),
                         ("left", near & (aside == -1)), ("right", near & (aside == 1))):
        if chosen.any():
            found[role] = int(np.where(chosen, np.abs(ahead), np.inf).argmin())
    return found


def gap_m(scene: Scene, number: int) -> float:
    """Bumper to bumper between the ego and another, along the ego's lane; below 0 where they are beside."""
    ahead, _, _ = beside_ego(scene)
    return float(abs(ahead[number]) - (scene.size_m[number, 0] + scene.size_m[scene.ego, 0]) / 2)


def abreast(scene: Scene, group: Sequence[int]) -> bool:
    """Whether two of a group drive side by side: bodies overlap along the road, a lane apart."""
    for place, one in enumerate(group):
        lane = scene.road.lanes[lane_of(scene, one)]
        frame = lane.frame_of(scene.position_m)
        for other in group[place + 1 :]:
            along = abs(frame.s_m[one] - frame.s_m[other])
            aside = abs(frame.d_m[one] - frame.d_m[other]) / lane.width_m
            if along < scene.size_m[[one, other], 0].mean() and 0.5 < aside < 1.5:
                return True
    return False


def density(scene: Scene) -> Density:
    """By the vehicles within REACH_M of the ego on the lanes beside it."""
    assert scene.ego is not None
    if not others_of(scene):
        return "empty"
    ahead, _, _ = beside_ego(scene)
    near = sum(abs(ahead[number]) <= REACH_M for number in others_of(scene))
    own = lane_of(scene, scene.ego)
    lanes = 1 + sum(scene.road.lanes_aside(own))
    length = min(2 * REACH_M, max(scene.road.lanes[own].length_m, REACH_M))
    rate = 1000 * near / (lanes * length)
    return "light" if rate < LIGHT else "moderate" if rate < MODERATE else "heavy"


@lru_cache(maxsize=64)
def road_kind(road: Road) -> RoadKind:
    """By how the lanes turn, fork, join and close."""
    turns = np.array([_turn(lane) for lane in road.lanes])
    ways_in = np.zeros(len(road.lanes), int)
    for lane in road.lanes:
        ways_in[list(lane.successors)] += 1
    if (ways_in > 0).all():
        return "racetrack"
    if _has_loop(road):
        return "roundabout"
    forks = [turns[list(lane.successors)] for lane in road.lanes if len(lane.successors) > 1]
    if any((fork > TURN_RAD).any() and (fork < -TURN_RAD).any() for fork in forks):
        return "intersection"
    if (np.abs(turns) > U_TURN_RAD).any():
        return "u-turn"
    headings = np.array([lane.frame_of(lane.center_m[0]).heading_rad for lane in road.lanes])
    if np.cos(headings - headings[0]).min() < -0.9:
        return "two-way"
    if forks:
        return "exit"
    return "merge" if (ways_in > 1).any() else "highway"


def _turn(lane: Lane) -> float:
    """Radians from a lane's start to its end."""
    step = np.diff(lane.center_m, axis=0)
    heading = np.unwrap(np.arctan2(step[:, 1], step[:, 0]))
    return float(heading[-1] - heading[0])


def _has_loop(road: Road) -> bool:
    """Whether some lane leads back to itself: what is left when dead ends are taken off, again and again."""
    left = set(range(len(road.lanes)))
    while True:
        dead = {lane for lane in left if not left & set(road.lanes[lane].successors)}
        if not dead:
            return bool(left)
        left -= dead
