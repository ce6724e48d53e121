"""What a visit waits for while its ledger is young, or was restored from an old copy (protocol C.8, W17, W25)."""

from connector.ledger.overview import VisitDue
from connector.pipeline.desk import Desk, Held
from connector.pipeline.resolve import read_total
from connector.pipeline.steps import Steps, Wait


def clear_untouched(desk: Desk, visit: VisitDue) -> Steps:
    """Let a visit of a restored ledger go on where nothing of it can be at the platform; Held otherwise.

    What the platform does not list has no fees. A registration that the lost ledger sent may still be under way:
    this session is the fence, and the settle time comes before the last look.
    """
    if visit.registered or not visit.number or desk.ledger.open_batches(visit.visit_id):
        raise Held(visit.reason)
    reading = yield from read_total(desk, visit)
    if reading is None and not desk.ledger.trust.is_quiet():
        yield from _grow_quiet(desk)
        reading = yield from read_total(desk, visit)
    if reading is not None:
        raise Held(visit.reason)
    desk.ledger.trust.clear([visit.visit_id])


def await_quiet(desk: Desk, visit: VisitDue) -> Steps:
    """Before the first row of a visit that somebody else has registered: wait for what a lost ledger may have sent.

    So too before the reset of a visit of a restored ledger: what arrives after the reset would not be deleted. Fees are only sent once their visit is registered. So where the platform takes our own registration, no other
    ledger has fees of the visit under way, and nothing is waited for.
    """
    trust = desk.ledger.trust
    if not trust.is_quiet() and (visit.is_restored or trust.is_registered_elsewhere(visit.visit_id)):
        yield from _grow_quiet(desk)


def _grow_quiet(desk: Desk) -> Steps:
    """The settle time after this session's login: requests of any earlier session are over then."""
    yield Wait(desk.rules.settle_s, "until what another ledger may have sent would have shown")
    desk.ledger.trust.note_quiet()
