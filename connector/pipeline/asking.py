"""Lists that the platform gives for a span of days (4.5, 4.7), and the drug share of a visit (4.17).

They only ask. Both ends of the days are always sent: without them the platform means "this month" (trap T103).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from connector.contract.spec import Operation
from connector.errors import ConfigurationError
from connector.pipeline.calling import CallReport, report
from connector.pipeline.parts import Parts
from connector.pipeline.personal import mask_of_call
from connector.pipeline.single_call import open_line
from connector.records import Outcome

APPLICATIONS, REPORTS, DRUG_SHARE = "getCureBatch", "getReportBatch", "getPerMed"
_REHABILITATION = "4"
"""AKC191; only there the share has consequences (trap T138)."""

_HARMLESS = ("code", "msg", "count", "counts")


@dataclass(frozen=True, slots=True)
class Days:
    """A span of days at the platform, both ends included. `is_default`: nobody named one, so it is this month."""

    since: date
    until: date
    is_default: bool
    zone: str

    def __str__(self) -> str:
        """`2026-03-01 to 2026-03-05 (this month)`."""
        return f"{self.since} to {self.until}{' (this month)' if self.is_default else ''}"

    @property
    def moments(self) -> tuple[datetime, datetime]:
        """When the first day begins, and when the last one has ended."""
        begin, end = (
            datetime.combine(day, time(), ZoneInfo(self.zone))
            for day in (self.since, self.until + timedelta(days=1))
        )
        return begin, end


def choose_days(parts: Parts, since: date | None, until: date | None) -> Days:
    """What was asked for; the first of the month and today stand in. ConfigurationError where they are no span."""
    zone = parts.project.settings.platform.key_date_zone
    last = until or parts.clock.now().astimezone(ZoneInfo(zone)).date()
    first = since or last.replace(day=1)
    if first > last:
        raise ConfigurationError(f"--since {first} is later than --until {last}; no day is between them.")
    return Days(first, last, since is None and until is None, zone)


def request_of(operation: Operation, values: Mapping[str, str]) -> dict[str, str]:
    """A query with every documented field, empty unless given (trap T102)."""
    names = (spec.name for spec in operation.request.fields if spec.name != "sessionid")
    return {name: values.get(name, "") for name in names}


def days_of(operation: Operation, by: str, days: Days) -> dict[str, str]:
    """The fields that limit a query to days, by what they are the days of."""
    first, last = operation.request.ranges[by]
    return {first: days.since.isoformat(), last: days.until.isoformat()}


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks: what is told meanwhile, whether to stop, whether people may be named."""

    notify: Callable[[str], None]
    is_stopping: Callable[[], bool] = lambda: False
    show_personal: bool = False


def list_records(parts: Parts, asker: Asker, method: str, by: str, days: Days) -> CallReport:
    """Applications (4.5) or accident reports (4.7) of some days, by the day that `by` names.

    Raises LeaseHeld while a run is under way, SessionError, LedgerError.
    """
    operation = parts.contract.operation(method)
    asker.notify(f"{operation.section} {operation.zh}, {by} {days}.")
    return _ask(parts, asker, operation, days_of(operation, by, days))


def tell_drug_share(parts: Parts, asker: Asker, number: str) -> CallReport:
    """The drugs' share in a visit's fees (4.17), the percent sign included; the same errors."""
    operation = parts.contract.operation(DRUG_SHARE)
    found = _ask(parts, asker, operation, {operation.request.roles["visit"]: number})
    treatment = str(found.answer.get(operation.answer.roles["treatment"], "")).strip()
    if found.exit_code == 0 and treatment != _REHABILITATION:
        asker.notify("This visit is no rehabilitation: the agency deducts for drugs only there.")
    return found


def _ask(parts: Parts, asker: Asker, operation: Operation, values: Mapping[str, str]) -> CallReport:
    """One question, and its answer without what names a person unless that is wanted."""
    with open_line(parts, notify=asker.notify, is_stopping=asker.is_stopping, only_asks=True) as line:
        line.keep()
        outcome = line(operation, request_of(operation, values))
    return report(parts.contract, operation, outcome if asker.show_personal else _hide(operation, outcome))


def _hide(operation: Operation, outcome: Outcome) -> Outcome:
    """An outcome that names nobody; the platform's message may quote what the answer holds."""
    mask = mask_of_call(operation, *_HARMLESS)
    message = outcome.message
    for text in mask.hidden(outcome.body):
        message = message.replace(text, "***") if len(text) > 1 else message
    body = {name: mask.hide(value, name) for name, value in outcome.body.items()}
    return replace(outcome, body=body, message=message)
