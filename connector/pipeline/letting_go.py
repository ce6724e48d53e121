"""A person lets a visit leave: the checklist before, the decision, and the visit taken all the way."""

from collections.abc import Callable
from dataclasses import dataclass, field

from connector.config.pipeline import Pipeline
from connector.errors import ConfigurationError
from connector.ledger.decisions import Decision
from connector.ledger.overview import VisitDue
from connector.ledger.steps import LEAVE
from connector.ledger.visits import KnownVisit
from connector.pipeline.balance import Said
from connector.pipeline.checklist import Checklist
from connector.pipeline.compose import TOLERANCE
from connector.pipeline.decisions import find_visit
from connector.pipeline.departure import Examiner
from connector.pipeline.hearing import Hearing, open_hearing, pipelines_of
from connector.pipeline.leaving import WITHOUT_INVOICES
from connector.pipeline.overview import UNSETTLED
from connector.pipeline.parts import Parts
from connector.pipeline.progress import Progress, Silent
from connector.pipeline.run import RunReport
from connector.pipeline.turns import open_turn
from connector.pipeline.visiting import step_visit

_NOT_ASKED = "not asked: it is not registered"


@dataclass(frozen=True, slots=True)
class LeaveReport:
    """What letting a visit leave came to. `checklist` is that of afterwards, where it has not left."""

    run: RunReport
    has_left: bool
    checklist: Checklist | None
    exit_code: int


@dataclass(frozen=True, slots=True)
class Word:
    """Who lets a visit leave, and why. `without_invoices`: the platform has them already, or gets them by 4.18."""

    who: str
    because: str = field(default="", repr=False)
    without_invoices: bool = False


def checklist_of(
    parts: Parts, name: str, *, progress: Progress, is_stopping: Callable[[], bool]
) -> Checklist:
    """Everything that has to be right before a visit leaves; nothing is sent but the question for its total (4.15).

    Raises ConfigurationError for an unknown visit, PlatformError where the platform does not say, SourceError,
    LedgerError, LeaseHeld while a run is under way.
    """
    with open_hearing(parts, progress=progress, is_stopping=is_stopping) as hearing:
        visit = find_visit(hearing.ledger, name)
        pipeline = pipeline_that_leaves(parts, visit)
        said, left = _ask(hearing, visit)
        with parts.open_hospital() as hospital:
            due = _due(hearing, pipeline, visit)
            return Examiner(parts).examine(hearing.ledger, hospital, pipeline, due, said, left=left).checklist


def _ask(hearing: Hearing, visit: KnownVisit) -> tuple[Said, str]:
    """The platform's total, and the day on which it lets the patient leave."""
    if not visit.registered:
        return Said(None, "", remark=_NOT_ASKED), ""
    (heard,) = hearing.hear([visit])
    return Said(heard.platform, heard.at), heard.left


def _due(hearing: Hearing, pipeline: Pipeline, visit: KnownVisit) -> VisitDue:
    """The visit as the delivery knows it."""
    known = hearing.ledger.known_visits(pipeline.visits, tolerance=TOLERANCE)
    return next(one for one in known if one.visit_id == visit.visit_id)


def pipeline_that_leaves(parts: Parts, visit: KnownVisit) -> Pipeline:
    """The pipeline of a visit; of several the one that says what it leaves with."""
    pipelines = pipelines_of(parts, visit)
    return next((one for one in pipelines if one.leave), pipelines[0])


def let_leave(
    parts: Parts, name: str, word: Word, *, progress: Progress, is_stopping: Callable[[], bool]
) -> LeaveReport:
    """Keep that a person lets a visit leave, then take it all the way, as `connector visit step` does.

    Where something stands against it, it leaves by itself at the first run at which nothing does. Raises
    ConfigurationError where visits do not leave, and as `run` does.
    """
    if parts.project.settings.lifecycle.leave == "never":
        raise ConfigurationError(
            "lifecycle.leave in connector.yaml says never: visits leave on the platform's web page. Nothing was done."
        )
    _keep(parts, name, word)
    report = step_visit(parts, name, progress=progress, is_stopping=is_stopping)
    with parts.open_ledger(read_only=True) as ledger:
        has_left = ledger.steps.leaving_of(find_visit(ledger, name).visit_id) is not None
    if has_left or report.problem:
        return LeaveReport(report, has_left, None, report.exit_code)
    found = checklist_of(parts, name, progress=progress, is_stopping=is_stopping)
    return LeaveReport(report, has_left, found, UNSETTLED)


def _keep(parts: Parts, name: str, word: Word) -> None:
    """Keep the decision, in the place of an earlier one that waits."""
    with open_turn(parts, notify=Silent().note, is_stopping=lambda: False) as (ledger, _):
        visit = find_visit(ledger, name)
        if not pipeline_that_leaves(parts, visit).leave:
            raise ConfigurationError(
                f"The pipeline of visit {visit.name} does not say what a visit leaves with: name a mapping with "
                "`fills: leaveHos` (or offsiteLeaveHos) under `leave:` in its file. Nothing was done."
            )
        if ledger.steps.leaving_of(visit.visit_id) is not None:
            raise ConfigurationError(f"Visit {visit.name} has left already. Nothing was done.")
        with ledger.together():
            for earlier in ledger.pending_decisions(visit.visit_id):
                if earlier.decision.kind == LEAVE:
                    ledger.finish_decision(earlier.id)
            choice = WITHOUT_INVOICES if word.without_invoices else "let go"
            decision = Decision(LEAVE, choice, word.who, word.because, visit.visit_id)
            ledger.keep_decision(decision, is_done=False)


def withdraw(parts: Parts, name: str, word: Word) -> None:
    """Take a word back that has not been carried out; ConfigurationError where there is none. LeaseHeld, LedgerError."""
    with open_turn(parts, notify=Silent().note, is_stopping=lambda: False) as (ledger, _):
        visit = find_visit(ledger, name)
        waiting = [one for one in ledger.pending_decisions(visit.visit_id) if one.decision.kind == LEAVE]
        if not waiting:
            raise ConfigurationError(
                f"Nobody let visit {visit.name} leave, or it has left. Nothing was done."
            )
        with ledger.together():
            for one in waiting:
                ledger.finish_decision(one.id)
            ledger.keep_decision(Decision(LEAVE, "withdrawn", word.who, word.because, visit.visit_id))
