"""Reading code maps (YAML or CSV) and catalogue files."""

import csv
import io
import pathlib
from types import MappingProxyType
from typing import get_args

from connector.config.codes import FACTS, Catalogue, CodeMap, Missing
from connector.config.expressions import read_columns, read_expression
from connector.config.form import Form, read_version
from connector.config.mapping import Expression
from connector.config.mapping_file import NAME, read_name, read_origin
from connector.config.near import propose
from connector.config.opening import open_page
from connector.config.page import Page, Spot
from connector.config.yaml_reader import read_yaml

_HEADER = ["from", "to"]
_TRIMMED = " \t　"
_FACT_STEPS = frozenset({"codes"})
_DATE_STEPS = frozenset({"read", "empty"})


def read_code_map(page: Page, path: pathlib.Path) -> CodeMap | None:
    """The code map of a YAML page; None where it is no table of keys at all."""
    table = read_yaml(page)
    if table is None:
        return None
    form = Form(page, table)
    read_version(form)
    name = read_name(form, "codes")
    otherwise = form.text("otherwise", nullable=True)
    entries: dict[str, str] = {}
    if (inner := form.form("map", required=True)) is not None:
        for code, (key, _) in inner.table.entries.items():
            _check_code(page, key.spot, code)
            if (text := inner.text(code)) is not None:
                entries[code] = text
    form.close()
    return CodeMap(name, MappingProxyType(entries), otherwise, path, page.places())


def read_code_csv(page: Page, path: pathlib.Path) -> CodeMap:
    """The code map of a CSV page with the header `from,to`; its name is the file's."""
    name = path.stem
    if not NAME.fullmatch(name):
        page.complain(
            Spot(1, 1),
            "The file's name, which is the code map's, may have small letters, digits and single hyphens only.",
        )
    reader = csv.reader(io.StringIO(page.text, newline=""), strict=True)
    entries: dict[str, str] = {}
    first: dict[str, int] = {}
    start = 1
    try:
        for cells in reader:
            _read_row(page, start, cells, entries, first)
            start = reader.line_num + 1
    except csv.Error:
        page.complain(Spot(start, 1), "This cannot be read as CSV.", "Quotes inside a cell are doubled.")
    if start == 1:
        page.complain(Spot(1, 1), "The file is empty.", "Its first line is: from,to")
    return CodeMap(name, MappingProxyType(entries), None, path, page.places())


def _read_row(
    page: Page, line: int, cells: list[str], entries: dict[str, str], first: dict[str, int]
) -> None:
    """One line of a CSV code map: the header, nothing, or a code and its translation."""
    spot = Spot(line, 1)
    if line == 1:
        if [cell.strip() for cell in cells] != _HEADER:
            page.complain(spot, "The first line of a code map must be: from,to")
        return
    if not any(cell.strip() for cell in cells):
        return
    if len(cells) != len(_HEADER):
        page.complain(spot, f"There must be two cells, from and to, but there are {len(cells)}.")
        return
    code, text = (cell.strip(_TRIMMED) for cell in cells)
    if code in first:
        page.complain(
            spot, f"The code “{code}” stands twice: here, and first in line {first[code]}.", "Keep one."
        )
        return
    _check_code(page, spot, code)
    entries[code], first[code] = text, line
    page.spots["map", code] = spot


def _check_code(page: Page, spot: Spot, code: str) -> None:
    """A code that could never be met, because values are trimmed and empty ones are not translated."""
    if not code.strip(_TRIMMED):
        page.complain(spot, "An empty code is never translated.", "Use default in the mapping.")
    elif code != code.strip(_TRIMMED):
        page.complain(
            spot,
            f"The code “{code}” has blanks around it, but values are trimmed before they are translated.",
        )


def read_catalogue(page: Page, path: pathlib.Path, sql_pages: list[Page]) -> Catalogue | None:
    """The catalogue of a page; None where it is no table of keys at all."""
    table = read_yaml(page)
    if table is None:
        return None
    form = Form(page, table)
    read_version(form)
    name = read_name(form, "catalogue")
    source = form.form("source", required=True)
    origin: tuple[str | None, str | None, pathlib.Path | None] = (None, None, None)
    csv_file: pathlib.Path | None = None
    if source is not None:
        origin, csv_file = _read_source(source, path, sql_pages)
    key = read_columns(form, "key", required=True)
    facts = _read_facts(form)
    valid_from = read_expression(form, "valid_from", steps=_DATE_STEPS, fact=False, constant=False)
    valid_to = read_expression(form, "valid_to", steps=_DATE_STEPS, fact=False, constant=False)
    missing = form.choice("missing", get_args(Missing), default="quarantine")
    form.close()
    if csv_file is not None and csv_file.is_file():
        _check_header(page, csv_file)
    table_name, sql, sql_file = origin
    return Catalogue(
        name=name,
        key=key,
        facts=MappingProxyType(facts),
        table=table_name,
        sql=sql,
        sql_file=sql_file,
        csv=csv_file,
        valid_from=valid_from,
        valid_to=valid_to,
        missing=missing,
        file=path,
        places=page.places(),
    )


def _read_source(
    form: Form, path: pathlib.Path, sql_pages: list[Page]
) -> tuple[tuple[str | None, str | None, pathlib.Path | None], pathlib.Path | None]:
    """Where the catalogue's rows come from: a table, a SELECT or a CSV file beside it."""
    origin = read_origin(form, path, sql_pages)
    name = form.word("csv")
    form.close()
    if not any(form.has(one) for one in ("table", "sql", "csv")):
        form.complain(
            "It is not said where the rows come from.", "Write table: NAME, sql: FILE.sql or csv: FILE.csv"
        )
    if name is None:
        return origin, None
    if form.has("table") or form.has("sql"):
        form.complain("Rows come from one place: “table”, “sql” or “csv”.", at="csv")
    csv_file = path.parent / name
    if not csv_file.is_file():
        form.page.complain(
            form.page.spot((*form.path, "csv")),
            f"There is no file {csv_file}.",
            propose(name, sorted(one.name for one in path.parent.glob("*.csv"))),
        )
    return origin, csv_file


def _read_facts(form: Form) -> dict[str, Expression]:
    """Fact → how it is made of a row of the catalogue."""
    inner = form.form("facts", required=True)
    if inner is None:
        return {}
    facts: dict[str, Expression] = {}
    for name in FACTS:
        expression = read_expression(inner, name, steps=_FACT_STEPS, fact=False, constant=False)
        if expression is not None:
            facts[name] = expression
    if "centre_code" not in inner.table.entries:
        inner.complain("The catalogue must say where the centre's code is.", "Add centre_code: COLUMN")
    inner.close()
    return facts


def _check_header(page: Page, csv_file: pathlib.Path) -> None:
    """Every column that the catalogue names must be in the header of its CSV file."""
    csv_page = open_page(csv_file)
    if not csv_page.readable:
        fault = csv_page.faults()[0]
        page.complain(page.spot(("source", "csv")), f"{csv_file}: {fault.message}", fault.hint)
        return
    header = [cell.strip() for cell in next(csv.reader(csv_page.lines[:1]), [])]
    for path, spot in list(page.spots.items()):
        if path[0:1] == ("columns",) and path[1] not in header:
            page.complain(spot, f"{csv_file.name} has no column {path[1]}.", propose(path[1], header))
