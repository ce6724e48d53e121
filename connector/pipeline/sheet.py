"""The settlement sheet of a visit (4.16): asked about, fetched once, kept, and given for printing.

It looks like a question and approves the fees (trap T109), so nothing fetches it but a person. Every version that
came is kept in the ledger as a step of the visit, with its audit state; of a visit that the ledger does not know
nothing is kept. An approval may be repeated, so a lost answer is asked for again.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from connector.contract.spec import Operation
from connector.errors import ConfigurationError, LedgerError
from connector.ledger.steps import KeptStep
from connector.ledger.store import Ledger
from connector.ledger.visits import KnownVisit
from connector.load.meaning import Meaning, explain
from connector.load.wording import put_in_words
from connector.pipeline.decisions import find_visit
from connector.pipeline.fonts import must_have_font
from connector.pipeline.paper import (
    SHEET,
    Audit,
    Paper,
    Stamp,
    is_still_in,
    read_audit,
    sheet_of,
    write_paper,
)
from connector.pipeline.paper_html import draw_html
from connector.pipeline.parts import Parts, person
from connector.pipeline.personal import mask_of_call
from connector.pipeline.sheets import create_file
from connector.pipeline.single_call import open_line
from connector.records import Outcome, Verdict, yuan

STEP = "sheet"
"""The name of the step that keeps a fetched sheet."""

_APPROVES = (
    "Fetching the sheet of a visit that is not discharged APPROVES its fees. No interface takes an approval back; fees "
    "may still be uploaded, and approved again."
)
_ANSWER, _ROLL, _WHO = "answer", "rolltype", "who"
_LOCAL, _FAR = "0", "1"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which visit's sheet: its number at the platform, how it is asked for, and the visit as the ledger knows it.

    `roll`: 0 for a local visit, 1 across provinces.
    """

    number: str = field(repr=False)
    roll: str
    known: KnownVisit | None

    @property
    def is_far(self) -> bool:
        """Whether it is another province's."""
        return self.roll == _FAR


@dataclass(frozen=True, slots=True)
class Version:
    """One fetched sheet. `number` counts from 1, 0 for one that is not kept; `changed`: labels that differ from the last."""

    number: int
    at: str
    who: str
    audit: Audit
    is_discharged: bool
    changed: tuple[str, ...]
    answer: Mapping[str, object] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Fetched:
    """What came of asking. `version` is None where no sheet came: `meaning` says why."""

    outcome: Outcome
    meaning: Meaning
    version: Version | None

    @property
    def exit_code(self) -> int:
        """0 for a sheet, 1 for none: whatever became of it, asking again harms nothing."""
        return 0 if self.version else 1


def find_wanted(parts: Parts, name: str, *, cross_province: bool) -> Wanted:
    """The visit that is meant; one that the ledger does not know is asked for by that number.

    Raises ConfigurationError where several are called so, where it has no number yet, or where `cross_province` is
    said of a local visit.
    """
    with parts.open_ledger(read_only=True) as ledger:
        known = find_visit(ledger, name) if ledger.find_visits(name) else None
    if known is None:
        return Wanted(name, _FAR if cross_province else _LOCAL, None)
    if not known.number:
        raise ConfigurationError(
            f"Visit {known.key} has no number at the platform yet; it is not registered there."
        )
    mapping = parts.project.mappings.get(known.mapping)
    if mapping is None:
        roll = _FAR if cross_province else _LOCAL
    else:
        family = parts.contract.operation(mapping.fills.partition(".")[0]).family
        roll = _LOCAL if family == "local" else _FAR
    if cross_province and roll == _LOCAL:
        raise ConfigurationError(
            f"Visit {known.name} was registered as a local one; leave --cross-province out."
        )
    return Wanted(known.number, roll, known)


