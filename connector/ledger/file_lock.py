"""A lock on a file, which dies with its process."""

import os
from contextlib import suppress
from pathlib import Path
from typing import IO


def lock_file(path: Path) -> IO[bytes] | None:
    """The file, locked for this process alone until it is closed; None when another process has it.

    Raises OSError where this user may not write it.
    """
    file = path.open("ab")
    file.seek(0)  # Windows locks the byte that the file stands at: the first, whatever is written in it
    try:
        if os.name == "nt":  # pragma: no cover - Windows
            import msvcrt

            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        return None
    return file


def who_locked(path: Path) -> str:
    """What the process that has the lock wrote into the file; "" where it cannot be read, as on Windows."""
    with suppress(OSError):
        return path.read_text(encoding="utf-8").strip()
    return ""
