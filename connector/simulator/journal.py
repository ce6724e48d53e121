"""The state file: one JSON line per event, so that a simulator can be stopped, or killed, and go on."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TextIO

from connector.errors import ConfigurationError


def read_journal(path: Path) -> Iterator[Mapping[str, Any]]:
    """The events of a state file, oldest first; none where there is no file.

    A last line without its end is what a killed process leaves: it is cut off. Any other line that cannot be
    read is a ConfigurationError naming the line.
    """
    if not path.exists():
        return
    content = path.read_bytes()
    whole = content.rfind(b"\n") + 1
    if whole < len(content):
        path.write_bytes(content[:whole])
    for number, line in enumerate(content[:whole].splitlines(), start=1):
        try:
            yield json.loads(line)
        except ValueError as error:
            raise ConfigurationError(
                f"{path}:{number}: not a line of a simulator's state file; name another file or remove this one"
            ) from error


def open_journal(path: Path) -> TextIO:
    """Open a state file for appending; it is made readable by its owner only."""
    try:
        path.touch(mode=0o600)
        return path.open("a", encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(f"{path}: the simulator's state file cannot be written") from error


def append_line(file: TextIO, event: Mapping[str, Any]) -> None:
    """Write one event through to the operating system: a killed process loses nothing it answered."""
    file.write(json.dumps(event, ensure_ascii=False, separators=(",", ":")) + "\n")
    file.flush()
