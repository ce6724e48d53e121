"""The visits of the past as the HIS has them, and what a backfill of them would send: the HIS is only read, in pages."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from connector.config.near import propose
from connector.config.pipeline import Pipeline
from connector.errors import ConfigurationError, Stopped
from connector.extract import lookup
from connector.extract.source import Hospital
from connector.ledger.store import Ledger
from connector.pipeline.admissions import find_admission, read_admissions
from connector.pipeline.parts import Parts
from connector.pipeline.progress import Progress
from connector.pipeline.queries import query_of
from connector.pipeline.shards import Shard, Span
from connector.pipeline.stage import VISITS_AT_ONCE
from connector.records import State
from connector.transform.shape import Plan, transform

_SENT = frozenset({State.ACCEPTED, State.CLAIMED, State.IN_DOUBT})
_NAMED = 3


@dataclass(slots=True)
class Census:
    """The visits of a span, by pipeline: key and day of admission. Of all that the HIS gives: from when to when.

    `undated`: those whose day cannot be read, which belong to no period.
    """

    visits: dict[str, list[tuple[str, date | None]]] = field(default_factory=dict, repr=False)
    undated: int = 0
    earliest: date | None = None
    latest: date | None = None

    def count(self, day: date | None) -> None:
        """Take note of a visit, whether it is meant or not."""
        if day is None:
            self.undated += 1
            return
        self.earliest = day if self.earliest is None else min(self.earliest, day)
        self.latest = day if self.latest is None else max(self.latest, day)


@dataclass(frozen=True, slots=True)
class History:
    """Reads the past. `plans` by mapping."""

    parts: Parts
    hospital: Hospital
    plans: Mapping[str, Plan]
    progress: Progress
    is_stopping: Callable[[], bool]

    def find_visits(self, span: Span) -> Census:
        """The visits of a span. Raises ConfigurationError where the HIS does not have them, or not in that span."""
        census = Census()
        for name in span.pipelines:
            pipeline = self.parts.project.pipelines[name]
            found = self._read_named(pipeline, span) if span.visits else self._read_all(pipeline)
            census.visits[name] = []
            for key, day in found:
                census.count(day)
                if span.visits or span.holds(day):
                    census.visits[name].append((key, day))
        if span.visits:
            self._check_named(span, census)
        return census

    def weigh(self, ledger: Ledger, shard: Shard, keys: Sequence[str]) -> Shard:
        """The shard with what is to be sent of these visits; the ledger is only read."""
        pipeline = self.parts.project.pipelines[shard.pipeline]
        known = ledger.visit_totals(pipeline.visits)
        registered = {one.key for one in known if one.registered}
        aside = {one.key for one in known if one.is_set_aside}
        scale = _Scale(self.parts.project.settings.delivery.batch_rows)
        going = [key for key in keys if key not in aside]
        for begin in range(0, len(going), VISITS_AT_ONCE):
            group = going[begin : begin + VISITS_AT_ONCE]
            for name in (pipeline.visits, *pipeline.mappings):
                self._weigh(ledger, pipeline, name, group, scale)
            self.progress.advance("plan", len(group))
        new = [key for key in going if key not in registered]
        looked_up = len(set(self.parts.project.mappings[pipeline.visits].lookups.values()))
        return Shard(
            shard.pipeline,
            shard.first,
            shard.last,
            visits=len(keys),
            rows=scale.rows,
            amount=scale.amount,
            calls=scale.calls + len(new) * (1 + looked_up),
            sent_rows=scale.sent_rows,
            bad_rows=scale.bad_rows,
        )

    def _weigh(
        self, ledger: Ledger, pipeline: Pipeline, name: str, group: Sequence[str], scale: "_Scale"
    ) -> None:
        plan = self.plans[name]
        batches: Counter[str] = Counter()
        for chunk in lookup.read_by_visits(self.hospital, query_of(plan.mapping), group):
            if self.is_stopping():
                raise Stopped
            block = transform(plan, chunk.table, undecodable=chunk.undecodable).block
            scale.bad_rows += len(block.rejections)
            if name == pipeline.visits:
                continue
            states = ledger.outbox.states_of(name, block.keys)
            for key, visit, amount in zip(block.keys, block.visits, block.amounts, strict=True):
                if states.get(key) in _SENT:
                    scale.sent_rows += 1
                else:
                    scale.rows += 1
                    scale.amount += amount
                    batches[visit] += 1
        scale.take(batches, is_charged=plan.role("amount") is not None)

    def _read_all(self, pipeline: Pipeline) -> Iterator[tuple[str, date | None]]:
        plan = self.plans[pipeline.visits]
        find_admission(plan)
        for chunk in lookup.read_all(self.hospital, query_of(plan.mapping)):
            if self.is_stopping():
                raise Stopped
            yield from read_admissions(plan, chunk.table)

    def _read_named(self, pipeline: Pipeline, span: Span) -> Iterator[tuple[str, date | None]]:
        """The named visits that a pipeline has; without a day where the span needs none and there is none."""
        plan = self.plans[pipeline.visits]
        try:
            find_admission(plan)
        except ConfigurationError:
            if not span.holds(None):
                raise
            for key in self._keys(pipeline, span.visits):
                yield key, None
            return
        for chunk in lookup.read_by_visits(self.hospital, query_of(plan.mapping), span.visits):
            yield from read_admissions(plan, chunk.table)

    def _keys(self, pipeline: Pipeline, visits: Sequence[str] | None) -> Iterator[str]:
        """Keys of these visits, or of all."""
        plan = self.plans[pipeline.visits]
        query = query_of(plan.mapping)
        chunks = (
            lookup.read_all(self.hospital, query)
            if visits is None
            else lookup.read_by_visits(self.hospital, query, visits)
        )
        for chunk in chunks:
            block = transform(plan, chunk.table, undecodable=chunk.undecodable).block
            yield from block.visits
            yield from (one.visit for one in block.rejections)

    def _check_named(self, span: Span, census: Census) -> None:
        """Raise ConfigurationError where a named visit is nowhere, in two pipelines, or not in the span."""
        owners: dict[str, list[str]] = {}
        outside: list[str] = []
        for name, visits in census.visits.items():
            for key, day in visits:
                owners.setdefault(key, []).append(name)
                if not span.holds(day):
                    outside.append(f"{key} ({day or 'day not known'})")
        unknown = [key for key in span.visits if key not in owners]
        if unknown:
            known = [key for name in span.pipelines for key in self._keys(self._pipeline(name), None)]
            more = f", and {len(unknown) - _NAMED} more" if len(unknown) > _NAMED else ""
            raise ConfigurationError(
                f"The HIS has no visit {', '.join(unknown[:_NAMED])}{more}, as the visits mappings of "
                f"{', '.join(span.pipelines)} read it. {propose(unknown[0], known)}".rstrip()
            )
        twice = [key for key, names in owners.items() if len(names) > 1]
        if twice:
            raise ConfigurationError(
                f"Visit {twice[0]} is in more than one pipeline ({', '.join(owners[twice[0]])}): say which is meant, "
                f"`connector backfill {owners[twice[0]][0]} --visits …`."
            )
        if outside:
            raise ConfigurationError(
                f"Named, but not admitted in that span: {', '.join(outside[:_NAMED])}. Leave out --from and --to, or "
                "those visits."
            )

    def _pipeline(self, name: str) -> Pipeline:
        return self.parts.project.pipelines[name]


@dataclass(slots=True)
class _Scale:
    """What a shard's visits weigh, as they are read."""

    batch_rows: int
    rows: int = 0
    amount: int = field(default=0, repr=False)
    calls: int = 0
    sent_rows: int = 0
    bad_rows: int = 0

    def take(self, rows: Mapping[str, int], *, is_charged: bool) -> None:
        """Count the calls for so many rows of each visit; a charged visit's total is read before and after."""
        self.calls += sum(-(-number // self.batch_rows) for number in rows.values())
        if is_charged:
            self.calls += 2 * len(rows)
