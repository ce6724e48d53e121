"""What a dry run puts in the ledger's place: it answers from the real one, opened read-only, and writes nothing."""

from collections.abc import Collection, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from connector.ledger.staging import StageCounts, SweepCounts
from connector.ledger.store import Ledger
from connector.records import RecordBlock, Watermark


@dataclass(slots=True)
class Rehearsal:
    """Counts what staging would write. `amounts`: of the new rows, by mapping, scaled by 4."""

    ledger: Ledger
    new_visits: dict[str, list[str]] = field(default_factory=dict)
    rows: dict[str, int] = field(default_factory=dict)
    amounts: dict[str, int] = field(default_factory=dict, repr=False)
    payloads: dict[str, list[bytes]] = field(default_factory=dict, repr=False)

    def watermark(self, mapping: str) -> Watermark | None:
        """The real one."""
        return self.ledger.watermark(mapping)

    def visit_keys(self, visits: str) -> list[str]:
        """Known visits, and those that this rehearsal has found."""
        return [*self.ledger.visit_keys(visits), *self.new_visits.get(visits, [])]

    def open_visits(self, visits: str) -> list[str]:
        """The real ones."""
        return self.ledger.open_visits(visits)

    def unread_visits(self, visits: str, mapping: str) -> list[str]:
        """Those of the ledger, and the new ones."""
        return [*self.ledger.unread_visits(visits, mapping), *self.new_visits.get(visits, [])]

    def quarantined_keys(self, mapping: str) -> list[str]:
        """The real ones."""
        return self.ledger.quarantined_keys(mapping)

    def mark_read(self, visits: str, mapping: str, keys: Sequence[str]) -> None:
        """Write nothing."""

    def sweep(
        self, mapping: str, visits: str, visit_keys: Sequence[str], seen: AbstractSet[str], *, run_id: int
    ) -> SweepCounts:
        """Write nothing; what is gone is told by a real run."""
        return SweepCounts()

    def stage_visits(self, block: RecordBlock, *, open_keys: Collection[str], run_id: int) -> StageCounts:
        """Count the visits that the ledger does not know."""
        known = set(self.ledger.visit_keys(block.mapping))
        found = [*block.keys, *(one.key for one in block.rejections)]
        self.new_visits.setdefault(block.mapping, []).extend(key for key in found if key not in known)
        return self._count(block)

    def stage(
        self,
        block: RecordBlock,
        *,
        visits: str,
        watermark: Watermark | None,
        run_id: int,
        overwrites: bool = False,
    ) -> StageCounts:
        """Count the rows that the ledger does not know."""
        return self._count(block)

    def _count(self, block: RecordBlock) -> StageCounts:
        """New rows and known ones, and what its rules keep back."""
        known = self.ledger.states_of(block.mapping, block.keys)
        new = [place for place, key in enumerate(block.keys) if key not in known]
        self.rows[block.mapping] = self.rows.get(block.mapping, 0) + len(new)
        amount = sum(block.amounts[place] for place in new)
        self.amounts[block.mapping] = self.amounts.get(block.mapping, 0) + amount
        return StageCounts(
            new=len(new),
            unchanged=len(block.keys) - len(new),
            quarantined=len(block.rejections),
            set_aside=len(block.set_aside),
        )
