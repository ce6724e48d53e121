"""What an operation of the simulator is given, and how it refuses."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta, timezone
from decimal import Decimal
from typing import Any

from connector.contract.spec import Operation
from connector.simulator.facts import Facts
from connector.simulator.faults import Strike
from connector.simulator.state import State

CHINA = timezone(timedelta(hours=8), "Asia/Shanghai")
"""The platform's days are Chinese days; there has been no summer time since 1991."""


class Refusal(Exception):
    """The platform says no: an error code of 5.2; `text` replaces or, for 1004, explains the document's."""

    def __init__(self, code: str | int, text: str = "", **fields: Any) -> None:
        self.code = str(code)
        self.text = text
        self.fields = fields
        super().__init__(self.code)


class NoAnswer(Exception):
    """The call took what effect it took; the connection closes without an answer."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What can be chosen where the document is silent.

    `accounts`: name → MD5 of the password, upper case. `injuries`: the records of 4.3 that exist; with none
    everybody's admission is taken. `facts`: everything else that exists beforehand. `needs_records`: an inpatient's
    discharge needs its records (T96). `sheet_needs_discharge`: 240003 before the discharge (T124). `categories`: item code → aka063 the platform assigns; an item not in it keeps
    what was sent, else gets `kind_categories` of its kind. `amount_tolerance`: yuan between amount and price x
    quantity. `detail_decimals`: of 4.15's amount. `tells_live_session`: 21003 carries the live sessionid, as an
    older platform was seen to do. `check_rules=False` turns every rule of the document about contents off (a
    sink for speed tests): only envelope and session are checked, any visit number is taken.
    """

    accounts: Mapping[str, str] = field(repr=False)
    injuries: Sequence[Mapping[str, Any]] = field(default=(), repr=False)
    facts: Facts = field(default_factory=Facts, repr=False)
    categories: Mapping[str, str] = field(default_factory=dict)
    kind_categories: Mapping[str, str] = field(default_factory=lambda: {"0": "11", "1": "22", "9": "51"})
    amount_tolerance: Decimal = Decimal("0.05")
    detail_decimals: int = 4
    tells_live_session: bool = False
    undo_needs_refunds: bool = False
    one_open_stay: bool = True
    needs_records: bool = True
    sheet_needs_discharge: bool = False
    check_rules: bool = True


@dataclass(frozen=True, slots=True)
class Call:
    """One request whose envelope and session are in order; `file` is that of 4.18."""

    operation: Operation
    payload: Mapping[str, Any] = field(repr=False)
    state: State
    rules: Rules
    sessionid: str = field(default="", repr=False)
    struck: Strike = field(default_factory=dict)
    file: bytes = field(default=b"", repr=False)

    @property
    def today(self) -> date:
        """The platform's day."""
        return self.state.clock().astimezone(CHINA).date()

    def text(self, name: str, node: Mapping[str, Any] | None = None) -> str:
        """A field as trimmed text, "" when it is missing or null."""
        return read_text(self.payload if node is None else node, name)


Handler = Callable[[Call], Mapping[str, Any]]
"""One operation: the fields of its answer besides code and msg; Refusal for a no. Runs under the state's lock."""


def read_text(node: Mapping[str, Any], name: str) -> str:
    """A field as trimmed text, "" when it is missing or null."""
    value = node.get(name)
    return "" if value is None else str(value).strip()


def read_list(payload: Mapping[str, Any], wrapper: str, name: str) -> list[Mapping[str, Any]]:
    """The rows of a wrapped list (`meds.med`); none where wrapper or list is missing or empty (T76)."""
    inside = payload.get(wrapper) or {}
    rows = inside.get(name) or [] if isinstance(inside, Mapping) else inside
    if not isinstance(rows, list) or not all(isinstance(row, Mapping) for row in rows):
        raise Refusal(1004, f"{wrapper}.{name}: a list of objects is meant")
    return rows
