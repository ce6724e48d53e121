"""Old business: visits whose fees were on the platform before the connector came, or whose ledger was lost.

Totals identify no rows (protocol C.8), so a person says what the sum there is: rows of the HIS that were sent
already (`import`), or something that is not the connector's (`baseline`). Either has to add up, visit by visit.
"""

import csv
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path

from connector.errors import ConfigurationError
from connector.ledger.decisions import Decision
from connector.ledger.store import Ledger
from connector.ledger.visits import KnownVisit
from connector.pipeline.cases import Matter, open_matter
from connector.pipeline.cutoffs import fitting
from connector.pipeline.deciding import Signature, intents_of
from connector.pipeline.decisions import find_visit
from connector.pipeline.hearing import Hearing, open_hearing
from connector.pipeline.parts import Parts
from connector.pipeline.preview import find_mapping
from connector.pipeline.progress import Progress
from connector.records import yuan

BASELINE, IMPORT = "baseline", "import"
_KEY, _MAPPING = "key", "mapping"
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Pick:
    """Which waiting rows were sent before: all of them, those up to a date (that included), or those of a list.

    `keys`: source keys, each with its mapping, "" for any.
    """

    everything: bool = False
    until: str = ""
    keys: frozenset[tuple[str, str]] = field(default=frozenset(), repr=False)

    def of(self, matter: Matter) -> list[int]:
        """The numbers of the rows of a visit that are meant."""
        if self.everything:
            return matter.candidates.ids
        if self.until:
            return [row.number for row in matter.candidates.dated() if row.date and row.date <= self.until]
        return [
            record.id
            for line, record in matter.candidates.records
            if {(line.mapping, record.key), ("", record.key)} & self.keys
        ]


@dataclass(frozen=True, slots=True)
class OldVisit:
    """One visit with old business; amounts scaled by 4.

    `rows` and `amount`: what is taken for sent (import); `waiting_rows` and `waiting`: all that waits; `cut_offs`: the
    dates up to which the rows sum up to the surplus; `why_not`: why nothing can be done about it here, "" if it can.
    """

    visit: str = field(repr=False)
    ledger: int = field(repr=False)
    platform: int = field(repr=False)
    waiting_rows: int
    waiting: int = field(repr=False)
    rows: int
    amount: int = field(repr=False)
    cut_offs: tuple[str, ...]
    why_not: str
    done: bool = False

    @property
    def surplus(self) -> int:
        """What the platform holds more than the ledger says."""
        return self.platform - self.ledger


def read_pick(parts: Parts, *, file: Path | None, everything: bool, until: str) -> Pick:
    """What a person named: exactly one of the three; ConfigurationError for anything else."""
    if (file is not None) + everything + bool(until) != 1:
        raise ConfigurationError("Say which rows were sent before: a CSV file, --up-to DATE, or --all-rows.")
    if file is not None:
        return Pick(keys=frozenset(_read_keys(parts, file)))
    if until:
        try:
            until = date.fromisoformat(until).isoformat()
        except ValueError:
            raise ConfigurationError(f"--up-to {until}: a date like 2026-03-02 is meant.") from None
    return Pick(everything=everything, until=until)


def _read_keys(parts: Parts, file: Path) -> Iterator[tuple[str, str]]:
    """(mapping, key) of each line of a CSV file; ConfigurationError where it is not one."""
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            rows = list(csv.DictReader(lines))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ConfigurationError(
            f"{file}: cannot be read as CSV in UTF-8 ({type(error).__name__})."
        ) from None
    if not rows or _KEY not in rows[0]:
        raise ConfigurationError(
            f"{file}: a header with the column `{_KEY}` (the row's key in the HIS, parts joined by |) is expected, and "
            f"`{_MAPPING}` where keys of several mappings are alike."
        )
    for name in sorted({(row.get(_MAPPING) or "").strip() for row in rows} - {""}):
        find_mapping(parts, name)
    yield from (((row.get(_MAPPING) or "").strip(), row[_KEY].strip()) for row in rows if row[_KEY])


def look_at_old(
    parts: Parts,
    names: Sequence[str],
    pick: Pick | None,
    *,
    progress: Progress,
    is_stopping: Callable[[], bool],
) -> list[OldVisit]:
    """The visits of these names (or all without an accepted charge) that the platform holds something of.

    With a `pick` its rows are held against what the platform holds more. Raises ConfigurationError for what is unknown,
    PlatformError, LedgerError, LeaseHeld.
    """
    with open_hearing(parts, progress=progress, is_stopping=is_stopping) as hearing:
        return [one for _, one in _hear(hearing, names, pick)]


def settle_old(
    parts: Parts,
    seen: Sequence[OldVisit],
    pick: Pick | None,
    signature: Signature,
    *,
    progress: Progress,
    is_stopping: Callable[[], bool],
) -> list[OldVisit]:
    """Do what was seen to add up, if it still does: rows are counted as sent, or surpluses become baselines."""
    wanted = {one.visit: one for one in seen if not one.why_not}
    results: list[OldVisit] = []
    if not wanted:
        return results
    with open_hearing(parts, progress=progress, is_stopping=is_stopping) as hearing:
        for matter, one in _hear(hearing, sorted(wanted), pick):
            before = wanted[one.visit]
            if one != before:
                moved = one.why_not or "it has moved since it was shown; look again"
                results.append(replace(one, why_not=moved))
                continue
            _settle(hearing.ledger, matter, one, pick, signature)
            results.append(replace(one, done=True))
    return results


