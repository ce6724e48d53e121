"""Guards: what a run is about to send, held against limits before its first call, and what it leaves in doubt.

A mapping whose WHERE is wrong stages ten years of charges as readily as a day's; the platform takes them all, and has
no way to take them back but one visit at a time. So the plan is looked at as a whole first. A person may let a run
through, by name of the guard and with a reason, which the ledger keeps.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from connector.config.near import propose
from connector.config.pipeline import Pipeline
from connector.config.settings import GuardSettings
from connector.errors import ConfigurationError, GuardStopped
from connector.ledger.decisions import Decision
from connector.ledger.quantities import Quantity, Rejected, Waiting
from connector.ledger.store import Ledger
from connector.pipeline.shards import SHARD
from connector.records import yuan

GUARDS = ("rows_per_run", "rows_per_day", "yuan_per_run", "yuan_per_day", "rejected_share", "rows_in_doubt")
"""What an override may name."""

PASSED = "let through"
"""Where a run's summary keeps, by pipeline, the record up to which a run was let through by `rejected_share`."""

_MOST = 3
_RUNS = 50
"""A process that is killed keeps no summary: so many runs are looked back for one."""


@dataclass(frozen=True, slots=True)
class Contribution:
    """A visit and mapping that contribute much; `amount` without sign, scaled by 4."""

    visit: str
    mapping: str
    rows: int
    amount: int = field(default=0, repr=False)


@dataclass(frozen=True, slots=True)
class Breach:
    """A limit that is broken: rows, yuan or a share, as the guard's name says, and what contributes most."""

    guard: str
    value: int | Decimal
    limit: int | Decimal
    explanation: str = ""
    most: tuple[Contribution, ...] = ()

    def __str__(self) -> str:
        """`rows_per_run: 250,000, the limit is 200,000`, and how the number came about."""
        text = f"{self.guard}: {self.shown_value}, the limit is {self.shown_limit}"
        return f"{text} ({self.explanation})" if self.explanation else text

    @property
    def shown_value(self) -> str:
        """The number for people: whole rows, yuan with two decimals, a share with four."""
        return f"{self.value:,.2f}" if self.guard.startswith("yuan") else f"{self.value:,}"

    @property
    def shown_limit(self) -> str:
        """The limit as connector.yaml has it, with its thousands apart."""
        return f"{self.limit:,}"


@dataclass(frozen=True, slots=True)
class Override:
    """A person's word that these guards do not hold for one run."""

    guards: frozenset[str] = frozenset()
    who: str = ""
    because: str = field(default="", repr=False)


NO_OVERRIDE = Override()


def read_override(names: Sequence[str], because: str, who: str) -> Override:
    """An override as a person asks for it; ConfigurationError for a guard that does not exist, or without a reason."""
    for name in names:
        if name not in GUARDS:
            raise ConfigurationError(f"There is no guard “{name}”. {propose(name, GUARDS)}".rstrip())
    if names and not because.strip():
        raise ConfigurationError(
            'An override needs its reason: --because "…". The ledger keeps it, with who and when.'
        )
    if because.strip() and not names:
        raise ConfigurationError("--because gives the reason of an override: name the guard with --override.")
    return Override(frozenset(names), who, because.strip())


