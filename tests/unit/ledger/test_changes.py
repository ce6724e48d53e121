import itertools

import pytest

from connector.ledger.changes import Action, Kind, decide
from connector.ledger.staging import StageCounts
from connector.ledger.tables import Standing

ALL = list(
    itertools.product(Kind, [s for s in Standing if s is not Standing.SUPERSEDED], *[(True, False)] * 4)
)
OTHER_SHAPE = {"same_shape": False, "same_source": False, "same_reasons": False}


def verdict(case):
    kind, standing, source, payload, visit, reasons = case
    return decide(
        kind,
        standing,
        same_shape=True,
        same_source=source,
        same_payload=payload,
        same_visit=visit,
        same_reasons=reasons,
    )


@pytest.mark.parametrize("case", ALL)
def test_what_holds_in_every_case(case):
    kind, standing, source, payload, visit, _ = case
    action, count = verdict(case)
    assert count in StageCounts.__dataclass_fields__
    if standing is Standing.BATCHED:
        assert action in (Action.KEEP, Action.MARK)  # never sent again, whatever changed
        assert (action is Action.MARK) == (not (source and visit))
    if action is Action.RENEW:
        assert standing in (Standing.REJECTED, Standing.SET_ASIDE)  # only what has no payload
        assert kind is not Kind.GOOD
        assert visit
    if standing in (Standing.STAGED, Standing.REFUSED) and kind is Kind.GOOD:
        assert (action is Action.KEEP) == (source and payload and visit)
    if standing is Standing.GONE:
        assert action is Action.REPLACE
    assert (action is Action.KEEP) == (count == "unchanged") or standing is Standing.BATCHED


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        ((Kind.GOOD, Standing.STAGED, True, False, True, False), (Action.REPLACE, "mapping_changed")),
        ((Kind.GOOD, Standing.STAGED, False, False, True, False), (Action.REPLACE, "changed")),
        ((Kind.GOOD, Standing.STAGED, True, True, False, False), (Action.REPLACE, "changed")),
        ((Kind.GOOD, Standing.BATCHED, True, False, True, False), (Action.KEEP, "mapping_changed")),
        ((Kind.GOOD, Standing.BATCHED, False, True, True, False), (Action.MARK, "changed_after_upload")),
        ((Kind.GOOD, Standing.REFUSED, True, False, True, False), (Action.REPLACE, "requeued")),
        ((Kind.GOOD, Standing.REJECTED, True, True, True, False), (Action.REPLACE, "requeued")),
        ((Kind.REJECTED, Standing.STAGED, True, True, True, False), (Action.REPLACE, "quarantined")),
        ((Kind.REJECTED, Standing.REJECTED, True, True, True, True), (Action.KEEP, "unchanged")),
        ((Kind.REJECTED, Standing.REJECTED, True, True, True, False), (Action.RENEW, "quarantined")),
        ((Kind.REJECTED, Standing.REJECTED, True, True, False, True), (Action.REPLACE, "quarantined")),
        ((Kind.SET_ASIDE, Standing.REJECTED, True, True, True, False), (Action.RENEW, "set_aside")),
    ],
)
def test_the_table(case, expected):
    assert verdict(case) == expected


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("payload", [True, False], ids=["same payload", "other payload"])
def test_a_mapping_that_reads_something_else_changes_nothing_that_was_sent(kind, payload):
    action, count = decide(kind, Standing.BATCHED, same_payload=payload, same_visit=True, **OTHER_SHAPE)
    assert action is Action.REBASE
    assert count == ("unchanged" if kind is Kind.GOOD and payload else "mapping_changed")


def test_a_waiting_row_takes_what_a_mapping_that_reads_something_else_makes_of_it():
    made = {"kind": Kind.GOOD, "standing": Standing.STAGED, "same_visit": True, **OTHER_SHAPE}
    assert decide(**made, same_payload=False) == (Action.REPLACE, "mapping_changed")
    assert decide(**made, same_payload=True) == (Action.REBASE, "unchanged")
