"""Where everything stands, from the ledger: what every door shows, and the exit code that follows from it."""

import json
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace

from connector.config.pipeline import Pipeline
from connector.ledger.conclusions import Concluded
from connector.ledger.overview import OpenBatch
from connector.ledger.quarantine import Group, QuarantinedRow, RecordView
from connector.ledger.runs import Run
from connector.ledger.store import Ledger
from connector.ledger.visit_totals import VisitTotals
from connector.pipeline.backfill_kept import Unfinished, list_unfinished
from connector.pipeline.later_files import count_doubts
from connector.pipeline.parts import Parts
from connector.pipeline.personal import mask_of
from connector.pipeline.preview import find_mapping, names_of
from connector.transform.trace import trace_id_of

__all__ = ["Group", "QuarantineReport", "RowReport", "Standing", "StatusReport", "VisitTotals"]

_ALL = 2**31 - 1
"""No limit, for a LIMIT."""

COMPLETE, QUARANTINED, UNSETTLED = 0, 3, 4
"""Exit codes of a run that did what it could: complete; rows in quarantine; rows or files in doubt, a visit held, or a question."""

LEAVING_IN_DOUBT = "nobody knows yet whether its discharge has arrived: the next run settles it"

RECONCILE = "reconcile"
"""The kind of a run that only compares and settles."""

FAILED, STOPPED = 1, 130
"""Exit codes of a run that ended early: for a reason of its own; because somebody asked for it."""


@dataclass(frozen=True, slots=True)
class Standing:
    """One pipeline's rows by what has become of them; amounts scaled by 4.

    `held`: visits that wait for a person or for their registration, or whose discharge is in doubt, with the reason;
    `ended`: how many have ended in the HIS, and have not left, where they could. `registrations`: visits
    whose own row is quarantined. `changed` and `vanished`: accepted rows that the HIS has changed or deleted.
    `questions`: visits about which a person is asked, with the kinds of the questions. `files_in_doubt`: visits with files
    (4.18) of which nobody knows whether they arrived, and how many. `set_aside_visits`: those that a person set aside; their rows are
    among those that are set aside.
    """

    pipeline: str
    visits: int
    registered: int
    accepted_rows: int
    accepted: int = field(repr=False)
    staged_rows: int
    staged: int = field(repr=False)
    doubt_rows: int
    doubt: int = field(repr=False)
    quarantined_rows: int
    set_aside_rows: int
    changed: int
    vanished: int
    held: dict[str, str] = field(default_factory=dict)
    questions: dict[str, str] = field(default_factory=dict)
    ended: int = 0
    files_in_doubt: dict[str, int] = field(default_factory=dict)
    set_aside_visits: int = 0


def stand(ledger: Ledger, pipeline: Pipeline, only: Collection[str] | None = None) -> Standing:
    """Sum up one pipeline, or of it only the visits with these keys in the HIS."""
    totals = [one for one in ledger.visit_totals(pipeline.visits) if only is None or one.key in only]
    questions: dict[str, str] = {}
    for asked in ledger.questions.open(pipeline.visits):
        if only is None or asked.key in only:
            name = asked.number or asked.key
            questions[name] = f"{questions[name]}, {asked.kind}" if name in questions else asked.kind
    return Standing(
        pipeline=pipeline.name,
        visits=len(totals),
        registered=sum(one.registered for one in totals),
        accepted_rows=sum(one.accepted_rows for one in totals),
        accepted=sum(one.accepted for one in totals),
        staged_rows=sum(one.staged_rows for one in totals),
        staged=sum(one.staged for one in totals),
        doubt_rows=sum(one.doubt_rows for one in totals),
        doubt=sum(one.doubt for one in totals),
        quarantined_rows=sum(one.quarantined_rows for one in totals),
        set_aside_rows=sum(one.set_aside_rows for one in totals),
        changed=sum(one.changed for one in totals),
        vanished=sum(one.vanished for one in totals),
        held={
            one.number or one.key: one.reason or LEAVING_IN_DOUBT
            for one in totals
            if one.reason or one.is_leaving
        },
        questions=questions,
        ended=sum(map(may_leave, totals)) if pipeline.leave else 0,
        files_in_doubt=files_in_doubt(ledger, pipeline, only),
        set_aside_visits=sum(one.is_set_aside for one in totals),
    )


def files_in_doubt(ledger: Ledger, pipeline: Pipeline, only: Collection[str] | None = None) -> dict[str, int]:
    """Visits with files (4.18) of which nobody knows whether they arrived, by name, and how many."""
    doubts = count_doubts(ledger, pipeline.visits)
    return {
        one.name: doubts[one.visit_id] for one in ledger.visits_of(doubts) if only is None or one.key in only
    }


def may_leave(one: VisitTotals) -> bool:
    """Whether a visit has ended in the HIS, and has not left."""
    return one.registered and not one.is_open and not one.has_left


def judge(standings: Iterable[Standing]) -> int:
    """The exit code that tells a script what a person would see: doubt before quarantine before completeness.

    Rows that a run leaves waiting, with nothing in their pipeline's quarantine to explain it, need a person as well.
    """
    everything = list(standings)
    if any(one.doubt_rows or one.held or one.questions or one.files_in_doubt for one in everything):
        return UNSETTLED
    if any(one.staged_rows and not one.quarantined_rows for one in everything):
        return UNSETTLED
    return QUARANTINED if any(one.quarantined_rows for one in everything) else COMPLETE


