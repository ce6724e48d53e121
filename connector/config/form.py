"""A table of a file, read key by key against a closed vocabulary.

A form never raises: what is wrong is noted on the page and a stand-in is returned, so that one reading finds
everything that is wrong. What was not asked for until `close` is an unknown key.
"""

import re
from collections import abc
from typing import TypeVar

from connector.config.near import propose
from connector.config.page import Page, Spot
from connector.config.places import KEY, Path
from connector.config.yaml_reader import Item, Scalar, Series, Table, kind

_Choice = TypeVar("_Choice", bound=str)
_NUMBER = re.compile(r"[0-9]{1,12}", re.ASCII)
_DURATION = re.compile(r"([0-9]{1,9})([smhd]?)", re.ASCII)
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


class Form:
    """A table under the reader's eyes; `path` leads to it from the top of the file."""

    def __init__(self, page: Page, table: Table, path: Path = (), at: Spot | None = None) -> None:
        self.page = page
        self.table = table
        self.path = path
        self._at = at or table.spot
        self._asked: set[str] = set()
        page.spots.setdefault(path, self._at)

    def has(self, name: str) -> bool:
        """Whether the key is there and is not null."""
        item = self.table.entries[name][1] if name in self.table.entries else None
        return item is not None and not (isinstance(item, Scalar) and item.is_null)

    def item(self, name: str, *, required: bool = False) -> Item | None:
        """The value of a key as it stands; None where it is missing (noted if it is required)."""
        self._asked.add(name)
        if name not in self.table.entries:
            if required:
                self.complain(f"The key “{name}” is missing{self._inside()}.")
            return None
        key, value = self.table.entries[name]
        # The content of a table starts lines below its key; what is said of it as a whole is said at the key.
        self.page.spots[(*self.path, name)] = key.spot if isinstance(value, Table) else value.spot
        self.page.spots[(*self.path, name, KEY)] = key.spot
        if required and isinstance(value, Scalar) and value.is_null:
            self.page.complain(
                key.spot, f"“{name}” has no value.", 'An empty text is written "", the word null "null".'
            )
            return None
        return value

    def scalar(self, name: str, *, required: bool = False, nullable: bool = False) -> Scalar | None:
        """A single text; null is a fault unless the key is nullable."""
        item = self.item(name, required=required)
        if item is None:
            return None
        if nullable and isinstance(item, Scalar) and item.is_null:
            return None
        return self.single(item, f"“{name}”")

    def single(self, item: Item, what: str) -> Scalar | None:
        """The item as a single text, else None and a note."""
        if not isinstance(item, Scalar):
            self.page.complain(item.spot, f"{what} must be a single text, but this is {kind(item)}.")
            return None
        if item.is_null:
            self.page.complain(
                item.spot, f"{what} has no value.", 'An empty text is written "", the word null "null".'
            )
            return None
        return item

    def text(self, name: str, *, required: bool = False, nullable: bool = False) -> str | None:
        """A single text as written."""
        scalar = self.scalar(name, required=required, nullable=nullable)
        return None if scalar is None else scalar.text

    def word(self, name: str, *, required: bool = False, nullable: bool = False) -> str | None:
        """A single text that must not be blank: a column, a table, a name."""
        scalar = self.scalar(name, required=required, nullable=nullable)
        return None if scalar is None else self.not_blank(scalar, f"“{name}”")

    def not_blank(self, scalar: Scalar, what: str) -> str | None:
        """The text, without blanks around it; None and a note where there is nothing else."""
        if scalar.text.strip():
            return scalar.text.strip()
        self.page.complain(scalar.spot, f"{what} must not be blank.")
        return None

    def words(self, name: str, *, required: bool = False, blank: bool = False) -> tuple[str, ...]:
        """One text or a list of texts; with `blank` they may be blank and are kept as written."""
        item = self.item(name, required=required)
        if item is None:
            return ()
        items = item.items if isinstance(item, Series) else (item,)
        if not items:
            self.page.complain(item.spot, f"The list of “{name}” is empty.", "Leave the key out instead.")
        texts: list[str] = []
        for number, one in enumerate(items):
            self.page.spots[(*self.path, name, str(number))] = one.spot
            what = f"Each element of “{name}”" if isinstance(item, Series) else f"“{name}”"
            scalar = self.single(one, what)
            text = None if scalar is None else scalar.text if blank else self.not_blank(scalar, what)
            if text is not None:
                texts.append(text)
        return tuple(texts)

    def number(self, name: str, *, default: int, least: int = 0, most: int = 10**9) -> int:
        """A whole number."""
        scalar = self.scalar(name)
        if scalar is None:
            return default
        if not _NUMBER.fullmatch(scalar.text):
            self.page.complain(scalar.spot, f"“{name}” must be a whole number in digits.")
            return default
        number = int(scalar.text)
        if not least <= number <= most:
            self.page.complain(scalar.spot, f"“{name}” must be from {least} to {most}.")
            return default
        return number

    def duration(self, name: str, *, default: int = 0) -> int:
        """A time span in seconds, written 90s, 15m, 2h or 1d."""
        scalar = self.scalar(name)
        if scalar is None:
            return default
        found = _DURATION.fullmatch(scalar.text)
        if not found or not (found[2] or int(found[1]) == 0):
            self.page.complain(
                scalar.spot,
                f"“{name}” must be a time span.",
                "Write a number with its unit: 90s, 15m, 2h or 1d.",
            )
            return default
        return int(found[1]) * _SECONDS[found[2] or "s"]

    def choice(
        self, name: str, choices: abc.Sequence[_Choice], *, default: _Choice, required: bool = False
    ) -> _Choice:
        """One of a few words."""
        scalar = self.scalar(name, required=required)
        if scalar is None:
            return default
        for one in choices:
            if scalar.text == one:
                return one
        near = propose(scalar.text, choices)
        self.page.complain(
            scalar.spot,
            f"“{name}” must be one of {', '.join(choices)}.",
            near if near.startswith("Did") else "",
        )
        return default

    def flag(self, name: str) -> bool:
        """True or false, written so (YAML 1.2)."""
        scalar = self.scalar(name)
        if scalar is None:
            return False
        if scalar.quoted or scalar.text not in ("true", "false"):
            self.page.complain(
                scalar.spot,
                f"“{name}” must be true or false.",
                "Without quotes; yes, no, on and off are texts.",
            )
        return scalar.text == "true"

    def form(self, name: str, *, required: bool = False, nullable: bool = False) -> "Form | None":
        """A table below a key, as a form of its own."""
        item = self.item(name, required=required)
        if item is None or (nullable and not self.has(name)):
            return None
        return self.inner(item, f"“{name}”", (*self.path, name), self.table.entries[name][0].spot)

    def inner(self, item: Item, what: str, path: Path, at: Spot | None = None) -> "Form | None":
        """An item as a form of its own; None and a note where it is no table."""
        if not isinstance(item, Table):
            self.page.complain(item.spot, f"{what} must be a table of keys, but this is {kind(item)}.")
            return None
        return Form(self.page, item, path, at)

    def series(self, name: str) -> tuple[Item, ...]:
        """The elements of a list."""
        item = self.item(name)
        if item is None:
            return ()
        if not isinstance(item, Series):
            self.page.complain(item.spot, f"“{name}” must be a list, but this is {kind(item)}.")
            return ()
        return item.items

    def complain(self, message: str, hint: str = "", *, at: str = "") -> None:
        """Note something about a key, or about the table as a whole."""
        entry = self.table.entries.get(at)
        self.page.complain(entry[0].spot if entry else self._at, message, hint)

    def close(self) -> None:
        """Note every key that was not asked for."""
        for name, (key, _) in self.table.entries.items():
            if name not in self._asked:
                known = self._asked - set(self.table.entries) or self._asked
                self.page.complain(
                    key.spot, f"The key “{name}” is not known{self._inside()}.", propose(name, sorted(known))
                )

    def _inside(self) -> str:
        return f" in {'.'.join(self.path)}" if self.path else ""


def read_version(form: Form) -> None:
    """Every file says which version of the vocabulary it is written in; there is one so far."""
    scalar = form.scalar("version", required=True)
    if scalar is not None and scalar.text != "1":
        form.page.complain(scalar.spot, "This connector reads version 1 of its files.", "Write version: 1")
