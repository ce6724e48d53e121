"""One interface called by a person: checked, asked about, sent once, and its answer explained.

A call stands outside the ledger. What would make the platform's totals other than the ledger's is refused for visits
the ledger knows, unless a person insists.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from connector.contract.check import check
from connector.contract.envelope import seal
from connector.contract.library import Contract
from connector.contract.spec import Effect, Operation
from connector.errors import ConfigurationError, Fault, Violation
from connector.ledger.journal import InvoiceUse
from connector.load.client import add_session
from connector.load.document import Document, open_document
from connector.load.exchange import find_invoices
from connector.load.meaning import Meaning, explain
from connector.load.wording import put_in_words
from connector.pipeline.parts import Parts
from connector.pipeline.single_call import body_of, open_line
from connector.records import Outcome, Verdict, yuan

_SESSION = "sessionid"
_ADDS_FEES = frozenset({"sendMedInfo", "sendBsMedInfo"})
_REMOVES_FEES = frozenset({"regundo", "invalidData", "offsiteRegisterUndo", "medInfoInvalidData"})
_PLACEHOLDER = "0"


@dataclass(frozen=True, slots=True)
class Request:
    """A call that may be sent. `violations` are those a person chose to overlook; `notes` tell what was changed."""

    operation: Operation
    payload: Mapping[str, Any] = field(repr=False)
    document: Document | None = None
    violations: tuple[Violation, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """`4.12 discharge 已上传费用核准 (approve fees)`."""
        one = self.operation
        return f"{one.section} {one.method} {one.zh} ({one.purpose})"

    @property
    def visit(self) -> str:
        """The number of the visit it is about; "" for none."""
        for node, row in (
            (self.operation.request, self.payload),
            *(
                (node, self.payload.get(node.name))
                for node in self.operation.request.nodes
                if not node.wrapper
            ),
        ):
            name = node.roles.get("visit", "")
            if name and isinstance(row, Mapping) and not isinstance(row.get(name), (Mapping, list)):
                return str(row.get(name) or "").strip()
        return ""


@dataclass(frozen=True, slots=True)
class Question:
    """What a person has to say yes to. `behind_ledger`: why the ledger forbids it, or "".

    `invoice` is the number of an invoice in it that was sent before, or "" (trap T111).
    """

    lines: tuple[str, ...]
    visit: str = field(repr=False)
    behind_ledger: str = ""
    invoice: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Preview:
    """What would be sent: the address, the text, and the text sealed (or, of 4.18, the form's fields and file)."""

    method: str
    url: str
    plain: str = field(repr=False)
    sealed: str = field(repr=False)
    document: str = ""


@dataclass(frozen=True, slots=True)
class CallReport:
    """A call and its answer. `answer` is all that came, unknown fields too.

    `words`: what the codes in it mean, by their place; `lines`: all of it for people, a field a line.
    """

    method: str
    section: str
    verdict: Verdict
    is_empty: bool
    code: str
    message: str = field(repr=False)
    printed: str
    ours: str
    advice: str
    counts: int | None
    answer: Mapping[str, object] = field(repr=False)
    words: Mapping[str, str] = field(repr=False)
    lines: tuple[str, ...] = field(repr=False)
    exit_code: int


def prepare(
    parts: Parts,
    operation: Operation,
    data: Mapping[str, Any],
    *,
    file: Path | None = None,
    unchecked: bool = False,
) -> Request:
    """A request held to the contract; ConfigurationError with every rule it breaks. Nothing is sent.

    `unchecked` overlooks broken rules, never a file that cannot go.
    """
    if operation.effect is Effect.SESSION:
        raise ConfigurationError(
            f"{operation.section} {operation.method} is not called by hand: every call logs in and out by itself."
        )
    document = _open(parts, operation, file)
    payload, notes = _tidy(operation, data, document)
    length_in = parts.project.settings.checks.length_in
    taken = _not_written(operation)
    faults = [one for one in check(operation, payload, length_in=length_in) if one.path not in taken]
    faults += _check_kind(operation, payload, document)
    request = Request(operation, payload, document, tuple(faults), tuple(notes))
    if faults and not unchecked:
        raise ConfigurationError(
            [
                Fault(f"{request.title}: nothing was sent, because"),
                *(Fault(f"  {one}") for one in faults),
                Fault(f"`connector call {operation.method} --template` prints a filled example."),
            ]
        )
    return request


def _open(parts: Parts, operation: Operation, file: Path | None) -> Document | None:
    """The file of 4.18."""
    if operation.encoding != "multipart":
        if file is not None:
            raise ConfigurationError(
                f"{operation.section} {operation.method} takes no file; 4.18 (upload a document) does."
            )
        return None
    if file is None:
        raise ConfigurationError(
            f"{operation.section} {operation.method} uploads a file: name it with --file PATH."
        )
    return open_document(file, max_mb=parts.project.settings.platform.max_file_mb)


def _not_written(operation: Operation) -> tuple[str, ...]:
    """Fields that are filled while a request is sent: the session, and the bytes of a file."""
    file = operation.request.roles.get("file", "")
    return (_SESSION, file) if file else (_SESSION,)


def _tidy(
    operation: Operation, data: Mapping[str, Any], document: Document | None
) -> tuple[dict[str, Any], list[str]]:
    """The request without what is filled later, with a file's type where it is not given (trap T127)."""
    taken = _not_written(operation)
    payload = {name: value for name, value in data.items() if name not in taken}
    notes = [f"The {name} given is left out; the connector fills it in." for name in taken if name in data]
    kind = operation.request.roles.get("file_kind", "")
    if document is not None and kind and not payload.get(kind):
        payload[kind] = document.kind
    return payload, notes


def _check_kind(
    operation: Operation, payload: Mapping[str, Any], document: Document | None
) -> list[Violation]:
    """The type that is given against the file's content."""
    name = operation.request.roles.get("file_kind", "")
    spec = operation.request.field(name)
    if document is None or spec is None or payload.get(name) not in spec.values:
        return []
    if document.fits(str(payload[name])):
        return []
    message = f"says {payload[name]}, but the file is {document.kind} by its content"
    return [Violation(name, "file", spec.zh, message)]


def preview(parts: Parts, request: Request) -> Preview:
    """What would be sent, with a sessionid that is none; EnvelopeError for an impossible key. Nothing is sent."""
    platform = parts.project.settings.platform
    url = platform.base_url.rstrip("/") + request.operation.path
    if request.document is not None:
        fields = "\n".join(
            f"{name}={value}" for name, value in {_SESSION: _PLACEHOLDER, **request.payload}.items()
        )
        document = f"{request.document.kind}, {request.document.size} bytes"
        return Preview(request.operation.method, url, fields, "", document)
    plain = add_session(body_of(request.payload), _PLACEHOLDER)
    sealed = seal(platform.key.read(parts.environ, parts.project.directory), plain)
    return Preview(request.operation.method, url, plain.decode(), sealed.decode("ascii"))


def question_of(parts: Parts, request: Request) -> Question | None:
    """What has to be asked before a request is sent; None for one that only asks. LedgerError."""
    operation = request.operation
    if operation.effect is Effect.READ:
        return None
    platform = parts.project.settings.platform
    whose = f", visit {request.visit}" if request.visit else ""
    lines = [f"{request.title}{whose}, to {platform.base_url} as {platform.username}."]
    if operation.removes:
        lines.append(f"It removes: {operation.removes}. It has to be uploaded again, if it is wanted back.")
    if operation.effect is Effect.APPROVE:
        lines.append(
            "It approves the visit's fees, although it looks like a question; an approval cannot be taken back, and "
            "across provinces the admission cannot be cancelled after it."
        )
    lines += [operation.note] if operation.note else []
    known = _known(parts, request.visit)
    if known is not None:
        lines.append(f"The ledger knows this visit: {yuan(known):,.2f} yuan of it are at the platform.")
    used = _used_invoices(parts, request)
    lines += used.values()
    return Question(tuple(lines), request.visit, _why_not(operation, known), next(iter(used), ""))


def _used_invoices(parts: Parts, request: Request) -> dict[str, str]:
    """The numbers of invoices that were sent before, each with when and how; an invoice is used once (trap T111)."""
    numbers = find_invoices(request.operation, request.payload)
    if not numbers:
        return {}
    with parts.open_ledger(read_only=True) as ledger:
        uses = {number: ledger.journal.invoice(number) for number in numbers}
    return {number: _tell_use(parts, number, use) for number, use in uses.items() if use is not None}


def _tell_use(parts: Parts, number: str, use: InvoiceUse) -> str:
    sent_by = parts.contract.operation(use.operation)
    when = f"{datetime.fromisoformat(use.at).astimezone():%Y-%m-%d %H:%M}"
    whose = f" for visit {use.visit}" if use.visit else ""
    became = "was accepted" if use.verdict is Verdict.ACCEPTED else "got no answer that says yes or no"
    return (
        f"Invoice {number} was sent before: on {when} by {sent_by.section} {sent_by.method}{whose}, which {became}. An "
        "invoice's number is used once, and no interface takes one back: look at the visit on the platform's web page."
    )


def _known(parts: Parts, number: str) -> int | None:
    """What the ledger says is at the platform of a visit (scaled by 4); None for a visit it does not know."""
    if not number:
        return None
    with parts.open_ledger(read_only=True) as ledger:
        found = ledger.visits_numbered(number)
        return sum(map(ledger.platform_base, found)) if found else None


def _why_not(operation: Operation, known: int | None) -> str:
    """Why the ledger forbids a call; "" when it does not."""
    if known is None or operation.method not in _ADDS_FEES | _REMOVES_FEES:
        return ""
    what = "would add rows that" if operation.method in _ADDS_FEES else "would remove rows that"
    consequence = (
        "the ledger does not know of: it would send them again from the HIS"
        if operation.method in _ADDS_FEES
        else "the ledger counts as sent: it would never send them again"
    )
    instead = (
        "Let `connector run` deliver this visit"
        if operation.method in _ADDS_FEES
        else "`connector visit undo` takes it back and keeps the ledger equal"
    )
    return (
        f"{operation.section} {operation.method} {what} {consequence}, and its totals would not be the platform's any "
        f"more, so the visit would be held. {instead}; where a person must step in, "
        "--force-behind-ledger asks for the visit's number and sends it."
    )


def send(
    parts: Parts,
    request: Request,
    *,
    notify: Callable[[str], None],
    is_stopping: Callable[[], bool] = lambda: False,
) -> CallReport:
    """Send once, in a session of its own. Raises LeaseHeld while a run is under way, SessionError, LedgerError."""
    operation = request.operation
    only_asks = operation.effect is Effect.READ
    with open_line(parts, notify=notify, is_stopping=is_stopping, only_asks=only_asks) as line:
        if request.document is not None:
            texts = {name: _text(value) for name, value in request.payload.items()}
            outcome = line.upload(operation, texts, request.document)
        else:
            outcome = line(operation, request.payload)
    return report(parts.contract, operation, outcome)


def report(contract: Contract, operation: Operation, outcome: Outcome) -> CallReport:
    """An outcome as it is shown."""
    meaning = explain(contract, operation, outcome)
    lines = put_in_words(contract, operation, outcome.body)
    return CallReport(
        method=operation.method,
        section=operation.section,
        verdict=outcome.verdict,
        is_empty=meaning.is_empty,
        code=outcome.code,
        message=outcome.message,
        printed=meaning.printed,
        ours=meaning.ours,
        advice=meaning.advice,
        counts=outcome.counts,
        answer=outcome.body,
        words={line.path: line.words for line in lines if line.words},
        lines=tuple(map(str, lines)),
        exit_code=_exit_code(operation, meaning),
    )


def _exit_code(operation: Operation, meaning: Meaning) -> int:
    """0 accepted (or nothing found), 4 where nobody knows whether it took effect, 1 for the rest."""
    if meaning.verdict is Verdict.ACCEPTED or meaning.is_empty:
        return 0
    in_doubt = meaning.verdict in (Verdict.IN_DOUBT, Verdict.SESSION_LOST)
    return 4 if in_doubt and not operation.idempotent else 1


def _text(value: object) -> str:
    return f"{value:f}" if isinstance(value, Decimal) else str(value)