def needs_attention(one: VisitTotals) -> bool:
    """Whether a visit has anything that is not simply accepted, or set aside."""
    return bool(
        one.reason
        or not (one.registered or one.is_set_aside)
        or one.staged_rows
        or one.doubt_rows
        or one.quarantined_rows
        or one.changed
        or one.vanished
    )


@dataclass(frozen=True, slots=True)
class StatusReport:
    """Standings, the visits that need attention with their pipeline, open batches, the last runs and reconciliations.

    `inferred`: how many batches were accepted because the platform's total showed them, and not by its answer;
    `inferences`: the newest of them, where they were asked for (residual risk R1 of the delivery protocol).
    `calibrated`: whether and how the platform was, in one line. `backfills`: those that were begun and are not done.
    """

    standings: tuple[Standing, ...]
    visits: tuple[tuple[str, VisitTotals], ...] = field(repr=False)
    doubts: tuple[OpenBatch, ...]
    runs: tuple[Run, ...]
    reconciliations: tuple[Run, ...]
    inferred: int
    inferences: tuple[Concluded, ...]
    calibrated: str
    backfills: tuple[Unfinished, ...]
    exit_code: int


def survey(parts: Parts, *, inferences: int = 0) -> StatusReport:
    """Everything `status` shows, with so many `inferences` at most; the ledger is only read."""
    with parts.open_ledger(read_only=True) as ledger:
        pipelines = list(parts.project.pipelines.values())
        standings = tuple(stand(ledger, pipeline) for pipeline in pipelines)
        return StatusReport(
            standings=standings,
            visits=tuple(
                (pipeline.name, one)
                for pipeline in pipelines
                for one in ledger.visit_totals(pipeline.visits)
                if needs_attention(one)
            ),
            doubts=tuple(ledger.all_open_batches()),
            runs=tuple(ledger.runs(5)),
            reconciliations=tuple(ledger.runs(1, kind=RECONCILE)),
            inferred=ledger.conclusions.count_inferred(),
            inferences=tuple(ledger.conclusions.inferred(inferences)) if inferences else (),
            calibrated=parts.project.calibrated,
            backfills=tuple(list_unfinished(ledger)),
            exit_code=judge(standings),
        )


@dataclass(frozen=True, slots=True)
class QuarantineReport:
    """Reasons with their counts, the rows themselves, and why rows were set aside. `more`: rows left out by the limit."""

    groups: tuple[Group, ...]
    rows: tuple[QuarantinedRow, ...]
    set_aside: tuple[Group, ...]
    more: bool = False


def quarantined(
    parts: Parts, *, mapping: str = "", visit: str = "", rule: str = "", limit: int = 200
) -> QuarantineReport:
    """What is kept back and fits the filters; ConfigurationError for a mapping that does not exist."""
    if mapping:
        find_mapping(parts, mapping)
    with parts.open_ledger(read_only=True) as ledger:
        groups = _groups_of_visit(ledger, visit) if visit else ledger.quarantine.groups()
        rows = ledger.quarantine.rows(mapping=mapping, visit=visit, rule=rule, limit=limit + 1)
        aside = () if visit or rule else ledger.quarantine.set_aside_groups()
    return QuarantineReport(
        groups=tuple(
            one for one in groups if mapping in ("", one.mapping) and rule in ("", one.violation.rule)
        ),
        rows=tuple(rows[:limit]),
        set_aside=tuple(one for one in aside if mapping in ("", one.mapping)),
        more=len(rows) > limit,
    )


def _groups_of_visit(ledger: Ledger, visit: str) -> list[Group]:
    """What is wrong with one visit's rows, counted, the most frequent first."""
    counts = Counter(
        (row.mapping, violation)
        for row in ledger.quarantine.rows(visit=visit, limit=_ALL)
        for violation in row.violations
    )
    return [Group(mapping, violation, count, "") for (mapping, violation), count in counts.most_common()]


@dataclass(frozen=True, slots=True)
class RowReport:
    """One record, and what would be (or was to be) sent of it, where that is kept, with its fields' Chinese names.

    `trace_id` is what its remark carries, or "". The platform's raw answers and, unless asked for, what names a
    person are left out.
    """

    record: RecordView
    trace_id: str
    names: Mapping[str, str]
    payload: Mapping[str, object] | None = field(repr=False)


def show_row(parts: Parts, record_id: int, *, show_personal: bool = False) -> RowReport:
    """Everything the ledger knows of one record; LedgerError when there is none of that number."""
    with parts.open_ledger(read_only=True) as ledger:
        return report_row(parts, ledger.quarantine.show(record_id), show_personal=show_personal)


def report_row(parts: Parts, record: RecordView, *, show_personal: bool) -> RowReport:
    """A record as it may be shown."""
    payload = json.loads(record.payload) if record.payload else None
    mapping = parts.project.mappings.get(record.mapping)
    if payload is not None and not show_personal:
        payload = mask_of(mapping, parts.contract).hide_payload(payload) if mapping else None
    journeys = tuple(
        replace(one, answer=replace(one.answer, raw=b"") if one.answer else None) for one in record.journeys
    )
    names = names_of(mapping, parts.contract) if mapping else {}
    trace_id = trace_id_of(record.mapping, record.key) if mapping and mapping.trace else ""
    return RowReport(replace(record, payload=b"", journeys=journeys), trace_id, names, payload)


def release(parts: Parts, *, mapping: str, visit: str, rule: str) -> int:
    """Let rows be tried again; returns how many. ConfigurationError for a mapping that does not exist."""
    if mapping:
        find_mapping(parts, mapping)
    with parts.open_ledger() as ledger:
        return ledger.quarantine.release(mapping=mapping, visit=visit, rule=rule)