def _hear(hearing: Hearing, names: Sequence[str], pick: Pick | None) -> Iterator[tuple[Matter, OldVisit]]:
    """Each visit with old business, as it stands now."""
    ledger = hearing.ledger
    if names:
        visits = [find_visit(ledger, name) for name in names]
    elif pick is not None and pick.keys:
        visits = ledger.visits_of(_owners(hearing, pick))
    else:
        visits = list(_untouched(hearing))
    for heard in hearing.hear([visit for visit in visits if visit.number]):
        if heard.shows(0) and not names:
            continue
        matter = open_matter(hearing.parts, ledger, heard)
        yield matter, _old(matter, pick)


def _owners(hearing: Hearing, pick: Pick) -> set[int]:
    """The visits that the listed rows belong to; ConfigurationError for a row that does not wait."""
    names = dict.fromkeys(name for one in hearing.parts.project.pipelines.values() for name in one.mappings)
    found: set[int] = set()
    known: set[tuple[str, str]] = set()
    for name in names:
        owners = hearing.ledger.outbox.waiting_under(
            name, {key for mapping, key in pick.keys if mapping in ("", name)}
        )
        found |= set(owners.values())
        known |= {pair for key in owners for pair in (("", key), (name, key))}
    unknown = sorted(key for _, key in pick.keys - known)
    if unknown:
        more = f", and {len(unknown) - _SHOWN} more" if len(unknown) > _SHOWN else ""
        raise ConfigurationError(
            f"No row waits to be sent under the key {', '.join(unknown[:_SHOWN])}{more}. Let `connector run` read the "
            "HIS first; what was sent already cannot be marked again. Nothing was decided."
        )
    return found


def _untouched(hearing: Hearing) -> Iterator[KnownVisit]:
    """Visits of which nothing was ever accepted, nor taken for a baseline."""
    ledger = hearing.ledger
    for visits in sorted({one.visits for one in hearing.parts.project.pipelines.values()}):
        for one in ledger.visit_totals(visits):
            if not (one.accepted_rows or one.doubt_rows or one.baseline) and one.number:
                yield from (known for known in ledger.find_visits(one.number) if known.mapping == visits)


def _old(matter: Matter, pick: Pick | None) -> OldVisit:
    """A visit with old business, and whether anything can be done about it."""
    rows = pick.of(matter) if pick is not None else []
    candidates, heard = matter.candidates, matter.heard
    amount = candidates.sum_of(rows)
    return OldVisit(
        visit=heard.visit.name,
        ledger=heard.ledger,
        platform=heard.total,
        waiting_rows=len(candidates.ids),
        waiting=candidates.sum_of(candidates.ids),
        rows=len(rows),
        amount=amount,
        cut_offs=tuple(one.until for one in fitting(candidates.dated(), heard.surplus)),
        why_not=_why_not_import(matter, len(rows), amount) if pick is not None else _why_not_baseline(matter),
    )


def _why_not_open(matter: Matter) -> str:
    """Why a visit is not to be decided about here; "" where it is."""
    if matter.case.pending:
        return matter.case.pending
    if matter.batch is not None:
        return f"a batch of it is in doubt (`connector resolve {matter.case.visit}`)"
    return ""


def _why_not_import(matter: Matter, rows: int, amount: int) -> str:
    if _why_not_open(matter):
        return _why_not_open(matter)
    if not rows:
        return "none of its waiting rows is meant"
    if not matter.heard.shows(amount):
        return (
            f"the rows meant sum up to {yuan(amount):.2f}, and the platform holds {yuan(matter.heard.surplus):.2f} more than "
            "the ledger says"
        )
    return ""


def _why_not_baseline(matter: Matter) -> str:
    if _why_not_open(matter):
        return _why_not_open(matter)
    if matter.heard.shows(0):
        return "the platform holds what the ledger says"
    if matter.heard.surplus < 0:
        return f"the platform holds less than the ledger says (`connector resolve {matter.case.visit}`)"
    if not any(choice.option == "--baseline" for choice in matter.case.choices):
        return "rows that wait would explain what is there: `connector ledger import` marks them as sent"
    return ""


def _settle(ledger: Ledger, matter: Matter, one: OldVisit, pick: Pick | None, signature: Signature) -> None:
    """Write one visit's decision."""
    numbers: dict[str, int | str] = {"ledger": f"{yuan(one.ledger):f}", "platform": f"{yuan(one.platform):f}"}
    visit_id = matter.heard.visit.visit_id
    if pick is None:
        decision = Decision(BASELINE, "accepted", signature.who, signature.because, visit_id, numbers=numbers)
        ledger.judgements.accept_baseline(one.surplus, decision)
        return
    rows = pick.of(matter)
    choice = "all rows" if pick.everything else f"up to {pick.until}" if pick.until else "a list"
    numbers |= {"rows": len(rows), "amount of the rows": f"{yuan(one.amount):f}"}
    decision = Decision(IMPORT, choice, signature.who, signature.because, visit_id, numbers=numbers)
    ledger.judgements.adopt(intents_of(matter.heard, matter.candidates, rows), decision)
