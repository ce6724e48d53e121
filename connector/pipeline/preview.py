"""Show what a mapping makes of rows: the row as it is read, the payload, and what is wrong with it. Writes nothing."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice

from connector.config.mapping import Mapping as RowMapping
from connector.contract.spec import Field
from connector.errors import ConfigurationError, Violation
from connector.extract import lookup
from connector.extract.source import Hospital
from connector.pipeline.check import check_database
from connector.pipeline.parts import Parts
from connector.pipeline.queries import plans_of, query_of, read_catalogues
from connector.records import Chunk, RecordBlock
from connector.transform.keys import keys_of, texts
from connector.transform.shape import transform

_PERSONAL = (
    "姓名",
    "身份证",
    "社会保障",
    "社保卡",
    "电话",
    "住址",
    "地址",
    "个人编号",
    "签名",
    "医师",
    "医生",
)
"""A field whose Chinese name contains one of these is a person's, and is masked unless asked for."""


@dataclass(frozen=True, slots=True)
class Preview:
    """One row: its key, what was read, and either its payload, or its violations, or why it is set aside."""

    key: str
    row: Mapping[str, object] = field(repr=False)
    payload: Mapping[str, object] | None = field(default=None, repr=False)
    violations: tuple[Violation, ...] = ()
    set_aside: str = ""


def preview(
    parts: Parts, name: str, *, rows: int, visit: str = "", key: str = "", show_personal: bool = False
) -> list[Preview]:
    """The first `rows` rows of a mapping (of one visit, or of one key, where given), transformed.

    Raises ConfigurationError for a mapping that does not exist.
    """
    mapping = find_mapping(parts, name)
    with parts.open_hospital() as hospital:
        check_database(parts.project, parts.contract, hospital)
        plans = plans_of(parts.project, parts.contract, read_catalogues(parts.project, hospital))
        mask = _Mask(frozenset(), frozenset()) if show_personal else _personal(parts, mapping)
        found = (
            one
            for chunk in _read(hospital, mapping, visit, key)
            for one in _show(
                mapping, chunk, transform(plans[name], chunk.table, undecodable=chunk.undecodable).block
            )
        )
        return [mask.apply(one) for one in islice(found, rows)]


def find_mapping(parts: Parts, name: str) -> RowMapping:
    """The mapping of that name."""
    if name not in parts.project.mappings:
        raise ConfigurationError(
            f"There is no mapping “{name}” in {parts.project.directory / 'mappings'}. "
            f"There is: {', '.join(parts.project.mappings) or 'none at all'}."
        )
    return parts.project.mappings[name]


def _read(hospital: Hospital, mapping: RowMapping, visit: str, key: str) -> Iterator[Chunk]:
    """Rows by key, by visit, or from the start."""
    query = query_of(mapping)
    if key:
        return lookup.read_by_keys(hospital, query, [key])
    return lookup.read_by_visits(hospital, query, [visit]) if visit else lookup.read_all(hospital, query)


def _show(mapping: RowMapping, chunk: Chunk, block: RecordBlock) -> Iterator[Preview]:
    """Every row of a chunk in the chunk's order, with what became of it."""
    good = dict(zip(block.keys, block.payloads, strict=True))
    bad = {one.key: one.violations for one in block.rejections}
    aside = {one.key: one.reason for one in block.set_aside}
    keys = texts(keys_of(chunk.table, mapping.source.key))
    for key, row in zip(keys, chunk.table.to_pylist(), strict=True):
        payload = json.loads(good[key]) if key in good else None
        yield Preview(key, row, payload, bad.get(key, ()), aside.get(key, ""))


@dataclass(frozen=True, slots=True)
class _Mask:
    """Columns and payload fields that name a person."""

    columns: frozenset[str]
    fields: frozenset[str]

    def apply(self, one: Preview) -> Preview:
        """The preview with a person's values hidden; whether there is a value stays visible."""
        row = {name: _hide(value) if name in self.columns else value for name, value in one.row.items()}
        payload = None if one.payload is None else self._walk(one.payload)
        return replace(one, row=row, payload=payload)

    def _walk(self, node: Mapping[str, object]) -> dict[str, object]:
        return {
            name: self._walk(value)
            if isinstance(value, Mapping)
            else (_hide(value) if name in self.fields else value)
            for name, value in node.items()
        }


def _personal(parts: Parts, mapping: RowMapping) -> _Mask:
    """The fields of a mapping that name a person, and the columns they are made of."""
    node = parts.contract.node(mapping.fills)
    paths = {
        path: child.name
        for path, child in node.walk()
        if isinstance(child, Field) and any(word in child.zh for word in _PERSONAL)
    }
    columns = (column for path in paths if path in mapping.fields for column in mapping.fields[path].needs)
    return _Mask(frozenset(columns), frozenset(paths.values()))


def _hide(value: object) -> object:
    """A value as it may be shown: nothing where there is nothing, else three stars."""
    return value if value is None or value == "" else "***"
