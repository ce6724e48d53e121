"""Deliver what is staged: ledger → load → platform → ledger.

The second half of the connector's one sentence, and the only way anything is sent.
"""

import secrets
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from zoneinfo import ZoneInfo

from connector.config.mapping import Mapping
from connector.config.pipeline import Pipeline
from connector.config.project import Project
from connector.contract.library import Contract
from connector.contract.spec import Lookup
from connector.errors import LeaseHeld, Stopped
from connector.ledger.overview import VisitDue
from connector.ledger.store import Ledger
from connector.load.client import PlatformClient
from connector.load.exchange import Recorder
from connector.pipeline.breaker import Breaker
from connector.pipeline.compose import TOLERANCE
from connector.pipeline.courier import Courier, Way
from connector.pipeline.departure import Examiner
from connector.pipeline.desk import Desk, Flow, Line, Report
from connector.pipeline.guards import Breach
from connector.pipeline.parts import Parts
from connector.pipeline.progress import Progress
from connector.pipeline.recording import Tray
from connector.pipeline.sessions import SessionKeeper

ASKED_TO_STOP = "stopped on request; what is staged stays staged, and the next run goes on from there"

_TOTALS = "getPerDetail"
_APPROVE = "discharge"
_INVALIDATE = {"local": "invalidData", "cross_province": "medInfoInvalidData"}
_LIFE = timedelta(hours=2)
"""So long after its last use a session still lives (section 4.1), and with it a request that was stuck before it."""


@dataclass(frozen=True, slots=True)
class Deliverer:
    """What delivering needs. `keep_lease` proves again that no other process delivers on this ledger; `guard` tells why no batch may be claimed."""

    parts: Parts
    ledger: Ledger
    client: PlatformClient
    sessions: SessionKeeper
    keep_lease: Callable[[], None] = field(repr=False)
    guard: Callable[[], Breach | None] = field(repr=False)
    progress: Progress = field(repr=False)
    is_stopping: Callable[[], bool] = field(repr=False)
    tray: Tray
    examiner: Examiner = field(repr=False)

    def visit(self, pipeline: Pipeline, run_id: int, visits: Iterable[VisitDue], way: Way) -> Report:
        """Take these visits of a pipeline as far as a way leads."""
        project, clock = self.parts.project, self.parts.clock
        guards = project.settings.guards
        desk = Desk(
            ledger=self.ledger,
            flow=flow_of(pipeline, project, self.parts.contract),
            rules=project.settings.delivery,
            now=clock.now,
            number=lambda: secrets.token_hex(8),
            report=Report(),
            run_id=run_id,
            contract=self.parts.contract,
            lifecycle=project.settings.lifecycle,
            length_in=project.settings.checks.length_in,
            zone=ZoneInfo(project.settings.platform.key_date_zone),
            examine=partial(self.examiner.look, pipeline),
        )
        courier = Courier(
            desk,
            self.client,
            self.sessions,
            breaker=Breaker(guards.breaker_pause_s, guards.breaker_probes),
            monotonic=clock.monotonic,
            sleep=clock.sleep,
            is_stopping=self.is_stopping,
            keep_lease=self.keep_lease,
            guard=self.guard,
            progress=self.progress,
            tray=self.tray,
        )
        courier.deliver(visits, way)
        return desk.report


@contextmanager
def open_deliverer(
    parts: Parts,
    ledger: Ledger,
    *,
    open_client: Callable[[Recorder], PlatformClient],
    keep_lease: Callable[[], None],
    guard: Callable[[], Breach | None],
    progress: Progress,
    is_stopping: Callable[[], bool],
) -> Iterator[Deliverer]:
    """A deliverer in a session of its own, closed in the end whatever happens; its calls are in the journal then.

    Only where another process has taken over is the session left to that one. While it waits for something, the lease
    is kept and a stop is heard. Raises PlatformError.
    """
    tray = Tray(parts.project.settings.journal)
    with closing(open_client(tray.recorder(parts.clock))) as client, tray.emptied(ledger):
        sessions = _keep_sessions(
            parts, ledger, client, keep_lease=keep_lease, progress=progress, is_stopping=is_stopping
        )
        sessions.open()
        is_ours = True
        try:
            yield Deliverer(
                parts,
                ledger,
                client,
                sessions,
                keep_lease=keep_lease,
                guard=guard,
                progress=progress,
                is_stopping=is_stopping,
                tray=tray,
                examiner=Examiner(parts),
            )
        except LeaseHeld:
            is_ours = False  # who took over has closed this session; a logout now could end its own
            raise
        finally:
            if is_ours:
                sessions.close()


