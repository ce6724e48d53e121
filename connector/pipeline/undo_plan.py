"""What is to be called to take a visit back, in which order, and what each call removes: a pure decision.

Local: leaving (4.14), fees (4.11), registration (4.9). The document lets 4.9 take the fees along, and has a code by which
it refuses that (trap T106); so fees are deleted first, and each step has an answer of its own. Across provinces 4.27,
4.25, 4.23, which does not cascade. Never the other way round.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from connector.ledger.steps import UNDO_LEAVE, UNDO_REGISTER, VOID_FEES
from connector.ledger.undos import Holding
from connector.records import yuan


class Reach(StrEnum):
    """How far a visit is taken back: this step, and all that came after it."""

    LEAVE = "leave"
    FEES = "fees"
    REGISTRATION = "registration"


METHODS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "local": {UNDO_LEAVE: "leaveHosUndo", VOID_FEES: "invalidData", UNDO_REGISTER: "regundo"},
        "cross_province": {
            UNDO_LEAVE: "offsiteLeaveHosUndo",
            VOID_FEES: "medInfoInvalidData",
            UNDO_REGISTER: "offsiteRegisterUndo",
        },
    }
)
"""By which interface a step is taken back."""

_UP_TO = {
    Reach.LEAVE: (UNDO_LEAVE,),
    Reach.FEES: (UNDO_LEAVE, VOID_FEES),
    Reach.REGISTRATION: (UNDO_LEAVE, VOID_FEES, UNDO_REGISTER),
}

_MISSING = {
    Reach.LEAVE: "its patient has not left",
    Reach.FEES: "it has no fees on the platform",
    Reach.REGISTRATION: "it is not registered",
}


@dataclass(frozen=True, slots=True)
class UndoFacts:
    """A visit as ledger and platform have it; amounts scaled by 4.

    `is_listed`, `platform`, `left`: what 4.15 shows; `has_left`: by either of them. `ledger`: accepted rows and the
    baseline. `invoices`: numbers that were sent; `is_approved`: its fees were ever approved; `doubt`: what is in doubt
    and has to be settled first, in words, or "". `is_named`: the registration is known as it was sent.
    """

    is_cross_province: bool
    is_registered: bool
    is_listed: bool
    has_left: bool
    ledger: int = field(repr=False)
    platform: int = field(repr=False)
    left: str = ""
    charges: tuple[Holding, ...] = ()
    orders: int = 0
    invoices: tuple[str, ...] = field(default=(), repr=False)
    is_approved: bool = False
    doubt: str = ""
    is_named: bool = True

    @property
    def rows(self) -> int:
        """How many charges the ledger takes to be there."""
        return sum(one.rows for one in self.charges)

    @property
    def has_fees(self) -> bool:
        """Whether there may be fees; a total of zero does not prove that there are none."""
        return bool(self.rows or self.ledger or self.platform)


@dataclass(frozen=True, slots=True)
class UndoPlan:
    """The steps to take back, in their order; what stays nevertheless; or why nothing of it can be done."""

    steps: tuple[str, ...] = ()
    stays: tuple[str, ...] = field(default=(), repr=False)
    refusal: str = ""


def plan_undo(facts: UndoFacts, reach: Reach) -> UndoPlan:
    """What has to be taken back to come as far as `reach`, or why that cannot be."""
    refusal = _refuse(facts, reach)
    if refusal:
        return UndoPlan(refusal=refusal)
    there = {UNDO_LEAVE: facts.has_left, VOID_FEES: facts.has_fees, UNDO_REGISTER: True}
    if not facts.is_listed:  # somebody cancelled all of it by hand: the platform confirms that
        there = {UNDO_REGISTER: True}
    steps = tuple(name for name in _UP_TO[reach] if there.get(name))
    return UndoPlan(steps, tuple(what_stays(facts, steps)))


def _refuse(facts: UndoFacts, reach: Reach) -> str:
    """Why nothing can be taken back, or ""."""
    if facts.doubt:
        return f"{facts.doubt}: the next `connector run` settles that; then try again"
    if not facts.is_listed and reach is not Reach.REGISTRATION and facts.is_registered:
        return "the platform does not list it (4.15): somebody cancelled it there. `--to registration` makes the ledger agree"
    missing = {
        Reach.LEAVE: not facts.has_left,
        Reach.FEES: not facts.has_fees,
        Reach.REGISTRATION: not facts.is_registered,
    }
    return _MISSING[reach] if missing[reach] or not facts.is_registered else ""


def what_stays(facts: UndoFacts, steps: Sequence[str]) -> list[str]:
    """What no call takes back."""
    found = []
    if facts.invoices:
        found.append(
            f"the numbers of its invoices stay used: {', '.join(facts.invoices)} (T111); a leaving after this sends them "
            "again, and the platform may refuse them"
        )
    if facts.is_approved:
        words = "an approval of its fees (4.12) is not taken back by any interface (T108)"
        if facts.is_cross_province and UNDO_REGISTER in steps:
            words += (
                ": the platform may refuse to cancel the registration for good (320004); what comes before it is taken "
                "back all the same"
            )
        found.append(words)
    if UNDO_REGISTER in steps:
        if not facts.is_named:
            found.append(
                "the ledger does not know the 认定书号 it was registered with; it goes empty, which the platform may "
                "refuse (61008, 320005)"
            )
        found.append(
            "registering again needs the card number (T112), and the platform may not take the same visit number again "
            "(T113)"
        )
    return found


def removes(facts: UndoFacts, name: str) -> str:
    """What one step removes, in words."""
    if name == UNDO_LEAVE:
        on = f" of {facts.left}" if facts.left else ""
        papers = f", {_count(len(facts.invoices), 'invoice')}" if facts.invoices else ""
        return f"the leaving{on}, with its medical records{papers}"
    if name == VOID_FEES:
        return _fees(facts)
    orders = f", and {_count(facts.orders, 'order')} with it" if facts.orders else ""
    return f"the registration{orders}" if facts.is_listed else "the registration, which is gone there already"


def _fees(facts: UndoFacts) -> str:
    """The fees, by category, and what is there besides."""
    by_category = ", ".join(
        f"{one.category or 'no category'}: {_count(one.rows, 'row')} {yuan(one.amount):,.2f}"
        for one in facts.charges
    )
    words = f"all fees: {_count(facts.rows, 'row')}, {yuan(facts.ledger):,.2f} yuan"
    if len(facts.charges) > 1:
        words += f" ({by_category})"
    surplus = facts.platform - facts.ledger
    if surplus:
        words += f"; the platform shows {yuan(facts.platform):,.2f}, and what is more or less goes too"
    return words


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"


def chain_of(names: Sequence[str]) -> str:
    """A plan's steps as a decision keeps them."""
    return " ".join(names)


