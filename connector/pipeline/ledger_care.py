"""Care of the ledger: check it, back it up, bring a copy back, and write it out for people."""

import csv
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TextIO

from connector.errors import ConfigurationError, LedgerError
from connector.ledger.bringing_back import bring_back
from connector.ledger.exporting import Exported
from connector.ledger.inspection import Check
from connector.ledger.store import Ledger
from connector.pipeline.parts import Parts
from connector.records import yuan

Form = Literal["csv", "jsonl"]


@dataclass(frozen=True, slots=True)
class CheckReport:
    """What was checked. `note`: what a check of this ledger cannot tell; `exit_code` is 1 where anything is broken."""

    place: str
    created_at: str
    size_bytes: int | None
    checks: tuple[Check, ...]
    note: str
    exit_code: int


def check_ledger(parts: Parts, *, deep: bool) -> CheckReport:
    """Check the ledger; it is only read, also while a run is under way. LedgerError where it cannot be opened."""
    file = parts.ledger_file()
    with parts.open_ledger(read_only=True) as ledger:
        checks = tuple(ledger.inspect(deep=deep))
        return CheckReport(
            place=ledger.place,
            created_at=ledger.created_at,
            size_bytes=file.stat().st_size if file else None,
            checks=checks,
            note=_note(parts, file),
            exit_code=1 if any(one.broken for one in checks) else 0,
        )


def _note(parts: Parts, file: Path | None) -> str:
    """What is not as safe as it could be, in one sentence; "" for nothing."""
    witness = parts.witness_file()
    if witness is None:
        return (
            "There is no witness (ledger.witness: none): an old copy of the ledger would not be recognised."
        )
    if file is not None and witness.path.exists() and witness.path.stat().st_dev == file.stat().st_dev:
        return (
            f"The witness {witness.path} lies on the ledger's own disk: if that disk is rolled back, the old ledger is "
            "not recognised. Another disk is better (ledger.witness)."
        )
    return ""


@dataclass(frozen=True, slots=True)
class BackupReport:
    """A copy that was made, and checked."""

    file: Path
    size_bytes: int
    checks: int


def back_up(parts: Parts, file: Path) -> BackupReport:
    """Copy the ledger into a new file, also while a run is under way, and check the copy.

    The file gets its name once it is found whole. Raises ConfigurationError for a file that exists, LedgerError.
    """
    _must_be_new(file)
    with _workshop(file.parent) as folder:
        part = folder / file.name
        with parts.open_ledger(read_only=True) as ledger:
            ledger.copy_to(part, with_session=True)
        checks = _must_be_whole(parts, part, file)
        part.rename(file)
    return BackupReport(file, file.stat().st_size, checks)


@contextmanager
def _workshop(folder: Path) -> Iterator[Path]:
    """A folder for unfinished files, on the disk where they are to go; ConfigurationError where none can be made."""
    try:
        with tempfile.TemporaryDirectory(prefix=".connector-", dir=folder) as made:
            yield Path(made)
    except OSError as error:
        raise ConfigurationError(f"{folder} cannot be written ({os.strerror(error.errno or 0)}).") from None


def _must_be_new(file: Path) -> None:
    """Raise ConfigurationError for a file that exists, or whose folder does not."""
    if file.exists():
        raise ConfigurationError(f"{file} exists already; nothing is overwritten. Name a new file.")
    if not file.parent.is_dir():
        raise ConfigurationError(f"There is no folder {file.parent} to write {file.name} to.")


def _must_be_whole(parts: Parts, file: Path, name: Path) -> int:
    """How many checks a copy has passed; LedgerError for one that fails any."""
    with parts.open_file(file) as ledger:
        checks = ledger.inspect()
    broken = [one for one in checks if one.broken]
    if broken:
        raise LedgerError(
            f"The copy {name} is not whole: {broken[0].name}: {', '.join(broken[0].broken)}. Nothing was changed."
        )
    return len(checks)


@dataclass(frozen=True, slots=True)
class RestoreReport:
    """A copy that was brought back. `aside`: the file that was there before; `caution`: what the witness says."""

    file: Path
    aside: Path | None
    caution: str


