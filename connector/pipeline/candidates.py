"""Records that the platform names for a visit: which of them fit it, and which one is meant. Pure decisions.

The document wants a person to choose where there is a choice (traps T114, T118, T120), and no block where the centre
itself may see it otherwise (trap T119): what does not fit can be chosen with a reason.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from connector.contract.conditions import hold
from connector.contract.library import Contract
from connector.contract.lookups import IDENTITY, NEW_INJURY, read_roles, record_node
from connector.contract.spec import Condition, Lookup, Node, Operation

_INJURY, _ADMITTED = "injury", "admitted"
_DAY = 8
_DAYS = (
    ("from", False, "begins after the admission"),
    ("until", True, "ended before the admission"),
    ("occurred", False, "is after the admission"),
)
"""Role of a record's day, whether it must not lie before the admission (else: after it), and what is said then."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A record that an interface named, and why it does not fit the visit; `faults` is empty where it does."""

    method: str
    record: Mapping[str, object] = field(repr=False)
    faults: tuple[str, ...] = ()

    def kept(self) -> dict[str, object]:
        """As the ledger keeps it."""
        return {"method": self.method, "record": dict(self.record), "faults": list(self.faults)}


def read_candidate(kept: Mapping[str, object]) -> Candidate:
    """Out of the ledger again."""
    record, faults = kept.get("record"), kept.get("faults")
    return Candidate(
        str(kept.get("method", "")),
        record if isinstance(record, Mapping) else {},
        tuple(map(str, faults)) if isinstance(faults, list) else (),
    )


@dataclass(frozen=True, slots=True)
class Admission:
    """A visit as its registration has it so far: the whole request, and its values by role."""

    request: Mapping[str, object] = field(repr=False)
    roles: Mapping[str, str] = field(repr=False)

    @property
    def admitted(self) -> str:
        """The day of admission in eight digits, or ""."""
        return day_of(self.roles.get(_ADMITTED, ""))


def admission_of(operation: Operation, request: Mapping[str, object]) -> Admission:
    """What a registration says."""
    return Admission(request, read_roles(operation, request))


def day_of(value: object) -> str:
    """A day as yyyymmdd, from whichever way it is written (trap T104); "" where it is none."""
    digits = "".join(filter(str.isdecimal, str(value or "")))
    return digits[:_DAY] if len(digits) >= _DAY else ""


def weigh(
    contract: Contract, operation: Operation, record: Mapping[str, object], admission: Admission
) -> Candidate:
    """Hold a record against a visit: approved, of the right kind, covering the day of admission (traps T105, T118)."""
    node = record_node(operation)
    faults = [
        _unfit(contract, node, fit.needs, record)
        for fit in node.fits
        if all(hold(one, record, admission.request) for one in fit.when) and not hold(fit.needs, record, None)
    ]
    faults += _days(node, record, admission.admitted)
    new = admission.roles.get(NEW_INJURY, "")
    if _INJURY in node.roles and new and new != new_injury(node, record):
        faults.append("the HIS says that the injury is " + ("new" if new == "1" else "an old one"))
    return Candidate(operation.method, record, tuple(faults))


def new_injury(node: Node, record: Mapping[str, object]) -> str:
    """The flag of a registration: a record without the injury's number is a new injury (trap T114)."""
    return "0" if value_of(node, record, _INJURY) else "1"


def value_of(node: Node, record: Mapping[str, object], role: str) -> str:
    """The text of a role's field in a record, "" where there is none."""
    value = record.get(node.roles.get(role, ""))
    return "" if value is None else str(value).strip()


def _unfit(contract: Contract, node: Node, needs: Condition, record: Mapping[str, object]) -> str:
    """What a record has instead of what it needs, in the document's words."""
    spec = node.field(needs.path)
    words = contract.codes[spec.codes].entries if spec and spec.codes else {}
    has = str(record.get(needs.path) or "").strip()
    wanted = " or ".join(f"{code} {words.get(code, '')}".strip() for code in needs.one_of or ())
    shown = f"{has} {words.get(has, '')}".strip() or "empty"
    return f"{needs.path} {spec.zh if spec else ''} is {shown}, not {wanted}"


def _days(node: Node, record: Mapping[str, object], admitted: str) -> list[str]:
    """Whether the day of admission lies within a record's days, and after the accident."""
    faults = []
    for role, is_before, words in _DAYS:
        day = day_of(value_of(node, record, role))
        if admitted and day and (day < admitted if is_before else day > admitted):
            name = node.roles[role]
            spec = node.field(name)
            faults.append(f"{name} {spec.zh if spec else ''} {day} {words}")
    return faults


@dataclass(frozen=True, slots=True)
class Choice:
    """The record that is meant. `how`: the HIS named it, a person chose it, or it was the only one that fits.

    `candidate` is None where the HIS names one that the platform does not list; `warning` says what is odd.
    """

    candidate: Candidate | None
    how: str
    warning: str = ""


HIS, PERSON, SINGLE = "HIS", "person", "single"


def choose(
    kind: Lookup,
    node: Node,
    candidates: Sequence[Candidate],
    admission: Admission,
    *,
    kept: Candidate | None,
    takes_single: bool,
) -> Choice | None:
    """Which candidate is meant; None where a person has to say so, or there is none.

    What the HIS names goes before what a person chose (`kept`), and that before the only one that fits.
    """
    identity = IDENTITY.get(kind, "")
    named = admission.roles.get(identity, "")
    if named:
        same = [one for one in candidates if value_of(node, one.record, identity) == named]
        if not same:
            return Choice(None, HIS, f"the {kind} that the HIS names is not in the platform's list")
        # The same number may stand in several records: an ended filing, and the one that prolonged it.
        best = next((one for one in same if not one.faults), same[0])
        faults = "; ".join(best.faults)
        return Choice(
            best, HIS, f"the {kind} that the HIS names does not seem to fit: {faults}" if faults else ""
        )
    if kept is not None:
        if not kept.record:
            return Choice(kept, PERSON)
        again = [one for one in candidates if _is_same(node, one, kept)]
        if again:
            return Choice(again[0], PERSON)
    fitting = [one for one in candidates if not one.faults]
    if len(fitting) == 1 and takes_single:
        return Choice(fitting[0], SINGLE)
    return None


def _is_same(node: Node, one: Candidate, other: Candidate) -> bool:
    """Whether two records are the same one, by what names it; its state may have changed meanwhile."""
    return one.method == other.method and all(
        value_of(node, one.record, role) == value_of(node, other.record, role) for role in node.roles
    )
