"""YAML text → items with their places. Every scalar stays the text that was written, as YAML 1.2 users expect.

PyYAML alone follows YAML 1.1: it makes 10 of `0012`, False of `NO`, 750 of `12:30`, a date of `2026-01-01`, and
of a key that stands twice it keeps the last. Here scalars are never interpreted and such keys are refused.
"""

import re
from collections import abc
from dataclasses import dataclass, field
from typing import Any

import yaml

from connector.config.page import Page, Spot

_FAST: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_TAGS = frozenset(
    {
        yaml.BaseLoader.DEFAULT_SCALAR_TAG,
        yaml.BaseLoader.DEFAULT_SEQUENCE_TAG,
        yaml.BaseLoader.DEFAULT_MAPPING_TAG,
    }
)
_UNFIT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x85\u2028\u2029\ud800-\udfff\ufffe\uffff]")
_FOREIGN = re.compile("[：　\xa0]")
_QUOTES = "Put a text with such characters in quotes."

_WORDS: tuple[tuple[str, str, str], ...] = (
    (r"character '\\t'", "a tab in the indentation", "YAML indents with blanks only."),
    (r"cannot start any token", "a text cannot start with this character", _QUOTES),
    (
        r"mapping values are not allowed",
        "a second “key: value” where only a value can stand",
        "Put a text with “: ” in quotes, or indent this line like the keys it belongs to.",
    ),
    (
        r"sequence entries are not allowed",
        "a list cannot start on the line of its key",
        "Write [A, B], or put “- ” on the next line.",
    ),
    (r"unexpected end of stream", "a quote that is opened and never closed", ""),
    (r"expected ',' or '\]'", "a list that is opened by “[” and not closed", "Close it with “]”."),
    (r"expected ',' or '\}'", "a “{” that is not closed, or a comma that is missing", "Close it with “}”."),
    (
        r"could not find expected ':'",
        "a key without “:”",
        "Write “key: value”, with a blank after the colon.",
    ),
    (
        r"chomping or indentation",
        "something behind the “|” or “>” that starts a block of text",
        "The text starts on the next line; " + _QUOTES[0].lower() + _QUOTES[1:],
    ),
    (r"expected the node content", "a value, or a closing bracket, is missing", ""),
    (r"nesting depth", "the file nests too deeply", ""),
    (r"undefined alias", "an alias (*…) whose anchor (&…) is not above it", _QUOTES),
    (r"duplicate anchor", "an anchor (&…) of that name stands above already", "Give it another name."),
    (
        r"escape (character|sequence)|hexadecimal",
        "an escape (\\…) that YAML does not know",
        "Use single quotes.",
    ),
    (r"another document", "a second document (---) in one file", "Put it in a file of its own."),
    (
        r"block end",
        "the indentation does not fit what stands above",
        "Keys that belong together start in the same column.",
    ),
)
"""PyYAML's words (of its Python parser) → ours. Theirs may quote the text, ours never do."""


@dataclass(frozen=True, slots=True)
class Item:
    """A value in a file, with where it starts and (for a scalar on one line) the column where it ends."""

    spot: Spot


@dataclass(frozen=True, slots=True)
class Scalar(Item):
    """A text as written. `quoted` tells `"null"` from `null`."""

    text: str = field(repr=False)
    quoted: bool
    end: Spot

    @property
    def is_null(self) -> bool:
        """Whether nothing is given: no text at all, `~` or `null` without quotes."""
        return not self.quoted and self.text in _NULLS


@dataclass(frozen=True, slots=True)
class Series(Item):
    """A list."""

    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class Table(Item):
    """Keys and their values, in the order of the file; `refused` are those that cannot be used (noted)."""

    entries: abc.Mapping[str, tuple[Scalar, Item]]
    refused: tuple[tuple[Item, Item], ...] = ()


def read_yaml(page: Page) -> Table | None:
    """The keys at the top of a file; None where there are none. What is wrong is noted on the page."""
    if _refuse_characters(page):
        return None
    try:
        root: yaml.Node | None = yaml.compose(page.text, Loader=_FAST)
        item = _Converter(page).convert(root) if root else None
    except yaml.YAMLError as error:
        page.unparsed = True
        _complain(page, _precise(page.text, error))
        return None
    except RecursionError:
        page.unparsed = True
        page.complain(Spot(1, 1), "The file nests too deeply to be read.")
        return None
    if item is None:
        page.complain(Spot(1, 1), "The file is empty.")
    elif not isinstance(item, Table):
        page.unparsed = True
        page.complain(item.spot, f"The file must hold “key: value” lines, but holds {kind(item)}.")
    return item if isinstance(item, Table) else None