@dataclass(slots=True)
class Guards:
    """The guards of one run. `zone` is the platform's, whose days are counted; `now` gives aware moments.

    `breaches` are those that stopped it; `passed` is what its summary keeps under `PASSED`; `recorded`: the overrides that
    are in the ledger already; `command` is what a person types, `remark` what is to be said of limits that are not the file's.
    """

    settings: GuardSettings
    ledger: Ledger
    zone: ZoneInfo
    now: Callable[[], datetime]
    override: Override = NO_OVERRIDE
    recorded: set[str] = field(default_factory=set)
    command: str = "connector run"
    remark: str = ""
    breaches: list[Breach] = field(default_factory=list, init=False)
    passed: dict[str, int] = field(init=False)

    def __post_init__(self) -> None:
        self.passed = _last_passed(self.ledger)

    def check_plan(self, pipelines: Sequence[Pipeline], *, only: Collection[int] | None = None) -> None:
        """Hold what is due (`only` of these visits, by id, where they are named) against the limits. Raises GuardStopped.

        It comes before the first call. Without a row that waits nothing is held back: what is left to do then only
        settles or registers.
        """
        waiting = [
            one
            for p in pipelines
            for one in self.ledger.quantities.waiting(p.visits, p.mappings)
            if only is None or one.visit_id in only
        ]
        if not waiting:
            return
        plan = _total(one.quantity for one in waiting)
        start_of_day = self.now().astimezone(self.zone).replace(hour=0, minute=0, second=0, microsecond=0)
        sent = self.ledger.quantities.sent_since(start_of_day)
        found = [*self._limits(plan, sent, waiting), *self._rejections(pipelines)]
        self.breaches += self._left(found)
        if self.breaches:
            raise GuardStopped(_explain(self.breaches, self.command))
        self.passed |= dict.fromkeys((p.name for p in pipelines), self.ledger.quantities.next_record())

    def check_backlog(self, pipelines: Sequence[Pipeline], *, apart_from: Collection[int]) -> None:
        """Stop a backfill that piles up rows which the next run would have to send, or would be stopped by.

        Those are rows of visits that are held, above all: where most of the past is on the platform already, they all
        are. Raises GuardStopped.
        """
        waiting = [
            one
            for p in pipelines
            for one in self.ledger.quantities.waiting(p.visits, p.mappings)
            if one.visit_id not in apart_from
        ]
        rows, limit = sum(one.quantity.rows for one in waiting), self.settings.rows_per_run
        if limit is None or rows <= limit:
            return
        why = self._with_remark(
            "rows of other visits that wait: `connector resolve` says which are held, `connector ledger import` marks what "
            "was sent before the connector came"
        )
        found = Breach("rows_per_run", rows, limit, why, _largest(waiting, lambda one: one.quantity.rows))
        self.breaches += self._left([found])
        if self.breaches:
            raise GuardStopped(_explain(self.breaches, self.command))

    def check_doubt(self) -> Breach | None:
        """Why no more batches may be claimed: as many rows are in doubt as may be at a time."""
        limit = self.settings.rows_in_doubt
        if limit is None or (rows := self.ledger.quantities.rows_in_doubt()) < limit:
            return None
        doubts = sorted(self.ledger.all_open_batches(), key=lambda one: one.rows, reverse=True)[:_MOST]
        most = tuple(
            Contribution(one.number or one.key, one.node, one.rows, abs(one.amount)) for one in doubts
        )
        return next(iter(self._left([Breach("rows_in_doubt", rows, limit, most=most)])), None)

    def _limits(self, plan: Quantity, sent: Quantity, parts: Sequence[Waiting]) -> Iterator[Breach]:
        """Rows and money, of the run and of the day."""
        today = f"{sent.rows:,} rows and {yuan(sent.amount):,.2f} yuan of them were sent today"
        by_rows = _largest(parts, lambda one: one.quantity.rows)
        by_amount = _largest(parts, lambda one: one.quantity.amount)
        limits = self.settings
        for name, rows, limit, why in (
            ("rows_per_run", plan.rows, limits.rows_per_run, ""),
            ("rows_per_day", plan.rows + sent.rows, limits.rows_per_day, today),
        ):
            if limit is not None and rows > limit:
                yield Breach(name, rows, limit, self._with_remark(why), by_rows)
        for name, amount, limit, why in (
            ("yuan_per_run", plan.amount, limits.yuan_per_run, ""),
            ("yuan_per_day", plan.amount + sent.amount, limits.yuan_per_day, today),
        ):
            if limit is not None and yuan(amount) > limit:
                yield Breach(name, yuan(amount), limit, self._with_remark(why), by_amount)

    def _with_remark(self, why: str) -> str:
        return "; ".join(one for one in (why, self.remark) if one)

    def _rejections(self, pipelines: Sequence[Pipeline]) -> Iterator[Breach]:
        """How much of what was staged since a run was let through our rules reject."""
        limit = self.settings.rejected_share
        if limit is None:
            return
        for pipeline in pipelines:
            mappings = [pipeline.visits, *pipeline.mappings]
            parts = self.ledger.quantities.rejected_since(self.passed.get(pipeline.name, 0), mappings)
            rows, rejected = sum(one.rows for one in parts), sum(one.rejected for one in parts)
            if rows >= self.settings.rejected_from_rows and rejected > limit * rows:
                share = (Decimal(rejected) / rows).quantize(Decimal("0.0001"))
                why = (
                    f"{rejected:,} of {rows:,} rows of {pipeline.name}; `connector quarantine list` says why"
                )
                yield Breach("rejected_share", share, limit, why, _most_rejected(parts))

    def _left(self, breaches: Iterable[Breach]) -> list[Breach]:
        """Those that no person lets through; the others are recorded, each once a run."""
        left = []
        for breach in breaches:
            if breach.guard not in self.override.guards:
                left.append(breach)
            elif breach.guard not in self.recorded:
                self.recorded.add(breach.guard)
                self.ledger.keep_decision(
                    Decision(
                        kind="guard",
                        choice=f"override {breach.guard}",
                        who=self.override.who,
                        reason=self.override.because,
                        numbers={"value": breach.shown_value, "limit": breach.shown_limit},
                    )
                )
        return left


