"""Accepted rows that the HIS changes, taken back by a record of their own."""

from dataclasses import replace

import pytest

from connector.errors import LedgerError
from connector.ledger.claims import Settlement
from connector.ledger.decisions import Decision
from connector.ledger.staging import StageCounts
from connector.records import BatchState, State
from tests.ledger.blocks import (
    CHARGES,
    REQUIRED,
    VISITS,
    Row,
    accept,
    begin,
    block,
    claim,
    intent,
    outcome,
    stage,
    states,
    visit_block,
)

OLD = Row("k1", amount=10_000)
NEW = Row("k1", amount=12_000, source="t", payload="q")
NEWER = Row("k1", amount=13_000, source="u", payload="r")
SAID = Decision("changes", "compensate", "pytest", "gone for good")


def take_back(payload):
    return b'{"minus":' + payload + b"}"


def compensate(ledger, *rows):
    return ledger.stage(block(*rows), visits=VISITS, watermark=None, run_id=1, take_back=take_back)


def waiting(ledger, visit):
    return [(r.amount, r.takes_back, r.awaits) for r in ledger.outbox.staged(visit, CHARGES)]


@pytest.fixture
def visit(ledger):
    """A visit with two accepted rows, `OLD` and one that never changes."""
    visit = begin(ledger, "A", "B")["A"]
    compensate(ledger, OLD, Row("k2", amount=500))
    accept(ledger, claim(ledger, visit))
    return visit


def test_a_change_stages_what_takes_it_back_and_the_new_version(ledger, visit):
    assert compensate(ledger, NEW) == StageCounts(compensated=1)
    records = ledger.outbox.staged(visit, CHARGES)
    assert [(r.key, r.amount, r.payload) for r in records] == [
        ("k1", 12_000, NEW.body),
        ("k1", -10_000, take_back(OLD.body)),
    ]
    assert waiting(ledger, visit) == [(12_000, False, State.STAGED), (-10_000, True, None)]
    assert states(ledger, "k1", "k2") == ["staged", "accepted"]
    assert ledger.platform_base(visit) == 10_500
    assert ledger.marked() == []
    assert compensate(ledger, NEW) == StageCounts(unchanged=1)
    assert ledger.outbox.staged(visit, CHARGES) == records


def test_the_new_version_waits_until_the_other_is_accepted(ledger, visit):
    compensate(ledger, NEW)
    batch = claim_one(ledger, visit)
    assert waiting(ledger, visit) == [(12_000, False, State.CLAIMED)]
    accept(ledger, batch)
    assert waiting(ledger, visit) == [(12_000, False, None)]
    accept(ledger, claim(ledger, visit))
    assert ledger.platform_base(visit) == 12_500
    assert ledger.compensations.unsettled() == []
    assert compensate(ledger, NEWER) == StageCounts(compensated=1)
    assert [r.amount for r in ledger.outbox.staged(visit, CHARGES)] == [13_000, -12_000]


def claim_one(ledger, visit):
    """Claim what takes back, as delivery does."""
    return ledger.claim([intent(visit, [r for r in ledger.outbox.staged(visit, CHARGES) if r.takes_back])])[0]


def test_a_refused_compensation_keeps_the_new_version_waiting(ledger, visit):
    compensate(ledger, NEW)
    batch = claim_one(ledger, visit)
    record = ledger.outbox.records_of(batch.id)[0]
    ledger.settle(
        [Settlement(batch.id, BatchState.REFUSED, "answer", "81020", quarantined={record.id: (REQUIRED,)})]
    )
    assert waiting(ledger, visit) == [(12_000, False, State.QUARANTINED)]
    assert [one.state for one in ledger.compensations.unsettled()] == [State.QUARANTINED]
    assert ledger.visit_totals(VISITS)[0].quarantined_rows == 1
    compensate(ledger, NEWER)
    assert waiting(ledger, visit) == [(13_000, False, State.QUARANTINED)]
    assert ledger.quarantine.release() == 1
    assert waiting(ledger, visit) == [(-10_000, True, None), (13_000, False, State.STAGED)]


