"""The state file: one JSON line per event, so that a simulator can be stopped, or killed, and go on."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TextIO

from connector.errors import ConfigurationError

_HEAD = b'{"event":"begin","format":1}\n'
"""The first line. A file that begins otherwise is somebody else's and stays as it is."""


def read_journal(path: Path) -> Iterator[Mapping[str, Any]]:
    """The events of a state file, oldest first; none where there is no file, or an empty one.

    A last line without its end is what a killed process leaves: it is not read. ConfigurationError for a file
    that is not a simulator's, or has a line that cannot be read; the file is not touched.
    """
    for number, line in enumerate(_read(path)[:-1].split(b"\n")[1:], start=2):
        try:
            event = json.loads(line)
        except ValueError:
            event = None
        if not isinstance(event, Mapping) or not isinstance(event.get("event"), str):
            raise refuse_line(path, number)
        yield event


def refuse_line(path: Path, number: int) -> ConfigurationError:
    """What to say of a line that is no event."""
    return ConfigurationError(
        f"{path}:{number}: not a line of a simulator's state file; name another file or remove this one"
    )


def open_journal(path: Path) -> TextIO:
    """Open a state file for appending, without what a killed process left of a line; only its owner can read it."""
    whole = _read(path)
    try:
        path.touch(mode=0o600)
        with path.open("r+b") as file:
            file.truncate(len(whole))
            if not whole:
                file.write(_HEAD)
        return path.open("a", encoding="ascii", newline="\n")
    except OSError as error:
        raise ConfigurationError(
            f"{path}: the simulator's state file cannot be written ({error.strerror})"
        ) from error


def append_line(file: TextIO, event: Mapping[str, Any]) -> None:
    """Write one event through to the operating system: a killed process loses nothing it answered."""
    file.write(json.dumps(event, separators=(",", ":")) + "\n")
    file.flush()


def _read(path: Path) -> bytes:
    """The whole lines of a state file; ConfigurationError when it is not one."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise ConfigurationError(
            f"{path}: the simulator's state file cannot be read ({error.strerror})"
        ) from error
    if not content.startswith(_HEAD[: len(content)]):
        raise ConfigurationError(
            f"{path} is not a simulator's state file, and was left as it is; name another file"
        )
    return content[: content.rfind(b"\n") + 1]