def restore(parts: Parts, file: Path, *, force: bool = False) -> RestoreReport:
    """Put a copy in the ledger's place; what was there is kept aside.

    `force` takes a copy of another ledger too. Raises ConfigurationError for a ledger that is no file, or a copy of
    another ledger; LeaseHeld while a process delivers; LedgerError for a copy that is not whole.
    """
    ledger = parts.ledger_file()
    if ledger is None:
        raise ConfigurationError(
            "This ledger lives in PostgreSQL: bring it back with the server's own tools (pg_restore, or a base backup). "
            "An old copy is recognised by its witness all the same."
        )
    if not file.is_file():
        raise ConfigurationError(f"There is no file {file} to bring back.")
    if ledger.exists() and file.samefile(ledger):
        raise ConfigurationError(f"{file} is the ledger itself.")
    aside = ledger.with_name(f"{ledger.name}.before-{parts.clock.now():%Y%m%d-%H%M%S}")
    with _workshop(ledger.parent) as folder:
        fresh = folder / ledger.name
        for end in ("", "-wal"):  # a copy made with cp may have a log beside it
            if (part := file.with_name(file.name + end)).exists():
                shutil.copyfile(part, fresh.with_name(fresh.name + end))
        fresh.chmod(0o600)
        try:
            copy = parts.open_file(fresh, read_only=False)  # of an older schema: brought up to date
        except LedgerError as error:
            raise LedgerError(str(error).replace(str(fresh), str(file))) from None
        with copy:
            if not force:
                _must_be_same(parts, copy, file)
        _must_be_whole(parts, fresh, file)
        was_there = bring_back(fresh, ledger, aside)
    return RestoreReport(ledger, aside if was_there else None, _look(parts))


def _must_be_same(parts: Parts, copy: Ledger, file: Path) -> None:
    """Raise ConfigurationError for a copy of another ledger than the present one."""
    try:
        with parts.open_ledger(read_only=True) as present:
            is_other = present.identity != copy.identity
    except LedgerError:  # it is lost or damaged: that is why it is brought back
        return
    if is_other:
        raise ConfigurationError(
            f"{file} is a copy of another ledger than the present one. Nothing was changed. If it is meant, say --force."
        )


def _look(parts: Parts) -> str:
    """What the witness says of the ledger now; without a witness every copy counts as an old one."""
    if parts.witness_file() is None:
        with parts.open_ledger() as ledger:
            ledger.witness.distrust()
        return "There is no witness, so every visit is held until it is compared: `connector ledger accept`."
    with parts.open_ledger(read_only=True) as ledger:
        return ledger.witness.look()


@dataclass(frozen=True, slots=True)
class ExportReport:
    """Rows that were written out."""

    file: str
    rows: int


def export_ledger(
    parts: Parts, target: Path | TextIO, *, form: Form, show_personal: bool = False
) -> ExportReport:
    """Write every record to a new file (or an open one), as CSV with a heading or one JSON document a line.

    `show_personal` adds what would be sent of a row, where it is kept. Raises ConfigurationError for a file that
    exists, LedgerError.
    """
    with parts.open_ledger(read_only=True) as ledger:
        rows = (_row(one, show_personal=show_personal) for one in ledger.export())
        if not isinstance(target, Path):
            return ExportReport("", _write(rows, target, form))
        _must_be_new(target)
        try:
            # Excel reads UTF-8 only behind its mark.
            encoding = "utf-8-sig" if form == "csv" else "utf-8"
            target.touch(mode=0o600, exist_ok=False)
            with target.open("w", encoding=encoding, newline="") as file:
                return ExportReport(str(target), _write(rows, file, form))
        except OSError as error:
            raise ConfigurationError(
                f"{target} cannot be written ({os.strerror(error.errno or 0)})."
            ) from None


def _row(one: Exported, *, show_personal: bool) -> dict[str, str | int]:
    """A record as it is written out; amounts in yuan."""
    row: dict[str, str | int] = {
        "record": one.record_id,
        "mapping": one.mapping,
        "visit": one.visit,
        "visit_key": one.visit_key,
        "key": one.key,
        "current": int(one.is_current),
        "state": one.state.value,
        "yuan": f"{yuan(one.amount):f}",
        "category": one.category,
        "batch": one.batch_id or "",
        "operation": one.operation,
        "evidence": one.evidence,
        "code": one.code,
        "claimed_at": one.claimed_at,
        "settled_at": one.settled_at,
        "changed_at": one.changed_at,
        "vanished_at": one.vanished_at,
    }
    return row | {"payload": one.payload.decode()} if show_personal else row


def _write(rows: Iterator[Mapping[str, str | int]], file: TextIO, form: Form) -> int:
    """How many rows were written."""
    written = 0
    writer: csv.DictWriter[str] | None = None
    for row in rows:
        written += 1
        if form == "jsonl":
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
            continue
        if writer is None:
            writer = csv.DictWriter(file, list(row))
            writer.writeheader()
        writer.writerow(row)
    return written
