"""What a call came to, in words: the platform's own first, beside them the document's and ours (traps T33 to T35)."""

from dataclasses import dataclass, field

from connector.contract.library import Contract
from connector.contract.spec import ErrorEntry, Operation
from connector.load.judge import Scope, is_nothing_found, scope
from connector.records import Outcome, Verdict

_ADVICE = {
    Scope.BUSY: "Busy, or not synchronised yet: try again in some minutes.",
    Scope.SETUP: "Set up wrong, here or at the centre: no other data can cure it. Tell the administrator.",
    Scope.VISIT: "This concerns the visit as the centre knows it, not what was sent.",
    Scope.SESSION: "The session was lost: somebody else uses this account, or it was closed.",
}

_BY_VERDICT = {
    Verdict.NOT_SENT: "Nothing was sent.",
    Verdict.RETRYABLE: _ADVICE[Scope.BUSY],
    Verdict.SESSION_LOST: _ADVICE[Scope.SESSION],
}
_FAILED = "The platform failed at it, or cannot read a value. Nothing was changed: look at it, and try again."
_REPEAT = "Nothing is changed by asking twice: repeat it."
_LOOK = "Nobody knows whether it took effect. Look at the visit before it is sent again."


@dataclass(frozen=True, slots=True)
class Meaning:
    """An outcome in words.

    `said` is the platform's code and message; `printed` what the document says of the code in this interface's
    group, where that differs; `ours` the contract's own words; `advice` what to do. Empty where there is none.
    """

    verdict: Verdict
    is_empty: bool  #: a query found nothing (trap T30)
    said: str = field(repr=False)
    printed: str
    ours: str
    advice: str


def explain(contract: Contract, operation: Operation, outcome: Outcome) -> Meaning:
    """The meaning of an outcome; a code is looked up in the group of the interface, then in the common one."""
    entry = _entry(contract, operation, outcome)
    said = " ".join(part for part in (outcome.code, outcome.message) if part)
    printed = "" if entry is None or entry.text in outcome.message else entry.text
    return Meaning(
        outcome.verdict,
        is_nothing_found(operation, outcome),
        said,
        printed,
        "" if entry is None else entry.ours,
        _advise(operation, outcome),
    )


def _entry(contract: Contract, operation: Operation, outcome: Outcome) -> ErrorEntry | None:
    """What is known of the code of a refusal."""
    if outcome.verdict is Verdict.ACCEPTED or not outcome.code:
        return None
    return contract.error(operation.method, outcome.code)


def _advise(operation: Operation, outcome: Outcome) -> str:
    """What to do next."""
    verdict = outcome.verdict
    if verdict is Verdict.IN_DOUBT or (verdict is Verdict.SESSION_LOST and not operation.idempotent):
        doubt = _REPEAT if operation.idempotent else _LOOK
        return f"{_ADVICE[Scope.SESSION]} {doubt}" if verdict is Verdict.SESSION_LOST else doubt
    if verdict is Verdict.REJECTED:
        is_empty = is_nothing_found(operation, outcome)
        return "" if is_empty else _ADVICE.get(scope(operation.method, outcome.code), "")
    if verdict is Verdict.RETRYABLE and scope(operation.method, outcome.code) is not Scope.BUSY:
        return _FAILED
    return _BY_VERDICT.get(verdict, "")
