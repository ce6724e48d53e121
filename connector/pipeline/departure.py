"""Find what a visit's checklist is judged by: in the HIS, the ledger, and the catalogue. Everything is only read."""

import json
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from threading import Lock
from zoneinfo import ZoneInfo

import pyarrow as pa

from connector.columns import dates
from connector.config.pipeline import Pipeline
from connector.contract.lookups import role_paths
from connector.contract.spec import Operation
from connector.errors import ConnectorError
from connector.extract import lookup
from connector.extract.source import Hospital
from connector.ledger.overview import VisitDue
from connector.ledger.steps import LEAVE, KeptStep
from connector.ledger.store import Ledger
from connector.pipeline.balance import Said
from connector.pipeline.checklist import Departing, Departure, Stale, judge
from connector.pipeline.later_files import brought_later
from connector.pipeline.papers import Papers, gather_papers
from connector.pipeline.parts import Parts
from connector.pipeline.queries import plans_of, query_of, read_catalogues
from connector.pipeline.totals import Comparer
from connector.records import RecordBlock, StagedRecord, State
from connector.transform.shape import Plan, catalogue_statuses, transform

_REGISTRATION = "registration"
OUTPATIENTS = frozenset({"11", "71"})
"""AKA130: who has no medical record of an inpatient."""

_USABLE = frozenset({"found", "outside"})
_OF_CATALOGUE = frozenset({"unmapped", "expired", "ambiguous", "undated"})
_COUNTED: Mapping[State, str] = {
    State.STAGED: "staged",
    State.CLAIMED: "doubt",
    State.IN_DOUBT: "doubt",
    State.QUARANTINED: "quarantined",
}


@dataclass(frozen=True, slots=True)
class _Charges:
    """What the HIS's charges say beside their sum."""

    days: tuple[str, ...]
    stale: tuple[Stale, ...]


class Examiner:
    """Examines visits one after the other, or several at once from threads; the catalogues are read once."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._lock = Lock()
        self._plans: Mapping[str, Plan] | None = None

    def look(
        self, pipeline: Pipeline, visit: VisitDue, said: Said, *, without_invoices: bool = False
    ) -> Departure | ConnectorError:
        """The same as `examine`, with a reading of the ledger's file and a connection to the HIS of its own.

        What goes wrong is returned: it is asked for in a thread.
        """
        try:
            with self._parts.open_ledger(read_only=True) as ledger, self._parts.open_hospital() as hospital:
                return self.examine(
                    ledger, hospital, pipeline, visit, said, without_invoices=without_invoices
                )
        except ConnectorError as error:
            return error

    def examine(
        self,
        ledger: Ledger,
        hospital: Hospital,
        pipeline: Pipeline,
        visit: VisitDue,
        said: Said,
        *,
        left: str = "",
        without_invoices: bool = False,
    ) -> Departure:
        """What a visit would leave with, and what stands against it.

        `said`: the platform's total of now; `left`: the day on which it lets the patient leave, by other hands;
        `without_invoices`: they are left out.

        Raises SourceError, LedgerError, ConfigurationError.
        """
        plans = self._compiled(hospital)
        project = self._parts.project
        steps = ledger.steps.of(visit.visit_id)
        papers = gather_papers(self._parts, hospital, pipeline, visit.key, visit.number)
        if papers is not None and without_invoices:
            papers = _leave_out_invoices(papers)
        discharged = _discharged(papers)
        comparer = Comparer(self._parts, plans, hospital, ledger)
        (compared,) = comparer.compare(pipeline, [visit], {visit.visit_id: said})
        charges = self._read_charges(ledger, hospital, pipeline, visit, plans)
        register = self._parts.contract.operation(project.mappings[pipeline.visits].fills.partition(".")[0])
        found = Departing(
            has_ended=not visit.is_open,
            is_registered=visit.registered,
            left_on=_left_on(ledger.steps.leaving_of(visit.visit_id), left),
            held_for=visit.reason,
            rows=_count_rows(ledger, pipeline, visit),
            is_registration_changed=any(
                one.is_changed for one in ledger.accounts.booked([visit.visit_id], pipeline.visits)
            ),
            comparison=compared,
            stale=charges.stale,
            late=tuple(sorted(day for day in charges.days if discharged and day > discharged)),
            discharged=discharged,
            today=self._today(),
            is_inpatient=_kind(register, ledger.outbox.registration(visit.visit_id), steps)
            not in OUTPATIENTS,
            papers=papers,
            leave_mapping=pipeline.leave,
            used=_used(ledger, papers, steps),
            documents=brought_later(steps),
            has_e_invoices=project.settings.lifecycle.e_invoice and not without_invoices,
        )
        listed = judge(visit.number or visit.key, found)
        return Departure(listed, papers, discharged, compared.categories, compared.others)

    def _compiled(self, hospital: Hospital) -> Mapping[str, Plan]:
        """The plans, compiled once."""
        with self._lock:
            if self._plans is None:
                catalogues = read_catalogues(self._parts.project, hospital)
                self._plans = plans_of(self._parts.project, self._parts.contract, catalogues)
            return self._plans

    def _today(self) -> str:
        """The platform's day."""
        zone = ZoneInfo(self._parts.project.settings.platform.key_date_zone)
        return self._parts.clock.now().astimezone(zone).date().isoformat()

    def _read_charges(
        self,
        ledger: Ledger,
        hospital: Hospital,
        pipeline: Pipeline,
        visit: VisitDue,
        plans: Mapping[str, Plan],
    ) -> _Charges:
        """Days of the charges as they are sent, and those of them whose item the catalogue has no usable row for."""
        days: list[str] = []
        then: Counter[str] = Counter()
        now: Counter[str] = Counter()
        for plan in (plans[name] for name in pipeline.mappings):
            if plan.role("amount") is None:
                continue
            booked = ledger.accounts.booked([visit.visit_id], plan.mapping.name)
            sent = {one.key for one in booked if one.state is State.ACCEPTED}
            for chunk in lookup.read_by_visits(hospital, query_of(plan.mapping), [visit.key]):
                block = transform(plan, chunk.table, undecodable=chunk.undecodable).block
                days += _days(plan, block)
                then.update(_outgrown(block, sent))
                today = date.fromisoformat(self._today())
                now.update(one for one in catalogue_statuses(plan, chunk.table, today) if one not in _USABLE)
        stale = [Stale(rows, status, today=False) for status, rows in sorted(then.items())]
        if not stale:
            stale = [Stale(rows, status, today=True) for status, rows in sorted(now.items())]
        return _Charges(tuple(days), tuple(stale))