def close_left_open(
    parts: Parts,
    ledger: Ledger,
    *,
    open_client: Callable[[Recorder], PlatformClient],
    keep_lease: Callable[[], None],
    progress: Progress,
    is_stopping: Callable[[], bool],
) -> None:
    """Close the session that a dead process left open, if it did, where nothing else is to be called."""
    if not ledger.stored_session(parts.project.settings.platform.username):
        return
    tray = Tray(parts.project.settings.journal)
    with closing(open_client(tray.recorder(parts.clock))) as client, tray.emptied(ledger):
        _keep_sessions(
            parts, ledger, client, keep_lease=keep_lease, progress=progress, is_stopping=is_stopping
        ).close_earlier()


def _keep_sessions(
    parts: Parts,
    ledger: Ledger,
    client: PlatformClient,
    *,
    keep_lease: Callable[[], None],
    progress: Progress,
    is_stopping: Callable[[], bool],
) -> SessionKeeper:
    """The keeper of the account's session; while it waits, the lease is kept and a stop is heard."""

    def tick() -> None:
        keep_lease()
        if is_stopping():
            raise Stopped(ASKED_TO_STOP)

    platform, clock = parts.project.settings.platform, parts.clock
    return SessionKeeper(
        client,
        ledger,
        platform.username,
        now=clock.now,
        sleep=clock.sleep,
        zone=platform.key_date_zone,
        notify=progress.note,
        tick=tick,
    )


def find_due(ledger: Ledger, pipeline: Pipeline, project: Project) -> list[VisitDue]:
    """Visits with something to send or to settle, or (unless nothing is verified) with a total that is not proven.

    Where visits leave by themselves, those too that have ended in the HIS.
    """
    rules = project.settings.delivery
    return ledger.due_visits(
        pipeline.visits,
        pipeline.mappings,
        tolerance=None if rules.verify == "never" else TOLERANCE,
        second_look=timedelta(seconds=rules.settle_s) + _LIFE,
        changed=[name for name in pipeline.mappings if project.mappings[name].on_change == "reset"],
        leaving=bool(pipeline.leave) and project.settings.lifecycle.leave == "automatic",
    )


def flow_of(pipeline: Pipeline, project: Project, contract: Contract) -> Flow:
    """The operations a pipeline uses, and its mappings as lines: what overwrites first, what duplicates after.

    Orders go before the charges that refer to them (trap T77).
    """
    visits = project.mappings[pipeline.visits]
    register = contract.operation(visits.fills.partition(".")[0])
    lines = [_line(project.mappings[name], contract) for name in pipeline.mappings]
    return Flow(
        pipeline=pipeline.name,
        visits=pipeline.visits,
        register=register,
        register_path=visits.fills,
        totals=contract.operation(_TOTALS),
        approve=contract.operation(_APPROVE),
        invalidate=contract.operation(_INVALIDATE[register.family]),
        roll="0" if register.family == "local" else "1",
        lines=tuple(sorted(lines, key=lambda line: not line.repeatable)),
        leave=contract.operation(project.mappings[pipeline.leave].fills) if pipeline.leave else None,
        lookups=visits.lookups,
        tells={kind: contract.lookup(kind) for kind in Lookup},
    )


def _line(mapping: Mapping, contract: Contract) -> Line:
    """A mapping's way into its upload."""
    operation = contract.operation(mapping.fills.partition(".")[0])
    return Line(mapping.name, operation, contract.node(mapping.fills), mapping.fills, mapping.on_change)