def _last_passed(ledger: Ledger) -> dict[str, int]:
    """`PASSED` as the last run, and the last part of a backfill, left it that kept a summary."""
    passed: dict[str, int] = {}
    for kind in ("run", SHARD):
        kept = next(
            (run.summary[PASSED] for run in ledger.runs(_RUNS, kind=kind) if PASSED in run.summary), None
        )
        for name, record in kept.items() if isinstance(kept, dict) else ():
            passed[str(name)] = max(int(record), passed.get(str(name), 0))
    return passed


def _total(quantities: Iterable[Quantity]) -> Quantity:
    """The sum of many."""
    everything = list(quantities)
    return Quantity(sum(one.rows for one in everything), sum(one.amount for one in everything))


def _largest(parts: Sequence[Waiting], size: Callable[[Waiting], int]) -> tuple[Contribution, ...]:
    """The visits and mappings that contribute most."""
    return tuple(
        Contribution(one.visit, one.mapping, one.quantity.rows, one.quantity.amount)
        for one in sorted(parts, key=size, reverse=True)[:_MOST]
    )


def _most_rejected(parts: Sequence[Rejected]) -> tuple[Contribution, ...]:
    """The visits and mappings with most rejected rows."""
    ordered = sorted(parts, key=lambda one: one.rejected, reverse=True)[:_MOST]
    return tuple(Contribution(one.visit, one.mapping, one.rejected) for one in ordered if one.rejected)


def explain_doubt(breach: Breach) -> str:
    """Why no more batches were claimed, and what to do."""
    return (
        f"a guard stopped the run. {breach}. What was under way was finished, and no more was begun. `connector status "
        '--visits` shows what is in doubt; `connector run --override rows_in_doubt --because "…"` goes on in spite of it'
    )


def _explain(breaches: Sequence[Breach], command: str) -> str:
    """What stopped the run, and what to do."""
    names = " ".join(f"--override {name}" for name in dict.fromkeys(one.guard for one in breaches))
    return (
        f"a guard stopped the run before its first call. {'; '.join(map(str, breaches))}. Nothing was sent; what is "
        f"staged stays staged. Where a mapping reads too much, mend it; where all of it is meant, "
        f'`{command} {names} --because "…"` lets one run through, and `guards` in connector.yaml every run'
    )
