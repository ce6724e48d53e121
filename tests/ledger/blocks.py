"""Blocks of records, a clock that stands still, and short ways through a ledger, for its tests."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from connector.errors import Violation
from connector.ledger.claims import Intent, Settlement
from connector.records import BatchState, Outcome, RecordBlock, Rejection, SetAside, Verdict

KEY = b"k" * 32
VISITS = "visits"
CHARGES = "charges"
REQUIRED = Violation("meds.med.alc405", "required", "单价", "is empty", "81012")


@dataclass
class Clock:
    at: datetime = field(default_factory=lambda: datetime(2025, 3, 1, 8, tzinfo=UTC))

    def __call__(self):
        return self.at

    def forward(self, **span):
        self.at += timedelta(**span)


def fingerprint(source, payload="p", shape="=="):
    return (shape + str(source)).encode().ljust(8, b"-")[:8] + str(payload).encode().ljust(8, b"-")[:8]


def visit_block(*keys, content="v", rejected=(), numbers=None):
    return RecordBlock(
        mapping=VISITS,
        keys=list(keys),
        visits=list(keys),
        fingerprints=[fingerprint(content)] * len(keys),
        payloads=[f'{{"akc190":"{key}"}}'.encode() for key in keys],
        amounts=[0] * len(keys),
        categories=[""] * len(keys),
        refund_of=[""] * len(keys),
        numbers=list(numbers) if numbers else [f"N{key}" for key in keys],
        rejections=tuple(Rejection(key, key, fingerprint(content), (REQUIRED,)) for key in rejected),
    )


@dataclass(frozen=True)
class Row:
    """One charge: `shape`, `source` and `payload` make its fingerprint; `bad` and `aside` its fate."""

    key: str
    visit: str = "A"
    amount: int = 10_000
    source: str = "s"
    payload: str = "p"
    category: str = "11"
    refund_of: str = ""
    bad: tuple[Violation, ...] = ()
    aside: str = ""
    patient: str = ""
    shape: str = "=="

    @property
    def body(self):
        return f'{{"key":"{self.key}","source":"{self.source}","payload":"{self.payload}{self.patient}"}}'.encode()

    @property
    def fingerprint(self):
        return fingerprint(self.source, self.payload, self.shape)


def block(*rows, mapping=CHARGES):
    rows = [Row(r) if isinstance(r, str) else r for r in rows]
    good = [r for r in rows if not r.bad and not r.aside]
    return RecordBlock(
        mapping=mapping,
        keys=[r.key for r in good],
        visits=[r.visit for r in good],
        fingerprints=[r.fingerprint for r in good],
        payloads=[r.body for r in good],
        amounts=[r.amount for r in good],
        categories=[r.category for r in good],
        refund_of=[r.refund_of for r in good],
        rejections=tuple(Rejection(r.key, r.visit, r.fingerprint, r.bad) for r in rows if r.bad),
        set_aside=tuple(
            SetAside(r.key, r.visit, r.fingerprint, r.aside) for r in rows if r.aside and not r.bad
        ),
    )


def stage(ledger, *rows, watermark=None, mapping=CHARGES):
    return ledger.stage(block(*rows, mapping=mapping), visits=VISITS, watermark=watermark, run_id=1)


def begin(ledger, *keys, open_keys=None):
    """A run and its visits; returns the visits' ids by key."""
    run_id = ledger.begin_run("p", "run")
    ledger.stage_visits(visit_block(*keys), open_keys=keys if open_keys is None else open_keys, run_id=run_id)
    return {due.key: due.visit_id for due in ledger.due_visits(VISITS, [CHARGES])}


def intent(visit_id, records, *, base=0, node="sendMedInfo.meds.med"):
    return Intent(
        visit_id=visit_id,
        operation="sendMedInfo",
        node=node,
        record_ids=tuple(r.id for r in records),
        amount=sum(r.amount for r in records),
        base_total=base,
        session="5e55",
    )


def claim(ledger, visit_id, mapping=CHARGES, rows=None):
    records = ledger.outbox.staged(visit_id, mapping)[:rows]
    return ledger.claim([intent(visit_id, records)])[0]


def accept(ledger, batch, **more):
    ledger.settle([Settlement(batch.id, BatchState.ACCEPTED, "ack", "", **more)])


def outcome(verdict, code="", message="", counts=None, raw=b""):
    return Outcome(Verdict(verdict), code, message, counts, {}, raw)


def states(ledger, *keys, mapping=CHARGES):
    found = ledger.outbox.states_of(mapping, keys)
    return [found[key].value if key in found else None for key in keys]
