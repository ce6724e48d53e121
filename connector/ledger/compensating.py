"""Compensations within staging: an accepted record that the HIS has changed is taken back by a record of its own.

The record that takes it back and the new version are staged in the transaction that notices the change. The new
version waits until the other is accepted, so the platform is never over-billed in between. One origin is taken back
once (a unique index): what was not sent yet is void when the row changes again, or changes back.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from connector.ledger.changes import Kind
from connector.ledger.counts import StageCounts
from connector.ledger.intake import Origin, Pending, Plan, Rows
from connector.ledger.link import Link
from connector.ledger.payloads import Payloads
from connector.ledger.reasons import Reasons
from connector.ledger.sweeping import free_waiting
from connector.ledger.tables import Standing

TakeBack = Callable[[bytes], bytes]
"""The payload that takes back what another one added."""

_COLUMNS = (
    *("id", "mapping_id", "visit_id", "key", "fingerprint", "amount", "category", "refund_of"),
    *("is_current", "state"),
)
_NOT_CURRENT = ("", 0, Standing.STAGED.value)
"""`refund_of`, `is_current` and `state` of a record that takes another one back."""


def find_origins(link: Link, record_ids: list[int]) -> list[Origin]:
    """Those of the records that are current and surely on the platform, without their payloads."""
    if not record_ids:
        return []
    rows = link.rows(
        "SELECT r.id, r.visit_id, r.key, r.fingerprint, r.amount, r.category FROM record r "
        "JOIN claim c ON c.record_id = r.id JOIN batch b ON b.id = c.batch_id "
        "WHERE r.id IN (??) AND r.is_current = 1 AND b.state = :batch_accepted ORDER BY r.visit_id, r.id",
        record_ids,
    )
    return [Origin(i, visit, key, bytes(print_), int(a), c) for i, visit, key, print_, a, c in rows]


@dataclass(frozen=True, slots=True)
class Compensating:
    """Takes back records of one mapping, within one transaction."""

    link: Link
    mapping: int
    payloads: Payloads
    reasons: Reasons

    def with_payloads(self, origins: Sequence[Origin]) -> list[Origin]:
        """Those of the origins whose payload is kept, with it."""
        kept = self.payloads.kept(self.link, self.mapping, {one.id: one.visit for one in origins})
        return [replace(one, payload=kept[one.id]) for one in origins if one.id in kept]

    def plan(self, rows: Rows, plan: Plan, counts: StageCounts) -> None:
        """Accepted records that changed: take them back, and let the row enter as a new version.

        A row that breaks a rule now stays marked: nothing is taken back before what replaces it may go. So does one
        whose payload is not kept.
        """
        marked = {known.id: known.n for known in plan.marked if rows.kind(known.n) is not Kind.REJECTED}
        origins = find_origins(self.link, list(marked))
        same = [o for o in origins if rows.equals(marked[o.id], o.visit, o.fingerprint, o.amount)]
        plan.same += [(o.id, marked[o.id]) for o in same]
        settled = {o.id for o in same}
        for origin in self.with_payloads([o for o in origins if o.id not in settled]):
            plan.taken_back[marked[origin.id]] = origin
            settled.add(origin.id)
        plan.marked = [known for known in plan.marked if known.id not in settled]
        plan.new += plan.taken_back
        plan.cleared += settled
        counts.changed_after_upload -= len(settled)
        counts.unchanged += len(same)
        counts.compensated += len(plan.taken_back)

    def write(
        self, origins: Mapping[int, Origin], take_back: TakeBack, *, first_id: int, is_approved: bool
    ) -> None:
        """Stage the records that take back `origins` (by the id of their heir), with ids from `first_id` on."""
        by_visit = sorted(origins.items(), key=lambda pair: (pair[1].visit, pair[1].id))
        staged = list(enumerate(by_visit, start=first_id))
        self.link.insert(
            "record",
            _COLUMNS,
            [
                (
                    i,
                    self.mapping,
                    one.visit,
                    one.key,
                    one.fingerprint,
                    -one.amount,
                    one.category,
                    *_NOT_CURRENT,
                )
                for i, (_, one) in staged
            ],
        )
        visits = [one.visit for _, one in by_visit]
        texts = [take_back(one.payload) for _, one in by_visit]
        self.payloads.add(self.link, self.mapping, first_id, visits, texts)
        self.link.insert(
            "compensation",
            ("record_id", "origin_id", "heir_id", "is_approved"),
            [(i, one.id, heir, int(is_approved)) for i, (heir, one) in staged],
        )

    def restore(self, rows: Rows, plan: Plan) -> None:
        """Void compensations that were not sent; their origins are the current versions again.

        Also writes down what the HIS shows of records that changed in nothing that is sent.
        """
        voided = [pending for pending, _ in plan.restored]
        if voided:
            ids = [pending.id for pending in voided]
            self.link.run("DELETE FROM compensation WHERE record_id IN (??)", ids)
            self.link.run("UPDATE record SET state = :superseded WHERE id IN (??)", ids)
            self.link.run(
                "UPDATE record SET is_current = 1 WHERE id IN (??)", [one.origin.id for one in voided]
            )
            self.link.run("DELETE FROM retry WHERE record_id IN (??)", ids)
            self.reasons.clear(self.link, ids)
            gone = [(one.id, one.origin.visit, one.standing) for one in voided]
            free_waiting(self.link, self.payloads, self.mapping, gone)
        seen = [*plan.same, *((pending.origin.id, n) for pending, n in plan.restored)]
        self.link.many(
            "UPDATE record SET fingerprint = ?, refund_of = ? WHERE id = ?",
            [(rows.fingerprints[n], rows.block.refund_of[n], record_id) for record_id, n in seen],
        )


def plan_heirs(link: Link, rows: Rows, plan: Plan) -> None:
    """New versions in the place of others that wait for a compensation: they wait now, or it is not needed any more."""
    superseded = {known.id: known.n for known in plan.superseded}
    for pending in _pending(link, list(superseded)):
        n, origin = superseded[pending.heir_id], pending.origin
        if pending.is_unsent and rows.equals(n, origin.visit, origin.fingerprint, origin.amount):
            plan.restored.append((pending, n))
        else:
            plan.heirs[n] = pending.id
    if plan.restored:
        again = {n for _, n in plan.restored}
        plan.new = [n for n in plan.new if n not in again]


def step_aside(link: Link, origins: Sequence[Origin]) -> None:
    """The origins stay on the platform and in their batches, but are not the current version any more."""
    if origins:
        link.run("UPDATE record SET is_current = 0 WHERE id IN (??)", [one.id for one in origins])


def write_heirs(link: Link, heirs: Mapping[int, int]) -> None:
    """Compensation → the record that waits for it now."""
    link.many(
        "UPDATE compensation SET heir_id = ? WHERE record_id = ?", [(heir, i) for i, heir in heirs.items()]
    )


def _pending(link: Link, heir_ids: list[int]) -> list[Pending]:
    """The compensations that these records wait for, or waited for."""
    if not heir_ids:
        return []
    rows = link.rows(
        "SELECT c.record_id, r.state, c.heir_id, o.id, o.visit_id, o.key, o.fingerprint, o.amount, o.category "
        "FROM compensation c JOIN record r ON r.id = c.record_id JOIN record o ON o.id = c.origin_id "
        "WHERE c.heir_id IN (??)",
        heir_ids,
    )
    return [
        Pending(i, Standing(state), heir, Origin(origin, visit, key, bytes(print_), int(amount), category))
        for i, state, heir, origin, visit, key, print_, amount, category in rows
    ]
