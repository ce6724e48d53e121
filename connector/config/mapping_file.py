"""Reading a mapping file: YAML → `Mapping`, with the fields still named as the file names them."""

import pathlib
import re
from types import MappingProxyType
from typing import get_args

from connector.config.expressions import read_columns, read_expression
from connector.config.form import Form, read_version
from connector.config.mapping import Changes, Expression, Like, Mapping, MappingTest, Nulls, OnChange, Source
from connector.config.opening import open_page
from connector.config.page import Page
from connector.config.sql_text import read_sql
from connector.config.yaml_reader import Item, Scalar, read_yaml

NAME = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
"""How mappings, pipelines, code maps and catalogues may be named."""

_BYS = ("sequence", "timestamp", "comparison")


def read_mapping(page: Page, path: pathlib.Path, sql_pages: list[Page]) -> Mapping | None:
    """The mapping of a page; what is wrong is noted there, and on the page of its .sql file.

    Where something is wrong the mapping has stand-ins (empty texts, missing fields), so that the rest of it can
    still be checked. None where the file is no table of keys at all.
    """
    table = read_yaml(page)
    if table is None:
        return None
    form = Form(page, table)
    read_version(form)
    name = read_name(form, "mapping")
    like = form.word("like")
    fills = form.word("fills", required=like is None) or ""
    source_form = form.form("source", required=like is None)
    source = (
        _read_source(source_form, path, sql_pages, whole=like is None)
        if source_form
        else Source((), "", Changes("comparison"))
    )
    fields, left_out = _read_fields(form, whole=like is None)
    on_change = form.choice("on_change", get_args(OnChange), default="report")
    catalogue = None if like and _leaves_out(form, "catalogue") else form.word("catalogue")
    trace = None if like and _leaves_out(form, "trace") else form.word("trace")
    tests = tuple(
        test for number, item in enumerate(form.series("tests")) if (test := _read_test(form, number, item))
    )
    form.close()
    return Mapping(
        name=name,
        fills=fills,
        source=source,
        fields=MappingProxyType(fields),
        on_change=on_change,
        catalogue=catalogue,
        trace=trace,
        tests=tests,
        like=None if like is None else Like(like, left_out),
        file=path,
        places=page.places(),
    )


def read_name(form: Form, key: str) -> str:
    """The name of a mapping, a pipeline, a code map or a catalogue."""
    scalar = form.scalar(key, required=True)
    if scalar is None:
        return ""
    if not NAME.fullmatch(scalar.text):
        form.page.complain(
            scalar.spot,
            f"The name in “{key}” may have small letters, digits and single hyphens only.",
            "For example inpatient-charges.",
        )
    return scalar.text


def read_origin(
    form: Form, path: pathlib.Path, sql_pages: list[Page]
) -> tuple[str | None, str | None, pathlib.Path | None]:
    """`table:` or `sql:` – the table's name, the SELECT's text and its file."""
    table = form.word("table")
    file_name = form.word("sql")
    if table is not None and file_name is not None:
        form.complain("Rows come from a “table” or from “sql”, not from both.", at="sql")
    if file_name is None:
        return table, None, None
    sql_file = path.parent / file_name
    if (
        sql_file.suffix != ".sql"
    ):  # a complaint shows the line it is about: of a key file nothing may be shown
        form.page.complain(form.page.spot((*form.path, "sql")), "“sql” must name a file that ends in .sql.")
        return table, None, sql_file
    sql_page = open_page(sql_file)
    if not sql_page.readable:
        for fault in sql_page.faults():
            form.page.complain(
                form.page.spot((*form.path, "sql")), f"{file_name}: {fault.message}", fault.hint
            )
        return table, None, sql_file
    sql_pages.append(sql_page)
    return table, read_sql(sql_page), sql_file


def _read_source(form: Form, path: pathlib.Path, sql_pages: list[Page], *, whole: bool) -> Source:
    """Where the rows come from; what is missing is taken over from another mapping where it is not `whole`."""
    table, sql, sql_file = read_origin(form, path, sql_pages)
    if whole and not form.has("table") and not form.has("sql"):
        form.complain("It is not said where the rows come from.", "Write table: NAME, or sql: FILE.sql")
    key = read_columns(form, "key", required=whole)
    visit = _read_column(form, "visit", required=whole) or ""
    refund_of = () if not whole and _leaves_out(form, "refund_of") else read_columns(form, "refund_of")
    ended = None if not whole and _leaves_out(form, "ended") else _read_column(form, "ended")
    encoding = read_encoding(form)
    changes_form = form.form("changes", required=whole)
    changes = _read_changes(changes_form) if changes_form else Changes("comparison")
    form.close()
    if refund_of and key and len(refund_of) != len(key):
        form.complain(
            f"“refund_of” names {len(refund_of)} columns, but the key has {len(key)}: it is the key of the original.",
            at="refund_of",
        )
    return Source(key, visit, changes, table, sql, sql_file, refund_of, ended, encoding)


