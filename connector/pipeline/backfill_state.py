"""Where a backfill stands, from the ledger: whoever sent a row of its visits, it counts."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from connector.ledger.store import Ledger
from connector.ledger.visit_totals import VisitTotals
from connector.pipeline.backfill_kept import KeptPlan
from connector.pipeline.overview import judge, stand
from connector.pipeline.parts import Parts
from connector.pipeline.shards import Shard, name_shard

Stage = Literal["to do", "under way", "done"]


@dataclass(frozen=True, slots=True)
class ShardState:
    """One shard. `rows` and `planned` are the plan's; the others are of its visits as they stand now.

    Amounts are scaled by 4. `held`: visits that wait for a person; `waiting_rows` wait to be sent, those of held visits
    too.
    """

    pipeline: str
    first: str
    last: str
    stage: Stage
    visits: int
    rows: int
    planned: int = field(repr=False)
    registered: int = 0
    accepted_rows: int = 0
    accepted: int = field(default=0, repr=False)
    waiting_rows: int = 0
    waiting: int = field(default=0, repr=False)
    doubt_rows: int = 0
    quarantined_rows: int = 0
    held: int = 0

    @property
    def name(self) -> str:
        """What people call it."""
        return name_shard(self.pipeline, self.first, self.last)


def look_at(ledger: Ledger, parts: Parts, kept: KeptPlan) -> tuple[ShardState, ...]:
    """Every shard of a kept plan, the oldest first."""
    pipelines = {shard.pipeline for shard in kept.shards} & set(parts.project.pipelines)
    totals = {
        name: {one.key: one for one in ledger.visit_totals(parts.project.pipelines[name].visits)}
        for name in sorted(pipelines)
    }
    states = []
    for shard in kept.shards:
        run = kept.begun.get(shard.place)
        known = totals.get(shard.pipeline, {})
        visits = [known[key] for key in (run.keys if run else ()) if key in known]
        stage: Stage = "to do" if run is None else "done" if run.is_done else "under way"
        states.append(_state(shard, stage, visits))
    return tuple(states)


def judge_visits(ledger: Ledger, parts: Parts, kept: KeptPlan) -> int:
    """The exit code that the visits of a plan's begun shards come to."""
    keys: dict[str, set[str]] = {}
    for (_, pipeline), run in kept.begun.items():
        if pipeline in parts.project.pipelines:
            keys.setdefault(pipeline, set()).update(run.keys)
    return judge(
        stand(ledger, parts.project.pipelines[name], visits) for name, visits in sorted(keys.items())
    )


def _state(shard: Shard, stage: Stage, visits: Iterable[VisitTotals]) -> ShardState:
    known = list(visits)
    return ShardState(
        pipeline=shard.pipeline,
        first=shard.first,
        last=shard.last,
        stage=stage,
        visits=shard.visits,
        rows=shard.rows,
        planned=shard.amount,
        registered=sum(one.registered for one in known),
        accepted_rows=sum(one.accepted_rows for one in known),
        accepted=sum(one.accepted for one in known),
        waiting_rows=sum(one.staged_rows for one in known),
        waiting=sum(one.staged for one in known),
        doubt_rows=sum(one.doubt_rows for one in known),
        quarantined_rows=sum(one.quarantined_rows for one in known),
        held=sum(bool(one.reason) for one in known),
    )