def _days(plan: Plan, block: RecordBlock) -> list[str]:
    """The days of all charges that may be sent, as 2026-03-02."""
    slot = plan.role("date")
    if slot is None:
        return []
    told = [str(json.loads(payload).get(slot.path) or "") for payload in block.payloads]
    read = dates.from_texts(pa.array(told, pa.string()), slot.spec.format or "%Y-%m-%d").dates()
    return [day.isoformat() for day in read.to_pylist() if day is not None]


def _outgrown(block: RecordBlock, sent: Collection[str]) -> Iterator[str]:
    """Why the catalogue has no usable row any more for charges that were sent."""
    for one in block.rejections:
        rules = {violation.rule for violation in one.violations} & _OF_CATALOGUE
        if one.key in sent and rules:
            yield min(rules)


def _count_rows(ledger: Ledger, pipeline: Pipeline, visit: VisitDue) -> Mapping[str, int]:
    """Rows of the visit that are not where they belong, by what became of them."""
    counts: Counter[str] = Counter()
    for mapping in (pipeline.visits, *pipeline.mappings):
        states = [one.state for one in ledger.accounts.booked([visit.visit_id], mapping)]
        counts.update(_COUNTED[state] for state in states if state in _COUNTED)
    return counts


def _left_on(step: KeptStep | None, left: str) -> str:
    """That it has left, in words, or ""."""
    if step is not None:
        return f"it has left already, on {step.details.get('discharged')}"
    return f"the platform lists it as discharged on {left}, by other hands" if left else ""


def _discharged(papers: Papers | None) -> str:
    """The day of the discharge as it would be sent, "" where it is not known."""
    if papers is None:
        return ""
    return str(papers.body.get(papers.operation.request.roles["discharged"]) or "")


def _kind(register: Operation, waiting: StagedRecord | None, steps: Sequence[KeptStep]) -> str:
    """The visit's kind (AKA130) as it was registered, or will be; "" where that is not kept."""
    sent = [one.details.get("request") for one in steps if one.name == _REGISTRATION][-1:]
    path = dict(role_paths(register))["kind"]
    told: object = json.loads(waiting.payload) if waiting is not None else sent[0] if sent else {}
    for name in path.split("."):
        told = told.get(name) if isinstance(told, dict) else None
    return str(told or "")


def _leave_out_invoices(papers: Papers) -> Papers:
    """The same papers without invoices and their like: the list goes empty (trap T111)."""
    body, nodes = dict(papers.body), dict(papers.nodes)
    for node in papers.operation.request.nodes:
        if "invoice" in node.roles:
            body[node.wrapper or node.name] = {node.name: []} if node.wrapper else []
            nodes[node.name] = 0
    return replace(papers, body=body, nodes=nodes, invoices=())


def _used(ledger: Ledger, papers: Papers | None, steps: Sequence[KeptStep]) -> dict[str, str]:
    """The invoices that were sent before, in words; a number is used once (trap T111)."""
    used: dict[str, str] = {}
    gone = {number for one in steps if one.name == LEAVE for number in _texts(one.details.get("invoices"))}
    for invoice in papers.invoices if papers else ():
        use = ledger.journal.invoice(invoice.number)
        if use is None and invoice.number in gone:
            used[invoice.number] = f"invoice {invoice.number} went with an earlier discharge of this visit"
        if use is not None:
            used[invoice.number] = f"invoice {invoice.number} was sent on {use.at[:10]} for visit {use.visit}"
    return used


def _texts(value: object) -> list[str]:
    return [str(one) for one in value] if isinstance(value, list) else []


def unheld(visit: VisitDue) -> VisitDue:
    """A visit as it is while it is taken further: what it was held for is found out anew."""
    return replace(visit, reason="")
