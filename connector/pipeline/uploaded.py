"""The visits that the platform lists for a span of days (4.15), held against the ledger.

Three things are looked for: a visit at the platform that the ledger does not know, one that the ledger has registered
and the platform does not list, and totals that differ. Nothing is changed; `connector reconcile` finds the rows.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from connector.contract.spec import Operation
from connector.errors import PlatformError
from connector.ledger.store import Ledger
from connector.ledger.visits import KnownVisit
from connector.load.judge import is_nothing_found
from connector.load.meaning import explain
from connector.load.wording import as_text
from connector.pipeline import messages
from connector.pipeline.asking import Asker, Days, days_of, request_of
from connector.pipeline.desk import tolerance_of
from connector.pipeline.overview import COMPLETE, UNSETTLED
from connector.pipeline.parts import Parts
from connector.pipeline.sheets import in_yuan, open_sheets
from connector.pipeline.single_call import Line, open_line
from connector.records import Outcome, Verdict

VISITS = "getPerDetail"
RECORDED = "recorded"
"""The day on which the platform took the registration: the only one that the ledger knows too."""

_REGISTERS = ("register", "offsiteRegister")
_ASKED_ONE_BY_ONE = 50
"""So many visits that are not listed are asked for by their numbers."""

COLUMNS = ("visit", "verdict", "platform", "ledger", "admitted", "discharged", "recorded", "audit")


class Finding(StrEnum):
    """What comes of a visit."""

    EQUAL = "equal"
    DIFFERS = "DIFFERS"
    IN_DOUBT = "in doubt"  #: a batch is not settled; totals say nothing before that
    UNKNOWN = "NOT IN THE LEDGER"
    MISSING = "NOT LISTED"
    UNASKED = "not listed, not asked for"
    SEVERAL = "several stays"  #: one number for several stays: a sum of one list says nothing

    @property
    def needs_a_person(self) -> bool:
        """Whether somebody has to look."""
        return self is not Finding.EQUAL


@dataclass(frozen=True, slots=True)
class ListedVisit:
    """One visit on either side; sums scaled by 4, None where that side does not know it. Days as they came."""

    visit: str = field(repr=False)
    finding: Finding
    platform: int | None = field(repr=False)
    ledger: int | None = field(repr=False)
    admitted: str = ""
    discharged: str = ""
    recorded: str = ""
    audit: str = ""


@dataclass(frozen=True, slots=True)
class UploadedReport:
    """A list of the platform and what differs. `listed` is how many it named for these days."""

    since: str
    until: str
    by: str
    listed: int
    visits: tuple[ListedVisit, ...]
    files: tuple[Path, ...]
    exit_code: int


def list_uploaded(parts: Parts, asker: Asker, by: str, days: Days, export: Path | None) -> UploadedReport:
    """Ask once for the days, compare, and ask by number for those that are missing.

    Which visits are missing is known of `recorded` days only. Raises ConfigurationError (an export that exists too),
    LeaseHeld, SessionError, LedgerError, PlatformError (a refusal, an amount that cannot be read).
    """
    operation = parts.contract.operation(VISITS)
    asker.notify(f"{operation.section} {operation.zh}, {by} {days}.")
    files: tuple[Path, ...] = ()
    if export is None:
        found = _compare(parts, asker, operation, by, days)
    else:
        with open_sheets(export, {"visits": COLUMNS}) as sheets:
            found = _compare(parts, asker, operation, by, days)
            for one in found:
                about = (one.admitted, one.discharged, one.recorded, one.audit)
                sheets.add_row((one.visit, one.finding, in_yuan(one.platform), in_yuan(one.ledger), *about))
            files = sheets.finish()
    return UploadedReport(
        since=days.since.isoformat(),
        until=days.until.isoformat(),
        by=by,
        listed=sum(one.platform is not None for one in found),
        visits=tuple(found),
        files=files,
        exit_code=UNSETTLED if any(one.finding.needs_a_person for one in found) else COMPLETE,
    )


def _compare(parts: Parts, asker: Asker, operation: Operation, by: str, days: Days) -> list[ListedVisit]:
    with open_line(parts, notify=asker.notify, is_stopping=asker.is_stopping, only_asks=True) as line:
        errand = _Errand(parts, operation, line)
        line.keep()
        listed = list(errand.read(errand.ask(days_of(operation, by, days))))
        if by == RECORDED:
            listed += errand.look_for_missing(days, {one.visit for one in listed})
    return listed


@dataclass(frozen=True, slots=True)
class _Errand:
    """One list under its lease."""

    parts: Parts
    operation: Operation
    line: Line

    @property
    def ledger(self) -> Ledger:
        """The ledger, under the lease."""
        return self.line.ledger

    def ask(self, values: Mapping[str, str]) -> Outcome:
        """What the platform lists; PlatformError for a refusal."""
        outcome = self.line(self.operation, request_of(self.operation, values))
        if outcome.verdict is not Verdict.ACCEPTED and not is_nothing_found(self.operation, outcome):
            meaning = explain(self.parts.contract, self.operation, outcome)
            advice = f" {meaning.advice}" if meaning.advice else ""
            raise PlatformError(
                f"{self.operation.section} {self.operation.zh} gave no list: {meaning.said}.{advice}"
            )
        return outcome

    def read(self, outcome: Outcome) -> Iterator[ListedVisit]:
        """The visits of an answer, each with what the ledger says of it."""
        node = self.operation.answer.nodes[0]
        rows = messages.rows_of(outcome.body, node)
        numbers = Counter(as_text(row.get(node.roles["visit"])).strip() for row in rows)
        for row in rows:
            number = as_text(row.get(node.roles["visit"])).strip()
            day = {
                role: as_text(row.get(node.roles[role])).strip()
                for role in ("admitted", "discharged", "recorded", "audit")
            }
            amount = node.roles["total"]
            total = messages.read_amount(row.get(amount), amount, self.operation)
            ids = self.ledger.visits_numbered(number)
            ledger = sum(map(self.ledger.platform_base, ids)) if ids else None
            finding = Finding.SEVERAL if numbers[number] > 1 or len(ids) > 1 else self._judge(ids, total)
            yield ListedVisit(number, finding, total, ledger, **day)

    def _judge(self, ids: list[int], total: int) -> Finding:
        """One listed visit against the one of the ledger that has its number."""
        if not ids:
            return Finding.UNKNOWN
        (visit_id,) = ids
        if self.ledger.open_batches(visit_id):
            return Finding.IN_DOUBT
        tolerance = tolerance_of(self.ledger, self.parts.project.settings.delivery, visit_id)
        is_equal = abs(total - self.ledger.platform_base(visit_id)) <= tolerance
        return Finding.EQUAL if is_equal else Finding.DIFFERS

    def look_for_missing(self, days: Days, listed: set[str]) -> Iterator[ListedVisit]:
        """Visits that were registered on these days and are not in the list, asked for one by one.

        One whose registration the platform took on another day (around midnight, or by hand) is listed then.
        """
        registered = self.ledger.visits_registered(_REGISTERS, *days.moments)
        missing = [one for one in registered if one.number not in listed]
        for place, one in enumerate(missing):
            if place >= _ASKED_ONE_BY_ONE:
                yield self._missing(one, Finding.UNASKED)
                continue
            self.line.keep()
            found = list(self.read(self.ask({self.operation.request.roles["visit"]: one.number})))
            yield from found or [self._missing(one, Finding.MISSING)]

    def _missing(self, one: KnownVisit, finding: Finding) -> ListedVisit:
        return ListedVisit(one.number, finding, None, self.ledger.platform_base(one.visit_id))
