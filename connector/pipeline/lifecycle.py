"""What a visit is due for next: a pure decision over what is known of it. The one place of the order of steps.

`facts` fills the facts, the delivery routine (`visit`) carries out what is due and asks again. Look-ups before the
registration, orders before charges (trap T77), totals compared before fees are approved, fees approved before the
patient leaves (trap T121).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from connector.config.settings import LifecycleSettings


class Told(StrEnum):
    """What came of a look-up."""

    CHOSEN = "chosen"  #: it is known which record is meant
    ASKED = "asked"  #: a person has to choose: a question is open
    NOTHING = "nothing"  #: the platform knows none; it is asked again at the next run


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a visit. `tried`: the steps that were carried out in this sitting; none is proposed twice.

    `is_new_injury` is None while only the platform could tell. `wanted`: the look-ups that the visits mapping names;
    `told`: what came of those that were asked in this sitting. `lacks_report`: a new injury was registered, and its
    accident report has not been seen yet. `has_ended`: in the HIS. `leaves`: the pipeline says what a visit leaves
    with; `may_leave`: a person let it go; `is_back`: it had left, and that was undone; `obstacles`: what stands against
    it, in words. `is_approved`: the fees as they are now.
    """

    is_registered: bool
    has_registration: bool
    is_cross_province: bool = False
    is_new_injury: bool | None = None
    wanted: frozenset[str] = frozenset()
    told: Mapping[str, Told] = field(default_factory=lambda: MappingProxyType({}))
    tried: frozenset[str] = frozenset()
    lacks_report: bool = False
    has_ended: bool = False
    leaves: bool = False
    may_leave: bool = False
    is_back: bool = False
    obstacles: tuple[str, ...] = ()
    is_approved: bool = False
    has_left: bool = False


@dataclass(frozen=True, slots=True)
class Due:
    """The step to take now."""

    step: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """Nothing can be done now, for this reason; the next run looks again."""

    reason: str


@dataclass(frozen=True, slots=True)
class Asking:
    """A person has to choose: the open question of this kind."""

    kind: str


@dataclass(frozen=True, slots=True)
class Finished:
    """Everything is done that can be done today."""


Next = Due | Waiting | Asking | Finished

_SENDING = ("orders", "charges", "compare")
"""What every registered visit goes through at every sitting, in this order; where nothing is staged, nothing is sent."""

NO_UPLOAD = "new injuries are not uploaded in this region (lifecycle.accident_report: no-upload)"
INCOMPLETE = "not registered yet: its registration is incomplete (see `connector quarantine list`)"
UNCONFIRMED = "its registration is not confirmed yet"
ENDED = "it has ended in the HIS; `connector visit leave` lets it leave"
BACK = "its leaving was undone; `connector visit leave` lets it leave again"
_NOTHING = {
    "injury": "the platform knows no injury of this person, and no accident report (4.3, 4.7): the ID number or the "
    "name may be wrong, or the person is not insured; it is asked again at the next run",
    "application": "the platform has no treatment application for this injury (4.4); it is asked again at the next run",
    "filing": "the platform has no cross-province filing of this person (4.21); it is asked again at the next run",
}


def next_step(facts: Facts, rules: LifecycleSettings) -> Next:
    """What a visit is due for. Called again after each step, with the facts as they are then, it always ends."""
    if facts.has_left:
        return Finished() if "compare" in facts.tried else Due("compare")
    if not facts.is_registered:
        return _registration(facts, rules)
    if facts.lacks_report and "report" not in facts.tried:
        return Due("report")  # it may come days after the admission (trap T116); nothing waits for it
    for step in _SENDING:
        if step not in facts.tried:
            return Due(step)
    return _leaving(facts, rules)


def _registration(facts: Facts, rules: LifecycleSettings) -> Next:
    """Look up what it lacks, then register."""
    if not facts.has_registration:
        return Waiting(INCOMPLETE)
    for kind in needed_lookups(facts, rules):
        told = facts.told.get(kind)
        if told is None:
            return Due(kind)
        if told is Told.ASKED:
            return Asking(kind)
        if told is Told.NOTHING and kind in _NOTHING:
            return Waiting(_NOTHING[kind])
    if facts.is_new_injury and rules.accident_report == "no-upload":
        return Waiting(NO_UPLOAD)
    return Waiting(UNCONFIRMED) if "register" in facts.tried else Due("register")


def needed_lookups(facts: Facts, rules: LifecycleSettings) -> Iterator[str]:
    """The look-ups before the registration, in their order: the later ones ask by what the earlier ones tell.

    An old injury needs a treatment application (trap T118). Of a new one the accident report is asked where anything
    is looked up, or where the region wants it (trap T115); across provinces there are no new injuries (trap T101).
    """
    if facts.is_cross_province:
        yield from (kind for kind in ("filing",) if kind in facts.wanted)
        return
    if "injury" in facts.wanted:
        yield "injury"
    if not facts.is_new_injury:
        yield from (kind for kind in ("application",) if kind in facts.wanted)
    elif rules.accident_report == "required" or (rules.accident_report == "optional" and facts.wanted):
        yield "report"


def _leaving(facts: Facts, rules: LifecycleSettings) -> Next:
    """Approve and leave, once the HIS says that the patient has gone and nothing stands against it.

    A visit that had left and is back leaves again on a person's word alone: somebody had a reason to undo it.
    """
    if not facts.leaves or not facts.has_ended or rules.leave == "never":
        return Finished()
    if not facts.may_leave and (rules.leave == "ask" or facts.is_back):
        return Waiting(BACK if facts.is_back else ENDED)
    if "checklist" not in facts.tried:
        return Due("checklist")
    if facts.obstacles:
        return Waiting(facts.obstacles[0])
    for step, is_done in (("approve", facts.is_approved), ("leave", facts.has_left)):
        if not is_done:
            return Waiting(f"“{step}” is not confirmed yet") if step in facts.tried else Due(step)
    return Finished()
