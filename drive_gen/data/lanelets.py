"""CommonRoad XML's small parts: numbers, points, and the lanelets as a Road."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from xml.etree.ElementTree import Element

import numpy as np

from drive_gen.envs.files import InputError
from drive_gen.envs.road import Lane, Road

SPEED_SIGNS = ("274", "R2-1", "maxSpeed", "maxspeed")  # German, US and plain; their value is in m/s
NOT_DRIVEN = ("crosswalk", "sidewalk")
SAME_POINT_M = 1e-6
LINKS = "links to lanelets that are not in the file"


def child(element: Element, path: str, where: str) -> Element:
    """The element at a path below another; an InputError says what lacks it."""
    found = element.find(path)
    if found is None:
        raise InputError(f"{where} has no <{path}>")
    return found


def number(element: Element, where: str) -> float:
    """A finite value: <exact>, the middle of <intervalStart> and <intervalEnd>, or the text itself."""
    exact, low, high = element.find("exact"), element.find("intervalStart"), element.find("intervalEnd")
    parts = [element] if exact is None else [exact]
    if low is not None and high is not None:
        parts = [low, high]
    try:
        value = float(np.mean([float(part.text or "") for part in parts]))
    except ValueError:
        raise InputError(f"{where}: <{element.tag}> is not a number") from None
    if not np.isfinite(value):
        raise InputError(f"{where}: <{element.tag}> is not a finite number")
    return value


def points(element: Element, where: str, path: str = "point") -> np.ndarray:
    """The points below an element in this package's frame (y to the right); (P, 2)."""
    found = [(number(child(point, "x", where), where), -number(child(point, "y", where), where))
             for point in element.findall(path)]
    return np.array(found, dtype=np.float64).reshape(-1, 2)


def road_of(root: Element, where: str) -> tuple[Road, Counter[str]]:
    """The lanelets that are driven on, as lanes in the file's order, and what of them was left out."""
    dropped: Counter[str] = Counter()
    limits = _sign_limits(root, where)
    chosen = []
    for lanelet in root.findall("lanelet"):
        kinds = [kind.text or "" for kind in lanelet.findall("laneletType")]
        if walked := [kind for kind in kinds if kind in NOT_DRIVEN]:
            dropped[f"lanelets of type {walked[0]}"] += 1
        else:
            chosen.append(lanelet)
    if not chosen:
        raise InputError(f"{where} has no lanelets, so no road")
    numbers = {lanelet.get("id", ""): place for place, lanelet in enumerate(chosen)}
    plain = [_lane(lanelet, limits, f"{where}: lanelet {lanelet.get('id')}") for lanelet in chosen]
    lanes = tuple(_linked(*pair, numbers, dropped) for pair in zip(plain, chosen, strict=True))
    return Road(lanes), dropped


def _lane(lanelet: Element, limits: Mapping[str, float], where: str) -> Lane:
    """A lanelet without its links."""
    left, right = (points(child(lanelet, side, where), where) for side in ("leftBound", "rightBound"))
    if min(len(left), len(right)) < 2:
        raise InputError(f"{where}: a bound has fewer than two points")
    if len(left) != len(right):
        shares = np.linspace(0, 1, max(len(left), len(right)))
        left, right = _resampled(left, shares), _resampled(right, shares)
    center = (left + right) / 2
    apart = np.hypot(*np.diff(center, axis=0).T) > SAME_POINT_M
    center = center[np.concatenate([[True], apart])]
    if len(center) < 2:
        raise InputError(f"{where} has no length")
    own = lanelet.find("speedLimit")
    known = [limits[sign.get("ref", "")] for sign in lanelet.findall("trafficSignRef")
             if sign.get("ref", "") in limits]
    known += [number(own, where)] if own is not None else []
    return Lane(center_m=center, width_m=float(np.hypot(*(left - right).T).mean()),
                speed_limit_mps=min(known, default=float("inf")))


def _linked(lane: Lane, lanelet: Element, numbers: Mapping[str, int], dropped: Counter[str]) -> Lane:
    """The lane with its neighbours of the same direction and its successors."""
    def places(elements: list[Element]) -> list[int]:
        references = [element.get("ref", "") for element in elements]
        dropped[LINKS] += sum(reference not in numbers for reference in references)
        return [numbers[reference] for reference in references if reference in numbers]

    sides = {side: places([element for element in lanelet.findall(f"adjacent{side}")
                           if element.get("drivingDir") == "same"]) for side in ("Left", "Right")}
    return replace(lane, left=sides["Left"][0] if sides["Left"] else None,
                   right=sides["Right"][0] if sides["Right"] else None,
                   successors=tuple(places(lanelet.findall("successor"))))


def _resampled(line_m: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """Points at shares (P,) of a line's length; (N, 2) -> (P, 2)."""
    along = np.concatenate([[0.0], np.hypot(*np.diff(line_m, axis=0).T).cumsum()])
    return np.stack([np.interp(shares * along[-1], along, axis) for axis in line_m.T], axis=-1)


def _sign_limits(root: Element, where: str) -> dict[str, float]:
    """Speed limits (m/s) by the id of the traffic sign (2020a)."""
    limits = {}
    for sign in root.findall("trafficSign"):
        for part in sign.findall("trafficSignElement"):
            value = part.find("additionalValue")
            if (part.findtext("trafficSignID") or "").strip() in SPEED_SIGNS and value is not None:
                limits[sign.get("id", "")] = number(value, f"{where}: traffic sign {sign.get('id')}")
    return limits
