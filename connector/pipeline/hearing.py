"""What a person has to know before they decide about visits: the ledger's sum, and the platform's total of now.

It goes the delivery's own way: under the lease, in one session, and with nothing claimed and nothing sent.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from connector.config.pipeline import Pipeline
from connector.errors import ConfigurationError, PlatformError, Stopped
from connector.ledger.leases import Lease
from connector.ledger.overview import VisitDue
from connector.ledger.store import Ledger
from connector.ledger.visits import KnownVisit
from connector.pipeline.compose import TOLERANCE
from connector.pipeline.deliver import Deliverer, flow_of, open_deliverer
from connector.pipeline.desk import Desk, Flow, Waits, tolerance_of
from connector.pipeline.parts import Parts
from connector.pipeline.progress import Progress
from connector.pipeline.resolve import ask_visit
from connector.pipeline.settling import fits
from connector.pipeline.steps import Steps, Wait
from connector.pipeline.turns import open_turn


@dataclass(frozen=True, slots=True)
class Heard:
    """One visit as it stands: amounts scaled by 4.

    `ledger`: what the platform must hold; `platform`: what it says it holds, None where it does not list the visit;
    `left`: the date on which the patient left, as the platform has it, or ""; `tolerance`: how far its total may be
    from the sum.
    """

    visit: KnownVisit
    ledger: int = field(repr=False)
    platform: int | None = field(repr=False)
    at: str
    left: str = ""
    tolerance: int = field(default=TOLERANCE, repr=False)

    @property
    def total(self) -> int:
        """The platform's total; nothing where it does not list the visit."""
        return self.platform or 0

    @property
    def surplus(self) -> int:
        """What the platform holds more than the ledger says."""
        return self.total - self.ledger

    def shows(self, added: int) -> bool:
        """Whether the platform holds the ledger's sum and so much beside it, within the blur of its rounding."""
        return fits(self.surplus, added, self.tolerance)


def pipelines_of(parts: Parts, visit: KnownVisit) -> list[Pipeline]:
    """The pipelines that deliver a visit; ConfigurationError where there is none any more."""
    found = [one for one in parts.project.pipelines.values() if one.visits == visit.mapping]
    if not found:
        raise ConfigurationError(
            f"Visit {visit.name} came from the mapping {visit.mapping}, and no pipeline has that for its `visits` any "
            "more. Put it back; then decide."
        )
    return found


def flows_of(parts: Parts, visit: KnownVisit) -> list[Flow]:
    """What these pipelines use of the platform."""
    return [flow_of(one, parts.project, parts.contract) for one in pipelines_of(parts, visit)]


@dataclass(frozen=True, slots=True)
class Hearing:
    """The ledger, under the lease, and a way to ask the platform."""

    parts: Parts
    ledger: Ledger
    lease: Lease
    progress: Progress
    is_stopping: Callable[[], bool]

    def hear(self, visits: Sequence[KnownVisit]) -> list[Heard]:
        """Each visit as it stands now, in the same order. Raises PlatformError where the platform does not say."""
        if not visits:
            return []
        by_pipeline: dict[str, list[KnownVisit]] = {}
        for visit in visits:
            by_pipeline.setdefault(pipelines_of(self.parts, visit)[0].name, []).append(visit)
        way = _Way({})
        with open_deliverer(
            self.parts,
            self.ledger,
            open_client=self.parts.open_client,
            keep_lease=lambda: self.ledger.keep_lease(self.lease),
            guard=lambda: None,  # nothing is claimed that a limit could stop
            progress=self.progress,
            is_stopping=self.is_stopping,
        ) as deliverer:
            for name, group in by_pipeline.items():
                self._ask(deliverer, self.parts.project.pipelines[name], group, way)
        return [self._heard(visit, way) for visit in visits]

    def _ask(
        self, deliverer: Deliverer, pipeline: Pipeline, visits: Sequence[KnownVisit], way: "_Way"
    ) -> None:
        """Ask for these visits of one pipeline."""
        meant = {visit.visit_id for visit in visits}
        known = self.ledger.known_visits(pipeline.visits, tolerance=TOLERANCE)
        report = deliverer.visit(pipeline, 0, [one for one in known if one.visit_id in meant], way)
        if report.stopped and self.is_stopping():
            raise Stopped("Stopped on request; nothing was decided.")
        if report.stopped:
            raise PlatformError(
                f"The platform's totals could not be read: {report.stopped}. Nothing was decided."
            )

    def _heard(self, visit: KnownVisit, way: "_Way") -> Heard:
        answer = way.answers[visit.visit_id]
        if isinstance(answer, str):
            raise PlatformError(f"Visit {visit.name}: {answer}. Nothing was decided; try again.")
        platform, at, left = answer
        tolerance = tolerance_of(self.ledger, self.parts.project.settings.delivery, visit.visit_id)
        return Heard(visit, self.ledger.platform_base(visit.visit_id), platform, at, left, tolerance)


@dataclass(frozen=True, slots=True)
class _Way:
    """Reads one visit's total; `answers` are total, moment and the date of leaving, or why there is none."""

    answers: dict[int, tuple[int | None, str, str] | str] = field(repr=False)

    def __call__(self, desk: Desk, visit: VisitDue) -> Steps:
        """One visit's steps."""
        if any(
            _is_young(desk, batch.age_s)
            for batch in desk.ledger.all_open_batches()
            if batch.visit_id == visit.visit_id
        ):
            yield Wait(desk.rules.read_lag_s, "before the total is read")
        try:
            reading, left = yield from ask_visit(desk, visit)
        except (Waits, PlatformError) as trouble:
            self.answers[visit.visit_id] = str(trouble).rstrip(".")
            return
        self.answers[visit.visit_id] = (reading.total if reading else None, desk.stamp(), left)


def _is_young(desk: Desk, age_s: float) -> bool:
    """Whether the totals may not show yet what became of a batch (protocol C.4, 0)."""
    return age_s < desk.rules.timeout_s + desk.rules.read_lag_s


@contextmanager
def open_hearing(parts: Parts, *, progress: Progress, is_stopping: Callable[[], bool]) -> Iterator[Hearing]:
    """The ledger under the lease. Raises ConfigurationError, EnvelopeError, PlatformError, LedgerError, LeaseHeld."""
    parts.check_platform()
    with open_turn(parts, notify=progress.note, is_stopping=is_stopping) as (ledger, lease):
        ledger.doubt_orphans()
        yield Hearing(parts, ledger, lease, progress, is_stopping)
