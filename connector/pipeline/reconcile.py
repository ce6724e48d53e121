"""Ask the platform for the totals of visits, settle what is in doubt if that is wanted, and compare all three sums.

It goes the delivery's own way (lease, one session, several visits at once), but nothing is claimed and no charge is
sent. 4.15 has no effect; 4.12, which alone knows categories, approves, and is asked only where a person said so.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path

from connector.config.pipeline import Pipeline
from connector.errors import ConfigurationError, ConnectorError, PlatformError, Stopped
from connector.ledger.leases import Lease
from connector.ledger.overview import VisitDue
from connector.ledger.store import Ledger
from connector.pipeline.balance import QUARANTINED, Comparison, Said
from connector.pipeline.check import check_database
from connector.pipeline.compose import TOLERANCE
from connector.pipeline.deliver import find_due, flow_of, open_deliverer
from connector.pipeline.desk import Desk, Report, Waits
from connector.pipeline.overview import COMPLETE, FAILED, RECONCILE, STOPPED, UNSETTLED
from connector.pipeline.overview import QUARANTINED as SOME_QUARANTINED
from connector.pipeline.parts import Parts
from connector.pipeline.progress import Progress
from connector.pipeline.recording import doubt_orphans
from connector.pipeline.resolve import approve, read_total
from connector.pipeline.run import choose
from connector.pipeline.sheets import Sheets, open_sheets
from connector.pipeline.steps import Steps
from connector.pipeline.totals import VISITS_AT_ONCE, open_comparer
from connector.pipeline.turns import open_turn
from connector.pipeline.visit import settle_visit
from connector.records import yuan

ROWS_SHOWN = 20
"""So many rows a visit are kept in a report; an export has them all."""

_STOPPED = "stopped on request; nothing was compared, and nothing was sent"


@dataclass(frozen=True, slots=True)
class Wishes:
    """What is to be reconciled. `visits`: their numbers, or keys of the HIS; `everything`: all that were ever known.

    Neither: those that are open, or due, or not proven. `settles`: doubts are settled first; `approves`: 4.12 is asked
    of local visits; `only_differences`: visits with nothing to explain are only counted; `export`: a file to write.
    """

    pipelines: tuple[str, ...] = ()
    visits: tuple[str, ...] = ()
    everything: bool = False
    settles: bool = False
    approves: bool = False
    only_differences: bool = False
    export: Path | None = None


@dataclass(slots=True)
class ReconcileReport:
    """What was found. `compared` visits, of them `equal` with nothing to explain, and the sums of all of them.

    `delivered`: what settling came to, by pipeline; `files`: what was exported; `problem`: why it ended early, or "".
    """

    comparisons: list[Comparison] = field(default_factory=list)
    compared: int = 0
    equal: int = 0
    his: int = field(default=0, repr=False)
    ledger: int = field(default=0, repr=False)
    platform: int = field(default=0, repr=False)
    delivered: dict[str, Report] = field(default_factory=dict)
    files: tuple[Path, ...] = ()
    problem: str = ""
    exit_code: int = COMPLETE


Chosen = list[tuple[Pipeline, list[VisitDue]]]
"""Visits by their pipeline."""


def choose_visits(parts: Parts, ledger: Ledger, wishes: Wishes) -> Chosen:
    """The visits that are meant; ConfigurationError for one that the ledger does not know."""
    chosen: Chosen = []
    missing = set(wishes.visits)
    for pipeline in choose(parts, wishes.pipelines):
        known = ledger.known_visits(pipeline.visits, tolerance=TOLERANCE)
        if wishes.visits:
            meant = [one for one in known if {one.key, one.number} & set(wishes.visits)]
            missing -= {name for one in meant for name in (one.key, one.number)}
        elif wishes.everything:
            meant = known
        else:
            wanted = {one.visit_id for one in find_due(ledger, pipeline, parts.project)}
            still_open = set(ledger.open_visits(pipeline.visits))
            meant = [
                one for one in known if one.key in still_open or one.visit_id in wanted or not one.is_proven
            ]
        chosen.append((pipeline, meant))
    if missing:
        raise ConfigurationError(
            f"The ledger knows no visit {', '.join(sorted(missing))}: give the platform's number or the HIS's key of a "
            "visit that a run has read. `connector reconcile --all --json` shows every one."
        )
    return chosen


def count_approvals(parts: Parts, wishes: Wishes) -> int:
    """How many visits 4.12 would approve; ConfigurationError where it may be asked of none."""
    with parts.open_ledger(read_only=True) as ledger:
        chosen = choose_visits(parts, ledger, wishes)
    local = [
        visits for pipeline, visits in chosen if flow_of(pipeline, parts.project, parts.contract).roll == "0"
    ]
    if not local:
        raise ConfigurationError(
            "4.12 is not asked of cross-province visits: the approval may make their admission uncancellable (T108). "
            "Leave --approval out; totals are read by 4.15."
        )
    return sum(len(visits) for visits in local)


def reconcile(
    parts: Parts, wishes: Wishes, *, progress: Progress, is_stopping: Callable[[], bool]
) -> ReconcileReport:
    """Read, settle if wished, and compare.

    Raises ConfigurationError (an export that exists already, too), EnvelopeError, SourceError, LedgerError, LeaseHeld.
    Other trouble with the platform is told in the report.
    """
    choose(parts, wishes.pipelines)
    parts.check_platform()
    with parts.open_hospital() as hospital:
        check_database(parts.project, parts.contract, hospital)
    sheets: AbstractContextManager[Sheets | None] = (
        open_sheets(wishes.export) if wishes.export else nullcontext()
    )
    try:
        with open_turn(parts, notify=progress.note, is_stopping=is_stopping) as (ledger, lease):
            # after the lease: it may find that the ledger is an old copy
            chosen = choose_visits(parts, ledger, wishes)
            with sheets as written:
                return _Errand(parts, wishes, ledger, lease, progress, is_stopping).run(chosen, written)
    except Stopped:
        return ReconcileReport(problem=_STOPPED, exit_code=STOPPED)


@dataclass(frozen=True, slots=True)
class _Errand:
    """One reconciliation under its lease."""

    parts: Parts
    wishes: Wishes
    ledger: Ledger
    lease: Lease
    progress: Progress
    is_stopping: Callable[[], bool]

    def run(self, chosen: Chosen, sheets: Sheets | None) -> ReconcileReport:
        """Ask, then compare; the end is recorded whatever happens."""
        report = ReconcileReport()
        run_id = self.ledger.begin_run(",".join(pipeline.name for pipeline, _ in chosen), RECONCILE)
        said: dict[int, Said] = {}
        try:
            if self.ledger.witness.caution:
                self.progress.note(self.ledger.witness.caution)
            self._ask(chosen, report, said, run_id)
            if not report.problem:
                self._compare(chosen, report, said, sheets)
        except PlatformError as error:
            report.problem = str(error)
        except ConnectorError as error:
            self.ledger.end_run(run_id, exit_code=error.exit_code, summary={"error": type(error).__name__})
            raise
        if report.problem:
            report.exit_code = STOPPED if self.is_stopping() else FAILED
        elif sheets is not None:
            report.files = sheets.finish()
        summary = {"compared": report.compared, "equal": report.equal, "problem": report.problem}
        self.ledger.end_run(run_id, exit_code=report.exit_code, summary=summary)
        return report

    def _ask(self, chosen: Chosen, report: ReconcileReport, said: dict[int, Said], run_id: int) -> None:
        """The platform's totals, in one session, several visits at once."""
        if self.wishes.settles:
            doubt_orphans(self.ledger, self.parts.contract)
        if not any(visits for _, visits in chosen):
            return
        way = Way(self.wishes.settles, self.wishes.approves, said)
        with open_deliverer(
            self.parts,
            self.ledger,
            open_client=self.parts.open_client,
            keep_lease=lambda: self.ledger.keep_lease(self.lease),
            guard=lambda: None,  # nothing is claimed that a limit could stop
            progress=self.progress,
            is_stopping=self.is_stopping,
        ) as deliverer:
            for pipeline, visits in ((one, meant) for one, meant in chosen if meant):
                delivered = deliverer.visit(pipeline, run_id, visits, way)
                report.delivered[pipeline.name] = delivered
                report.problem = delivered.stopped
                if report.problem:
                    break
        if self.is_stopping():
            report.problem = _STOPPED

    def _compare(
        self, chosen: Chosen, report: ReconcileReport, said: dict[int, Said], sheets: Sheets | None
    ) -> None:
        """Compare visit by visit; of each only what people are shown is kept."""
        self.progress.start("compare", sum(len(visits) for _, visits in chosen))
        for one in self._comparisons(chosen, said):
            if self.is_stopping():
                report.problem = _STOPPED
                return
            if sheets is not None:
                sheets.add(one)
            _count(report, one)
            if one.differs or not self.wishes.only_differences:
                left_out = max(0, len(one.rows) - ROWS_SHOWN)
                report.comparisons.append(replace(one, rows=one.rows[:ROWS_SHOWN], more=left_out))
            self.progress.advance("compare")
        self.progress.finish("compare")

    def _comparisons(self, chosen: Chosen, said: dict[int, Said]) -> Iterator[Comparison]:
        """Every visit's comparison; the reasons of held visits are those of now. The lease is kept meanwhile."""
        with self.parts.open_hospital() as hospital:
            comparer = open_comparer(self.parts, hospital, self.ledger)
            for pipeline, visits in chosen:
                meant = {visit.visit_id for visit in visits}
                known = self.ledger.known_visits(pipeline.visits, tolerance=TOLERANCE)
                now = [visit for visit in known if visit.visit_id in meant]
                for begin in range(0, len(now), VISITS_AT_ONCE):
                    self.ledger.keep_lease(self.lease)
                    yield from comparer.compare(pipeline, now[begin : begin + VISITS_AT_ONCE], said)


