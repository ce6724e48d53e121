"""A visit of our own at a test platform, to try things on. It is removed again, whatever happens to it."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from connector.contract.library import Contract
from connector.contract.spec import Node, Operation
from connector.errors import ConnectorError, PlatformError
from connector.pipeline import messages
from connector.pipeline.messages import VISIT
from connector.pipeline.single_call import Line, body_of
from connector.records import Outcome, Reading, Verdict, yuan

ADMISSION = "kc21"
"""The node of 4.8 that holds the admission."""

_SESSION = "sessionid"
_TRIES = 4
_PAUSE_S = 5.0
_NAP_S = 5.0
_NOTHING_THERE: Mapping[str, frozenset[str]] = {
    "leaveHosUndo": frozenset({"120002"}),
    "invalidData": frozenset({"130003", "130004"}),
    "regundo": frozenset({"61007"}),
}
"""Codes of an undo that finds nothing to take back."""

_MAY_BE = frozenset({Verdict.ACCEPTED, Verdict.IN_DOUBT, Verdict.SESSION_LOST})
_TRANSIENT = frozenset({Verdict.IN_DOUBT, Verdict.NOT_SENT, Verdict.RETRYABLE})


class NotTried(Exception):
    """A probe cannot be made, with the reason; the next one can."""


@dataclass(frozen=True, slots=True)
class TrialData:
    """Whom to register, what to charge, and how to discharge ({}: not given); whatever number they have is replaced."""

    registration: Mapping[str, Any] = field(repr=False)
    charges: tuple[Mapping[str, Any], ...] = field(repr=False)
    leave: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(slots=True)
class Trial:
    """The test visit. Amounts are scaled by 4; `monotonic` and `sleep` are the clock's.

    `lag_s`: how long a total is waited for, once that is known; `slowest_s`: the slowest upload so far.
    `dead_session`: one that a later login has ended. `is_registered` and `is_discharged`: it is, or may be.
    """

    line: Line
    contract: Contract
    data: TrialData
    number: str
    batch_rows: int
    read_lag_s: float
    monotonic: Callable[[], float]
    sleep: Callable[[float], None]
    lag_s: float = 0.0
    slowest_s: float = 0.0
    dead_session: str = field(default="", repr=False)
    is_registered: bool = False
    is_discharged: bool = False
    _approvals: int = 0

    @property
    def fees(self) -> Node:
        """The node of 4.10 that holds the fees."""
        return self.contract.node("sendMedInfo.meds.med")

    def pause(self, seconds: float) -> None:
        """Wait; a stop on request is heard, and the lease is kept."""
        left = seconds
        while left > 0:
            self.line.keep()
            self.sleep(min(left, _NAP_S))
            left -= _NAP_S

    # Asking

    def ask(self, method: str, body: bytes) -> Outcome:
        """A call that may be repeated: a lost session is renewed, a lost answer asked for again."""
        operation = self.contract.operation(method)
        outcome = Outcome(Verdict.NOT_SENT)
        for number in range(_TRIES):
            self.line.keep()
            if number:
                self.pause(_PAUSE_S)
            outcome = self.line.client.call(operation, body, self.line.sessions.sessionid)
            if outcome.verdict is Verdict.SESSION_LOST:
                self.line.sessions.renew()
            elif outcome.verdict not in _TRANSIENT:
                break
        return outcome

    def ask_total(self) -> Outcome:
        """4.15 of the visit, at once."""
        return self.ask("getPerDetail", messages.totals_body(self._totals, self.number))

    def ask_approval(self) -> Outcome:
        """4.12 of the visit: it approves its fees, under a settlement number of its own (trap T123)."""
        self._approvals += 1
        settlement = f"{self.number[-12:]}{self._approvals:04}"
        operation = self.contract.operation("discharge")
        return self.ask("discharge", messages.approval_body(operation, self.number, settlement, "0"))

    def read(self, outcome: Outcome) -> Reading | None:
        """The total in an answer of 4.15, None where the visit is not listed."""
        if outcome.verdict is not Verdict.ACCEPTED and outcome.code not in messages.NOT_FOUND:
            raise NotTried(f"4.15 was answered {tell(outcome)}")
        return messages.read_totals(self._totals, outcome, self.number, "")

    def total_now(self) -> int:
        """The platform's total at once."""
        reading = self.read(self.ask_total())
        return reading.total if reading else 0

    def total(self) -> int:
        """The platform's total, after as long as it may lag behind."""
        self.pause(self.lag_s)
        return self.total_now()

    @property
    def _totals(self) -> Operation:
        return self.contract.operation("getPerDetail")

    # Changing

    def register(self) -> None:
        """Register the visit (4.8); PlatformError when that fails."""
        self.line.keep()
        operation = self.contract.operation("register")
        outcome = self.line(operation, numbered(self.data.registration, self.number))
        self.is_registered = outcome.verdict in _MAY_BE
        if outcome.verdict is Verdict.ACCEPTED:
            return
        if self.is_registered:
            self.line.sessions.renew()
            self.pause(self.read_lag_s)
            if self.read(self.ask_total()) is not None:
                return
        said = f"{tell(outcome)} {outcome.message}".strip()
        raise PlatformError(f"The test visit could not be registered: {said}")

    def row(self, amount: int, *, template: int = 0, sign: int = 1, **changes: str) -> dict[str, Any]:
        """A charge like one of the file's, of another amount; `changes` by role."""
        roles = self.fees.roles
        given = {"price": _text(amount), "quantity": str(sign), "amount": _text(sign * amount), **changes}
        return {
            **self.data.charges[template % len(self.data.charges)],
            **{roles[role]: text for role, text in given.items()},
        }

    def send(self, *rows: Mapping[str, Any], sessionid: str = "") -> Outcome:
        """One upload (4.10), sent once; its time is taken."""
        self.line.keep()
        operation = self.contract.operation("sendMedInfo")
        body = messages.fee_body(operation, self.fees, self.number, [body_of(row) for row in rows])
        begun = self.monotonic()
        outcome = self.line.client.call(operation, body, sessionid or self.line.sessions.sessionid)
        self.slowest_s = max(self.slowest_s, self.monotonic() - begun)
        return outcome

    def save(self, *rows: Mapping[str, Any]) -> None:
        """An upload that has to be taken whole; NotTried where it is not."""
        outcome = self.send(*rows)
        if outcome.verdict is not Verdict.ACCEPTED or outcome.counts != len(rows):
            counted = "" if outcome.counts is None else f", counts {outcome.counts}"
            raise NotTried(f"an upload of {len(rows)} rows was answered {tell(outcome)}{counted}")

    def clear(self) -> None:
        """Delete every fee (4.11); NotTried where that fails."""
        outcome = self._undo("invalidData")
        if not _is_gone("invalidData", outcome):
            raise NotTried(f"the fees could not be deleted (4.11): {tell(outcome)}")

    def leave(self) -> Outcome:
        """Discharge the visit (4.13), as the file says."""
        self.line.keep()
        operation = self.contract.operation("leaveHos")
        outcome = self.line(operation, numbered(self.data.leave, self.number))
        self.is_discharged = outcome.verdict in _MAY_BE
        return outcome

    def come_back(self) -> Outcome:
        """Take the discharge back (4.14)."""
        outcome = self._undo("leaveHosUndo")
        self.is_discharged = not _is_gone("leaveHosUndo", outcome)
        return outcome

    def remove(self) -> Iterator[str]:
        """Take everything back that was done; gives what could not be, in words, with what to do about it."""
        steps = {"leaveHosUndo": "its discharge"} if self.is_discharged else {}
        steps |= {"invalidData": "its fees", "regundo": "its registration"} if self.is_registered else {}
        for method, what in steps.items():
            try:
                outcome = self._undo(method)
            except ConnectorError as error:  # a lost lease too: what is left has to be said
                said = str(error)
            else:
                if _is_gone(method, outcome):
                    continue
                said = f"{tell(outcome)} {outcome.message}".strip()
            yield (
                f"The test visit {self.number} is left: {what} could not be taken back ({said}). Do it by hand: "
                f"`connector call {method}`."
            )

    def _undo(self, method: str) -> Outcome:
        """4.9, 4.11, 4.14: the fields are those of the registration."""
        registered = numbered(self.data.registration, self.number)
        known = {**registered, **registered[ADMISSION], VISIT: self.number}
        names = [one.name for one in self.contract.operation(method).request.fields]
        return self.ask(method, body_of({name: known.get(name, "") for name in names if name != _SESSION}))


def _is_gone(method: str, outcome: Outcome) -> bool:
    """Whether there is nothing (any more) that an undo could take back."""
    return outcome.verdict is Verdict.ACCEPTED or outcome.code in _NOTHING_THERE[method]


def numbered(payload: Mapping[str, Any], number: str) -> dict[str, Any]:
    """A request of the file (4.8, 4.13) with the test visit's number wherever it has one."""
    made = {name: {**part, VISIT: number} if name == ADMISSION else part for name, part in payload.items()}
    return {**made, VISIT: number} if ADMISSION not in payload else made


def tell(outcome: Outcome) -> str:
    """An outcome in a word or two, without the platform's text: the results are kept in a file."""
    return outcome.code or {Verdict.NOT_SENT: "(the platform was not reached)"}.get(
        outcome.verdict, "(no answer)"
    )


def _text(amount: int) -> str:
    exact: Decimal = yuan(amount)
    return f"{exact:.4f}"
