"""What people decided, as it is told to people; and which visit they mean by a name."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from connector.errors import ConfigurationError
from connector.ledger.decisions import KeptDecision
from connector.ledger.store import Ledger
from connector.ledger.visits import KnownVisit
from connector.pipeline.parts import Parts


@dataclass(frozen=True, slots=True)
class DecisionReport:
    """One decision. `done_at` is "" while it waits to be carried out; `numbers` are what the person saw."""

    at: str
    who: str
    visit: str = field(repr=False)
    kind: str
    choice: str
    reason: str = field(repr=False)
    numbers: Mapping[str, int | str] = field(repr=False)
    done_at: str


def find_visit(ledger: Ledger, name: str) -> KnownVisit:
    """The one visit of this number at the platform, or of this key in the HIS.

    Raises ConfigurationError where there is none, or more than one.
    """
    found = ledger.find_visits(name)
    if not found:
        raise ConfigurationError(
            f"The ledger knows no visit “{name}”: it is named by its number at the platform (akc190), or by its key "
            "in the HIS. `connector status --visits` lists those that need attention."
        )
    if len(found) > 1:
        places = ", ".join(f"{one.number} ({one.mapping}, key {one.key})" for one in found)
        raise ConfigurationError(
            f"More than one visit is called “{name}”: {places}. Use another of its names."
        )
    return found[0]


def list_decisions(parts: Parts, visit: str = "", *, limit: int = 100) -> list[DecisionReport]:
    """The last decisions, of all visits or of one, the newest first; ConfigurationError for an unknown visit."""
    with parts.open_ledger(read_only=True) as ledger:
        kept = ledger.decisions(find_visit(ledger, visit).visit_id if visit else None, limit)
        ids = {one.decision.visit_id for one in kept if one.decision.visit_id is not None}
        names = {one.visit_id: one.name for one in ledger.visits_of(ids)}
    return [_report(one, names) for one in kept]


def _report(kept: KeptDecision, names: Mapping[int, str]) -> DecisionReport:
    said = kept.decision
    visit = names.get(said.visit_id, "") if said.visit_id is not None else ""
    return DecisionReport(
        kept.at, said.who, visit, said.kind, said.choice, said.reason, said.numbers, kept.done_at
    )