def _read_column(form: Form, name: str, *, required: bool = False) -> str | None:
    """Exactly one column."""
    column = form.word(name, required=required)
    if column is not None:
        form.page.spots.setdefault(("columns", column), form.page.spot((*form.path, name)))
    return column


def read_encoding(form: Form) -> str | None:
    """The name of a text encoding that Python knows; None where none is given."""
    scalar = form.scalar("encoding", nullable=True)
    if scalar is None:
        return None
    try:
        "".encode(scalar.text)
    except (LookupError, ValueError):
        form.page.complain(
            scalar.spot,
            f"There is no text encoding “{scalar.text}”.",
            "Usual ones: gb18030, gbk, utf-8, big5.",
        )
        return None
    return scalar.text


def _read_changes(form: Form) -> Changes:
    """How new rows are found."""
    by = form.choice("by", _BYS, default="", required=True)
    cursor = _read_column(form, "column", required=by in ("sequence", "timestamp"))
    nulls = form.choice("nulls", get_args(Nulls), default="error")
    changes = Changes("comparison")
    if by == "sequence":
        changes = Changes("sequence", cursor or "", form.number("lookback", default=0), 0, nulls)
        _refuse(form, "safety_lag", "“safety_lag” is for by: timestamp.", "Use lookback with a sequence.")
    elif by == "timestamp":
        changes = Changes(
            "timestamp", cursor or "", form.duration("lookback"), form.duration("safety_lag"), nulls
        )
    elif by == "comparison":
        for name in ("column", "lookback", "safety_lag", "nulls"):
            _refuse(form, name, f"“{name}” does not go with by: comparison, which has no cursor.")
    else:
        form.item("lookback")
        form.item("safety_lag")
    form.close()
    return changes


def _refuse(form: Form, name: str, message: str, hint: str = "") -> None:
    """A key that is known but has no place here."""
    if form.item(name) is not None:
        form.complain(message, hint, at=name)


def _read_fields(form: Form, *, whole: bool) -> tuple[dict[str, Expression], tuple[str, ...]]:
    """Every field under the name that the file gives it; and those that it does not take over, where not `whole`."""
    inner = form.form("fields", required=whole)
    if inner is None:
        return {}, ()
    if not inner.table.entries:
        inner.complain("The mapping fills no fields.")
    left_out = [] if whole else [name for name in inner.table.entries if _leaves_out(inner, name)]
    fields: dict[str, Expression] = {}
    for name in inner.table.entries:
        if name not in left_out:
            # A field whose value is wrong stands in as an empty one, so that nobody calls it missing as well.
            fields[name] = read_expression(inner, name) or Expression()
    return fields, tuple(left_out)


def _leaves_out(form: Form, name: str) -> bool:
    """Whether the file says, with the word null, that something is not taken over; an empty value does not say so."""
    item = form.item(name)
    return isinstance(item, Scalar) and item.is_null and bool(item.text.strip())


def _read_test(form: Form, number: int, item: Item) -> MappingTest | None:
    """One row in, one payload or its violations out."""
    inner = form.inner(item, "Each test", ("tests", str(number)))
    if inner is None:
        return None
    name = inner.word("name") or f"test {number + 1}"
    given: dict[str, str | None] = {}
    given_form = inner.form("given", required=True)
    if given_form is not None:
        for column in given_form.table.entries:
            given[column] = given_form.text(column, nullable=True)
    expect = _read_expected(inner)
    violations = _read_violations(inner)
    set_aside = inner.flag("expect_set_aside")
    inner.close()
    count = sum(inner.has(one) for one in ("expect", "expect_violations", "expect_set_aside"))
    if count != 1:
        inner.complain(
            f"The test “{name}” must expect one thing, but it says {'none' if count == 0 else count}.",
            "Write expect, expect_violations or expect_set_aside: true.",
        )
    return MappingTest(name, given, expect, violations, set_aside)


def _read_expected(form: Form) -> dict[str, str] | None:
    """Field → text."""
    inner = form.form("expect")
    if inner is None:
        return None
    texts = {name: inner.text(name) for name in inner.table.entries}
    return {name: text for name, text in texts.items() if text is not None}


def _read_violations(form: Form) -> tuple[tuple[str, str], ...]:
    """Field and rule of each violation."""
    found: list[tuple[str, str]] = []
    for number, item in enumerate(form.series("expect_violations")):
        path = (*form.path, "expect_violations", str(number))
        inner = form.inner(item, "Each expected violation", path)
        if inner is None:
            continue
        pair = (inner.word("field", required=True), inner.word("rule", required=True))
        inner.close()
        if pair[0] and pair[1]:
            found.append((pair[0], pair[1]))
    return tuple(found)
