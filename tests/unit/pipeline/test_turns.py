"""Whose turn it is: who is waited for, how long, and that a stop is heard meanwhile."""

from contextlib import nullcontext

import pytest

from connector.errors import LeaseHeld, Stopped
from connector.pipeline.parts import Clock
from connector.pipeline.turns import LOOK_S, PATIENCE_S, PAUSE_S, open_turn

RUN, BACKFILL = "clinic process 7", "clinic process 7 (backfill)"


class Ledger:
    """A ledger whose lease somebody has for the first so many seconds."""

    def __init__(self, holder: str, held_s: float) -> None:
        self.holder, self.held_s = holder, held_s
        self.now = 0.0
        self.taken: list[str] = []
        self.released = 0
        self.clock = Clock(now=lambda: None, monotonic=lambda: self.now, sleep=self.sleep)

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def open_ledger(self):
        return nullcontext(self)

    def take_lease(self, owner, *, ttl_s, only_asks):
        if self.now < self.held_s:
            raise LeaseHeld("somebody delivers", holder=self.holder)
        self.taken.append(owner)
        return object()

    def release_lease(self, _lease):
        self.released += 1


def wait(ledger: Ledger, *, is_backfill: bool = False, stop_at: float = 1e9) -> list[str]:
    said: list[str] = []
    with open_turn(
        ledger, notify=said.append, is_stopping=lambda: ledger.now >= stop_at, is_backfill=is_backfill
    ):
        assert ledger.released == 0
    assert ledger.released == 1
    return said


def test_a_free_lease_is_taken_at_once_and_given_back():
    ledger = Ledger("", 0)
    assert wait(ledger) == []
    assert ledger.now == 0


def test_the_end_of_a_backfills_turn_is_waited_for():
    ledger = Ledger(BACKFILL, 90)
    assert wait(ledger) == [f"{BACKFILL} delivers; this waits for its turn."]
    assert 90 <= ledger.now < 91


def test_but_not_for_ever():
    ledger = Ledger(BACKFILL, 1e9)
    with pytest.raises(LeaseHeld):
        wait(ledger)
    assert PATIENCE_S <= ledger.now < PATIENCE_S + 1


def test_a_run_is_not_waited_for_but_by_a_backfill():
    with pytest.raises(LeaseHeld):
        wait(Ledger(RUN, 10))
    ledger = Ledger(RUN, 5_000)
    assert wait(ledger, is_backfill=True) == [f"{RUN} delivers; this waits for its turn."]
    assert ledger.taken[0].endswith(" (backfill)")


def test_the_moment_between_two_owners_is_waited_out():
    ledger = Ledger("", 1)
    assert wait(ledger) == []
    with pytest.raises(LeaseHeld):
        wait(Ledger("", 60))


def test_a_stop_is_heard_while_it_waits():
    ledger = Ledger(BACKFILL, 1e9)
    with pytest.raises(Stopped):
        wait(ledger, stop_at=7)
    assert ledger.now < 8
    assert ledger.taken == []


def test_a_pause_is_long_enough_to_be_noticed():
    assert PAUSE_S >= 3 * LOOK_S
