"""Take something of a visit back on the platform: harmless to repeat, but not to be overtaken by (protocol C.7).

A removal that comes late would take with it what was sent after it. So only a definite answer ends one, never a
reading (a visit whose fees cancel out has a total of zero too), and without an answer a fence and the settle time
come before it is asked for again. What a reading shows afterwards has to agree.
"""

from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Any

from connector.contract.spec import Operation
from connector.ledger.claims import Batch, Intent
from connector.ledger.overview import VisitDue
from connector.pipeline.desk import Desk, Waits
from connector.pipeline.resolve import ask_visit
from connector.pipeline.steps import Fence, Sent, Step, Upload, Wait
from connector.records import Outcome, Verdict

_DEFINITE = frozenset({Verdict.ACCEPTED, Verdict.REJECTED})
_ENDED = _DEFINITE | {Verdict.NOT_SENT, Verdict.RETRYABLE}
"""The request has had its effect, or has none: there is nothing to wait for before the next."""

_ASKS = 2
"""So often a run asks for a removal where no answer comes."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What 4.15 shows of a visit: whether it is listed, its total (scaled by 4), and the day its patient left, or ""."""

    is_listed: bool
    total: int = field(repr=False)
    left: str


@dataclass(frozen=True, slots=True)
class Removal:
    """One call that takes something back. `what`: what is waited for, in words.

    `nothing_left`: codes that say that there is nothing to take back, as good as a yes; `no_visit`: codes that are
    so where 4.15 does not list the visit. `is_gone`: whether a reading agrees that it was taken back; None where the
    answer alone tells. `is_untouched`: whether a reading proves that it was not; None where none does, or where it is
    asked for again and again.
    """

    operation: Operation
    body: bytes = field(repr=False)
    what: str
    nothing_left: frozenset[str]
    no_visit: frozenset[str] = frozenset()
    is_gone: Callable[[Shown], bool] | None = None
    is_untouched: Callable[[Shown], bool] | None = None


@dataclass(frozen=True, slots=True)
class Removed:
    """The call that took it back, with its answer. `shown`: what the platform shows of it still, None for nothing."""

    batch: Batch
    outcome: Outcome
    shown: Shown | None = None


class Refused(Exception):
    """The platform refuses a removal; nothing was taken back. `batch` is open, and has this answer."""

    def __init__(self, batch: Batch, outcome: Outcome) -> None:
        self.batch, self.outcome = batch, outcome
        super().__init__(said(outcome))


def said(outcome: Outcome) -> str:
    """The platform's own words."""
    return f"{outcome.code} {outcome.message}".strip()


def remove(desk: Desk, visit: VisitDue, removal: Removal) -> Generator[Step, Any, Removed]:
    """Take it back as far as that goes; the batch stays open, for whoever keeps what it came to.

    What is still shown was brought back by somebody else. Raises Waits when the platform gives no answer, or none now,
    and Refused.
    """
    batch, outcome = yield from _begin(desk, visit, removal)
    yield from _must_be_done(desk, visit, removal, batch, outcome)
    if removal.is_gone is None:
        return Removed(batch, outcome)
    shown = yield from _look(desk, visit)
    if not removal.is_gone(shown) and not batch.tries:
        yield from _fence(desk, batch)
        shown = yield from _look(desk, visit)
        if not removal.is_gone(shown):
            batch, outcome = yield from _ask(desk, visit, removal, batch, outcome, tries=1)
            yield from _must_be_done(desk, visit, removal, batch, outcome)
            shown = yield from _look(desk, visit)
    return Removed(batch, outcome, None if removal.is_gone(shown) else shown)


def _begin(desk: Desk, visit: VisitDue, removal: Removal) -> Generator[Step, Any, tuple[Batch, Outcome]]:
    """The removal and its answer: that of an earlier run, where it is definite, else a new one."""
    batch: Batch | None = None
    for opened in desk.ledger.open_batches(visit.visit_id):
        if opened.is_reset:
            batch = opened
        else:
            yield from _fence(desk, opened)
    outcome = desk.ledger.answer_of(batch.id) if batch is not None else None
    if batch is not None and outcome is not None and outcome.verdict in _DEFINITE:
        return batch, outcome
    return (yield from _ask(desk, visit, removal, batch, outcome, tries=batch.tries if batch else 0))


def _ask(
    desk: Desk, visit: VisitDue, removal: Removal, batch: Batch | None, outcome: Outcome | None, *, tries: int
) -> Generator[Step, Any, tuple[Batch, Outcome]]:
    """Ask the platform, once more if there is no answer; `batch` and `outcome` are the time before."""
    asked = 0
    while True:
        if batch is not None and (outcome is None or outcome.verdict not in _ENDED):
            yield from _fence(desk, batch)
        intent = Intent(
            visit_id=visit.visit_id,
            operation=removal.operation.method,
            node="",
            record_ids=(),
            amount=0,
            base_total=None,
            session="",
            tries=tries,
        )
        sent: Sent = yield Upload(intent, removal.operation, removal.body)
        batch, outcome = desk.ledger.batch(sent.batch_id), sent.outcome
        asked += 1
        if outcome.verdict in _ENDED or asked == _ASKS:
            return batch, outcome


def _fence(desk: Desk, batch: Batch) -> Generator[Step, Any, None]:
    """After this no request of the batch can take effect any more."""
    if not desk.ledger.batch(batch.id).fenced:
        yield Fence()
        yield Wait(desk.rules.settle_s, "until a late request would have shown")
        desk.ledger.note_fenced(batch.id)


def _must_be_done(
    desk: Desk, visit: VisitDue, removal: Removal, batch: Batch, outcome: Outcome
) -> Generator[Step, Any, None]:
    """Go on only after a definite yes, or "nothing to take back"."""
    if outcome.verdict is Verdict.RETRYABLE:
        raise Waits(f"{removal.what}: {said(outcome)}")
    if outcome.verdict not in _DEFINITE:
        if outcome.code and removal.is_untouched is not None:
            yield from _fence(desk, batch)
            if removal.is_untouched((yield from _look(desk, visit))):
                raise Refused(batch, outcome)
        raise Waits(f"{removal.what}, and the platform gave no answer yet: {said(outcome)}")
    if outcome.verdict is Verdict.ACCEPTED or outcome.code in removal.nothing_left:
        return
    if outcome.code in removal.no_visit and not (yield from _look(desk, visit)).is_listed:
        return
    raise Refused(batch, outcome)


def _look(desk: Desk, visit: VisitDue) -> Generator[Step, Any, Shown]:
    """What the platform shows now."""
    yield Wait(desk.rules.read_lag_s, "before the total is read")
    reading, left = yield from ask_visit(desk, visit)
    return Shown(reading is not None, reading.total if reading else 0, left)