def question_of(parts: Parts, wanted: Wanted) -> tuple[str, ...]:
    """What a person has to say yes to before a sheet is fetched."""
    operation, platform = parts.contract.operation(SHEET), parts.project.settings.platform
    lines = [
        f"{operation.section} {operation.zh} of visit {wanted.number}, from {platform.base_url}.",
        _APPROVES,
    ]
    if wanted.is_far:
        lines.append(
            "This visit is another province's: once its fees are approved, its admission may never be cancelled again. "
            "Make sure that the registration is right."
        )
    if wanted.known is None:
        lines.append("The ledger knows no such visit: the sheet is shown, and not kept.")
        return tuple(lines)
    with parts.open_ledger(read_only=True) as ledger:
        totals = next(one for one in ledger.visit_totals(wanted.known.mapping) if one.key == wanted.known.key)
    lines.append(
        f"The ledger knows this visit: {yuan(totals.accepted + totals.baseline):,.2f} yuan of it are at the platform."
    )
    missing = totals.staged_rows + totals.doubt_rows + totals.quarantined_rows
    if missing:
        lines.append(
            f"Not on the sheet, or not surely: {totals.staged_rows:,} rows that wait, {totals.doubt_rows:,} in doubt, "
            f"{totals.quarantined_rows:,} in quarantine."
        )
    return tuple(lines)


def fetch(
    parts: Parts,
    wanted: Wanted,
    *,
    notify: Callable[[str], None],
    is_stopping: Callable[[], bool] = lambda: False,
) -> Fetched:
    """Ask once, in a session of its own, and keep what came.

    Raises LeaseHeld while a run is under way, SessionError, LedgerError, PlatformError (a yes without a sheet).
    """
    operation = parts.contract.operation(SHEET)
    request = {operation.request.roles["visit"]: wanted.number, _ROLL: wanted.roll}
    with open_line(parts, notify=notify, is_stopping=is_stopping) as line:
        line.keep()
        outcome = line(operation, request)
        meaning = explain(parts.contract, operation, outcome)
        if outcome.verdict is not Verdict.ACCEPTED:
            return Fetched(outcome, meaning, None)
        sheet_of(operation, outcome.body)
        version = _not_kept(operation, outcome, parts.clock.now())
        if wanted.known is not None:
            try:
                version = _keep(line.ledger, operation, wanted, wanted.known, outcome)
            except LedgerError as error:  # the fees are approved; what came is shown all the same
                notify(f"The sheet could not be kept. {error}")
    return Fetched(outcome, meaning, version)


def _not_kept(operation: Operation, outcome: Outcome, now: datetime) -> Version:
    audit, left = read_audit(operation, outcome.body), not is_still_in(operation, outcome.body)
    return Version(0, now.isoformat(), person(), audit, left, (), outcome.body)


def _keep(
    ledger: Ledger, operation: Operation, wanted: Wanted, known: KnownVisit, outcome: Outcome
) -> Version:
    """The answer as a step of its visit."""
    details = {_ANSWER: outcome.body, _ROLL: wanted.roll, _WHO: person()}
    ledger.steps.note(known.visit_id, STEP, operation.method, details)
    return _versions(operation, ledger.steps.of(known.visit_id))[-1]


def list_versions(parts: Parts, wanted: Wanted) -> list[Version]:
    """Every sheet that was fetched of a visit, the oldest first; nothing is asked."""
    if wanted.known is None:
        raise ConfigurationError(f"The ledger knows no visit {wanted.number}, so it keeps no sheet of it.")
    with parts.open_ledger(read_only=True) as ledger:
        return _versions(parts.contract.operation(SHEET), ledger.steps.of(wanted.known.visit_id))


def take_version(parts: Parts, wanted: Wanted, number: int) -> Version:
    """One kept sheet; ConfigurationError where there is none of that number."""
    versions = list_versions(parts, wanted)
    if not 1 <= number <= len(versions):
        raise ConfigurationError(
            f"Of visit {wanted.number} {len(versions)} sheets are kept; there is no version {number}."
        )
    return versions[number - 1]


