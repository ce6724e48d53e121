"""A request that a person wrote: JSON or YAML, every value as text (traps T15, T62).

Faults name a line and never show it: it may hold a patient's data.
"""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

from connector.config.opening import open_page, read_page
from connector.config.page import Page
from connector.config.yaml_reader import Item, Scalar, Series, Table, read_yaml
from connector.errors import ConfigurationError, Fault

_MOST_VALUES = 500_000
"""More than any request has; anchors that refer to anchors multiply."""

STDIN = Path("<stdin>")


def read_request_file(path: Path) -> dict[str, Any]:
    """The request in a file; ConfigurationError, with line and column, when there is none."""
    return _read(open_page(path))


def read_request(data: bytes) -> dict[str, Any]:
    """The request in what came through standard input; the same errors."""
    return _read(read_page(STDIN, data))


def _read(page: Page) -> dict[str, Any]:
    if not page.readable:
        raise ConfigurationError(page.faults())
    fault: Fault | None = None
    if page.text.lstrip()[:1] in ("{", "["):
        try:
            return _read_json(page)
        except json.JSONDecodeError as error:
            fault = Fault(f"This is no JSON: {error.msg}.", page.file, error.lineno, error.colno)
        except ValueError as error:
            raise ConfigurationError([Fault(str(error), page.file)]) from None
        except RecursionError:
            raise ConfigurationError([Fault("It nests too deeply to be read.", page.file)]) from None
    table = read_yaml(page)  # braces are YAML too, with names without quotes, comments, a last comma
    faults = page.faults()
    if table is None or faults:
        raise ConfigurationError([fault] if fault else [replace(one, source="") for one in faults])
    values = _plain(table, iter(range(_MOST_VALUES)))
    return values if isinstance(values, dict) else {}


def _read_json(page: Page) -> dict[str, Any]:
    """The object of a JSON text; ValueError."""
    value = json.loads(
        page.text,
        parse_int=str,
        parse_float=str,
        parse_constant=_refuse_constant,
        object_pairs_hook=_pairs,
    )
    if not isinstance(value, dict):
        raise ValueError("The request must be one object: { … }.")  # noqa: TRY004 - told like the other faults
    return value


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object; a name that stands twice is refused. What is null is empty (trap T102)."""
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(f"The name “{name}” stands twice in one object. Keep one of them.")
        found[name] = "" if value is None else value
    return found


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON.")


def _plain(item: Item, left: Iterator[int]) -> Any:
    """An item as text, lists and objects."""
    if next(left, None) is None:
        raise ConfigurationError("The request holds more values than any request can; nothing was sent.")
    if isinstance(item, Table):
        return {name: _plain(value, left) for name, (_, value) in item.entries.items()}
    if isinstance(item, Series):
        return [_plain(one, left) for one in item.items]
    return item.text if isinstance(item, Scalar) and not item.is_null else ""
