"""What the HIS changed after it was uploaded: what is on its way, what waits for a person, and what a person decides."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from connector.errors import ConfigurationError
from connector.ledger.compensations import Compensation
from connector.ledger.decisions import Decision
from connector.ledger.overview import Marked
from connector.pipeline.decisions import find_visit
from connector.pipeline.parts import Parts
from connector.pipeline.taking_back import taking_back

_KIND = "changes"
_ALL = 2**31 - 1
"""No limit, for a LIMIT."""


@dataclass(frozen=True, slots=True)
class ChangesReport:
    """What the HIS changed after it was uploaded, and is not settled.

    `marked`: rows on the platform that nothing takes back; `unsettled`: what takes rows back and has not arrived.
    """

    marked: tuple[Marked, ...] = field(repr=False)
    unsettled: tuple[Compensation, ...] = field(repr=False)


def list_changes(parts: Parts) -> ChangesReport:
    """Everything that the HIS changed after it was uploaded and that is not settled; the ledger is only read."""
    with parts.open_ledger(read_only=True) as ledger:
        return ChangesReport(tuple(ledger.marked(_ALL)), tuple(ledger.compensations.unsettled()))


def choose_gone(parts: Parts, row_ids: Sequence[int]) -> list[Marked]:
    """The named rows, as a person is asked about them. ConfigurationError for one that cannot be taken back."""
    with parts.open_ledger(read_only=True) as ledger:
        gone = {one.record_id: one for one in ledger.marked(_ALL) if one.vanished_at and not one.changed_at}
    for row_id in row_ids:
        if row_id not in gone:
            raise ConfigurationError(
                f"Row {row_id} is not deleted in the HIS after upload. `connector changes list` shows those that are."
            )
        mapping = parts.project.mappings.get(gone[row_id].mapping)
        if mapping is None or mapping.on_change != "compensate":
            raise ConfigurationError(
                f"Row {row_id} is of the mapping {gone[row_id].mapping}, which does not say `on_change: compensate`: "
                "what its rows sent is not kept. A reset of the visit (4.11/4.25) and a full upload remain."
            )
    return [gone[row_id] for row_id in dict.fromkeys(row_ids)]


def compensate(parts: Parts, row_ids: Sequence[int], *, who: str, reason: str) -> int:
    """Take back rows that are gone from the HIS, at the next run; returns how many.

    Raises ConfigurationError, LedgerError; then nothing is written.
    """
    rows = choose_gone(parts, row_ids)
    by_mapping: dict[str, list[int]] = {}
    for row in rows:
        by_mapping.setdefault(row.mapping, []).append(row.record_id)
    taken_back = 0
    with parts.open_ledger() as ledger, ledger.together():
        for name, ids in by_mapping.items():
            negate = taking_back(parts.contract.node(parts.project.mappings[name].fills))
            decision = Decision(_KIND, "compensate", who, reason, numbers={"rows": len(ids)})
            taken_back += ledger.compensations.take_back(name, ids, negate, decision)
    return taken_back


def approve(parts: Parts, visit: str, *, who: str, reason: str) -> int:
    """Let everything go that is to be taken back of a visit; returns how many rows. ConfigurationError for no visit."""
    with parts.open_ledger() as ledger:
        found = find_visit(ledger, visit)
        rows = [one for one in ledger.compensations.unsettled() if one.visit_id == found.visit_id]
        numbers = {"rows": len(rows)}
        decision = Decision(_KIND, "approve", who, reason, visit_id=found.visit_id, numbers=numbers)
        return ledger.compensations.approve(found.visit_id, decision)
