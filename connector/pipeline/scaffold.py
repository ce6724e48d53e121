"""`init`: make a project directory, and mappings that only want their columns filled in.

A scaffolded mapping lists every field of the platform's node with its Chinese name as a comment, and every
column of the table with the DBA's own; `connector check` then says what is still missing. Nothing that exists
is overwritten.
"""

import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path

from connector.config.secrets import holds_password, is_reference
from connector.contract.library import contract
from connector.contract.spec import Field, Node
from connector.errors import ConfigurationError
from connector.extract.source import Hospital, Table, open_hospital
from connector.ledger.seal import create_key, read_key
from connector.ledger.store import open_ledger
from connector.pipeline.parts import real_clock

FILLS = {
    "visits": "register",
    "orders": "sendMedInfo.advices.advice",
    "charges": "sendMedInfo.meds.med",
}
"""What may be scaffolded, and the node it fills."""

_FOLDERS = ("mappings", "pipelines", "codes", "catalogues")
_PREVIEW_S = 30
_VISIT_COLUMNS = ("ZYH", "VISIT_ID", "INPATIENT_NO")
_PLAIN = re.compile(r"\w[\w.$]*")

_CONNECTOR = """\
version: 1
# Secrets stand elsewhere: env:NAME, file:PATH or keyring:SERVICE/USER.
his: {{url: {url}}} # an account that may only read
platform:
  base_url: "http://127.0.0.1:8029/nm-his" # connector simulate; the real address comes from the vendor
  username: demo
  password: "env:PLATFORM_PASSWORD"
  key: "env:PLATFORM_KEY"
ledger:
  url: "sqlite:///ledger.db"
  key: "file:ledger.key"
  witness: ledger.witness # put it on another disk: it tells an old copy of the ledger from the ledger
delivery: {{batch_rows: 50, visits_in_flight: 4, settle_s: 1800}}
"""

_PIPELINE = """\
version: 1
pipeline: inpatient
visits: {visits}
mappings: [{mappings}]
"""


def scaffold(directory: Path, *, url: str, tables: Sequence[str]) -> Iterator[str]:
    """Make what is missing; yields a sentence for each thing done.

    `tables`: `charges=ZY_FYMX` and the like. Without `url` the settings name the variable HIS_URL.
    Raises ConfigurationError for wrong `tables` or a folder that cannot be written, SourceError when the database
    cannot be read, LedgerError when the ledger cannot be made.
    """
    wanted = [_read_wish(text) for text in tables]
    if wanted and not url:
        raise ConfigurationError("--table needs --url: the mapping is made by looking at the table.")
    if holds_password(url) and not is_reference(url):
        raise ConfigurationError(
            "The URL holds a password, which would stand in connector.yaml for everybody to read. Put the URL in "
            "an environment variable and say --url env:HIS_URL."
        )
    drafts = _draft(url, wanted) if url else {}
    try:
        yield from _write_project(directory, url or "env:HIS_URL", drafts)
    except OSError as error:
        raise ConfigurationError(
            f"{directory} cannot be made a project ({os.strerror(error.errno or 0)}). Name a folder with "
            "--project in which this user may write."
        ) from None
    yield "Next: fill in the mappings, and let `connector check` say what is missing."


def _write_project(directory: Path, url: str, drafts: Mapping[str, str]) -> Iterator[str]:
    """Folders, settings, drafts, a pipeline for them, and the ledger."""
    for folder in _FOLDERS:
        (directory / folder).mkdir(parents=True, exist_ok=True)
    yield _write(directory / "connector.yaml", _CONNECTOR.format(url=json.dumps(url, ensure_ascii=False)))
    for name, text in drafts.items():
        yield _write(directory / "mappings" / f"{name}.yaml", text)
    if "visits" in drafts:
        rows = ", ".join(name for name in ("orders", "charges") if name in drafts)
        text = _PIPELINE.format(visits="visits", mappings=rows)
        yield _write(directory / "pipelines" / "inpatient.yaml", text)
    yield from make_ledger(directory)


def _read_wish(text: str) -> tuple[str, str]:
    """`charges=ZY_FYMX` as its two halves."""
    what, _, table = text.partition("=")
    if what not in FILLS or not table:
        near = get_close_matches(what, FILLS, n=1)
        hint = f" Did you mean {near[0]}={table or 'TABLE'}?" if near else ""
        raise ConfigurationError(f"--table {text}: say WHAT=TABLE, WHAT being {', '.join(FILLS)}.{hint}")
    return what, table


def _draft(url: str, wanted: Sequence[tuple[str, str]]) -> dict[str, str]:
    """The mappings' texts; the database is asked before anything is written."""
    value = _read_url(url)
    with open_hospital(value, page_rows=1, statement_timeout_s=_PREVIEW_S) as hospital:
        found = {table.name: table for table in hospital.tables()}
        return {what: _mapping(what, _find(name, found, hospital)) for what, name in wanted}


