"""HIS = ledger = platform: three sums a visit, and the rows that explain a difference.

The HIS's sum is taken from its own rows, read anew; the ledger's from its accepted records; the platform's is
what it answered last (4.15). All amounts are scaled by 4.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal

from connector.config.mapping import Mapping
from connector.config.pipeline import Pipeline
from connector.contract.library import Contract
from connector.extract import lookup
from connector.extract.source import Hospital
from connector.ledger.overview import VisitTotals
from connector.ledger.store import Ledger
from connector.pipeline.parts import Parts
from connector.pipeline.queries import query_of
from connector.records import AMOUNT_SCALE, State
from connector.transform.keys import key_text, keys_of, texts

_VISITS_AT_ONCE = 200

_WAITING: dict[State | None, str] = {None: "not read yet", State.STAGED: "waiting to be sent"}


@dataclass(frozen=True, slots=True)
class Kept:
    """Rows that are kept back for one reason, and their amount (scaled by 4)."""

    rows: int = 0
    amount: int = field(default=0, repr=False)


@dataclass(slots=True)
class VisitSums:
    """One visit's three sums.

    `kept_back`: rows of the HIS that are not on the platform, by the reason.
    `platform` is None where the platform has not been asked.
    """

    pipeline: str
    visit: str
    his: int = field(default=0, repr=False)
    ledger: int = field(default=0, repr=False)
    platform: int | None = field(default=None, repr=False)
    kept_back: dict[str, Kept] = field(default_factory=dict, repr=False)

    @property
    def held(self) -> int:
        """The amount of the HIS's rows that are not on the platform, each for a reason."""
        return sum(one.amount for one in self.kept_back.values())

    @property
    def is_balanced(self) -> bool:
        """Whether every fen of the HIS is on the platform, or is kept back and the reason is known."""
        return self.his - self.held == self.ledger and self.ledger == (self.platform or 0)


def compare_totals(parts: Parts, pipelines: Sequence[Pipeline]) -> list[VisitSums]:
    """The three sums of every visit of the pipelines, in the order of the ledger."""
    with parts.open_ledger(read_only=True) as ledger, parts.open_hospital() as hospital:
        return [
            sums
            for pipeline in pipelines
            for sums in _compare(pipeline, parts, hospital=hospital, ledger=ledger)
        ]


def _compare(pipeline: Pipeline, parts: Parts, *, hospital: Hospital, ledger: Ledger) -> Iterator[VisitSums]:
    """One pipeline's visits; the HIS is read in groups of visits."""
    totals = ledger.visit_totals(pipeline.visits)
    charged = [
        parts.project.mappings[name]
        for name in pipeline.mappings
        if _amount_column(parts.project.mappings[name], parts.contract)
    ]
    for begin in range(0, len(totals), _VISITS_AT_ONCE):
        group = totals[begin : begin + _VISITS_AT_ONCE]
        sums = {one.key: _start(pipeline, one) for one in group}
        for mapping in charged:
            column = _amount_column(mapping, parts.contract)
            rows = _read_amounts(hospital, mapping, column, list(sums))
            for key, one in sums.items():
                _explain(one, rows.get(key, {}), ledger.visit_records(pipeline.visits, mapping.name, key))
        yield from sums.values()


def _start(pipeline: Pipeline, totals: VisitTotals) -> VisitSums:
    """A visit with the ledger's and the platform's sum; the HIS's is still to come."""
    reading = totals.last_reading
    return VisitSums(
        pipeline=pipeline.name,
        visit=totals.number or totals.key,
        ledger=totals.accepted,
        platform=reading.total if reading else None,
    )


def _amount_column(mapping: Mapping, contract: Contract) -> str:
    """The column that holds a mapping's amounts; "" where its node has none."""
    role = contract.node(mapping.fills).roles.get("amount", "")
    expression = mapping.fields.get(role)
    return expression.columns[0] if expression and expression.columns else ""


def _read_amounts(
    hospital: Hospital, mapping: Mapping, column: str, visits: Sequence[str]
) -> dict[str, dict[str, int]]:
    """What the HIS charges now: visit → source key → amount."""
    found: dict[str, dict[str, int]] = {}
    for chunk in lookup.read_by_visits(hospital, query_of(mapping), visits):
        table = chunk.table
        own = texts(key_text(table.column(mapping.source.visit)))
        keys = texts(keys_of(table, mapping.source.key))
        for visit, key, value in zip(own, keys, table.column(column).to_pylist(), strict=True):
            found.setdefault(visit, {})[key] = _scaled(value)
    return found


def _scaled(value: object) -> int:
    """An amount of the HIS, scaled by 4, rounded as the transform does.

    What is no number counts nothing; its row is in quarantine.
    """
    try:
        exact = Decimal(str(value).strip() or "0").scaleb(AMOUNT_SCALE)
        return int(exact.to_integral_value(ROUND_HALF_UP))
    except (ArithmeticError, ValueError):
        return 0


def _explain(one: VisitSums, his: dict[str, int], ledger: dict[str, tuple[State, int]]) -> None:
    """Add a mapping's rows to a visit's sum, and say of each that is not on the platform as it is why."""
    one.his += sum(his.values())
    for key in sorted(his.keys() | ledger.keys()):
        state, amount = ledger.get(key, (None, 0))
        charged = his.get(key, 0)
        if state is State.ACCEPTED:
            if charged != amount:
                _keep_back(
                    one, "changed in the HIS" if key in his else "deleted in the HIS", charged - amount
                )
        elif key in his:
            _keep_back(one, _WAITING.get(state, state.value.replace("_", " ") if state else ""), charged)


def _keep_back(one: VisitSums, why: str, amount: int) -> None:
    kept = one.kept_back.get(why, Kept())
    one.kept_back[why] = Kept(kept.rows + 1, kept.amount + amount)
