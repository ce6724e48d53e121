"""The witness: the last intent, kept in a file of its own, so that an old copy of the ledger is recognised.

A ledger that was brought back from a copy does not know what was sent since, and the platform's totals do not
always show it: a charge and its refund that were sent meanwhile come to nothing. So what the ledger claimed last
is written to a second file after it is durable in the ledger, and before its first byte leaves. Not a counter: a
ledger that was brought back counts on from where it was, and would soon say the same number (counterexample W28).

The file has two places that are written in turn, each with a checksum: a write that is cut off leaves the other.
"""

import json
import os
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from connector.errors import LedgerError
from connector.ledger.database import Database
from connector.ledger.link import Link
from connector.ledger.seal import Seal

_PLACE = 4096
_CHECK = 32
_NOTHING_SENT = "Nothing was sent."


@dataclass(frozen=True, slots=True)
class Mark:
    """What the witness says: the ledger, how often it was restored, and its last batch (0: it has none).

    `digest` tells nothing about the batch to who has not the ledger's key; `claimed_at` is in milliseconds.
    """

    ledger: str
    restorations: int
    batch: int
    digest: str
    claimed_at: int


@dataclass(slots=True)
class WitnessFile:
    """The file. `is_kept` is False where it is only to be read, for a rehearsal: then nothing is written."""

    path: Path
    is_kept: bool = True
    _turn: int = field(default=0, init=False)

    def read(self) -> Mark | None:
        """What it says; None where there is no file. Raises LedgerError when it cannot be read or is damaged."""
        try:
            content = self.path.read_bytes()
        except FileNotFoundError:
            if self.path.parent.is_dir():
                return None
            raise LedgerError(
                f"The folder of the ledger's witness {self.path} is not there. Bring its disk back, or correct "
                f"ledger.witness. {_NOTHING_SENT}"
            ) from None
        except OSError as error:
            raise self._say("read", error) from None
        found = [one for one in map(_read_place, (content[:_PLACE], content[_PLACE:])) if one is not None]
        if not found:
            raise LedgerError(
                f"The ledger's witness {self.path} is damaged, or is no witness. {_NOTHING_SENT} Bring it back, or, if "
                "it is lost, let `connector ledger accept` compare the ledger with the platform."
            )
        self._turn, mark = max(found, key=lambda one: one[0])
        return mark

    def write(self, mark: Mark, *, create: bool = False) -> None:
        """Say this from now on; on the disk when it returns. Raises LedgerError: then nothing may be sent."""
        if not self.is_kept:
            return
        self._turn += 1
        line = json.dumps({"turn": self._turn, **asdict(mark)}).encode()
        place = (sha256(line).hexdigest()[:_CHECK].encode() + b" " + line).ljust(_PLACE - 1) + b"\n"
        try:
            flags = os.O_WRONLY | (os.O_CREAT if create else 0) | getattr(os, "O_BINARY", 0)
            number = os.open(self.path, flags, 0o600)
            with open(number, "r+b", buffering=0) as file:  # noqa: PTH123 - a descriptor
                file.seek(_PLACE * (self._turn % 2))
                if file.write(place) != _PLACE:
                    raise OSError(0, "it is full")  # noqa: TRY301 - told like any other
                os.fsync(file.fileno())
        except OSError as error:
            raise self._say("written", error) from None

    def _say(self, done: str, error: OSError) -> LedgerError:
        why = os.strerror(error.errno) if error.errno else "the disk is full"
        return LedgerError(
            f"The ledger's witness {self.path} cannot be {done} ({why}). Nothing was sent on its account. Look at its "
            "disk and this user's rights, then run again."
        )


def _read_place(content: bytes) -> tuple[int, Mark] | None:
    """One of the two places: how many writes there were before, and what it says; None for an unfinished one."""
    check, _, line = content.strip().partition(b" ")
    if not line or sha256(line).hexdigest()[:_CHECK].encode() != check:
        return None
    said: dict[str, Any] = json.loads(line)
    return int(said.pop("turn")), Mark(**said)


