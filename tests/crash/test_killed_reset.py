"""Processes that are killed while they carry out a reset: nothing is lost and nothing is sent twice."""

import signal

import pytest

from connector.ledger.decisions import Decision
from tests.crash.processes import fill


@pytest.fixture
def approved(begin):
    """A site whose visit is sent and is to be reset."""
    site = begin(settle_s=0)
    fill(site.ward, visits=1, fees=3)
    site.run_until_quiet()
    with site.ward.parts().open_ledger() as ledger:
        (visit,) = ledger.find_visits("V1")
        ledger.judgements.approve_reset(Decision("reset", "approved", "dba", "", visit.visit_id))
    return site


def settle(site):
    """Runs until the reset is done and its rows, for one run told as quarantined, are sent again."""
    for _ in range(3):
        assert site.start().wait() in (0, 3)
    site.run_until_quiet()
    assert site.ward.platform_rows(1) == site.ward.his_rows(1)
    with site.ward.parts().open_ledger(read_only=True) as ledger:
        assert [one.is_pending for one in ledger.decisions()] == [False]


def test_killed_at_each_commit_of_a_reset(approved):
    killed = 0
    for number in range(1, 40):
        code = approved.start(die_at=f"L.any.{('before', 'after')[number % 2]}#{number}").wait()
        if code >= 0:
            break
        assert code == -9
        killed += 1
    assert killed > 8
    settle(approved)


@pytest.mark.parametrize("how", ["lost", "served", "late"])
def test_killed_while_the_platform_deletes(approved, how):
    ward = approved.ward
    if how == "late":
        config = ward.directory / "connector.yaml"
        text = config.read_text(encoding="utf-8")
        config.write_text(text.replace("settle_s: 0", "settle_s: 1"), encoding="utf-8")
    assert approved.start_struck(1, how, signal.SIGKILL, method="invalidData").wait() == -9
    settle(approved)
