"""One run: check, stage, deliver, and say what came of it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from connector.config.pipeline import Pipeline
from connector.errors import ConfigurationError, ConnectorError, GuardStopped, PlatformError, Stopped
from connector.extract.source import Hospital
from connector.ledger.leases import Lease
from connector.ledger.overview import VisitDue
from connector.ledger.quarantine import Group
from connector.ledger.store import Ledger
from connector.load.client import PlatformClient
from connector.load.exchange import Recorder
from connector.pipeline.check import check_database
from connector.pipeline.decisions import find_visit
from connector.pipeline.deliver import ASKED_TO_STOP, close_left_open, find_due, open_deliverer
from connector.pipeline.desk import Report, is_repeatable
from connector.pipeline.guards import NO_OVERRIDE, PASSED, Breach, Guards, Override
from connector.pipeline.overview import FAILED, STOPPED, Standing, judge, stand
from connector.pipeline.parts import Parts
from connector.pipeline.preview import hint
from connector.pipeline.progress import Progress
from connector.pipeline.queries import plans_of, read_catalogues
from connector.pipeline.recording import doubt_orphans, trim
from connector.pipeline.stage import Staged, Stager
from connector.pipeline.taking_back import taking_back
from connector.pipeline.turns import open_turn
from connector.pipeline.visit import deliver_visit
from connector.records import yuan
from connector.transform.shape import Plan


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """What only a dry run tells.

    `visits` it would send to, `messages` it sealed and opened again, and the `quarantine` there would be.
    """

    visits: int
    messages: int
    quarantine: tuple[Group, ...]


@dataclass(slots=True)
class RunReport:
    """What a run did, or, where `rehearsal` says so, would do. `problem`: why it ended early, in one sentence, or "".

    `breaches`: the guards that stopped it.
    """

    rehearsal: "Rehearsed | None" = None
    staged: dict[str, Staged] = field(default_factory=dict)
    delivered: dict[str, Report] = field(default_factory=dict)
    standings: dict[str, Standing] = field(default_factory=dict)
    problem: str = ""
    breaches: list[Breach] = field(default_factory=list)
    exit_code: int = 0


def choose(parts: Parts, names: Sequence[str]) -> list[Pipeline]:
    """The pipelines of those names, or all; ConfigurationError for a name that does not exist."""
    pipelines = parts.project.pipelines
    unknown = [name for name in names if name not in pipelines]
    if unknown:
        raise ConfigurationError(
            f"There is no pipeline “{unknown[0]}” in {parts.project.directory / 'pipelines'}. "
            f"{hint(unknown[0], pipelines)}"
        )
    return [pipelines[name] for name in (names or pipelines)]


def run(
    parts: Parts,
    names: Sequence[str],
    *,
    progress: Progress,
    is_stopping: Callable[[], bool],
    override: Override = NO_OVERRIDE,
    visit: str = "",
) -> RunReport:
    """Stage and deliver the named pipelines (all, where none is named); guards that `override` names do not hold.

    Where a `visit` is named, only that one is delivered, and the exit code is about that one.

    Raises ConfigurationError, EnvelopeError, SourceError, LedgerError, LeaseHeld. Other trouble with the platform
    is told in the report: what is staged stays staged, and the next run goes on from there.
    """
    pipelines = choose(parts, names)
    parts.check_platform()
    try:
        with open_turn(parts, notify=progress.note, is_stopping=is_stopping) as (ledger, lease):
            errand = Errand(
                parts, pipelines, ledger, lease, parts.open_client, progress, is_stopping, override, visit
            )
            return errand.run()
    except Stopped:
        return RunReport(problem=ASKED_TO_STOP, exit_code=STOPPED)


def _open_stager(
    parts: Parts,
    hospital: Hospital,
    ledger: Ledger,
    progress: Progress,
    is_stopping: Callable[[], bool],
    *,
    run_id: int,
) -> Stager:
    """Check the project against the database, read the catalogues, and be ready to stage."""
    plans = make_plans(parts, hospital)
    return build_stager(
        parts, plans, hospital, ledger, progress=progress, is_stopping=is_stopping, run_id=run_id
    )


def make_plans(parts: Parts, hospital: Hospital) -> dict[str, Plan]:
    """Check the project against the database, read the catalogues, and compile every mapping."""
    check_database(parts.project, parts.contract, hospital)
    return plans_of(parts.project, parts.contract, read_catalogues(parts.project, hospital))


def build_stager(
    parts: Parts,
    plans: Mapping[str, Plan],
    hospital: Hospital,
    ledger: Ledger,
    *,
    progress: Progress,
    is_stopping: Callable[[], bool],
    run_id: int,
) -> Stager:
    """Be ready to stage, with plans that were made before."""
    return Stager(
        plans=plans,
        mappings=parts.project.mappings,
        hospital=hospital,
        ledger=ledger,
        progress=progress,
        run_id=run_id,
        overwriting=[
            name
            for name, mapping in parts.project.mappings.items()
            if is_repeatable(parts.contract.node(mapping.fills))
        ],
        take_backs={
            name: taking_back(parts.contract.node(mapping.fills))
            for name, mapping in parts.project.mappings.items()
            if mapping.on_change == "compensate"
        },
        is_stopping=is_stopping,
    )


@dataclass(frozen=True, slots=True)
class Errand:
    """One run under its lease. `open_client` is called once something is due; `visit` is the only one delivered, or ""."""

    parts: Parts
    pipelines: Sequence[Pipeline]
    ledger: Ledger
    lease: Lease
    open_client: Callable[[Recorder], PlatformClient] = field(repr=False)
    progress: Progress
    is_stopping: Callable[[], bool]
    override: Override = NO_OVERRIDE
    visit: str = ""

    def run(self) -> RunReport:
        """Stage everything, then deliver everything; the run's end is recorded whatever happens."""
        report = RunReport()
        run_id = self.ledger.begin_run(",".join(p.name for p in self.pipelines), "run")
        guards = self._guards()
        try:
            if self.ledger.witness.caution:
                self.progress.note(self.ledger.witness.caution)
            doubt_orphans(self.ledger, self.parts.contract)
            self._stage(report, run_id)
            self._deliver(report, guards, run_id)
        except (PlatformError, GuardStopped) as error:
            report.problem = str(error)
        except ConnectorError as error:
            summary = {"error": type(error).__name__}
            self.ledger.end_run(run_id, exit_code=error.exit_code, summary=summary)
            raise
        only = {find_visit(self.ledger, self.visit).key} if self.visit and not report.problem else None
        report.standings = {p.name: stand(self.ledger, p, only) for p in self.pipelines}
        report.breaches = guards.breaches
        report.exit_code = self._judge(report)
        trim(self.ledger, self.parts.project.settings.journal, self.parts.clock.now())
        self.ledger.end_run(
            run_id, exit_code=report.exit_code, summary=_summary(report) | {PASSED: guards.passed}
        )
        return report

    def _judge(self, report: RunReport) -> int:
        """The exit code of the run."""
        if not report.problem:
            return judge(report.standings.values())
        if self.is_stopping():
            return STOPPED
        return GuardStopped.exit_code if report.breaches else FAILED

    def _guards(self) -> Guards:
        """What holds this run back when it is about to do too much."""
        settings = self.parts.project.settings
        zone = ZoneInfo(settings.platform.key_date_zone)
        return Guards(settings.guards, self.ledger, zone, self.parts.clock.now, self.override)

    def _stage(self, report: RunReport, run_id: int) -> None:
        """HIS → ledger."""
        with self.parts.open_hospital() as hospital:
            stager = _open_stager(
                self.parts, hospital, self.ledger, self.progress, self.is_stopping, run_id=run_id
            )
            for pipeline in self.pipelines:
                if not self.is_stopping():
                    report.staged |= stager.stage(pipeline)

    def _deliver(self, report: RunReport, guards: Guards, run_id: int) -> None:
        """Ledger → platform, in one session that is opened only when a visit is due and no guard says no.

        One pipeline after the other, until one is stopped.
        """
        due = [p for p in self.pipelines if self._due(p)]
        if not due and not self.is_stopping():
            close_left_open(
                self.parts,
                self.ledger,
                open_client=self.open_client,
                keep_lease=self._keep_lease,
                progress=self.progress,
                is_stopping=self.is_stopping,
            )
        elif not self.is_stopping():
            guards.check_plan(due)
            with open_deliverer(
                self.parts,
                self.ledger,
                open_client=self.open_client,
                keep_lease=self._keep_lease,
                guard=guards.check_doubt,
                progress=self.progress,
                is_stopping=self.is_stopping,
            ) as deliverer:
                for pipeline in due:
                    delivered = deliverer.visit(pipeline, run_id, self._due(pipeline), deliver_visit)
                    report.delivered[pipeline.name] = delivered
                    report.problem = delivered.stopped
                    if delivered.breach:
                        guards.breaches.append(delivered.breach)
                    if delivered.stopped:
                        break
        if self.is_stopping() and not report.problem:
            report.problem = ASKED_TO_STOP

    def _due(self, pipeline: Pipeline) -> list[VisitDue]:
        """The visits of a pipeline that are to be delivered: all that are due, or of them the one that is meant."""
        due = find_due(self.ledger, pipeline, self.parts.project)
        if not self.visit:
            return due
        meant = find_visit(self.ledger, self.visit).visit_id
        return [one for one in due if one.visit_id == meant]

    def _keep_lease(self) -> None:
        """Prove again that no other process delivers on this ledger."""
        self.ledger.keep_lease(self.lease)


def _summary(report: RunReport) -> dict[str, object]:
    """What the ledger keeps of a run: numbers, no patient's data."""
    return {
        "staged": {name: one.counts.new + one.counts.changed for name, one in report.staged.items()},
        "sent": {
            name: {"rows": one.rows, "yuan": f"{yuan(one.amount):f}"}
            for name, one in report.delivered.items()
        },
        "problem": report.problem,
    }
