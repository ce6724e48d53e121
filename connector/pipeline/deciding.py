"""Let a person decide what arithmetic cannot: show the numbers, hold the choice against them, keep it with its reason."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from connector.errors import ConfigurationError, PlatformError
from connector.ledger.claims import Intent, Settlement
from connector.ledger.decisions import Decision
from connector.ledger.judgements import PERSON, RESET
from connector.ledger.store import Ledger
from connector.ledger.visit_totals import VisitTotals
from connector.pipeline.cases import Candidates, Case, Matter, may_reset, open_matter
from connector.pipeline.decisions import find_visit
from connector.pipeline.desk import Line
from connector.pipeline.hearing import Heard, Hearing, open_hearing
from connector.pipeline.parts import Parts
from connector.pipeline.progress import Progress
from connector.records import BatchState, yuan

ALL, NONE = "all", "none"


@dataclass(frozen=True, slots=True)
class Wish:
    """What a person wants: one of `accept`, `adopt` (all, none, or row numbers by commas), `baseline`, `reset`, `release`."""

    accept: str = ""
    adopt: str = ""
    baseline: bool = False
    reset: bool = False
    release: bool = False

    @property
    def kind(self) -> str:
        """The one kind that is wished for, "" for none; ConfigurationError for more than one."""
        wished = [
            name
            for name, value in (
                ("accept", self.accept),
                ("adopt", self.adopt),
                ("baseline", self.baseline),
                (RESET, self.reset),
                ("release", self.release),
            )
            if value
        ]
        if len(wished) > 1:
            raise ConfigurationError(f"Choose one thing: --{' and --'.join(wished)} exclude each other.")
        return wished[0] if wished else ""


@dataclass(frozen=True, slots=True)
class Signature:
    """Who decides, and why."""

    who: str
    because: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Undecided:
    """A visit that is held or in doubt, in one line."""

    pipeline: str
    visit: str = field(repr=False)
    key: str = field(repr=False)
    why: str


def list_undecided(parts: Parts) -> list[Undecided]:
    """The visits that are held, or have a batch in doubt; the ledger is only read."""
    with parts.open_ledger(read_only=True) as ledger:
        doubtful = {(one.key, one.number) for one in ledger.all_open_batches()}
        return [
            Undecided(pipeline.name, one.number or one.key, one.key, _why(one))
            for pipeline in parts.project.pipelines.values()
            for one in ledger.visit_totals(pipeline.visits)
            if one.reason or (one.key, one.number) in doubtful
        ]


def _why(one: VisitTotals) -> str:
    return one.reason or "a batch of it is in doubt; the next run settles it by the platform's totals"


@dataclass(frozen=True, slots=True)
class _Plan:
    """What a wish comes to: what follows from it, in one sentence, and how it is done."""

    sentence: str
    do: Callable[[Ledger], None] = field(repr=False)


def look(
    parts: Parts,
    name: str,
    wish: Wish,
    *,
    show_personal: bool,
    progress: Progress,
    is_stopping: Callable[[], bool],
) -> tuple[Case, str]:
    """A visit's case, with the platform's total of now, and what would follow from a wish ("" for none).

    Raises ConfigurationError for an unknown visit or a wish that the numbers forbid, PlatformError where the platform
    does not say, LeaseHeld while a run is under way.
    """
    nobody = Signature("", "")
    with open_hearing(parts, progress=progress, is_stopping=is_stopping) as hearing:
        matter = _hear(hearing, name, show_personal=show_personal)
        return matter.case, _plan(matter, wish, nobody).sentence if wish.kind else ""


def decide(
    parts: Parts,
    name: str,
    wish: Wish,
    signature: Signature,
    *,
    seen: Case,
    progress: Progress,
    is_stopping: Callable[[], bool],
) -> str:
    """Do what a person wishes, if it agrees with what the platform says now; returns what follows, in one sentence.

    Raises PlatformError when anything has moved since the case was `seen`, and as `look` does.
    """
    with open_hearing(parts, progress=progress, is_stopping=is_stopping) as hearing:
        matter = _hear(hearing, name)
        _must_be_as_seen(matter.case, seen)
        plan = _plan(matter, wish, signature)
        plan.do(hearing.ledger)
        return plan.sentence


def _hear(hearing: Hearing, name: str, *, show_personal: bool = False) -> Matter:
    visit = find_visit(hearing.ledger, name)
    if not visit.number:
        raise ConfigurationError(
            f"Visit {visit.name} has no number at the platform yet: nothing of it was sent, and nothing is to be decided."
        )
    (heard,) = hearing.hear([visit])
    return open_matter(hearing.parts, hearing.ledger, heard, show_personal=show_personal)


def _must_be_as_seen(case: Case, seen: Case) -> None:
    """Raise PlatformError when the numbers are not those the person saw."""
    if _outline(case) != _outline(seen):
        raise PlatformError(
            f"Visit {case.visit} has moved since it was shown: the ledger says {yuan(case.ledger):.2f} and the platform "
            f"{yuan(case.platform or 0):.2f} now. Nothing was decided; look again."
        )


def _outline(case: Case) -> tuple[object, ...]:
    """What has to be the same when a decision is carried out."""
    return (case.ledger, case.platform, case.doubt, tuple(row.number for row in case.rows), case.pending)


def _plan(matter: Matter, wish: Wish, signature: Signature) -> _Plan:
    """What a wish comes to; ConfigurationError where the numbers forbid it."""
    if matter.case.pending:
        raise ConfigurationError(f"Visit {matter.case.visit}: {matter.case.pending}. Nothing was decided.")
    match wish.kind:
        case "accept":
            return _accept(matter, wish.accept, signature)
        case "adopt":
            return _adopt(matter, wish.adopt, signature)
        case "baseline":
            return _baseline(matter, signature)
        case "reset":
            return _reset(matter, signature)
        case _:
            return _release(matter, signature)


def _accept(matter: Matter, choice: str, signature: Signature) -> _Plan:
    """Say which rows of the batch in doubt are on the platform."""
    batch, doubt = matter.batch, matter.case.doubt
    if batch is None or doubt is None:
        raise ConfigurationError(
            "No batch of this visit is in doubt; --adopt counts rows as sent that somebody entered by hand."
        )
    if batch.base_total is None:
        raise ConfigurationError(
            f"What is in doubt is a call of {batch.operation}, which adds no fees: the next `connector run` settles it."
        )
    if not matter.candidates.records:
        raise ConfigurationError(
            f"No mapping of the pipeline fills {batch.node} any more, so the batch's rows cannot be shown: put it back, "
            "then decide. Nothing was decided."
        )
    rows = _chosen(choice, matter.candidates)
    others = len(matter.candidates.ids) - len(rows)
    if others and not doubt.is_over:
        raise ConfigurationError(
            "The batch may still arrive: no row of it may be called missing before the session it was sent in is closed "
            "and the settle time has passed. The next `connector run` does both; decide after it."
        )
    _must_fit(matter, matter.candidates.sum_of(rows))
    settlement = Settlement(
        batch.id,
        BatchState.ACCEPTED if rows else BatchState.RELEASED,
        PERSON,
        signature.because,
        accepted=tuple(rows) if others else (),
        limit=1 if others else 0,
    )
    decision = _decision("accept", choice, matter, signature, rows)
    return _Plan(
        f"{len(rows)} of {batch.rows} rows count as sent; {others} go again at the next run.",
        lambda ledger: ledger.judgements.settle(settlement, decision),
    )


def _adopt(matter: Matter, choice: str, signature: Signature) -> _Plan:
    """Count rows as sent that somebody entered by hand."""
    _must_be_calm(matter)
    rows = _chosen(choice, matter.candidates)
    if not rows:
        raise ConfigurationError("--adopt needs rows, by their numbers, or all.")
    _must_fit(matter, matter.candidates.sum_of(rows))
    intents = intents_of(matter.heard, matter.candidates, rows)
    decision = _decision("adopt", choice, matter, signature, rows)
    return _Plan(
        f"{len(rows)} rows count as sent, and are not sent any more; the visit goes on at the next run.",
        lambda ledger: ledger.judgements.adopt(intents, decision),
    )


def _baseline(matter: Matter, signature: Signature) -> _Plan:
    """Accept what the platform holds beyond the ledger."""
    _must_be_calm(matter)
    surplus = matter.heard.surplus
    if not any(choice.option == "--baseline" for choice in matter.case.choices):
        why = (
            "the platform holds no more than the ledger says"
            if surplus <= 0 or matter.heard.shows(0)
            else "rows that wait would explain what is there, and would be sent a second time; --adopt them, or "
            "`connector ledger import`"
        )
        raise ConfigurationError(f"Visit {matter.case.visit} gets no baseline: {why}. {_numbers(matter)}")
    decision = _decision("baseline", "accepted", matter, signature)
    waiting = len(matter.candidates.ids)
    return _Plan(
        f"{yuan(surplus):.2f} yuan on the platform are not the connector's and stay; {waiting} rows that wait are sent "
        "on top of them.",
        lambda ledger: ledger.judgements.accept_baseline(surplus, decision),
    )


def _release(matter: Matter, signature: Signature) -> _Plan:
    """Let a held visit be tried again."""
    _must_be_calm(matter)
    _must_fit(matter, 0)
    decision = _decision("release", "released", matter, signature)
    return _Plan("The visit goes on at the next run.", lambda ledger: ledger.judgements.release(decision))


def _reset(matter: Matter, signature: Signature) -> _Plan:
    """Approve a reset."""
    why_not = may_reset(matter.heard)
    if why_not:
        raise ConfigurationError(f"Visit {matter.case.visit} cannot be reset: {why_not}.")
    decision = _decision(RESET, "approved", matter, signature)
    return _Plan(
        "The next `connector run` deletes ALL fees of this visit on the platform, those entered on its web page too; the "
        "run after it sends anew what the HIS has.",
        lambda ledger: ledger.judgements.approve_reset(decision),
    )


def _chosen(text: str, candidates: Candidates) -> list[int]:
    """The numbers of the rows that are meant; ConfigurationError for one that is not shown."""
    if text == ALL:
        return candidates.ids
    if text == NONE:
        return []
    words = [word.strip() for word in text.split(",") if word.strip()]
    known = {str(number): number for number in candidates.ids}
    unknown = [word for word in words if word not in known]
    if unknown or not words:
        raise ConfigurationError(
            f"{', '.join(unknown) or 'Nothing'} is no row of this case: name rows by the numbers in its first column, "
            "separated by commas, or say all or none."
        )
    return list(dict.fromkeys(known[word] for word in words))


def _must_be_calm(matter: Matter) -> None:
    """Raise ConfigurationError while a batch of the visit is in doubt."""
    if matter.batch is not None:
        raise ConfigurationError(
            f"Batch {matter.batch.id} of this visit is in doubt: that is decided first (--accept), or by --reset."
        )


def _must_fit(matter: Matter, added: int) -> None:
    """Raise ConfigurationError where the ledger's sum would not be the platform's total."""
    if not matter.heard.shows(added):
        raise ConfigurationError(
            f"That does not add up: {_numbers(matter)} With this choice the ledger would say "
            f"{yuan(matter.heard.ledger + added):.2f}. Nothing was decided."
        )


def _numbers(matter: Matter) -> str:
    return f"The ledger says {yuan(matter.heard.ledger):.2f}, the platform {yuan(matter.heard.total):.2f}."


def intents_of(heard: Heard, candidates: Candidates, rows: Sequence[int]) -> list[Intent]:
    """These rows as batches that need not be sent, one for each mapping."""
    wanted = set(rows)
    by_line: dict[str, tuple[Line, list[int], int]] = {}
    for line, record in candidates.records:
        if record.id in wanted:
            _, ids, amount = by_line.get(line.mapping, (line, [], 0))
            by_line[line.mapping] = (line, [*ids, record.id], amount + record.amount)
    return [
        Intent(
            visit_id=heard.visit.visit_id,
            operation=line.operation.method,
            node=line.path,
            record_ids=tuple(ids),
            amount=amount,
            base_total=heard.ledger,
            session="",
        )
        for line, ids, amount in by_line.values()
    ]


def _decision(
    kind: str, choice: str, matter: Matter, signature: Signature, rows: Sequence[int] = ()
) -> Decision:
    """What is kept of it."""
    numbers: dict[str, int | str] = {
        "ledger": f"{yuan(matter.heard.ledger):f}",
        "platform": f"{yuan(matter.heard.total):f}",
    }
    if matter.batch is not None:
        numbers["batch"] = f"{yuan(matter.batch.amount):f}"
    if rows:
        numbers["rows"] = len(rows)
        numbers["amount of the rows"] = f"{yuan(matter.candidates.sum_of(rows)):f}"
    return Decision(
        kind,
        choice,
        signature.who,
        signature.because,
        matter.heard.visit.visit_id,
        matter.batch.id if matter.batch else None,
        numbers,
    )
