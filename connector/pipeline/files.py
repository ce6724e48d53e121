"""Columns that are files, or their paths: read, looked at, and turned into the Base64 text that a request carries.

The document wants PDF and the URL-safe alphabet, with its padding (section 4.13, traps T10, T127). What is wrong with
a file is said in words that name no path: a path may name a patient.
"""

import base64
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from connector.config.mapping import Mapping as RowMapping
from connector.config.settings import Settings
from connector.errors import ConnectorError
from connector.load.document import content_fault, describe, kind_of, size_fault
from connector.records import Chunk

_PDF = "pdf"
_HEAD = 64
_GIVEN = "base64:"
"""How a test of a mapping writes a file itself; anything else is its path."""

_Cell = bytes | str | None


class _Unusable(ConnectorError):
    """A file cannot go; the text continues "the file"."""


@dataclass(frozen=True, slots=True)
class Filled:
    """Rows with their files as Base64 text; where a file cannot go the cell is null, and `unusable` says why."""

    table: pa.Table = field(repr=False)
    unusable: dict[tuple[int, str], str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Files:
    """Where relative paths start, and how many megabytes a file may have."""

    folder: Path
    max_mb: int

    @classmethod
    def of(cls, directory: Path, settings: Settings) -> "Files":
        """As the settings have it: `his.files`, else the project directory."""
        return cls(settings.his.files or directory, settings.platform.max_file_mb)

    def fill(self, mapping: RowMapping, chunk: Chunk) -> Filled:
        """The rows of a chunk with what their mapping reads as files."""
        table, unusable = chunk.table, dict[tuple[int, str], str]()
        for name in mapping.files:
            texts: list[str | None] = []
            for row, cell in enumerate(table.column(name).to_pylist()):
                try:
                    texts.append(self._text(cell))
                except _Unusable as fault:
                    texts.append(None)
                    unusable[row, name] = f"the file {fault}"
            place = table.column_names.index(name)
            table = table.set_column(place, name, pa.array(texts, pa.string()))
        return Filled(table, unusable)

    def _text(self, cell: _Cell) -> str | None:
        """The Base64 text of one cell; None where there is no file. Raises _Unusable."""
        if cell is None or not cell.strip():
            return None
        content = cell if isinstance(cell, bytes) else self._read(cell.strip())
        if fault := size_fault(len(content), max_mb=self.max_mb):
            raise _Unusable(fault)
        kind = kind_of(content)
        if kind != _PDF:
            raise _Unusable(f"is {f'a {kind} picture' if kind else describe(content[:_HEAD])}, not a PDF")
        if fault := content_fault(kind, content):
            raise _Unusable(fault)
        return base64.urlsafe_b64encode(content).decode("ascii")

    def _read(self, path: str) -> bytes:
        """The content of the file that a cell names; more than is allowed is not read."""
        if path.startswith(_GIVEN):
            return _decode(path.removeprefix(_GIVEN))
        try:
            place = self.folder / path
            if not place.is_file():
                raise _Unusable("that the column names does not exist")
            if fault := size_fault(place.stat().st_size, max_mb=self.max_mb):
                raise _Unusable(fault)
            return place.read_bytes()
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or type(error).__name__
            raise _Unusable(f"that the column names cannot be read ({reason})") from None


def _decode(text: str) -> bytes:
    """A file that a test writes itself, in either alphabet."""
    try:
        return base64.b64decode(text.translate(str.maketrans("-_", "+/")), validate=True)
    except ValueError:
        raise _Unusable("is not written in Base64") from None


def show_file(value: object, *, hides_paths: bool) -> object:
    """A cell of a file's column as it is shown to people: how long a file is; a path, which may name a patient, or not."""
    if isinstance(value, bytes):
        return f"(a file of {len(value):,} bytes)"
    return "***" if value and hides_paths else value


def show_base64(text: object) -> object:
    """The text of a file as it is shown to people: how long it is."""
    return f"(Base64, {len(str(text)):,} characters)" if text else text