@dataclass(slots=True)
class Witness:
    """Compares a ledger with its witness, and signs what the ledger has claimed. Without a file it does nothing."""

    database: Database
    seal: Seal = field(repr=False)
    file: WitnessFile | None
    caution: str = field(default="", init=False)
    _is_heeded: bool = field(default=False, init=False)
    _expected_at: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        """Sign after every commit that claimed."""
        self.database.after_commit = self._sign

    def heed(self) -> None:
        """Compare the two before anything is claimed; call it once the lease is taken.

        Where the ledger is older than what was sent, every visit of it is held from now on, and `caution` says so.
        Raises LedgerError where nothing can be told: the witness is missing or damaged, or another ledger's.
        """
        if self.file is None or self._is_heeded:
            return
        found, own, is_known = self._compare(self.file)
        if found is None or is_known:
            self._renew(found, own)
            return
        self.distrust(found)
        self.caution = self._explain(found, own, self.file)

    def look(self) -> str:
        """What `heed` would find wrong, without changing anything; "" for nothing."""
        if self.file is None:
            return ""
        try:
            found, own, is_known = self._compare(self.file)
        except LedgerError as error:
            return str(error)
        return "" if found is None or is_known else self._explain(found, own, self.file)

    def _compare(self, file: WitnessFile) -> tuple[Mark | None, Mark, bool]:
        """What the witness says (None: a new ledger has none yet), what the ledger says, and whether they agree.

        Raises LedgerError where that cannot be told.
        """
        found = file.read()
        with self.database.reading() as link:
            own = self._last(link)
            is_known = found is not None and self._knows(link, found, own)
        if found is None and (own.batch or own.restorations):
            raise LedgerError(
                f"The ledger {self.database.place} has sent, and its witness {file.path} is missing. {_NOTHING_SENT} "
                "Bring it back (is its disk there?), or, if it is lost, let `connector ledger accept` compare the "
                "ledger with the platform."
            )
        if found is not None and found.ledger != own.ledger and own.batch:
            raise LedgerError(
                f"{file.path} is the witness of another ledger than {self.database.place}. {_NOTHING_SENT} Each "
                "ledger needs a witness of its own (ledger.witness); if this one is lost, let `connector ledger accept` "
                "compare the ledger with the platform."
            )
        return found, own, is_known

    def _explain(self, found: Mark, own: Mark, file: WitnessFile) -> str:
        """Why the ledger cannot be trusted."""
        what = (
            f"was brought back from an old copy: the witness {file.path} knows of something that was sent later"
            if found.ledger == own.ledger
            else f"is new, and the witness {file.path} tells of another one, which is lost"
        )
        return (
            f"The ledger {self.database.place} {what}. Its visits are held until they are compared with the platform: "
            "`connector ledger accept`."
        )

    def distrust(self, found: Mark | None = None) -> None:
        """From now on no visit is trusted: the ledger may not know all that was sent for it."""
        with self.database.writing() as link:
            own = self._last(link)
            known = found.restorations if found is not None and found.ledger == own.ledger else 0
            link.run("UPDATE ledger SET restorations = ?, quiet_at = NULL", max(own.restorations, known) + 1)
            own = self._last(link)
        if self.file is not None:
            self.file.write(own, create=True)
        self._is_heeded = True

    def expect(self, at: int) -> int:
        """A claim will be committed; returns the moment (ms) under which it stands: one for all claims of a commit.

        Raises ValueError where the witness was not asked before: it would be made to forget what it knows.
        """
        if self.file is not None and not self._is_heeded:
            raise ValueError("the witness was not asked before a claim")
        self._expected_at = self._expected_at or at
        return self._expected_at

    def _sign(self) -> None:
        """Write down what was claimed last, once it is durable and before it is sent. Raises LedgerError."""
        if not self._expected_at:
            return
        if self.file is not None:
            with self.database.reading() as link:
                own = self._last(link)
            self.file.write(own)
        self._expected_at = 0

    def _renew(self, found: Mark | None, own: Mark) -> None:
        """The witness may be one commit behind, where a process died between the two."""
        if found != own and self.file is not None:
            self.file.write(own, create=found is None)
        self._is_heeded = True

    def _last(self, link: Link) -> Mark:
        """What the ledger itself says."""
        identity, restorations = link.rows("SELECT identity, restorations FROM ledger")[0]
        row = link.one("SELECT id, digest, claimed_at FROM batch ORDER BY id DESC LIMIT 1")
        return Mark(identity, restorations, *(self._batch(row) if row else (0, "", 0)))

    def _batch(self, row: tuple[Any, ...]) -> tuple[int, str, int]:
        return int(row[0]), self.seal.digest(bytes(row[1])), int(row[2])

    def _knows(self, link: Link, found: Mark, own: Mark) -> bool:
        """Whether the ledger has the witness's batch, and at most one commit after it."""
        if found.ledger != own.ledger or found.restorations > own.restorations:
            return False
        if found.batch:
            row = link.one("SELECT id, digest, claimed_at FROM batch WHERE id = ?", found.batch)
            if row is None or self._batch(row) != (found.batch, found.digest, found.claimed_at):
                return False
        commits = link.rows("SELECT COUNT(DISTINCT claimed_at) FROM batch WHERE id > ?", found.batch)[0][0]
        return bool(commits <= 1)
