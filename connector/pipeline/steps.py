"""What a visit's routine may ask of the delivery loop, one value per step.

A routine is a generator: it yields a step and is resumed with the answer. It never talks to the platform
itself, so that the loop can send for several visits at once, commit their intents together, and keep every
rule of sending in one place.
"""

from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Any

from connector.contract.spec import Operation
from connector.ledger.claims import Intent
from connector.records import Outcome


@dataclass(frozen=True, slots=True)
class Ask:
    """A call that may be repeated freely; answered with its `Outcome`."""

    operation: Operation
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Upload:
    """A batch: claimed on disk, then sent once; answered with a `Sent`. `settled` if a plain yes closes it."""

    intent: Intent
    operation: Operation
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Sent:
    """The answer to an `Upload`: `settled` when the loop has closed the batch as accepted."""

    batch_id: int
    outcome: Outcome
    settled: bool


@dataclass(frozen=True, slots=True)
class Fence:
    """Log out and in again, once nothing is in flight: then no earlier request can start any more."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Come back after so many seconds; meanwhile other visits go on."""

    seconds: float
    why: str


@dataclass(frozen=True, slots=True)
class Look:
    """Something to be read elsewhere, the HIS for one; answered with what `read` returns.

    It runs in a thread of its own beside the loop, after everything written so far is on the disk. It neither writes
    nor raises, and touches nothing of the loop's own.
    """

    read: Callable[[], object] = field(repr=False)


Step = Ask | Upload | Fence | Wait | Look
Steps = Generator[Step, Any, None]