def test_a_second_change_before_anything_was_sent_takes_back_once(ledger, visit):
    compensate(ledger, NEW)
    assert compensate(ledger, NEWER) == StageCounts(changed=1)
    assert sorted(waiting(ledger, visit)) == [(-10_000, True, None), (13_000, False, State.STAGED)]


@pytest.mark.parametrize("refused", [False, True])
def test_a_row_that_is_again_what_was_accepted_is_left_alone(ledger, visit, refused):
    compensate(ledger, NEW)
    if refused:
        batch = claim_one(ledger, visit)
        record = ledger.outbox.records_of(batch.id)[0]
        ledger.settle(
            [Settlement(batch.id, BatchState.REFUSED, "answer", "", quarantined={record.id: (REQUIRED,)})]
        )
    compensate(ledger, replace(OLD, source="v"))
    assert ledger.outbox.staged(visit, CHARGES) == []
    assert ledger.quarantine.rows() == []
    assert states(ledger, "k1") == ["accepted"]
    assert ledger.compensations.unsettled() == []
    assert compensate(ledger, replace(OLD, source="v")) == StageCounts(unchanged=1)
    assert compensate(ledger, NEW) == StageCounts(compensated=1)


def test_what_is_under_way_is_not_called_back(ledger, visit):
    compensate(ledger, NEW)
    batch = claim_one(ledger, visit)
    compensate(ledger, OLD)
    assert waiting(ledger, visit) == [(10_000, False, State.CLAIMED)]
    accept(ledger, batch)
    assert waiting(ledger, visit) == [(10_000, False, None)]


def test_a_row_that_sends_the_same_is_not_taken_back(ledger, visit):
    assert compensate(ledger, replace(OLD, source="w")) == StageCounts(unchanged=1)
    assert compensate(ledger, replace(OLD, payload="z", source="w")) == StageCounts(mapping_changed=1)
    assert ledger.outbox.staged(visit, CHARGES) == ledger.marked() == []


def test_a_row_that_the_his_voids_is_taken_back(ledger, visit):
    assert compensate(ledger, replace(NEW, aside="zero")) == StageCounts(compensated=1)
    assert waiting(ledger, visit) == [(-10_000, True, None)]
    assert states(ledger, "k1") == ["set_aside"]
    compensate(ledger, NEW)
    assert sorted(waiting(ledger, visit)) == [(-10_000, True, None), (12_000, False, State.STAGED)]


def test_a_row_that_breaks_a_rule_now_is_taken_back_once_it_is_good(ledger, visit):
    assert compensate(ledger, replace(NEW, bad=(REQUIRED,))) == StageCounts(changed_after_upload=1)
    assert ledger.outbox.staged(visit, CHARGES) == []
    assert ledger.compensations.changed_keys(CHARGES) == ["k1"]
    assert compensate(ledger, NEW) == StageCounts(compensated=1)
    assert ledger.compensations.changed_keys(CHARGES) == []


def test_a_row_that_moves_to_another_visit_is_taken_back_where_it_was(ledger, visit):
    compensate(ledger, replace(OLD, visit="B"))
    assert waiting(ledger, visit) == [(-10_000, True, None)]
    other = next(due.visit_id for due in ledger.due_visits(VISITS, [CHARGES]) if due.key == "B")
    assert waiting(ledger, other) == [(10_000, False, State.STAGED)]


def test_a_row_in_flight_is_taken_back_once_it_is_accepted(ledger, visit):
    compensate(ledger, Row("k3"))
    batch = claim(ledger, visit)
    changed = Row("k3", amount=7, source="t", payload="q")
    assert compensate(ledger, changed) == StageCounts(changed_after_upload=1)
    accept(ledger, batch)
    assert compensate(ledger, changed) == StageCounts(compensated=1)


def test_without_the_payload_a_change_is_only_shown(ledger, visit):
    stage(ledger, Row("k3"))  # the policy is `report` again: what was kept is gone
    assert compensate(ledger, NEW) == StageCounts(changed_after_upload=1)
    assert [one.key for one in ledger.marked()] == ["k1"]


