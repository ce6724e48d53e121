"""One turn of a backfill: some visits of the past are staged and delivered, under the lease, in a session of its own."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from connector.config.pipeline import Pipeline
from connector.extract import lookup
from connector.extract.source import Hospital
from connector.ledger.leases import Lease
from connector.ledger.store import Ledger
from connector.pipeline.deliver import ASKED_TO_STOP, find_due, open_deliverer
from connector.pipeline.desk import Report
from connector.pipeline.guards import Guards
from connector.pipeline.parts import Parts
from connector.pipeline.progress import Progress
from connector.pipeline.queries import query_of
from connector.pipeline.recording import doubt_orphans
from connector.pipeline.run import build_stager
from connector.pipeline.shards import first_part
from connector.pipeline.stage import VISITS_AT_ONCE
from connector.pipeline.visit import deliver_visit
from connector.transform.shape import Plan


@dataclass(frozen=True, slots=True)
class Turn:
    """What a turn works with. `is_stopping`: a stop is asked for, or the quiet hours have begun."""

    parts: Parts
    plans: Mapping[str, Plan] = field(repr=False)
    ledger: Ledger
    lease: Lease
    guards: Guards
    progress: Progress
    is_stopping: Callable[[], bool]

    def take(
        self, pipeline: Pipeline, keys: Sequence[str], run_id: int, *, most_rows: int
    ) -> tuple[Sequence[str], Report]:
        """Stage and deliver the first of these visits; returns which, and what came of it.

        Raises SourceError, PlatformError, GuardStopped, LedgerError, LeaseHeld.
        """
        doubt_orphans(self.ledger, self.parts.contract)
        with self.parts.open_hospital() as hospital:
            part = self._choose(hospital, pipeline, keys, most_rows)
            build_stager(
                self.parts,
                self.plans,
                hospital,
                self.ledger,
                progress=self.progress,
                is_stopping=self.is_stopping,
                run_id=run_id,
            ).stage_visits(pipeline, part)
        if self.is_stopping():
            return part, Report(stopped=ASKED_TO_STOP)
        return part, self._deliver(pipeline, part, run_id)

    def _choose(
        self, hospital: Hospital, pipeline: Pipeline, keys: Sequence[str], most_rows: int
    ) -> Sequence[str]:
        """As many visits as have rows enough for a turn."""
        queries = [query_of(self.plans[name].mapping) for name in pipeline.mappings]

        def count(visits: Sequence[str]) -> int:
            return sum(lookup.count_by_visits(hospital, query, visits) for query in queries)

        return first_part(keys, count, most_visits=VISITS_AT_ONCE, most_rows=most_rows)[0]

    def _deliver(self, pipeline: Pipeline, part: Sequence[str], run_id: int) -> Report:
        """Send what these visits are due for, in the way of every run."""
        meant = set(part)
        due = [one for one in find_due(self.ledger, pipeline, self.parts.project) if one.key in meant]
        ids = {one.visit_id for one in due}
        self.guards.check_backlog([pipeline], apart_from=ids)
        self.guards.check_plan([pipeline], only=ids)
        if not due:
            return Report()
        with open_deliverer(
            self.parts,
            self.ledger,
            open_client=self.parts.open_client,
            keep_lease=lambda: self.ledger.keep_lease(self.lease),
            guard=self.guards.check_doubt,
            progress=self.progress,
            is_stopping=self.is_stopping,
        ) as deliverer:
            return deliverer.visit(pipeline, run_id, due, deliver_visit)
