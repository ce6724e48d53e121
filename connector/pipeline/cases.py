"""A held or doubtful visit as a person decides about it: the three numbers, the rows, and the choices there are.

What is offered follows from the arithmetic: a choice after which the ledger's sum is not the platform's total is
none, but for a reset, after which both begin anew (protocol C.4, C.7, C.9).
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from connector.ledger.claims import Batch
from connector.ledger.judgements import RESET, UNDO
from connector.ledger.overview import OpenBatch
from connector.ledger.store import Ledger
from connector.pipeline.cutoffs import Dated, is_likely_there
from connector.pipeline.desk import Line
from connector.pipeline.hearing import Heard, flows_of
from connector.pipeline.parts import Parts
from connector.pipeline.personal import mask_of
from connector.pipeline.settling import Explanation, Fit, explain, fits
from connector.records import Outcome, StagedRecord, Verdict, yuan

_ENDED = frozenset({Verdict.ACCEPTED, Verdict.REJECTED, Verdict.RETRYABLE})
"""The platform has answered: nothing of the request can happen after that."""

_PENDING = {
    RESET: "a reset is approved: the next `connector run` carries it out; until it begins, --withdraw takes that back",
    UNDO: "it is being taken back (`connector visit undo`): the next `connector run` goes on with that",
}
"""What is decided already."""

_IN_DOUBT, _WAITING = "in doubt", "waiting, or refused"


@dataclass(frozen=True, slots=True)
class CaseRow:
    """One row that is decided about. `number` names it in a choice; `fields`: what is sent of it, people hidden."""

    number: int
    mapping: str
    key: str = field(repr=False)
    item: str = field(repr=False)
    date: str
    order: str
    category: str
    amount: int = field(repr=False)
    state: str
    fields: Mapping[str, object] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Doubt:
    """The batch in doubt. `answer`: what came of it, in words; `is_over`: it cannot take effect any more."""

    batch_id: int
    operation: str
    rows: int
    amount: int = field(repr=False)
    since: str
    answer: str
    is_over: bool


@dataclass(frozen=True, slots=True)
class Choice:
    """One thing that may be decided now: what to type, and what follows from it."""

    option: str
    consequence: str


@dataclass(frozen=True, slots=True)
class Case:
    """Everything there is to see before a decision; amounts scaled by 4.

    `ledger`: accepted rows, with `baseline`; `fits`: what the totals say of the rows in one sentence; `part`: the
    numbers of the rows that would explain the platform's total, where just one set of them does; `pending`: what is
    decided already and waits for the next run, or "".
    """

    visit: str = field(repr=False)
    key: str = field(repr=False)
    reason: str
    held_at: str
    ledger: int = field(repr=False)
    baseline: int = field(repr=False)
    platform: int | None = field(repr=False)
    read_at: str
    left: str
    doubt: Doubt | None
    rows: tuple[CaseRow, ...] = field(repr=False)
    fits: str
    part: tuple[int, ...]
    choices: tuple[Choice, ...]
    pending: str = ""


@dataclass(frozen=True, slots=True)
class Candidates:
    """The records a decision may be about, each with the line it goes by."""

    records: tuple[tuple[Line, StagedRecord], ...] = field(repr=False)

    @property
    def ids(self) -> list[int]:
        """Their numbers."""
        return [record.id for _, record in self.records]

    def sum_of(self, numbers: Sequence[int]) -> int:
        """The sum of these of them."""
        wanted = set(numbers)
        return sum(record.amount for _, record in self.records if record.id in wanted)

    def dated(self) -> list[Dated]:
        """The rows with the dates that are sent of them."""
        return [Dated(record.id, date_of(line, record), record.amount) for line, record in self.records]


@dataclass(frozen=True, slots=True)
class Matter:
    """A case with what carries a decision out: the batch in doubt, or None, and the records it may be about."""

    case: Case
    heard: Heard
    batch: Batch | None
    candidates: Candidates = field(repr=False)


def open_matter(parts: Parts, ledger: Ledger, heard: Heard, *, show_personal: bool = False) -> Matter:
    """Put a visit's case together."""
    visit_id = heard.visit.visit_id
    opened = next((one for one in ledger.all_open_batches() if one.visit_id == visit_id), None)
    batch = ledger.batch(opened.id) if opened else None
    outcome = ledger.answer_of(opened.id) if opened else None
    doubt = _doubt(opened, batch, outcome) if opened and batch else None
    candidates = _candidates(parts, ledger, heard, batch)
    found = _explain(heard, candidates, outcome)
    kinds = {one.decision.kind for one in ledger.pending_decisions(visit_id)}
    pending = _PENDING[UNDO] if UNDO in kinds else _PENDING[RESET] if RESET in kinds else ""
    case = Case(
        visit=heard.visit.name,
        key=heard.visit.key,
        reason=heard.visit.reason,
        held_at=heard.visit.held_at,
        ledger=heard.ledger,
        baseline=heard.visit.baseline or 0,
        platform=heard.platform,
        read_at=heard.at,
        left=heard.left,
        doubt=doubt,
        rows=tuple(
            _row(parts, line, record, is_doubtful=doubt is not None, show_personal=show_personal)
            for line, record in candidates.records
        ),
        fits=_say(found.fit, len(candidates.records), len(found.part), heard.surplus),
        part=found.part,
        choices=() if pending else tuple(_choices(heard, doubt, batch, candidates, found)),
        pending=pending,
    )
    return Matter(case, heard, batch, candidates)


