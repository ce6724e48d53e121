"""Take a visit back on a person's word: show the calls and what each removes, ask, carry them out, say how far it came.

Shown and carried out as everything else is: under the lease, and by the delivery's own way.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from connector.errors import ConfigurationError, PlatformError
from connector.ledger.decisions import Decision, KeptDecision
from connector.ledger.judgements import RESET, UNDO
from connector.ledger.overview import VisitDue
from connector.ledger.steps import LEAVE, KeptStep
from connector.ledger.store import Ledger
from connector.ledger.undos import Holding
from connector.pipeline.compose import TOLERANCE
from connector.pipeline.deciding import Signature
from connector.pipeline.decisions import find_visit
from connector.pipeline.deliver import open_deliverer
from connector.pipeline.desk import Flow, Report
from connector.pipeline.hearing import Heard, Hearing, flows_of, open_hearing, pipelines_of
from connector.pipeline.later_files import DOCUMENT
from connector.pipeline.overview import COMPLETE, FAILED, STOPPED, UNSETTLED
from connector.pipeline.parts import Parts
from connector.pipeline.progress import Progress
from connector.pipeline.undo_plan import Reach, UndoFacts, UndoPlan, chain_of, plan_undo, removes, what_stays
from connector.pipeline.undo_steps import is_named, operation_of, steps_left
from connector.pipeline.visit import deliver_visit
from connector.records import yuan

_APPROVED = frozenset({"approve", "sheet"})
"""Steps that say that fees were approved; fetching the settlement sheet does so too (trap T109)."""


@dataclass(frozen=True, slots=True)
class UndoLine:
    """One call that takes something back: the step, its interface, and what it removes."""

    step: str
    section: str
    method: str
    removes: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class UndoCase:
    """What there is to see before a visit is taken back; amounts scaled by 4.

    `stays`: what no call takes back; `charges`, `orders`, `invoices`: what the ledger has of it. `since`: when, by whom and why it was decided already, where an undo is under way;
    then `lines` are what is left of it.
    """

    visit: str = field(repr=False)
    key: str = field(repr=False)
    to: str
    lines: tuple[UndoLine, ...]
    stays: tuple[str, ...] = field(repr=False)
    ledger: int = field(repr=False)
    platform: int | None = field(repr=False)
    left: str
    charges: tuple[Holding, ...]
    orders: int
    invoices: tuple[str, ...] = field(repr=False)
    since: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class UndoReport:
    """How far it came: the sections that were taken back, those that were not, and in words what holds the rest up.

    `then`: why the visit is held now.
    """

    visit: str = field(repr=False)
    done: tuple[str, ...]
    left: tuple[str, ...]
    problem: str
    then: str = field(repr=False)
    exit_code: int


@dataclass(frozen=True, slots=True)
class _Matter:
    """A case with what carries it out."""

    case: UndoCase
    heard: Heard
    facts: UndoFacts
    plan: UndoPlan
    pending: KeptDecision | None


def look(
    parts: Parts, name: str, reach: Reach, *, progress: Progress, is_stopping: Callable[[], bool]
) -> UndoCase:
    """What would be called, with the platform's reading of now.

    Raises ConfigurationError for an unknown visit, or one that cannot be taken back so far; PlatformError where the
    platform does not say; LeaseHeld while a run is under way.
    """
    with open_hearing(parts, progress=progress, is_stopping=is_stopping) as hearing:
        return _hear(hearing, name, reach).case


def take_back(
    parts: Parts,
    name: str,
    reach: Reach,
    signature: Signature,
    *,
    seen: UndoCase,
    progress: Progress,
    is_stopping: Callable[[], bool],
) -> UndoReport:
    """Carry it out, if it is still what the person saw; raises PlatformError otherwise, and as `look` does."""
    with open_hearing(parts, progress=progress, is_stopping=is_stopping) as hearing:
        matter = _hear(hearing, name, reach)
        if matter.case != _as_of(seen, matter.case):
            raise PlatformError(
                f"Visit {seen.visit} has moved since it was shown. Nothing was taken back; look again."
            )
        decision_id = matter.pending.id if matter.pending else _decide(hearing.ledger, matter, signature)
        delivered = _carry_out(hearing, matter)
        return _report(hearing, matter, decision_id, delivered)


def _as_of(seen: UndoCase, now: UndoCase) -> UndoCase:
    """What was seen; nothing of it may differ."""
    return now if (seen.lines, seen.stays, seen.since) == (now.lines, now.stays, now.since) else seen


def _hear(hearing: Hearing, name: str, reach: Reach) -> _Matter:
    """The visit's case, with a fresh reading."""
    visit = find_visit(hearing.ledger, name)
    if not visit.number:
        raise ConfigurationError(
            f"Visit {visit.name} has no number at the platform yet: nothing of it was sent, and nothing can be taken back."
        )
    pending = hearing.ledger.pending_decisions(visit.visit_id)
    if any(one.decision.kind == RESET for one in pending):
        raise ConfigurationError(
            f"Visit {visit.name}: a reset is approved. The next `connector run` carries it out, or "
            f"`connector resolve {visit.name} --withdraw` takes the approval back; then try again."
        )
    under_way = next((one for one in pending if one.decision.kind == UNDO), None)
    if under_way is not None and under_way.decision.choice != reach:
        raise ConfigurationError(
            f"Visit {visit.name} is being taken back to {under_way.decision.choice}: `--to "
            f"{under_way.decision.choice}`, or the next `connector run`, goes on with that. Then it can go further back."
        )
    (heard,) = hearing.hear([visit])
    flow = flows_of(hearing.parts, visit)[0]
    facts = _facts(hearing.ledger, flow, heard)
    if under_way is not None:
        steps = steps_left(hearing.ledger, under_way)
        plan = UndoPlan(steps, tuple(what_stays(facts, steps)))
    else:
        plan = plan_undo(facts, reach)
    if plan.refusal:
        raise ConfigurationError(
            f"Visit {visit.name} cannot be taken back to {reach}: {plan.refusal}. Nothing was sent."
        )
    lines = tuple(_line(hearing, flow, facts, step) for step in plan.steps)
    case = UndoCase(
        visit.name,
        visit.key,
        reach,
        lines,
        plan.stays,
        heard.ledger,
        heard.platform,
        heard.left,
        facts.charges,
        facts.orders,
        facts.invoices,
        since=_since(under_way),
    )
    return _Matter(case, heard, facts, plan, under_way)


