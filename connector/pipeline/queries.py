"""From what a mapping says to what is read: queries, plans and the catalogue's table."""

from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
from pyarrow import csv

from connector.catalogue.table import CatalogueTable
from connector.config.codes import Catalogue
from connector.config.mapping import Changes
from connector.config.mapping import Mapping as RowMapping
from connector.config.project import Project
from connector.contract.library import Contract
from connector.errors import ConfigurationError
from connector.extract import lookup
from connector.extract.source import Cursor, Hospital, Query
from connector.transform.shape import Plan, compile_plan


def query_of(mapping: RowMapping) -> Query:
    """What to read for a mapping."""
    source = mapping.source
    return Query(
        mapping=mapping.name,
        table=source.table,
        sql=source.sql,
        key=source.key,
        visit=source.visit,
        columns=mapping.columns,
        cursor=_cursor_of(source.changes),
        encoding=source.encoding,
        files=mapping.files,
    )


def _cursor_of(changes: Changes) -> Cursor | None:
    """The reading position of a mapping; None for comparison."""
    if changes.by == "comparison":
        return None
    return Cursor(
        kind=changes.by,
        column=changes.column,
        lookback=changes.lookback,
        safety_lag_s=changes.safety_lag_s,
        nulls=changes.nulls,
    )


def read_catalogues(project: Project, hospital: Hospital) -> dict[str, CatalogueTable]:
    """Every catalogue that a mapping of the project uses, read whole."""
    wanted = sorted({mapping.catalogue for mapping in project.mappings.values() if mapping.catalogue})
    return {name: read_catalogue(project.catalogues[name], project, hospital) for name in wanted}


def read_catalogue(catalogue: Catalogue, project: Project, hospital: Hospital) -> CatalogueTable:
    """One catalogue: from the HIS, or from its file."""
    if catalogue.csv is not None:
        rows = _read_csv(catalogue, catalogue.csv)
    else:
        query = catalogue_query(catalogue)
        tables = [chunk.table for chunk in lookup.read_all(hospital, query)]
        rows = pa.concat_tables(tables) if tables else _empty(query)
    return CatalogueTable.build(catalogue, rows, project.code_maps)


def catalogue_query(catalogue: Catalogue) -> Query:
    """What to read for a catalogue: all its rows, in one pass."""
    return Query(
        mapping=f"catalogue {catalogue.name}",
        table=catalogue.table,
        sql=catalogue.sql,
        key=(),
        visit=None,
        columns=catalogue.columns,
        cursor=None,
        encoding=None,
    )


def plans_of(
    project: Project, contract: Contract, catalogues: Mapping[str, CatalogueTable]
) -> dict[str, Plan]:
    """The compiled plan of every mapping."""
    return {
        name: compile_plan(
            mapping,
            contract,
            code_maps=project.code_maps,
            catalogue=catalogues.get(mapping.catalogue or ""),
            checks=project.settings.checks,
        )
        for name, mapping in project.mappings.items()
    }


def _empty(query: Query) -> pa.Table:
    """A catalogue without rows: every column is there, as text."""
    return pa.table({column: pa.array([], pa.string()) for column in query.columns})


def _read_csv(catalogue: Catalogue, file: Path) -> pa.Table:
    """A catalogue file; every cell stays text, so that codes keep their zeros (T62)."""
    query = catalogue_query(catalogue)
    options = csv.ConvertOptions(
        column_types=dict.fromkeys(query.columns, pa.string()),
        include_columns=list(query.columns),
        strings_can_be_null=True,
        null_values=[""],
    )
    try:
        return csv.read_csv(file, convert_options=options)
    except (OSError, pa.ArrowInvalid, pa.ArrowKeyError) as error:
        reason = str(error).splitlines()[0] if isinstance(error, pa.ArrowKeyError) else type(error).__name__
        raise ConfigurationError(
            f"{file}: the catalogue cannot be read ({reason}). It must be UTF-8 CSV with a header "
            f"naming {', '.join(query.columns)}."
        ) from None
