"""Random histories of HIS, faults, stops and deaths, through the real pipeline: the protocol's invariants hold.

`CONNECTOR_SCHEDULES=5000` runs so many of each kind, `CONNECTOR_SEED=123` begins there.
"""

import os
import shutil

import pytest

from tests.schedule import History, break_in

SCHEDULES = int(os.environ.get("CONNECTOR_SCHEDULES", "25"))
FIRST = int(os.environ.get("CONNECTOR_SEED", "1"))
_ENOUGH = 3

KINDS = {
    "rows after the watermark, one visit at a time": ("{by: sequence, column: id, lookback: 1000}", 1, 4),
    "whole visits compared": ("{by: comparison}", 1, 4),
    "several visits at once": ("{by: comparison}", 3, 3),
    "row by row": ("{by: sequence, column: id, lookback: 1000}", 1, 1),
}


@pytest.mark.parametrize("kind", KINDS)
def test_any_history_keeps_the_invariants(start, monkeypatch, kind):
    changes, in_flight, batch_rows = KINDS[kind]
    ward = start(changes=changes, batch_rows=batch_rows)
    config = ward.directory / "connector.yaml"
    text = config.read_text(encoding="utf-8")
    config.write_text(text.replace("visits_in_flight: 3", f"visits_in_flight: {in_flight}"), encoding="utf-8")
    parts = ward.parts()
    ward.parts = lambda: parts
    empty = ward.directory / "empty.db"
    shutil.copy(ward.directory / "ledger.db", empty)
    playing: list[History] = []
    wrong: list[str] = []
    break_in(monkeypatch, lambda: playing[0] if playing else None)
    for number in range(SCHEDULES):
        for table in ("stay", "fee", "doctor_order"):
            ward.change(f"DELETE FROM {table}")
        for old in ward.directory.glob("ledger.db*"):
            old.unlink()
        shutil.copy(empty, ward.directory / "ledger.db")
        ward.time.sleep(3 * 3600)  # every earlier session lapses
        visits = [(FIRST + number) * 10 + n for n in range(1, 4)]
        playing[:] = [History(ward, FIRST + number, visits, one_at_a_time=in_flight == 1)]
        try:
            playing[0].play()
        except AssertionError as broken:
            wrong.append(str(broken))
        playing.clear()
        if len(wrong) == _ENOUGH:
            break
    assert not wrong, "\n\n".join(wrong)
