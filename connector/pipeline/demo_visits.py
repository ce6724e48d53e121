"""The demo's second half: what becomes of visits once their fees are at the platform.

A question is decided, one visit of each kind goes all the way to its settlement sheet, and one leaving is taken back.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from connector.contract.lookups import NEW_INJURY, read_roles
from connector.contract.spec import Lookup
from connector.ledger.steps import LEAVE, KeptStep
from connector.ledger.visit_totals import VisitTotals
from connector.pipeline.answering import answer_question, list_questions
from connector.pipeline.deciding import Signature
from connector.pipeline.decisions import find_visit
from connector.pipeline.departure import OUTPATIENTS
from connector.pipeline.facts import REGISTRATION
from connector.pipeline.leaving import APPROVE
from connector.pipeline.letting_go import Word, checklist_of, let_leave
from connector.pipeline.overview import may_leave
from connector.pipeline.parts import Parts
from connector.pipeline.progress import Progress
from connector.pipeline.sheet import STEP, fetch, find_wanted
from connector.pipeline.undo import look, take_back
from connector.pipeline.undo_plan import Reach
from connector.pipeline.visiting import step_visit

_WHO = "the demo"
_OLD, _NEW = "an old injury, in the ward", "a new injury, in the ward"
_FAR, _CLINIC = "of another province, in the ward", "in the clinic"
_KINDS = (_OLD, _NEW, _FAR, _CLINIC)
_SHOWN = frozenset({REGISTRATION, *Lookup, APPROVE, LEAVE, STEP})
"""Steps that tell by which interface a visit went on."""

_UPLOADS = {"local": "sendMedInfo", "cross_province": "sendBsMedInfo"}


@dataclass(frozen=True, slots=True)
class Decided:
    """A question that a person would have answered: what was asked, of how many candidates which was taken."""

    visit: str
    asked: str
    candidates: int
    fitting: int
    chosen: int
    rows: int


@dataclass(frozen=True, slots=True)
class Journey:
    """One visit that went all the way. `sections`: its interfaces, in the order in which they were called."""

    kind: str
    visit: str
    sections: tuple[str, ...]
    rows: int
    amount: int = field(repr=False)
    sheet: str = ""


@dataclass(frozen=True, slots=True)
class TakenBack:
    """A leaving that was taken back: the calls, what stays all the same, and whether the visit has left again."""

    visit: str
    calls: tuple[str, ...]
    stays: tuple[str, ...]
    has_left_again: bool


@dataclass(frozen=True, slots=True)
class VisitsShown:
    """What the second half showed, and what did not come so far, in words."""

    decided: tuple[Decided, ...] = ()
    journeys: tuple[Journey, ...] = ()
    taken_back: TakenBack | None = None
    lacking: tuple[str, ...] = ()

    @property
    def is_complete(self) -> bool:
        """Whether all of it came to its end."""
        is_back = self.taken_back is not None and self.taken_back.has_left_again
        return bool(self.decided) and not self.lacking and is_back


@dataclass(frozen=True, slots=True)
class Guide:
    """Shows what becomes of visits, one after the other; ends where somebody asks for a stop."""

    parts: Parts
    progress: Progress
    is_stopping: Callable[[], bool]

    def show(self) -> VisitsShown:
        """Decide what is asked, let one visit of each kind leave, take the last of them back.

        Raises what the commands raise that it stands for.
        """
        decided = tuple(
            map(self._decide, sorted({one.visit for one in list_questions(self.parts) if one.is_open}))
        )
        journeys: dict[str, Journey] = {}
        for visit in self._ended():
            kind = self._kind_of(visit)
            if kind and kind not in journeys and not self.is_stopping():
                journey = self._go_all_the_way(kind, visit)
                if journey is not None:
                    journeys[kind] = journey
        found = tuple(journeys[kind] for kind in _KINDS if kind in journeys)
        taken_back = self._take_back(found[-1].visit) if found and not self.is_stopping() else None
        return VisitsShown(decided, found, taken_back, tuple(kind for kind in _KINDS if kind not in journeys))

    def _decide(self, visit: str) -> Decided:
        """Take the first candidate that fits, and take the visit as far as it goes then."""
        question = next(one for one in list_questions(self.parts, visit) if one.is_open)
        fitting = [one for one in question.options if not one.faults]
        chosen = fitting[0].number
        answer_question(self.parts, visit, chosen, Signature(_WHO, "the demo takes the first that fits"))
        report = step_visit(self.parts, visit, progress=self.progress, is_stopping=self.is_stopping)
        rows = sum(one.rows for one in report.delivered.values())
        return Decided(visit, question.asked, len(question.options), len(fitting), chosen, rows)

    def _ended(self) -> list[str]:
        """Visits that may leave by what the ledger knows, in the order of the pipelines."""
        with self.parts.open_ledger(read_only=True) as ledger:
            return [
                one.number
                for pipeline in self.parts.project.pipelines.values()
                for one in ledger.visit_totals(pipeline.visits)
                if one.number and may_leave(one)
            ]

    def _kind_of(self, visit: str) -> str:
        """Which kind a visit is of, by what was registered; "" for one that is not shown."""
        step = next(one for one in self._steps(visit) if one.name == REGISTRATION)
        operation = self.parts.contract.operation(step.operation)
        request = step.details.get("request")
        roles = read_roles(operation, request if isinstance(request, Mapping) else {})
        is_new, is_outpatient = roles.get(NEW_INJURY) == "1", roles.get("kind") in OUTPATIENTS
        if operation.family == "cross_province":
            return "" if is_outpatient else _FAR
        return _CLINIC if is_outpatient else _NEW if is_new else _OLD

    def _go_all_the_way(self, kind: str, visit: str) -> Journey | None:
        """Let a visit leave and fetch its sheet; None where something stands against it."""
        if checklist_of(self.parts, visit, progress=self.progress, is_stopping=self.is_stopping).obstacles:
            return None
        left = let_leave(self.parts, visit, Word(_WHO), progress=self.progress, is_stopping=self.is_stopping)
        if not left.has_left:
            return None
        wanted = find_wanted(self.parts, visit, cross_province=False)
        sheet = fetch(self.parts, wanted, notify=self.progress.note, is_stopping=self.is_stopping).version
        totals = self._totals_of(visit)
        audit = sheet.audit.value if sheet else ""
        return Journey(kind, visit, self._sections(visit), totals.accepted_rows, totals.accepted, audit)

    def _take_back(self, visit: str) -> TakenBack:
        """Cancel a discharge, and let the visit leave once more."""
        case = look(self.parts, visit, Reach.LEAVE, progress=self.progress, is_stopping=self.is_stopping)
        signature = Signature(_WHO, "the demo shows that it can be done")
        take_back(
            self.parts,
            visit,
            Reach.LEAVE,
            signature,
            seen=case,
            progress=self.progress,
            is_stopping=self.is_stopping,
        )
        again = let_leave(self.parts, visit, Word(_WHO), progress=self.progress, is_stopping=self.is_stopping)
        calls = tuple(f"{line.section} {line.method}: {line.removes}" for line in case.lines)
        return TakenBack(visit, calls, case.stays, again.has_left)

    def _steps(self, visit: str) -> list[KeptStep]:
        with self.parts.open_ledger(read_only=True) as ledger:
            return ledger.steps.of(find_visit(ledger, visit).visit_id)

    def _totals_of(self, visit: str) -> VisitTotals:
        with self.parts.open_ledger(read_only=True) as ledger:
            known = find_visit(ledger, visit)
            return next(one for one in ledger.visit_totals(known.mapping) if one.key == known.key)

    def _sections(self, visit: str) -> tuple[str, ...]:
        """Its interfaces in the order in which they were called; rows go right after the registration."""
        found: list[str] = []
        for step in self._steps(visit):
            if step.name in _SHOWN:
                found.append(self.parts.contract.operation(step.operation).section)
            if step.name == REGISTRATION:
                register = self.parts.contract.operation(step.operation)
                found.append(self.parts.contract.operation(_UPLOADS[register.family]).section)
        return tuple(dict.fromkeys(found))
