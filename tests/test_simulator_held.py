"""Arrays by their addresses: compiled code finds each of them again."""

from typing import Any

import numpy as np
import pytest

from drive_gen.envs.simulator.held import Held, addresses, held_at
from drive_gen.envs.simulator.jit import compiled, sources
from drive_gen.envs.simulator.simulator import Simulator


def held_of(simulator: Simulator) -> Held:
    return Held(simulator.cars, simulator.clocks, simulator.place, simulator.wanted, simulator.tape,
                simulator.results, simulator.observation)


def leaves(value: Any) -> list[Any]:
    return [leaf for part in value for leaf in leaves(part)] if isinstance(value, tuple) else [value]


@compiled
def shapes_and_places(block: np.ndarray) -> Any:
    """Of each of a simulator's arrays, in the order of its fields: where compiled code finds it."""
    held = held_at(block)
    place, wanted, tape, results = held.place, held.wanted, held.tape, held.results
    network, spawn = place.network, place.spawn
    return (held.cars.ctypes.data, held.worlds.ctypes.data, network.lanes.ctypes.data,
            network.ways.ctypes.data, network.out_of.ctypes.data, network.into.ctypes.data,
            spawn.ego.ctypes.data, spawn.traffic.ctypes.data, spawn.last.ctypes.data,
            spawn.objects.ctypes.data, spawn.placements.ctypes.data, spawn.behavior.ctypes.data,
            spawn.routes.ctypes.data, spawn.chances.ctypes.data, spawn.starts.ctypes.data,
            spawn.exits.ctypes.data, place.lines.lines.ctypes.data, place.lines.pieces.ctypes.data,
            place.logs.motion.ctypes.data, place.logs.valid.ctypes.data, place.logs.about.ctypes.data,
            wanted.due.ctypes.data, wanted.given.ctypes.data, wanted.known.ctypes.data,
            wanted.meta.ctypes.data, wanted.efforts.ctypes.data, wanted.controls.ctypes.data,
            wanted.read.ctypes.data, wanted.taken.ctypes.data, tape.position.ctypes.data,
            tape.heading.ctypes.data, tape.speed.ctypes.data, tape.crashed.ctypes.data,
            tape.valid.ctypes.data, tape.control.ctypes.data, tape.commanded.ctypes.data,
            tape.size.ctypes.data, tape.is_object.ctypes.data, results.reward.ctypes.data,
            results.terminated.ctypes.data, results.truncated.ctypes.data, results.full.ctypes.data,
            results.speed.ctypes.data, results.crashed.ctypes.data, results.off_road.ctypes.data,
            held.observation.ctypes.data)


@compiled
def settings_at(block: np.ndarray) -> Any:
    """Numbers from the three records, and the two flags."""
    place = held_at(block).place
    return (place.rules.policy_s, place.goals.duration_s, place.spawn.plan.vehicles, place.network.parallel,
            place.idm_ego)


@pytest.mark.parametrize("settings", [{}, {"env": "intersection-v0", "tape": True},
                                      {"ego": "idm", "tape": True}])
def test_every_array_is_found_where_it_is(settings: dict[str, Any]) -> None:
    simulator = Simulator(worlds=3, **settings)
    held = held_of(simulator)
    arrays = [leaf for leaf in leaves(held) if isinstance(leaf, np.ndarray)]
    assert list(shapes_and_places(addresses(held))) == [array.ctypes.data for array in arrays]
    place = simulator.place
    assert settings_at(addresses(held)) == (place.rules.policy_s, place.goals.duration_s,
                                            place.spawn.plan.vehicles, place.network.parallel, place.idm_ego)


def test_an_array_that_is_not_contiguous_is_refused() -> None:
    simulator = Simulator(worlds=2)
    with pytest.raises(ValueError, match="not contiguous"):
        addresses(held_of(simulator)._replace(cars=simulator.cars[:, ::2]))


def test_the_digest_is_of_what_machine_code_comes_from(tmp_path: Any) -> None:
    for name, text in {"a": "from drive_gen.envs.simulator.b import B\n@compiled\ndef f(): ...", "b": "B = 1",
                       "c": "from drive_gen.envs.simulator import a\n", "d": "D = 2"}.items():
        (tmp_path / f"{name}.py").write_text(text, "utf-8")
    assert [path.stem for path in sources(tmp_path)] == ["a", "b"]
