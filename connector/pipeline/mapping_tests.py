"""Run the `tests:` of the mappings: a row in, a payload or its violations out, without any database.

What the catalogue would say of the row's item is given in the test, as `catalogue.centre_code: …` beside the
columns; a test that gives none has an item without 对照.
"""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from connector.catalogue.facts import OUTSIDE_CODES
from connector.config.codes import Catalogue
from connector.config.mapping import Mapping as RowMapping
from connector.config.mapping import MappingTest
from connector.errors import ConfigurationError
from connector.pipeline.files import Files
from connector.pipeline.parts import Parts
from connector.pipeline.preview import find_mapping
from connector.records import Chunk
from connector.transform.shape import Transformed, compile_plan, transform

_FACT = "catalogue."


@dataclass(frozen=True, slots=True)
class TestResult:
    """One test and what was not as it expects; an empty `problems` is a pass."""

    mapping: str
    name: str
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Given:
    """A catalogue that knows one item: what the test says of it."""

    key: Sequence[str]
    facts: Collection[str]
    item: Mapping[str, str]

    def lookup(self, keys: Sequence[Any], dates: Any) -> pa.Table:  # noqa: ARG002 - a test has one day
        """The same answer for every row."""
        rows = len(keys[0])
        code = self.item.get("centre_code", "")
        status = "missing" if not self.item else "outside" if not code or code in OUTSIDE_CODES else "found"
        columns = {"status": [status] * rows} | {
            fact: [self.item.get(fact, "")] * rows for fact in self.facts
        }
        return pa.table({name: pa.array(values, pa.string()) for name, values in columns.items()})


def run_tests(parts: Parts, names: Sequence[str]) -> list[TestResult]:
    """Run the tests of the named mappings (of all, where none is named), in the order of the files."""
    mappings = [find_mapping(parts, name) for name in (names or parts.project.mappings)]
    return [_run(parts, mapping, test) for mapping in mappings for test in mapping.tests]


def _run(parts: Parts, mapping: RowMapping, test: MappingTest) -> TestResult:
    """Run one test."""
    wrong = [
        column for column in test.given if not column.startswith(_FACT) and column not in mapping.columns
    ]
    if wrong:
        return TestResult(
            mapping.name, test.name, (f"given: the mapping reads no column {', '.join(wrong)}",)
        )
    catalogue = parts.project.catalogues.get(mapping.catalogue or "")
    plan = compile_plan(
        mapping,
        parts.contract,
        code_maps=parts.project.code_maps,
        catalogue=_known(catalogue, test) if catalogue else None,
        checks=parts.project.settings.checks,
    )
    try:
        filled = Files.of(parts.project.directory, parts.project.settings).fill(mapping, _row(mapping, test))
        made = transform(plan, filled.table, unusable=filled.unusable)
    except ConfigurationError as error:
        return TestResult(mapping.name, test.name, (str(error),))
    return TestResult(mapping.name, test.name, tuple(_compare(test, made)))


def _known(catalogue: Catalogue, test: MappingTest) -> _Given:
    """The catalogue as the test has it."""
    item = {
        name.removeprefix(_FACT): value or "" for name, value in test.given.items() if name.startswith(_FACT)
    }
    return _Given(catalogue.key, tuple(catalogue.facts), item)


def _row(mapping: RowMapping, test: MappingTest) -> Chunk:
    """The one row; columns that the test leaves out are NULL, keys get a value so that the row has a name."""
    source = mapping.source
    named = dict.fromkeys((*source.key, source.visit), "1")
    values = {column: test.given.get(column, named.get(column)) for column in mapping.columns}
    table = pa.table({column: pa.array([value], pa.string()) for column, value in values.items()})
    return Chunk(mapping.name, table, None)


def _compare(test: MappingTest, made: Transformed) -> Iterator[str]:
    """What is not as the test expects."""
    block = made.block
    broken = {(one.path, one.rule) for rejection in block.rejections for one in rejection.violations}
    found = ", ".join(f"{path} {rule}" for path, rule in sorted(broken))
    if test.set_aside:
        if not block.set_aside:
            yield f"expected to be set aside, but {f'rejected: {found}' if found else 'it would be sent'}"
    elif test.violations:
        for path, rule in test.violations:
            if not any(place.endswith(path) and rule == what for place, what in broken):
                yield f"expected the violation {path} {rule}, found {found or 'none'}"
    elif not block.payloads:
        yield f"expected a payload, but {f'rejected: {found}' if found else 'it is set aside'}"
    else:
        sent = _flatten(json.loads(block.payloads[0]))
        for path, text in (test.expect or {}).items():
            if sent.get(path) != text:
                yield f"{path}: expected {text!r}, found {sent.get(path)!r}"


def _flatten(payload: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """A payload's fields by their paths."""
    fields: dict[str, str] = {}
    for name, value in payload.items():
        if isinstance(value, Mapping):
            fields |= _flatten(value, f"{prefix}{name}.")
        else:
            fields[f"{prefix}{name}"] = value
    return fields
