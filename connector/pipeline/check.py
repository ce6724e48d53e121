"""Hold the mappings against the database that is really there: columns and types, before the first row is read."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches

from connector.config.codes import Catalogue
from connector.config.likeness import mend_here
from connector.config.mapping import Expression, Like
from connector.config.mapping import Mapping as RowMapping
from connector.config.project import Project
from connector.config.target import Target, find_target
from connector.contract.library import Contract
from connector.contract.spec import Field, Node, Type
from connector.errors import ConfigurationError, Fault, SourceError
from connector.extract.source import Column, Hospital, Query
from connector.pipeline.parts import Parts
from connector.pipeline.queries import catalogue_query, query_of


@dataclass(frozen=True, slots=True)
class CheckReport:
    """What was checked without a fault. `database`: what the mappings were held against, or "" when offline.

    `calibrated`: whether and how the platform was; `overruled`: the settings that calibration changed, in words;
    `likeness`: what mappings take over from others, a sentence each.
    """

    mappings: int
    pipelines: int
    calibrated: str
    overruled: tuple[str, ...]
    database: str = ""
    likeness: tuple[str, ...] = ()


def check_project(parts: Parts, *, offline: bool) -> CheckReport:
    """Hold the project's mappings against its database; the files themselves were checked when they were read.

    Raises SourceError with every column that does not fit.
    """
    project = parts.project
    report = CheckReport(
        len(project.mappings),
        len(project.pipelines),
        project.calibrated,
        project.overruled,
        likeness=tuple(_say_likeness(project, parts.contract)),
    )
    if offline:
        return report
    with parts.open_hospital() as hospital:
        check_database(project, parts.contract, hospital)
        return replace(report, database=hospital.name)


def target_of(mapping: RowMapping, contract: Contract) -> Target:
    """What a mapping of a checked project fills."""
    target = find_target(mapping, contract)
    if not isinstance(target, Target):
        raise ConfigurationError(f"{mapping.name} fills nothing that can be explained.")
    return target


def untaken(like: Like, there: Target) -> tuple[str, ...]:
    """What a mapping could not take over, with its Chinese name there."""
    return tuple(there.named(path) for path in like.untaken)


def _say_likeness(project: Project, contract: Contract) -> Iterator[str]:
    """How many mappings are like others, and a sentence for each that could not take everything over."""
    alike = [mapping for mapping in project.mappings.values() if mapping.like is not None]
    if alike:
        are = "mapping is" if len(alike) == 1 else "mappings are"
        yield f"{len(alike)} {are} like others; `connector check --explain MAPPING` tells where each field comes from."
    for mapping in alike:
        if mapping.like and (
            lost := untaken(mapping.like, target_of(project.mappings[mapping.like.name], contract))
        ):
            yield (
                f"{mapping.name} does not take over from {mapping.like.name}, because {mapping.fills} has no such "
                f"field: {', '.join(lost)}."
            )


_CURSORS = {"sequence": ("integer", "decimal"), "timestamp": ("timestamp",)}
_DATED = ("date", "timestamp")
_NUMBERS = ("integer", "decimal", "text", "float")
_UNKNOWN = ("bytes", "other")
"""Columns whose values only reading shows: a view of SQLite, text under a wrong label."""


def check_database(project: Project, contract: Contract, hospital: Hospital) -> None:
    """Raise one SourceError that lists every column that is missing or of a type that cannot be read.

    A missing table is told by itself, because nothing more can be said of it.
    """
    by_mapping = {
        name: list(_check_mapping(mapping, contract, hospital)) for name, mapping in project.mappings.items()
    }
    faults = [
        fault
        for name, mapping in project.mappings.items()
        for fault in mend_here(
            mapping, by_mapping[name], by_mapping.get(mapping.like.name, ()) if mapping.like else ()
        )
    ]
    used = {mapping.catalogue for mapping in project.mappings.values()}
    for catalogue in project.catalogues.values():
        if catalogue.name in used and catalogue.csv is None:
            faults.extend(_check_catalogue(catalogue, hospital))
    if faults:
        raise SourceError("\n".join(str(fault) for fault in faults))


def _check_mapping(mapping: RowMapping, contract: Contract, hospital: Hospital) -> Iterator[Fault]:
    """Everything wrong between one mapping and its source."""
    query = query_of(mapping)
    found = _columns(hospital, query)
    for column in mapping.columns:
        if column not in found:
            message = f"{_source(query)} has no column {column}"
            yield mapping.places.fault(message, "columns", column, hint=_near(column, found))
    yield from _check_position(mapping, found)
    fields = _fields(contract.node(mapping.fills))
    for path, expression in mapping.fields.items():
        message = _type_fault(fields[path], expression, found)
        if message:
            yield mapping.places.fault(message, "fields", path)


def _check_position(mapping: RowMapping, found: Mapping[str, Column]) -> Iterator[Fault]:
    """Whether keys and cursor have types that can be compared exactly."""
    for name in (*mapping.source.key, mapping.source.visit):
        column = found.get(name)
        if column and column.type == "float":
            yield mapping.places.fault(
                f"the key column {name} is {column.native}, a floating-point number: keys must be exact",
                "source",
                "key",
                hint="use a view that casts it to a whole number or to text",
            )
    changes = mapping.source.changes
    column = found.get(changes.column)
    if column and column.type not in _CURSORS[changes.by]:
        wanted = " or ".join(_CURSORS[changes.by])
        yield mapping.places.fault(
            f"the cursor column {changes.column} is {column.native}; `by: {changes.by}` needs {wanted}",
            "source",
            "changes",
            hint="a cursor that is text sorts wrongly (9 after 10): use another column, or `by: comparison`",
        )


def _type_fault(field: Field, expression: Expression, found: Mapping[str, Column]) -> str:
    """Why a field cannot be made from its column, or ""."""
    columns = [found[name] for name in expression.columns if name in found]
    if field.type is Type.BASE64 and columns:
        return _file_fault(field, expression, columns[0])
    if expression.codes or expression.catalogue or len(columns) != 1:
        return ""
    column = columns[0]
    if column.type in _UNKNOWN:
        return ""
    return _date_fault(field, expression, column) or _number_fault(field, column)


def _file_fault(field: Field, expression: Expression, column: Column) -> str:
    """Why a file cannot be made from its column, or ""."""
    if column.type == "bytes" and not expression.file:
        return f"{field.zh} is a file, and column {column.name} is {column.native}: say file: true"
    if expression.file and column.type not in ("text", *_UNKNOWN):
        return f"{field.zh} is a file, and column {column.name} is {column.native}: neither a file nor a path"
    return ""


def _date_fault(field: Field, expression: Expression, column: Column) -> str:
    """Why a date cannot be made from its column, or ""."""
    if field.type not in (Type.DATE, Type.DATETIME):
        return ""
    if column.type in _DATED:
        return f"column {column.name} is a {column.type} already: remove `read`" if expression.read else ""
    if column.type == "text" and expression.read:
        return ""
    return f"{field.zh} is a date, and column {column.name} is {column.native}: say how to `read` it"


def _number_fault(field: Field, column: Column) -> str:
    """Why a number cannot be made from its column, or ""."""
    if field.type in (Type.DECIMAL, Type.INTEGER) and column.type not in _NUMBERS:
        return f"{field.zh} is a number, and column {column.name} is {column.native}"
    return ""


def _check_catalogue(catalogue: Catalogue, hospital: Hospital) -> Iterator[Fault]:
    """Every column of a catalogue that its source does not have."""
    query = catalogue_query(catalogue)
    found = _columns(hospital, query)
    for column in catalogue.columns:
        if column not in found:
            yield catalogue.places.fault(
                f"{_source(query)} has no column {column}", "facts", hint=_near(column, found)
            )


def _columns(hospital: Hospital, query: Query) -> dict[str, Column]:
    """Every column of a source by its name; the mapping's own spelling where only capitals differ."""
    own = {
        column.name: column
        for column in hospital.columns(replace(query, columns=(), key=(), visit=None, cursor=None))
    }
    folded = {name.casefold(): column for name, column in own.items()}
    spelt = {name: folded[name.casefold()] for name in query.columns if name.casefold() in folded}
    return own | spelt


def _fields(node: Node) -> dict[str, Field]:
    """Every field of a node by its path."""
    return {path: child for path, child in node.walk() if isinstance(child, Field)}


def _source(query: Query) -> str:
    """What is read, in words."""
    return f"table {query.table}" if query.table else f"the SELECT of {query.mapping}"


def _near(column: str, found: Mapping[str, Column]) -> str:
    """A proposal for a column that does not exist."""
    close = get_close_matches(column.casefold(), [name.casefold() for name in found], n=1)
    names = [name for name in found if close and name.casefold() == close[0]]
    return f"did you mean {names[0]}?" if names else ""
