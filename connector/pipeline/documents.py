"""Files of a visit that has left (4.18): an invoice that came later, a rehabilitation plan.

An upload has no undo, and no interface lists what arrived (trap T111). So what is about to be sent is on the disk before
its first byte, a number goes once, and one without a plain answer goes again on a person's word alone.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from connector.errors import ConfigurationError
from connector.ledger.decisions import Decision
from connector.ledger.store import Ledger
from connector.ledger.visits import KnownVisit
from connector.pipeline.calling import CallReport, Question, Request, prepare, question_of, report
from connector.pipeline.deciding import Signature
from connector.pipeline.decisions import find_visit
from connector.pipeline.hearing import flows_of
from connector.pipeline.later_files import (
    ACCEPTED,
    BEGUN,
    DOCUMENT,
    brought_later,
    find_doubts,
    is_in_doubt,
    last_of,
    state_after,
)
from connector.pipeline.letting_go import pipeline_that_leaves
from connector.pipeline.papers import A_PLAN, AN_INVOICE
from connector.pipeline.parts import Parts
from connector.pipeline.progress import Silent
from connector.pipeline.single_call import open_line
from connector.pipeline.turns import open_turn
from connector.records import yuan

_METHOD = "saveInvoice"
_BY_A_PERSON = "a person saw it on the platform"


@dataclass(frozen=True, slots=True)
class Paper:
    """A file to be sent: its number, what it comes to in yuan, whether it is a rehabilitation plan, or an invoice.

    `again`: a person has looked, and the file of that number is not on the platform.
    """

    file: Path = field(repr=False)
    number: str = field(repr=False)
    money: Decimal = field(repr=False)
    is_plan: bool = False
    again: bool = False

    @property
    def kind(self) -> str:
        """FILETYPE."""
        return A_PLAN if self.is_plan else AN_INVOICE


@dataclass(frozen=True, slots=True)
class Document:
    """A file that may be sent, of this visit, and what a person is asked before."""

    visit: KnownVisit
    request: Request
    paper: Paper
    question: Question


def prepare_document(parts: Parts, name: str, paper: Paper) -> Document:
    """Hold a file to the contract and to what was sent before; nothing is sent.

    Raises ConfigurationError for a file that cannot go, a visit that has not left, or a number that was sent already.
    """
    with parts.open_ledger(read_only=True) as ledger:
        visit = find_visit(ledger, name)
        _must_have_left(parts, ledger, visit)
        if not paper.again:
            _must_be_new(ledger, visit, paper)
        lines = _sums(ledger, visit, paper)
    operation = parts.contract.operation(_METHOD)
    roles = operation.request.roles
    data = {
        roles["visit"]: visit.number,
        roles["invoice"]: paper.number,
        roles["invoice_amount"]: f"{paper.money:f}",
        roles["document_kind"]: paper.kind,
        roles["family"]: flows_of(parts, visit)[0].roll,
    }
    request = prepare(parts, operation, data, file=paper.file)
    asked = question_of(parts, request) or Question((), visit.number)
    return Document(visit, request, paper, Question((*asked.lines, *lines), visit.number))


def send_document(
    parts: Parts, document: Document, *, notify: Callable[[str], None], is_stopping: Callable[[], bool]
) -> CallReport:
    """Send it once; what came of it is kept with the visit. Raises LeaseHeld, SessionError, LedgerError."""
    request, paper = document.request, document.paper
    operation, visit_id = request.operation, document.visit.visit_id
    details: dict[str, object] = {
        "number": paper.number,
        "amount": f"{paper.money:f}",
        "kind": paper.kind,
        "file": request.document.kind if request.document else "",
    }
    with open_line(parts, notify=notify, is_stopping=is_stopping, only_asks=False) as line:
        if not paper.again:
            _must_be_new(line.ledger, document.visit, paper)
        line.keep()
        _note(line.ledger, visit_id, operation.method, details, BEGUN)
        if request.document is None:
            raise ValueError("4.18 sends a file")
        texts = {name: str(value) for name, value in request.payload.items()}
        outcome = line.upload(operation, texts, request.document)
        _note(line.ledger, visit_id, operation.method, details, state_after(outcome.verdict))
    return report(parts.contract, operation, outcome)


def confirm_arrival(parts: Parts, name: str, number: str, signature: Signature) -> KnownVisit:
    """Keep that a person saw a file on the platform of which nobody knew whether it arrived; nothing is sent.

    Raises ConfigurationError where none of that number is in doubt, LeaseHeld while a run is under way.
    """
    with open_turn(parts, notify=Silent().note, is_stopping=lambda: False) as (ledger, _):
        visit = find_visit(ledger, name)
        doubts = {str(one.details["number"]): one for one in find_doubts(ledger.steps.of(visit.visit_id))}
        step = doubts.get(number)
        if step is None:
            known = f"In doubt: {', '.join(doubts)}. " if doubts else ""
            raise ConfigurationError(
                f"Visit {visit.name} has no file {number} of which nobody knows whether it arrived. {known}Nothing was written."
            )
        with ledger.together():
            ledger.keep_decision(
                Decision(DOCUMENT, "arrived", signature.who, signature.because, visit.visit_id), is_done=True
            )
            details = {**step.details, "state": ACCEPTED, "how": _BY_A_PERSON}
            ledger.steps.note(visit.visit_id, DOCUMENT, step.operation, details)
    return visit


def _note(ledger: Ledger, visit_id: int, method: str, details: dict[str, object], state: str) -> None:
    ledger.steps.note(visit_id, DOCUMENT, method, {**details, "state": state, "how": state})


def _must_have_left(parts: Parts, ledger: Ledger, visit: KnownVisit) -> None:
    """4.18 takes files of visits that have left, and before their settlement is applied for (trap T129)."""
    if pipeline_that_leaves(parts, visit).leave and ledger.steps.leaving_of(visit.visit_id) is None:
        raise ConfigurationError(
            f"Visit {visit.name} has not left yet: its files go with the discharge (`connector visit leave`), and 4.18 "
            "is for what comes later. Nothing was sent."
        )


def _must_be_new(ledger: Ledger, visit: KnownVisit, paper: Paper) -> None:
    """Raise ConfigurationError for a number that the platform has, or may have."""
    last = last_of(ledger.steps.of(visit.visit_id), paper.number)
    use = ledger.journal.invoice(paper.number)
    if last is not None and last.details.get("state") == ACCEPTED:
        raise ConfigurationError(
            f"The file {paper.number} was sent on {last.at[:10]}, and the platform accepted it. Nothing was sent."
        )
    if last is not None and is_in_doubt(last):
        raise ConfigurationError(
            f"The file {paper.number} was sent on {last.at[:10]}, and nobody knows whether it arrived. Look at the visit on "
            "the platform's web page; where it is not there, --again sends it, and where it is, --arrived says so. Nothing was sent."
        )
    if use is not None:
        raise ConfigurationError(
            f"The number {paper.number} was sent on {use.at[:10]} for visit {use.visit}; a number is used once. Where it "
            "is not on the platform's web page, --again sends it. Nothing was sent."
        )


def _sums(ledger: Ledger, visit: KnownVisit, paper: Paper) -> list[str]:
    """What its invoices would come to, beside its fees: they have to be the same before the settlement is applied for."""
    if paper.is_plan:
        return []
    brought = yuan(brought_later(ledger.steps.of(visit.visit_id)))
    left = ledger.steps.leaving_of(visit.visit_id)
    with_it = Decimal(str(left.details.get("invoiced") or 0)) if left else Decimal(0)
    fees = yuan(ledger.platform_base(visit.visit_id))
    total = with_it + brought + paper.money
    if total == fees.quantize(Decimal("0.01")):
        return []
    return [
        f"With it the visit's invoices come to {total:,.2f} yuan, its fees to {fees:,.2f}; both have to be the same."
    ]