def read_chain(numbers: Mapping[str, int | str]) -> tuple[str, ...]:
    """The steps out of a decision."""
    return tuple(str(numbers.get("chain", "")).split())


_ASK_AGENCY = "the agency has audited it; only the agency can send it back, and then try again"
_HAS_LEFT = "the platform has it as left: cancel the leaving first (--to leave)"
_ADVICE: Mapping[str, str] = MappingProxyType(
    {
        "120003": _ASK_AGENCY,
        "320003": _ASK_AGENCY,
        "340005": _ASK_AGENCY,
        "360003": _ASK_AGENCY,
        "61005": "it is settled there: its settlement has to be cancelled on the platform's web page first",
        "61006": "something of it has to be refunded first: look on the platform's web page for fees that somebody entered, "
        "and delete them there",
        "61003": "the platform wants a 认定书号, which a new injury does not have (T94): ask the vendor",
        "61008": "the 认定书号 is not the one it was registered with (T94): look at the registration on the web page",
        "320005": "the 认定书号 is not the one it was registered with (T94): look at the registration on the web page",
        "130001": _HAS_LEFT,
        "340001": _HAS_LEFT,
        "320004": "its fees were approved, and that locks a cross-province registration for good (T108): only the agency or "
        "the vendor can remove it",
        "1004": "a settlement application may stand: withdraw it on the platform's web page, then try again",
        "99999": "look at it on the platform's web page, then try again",
    }
)


def advise(code: str) -> str:
    """What to do about a refusal."""
    return _ADVICE.get(code, "look at it on the platform's web page, then try again")
