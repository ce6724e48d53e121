"""The same promises with the ledger on PostgreSQL."""

import signal

import psycopg
import pytest

from tests.crash.processes import fill, finish

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


def test_who_slept_past_its_lease_sends_nothing_more(begin, postgresql_url):
    """Another process has taken over: what the sleeper had claimed is settled by the other, and it ends."""
    site = begin(ledger=postgresql_url)
    fill(site.ward, visits=1)
    first = site.start_struck(6, "served", signal.SIGSTOP)
    assert site.trap.sprung.wait(30)
    second = site.start()
    assert second.wait() == HELD
    assert f"process {first.pid}" in second.said
    with psycopg.connect(postgresql_url.replace("+psycopg", "")) as connection:
        connection.execute("UPDATE lease SET kept_at = kept_at - 61000")
    assert site.start().wait() == 0
    first.signal(signal.SIGCONT)
    assert first.wait() in (1, HELD)
    assert "connector-fault" not in first.said
    finish(site)
