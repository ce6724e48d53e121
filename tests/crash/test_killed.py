"""Processes that are killed at every moment: nothing is lost and nothing is sent twice."""

import random
import time

import pytest

from tests.crash.processes import fill, finish

CALLS = 16
"""Calls of the run that sends what `fill` makes: log in, 2 registrations, 2 orders, 2 totals, 6 batches, 2 totals,
log out."""


def test_a_run_that_nobody_kills_makes_so_many_calls(begin):
    site = begin()
    fill(site.ward)
    assert site.start().wait() == 0
    assert len(site.ward.simulator.calls) == CALLS
    finish(site)


@pytest.mark.parametrize("nth", range(1, CALLS + 1))
def test_killed_at_each_call(begin, nth):
    """The call it dies at never took effect, or, every other time, did and the answer was lost with the process."""
    how = ("lost", "served")[nth % 2]
    site = begin(settle_s=0)  # nothing of this platform takes effect late
    fill(site.ward)
    assert site.run_killed_at_call(nth, how) == -9
    finish(site)


@pytest.mark.parametrize("nth", [2, 4, 8])
def test_one_more_run_makes_up_for_it(begin, nth):
    """A registration, an order, charges: what is found not to have arrived goes again in the run that found it."""
    site = begin(settle_s=0)
    fill(site.ward)
    assert site.run_killed_at_call(nth, "lost") == -9
    assert site.start().wait() == 0
    finish(site)


@pytest.mark.parametrize("nth", [2, 4, 8, 12])
def test_killed_at_a_call_that_takes_effect_while_the_next_run_goes_on(begin, nth):
    site = begin()
    fill(site.ward)
    assert site.run_killed_at_call(nth, "late") == -9
    finish(site)


def test_killed_again_and_again_while_it_recovers(begin):
    """Each run dies one call later than the one before, and every time there are new rows."""
    site = begin(settle_s=0)
    fill(site.ward)
    for nth in range(1, 15):
        how = ("served", "lost")[nth % 2]
        assert site.run_killed_at_call(nth, how) in (-9, 0)
        site.ward.fee(1 + nth % 2, f"{nth}.11", item=f"XB{nth}")
    finish(site)


def test_killed_at_each_commit_of_the_ledger(begin):
    """The process ends itself by SIGKILL before or after its n-th commit; the run after it at the next one."""
    site = begin(settle_s=0, page_rows=3)
    fill(site.ward)
    killed = 0
    for number in range(1, 60):
        when = ("before", "after")[number % 2]
        code = site.start(die_at=f"L.any.{when}#{number}").wait()
        if code == 0:
            break
        assert code == -9
        killed += 1
        if number % 3 == 0:
            site.ward.fee(1 + number % 2, f"{number}.13", item=f"XC{number}")
    assert killed > 15
    finish(site)


@pytest.mark.parametrize("seed", range(2))
def test_killed_at_random_times(begin, seed):
    """Reading in pages of a few rows, staging, sending, settling: wherever the moment falls."""
    chance = random.Random(seed)
    site = begin(settle_s=0, page_rows=7, batch_rows=9, platform={"latency_s": 0.005})
    fill(site.ward, visits=5, fees=60)
    for _ in range(6):
        process = site.start()
        time.sleep(chance.uniform(0.05, 0.5))
        process.kill()
        process.wait()
        for _ in range(chance.randrange(20)):
            site.ward.fee(chance.randint(1, 5), f"{chance.randint(1, 999)}.{chance.randint(10, 99)}")
    finish(site)


def test_killed_while_it_stages(begin):
    """Rows are staged page by page; each run dies some pages further, before anything was sent."""
    site = begin(page_rows=5, batch_rows=50)
    fill(site.ward, visits=2, fees=60)
    staged = []
    for number in (8, 14, 20):
        assert site.start(die_at=f"L.any.after#{number}").wait() == -9
        with site.ward.parts().open_ledger(read_only=True) as ledger:
            staged.append(sum(one.staged_rows for one in ledger.visit_totals("stays")))
    assert site.ward.simulator.calls == []
    assert 0 < staged[0] < staged[1] < staged[2] < 120
    finish(site)