def _explain(heard: Heard, candidates: Candidates, outcome: Outcome | None) -> Explanation:
    """What part of the rows explains the platform's total; the part by the numbers of its rows."""
    counts = outcome.counts if outcome is not None and outcome.verdict is Verdict.ACCEPTED else None
    found = explain(
        heard.ledger,
        [record.amount for _, record in candidates.records],
        heard.total,
        counts=counts,
        payloads=[record.payload for _, record in candidates.records],
        tolerance=heard.tolerance,
    )
    ids = candidates.ids
    return Explanation(found.fit, tuple(ids if found.fit is Fit.ALL else [ids[i] for i in found.part]))


def date_of(line: Line, record: StagedRecord) -> str:
    """The date of a charge, as it is sent; "" where there is none."""
    fields = json.loads(record.payload) if record.payload else {}
    return str(fields.get(line.node.roles.get("date", ""), ""))


def _doubt(opened: OpenBatch, batch: Batch, outcome: Outcome | None) -> Doubt:
    said = "no answer came"
    if outcome is not None and outcome.code:
        said = f"the platform said {outcome.code} {outcome.message}".strip()
        if outcome.counts is not None:
            said = f"{said}, and that it saved {outcome.counts} rows"
    elif outcome is not None and outcome.message:
        said = f"{said} ({outcome.message})"
    return Doubt(
        batch_id=opened.id,
        operation=opened.operation,
        rows=opened.rows,
        amount=opened.amount,
        since=opened.claimed_at,
        answer=said,
        is_over=batch.fenced or (outcome is not None and outcome.verdict in _ENDED),
    )


def _candidates(parts: Parts, ledger: Ledger, heard: Heard, batch: Batch | None) -> Candidates:
    """The rows of the charges in doubt; without a batch, the charges that somebody may have entered by hand."""
    lines = [line for flow in flows_of(parts, heard.visit) for line in flow.lines if not line.repeatable]
    if batch is not None:
        line = next((one for one in lines if one.path == batch.node), None)
        records = ledger.outbox.records_of(batch.id) if line is not None else []
        return Candidates(tuple((line, record) for record in records if line is not None))
    visit_id = heard.visit.visit_id
    return Candidates(
        tuple((line, record) for line in lines for record in ledger.outbox.adoptable(visit_id, line.mapping))
    )


def _row(
    parts: Parts, line: Line, record: StagedRecord, *, is_doubtful: bool, show_personal: bool
) -> CaseRow:
    """A row as it is shown."""
    fields: Mapping[str, object] = json.loads(record.payload) if record.payload else {}
    roles = line.node.roles
    shown = fields
    if not show_personal:
        shown = mask_of(parts.project.mappings[line.mapping], parts.contract).hide_payload(fields)
    item = " ".join(str(fields.get(roles.get(role, ""), "")) for role in ("item", "item_name"))
    return CaseRow(
        number=record.id,
        mapping=line.mapping,
        key=record.key,
        item=item.strip(),
        date=date_of(line, record),
        order=str(fields.get(roles.get("order", ""), "")),
        category=record.category,
        amount=record.amount,
        state=_IN_DOUBT if is_doubtful else _WAITING,
        fields=shown,
    )