def _count(report: ReconcileReport, one: Comparison) -> None:
    """Add a visit to the report's sums and its exit code."""
    report.compared += 1
    report.equal += not one.differs
    report.his += one.his
    report.ledger += one.ledger
    report.platform += one.platform or 0
    code = UNSETTLED if not one.is_settled else SOME_QUARANTINED if QUARANTINED in one.kept_back else COMPLETE
    report.exit_code = max(report.exit_code, code)


@dataclass(frozen=True, slots=True)
class Way:
    """What a reconciliation does with a visit: reads its total, and before that settles it where `settles` says so."""

    settles: bool
    approves: bool
    said: dict[int, Said] = field(repr=False)

    def __call__(self, desk: Desk, visit: VisitDue) -> Steps:
        """One visit's steps; what the platform says is in `said` afterwards."""
        if self.settles:
            yield from settle_visit(desk, visit)
        try:
            reading = yield from read_total(desk, visit)
        except (Waits, PlatformError) as waits:
            self.said[visit.visit_id] = Said(None, "", remark=str(waits))
            return
        said = Said(reading.total if reading else None, desk.stamp())
        self.said[visit.visit_id] = said
        if self.approves and reading is not None and reading.total and desk.flow.roll == "0":
            yield from self._approve(desk, visit, said)

    def _approve(self, desk: Desk, visit: VisitDue, said: Said) -> Steps:
        """Add the categories of 4.12."""
        try:
            outcome, reading = yield from approve(desk, visit)
        except PlatformError as error:
            desk.report.waiting[visit.number] = str(error)
            return
        if reading is None:
            refused = f"4.12 tells no categories: {outcome.code} {outcome.message}".strip()
            desk.report.waiting[visit.number] = refused
        elif abs(reading.total - (said.total or 0)) > TOLERANCE:
            differ = f"4.15 says {yuan(said.total or 0):.2f}, 4.12 says {yuan(reading.total):.2f}"
            self.said[visit.visit_id] = replace(said, categories=reading.categories, remark=differ)
        else:
            self.said[visit.visit_id] = replace(said, categories=reading.categories)
