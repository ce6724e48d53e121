"""Processes that are killed while a visit leaves: it has exactly one discharge, and everybody knows of it."""

import signal

import pytest

from tests.crash.processes import fill
from tests.leaving import discharged, end, heard, leaving, steps


@pytest.fixture
def leaves(begin):
    return begin_leaving(begin)


def begin_leaving(begin, **settings):
    """A site whose visit is sent and has ended in the HIS; it leaves at the next run."""
    site = begin(settle_s=0, **settings)
    fill(site.ward, visits=1, fees=3)
    leaving(site.ward)
    site.run_until_quiet()
    end(site.ward)
    return site


def settle(site):
    """Runs until it has left; the platform has one discharge, and the ledger knows it."""
    for _ in range(3):
        if site.start().wait() == 0 and discharged(site.ward):
            break
    assert discharged(site.ward) == "2026-03-05"
    assert heard(site.ward, "leaveHos").count("0") == 1
    assert [one["discharged"] for one in steps(site.ward)] == ["2026-03-05"]
    assert site.start().wait() == 0
    assert heard(site.ward, "leaveHos").count("0") == 1


@pytest.mark.parametrize("how", ["lost", "served", "late"])
def test_killed_while_the_platform_discharges(leaves, how):
    if how == "late":
        config = leaves.ward.directory / "connector.yaml"
        text = config.read_text(encoding="utf-8")
        config.write_text(text.replace("settle_s: 0", "settle_s: 1"), encoding="utf-8")
    assert leaves.start_struck(1, how, signal.SIGKILL, method="leaveHos").wait() == -9
    settle(leaves)


def test_killed_while_a_discharge_is_visible(leaves):
    """Before the next run settles it, everybody sees that it is in doubt."""
    assert leaves.start_struck(1, "served", signal.SIGKILL, method="leaveHos").wait() == -9
    with leaves.ward.parts().open_ledger(read_only=True) as ledger:
        (batch,) = ledger.all_open_batches()
        assert batch.operation == "leaveHos"
        assert [one.is_leaving for one in ledger.visit_totals("stays")] == [True]
    settle(leaves)


def test_killed_at_each_commit_of_a_leaving(leaves):
    killed = 0
    for number in range(1, 60):
        code = leaves.start(die_at=f"L.any.{('before', 'after')[number % 2]}#{number}").wait()
        if code >= 0:
            break
        assert code == -9
        killed += 1
    assert killed > 8
    settle(leaves)
