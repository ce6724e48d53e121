"""Processes that are killed while they take a visit back: ledger and platform agree, and nothing is sent meanwhile."""

import signal

import pytest

from tests.crash.processes import fill

UNDO = ["visit", "undo", "V1", "--to", "registration", "--yes"]
AGAIN = ["visit", "step", "V1", "--again"]


@pytest.fixture
def sent(begin):
    return begin_sent(begin)


def begin_sent(begin, **settings):
    """A site whose visit is sent, and has left."""
    site = begin(settle_s=0, **settings)
    fill(site.ward, visits=1, fees=3)
    site.run_until_quiet()
    site.ward.simulator.close_visit("V1")
    return site


def settle(site):
    """The next run goes on; then the visit is gone, in both, and comes again on a person's word alone."""
    for _ in range(2):
        assert site.start().wait() == 4
    assert "V1" not in site.ward.simulator.state.visits
    with site.ward.parts().open_ledger(read_only=True) as ledger:
        (visit,) = ledger.find_visits("V1")
        assert not visit.registered
        assert "--again" in visit.reason
        assert [one.is_pending for one in ledger.decisions()] == [False]
        assert ledger.platform_base(visit.visit_id) == 0
    assert site.start(*AGAIN).wait() in (0, 3, 4)
    site.run_until_quiet()
    assert site.ward.platform_rows(1) == site.ward.his_rows(1)


def is_decided(site):
    with site.ward.parts().open_ledger(read_only=True) as ledger:
        return bool(ledger.decisions())


def test_killed_at_each_commit_of_an_undo(sent):
    killed = 0
    for number in range(1, 60):
        arguments = () if is_decided(sent) else UNDO
        code = sent.start(*arguments, die_at=f"L.any.{('before', 'after')[number % 2]}#{number}").wait()
        if code >= 0:
            break
        assert code == -9
        killed += 1
    assert killed > 8
    settle(sent)


@pytest.mark.parametrize("how", ["lost", "served", "late"])
@pytest.mark.parametrize("method", ["leaveHosUndo", "invalidData", "regundo"])
def test_killed_while_the_platform_takes_it_back(sent, how, method):
    ward = sent.ward
    if how == "late":
        config = ward.directory / "connector.yaml"
        text = config.read_text(encoding="utf-8")
        config.write_text(text.replace("settle_s: 0", "settle_s: 1"), encoding="utf-8")
    assert sent.start_struck(1, how, signal.SIGKILL, method=method, arguments=UNDO).wait() == -9
    settle(sent)