def _since(under_way: KeptDecision | None) -> str:
    """When, by whom and why it was decided, where it was."""
    if under_way is None:
        return ""
    made = under_way.decision
    return f"{under_way.at} by {made.who}" + (f" ({made.reason})" if made.reason else "")


def _line(hearing: Hearing, flow: Flow, facts: UndoFacts, step: str) -> UndoLine:
    operation = operation_of(hearing.parts.contract, flow, step)
    return UndoLine(step, operation.section, operation.method, removes(facts, step))


def _facts(ledger: Ledger, flow: Flow, heard: Heard) -> UndoFacts:
    """What ledger and platform say of a visit."""
    visit = heard.visit
    steps = ledger.steps.of(visit.visit_id)
    has_left = bool(heard.left) or ledger.steps.leaving_of(visit.visit_id) is not None
    was_approved = any(one.name in _APPROVED for one in steps) or ledger.accounts.was_read_by(
        visit.visit_id, flow.approve.method
    )
    return UndoFacts(
        is_cross_province=flow.register.family == "cross_province",
        is_registered=visit.registered,
        is_listed=heard.platform is not None,
        has_left=has_left,
        ledger=heard.ledger,
        platform=heard.total,
        left=heard.left,
        charges=tuple(ledger.undos.charges(visit.visit_id)),
        orders=ledger.undos.orders(visit.visit_id),
        invoices=_invoices(steps),
        is_approved=has_left or was_approved,
        doubt=_doubt(ledger, visit.visit_id, has_left=has_left),
        is_named=is_named(ledger, visit.visit_id),
    )


