"""Episodes driven again in the simulator: the numpy's bicycle, who comes and goes, and contacts."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from traffic import driven

from drive_gen.envs.episode import make_episode
from drive_gen.envs.kinematics import roll_out
from drive_gen.envs.simulator.redrive import redrive
from drive_gen.generate.verify import verify


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6), st.integers(0, 20), st.integers(30, 60))
def test_the_simulator_does_what_the_bicycle_does(seed: int, begin: int, end: int) -> None:
    """An agent is driven from its first frame on; numpy's bicycle is the oracle."""
    whole = driven(seed=seed)
    valid = whole.valid.copy()
    valid[2, :begin] = valid[2, end:] = False
    arrays = {name: getattr(whole, name) for name in ("position_m", "heading_rad", "speed_mps", "size_m")}
    episode = make_episode(**arrays, valid=valid, dt_s=0.2, road=whole.road, source=whole.source,
                           control=whole.control * valid[..., None],
                           control_known=whole.control_known & valid)
    found = redrive(episode)
    for agent, first in enumerate(valid.argmax(1)):
        position, heading, speed = roll_out(
            *(getattr(episode, name)[agent, first].astype(np.float64)
              for name in ("position_m", "heading_rad", "speed_mps")),
            episode.control[agent, first:-1].astype(np.float64), np.float64(5.0), 0.2)
        expected = np.column_stack((position, heading, speed))
        here = valid[agent, first:]
        np.testing.assert_allclose(found.states[agent, first:][here], expected[here], atol=1e-9)
    assert not found.touching[valid].any()


def test_contacts_are_the_frames_in_which_bodies_overlap() -> None:
    """Car 1, 40 m behind and 10 m/s faster, is inside car 0 from 35 to 45 m nearer: 17.5 to 22.5 frames."""
    episode = driven(agents=2)
    x, speed = np.array([40.0, 0.0]), np.array([20.0, 30.0])
    position = np.stack((x[:, None] + speed[:, None] * 0.2 * np.arange(60), np.zeros((2, 60))), -1)
    episode = make_episode(position, np.zeros((2, 60)), np.tile(speed[:, None], 60), episode.size_m,
                           episode.valid, dt_s=0.2, road=episode.road, source=episode.source, ego=0,
                           control=np.zeros((2, 60, 2)), control_known=episode.control_known)
    found = redrive(episode)
    assert np.flatnonzero(found.touching[0]).tolist() == [18, 19, 20, 21, 22]
    np.testing.assert_array_equal(found.touching[0], found.touching[1])
    np.testing.assert_allclose(found.states[..., :2], position)  # they drive on
    assert verify(episode).measurements["crash"] == 10


def test_those_who_are_never_there_are_no_matter() -> None:
    episode = driven()
    valid = episode.valid.copy()
    valid[3] = False
    found, whole = redrive(replace(episode, valid=valid)), redrive(episode)
    np.testing.assert_array_equal(found.states[:3], whole.states[:3])