def _say(fit: Fit, rows: int, part: int, surplus: int) -> str:
    """What the platform's total says of the rows."""
    difference = (
        f"The platform holds {yuan(abs(surplus)):.2f} {'more' if surplus > 0 else 'less'} than the ledger"
    )
    if fits(surplus, 0) and not rows:
        return "The platform holds what the ledger says."
    return {
        Fit.ALL: f"{difference}: as if all {rows} rows below were there.",
        Fit.NONE: "The platform holds what the ledger says: as if no row below were there.",
        Fit.PART: f"{difference}: as if just {part} of the {rows} rows below were there.",
        Fit.SEVERAL: f"{difference}: more than one part of the rows below would explain that."
        if not fits(surplus, 0)
        else "The total cannot tell which of the rows below are there.",
        Fit.NEITHER: f"{difference}, and no part of the rows below explains that."
        if rows
        else f"{difference}, and there is no row to explain it.",
    }[fit]


def may_reset(heard: Heard) -> str:
    """Why the visit cannot be reset; "" where it can."""
    if not heard.visit.registered:
        return "it is not registered"
    if heard.left:
        return f"its patient left on {heard.left}: cancel the discharge (4.14) first"
    return ""


def _choices(
    heard: Heard,
    doubt: Doubt | None,
    batch: Batch | None,
    candidates: Candidates,
    found: Explanation,
) -> list[Choice]:
    """What may be decided, the likeliest first."""
    choices: list[Choice] = []
    if doubt is not None and batch is not None:
        if candidates.records:
            choices += _of_batch(heard, doubt, candidates, found)
    else:
        choices += _of_totals(heard, candidates, found)
    if not may_reset(heard):
        choices.append(
            Choice(
                "--reset",
                "The next run deletes ALL fees of this visit on the platform, those entered on its web page too, and "
                "sends anew what the HIS has, orders too; the admission stays.",
            )
        )
    return choices


def _of_batch(heard: Heard, doubt: Doubt, candidates: Candidates, found: Explanation) -> list[Choice]:
    """What may be said of a batch in doubt."""
    choices: list[Choice] = []
    if heard.shows(candidates.sum_of(candidates.ids)):
        choices.append(Choice("--accept all", "Every row counts as sent; none of them is sent again."))
    if doubt.is_over and heard.shows(0):
        choices.append(Choice("--accept none", "No row counts as sent; all are sent again, one by one."))
    if doubt.is_over and found.fit in (Fit.PART, Fit.SEVERAL):
        rows = ",".join(map(str, found.part)) or "ROW,ROW"
        whose = "These rows" if found.part else "The rows you found on the web page"
        choices.append(
            Choice(f"--accept {rows}", f"{whose} count as sent; the others are sent again, one by one.")
        )
    return choices


def is_something_else(heard: Heard, candidates: Candidates, fit: Fit) -> bool:
    """Whether the platform holds more than the ledger, and the rows that wait do not explain it too well."""
    if heard.surplus <= 0 or fit in (Fit.ALL, Fit.PART):
        return False
    return not is_likely_there(candidates.dated(), heard.surplus)


def _of_totals(heard: Heard, candidates: Candidates, found: Explanation) -> list[Choice]:
    """What may be said where nothing is in doubt, but somebody else may have changed the visit."""
    if heard.shows(0):
        return (
            [Choice("--release", "The visit goes on at the next run; nothing else changes.")]
            if heard.visit.reason
            else []
        )
    choices: list[Choice] = []
    if candidates.records and found.fit is not Fit.NEITHER:
        rows = "all" if found.fit is Fit.ALL else ",".join(map(str, found.part)) or "ROW,ROW"
        choices.append(
            Choice(
                f"--adopt {rows}", "Somebody entered these rows by hand: they count as sent and are not sent."
            )
        )
    if is_something_else(heard, candidates, found.fit):
        choices.append(
            Choice(
                "--baseline",
                f"The {yuan(heard.surplus):.2f} yuan there are something else and stay as they are; the rows below are "
                "sent on top of them.",
            )
        )
    return choices
