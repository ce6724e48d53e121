"""Random histories of HIS, faults, stops and deaths, through the real pipeline: the protocol's invariants hold.

`CONNECTOR_SCHEDULES=5000` runs so many of each kind, `CONNECTOR_SEED=123` begins there; `make torture` runs many.
"""

import os

import pytest

from connector.simulator.faults import KINDS as FAULTS
from tests.schedule import KINDS, Playground
from tests.torture.breaking import break_in
from tests.torture.trial import AGAIN, BENIGN, CONDITIONS, LEFT_OUT, NOT_SENT, ROUGH

SCHEDULES = int(os.environ.get("CONNECTOR_SCHEDULES", "20"))
FIRST = int(os.environ.get("CONNECTOR_SEED", "1"))
_ENOUGH = 3


@pytest.mark.parametrize("kind", KINDS)
def test_any_history_keeps_the_invariants(start, monkeypatch, kind):
    ground = Playground(start(**KINDS[kind]))
    playing = []
    wrong = []
    break_in(monkeypatch, lambda: playing[0] if playing else None)
    for seed in range(FIRST, FIRST + SCHEDULES):
        playing[:] = [ground.history(kind, seed)]
        try:
            playing[0].play()
        except AssertionError as broken:
            wrong.append(str(broken))
        playing.clear()
        if len(wrong) == _ENOUGH:
            break
    assert not wrong, "\n\n".join(wrong)


def test_every_fault_of_the_simulator_is_played_or_left_out_for_a_reason():
    played = {*BENIGN, *ROUGH, *CONDITIONS} - {NOT_SENT, AGAIN}
    assert played & LEFT_OUT.keys() == set()
    assert played | LEFT_OUT.keys() == FAULTS.keys()
