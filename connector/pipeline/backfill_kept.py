"""What the ledger keeps of backfills: each plan as it was agreed to, and how far each of its shards has come.

A plan and a shard are runs of kinds of their own; their summaries are sealed, because keys of visits are in them. What
became of the rows is not kept again: the ledger's records say it, whoever sent them.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from connector.ledger.runs import Run
from connector.ledger.store import Ledger
from connector.pipeline.guards import PASSED
from connector.pipeline.shards import SHARD, Shard, Span, Worked

PLAN = "backfill"
"""The kind of run that keeps a plan."""

_MOST_PLANS, _MOST_SHARDS = 100, 100_000
_RECENT = 50


@dataclass(frozen=True, slots=True)
class ShardRun:
    """A shard that was begun: its run, the keys of its visits, whether it is done, and what it sent itself so far."""

    run_id: int
    keys: tuple[str, ...] = field(repr=False)
    is_done: bool = False
    rows: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class KeptPlan:
    """A plan that somebody agreed to. `begun` by the shard's place."""

    number: int
    at: str
    span: Span
    shards: tuple[Shard, ...]
    begun: Mapping[tuple[str, str], ShardRun]

    @property
    def is_done(self) -> bool:
        """Whether every shard is."""
        return all(self.is_done_with(shard) for shard in self.shards)

    def is_done_with(self, shard: Shard) -> bool:
        """Whether a shard is done."""
        return shard.place in self.begun and self.begun[shard.place].is_done


def keep_plan(ledger: Ledger, span: Span, shards: Collection[Shard]) -> int:
    """Keep a plan; returns its number."""
    number = ledger.begin_run(",".join(span.pipelines), PLAN)
    fields = Shard.__dataclass_fields__
    kept = [{name: getattr(shard, name) for name in fields} for shard in shards]
    ledger.end_run(number, exit_code=0, summary={"span": span.kept, "shards": kept})
    return number


def list_plans(ledger: Ledger) -> list[KeptPlan]:
    """The plans, the newest first."""
    begun: dict[int, dict[tuple[str, str], ShardRun]] = {}
    for run in reversed(ledger.runs(_MOST_SHARDS, kind=SHARD)):
        if run.summary:
            said: Mapping[str, Any] = run.summary
            begun.setdefault(int(said["plan"]), {})[said["place"][0], said["place"][1]] = _shard_run(run)
    return [
        KeptPlan(
            run.id,
            run.started_at,
            Span.of(said["span"]),
            tuple(Shard(**one) for one in said["shards"]),
            begun.get(run.id, {}),
        )
        for run, said in _said(ledger.runs(_MOST_PLANS, kind=PLAN))
    ]


def find_unfinished(ledger: Ledger, span: Span) -> KeptPlan | None:
    """The newest plan of that span, if it is not done."""
    newest = next((one for one in list_plans(ledger) if one.span == span), None)
    return newest if newest is not None and not newest.is_done else None


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A backfill that was begun and is not done: when, what it is about, and how many of its shards are done."""

    at: str
    what: str
    done: int
    shards: int


def list_unfinished(ledger: Ledger) -> list[Unfinished]:
    """The backfills that are to be gone on with, the newest first: of each span its newest plan, where that is not done."""
    newest = {one.span: one for one in reversed(list_plans(ledger))}
    return [
        Unfinished(one.at, one.span.words, sum(map(one.is_done_with, one.shards)), len(one.shards))
        for one in reversed(newest.values())
        if not one.is_done
    ]


def begin_shard(ledger: Ledger, number: int, shard: Shard, keys: Collection[str]) -> ShardRun:
    """Begin a shard of a plan: from now on the ledger knows which visits are in it."""
    run = ShardRun(ledger.begin_run(shard.pipeline, SHARD), tuple(keys))
    note_shard(ledger, number, shard, run)
    return run


def note_shard(
    ledger: Ledger,
    number: int,
    shard: Shard,
    run: ShardRun,
    *,
    exit_code: int | None = None,
    passed: Mapping[str, int] | None = None,
) -> None:
    """Keep how far a shard has come, and up to where the guards let it through; with an exit code it is done."""
    summary: dict[str, object] = {
        "plan": number,
        "place": list(shard.place),
        "visits": list(run.keys),
        "rows": run.rows,
        "seconds": run.seconds,
    }
    if passed is not None:
        summary[PASSED] = dict(passed)
    if exit_code is None:
        ledger.note_run(run.run_id, summary)
    else:
        ledger.end_run(run.run_id, exit_code=exit_code, summary=summary)


def measure(ledger: Ledger) -> Iterator[Worked]:
    """What the last runs and shards sent, and how long it took them."""
    for run in ledger.runs(_RECENT):
        sent = run.summary.get("sent")
        if run.ended_at and isinstance(sent, Mapping):
            yield Worked(sum(int(one["rows"]) for one in sent.values()), run.seconds)
    for run, said in _said(ledger.runs(_RECENT, kind=SHARD)):
        del run
        yield Worked(int(said["rows"]), float(said["seconds"]))


def _shard_run(run: Run) -> ShardRun:
    said: Mapping[str, Any] = run.summary
    return ShardRun(
        run.id, tuple(said["visits"]), run.exit_code is not None, int(said["rows"]), float(said["seconds"])
    )


def _said(runs: Collection[Run]) -> Iterator[tuple[Run, Mapping[str, Any]]]:
    """Runs with a summary; a process that was killed as it began left none."""
    for run in runs:
        if run.summary:
            yield run, run.summary
