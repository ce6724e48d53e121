"""What a long run has done and found, and how it is told."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.audit import Audit
from tests.crash.killing import Killings
from tests.torture.outcomes import Outcomes
from tests.torture.trial import Trial, Violation


@dataclass(slots=True)
class Tally:
    """Sums over everything that was played."""

    schedules: int = 0
    kills: int = 0
    unreached: int = 0
    deaths: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    found: Audit = field(default_factory=Audit)
    outcomes: Outcomes = field(default_factory=Outcomes)
    violations: int = 0

    def add_trial(self, trial: Trial, found: Audit | None) -> None:
        """A schedule in this process that was played to its end, or until it broke."""
        self.schedules += 1
        self.deaths += trial.deaths
        self.faults.update(trial.fired)
        self.outcomes.seen.update(trial.outcomes.seen)
        if found is not None:
            self.found.add(found)

    def add_kills(self, ended: Killings) -> None:
        """A schedule of real processes."""
        self.schedules += 1
        self.kills += ended.killed
        self.unreached += not ended.killed
        self.faults.update(ended.fired)
        self.found.add(ended.found)

    def add_violation(self, broken: AssertionError) -> None:
        """A schedule that broke an invariant; its rows are counted where a comparison shows them."""
        self.violations += 1
        found = broken.found if isinstance(broken, Violation) else None
        if found is not None:
            self.found.add(found)

    @property
    def line(self) -> str:
        """How far it has come."""
        found = self.found
        return (
            f"{self.schedules:6} schedules, {self.faults.total():6} faults, {self.deaths + self.kills:5} deaths, "
            f"{found.visits:6} visits, {found.rows:6} rows; lost {len(found.lost)}, "
            f"duplicated {len(found.twice)}, held {found.held}"
        )

    def table(self) -> Iterator[str]:
        """Everything, for the end."""
        found = self.found
        for name, value in (
            ("schedules run", self.schedules),
            ("faults injected", self.faults.total()),
            ("deaths in this process", self.deaths),
            ("processes killed (SIGKILL)", self.kills),
            ("schedules whose process was not reached", self.unreached),
            ("visits compared", found.visits),
            ("rows compared", found.rows),
            ("rows lost", len(found.lost)),
            ("rows duplicated", len(found.twice)),
            ("rows stored that the ledger does not know", len(found.different)),
            ("rows held (visibly)", found.held),
            ("rows in quarantine or set aside", found.quarantined),
            ("invariants broken", self.violations),
        ):
            yield f"{name:44}{value:9}"
        yield from _counted("faults by kind", self.faults)
        yield from _counted("what was decided", self.outcomes.seen)


def _counted(title: str, counts: Counter[str]) -> Iterator[str]:
    if counts:
        yield f"{title}:"
    for name, count in sorted(counts.items()):
        yield f"  {name:42}{count:9}"
