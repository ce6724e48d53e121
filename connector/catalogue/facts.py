"""Rows of a catalogue's source as items, facts and validity: a pandas frame over Arrow text."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from connector.columns import dates
from connector.columns.text import Array, Column, glued, kernels, key_text, mask, trimmed, whole
from connector.config.codes import Catalogue, CodeMap
from connector.config.mapping import Expression
from connector.errors import ConfigurationError
from connector.records import join_key

ALWAYS = -(2**31) + 1
FOREVER = 2**31 - 2
UNDATED = "undated"

OUTSIDE_CODES = frozenset({"SZFYP999", "SZFZL999", "SZFCL999"})
"""Centre codes that mean: outside the catalogue (section 4.10, trap T78)."""

_CODE = "centre_code"


def read_rows(catalogue: Catalogue, rows: pa.Table, code_maps: Mapping[str, CodeMap]) -> pd.DataFrame:
    """One row per row of the source: `item`, every fact (text, "" where empty), `start`, `end`, `status`.

    `item` is the key as `join_key` writes it; `start` and `end` are days since 1970 (int64, inclusive),
    `ALWAYS` and `FOREVER` where the source has none. `status` is found, outside, `undated` where a validity
    date cannot be read, or `codes FACT MAP` where a code map does not know a fact. ConfigurationError names
    the columns that are missing.
    """
    missing = [name for name in catalogue.columns if name not in rows.column_names]
    if missing:
        raise ConfigurationError(
            f"Catalogue {catalogue.name}: its source gives no column {', '.join(missing)}; "
            f"it gives {', '.join(rows.column_names)}."
        )
    parts = [_text(catalogue, rows, name).to_pylist() for name in catalogue.key]
    frame = pd.DataFrame({"item": [join_key(part) for part in zip(*parts, strict=True)]}, dtype=object)
    status = np.full(len(frame), "found", object)
    for fact, expression in catalogue.facts.items():
        texts = _evaluate(catalogue, expression, rows)
        if expression.codes is not None:
            texts, lost = _coded(texts, code_maps[expression.codes])
            status[lost] = f"codes {fact} {expression.codes}"
        if expression.default is not None:
            texts = kernels.if_else(kernels.equal(texts, ""), expression.default, texts)
        frame[fact] = np.array(texts.to_pylist(), object)
    if _CODE in frame:
        outside = frame[_CODE].isin(["", *OUTSIDE_CODES]).to_numpy()
        status[outside & np.isin(status, ["found"])] = "outside"
    frame["start"], unread_start = _days(catalogue, catalogue.valid_from, rows, ALWAYS)
    frame["end"], unread_end = _days(catalogue, catalogue.valid_to, rows, FOREVER)
    undated = unread_start | unread_end
    status[undated] = UNDATED
    frame.loc[undated, ["start", "end"]] = [ALWAYS, FOREVER]  # it may hold on any day
    frame["status"] = status
    return frame


def _text(catalogue: Catalogue, rows: pa.Table, name: str) -> Array:
    """A column as trimmed text."""
    try:
        return key_text(rows.column(name))
    except TypeError as error:
        raise ConfigurationError(
            f"Catalogue {catalogue.name}: column {name} holds bytes or a type that has no text. "
            "Convert it in SQL."
        ) from error


def _evaluate(catalogue: Catalogue, expression: Expression, rows: pa.Table) -> Array:
    """A fact as text, before codes and default."""
    if expression.value is not None:
        return pa.array([expression.value] * rows.num_rows, pa.string())
    columns: list[Any] = []
    for name in expression.columns:
        texts = _text(catalogue, rows, name)
        gone = _among(texts, (*expression.empty, ""))
        columns.append(kernels.if_else(pa.array(gone), None, texts))
    return trimmed(glued(columns, expression.join or ""))


def _coded(texts: Array, codes: CodeMap) -> tuple[Array, Any]:
    """A fact by its code map, and the rows that the map does not know."""
    known = kernels.index_in(texts, value_set=pa.array(list(codes.entries), pa.string()))
    targets = pa.array(list(codes.entries.values()), pa.string()).take(known)
    lost = mask(targets.is_null()) & ~mask(kernels.equal(texts, ""))
    if codes.otherwise is not None:
        targets = kernels.if_else(pa.array(lost), codes.otherwise, targets)
        lost = np.zeros(len(texts), np.bool_)
    coded: Array = kernels.fill_null(targets, "")
    return coded, lost


def _days(
    catalogue: Catalogue, expression: Expression | None, rows: pa.Table, otherwise: int
) -> tuple[Any, Any]:
    """A validity date as days since 1970, and the rows where it cannot be read."""
    if expression is None:
        return np.full(rows.num_rows, otherwise, np.int64), np.zeros(rows.num_rows, np.bool_)
    column: Column = rows.column(expression.columns[0])
    kind = column.type
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        found = dates.from_times(whole(column))
    else:
        texts = _evaluate(catalogue, expression, rows)
        found = dates.from_texts(texts, expression.read)
    return np.where(found.empty, otherwise, found.days.astype(np.int64)), found.wrong


def _among(texts: Array, wanted: tuple[str, ...]) -> Any:
    """Which texts are among some."""
    return mask(kernels.is_in(texts, value_set=pa.array(list(wanted), pa.string())))