def test_payloads_are_kept_while_a_visit_is_compared(ledger, visit, opened, place):
    ledger.compensations.forget(CHARGES)
    run_id = ledger.begin_run("p", "run")
    ledger.stage_visits(visit_block("A", "B"), open_keys=["B"], run_id=run_id)
    ledger.compensations.forget(CHARGES)
    assert compensate(ledger, NEW) == StageCounts(compensated=1)
    compensate(ledger, OLD)
    ledger.end_run(run_id, exit_code=0, summary={})
    ledger.compensations.forget(CHARGES)
    assert compensate(ledger, NEW) == StageCounts(changed_after_upload=1)


def test_a_vanished_row_is_taken_back_when_a_person_says_so(ledger, visit):
    ledger.sweep(CHARGES, VISITS, ["A"], {"k2"}, run_id=1)
    gone = ledger.marked()[0]
    assert (gone.key, ledger.outbox.staged(visit, CHARGES)) == ("k1", [])
    assert ledger.compensations.take_back(CHARGES, [gone.record_id], take_back, SAID) == 1
    assert waiting(ledger, visit) == [(-10_000, True, None)]
    assert states(ledger, "k1") == ["void"]
    assert ledger.marked() == []
    assert [one.decision.choice for one in ledger.decisions()] == ["compensate"]
    with pytest.raises(LedgerError, match="no accepted row of this mapping that is gone"):
        ledger.compensations.take_back(CHARGES, [gone.record_id], take_back, SAID)
    compensate(ledger, OLD)  # it was only a query that was cut off
    assert ledger.outbox.staged(visit, CHARGES) == []
    assert states(ledger, "k1") == ["accepted"]


def test_what_is_not_gone_or_not_kept_is_not_taken_back(ledger, visit):
    first = ledger.quarantine.show(1)
    with pytest.raises(LedgerError, match="Row 1 is no accepted row"):
        ledger.compensations.take_back(CHARGES, [first.record_id], take_back, SAID)
    stage(ledger, Row("k3"))
    ledger.sweep(CHARGES, VISITS, ["A"], {"k2", "k3"}, run_id=1)
    gone = ledger.marked()[0].record_id
    with pytest.raises(LedgerError, match="what it sent is not kept"):
        ledger.compensations.take_back(CHARGES, [gone], take_back, SAID)
    assert ledger.decisions() == []


def test_a_mass_edit_is_counted_until_a_person_lets_it_go(ledger, visit):
    assert ledger.compensations.mass_edit(visit, CHARGES).taken_back == 0
    compensate(ledger, NEW)
    found = ledger.compensations.mass_edit(visit, CHARGES)
    assert (found.taken_back, found.accepted) == (1, 2)
    assert ledger.compensations.approve(visit, SAID) == 1
    assert ledger.compensations.approve(visit, SAID) == 0
    assert ledger.compensations.mass_edit(visit, CHARGES).taken_back == 0
    assert len(ledger.decisions()) == 1


def test_after_a_reset_nothing_waits_for_a_compensation(ledger, visit):
    compensate(ledger, NEW)
    decided = Decision("reset", "reset", "pytest", "", visit_id=visit)
    lease = ledger.take_lease("me", ttl_s=60)
    ledger.judgements.approve_reset(decided)
    batch = ledger.claim([replace(intent(visit, [], node=""), base_total=None)])[0]
    number = ledger.pending_decisions(visit)[0].id
    ledger.complete_reset(batch.id, number, outcome("accepted", "0"), "")
    assert waiting(ledger, visit) == [(12_000, False, None)]
    assert ledger.compensations.unsettled() == []
    ledger.release_lease(lease)


def test_changes_that_nothing_takes_back_are_counted(ledger, visit):
    stage(ledger, NEW)
    ledger.sweep(CHARGES, VISITS, ["A"], {"k1"}, run_id=1)
    assert ledger.compensations.changed(visit, CHARGES) == 2
