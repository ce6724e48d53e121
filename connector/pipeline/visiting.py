"""Visits one by one: where each stands, what was done for it, and one taken as far as it goes now."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from connector.config.pipeline import Pipeline
from connector.config.settings import LifecycleSettings
from connector.errors import ConfigurationError
from connector.ledger.decisions import Decision
from connector.ledger.steps import AGAIN, KeptStep
from connector.ledger.visit_totals import VisitTotals
from connector.ledger.visits import KnownVisit
from connector.pipeline.answering import Question, list_questions
from connector.pipeline.deciding import Signature
from connector.pipeline.decisions import DecisionReport, find_visit, list_decisions
from connector.pipeline.later_files import DOCUMENT
from connector.pipeline.lifecycle import BACK, ENDED
from connector.pipeline.overview import LEAVING_IN_DOUBT, files_in_doubt, may_leave
from connector.pipeline.parts import Parts
from connector.pipeline.progress import Progress, Silent
from connector.pipeline.run import RunReport, run
from connector.pipeline.turns import open_turn

ASIDE = "nothing: a person set it aside"


@dataclass(frozen=True, slots=True)
class VisitLine:
    """One visit: its pipeline, its sums, and in words what it waits for, or ""."""

    pipeline: str
    waits_for: str
    totals: VisitTotals = field(repr=False)


@dataclass(frozen=True, slots=True)
class StepLine:
    """One thing that was done for a visit beyond its rows, and how its record was chosen, where it is one."""

    at: str
    name: str
    operation: str
    how: str


@dataclass(frozen=True, slots=True)
class VisitReport:
    """Everything about one visit, the oldest first."""

    line: VisitLine
    steps: tuple[StepLine, ...]
    questions: tuple[Question, ...] = field(repr=False)
    decisions: tuple[DecisionReport, ...] = field(repr=False)


def list_visits(parts: Parts, *, everything: bool = False) -> list[VisitLine]:
    """The visits that are open in the HIS or wait for something; with `everything` all. The ledger is only read."""
    lines: list[VisitLine] = []
    with parts.open_ledger(read_only=True) as ledger:
        for pipeline in parts.project.pipelines.values():
            asked = {one.key: one.kind for one in ledger.questions.open(pipeline.visits)}
            files = files_in_doubt(ledger, pipeline)
            for one in ledger.visit_totals(pipeline.visits):
                waits_for = (
                    _waits_for(one, asked)
                    or _waits_to_leave(one, pipeline, parts.project.settings.lifecycle)
                    or ("a person: files in doubt (4.18)" if (one.number or one.key) in files else "")
                )
                if one.is_set_aside:
                    waits_for = ASIDE
                if everything or one.is_open or (waits_for and not one.is_set_aside):
                    lines.append(VisitLine(pipeline.name, waits_for, one))
    return lines


def _waits_for(one: VisitTotals, asked: Mapping[str, str]) -> str:
    """What comes next, in words."""
    if one.key in asked:
        return f"a person's answer (its {asked[one.key]})"
    if one.reason:
        return f"a person: {one.reason}"
    if one.is_leaving or one.doubt_rows:
        return LEAVING_IN_DOUBT if one.is_leaving else f"{one.doubt_rows} rows in doubt"
    if not one.registered:
        return "its registration"
    if one.staged_rows:
        return f"{one.staged_rows} rows to be sent"
    return f"{one.quarantined_rows} rows in quarantine" if one.quarantined_rows else ""


def _waits_to_leave(one: VisitTotals, pipeline: Pipeline, rules: LifecycleSettings) -> str:
    """What comes next at its end, in words."""
    if one.has_left and one.is_open:
        return "a person: it has left at the platform and is open in the HIS again"
    if not pipeline.leave or rules.leave == "never" or not may_leave(one):
        return ""
    if one.is_let_go or (rules.leave == "automatic" and not one.is_back):
        return f"its leaving: `connector visit checklist {one.number}` says what stands against it"
    return BACK if one.is_back else ENDED


def show_visit(parts: Parts, name: str, *, show_personal: bool = False) -> VisitReport:
    """One visit; ConfigurationError where there is none of that name."""
    with parts.open_ledger(read_only=True) as ledger:
        visit = find_visit(ledger, name)
        steps = tuple(map(_step, ledger.steps.of(visit.visit_id)))
    line = _line_of(parts, visit)
    return VisitReport(
        line,
        steps,
        tuple(list_questions(parts, name, show_personal=show_personal)),
        tuple(reversed(list_decisions(parts, name))),
    )


def _line_of(parts: Parts, visit: KnownVisit) -> VisitLine:
    """A visit's line; ConfigurationError where no pipeline delivers it any more."""
    for line in list_visits(parts, everything=True):
        if line.totals.key == visit.key and parts.project.pipelines[line.pipeline].visits == visit.mapping:
            return line
    raise ConfigurationError(
        f"Visit {visit.name} came from the mapping {visit.mapping}, and no pipeline has that for its `visits` any more."
    )


def _step(kept: KeptStep) -> StepLine:
    """A step without what it knows of people."""
    how = str(kept.details.get("how", ""))
    if kept.name == DOCUMENT:
        how = f"{kept.details.get('number')}: {how}"
    return StepLine(kept.at, kept.name, kept.operation, how)


def step_visit(
    parts: Parts,
    name: str,
    *,
    again: Signature | None = None,
    progress: Progress,
    is_stopping: Callable[[], bool],
) -> RunReport:
    """Read what is new, as a run does, then take this one visit as far as it goes now.

    `again`: who lets a visit go of which something was taken back, or that was set aside, and why. The exit code is about
    this visit. Raises as `run` does, and ConfigurationError for a visit that nobody knows, that is set aside, or that needs
    no such word.
    """
    if again is not None:
        _let_go(parts, name, again)
    with parts.open_ledger(read_only=True) as ledger:
        found = ledger.find_visits(name)
        if again is None and any(ledger.undos.is_set_aside(one.visit_id) for one in found):
            raise ConfigurationError(
                f"Visit {name} is set aside: nothing of it is sent. `connector visit step {name} --again` lets it go."
            )
    mappings = {one.mapping for one in found}
    pipelines = [one.name for one in parts.project.pipelines.values() if one.visits in mappings]
    return run(parts, pipelines, progress=progress, is_stopping=is_stopping, visit=name)


def _let_go(parts: Parts, name: str, signature: Signature) -> None:
    """Let what was taken back of a visit, or was set aside, be registered and sent again."""
    with open_turn(parts, notify=Silent().note, is_stopping=lambda: False) as (ledger, _):
        visit = find_visit(ledger, name)
        if not (ledger.undos.taken_back(visit.visit_id) or ledger.undos.is_set_aside(visit.visit_id)):
            raise ConfigurationError(
                f"Nothing of visit {visit.name} was taken back, and it is not set aside: `connector visit step {visit.name}` "
                "takes it as far as it goes."
            )
        ledger.undos.let_go(Decision(AGAIN, "let go", signature.who, signature.because, visit.visit_id))
