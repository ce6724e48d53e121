"""HIS = ledger = platform: what each says of a visit, by fee category, and the rows that explain a difference.

The HIS's sum is what the mappings make of its rows, read anew; the ledger's are its records; the platform's is what
it answers (4.15), or answered last. Nothing is staged here. All amounts are scaled by 4.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import ROUND_HALF_UP, Decimal

import pandas as pd
import pyarrow as pa

from connector.columns.text import kernels
from connector.config.pipeline import Pipeline
from connector.extract import lookup
from connector.extract.source import Hospital
from connector.ledger.accounts import Booked
from connector.ledger.overview import OpenBatch, VisitDue
from connector.ledger.store import Ledger
from connector.pipeline.balance import Charged, Comparison, Said, Tally, find_candidates
from connector.pipeline.compose import TOLERANCE
from connector.pipeline.desk import tolerance_of
from connector.pipeline.parts import Parts
from connector.pipeline.queries import plans_of, query_of, read_catalogues
from connector.records import AMOUNT_SCALE, Chunk, State
from connector.transform.keys import key_text, keys_of, texts
from connector.transform.shape import Plan, frame, transform

VISITS_AT_ONCE = 20
"""So many visits' rows are held in memory together."""


@dataclass(frozen=True, slots=True)
class Comparer:
    """Compares visits. `plans` by mapping."""

    parts: Parts
    plans: Mapping[str, Plan]
    hospital: Hospital
    ledger: Ledger

    def compare(
        self, pipeline: Pipeline, visits: Sequence[VisitDue], said: Mapping[int, Said] | None = None
    ) -> Iterator[Comparison]:
        """Compare visits of a pipeline, in their order; `said` by visit, or what the platform said last.

        Raises SourceError, LedgerError.
        """
        doubtful = self.ledger.all_open_batches()
        for begin in range(0, len(visits), VISITS_AT_ONCE):
            group = visits[begin : begin + VISITS_AT_ONCE]
            tallies = self._tally(pipeline, group)
            heard = self._last_said(group) if said is None else said
            for visit in group:
                yield self._close(pipeline, visit, tallies[visit.visit_id], heard, doubtful)

    def _tally(self, pipeline: Pipeline, group: Sequence[VisitDue]) -> dict[int, Tally]:
        """Count the rows of a few visits, the HIS's beside the ledger's."""
        tallies = {visit.visit_id: Tally() for visit in group}
        ids = {visit.key: visit.visit_id for visit in group}
        for plan in self._charged(pipeline):
            name = plan.mapping.name
            books = _Books(self.ledger.accounts.booked(list(tallies), name))
            for chunk in lookup.read_by_visits(self.hospital, query_of(plan.mapping), list(ids)):
                for visit, key, charged in _charges(plan, chunk, books, ids):
                    if visit in ids:
                        tallies[ids[visit]].take(name, key, charged, books.take(ids[visit], key))
            for visit_id, key, booked in books.left():
                tallies[visit_id].take(name, key, None, booked)
        return tallies

    def _charged(self, pipeline: Pipeline) -> list[Plan]:
        """The mappings whose rows have an amount."""
        plans = [self.plans[name] for name in pipeline.mappings]
        return [plan for plan in plans if plan.role("amount") is not None]

    def _last_said(self, group: Sequence[VisitDue]) -> dict[int, Said]:
        readings = self.ledger.accounts.last_readings([visit.visit_id for visit in group])
        return {visit_id: Said(reading.total, reading.at) for visit_id, reading in readings.items()}

    def _close(
        self,
        pipeline: Pipeline,
        visit: VisitDue,
        tally: Tally,
        heard: Mapping[int, Said],
        doubtful: Sequence[OpenBatch],
    ) -> Comparison:
        """A visit's comparison, with candidates where the platform holds another sum."""
        said = heard.get(visit.visit_id, Said(None, ""))
        tally.hear(said.categories)
        found = Comparison(
            pipeline=pipeline.name,
            key=visit.key,
            visit=visit.number or visit.key,
            held_for=visit.reason,
            categories=tuple(tally.categories[name] for name in sorted(tally.categories)),
            rows=tuple(tally.rows),
            platform=said.total,
            read_at=said.at,
            others=self.ledger.platform_base(visit.visit_id) - tally.accepted,
            unread=said.remark,
            kept_back=tally.kept_back(),
            tolerance=tolerance_of(self.ledger, self.parts.project.settings.delivery, visit.visit_id),
        )
        if found.agrees or found.unread:
            return found
        return replace(found, candidates=self._candidates(pipeline, visit, found, doubtful))

    def _candidates(
        self, pipeline: Pipeline, visit: VisitDue, found: Comparison, doubtful: Sequence[OpenBatch]
    ) -> tuple[str, ...]:
        accepted = (
            (plan.mapping.name, one)
            for plan in self._charged(pipeline)
            for one in self.ledger.accounts.booked([visit.visit_id], plan.mapping.name)
        )
        return find_candidates(
            found.surplus,
            found.rows,
            accepted,
            self.ledger.conclusions.unapplied([visit.visit_id]),
            [batch for batch in doubtful if batch.visit_id == visit.visit_id],
        )


