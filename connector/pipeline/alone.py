"""One process of a kind a project: a lock beside its files, which dies with the process that has it."""

from contextlib import ExitStack
from pathlib import Path

from connector.errors import ConfigurationError, LeaseHeld
from connector.ledger.file_lock import lock_file, who_locked
from connector.pipeline.parts import owner


def be_alone(path: Path, stack: ExitStack, *, what: str, does: str) -> None:
    """Take the lock until the stack is unwound; `what` is the command, `does` what its process does.

    Raises LeaseHeld, saying who has it, and ConfigurationError where it cannot be written.
    """
    try:
        file = lock_file(path)
    except OSError as error:
        raise ConfigurationError(
            f"{path} cannot be written ({error.strerror}): `{what}` keeps others like it off this project by it."
        ) from None
    if file is None:
        who = who_locked(path) or "Another process"
        raise LeaseHeld(f"{who} {does} already. Nothing is done by this process.")
    stack.enter_context(file)
    file.truncate(0)
    file.write(owner().encode())
    file.flush()