def _versions(operation: Operation, steps: list[KeptStep]) -> list[Version]:
    """Sheets among a visit's steps, each with what is new in it."""
    versions: list[Version] = []
    before: Mapping[str, object] | None = None
    for step in steps:
        answer = step.details.get(_ANSWER)
        if step.name != STEP or not isinstance(answer, Mapping):
            continue
        changed = () if before is None else _changes(operation, before, answer)
        audit, left = read_audit(operation, answer), not is_still_in(operation, answer)
        who = str(step.details.get(_WHO, ""))
        versions.append(Version(len(versions) + 1, step.at, who, audit, left, changed, answer))
        before = answer
    return versions


def _changes(
    operation: Operation, before: Mapping[str, object], now: Mapping[str, object]
) -> tuple[str, ...]:
    """The Chinese names of what differs, but for the moment of the calculation, which always does."""
    node = operation.answer.nodes[0]
    old, new = sheet_of(operation, before), sheet_of(operation, now)
    names = {child.wrapper or child.name: child.zh for child in node.nodes}
    names |= {child.name: child.zh for child in node.fields}
    names.pop(node.roles["settled_at"], None)
    return tuple(zh for name, zh in names.items() if str(old.get(name, "")) != str(new.get(name, "")))


def paper_of(parts: Parts, version: Version) -> Paper:
    """A version as it is printed today."""
    settings = parts.project.settings
    zone = ZoneInfo(settings.platform.key_date_zone)
    fetched = datetime.fromisoformat(version.at).astimezone(zone)
    stamp = Stamp(
        version=version.number,
        fetched_on=f"{fetched:%Y-%m-%d %H:%M}",
        printed_on=f"{parts.clock.now().astimezone(zone):%Y-%m-%d}",
        title=settings.settlement.title,
    )
    return write_paper(parts.contract, version.answer, stamp)


@dataclass(frozen=True, slots=True)
class Prints:
    """Files to write a sheet into; made before anything is asked, so that a wrong name costs no approval."""

    html: Path | None = None
    pdf: Path | None = None

    @property
    def files(self) -> tuple[Path, ...]:
        """Those that are wanted."""
        return tuple(file for file in (self.html, self.pdf) if file is not None)


@contextmanager
def reserve(parts: Parts, prints: Prints) -> Iterator[None]:
    """Make the files, readable by this user alone; those that stay empty are removed again.

    Raises ConfigurationError where one exists already or cannot be made, or where no font could draw the PDF.
    """
    made: list[Path] = []
    if prints.pdf is not None:
        must_have_font(parts.project.settings.settlement.fonts)
    try:
        for file in prints.files:
            create_file(file)
            made.append(file)
        yield
    finally:
        for file in made:
            if not file.stat().st_size:
                file.unlink()


def draw(parts: Parts, version: Version, prints: Prints) -> tuple[str, ...]:
    """Write a sheet into the reserved files; gives the characters that the PDF's fonts lack.

    Raises ConfigurationError: no Chinese font, no room.
    """
    paper = paper_of(parts, version)
    missing: tuple[str, ...] = ()
    if prints.html is not None:
        _write(prints.html, draw_html(paper).encode())
    if prints.pdf is not None:
        from connector.pipeline.paper_pdf import draw_pdf  # its library takes a second to load

        document, missing = draw_pdf(paper, parts.clock.now(), parts.project.settings.settlement.fonts)
        _write(prints.pdf, document)
    return missing


def _write(file: Path, content: bytes) -> None:
    try:
        file.write_bytes(content)
    except OSError as error:
        file.write_bytes(b"")  # a part of a sheet is none
        raise ConfigurationError(
            f"{file} cannot be written: {error.strerror}. Nothing is kept of it."
        ) from None


def answer_of(parts: Parts, version: Version, *, show_personal: bool) -> object:
    """What came, whole; without what names a person unless that is wanted."""
    mask = mask_of_call(parts.contract.operation(SHEET), "code", "msg")
    return version.answer if show_personal else mask.hide(version.answer)


def words_in(parts: Parts, version: Version) -> dict[str, str]:
    """What the codes in it mean, by their places."""
    lines = put_in_words(parts.contract, parts.contract.operation(SHEET), version.answer)
    return {line.path: line.words for line in lines if line.words}