def _invoices(steps: Sequence[KeptStep]) -> tuple[str, ...]:
    """The numbers of all invoices and files that were sent with a leaving, or after it."""
    found: list[str] = []
    for one in steps:
        numbers = one.details.get("invoices")
        if one.name == LEAVE and isinstance(numbers, list):
            found += map(str, numbers)
        elif one.name == DOCUMENT and one.details.get("number"):
            found.append(str(one.details["number"]))
    return tuple(dict.fromkeys(found))


def _doubt(ledger: Ledger, visit_id: int, *, has_left: bool) -> str:
    """What has to be settled first, or "". Charges in doubt are not: deleting the fees settles them too."""
    for batch in ledger.open_batches(visit_id):
        if not batch.is_reset and (batch.base_total is None or has_left):
            return f"a call of {batch.operation} is in doubt"
    return ""


def _decide(ledger: Ledger, matter: _Matter, signature: Signature) -> int:
    """Keep the decision, with the numbers that were seen; from now on a run carries it out too."""
    facts, case = matter.facts, matter.case
    numbers: dict[str, int | str] = {
        "chain": chain_of(matter.plan.steps),
        "rows": facts.rows,
        "ledger": f"{yuan(facts.ledger):f}",
        "platform": f"{yuan(facts.platform):f}",
        "orders": facts.orders,
    }
    if facts.invoices:
        numbers["invoices"] = ", ".join(facts.invoices)
    visit_id = matter.heard.visit.visit_id
    decision = Decision(UNDO, case.to, signature.who, signature.because, visit_id, None, numbers)
    sections = ", ".join(line.section for line in case.lines)
    hold = f"it is being taken back to {case.to} ({sections}), decided by {signature.who}: the next run goes on with it"
    return ledger.undos.approve(decision, hold)


def _carry_out(hearing: Hearing, matter: _Matter) -> Report:
    """Let the visit go its way: what is decided comes before everything else."""
    visit = matter.heard.visit
    pipeline = pipelines_of(hearing.parts, visit)[0]
    due = [one for one in _known(hearing.ledger, pipeline.visits) if one.visit_id == visit.visit_id]
    with open_deliverer(
        hearing.parts,
        hearing.ledger,
        open_client=hearing.parts.open_client,
        keep_lease=lambda: hearing.ledger.keep_lease(hearing.lease),
        guard=lambda: None,  # nothing is uploaded that a limit could stop
        progress=hearing.progress,
        is_stopping=hearing.is_stopping,
    ) as deliverer:
        return deliverer.visit(pipeline, 0, due, deliver_visit)


def _known(ledger: Ledger, visits: str) -> list[VisitDue]:
    return ledger.known_visits(visits, tolerance=TOLERANCE)


def _report(hearing: Hearing, matter: _Matter, decision_id: int, delivered: Report) -> UndoReport:
    """How far it came, by what the ledger says."""
    visit = matter.heard.visit
    done = {one.name for one in hearing.ledger.undos.done_of(visit.visit_id, decision_id)}
    pending = any(one.id == decision_id for one in hearing.ledger.pending_decisions(visit.visit_id))
    lines = matter.case.lines
    left = tuple(line.section for line in lines if line.step not in done)
    reason = next(iter((*delivered.held.values(), *delivered.waiting.values())), "")
    (now,) = hearing.ledger.visits_of([visit.visit_id])
    code = UNSETTLED if left or pending else COMPLETE
    if delivered.stopped:
        code = STOPPED if hearing.is_stopping() else FAILED
    return UndoReport(
        visit.name,
        tuple(line.section for line in lines if line.step in done),
        left,
        (delivered.stopped or reason) if left or pending else "",
        now.reason,
        code,
    )