def compare_totals(parts: Parts, pipelines: Sequence[Pipeline]) -> list[Comparison]:
    """Compare every visit of the pipelines with what the platform said last; nothing is written."""
    with parts.open_ledger(read_only=True) as ledger, parts.open_hospital() as hospital:
        comparer = open_comparer(parts, hospital, ledger)
        return [
            one
            for pipeline in pipelines
            for one in comparer.compare(pipeline, ledger.known_visits(pipeline.visits, tolerance=TOLERANCE))
        ]


def open_comparer(parts: Parts, hospital: Hospital, ledger: Ledger) -> Comparer:
    """Be ready to compare: the catalogues are read and the mappings compiled."""
    catalogues = read_catalogues(parts.project, hospital)
    return Comparer(parts, plans_of(parts.project, parts.contract, catalogues), hospital, ledger)


@dataclass(slots=True)
class _Books:
    """Records of a few visits by visit and key, each handed out once."""

    records: Sequence[Booked] = field(repr=False)
    _by_key: dict[tuple[int, str], list[Booked]] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        for one in self.records:
            self._by_key.setdefault((one.visit_id, one.key), []).append(one)

    def shows(self, visit_id: int, key: str, amount: int) -> bool:
        """Whether a row is accepted, and nothing else is to be said of it."""
        match self._by_key.get((visit_id, key)):
            case [Booked(state=State.ACCEPTED, amount=booked, is_changed=False)]:
                return booked == amount
        return False

    def take(self, visit_id: int, key: str) -> Sequence[Booked]:
        """The records of a row; none when they were taken before."""
        return self._by_key.pop((visit_id, key), ())

    def left(self) -> Iterator[tuple[int, str, Sequence[Booked]]]:
        """The records whose rows the HIS did not show."""
        for (visit_id, key), booked in self._by_key.items():
            yield visit_id, key, booked


def _charges(
    plan: Plan, chunk: Chunk, books: _Books, ids: Mapping[str, int]
) -> Iterator[tuple[str, str, Charged]]:
    """Every row of a chunk as the HIS charges it: visit, key, amount. What somebody must look at has its item too."""
    block = transform(plan, chunk.table, undecodable=chunk.undecodable).block
    odd: list[str] = []
    for visit, key, amount, category in zip(
        block.visits, block.keys, block.amounts, block.categories, strict=True
    ):
        if books.shows(ids.get(visit, 0), key, amount):
            yield visit, key, Charged(amount, category)
        else:
            odd.append(key)
    odd += [one.key for one in block.rejections]
    odd += [one.key for one in block.set_aside]
    if odd:
        yield from _look_closely(plan, chunk, odd, dict(zip(block.keys, block.amounts, strict=True)))


def _look_closely(
    plan: Plan, chunk: Chunk, wanted: Sequence[str], amounts: Mapping[str, int]
) -> Iterator[tuple[str, str, Charged]]:
    """Rows with their item and category; those that break a rule with the amount that can be read, added up by key."""
    keys = keys_of(chunk.table, plan.mapping.source.key)
    mask = kernels.is_in(keys, value_set=pa.array(wanted, pa.string()))
    table = chunk.table.filter(mask)
    visits = texts(key_text(table.column(plan.mapping.source.visit)))
    shown = frame(plan, table)
    columns = [_texts(plan, shown, role) for role in ("amount", "category", "item_name")]
    found: dict[tuple[str, str], Charged] = {}
    for visit, key, amount, category, item in zip(visits, texts(keys.filter(mask)), *columns, strict=True):
        before = found.get((visit, key), Charged(0))
        exact = amounts[key] if key in amounts else before.amount + _scaled(amount)
        found[visit, key] = Charged(exact, category, item)
    for (visit, key), charged in found.items():
        yield visit, key, charged


def _texts(plan: Plan, shown: pd.DataFrame, role: str) -> list[str]:
    """The texts of a role's field, "" where there is none."""
    slot = plan.role(role)
    if slot is None:
        return [""] * len(shown)
    return [str(text) for text in shown[slot.path].fillna("").tolist()]


def _scaled(value: object) -> int:
    """An amount of the HIS, scaled by 4, rounded as the transform does.

    What is no number counts nothing; its row is in quarantine.
    """
    try:
        exact = Decimal(str(value).strip() or "0").scaleb(AMOUNT_SCALE)
        return int(exact.to_integral_value(ROUND_HALF_UP))
    except (ArithmeticError, ValueError):
        return 0
