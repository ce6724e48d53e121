"""Show what a mapping makes of rows: the row as it is read, the payload, and what is wrong with it. Writes nothing."""

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from itertools import islice

from connector.config.mapping import Mapping as RowMapping
from connector.contract.library import Contract
from connector.contract.spec import Field
from connector.errors import ConfigurationError, Violation
from connector.extract import lookup
from connector.extract.source import Hospital
from connector.pipeline.check import check_database
from connector.pipeline.files import Files, Filled, show_base64, show_file
from connector.pipeline.parts import Parts
from connector.pipeline.personal import Mask, mask_of
from connector.pipeline.queries import plans_of, query_of, read_catalogues
from connector.records import Chunk, RecordBlock
from connector.transform.keys import keys_of, texts
from connector.transform.shape import Plan, transform


@dataclass(frozen=True, slots=True)
class Preview:
    """One row: its key, what was read, and either its payload, or its violations, or why it is set aside."""

    key: str
    row: Mapping[str, object] = field(repr=False)
    payload: Mapping[str, object] | None = field(default=None, repr=False)
    violations: tuple[Violation, ...] = ()
    set_aside: str = ""


@dataclass(frozen=True, slots=True)
class PreviewReport:
    """Rows of a mapping. `names`: every field's Chinese name by its path in the payload."""

    mapping: str
    names: Mapping[str, str]
    rows: tuple[Preview, ...] = field(repr=False)


def preview(
    parts: Parts, name: str, *, rows: int, visit: str = "", key: str = "", show_personal: bool = False
) -> PreviewReport:
    """The first `rows` rows of a mapping (of one visit, or of one key, where given), transformed.

    Raises ConfigurationError for a mapping that does not exist, and for visit and key at once.
    """
    mapping = find_mapping(parts, name)
    if visit and key:
        raise ConfigurationError("Give either a visit or a key: a key names one row of all visits.")
    with parts.open_hospital() as hospital:
        check_database(parts.project, parts.contract, hospital)
        plans = plans_of(parts.project, parts.contract, read_catalogues(parts.project, hospital))
        mask = Mask() if show_personal else mask_of(mapping, parts.contract)
        files = Files.of(parts.project.directory, parts.project.settings)
        found = (
            one
            for chunk in _read(hospital, mapping, visit, key)
            for one in _show(
                mapping,
                chunk,
                _shape(plans[name], chunk, files.fill(mapping, chunk)),
                hides_paths=not show_personal,
            )
        )
        return PreviewReport(
            mapping=name,
            names=names_of(mapping, parts.contract),
            rows=tuple(_mask(one, mask) for one in islice(found, rows)),
        )


def _shape(plan: Plan, chunk: Chunk, filled: Filled) -> RecordBlock:
    """What becomes of the rows of a chunk, its files among them."""
    return transform(plan, filled.table, undecodable=chunk.undecodable, unusable=filled.unusable).block


def names_of(mapping: RowMapping, contract: Contract) -> dict[str, str]:
    """The Chinese name of every field of a mapping's payload, by its path."""
    fields = contract.node(mapping.fills).walk()
    return {path: child.zh for path, child in fields if isinstance(child, Field)}


def _mask(one: Preview, mask: Mask) -> Preview:
    """The preview with a person's values hidden."""
    payload = None if one.payload is None else mask.hide_payload(one.payload)
    return replace(one, row=mask.hide_row(one.row), payload=payload)


def find_mapping(parts: Parts, name: str) -> RowMapping:
    """The mapping of that name."""
    mappings = parts.project.mappings
    if name not in mappings:
        raise ConfigurationError(
            f"There is no mapping “{name}” in {parts.project.directory / 'mappings'}. {hint(name, mappings)}"
        )
    return mappings[name]


def hint(name: str, known: Collection[str]) -> str:
    """What a name may have been meant for: the nearest known one, or all of them."""
    close = get_close_matches(name, known, n=1)
    return f"Did you mean {close[0]}?" if close else f"There is: {', '.join(known) or 'none at all'}."


def _read(hospital: Hospital, mapping: RowMapping, visit: str, key: str) -> Iterator[Chunk]:
    """Rows by key, by visit, or from the start."""
    query = query_of(mapping)
    if key:
        return lookup.read_by_keys(hospital, query, [key])
    return lookup.read_by_visits(hospital, query, [visit]) if visit else lookup.read_all(hospital, query)


def _show(mapping: RowMapping, chunk: Chunk, block: RecordBlock, *, hides_paths: bool) -> Iterator[Preview]:
    """Every row of a chunk in the chunk's order, with what became of it."""
    good = dict(zip(block.keys, block.payloads, strict=True))
    files = {path for path, one in mapping.fields.items() if one.file}
    bad = {one.key: one.violations for one in block.rejections}
    aside = {one.key: one.reason for one in block.set_aside}
    keys = texts(keys_of(chunk.table, mapping.source.key))
    for key, row in zip(keys, chunk.table.to_pylist(), strict=True):
        read = {
            name: show_file(value, hides_paths=hides_paths) if name in mapping.files else value
            for name, value in row.items()
        }
        payload = json.loads(good[key]) if key in good else None
        if payload is not None:
            payload |= {path: show_base64(payload[path]) for path in files}
        yield Preview(key, read, payload, bad.get(key, ()), aside.get(key, ""))