def _read_url(url: str) -> str:
    """The database's URL, which may be named by an environment variable."""
    if not url.startswith("env:"):
        return url
    value = os.environ.get(url.removeprefix("env:"), "")
    if not value:
        raise ConfigurationError(f"The environment variable {url.removeprefix('env:')} is not set.")
    return value


def _find(name: str, found: dict[str, Table], hospital: Hospital) -> Table:
    """A table by its name, letter case forgiven."""
    folded = {other.casefold(): table for other, table in found.items()}
    if name.casefold() in folded:
        return folded[name.casefold()]
    near = get_close_matches(name.casefold(), folded, n=1)
    hint = f" Did you mean {folded[near[0]].name}?" if near else ""
    raise ConfigurationError(f"{hospital.name} has no table {name}.{hint}")


def _mapping(what: str, table: Table) -> str:
    """One mapping file: what can be told from the table, and every field as a line to fill in."""
    node = contract().node(FILLS[what])
    names = [column.name for column in table.columns]
    visit = next((name for name in names if name.upper() in _VISIT_COLUMNS), "")
    lines = [
        "version: 1",
        f"mapping: {what}",
        f"fills: {FILLS[what]} # {_title(what)}",
        "source:",
        f"  table: {_scalar(table.name)} # {_one_line(table.comment)}".removesuffix(" # "),
        f"  key: {_key(table.key)} # identifies a row for ever",
        f"  visit: {_scalar(visit)} # ties a row to its visit",
        f"  changes: {_changes(what, table)}",
        "  # The columns of the table:",
        *(f"  #   {_one_line(f'{c.name}  {c.native}  {c.comment}')}" for c in table.columns),
        "fields: # the platform's field, and the column of the HIS in place of the ?; remove the # before it",
        *_field_lines(node),
    ]
    return "\n".join(lines) + "\n"


def _key(columns: Sequence[str]) -> str:
    """A key of one column, or of several; "" where the table declares none."""
    names = ", ".join(map(_scalar, columns))
    return f"[{names}]" if len(columns) > 1 else names or _scalar("")


def _scalar(name: str) -> str:
    """A name as YAML text, quoted where it has to be."""
    return name if _PLAIN.fullmatch(name) else json.dumps(name, ensure_ascii=False)


def _one_line(text: str) -> str:
    """A comment of the database, without its line breaks and whatever else YAML does not take."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _title(what: str) -> str:
    """The interface that a mapping fills, in the document's words."""
    operation = contract().operation(FILLS[what].partition(".")[0])
    return f"{operation.section} {operation.zh}"


def _changes(what: str, table: Table) -> str:
    """How new rows may be found: by a whole-number key, else by comparison; visits always by comparison."""
    natives = {column.name: column.native.upper() for column in table.columns}
    if what != "visits" and len(table.key) == 1 and "INT" in natives[table.key[0]]:
        return f"{{by: sequence, column: {_scalar(table.key[0])}, lookback: 5000}} # or by: timestamp, or by: comparison"
    return "{by: comparison}" if what == "visits" else "{by: comparison} # or by: timestamp, column: …"


def _field_lines(node: Node) -> Iterator[str]:
    """One commented line a field, those that must be filled first of their node's order kept."""
    for path, child in node.walk():
        if isinstance(child, Field) and path != "sessionid":
            yield f"  # {path.rpartition('.')[2]}: ? # {_describe(child)}"


def _describe(field: Field) -> str:
    """A field in a comment: Chinese name, type, length, code table, whether it must be there."""
    size = f"({field.length})" if field.length else ""
    if field.precision:
        size = f"({field.precision},{field.scale or 0})"
    must = " 必填" if field.required else (" 视情况必填" if field.required_when else "")
    codes = f" 码表{field.codes}" if field.codes else ""
    note = f" {field.note}" if field.note else ""
    return f"{field.zh} {field.type.value}{size}{codes}{must}{note}"


def _write(file: Path, text: str) -> str:
    """Write a file that is not there yet."""
    if file.exists():
        return f"kept  {file} (it exists)"
    file.write_text(text, encoding="utf-8")
    return f"wrote {file}"


def make_ledger(directory: Path) -> Iterator[str]:
    """The ledger and its key. A ledger without its key is not replaced: it would be lost."""
    key, ledger = directory / "ledger.key", directory / "ledger.db"
    if ledger.exists() and not key.exists():
        raise ConfigurationError(
            f"{ledger} exists and {key} does not: without its key the ledger cannot be read. Bring the key back; "
            "do not make a new ledger, or what was sent would be sent again."
        )
    if not key.exists():
        key.touch(mode=0o600)
        key.write_text(create_key(), encoding="utf-8")
        yield f"wrote {key} (keep a copy elsewhere: without it the ledger is lost)"
    if ledger.exists():
        yield f"kept  {ledger} (it exists)"
        return
    url = f"sqlite:///{ledger.resolve()}"
    text = key.read_text(encoding="utf-8")
    with open_ledger(url, read_key(text), now=real_clock().now, create=True):
        pass
    yield f"wrote {ledger}"
