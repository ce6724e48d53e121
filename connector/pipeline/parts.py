"""The one place that builds the real parts: clock, project, hospital, ledger, client.

Everything else takes them as arguments, so that a test can hand in its own.
"""

import getpass
import os
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from connector.config.project import Project, load_project
from connector.config.secrets import Secret
from connector.contract.envelope import check_key
from connector.contract.library import Contract, contract
from connector.extract.source import Hospital, open_hospital
from connector.ledger.database import file_of
from connector.ledger.seal import read_key
from connector.ledger.store import Ledger, open_ledger
from connector.ledger.witness import WitnessFile
from connector.load.client import PlatformClient
from connector.load.exchange import Recorder
from connector.load.mirror import Mirror

_Client = TypeVar("_Client", bound=PlatformClient)

COPY = "ledger.db"
"""The name of a copy of the ledger in its folder."""


@dataclass(frozen=True, slots=True)
class Clock:
    """Time as arguments: `now` gives aware UTC, `monotonic` seconds that never jump, `sleep` waits seconds."""

    now: Callable[[], datetime]
    monotonic: Callable[[], float]
    sleep: Callable[[float], None]


def real_clock() -> Clock:
    """The machine's own clock."""
    return Clock(lambda: datetime.now(UTC), time.monotonic, time.sleep)  # noqa: TID251 - the only real clock


@dataclass(frozen=True, slots=True)
class Parts:
    """What one command works with; each real part is opened when it is asked for."""

    project: Project
    contract: Contract
    clock: Clock
    environ: Mapping[str, str] = field(repr=False)

    def open_hospital(self) -> Hospital:
        """Connect to the HIS, read-only; SourceError when that fails."""
        his = self.project.settings.his
        url = his.url.read(self.environ, self.project.directory)
        return open_hospital(
            url,
            page_rows=his.page_rows,
            statement_timeout_s=his.statement_timeout_s,
            encoding=his.encoding,
        )

    def open_ledger(self, *, create: bool = False, read_only: bool = False) -> Ledger:
        """Open the ledger; LedgerError when it is missing and `create` does not ask for a new one."""
        settings = self.project.settings.ledger
        directory = self.project.directory
        return open_ledger(
            _place(settings.url.read(self.environ, directory), directory),
            self._ledger_key(),
            now=self.clock.now,
            create=create,
            read_only=read_only,
            witness=self.witness_file(),
        )

    def open_copy(self, folder: Path) -> Ledger:
        """Open a copy of the ledger, made in `folder` as `COPY`; the ledger itself is only read. LedgerError when it fails."""
        file = folder / COPY
        with self.open_ledger(read_only=True) as ledger:
            ledger.copy_to(file)
        witness = self.witness_file(is_kept=False)
        return open_ledger(f"sqlite:///{file}", self._ledger_key(), now=self.clock.now, witness=witness)

    def over(self, file: Path) -> "Parts":
        """The same parts, over the ledger in this SQLite file."""
        settings = self.project.settings
        ledger = replace(settings.ledger, url=Secret(f"sqlite:///{file}", "ledger.url"), witness=None)
        return replace(self, project=replace(self.project, settings=replace(settings, ledger=ledger)))

    def open_file(self, file: Path, *, read_only: bool = True) -> Ledger:
        """Open a copy of the ledger, without its witness. LedgerError when it is none."""
        return open_ledger(f"sqlite:///{file}", self._ledger_key(), now=self.clock.now, read_only=read_only)

    def ledger_file(self) -> Path | None:
        """The ledger's file; None where it lives on a server."""
        directory = self.project.directory
        return file_of(_place(self.project.settings.ledger.url.read(self.environ, directory), directory))

    def _ledger_key(self) -> bytes:
        """The key that seals the ledger."""
        return read_key(self.project.settings.ledger.key.read(self.environ, self.project.directory))

    def witness_file(self, *, is_kept: bool = True) -> WitnessFile | None:
        """Where the ledger's last intent is kept besides; for a copy of the ledger it is only read."""
        file = self.project.settings.ledger.witness
        return None if file is None else WitnessFile(self.project.directory.resolve() / file, is_kept)

    def check_platform(self) -> None:
        """Read the platform's secrets before anything is done that would be in vain without them.

        Raises ConfigurationError for one that is missing, EnvelopeError for an impossible key.
        """
        platform, directory = self.project.settings.platform, self.project.directory
        platform.password.read(self.environ, directory)
        check_key(platform.key.read(self.environ, directory))

    def open_client(self, recorder: Recorder | None = None) -> PlatformClient:
        """A client of the platform, its calls handed to `recorder`; EnvelopeError for an impossible key.

        Nothing is sent yet.
        """
        return self._build_client(PlatformClient, recorder)

    def open_mirror(self) -> Mirror:
        """A client without a platform, for rehearsals; the same errors."""
        return self._build_client(Mirror)

    def _build_client(self, kind: type[_Client], recorder: Recorder | None = None) -> _Client:
        settings, directory = self.project.settings, self.project.directory
        platform = settings.platform
        return kind(
            platform,
            key_text=platform.key.read(self.environ, directory),
            password=platform.password.read(self.environ, directory),
            timeout_s=settings.delivery.timeout_s,
            headers={name: value.read(self.environ, directory) for name, value in platform.headers.items()},
            proxy=platform.proxy.read(self.environ, directory) if platform.proxy else None,
            recorder=recorder,
        )


def open_project(
    directory: Path, *, environ: Mapping[str, str] | None = None, clock: Clock | None = None
) -> Parts:
    """Load a project directory; ConfigurationError with every fault of every file."""
    variables = os.environ if environ is None else environ
    book = contract()
    project = load_project(directory, book, environ=variables)
    return Parts(project, book, clock or real_clock(), variables)


def owner() -> str:
    """Who holds the lease: this process on this machine."""
    return f"{socket.gethostname()} process {os.getpid()}"


def person() -> str:
    """Who gives this command: the user of this machine, as the ledger keeps it beside a decision."""
    try:
        return f"{getpass.getuser()}@{socket.gethostname()}"
    except (KeyError, OSError, ImportError):  # a user without a name, in a container
        return f"user {os.getuid()}@{socket.gethostname()}"


def _place(url: str, directory: Path) -> str:
    """A SQLite file named relatively lies in the project directory."""
    prefix = "sqlite:///"
    if url.startswith(prefix) and not url.startswith(prefix + "/") and ":memory:" not in url:
        return f"{prefix}{(directory / url.removeprefix(prefix)).resolve()}"
    return url
