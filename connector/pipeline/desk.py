"""What the routines of one delivery run share: the ledger, the contract's operations, the rules, the report."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol
from zoneinfo import ZoneInfo

from connector.config.mapping import OnChange
from connector.config.settings import DeliverySettings, LifecycleSettings
from connector.contract.check import LengthUnit
from connector.contract.library import Contract
from connector.contract.spec import Lookup, Node, Operation
from connector.errors import ConnectorError
from connector.ledger.overview import VisitDue
from connector.ledger.store import Ledger
from connector.pipeline.balance import Said
from connector.pipeline.checklist import Departure
from connector.pipeline.compose import TOLERANCE, blur, is_fine
from connector.pipeline.guards import Breach
from connector.records import StagedRecord


class Held(Exception):
    """The visit is held for a person, with the reason; nothing more is sent for it."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


class Waits(Exception):
    """The visit cannot go on now, with the reason; the next run tries again by itself."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


class RunStopped(Exception):
    """No visit can go on (a set-up error at the centre, trap T151, or the platform is gone)."""


class Examine(Protocol):
    """Finds what stands against a visit's leaving, and what it would leave with."""

    def __call__(
        self, visit: VisitDue, said: Said, *, without_invoices: bool = False
    ) -> Departure | ConnectorError:
        """`said`: the platform's total of now; `without_invoices`: they are left out."""


@dataclass(frozen=True, slots=True)
class Line:
    """One mapping's way into an upload.

    `repeatable`: the platform overwrites (orders, section 4.10 (4)); otherwise it duplicates (trap T70). `on_change`: the
    mapping's policy for rows that change after they were accepted.
    """

    mapping: str
    operation: Operation
    node: Node
    path: str
    on_change: OnChange = "report"

    @property
    def repeatable(self) -> bool:
        """Whether the same row may be sent again without harm (trap T71)."""
        return is_repeatable(self.node)


def is_repeatable(node: Node) -> bool:
    """Whether the platform replaces what it has when an object of this node comes again, instead of adding it."""
    return node.many and "amount" not in node.roles


@dataclass(frozen=True, slots=True)
class Flow:
    """The operations one pipeline uses, local or cross-province, and its lines in their order.

    `leave` is None where the pipeline does not say what a visit leaves with.
    `lookups`: path of a field of the registration → what tells it where the HIS does not; `tells`: by which interfaces.
    """

    pipeline: str
    visits: str
    register: Operation
    register_path: str
    totals: Operation
    approve: Operation
    invalidate: Operation
    roll: str
    lines: tuple[Line, ...]
    leave: Operation | None = None
    lookups: Mapping[str, Lookup] = field(default_factory=dict)
    tells: Mapping[Lookup, tuple[Operation, ...]] = field(default_factory=dict)


@dataclass(slots=True)
class Report:
    """What a delivery run did; amounts scaled by 4, visits by the platform's number.

    `left`: visits that have left; `refused`: rows the platform refused one by one; `settled`: batches without a plain answer that the
    platform's totals settled; `breach`: the guard that stopped it on its way.
    """

    rows: int = 0
    amount: int = field(default=0, repr=False)
    batches: int = 0
    registered: int = 0
    left: int = 0
    refused: int = 0
    settled: int = 0
    held: dict[str, str] = field(default_factory=dict)
    waiting: dict[str, str] = field(default_factory=dict)
    warnings: dict[str, str] = field(default_factory=dict, repr=False)
    stopped: str = ""
    breach: Breach | None = None

    def warn(self, visit: VisitDue, text: str) -> None:
        """Say something of a visit, beside what was said already."""
        name = visit.number or visit.key
        said = self.warnings.get(name, "")
        if text not in said:
            self.warnings[name] = f"{said}; {text}" if said else text


def tolerance_of(
    ledger: Ledger, rules: DeliverySettings, visit_id: int, records: Sequence[StagedRecord] = ()
) -> int:
    """How far the platform's total may be from the sum of what a visit has there, and of `records` beside it.

    Scaled by 4. A fen, where totals are rounded as a whole; more where calibrating found that rows are (A6).
    """
    if not rules.measured.rounds_rows:
        return TOLERANCE
    return blur(ledger.outbox.fine_rows(visit_id) + sum(is_fine(record.amount) for record in records))


@dataclass(frozen=True, slots=True)
class Desk:
    """The shared parts of one run. `now` gives aware UTC; `number` a fresh random text for approvals.

    `zone` is the platform's: there it is decided what day it is. `examine` finds what stands against a visit's leaving.
    """

    ledger: Ledger
    flow: Flow
    rules: DeliverySettings
    now: Callable[[], datetime]
    number: Callable[[], str]
    report: Report
    run_id: int
    contract: Contract
    lifecycle: LifecycleSettings
    length_in: LengthUnit
    zone: ZoneInfo
    examine: Examine = field(repr=False)

    def tolerance(self, visit_id: int, records: Sequence[StagedRecord] = ()) -> int:
        """How far the platform's total may be from the sum of what a visit has there, and of `records` beside it."""
        return tolerance_of(self.ledger, self.rules, visit_id, records)

    def today(self) -> str:
        """The platform's day as yyyymmdd."""
        return f"{self.now().astimezone(self.zone):%Y%m%d}"

    def stamp(self) -> str:
        """The present moment as text for the ledger."""
        return self.now().isoformat()