def kind(item: Item) -> str:
    """What an item is, in words."""
    if isinstance(item, Scalar):
        return "nothing" if item.is_null else "a single text"
    return "a list" if isinstance(item, Series) else "a table of keys"


def _refuse_characters(page: Page) -> bool:
    """Refuse characters that YAML forbids or that PyYAML would take for a line end; True when there are any."""
    for number, line in enumerate(page.lines, start=1):
        if found := _UNFIT.search(line):
            page.unparsed = True
            code = f"U+{ord(found[0]):04X}"
            page.complain(
                Spot(number, found.start() + 1), f"An invisible character ({code}) that YAML does not allow."
            )
    return page.unparsed


def _precise(text: str, error: yaml.YAMLError) -> yaml.YAMLError:
    """The same fault as the Python parser words and places it, which is more precise than the C one."""
    try:
        yaml.compose(text, Loader=yaml.BaseLoader)
    except yaml.YAMLError as precise:
        return precise
    except RecursionError:
        return error
    return error


def _complain(page: Page, error: yaml.YAMLError) -> None:
    """Say in our words what is wrong with the text as YAML."""
    problem = f"{getattr(error, 'problem', None) or ''} {getattr(error, 'context', None) or ''}"
    # Of a quote that is never closed the place that helps is where it was opened, not the end of the file.
    unclosed = "context_mark" if "end of stream" in problem else "problem_mark"
    mark = getattr(error, unclosed, None) or getattr(error, "problem_mark", None)
    spot = _spot(mark) if mark else Spot(1, 1)
    words, hint = next(
        ((words, hint) for pattern, words, hint in _WORDS if re.search(pattern, problem)),
        ("something that is no YAML", _QUOTES),
    )
    above = page.lines[max(spot.line - 2, 0) : spot.line]
    if any(_FOREIGN.search(line) for line in above):
        hint = "There is a full-width colon or blank here; YAML needs “:” and ordinary blanks."
    page.complain(spot, f"This cannot be read as YAML: {words}.", hint)


def _spot(mark: Any) -> Spot:
    """A place as PyYAML counts it (from 0) as we do (from 1)."""
    return Spot(mark.line + 1, mark.column + 1)


class _Converter:
    """Turns PyYAML's nodes into items; an aliased node becomes one item, shared."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._done: dict[int, Item] = {}
        self._open: set[int] = set()

    def convert(self, node: yaml.Node) -> Item:
        """The item of a node; tags, cycles and unfit keys are noted on the page."""
        name = id(node)
        if name in self._done:
            return self._done[name]
        spot = _spot(node.start_mark)
        if node.tag not in _TAGS:
            self._page.complain(
                spot, "Tags (!…) are not understood here.", "Leave the tag out; every value is text."
            )
        if name in self._open:
            self._page.complain(spot, "An anchor (&…) that contains itself.")
            return Scalar(spot, "", quoted=False, end=spot)
        self._open.add(name)
        item = self._item(node, spot)
        self._open.discard(name)
        self._done[name] = item
        return item

    def _item(self, node: yaml.Node, spot: Spot) -> Item:
        if isinstance(node, yaml.MappingNode):
            return self._table(node, spot)
        if isinstance(node, yaml.SequenceNode):
            return Series(spot, tuple(self.convert(one) for one in node.value))
        return Scalar(
            spot, str(node.value), quoted=bool(getattr(node, "style", None)), end=_spot(node.end_mark)
        )

    def _table(self, node: yaml.MappingNode, spot: Spot) -> Table:
        entries: dict[str, tuple[Scalar, Item]] = {}
        refused: list[tuple[Item, Item]] = []
        for key_node, value_node in node.value:
            key, value = self.convert(key_node), self.convert(value_node)
            if isinstance(key, Scalar) and self._fits(key, entries):
                entries[key.text] = (key, value)
            else:
                refused.append((key, value))
                if not isinstance(key, Scalar):
                    self._page.complain(key.spot, f"A key must be a single text, but this is {kind(key)}.")
        return Table(spot, entries, tuple(refused))

    def _fits(self, key: Scalar, entries: abc.Mapping[str, tuple[Scalar, Item]]) -> bool:
        """Whether a key can be used beside those before it; noted where it cannot."""
        if key.text == "<<" and not key.quoted:
            self._page.complain(key.spot, "Merge keys (<<) are not understood.", "Write the keys out.")
            return False
        if key.text in entries:
            first = entries[key.text][0].spot
            self._page.complain(
                key.spot,
                f"The key “{key.text}” stands twice: here, and first in line {first.line}, column {first.column}.",
                "Keep one of them.",
            )
            return False
        return True
