"""What an answer means for the call it answers, and how far a refusal reaches.

Codes are judged by number only where a short list says so, because numbers change meaning between versions of
the platform; everything else is a plain refusal, shown in the platform's own words.
"""

import re
from enum import StrEnum

from connector.contract.library import contract
from connector.contract.spec import Effect, Operation
from connector.load.answer import RAW_KEPT, describe_unreadable, read_answer, read_code, read_counts
from connector.records import Outcome, Verdict

ACCEPTED = "0"
LOGGED_IN_ALREADY = "21003"
"""Login: the account holds a session already (trap T16)."""

SESSION_LOST = frozenset({"11004", "11005", "11006", "21006"})
"""No such session, or no longer (groups (1) and (2) of 5.2)."""

NOT_LOGGED_IN = frozenset({"31001", "31007"})
"""Logout: there was nothing to log out."""

_NO_LOGIN = NOT_LOGGED_IN | {LOGGED_IN_ALREADY}

UNREADABLE_REQUEST = frozenset({"11001", "11002", "11003"})
"""The platform could not open or read the message: wrong key or date, a lost +, a wrong `message_in`."""

_BUSY = frozenset({"110021", "11009"})
"""Come again in minutes: the interface is in use (trap T38), or an undo is not synchronised yet."""

_SOFT = frozenset({"99999", "1004"})
"""Catch-alls: the platform itself may not know what it did, so they never prove that nothing was saved."""

_BUSINESS_CODE = re.compile(r"\d{5,6}", re.ASCII)
"""The shape of every definite refusal of 5.2. A gateway's 500, -1 or ERROR is none."""

_SETUP = frozenset({"81028", "81036", "330030", "330038", "310017"})
"""Set up wrong at the centre, for every visit alike (trap T151)."""

_VISIT = frozenset(
    {
        *("81001", "81002", "81003", "81004", "81005", "81006", "81007"),
        *("330001", "330002", "330003", "330004", "330005", "330006", "330007"),
        *("51013", "51014", "51016", "51017"),
        *("310018", "310019", "310020", "310021", "310023"),
    }
)
"""The state of the visit or of the person at the centre: no row is at fault (protocol C.5, traps T150, T151)."""

_NOTHING_FOUND = frozenset({"190002", "230003", "300004"})
"""An empty list, told as an error (trap T30)."""

_UPLOADS = frozenset({"sendMedInfo", "sendBsMedInfo"})


class Scope(StrEnum):
    """How far a refusal reaches: what is to be mended, and by whom."""

    ROW = "row"  #: a row of the batch: halve until it is alone
    VISIT = "visit"  #: the visit as the centre knows it: hold it
    SETUP = "setup"  #: the set-up, here or at the centre: stop, tell the administrator
    BUSY = "busy"  #: nothing: come again later
    SESSION = "session"  #: the session: log in anew


def scope(method: str, code: str) -> Scope:
    """How far the refusal `code` of interface `method` reaches (traps T38, T151; protocol C.5).

    A message the platform could not read is a matter of set-up. Of an upload it is the visit's: its totals
    were read under the same key, and one odd visit must not stop all others. What is said of a code of 5.2 holds
    for the interfaces whose group has it; of another interface the number says nothing (trap T33).
    """
    if code in SESSION_LOST or code in _NO_LOGIN:
        return Scope.SESSION
    if code in _BUSY:
        return Scope.BUSY
    is_its_own = contract().error(method, code) is not None
    if code in _SETUP and is_its_own:
        return Scope.SETUP
    if code in UNREADABLE_REQUEST:
        return Scope.VISIT if method in _UPLOADS else Scope.SETUP
    return Scope.VISIT if code in _VISIT and is_its_own else Scope.ROW


def system_error(outcome: Outcome) -> str:
    """The kind of a failure of the platform as a whole (or of the way to it) that an outcome shows; "" for none.

    Codes that may mean anything are told apart by number; HTTP 5xx, time-outs and what cannot be read are one kind,
    because a gateway that dies shows them in turn. A lost session and a busy interface are answers.
    """
    if outcome.verdict is Verdict.NOT_SENT:
        return "not reached"
    if outcome.verdict is Verdict.IN_DOUBT or outcome.code in _SOFT:
        return outcome.code or "no readable answer"
    return ""


def is_catch_all(outcome: Outcome) -> bool:
    """Whether an upload was answered with a code that may mean anything, so that only totals tell what it did."""
    return outcome.verdict is Verdict.IN_DOUBT and outcome.code in _SOFT


def is_nothing_found(operation: Operation, outcome: Outcome) -> bool:
    """Whether a query's refusal only says that there is nothing (trap T30)."""
    return (
        operation.effect is Effect.READ
        and outcome.verdict is Verdict.REJECTED
        and outcome.code in _NOTHING_FOUND
        and contract().error(operation.method, outcome.code) is not None
    )


def judge(operation: Operation, raw: bytes, key_text: str) -> Outcome:
    """The outcome of a call from the whole bytes of its answer (an HTTP 2xx); never raises."""
    body = read_answer(raw, key_text)
    if body is None:
        return Outcome(Verdict.IN_DOUBT, message=describe_unreadable(raw), raw=raw[:RAW_KEPT])
    code, message = read_code(operation, body)
    return Outcome(
        _verdict(operation, code),
        code,
        message if code else message or "an answer without a code",
        read_counts(body),
        body,
        raw[:RAW_KEPT],
    )


def _verdict(operation: Operation, code: str) -> Verdict:
    """What a code means; "" is no code, and a missing code is never a success (trap T25)."""
    if code == ACCEPTED:
        return Verdict.ACCEPTED
    if code in SESSION_LOST or (code in _NO_LOGIN and operation.effect is not Effect.SESSION):
        return Verdict.SESSION_LOST
    if code in _BUSY or (code in _SOFT and operation.idempotent):
        return Verdict.RETRYABLE
    is_definite = code not in _SOFT and _BUSINESS_CODE.fullmatch(code)
    if not code or not (operation.idempotent or is_definite):
        return Verdict.IN_DOUBT
    return Verdict.REJECTED
