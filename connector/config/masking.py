"""Hiding what may be a secret in the lines of a file that are shown in complaints.

A secret may stand where nobody expects it: under a misspelt key, in a comment, as a second value of the same
key. So nothing of the file is shown but its structure and what is known to be harmless.
"""

from collections import abc

from connector.config.page import Page
from connector.config.places import Path
from connector.config.yaml_reader import Item, Scalar, Series, Table

_DEEPEST = 6
_STRUCTURE = frozenset(" \t{}[],:-\"'")


def hide_all_but(
    page: Page,
    table: Table,
    may_show_key: abc.Callable[[Path], bool],
    may_show_value: abc.Callable[[Path, Scalar], bool],
) -> None:
    """Hide every line's comments, keys and values, but those that may be shown."""
    taken: dict[int, set[int]] = {}
    denied: dict[int, set[int]] = {}
    for path, scalar, is_key in _scalars(table, ()):
        allowed = may_show_key(path) if is_key else may_show_value(path, scalar)
        for row, place in _cells(page, scalar):
            taken.setdefault(row, set()).add(place)
            if not allowed:
                denied.setdefault(row, set()).add(place)
    for number, line in enumerate(page.lines, start=1):
        inside, hidden = taken.get(number, set()), denied.get(number, set())
        outside = [place for place in range(len(line)) if place not in inside]
        comment = next((place for place in outside if line[place] == "#"), len(line))
        hidden |= {place for place in outside if place >= comment or line[place] not in _STRUCTURE}
        page.hidden[number] = [(place, place + 1) for place in sorted(hidden)]


def _scalars(item: Item, path: Path) -> abc.Iterator[tuple[Path, Scalar, bool]]:
    """Every single text with the path to it, and whether it is a key.

    What was refused (a key that stands twice) has a path that nothing else has. No deeper than any vocabulary,
    so that aliases of aliases cannot multiply without end.
    """
    if len(path) > _DEEPEST:
        return
    if isinstance(item, Scalar):
        yield path, item, False
    elif isinstance(item, Series):
        for number, one in enumerate(item.items):
            yield from _scalars(one, (*path, str(number)))
    elif isinstance(item, Table):
        for name, (key, value) in item.entries.items():
            yield (*path, name), key, True
            yield from _scalars(value, (*path, name))
        for refused_key, refused_value in item.refused:
            if isinstance(refused_key, Scalar):
                yield (*path, refused_key.text), refused_key, True
            else:
                yield from _scalars(refused_key, (*path, "?", "?"))
            yield from _scalars(refused_value, (*path, "?", "?"))


def _cells(page: Page, scalar: Scalar) -> abc.Iterator[tuple[int, int]]:
    """Every place (line from 1, column from 0) that a text takes in the file."""
    for line in range(scalar.spot.line, min(scalar.end.line, len(page.lines)) + 1):
        start = scalar.spot.column - 1 if line == scalar.spot.line else 0
        end = scalar.end.column - 1 if line == scalar.end.line else len(page.lines[line - 1])
        yield from ((line, place) for place in range(start, end))
