"""The same promises with the ledger on PostgreSQL."""

import signal
import time

import psycopg
import pytest

from tests.crash import test_killed_leaving, test_killed_undo
from tests.crash.processes import fill, finish
from tests.past import date_stays, fill_year

HELD = 5

pytestmark = pytest.mark.postgresql


def test_a_whole_run(begin, postgresql_url):
    site = begin(ledger=postgresql_url)
    fill(site.ward)
    finish(site)
    with site.ward.parts().open_ledger() as ledger, ledger._database.reading() as link:
        # Who sleeps within a transaction is thrown out of it long before its lease is over.
        assert link.one("SHOW idle_in_transaction_session_timeout") == ("30s",)


@pytest.mark.parametrize(("nth", "how"), [(2, "served"), (9, "lost"), (11, "served"), (15, "lost")])
def test_killed_at_a_call(begin, postgresql_url, nth, how):
    site = begin(ledger=postgresql_url, settle_s=0)
    fill(site.ward)
    assert site.run_killed_at_call(nth, how) == -signal.SIGKILL
    finish(site)


def test_killed_at_commits(begin, postgresql_url):
    site = begin(ledger=postgresql_url, settle_s=0)
    fill(site.ward)
    for number in (3, 6, 9, 11):
        assert (
            site.start(die_at=f"L.any.{'before' if number % 2 else 'after'}#{number}").wait()
            == -signal.SIGKILL
        )
    finish(site)


@pytest.mark.parametrize("how", ["lost", "served"])
def test_killed_while_the_platform_discharges(begin, postgresql_url, how):
    site = test_killed_leaving.begin_leaving(begin, ledger=postgresql_url)
    assert site.start_struck(1, how, signal.SIGKILL, method="leaveHos").wait() == -signal.SIGKILL
    test_killed_leaving.settle(site)


def test_killed_at_commits_of_a_leaving(begin, postgresql_url):
    site = test_killed_leaving.begin_leaving(begin, ledger=postgresql_url)
    for number in (2, 5, 8):
        assert site.start(die_at=f"L.any.after#{number}").wait() == -signal.SIGKILL
    test_killed_leaving.settle(site)


@pytest.mark.parametrize(("method", "how"), [("leaveHosUndo", "served"), ("invalidData", "lost")])
def test_killed_while_the_platform_takes_a_visit_back(begin, postgresql_url, method, how):
    site = test_killed_undo.begin_sent(begin, ledger=postgresql_url)
    undo = site.start_struck(1, how, signal.SIGKILL, method=method, arguments=test_killed_undo.UNDO)
    assert undo.wait() == -signal.SIGKILL
    test_killed_undo.settle(site)


@pytest.mark.parametrize("nth", [6, 7])
def test_who_slept_past_its_lease_sends_nothing_more(begin, postgresql_url, nth):
    """Another process has taken over and settled what the sleeper had claimed; it wakes up and ends."""
    site = begin(ledger=postgresql_url)
    fill(site.ward, visits=1)
    first = site.start_struck(nth, "served", signal.SIGSTOP)
    assert site.trap.sprung.wait(30)
    second = site.start("run", "--json")
    assert second.wait() == HELD
    assert f"process {first.pid} has been delivering on this ledger since" in second.said
    _expire(postgresql_url)
    assert site.start().wait() == 0
    calls = len(site.ward.simulator.calls)
    first.signal(signal.SIGCONT)
    assert first.wait() == HELD, first.said
    assert "Another process took over this ledger" in first.said
    assert len(site.ward.simulator.calls) == calls  # not even a logout
    finish(site)


def test_who_slept_past_its_lease_writes_down_the_answer_that_waited_for_it(begin, postgresql_url):
    """The other has the lease, and has not looked at the sleeper's batch yet."""
    site = begin(ledger=postgresql_url)
    fill(site.ward, visits=1)
    first = site.start_struck(6, "slow", signal.SIGSTOP, late_s=0.1)
    assert site.trap.sprung.wait(30)
    time.sleep(0.3)  # the answer waits for who sleeps
    _expire(postgresql_url)
    with site.ward.parts().open_ledger() as ledger:
        lease = ledger.take_lease("somebody else", ttl_s=60)
        assert len(ledger.all_open_batches()) == 1
        first.signal(signal.SIGCONT)
        assert first.wait() == HELD, first.said
        assert "somebody else has been delivering on this ledger since" in first.said
        assert ledger.all_open_batches() == []
        ledger.release_lease(lease)
    finish(site)


def _expire(url: str) -> None:
    """The lease's time is over."""
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        connection.execute("UPDATE lease SET kept_at = kept_at - 61000")


def test_runs_while_a_backfill_works(begin, postgresql_url):
    """Each run waits for the backfill's turn to end, and the backfill for the run."""
    site = begin(ledger=postgresql_url, platform={"latency_s": 0.02})
    date_stays(site.ward, since="2025-01-01", backfill="{rows_per_hour: null, rows_per_day: null}")
    fill_year(site.ward, {1: "2024-01-05", 2: "2024-02-05"})
    site.ward.stay(9, ward="2025-03-01")
    process = site.start("backfill", "--from", "2024-01-01", "--to", "2024-12-31", "--yes")
    codes = []
    while process.code is None:
        site.ward.fee(9, f"{len(codes) + 1}.07", item=f"N{len(codes)}")
        codes.append(site.start().wait())
    assert process.wait() == 0, process.said
    assert set(codes) == {0}
    finish(site)
