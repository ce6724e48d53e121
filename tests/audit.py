"""HIS, ledger and platform compared row by row, once everything has come to rest.

Four things can be said of a row of the HIS: it is on the platform and the ledger knows it, it is visibly kept back
(quarantine, set aside, a held visit, a refund whose original is not there, a visit that is not registered), it is
lost, or it is there more often than the HIS ever had it. Whatever is stored and not known is a difference.
"""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field

from connector.ledger.store import Ledger
from connector.ledger.visit_totals import VisitTotals
from connector.records import State
from connector.simulator.meddling import MANUAL
from tests.ward import Ward, scaled

_KEPT_BACK = frozenset({State.QUARANTINED, State.SET_ASIDE})
_HELD = frozenset({State.STAGED, State.IN_DOUBT})

Rows = Counter[tuple[str, int]]
"""(item, amount scaled by 4) with how often."""


@dataclass(slots=True)
class Audit:
    """What a comparison found. `lost`, `twice` and `different` hold a sentence each; `held` counts rows."""

    visits: int = 0
    rows: int = 0
    held: int = 0
    quarantined: int = 0
    lost: list[str] = field(default_factory=list)
    twice: list[str] = field(default_factory=list)
    different: list[str] = field(default_factory=list)

    @property
    def wrong(self) -> list[str]:
        """Everything that breaks the promise."""
        return [
            *(f"lost: {one}" for one in self.lost),
            *(f"twice: {one}" for one in self.twice),
            *(f"different: {one}" for one in self.different),
        ]

    def add(self, other: "Audit") -> None:
        """Add another comparison to this one."""
        for name in self.__dataclass_fields__:
            setattr(self, name, getattr(self, name) + getattr(other, name))


def audit(ward: Ward, visits: Collection[int] | None = None) -> Audit:
    """Compare the visits (all of the HIS, where none are named); charges of no visit concern nobody."""
    stays = [zyh for (zyh,) in ward.his.execute("SELECT zyh FROM stay")]
    chosen = [zyh for zyh in stays if visits is None or zyh in visits]
    found = Audit(twice=find_copies(ward, chosen))
    with ward.parts().open_ledger(read_only=True) as ledger:
        totals = {int(one.key): one for one in ledger.visit_totals("stays")}
        changed = {one.key for one in ledger.marked(10_000)}
        for zyh in chosen:
            _compare_visit(found, ward, ledger, zyh=zyh, totals=totals.get(zyh), changed=changed)
    return found


def find_copies(ward: Ward, visits: Collection[int]) -> list[str]:
    """Rows that were ever committed more often than the HIS had them (invariant I1), whatever was undone later."""
    copies = Counter(
        (int(visit[1:]), fee.item, fee.amount)
        for visit, fee in ward.simulator.state.committed_rows()
        if fee.item != MANUAL
    )
    return [
        f"{payload} came {count} times, the HIS had it {ward.versions[payload]} times"
        for payload, count in copies.items()
        if payload[0] in visits and count > ward.versions[payload]
    ]


def stored(ward: Ward, zyh: int) -> Rows:
    """The connector's rows on the platform."""
    return Counter(
        (row["alc402"], scaled(row["alc407"]))
        for row in ward.simulator.fees(f"V{zyh}")
        if row["alc400"] != MANUAL
    )


def accepted(ward: Ward, ledger: Ledger, zyh: int) -> Rows:
    """The rows that the ledger takes to be on the platform."""
    return Counter(
        (ward.items[int(key)], amount)
        for key, (state, amount) in ledger.outbox.visit_records("stays", "fees", str(zyh)).items()
        if state is State.ACCEPTED
    )


def _compare_visit(
    found: Audit, ward: Ward, ledger: Ledger, *, zyh: int, totals: VisitTotals | None, changed: set[str]
) -> None:
    """Add one visit to what was found."""
    found.visits += 1
    reason = totals.reason if totals else ""
    there, known = stored(ward, zyh), accepted(ward, ledger, zyh)
    if not reason:  # of a held visit the difference is what is held
        found.lost += [f"{row} of {zyh} is accepted and not stored" for row in (known - there).elements()]
        found.different += [
            f"{row} of {zyh} is stored and not accepted" for row in (there - known).elements()
        ]
    records = ledger.outbox.visit_records("stays", "fees", str(zyh))
    is_registered = totals is not None and totals.registered
    for key, amount, refund in ward.his.execute("SELECT id, amount, refund FROM fee WHERE zyh = ?", (zyh,)):
        found.rows += 1
        state, sent = records.get(str(key), (None, 0))
        if state is State.ACCEPTED:
            if sent != scaled(amount) and str(key) not in changed:
                found.lost.append(
                    f"fee {key} of {zyh} was accepted with another amount, and nothing shows it"
                )
        elif state in _KEPT_BACK:
            found.quarantined += 1
        elif _is_visible(state, reason=reason, is_registered=is_registered, original=_state(records, refund)):
            found.held += 1
        else:
            found.lost.append(f"fee {key} of {zyh} is {state.value if state else 'unknown'}, held “{reason}”")


def _is_visible(state: State | None, *, reason: str, is_registered: bool, original: State | None) -> bool:
    """Whether a row that is not on the platform is kept back for a reason that people are shown."""
    if reason:
        return state in _HELD
    return state is State.STAGED and (not is_registered or original not in (None, State.ACCEPTED))


def _state(records: dict[str, tuple[State, int]], refund: int | None) -> State | None:
    """The state of a refund's original: None where it refers to none, VOID where it was never staged."""
    if not refund:
        return None
    return records.get(str(refund), (State.VOID, 0))[0]
