"""What the commands print for people: one function a report."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from connector.cli.output import say, show_heading, show_table
from connector.cli.words import count, moment, money

if TYPE_CHECKING:  # a report's room is loaded by the command that makes it, not by `--help`
    from collections.abc import Mapping, Sequence

    from connector.pipeline.changes import ChangesReport
    from connector.pipeline.check import CheckReport
    from connector.pipeline.mapping_tests import TestResult
    from connector.pipeline.origins import MappingOrigins
    from connector.pipeline.overview import (
        Group,
        QuarantineReport,
        RowReport,
        Standing,
        StatusReport,
        VisitTotals,
    )
    from connector.pipeline.preview import Preview, PreviewReport

MOST_INFERRED = 1000
"""So many inferences are listed at once."""

_ASIDE = "set-aside"
"""The rule of rows that break none."""


def show_check(report: CheckReport) -> None:
    """What was checked, when nothing is wrong."""
    files = f"{count(report.mappings, 'mapping')}, {count(report.pipelines, 'pipeline')}"
    say(f"{files}: nothing wrong in the files.")
    for sentence in report.likeness:
        say(sentence)
    if report.database:
        say(f"{report.database} has every column they name, with a type that fits.")
    else:
        say("The database was not asked.")
    say(f"The platform is {report.calibrated}.")
    for note in report.overruled:
        say(note)


def show_origins(report: MappingOrigins) -> None:
    """Where every field of a mapping comes from."""
    like = f", like {report.like}" if report.like else ""
    show_table(
        f"{report.mapping} fills {report.fills}{like}",
        ("field", "made of", "taken over from", "written in"),
        [
            (f"{one.path} {one.zh}", one.made, one.taken_over, f"{one.file}:{one.line}")
            for one in report.fields
        ],
        text="made of",
    )
    if report.untaken:
        say(f"Not taken over, because {report.fills} has no such field: {', '.join(report.untaken)}.")


def show_preview(report: PreviewReport, *, wanted: str = "") -> None:
    """Rows one below the other: read, made, wrong."""
    if not report.rows:
        say(f"The source of {report.mapping} has no row{wanted}.")
    for one in report.rows:
        _show_row(one, report.names)


def _show_row(one: Preview, names: Mapping[str, str]) -> None:
    """One row."""
    show_heading(f"Row {one.key}")
    say("  read:")
    for column, value in one.row.items():
        say(f"    {column}: {_shown(value)}".rstrip())
    if one.payload is not None:
        _show_payload(one.payload, names)
    if one.set_aside:
        say(f"  set aside: {one.set_aside}")
    for violation in one.violations:
        say(f"  wrong: {violation}")


def _show_payload(payload: Mapping[str, object], names: Mapping[str, str]) -> None:
    """A payload's fields with their Chinese names; the empty ones in one line."""
    fields = dict(_flatten(payload))
    say("  sent as:")
    for path, value in fields.items():
        if value != "":
            say(f"    {path} {names.get(path, '')}: {_shown(value)}")
    empty = [path for path, value in fields.items() if value == ""]
    if empty:
        say(f"    empty: {', '.join(empty)}")


def _flatten(payload: Mapping[str, object], prefix: str = "") -> list[tuple[str, object]]:
    """Every field of a payload by its path."""
    found: list[tuple[str, object]] = []
    for name, value in payload.items():
        found += _flatten(value, f"{prefix}{name}.") if isinstance(value, dict) else [(prefix + name, value)]
    return found


def _shown(value: object) -> str:
    """A value in a line: blanks at its ends become visible, zeros that only a column's scale added do not."""
    if value is None:
        return ""
    if isinstance(value, Decimal):
        text = f"{value:f}"
        return text.rstrip("0").rstrip(".") if "." in text else text
    text = str(value)
    return f'"{text}"' if text != text.strip() else text


def show_tests(results: Sequence[TestResult]) -> None:
    """One line a test, and what was not as expected below it."""
    for one in results:
        say(f"{'FAILED' if one.problems else 'ok    '} {one.mapping}: {one.name}")
        for problem in one.problems:
            say(f"       {problem}")
    failed = sum(bool(one.problems) for one in results)
    say(f"{count(len(results), 'test')}, {failed} failed." if results else "The mappings have no tests.")


def show_standings(standings: Sequence[Standing]) -> None:
    """One column a pipeline."""
    facts = (
        ("visits", [one.visits for one in standings]),
        ("visits registered", [one.registered for one in standings]),
        ("visits held for a person", [len(one.held) for one in standings]),
        ("visits set aside", [one.set_aside_visits for one in standings]),
        ("visits with a question", [len(one.questions) for one in standings]),
        ("visits that may leave", [one.ended for one in standings]),
        ("files in doubt (4.18)", [sum(one.files_in_doubt.values()) for one in standings]),
        ("rows on the platform", [f"{one.accepted_rows:,}" for one in standings]),
        ("  their amount, yuan", [money(one.accepted) for one in standings]),
        ("rows waiting to be sent", [one.staged_rows for one in standings]),
        ("  their amount, yuan", [money(one.staged) for one in standings]),
        ("rows in doubt", [one.doubt_rows for one in standings]),
        ("rows in quarantine", [one.quarantined_rows for one in standings]),
        ("rows set aside", [one.set_aside_rows for one in standings]),
        ("changed in the HIS since", [one.changed for one in standings]),
        ("deleted in the HIS since", [one.vanished for one in standings]),
    )
    names = [one.pipeline for one in standings]
    show_table("Where everything stands", ("", *names), [(name, *row) for name, row in facts], right=names)


def show_questions(standings: Sequence[Standing]) -> None:
    """One line for each visit that a person is asked about."""
    for standing in standings:
        for name, kinds in standing.questions.items():
            say(f"visit {name}: a question waits for a person (its {kinds}): `connector decide {name}`")


def show_files_in_doubt(standings: Sequence[Standing]) -> None:
    """One line for each visit with files of which nobody knows whether they arrived."""
    for standing in standings:
        for name, number in standing.files_in_doubt.items():
            known = "it" if number == 1 else "they"
            say(
                f"visit {name}: of {count(number, 'file')} sent by 4.18 nobody knows whether {known} arrived: "
                f"`connector visit show {name}` names {'it' if number == 1 else 'them'}. Look on the web page, then "
                f"`connector visit document {name}` with --arrived or --again."
            )


def show_status(report: StatusReport, *, visits: bool, inferred: bool) -> None:
    """Standings, what is in doubt, what needs attention, what was inferred, and the last run."""
    show_standings(report.standings)
    for doubt in report.doubts:
        what = (
            f"a batch of {count(doubt.rows, 'row')}, {money(doubt.amount)} yuan," if doubt.rows else "a call"
        )
        say(
            f"visit {doubt.number or doubt.key}: {what} is {doubt.state.value.replace('_', ' ')} since "
            f"{moment(doubt.claimed_at)} ({doubt.operation}); the next run settles it by what the platform shows."
        )
    show_questions(report.standings)
    show_files_in_doubt(report.standings)
    for backfill in report.backfills:
        say(
            f"A backfill ({backfill.what}) was begun {moment(backfill.at)}, and {backfill.done} of its {backfill.shards} shards "
            "are done: the same command goes on with it (`connector backfill --status`)."
        )
    if visits and report.visits:
        show_table(
            "Visits that need attention",
            ("visit", "pipeline", "why"),
            [(one.number or one.key, pipeline, _attention(one)) for pipeline, one in report.visits],
            text="why",
        )
    elif visits:
        say("No visit needs attention.")
    elif report.visits:
        number = count(len(report.visits), "visit needs", "visits need")
        say(f"{number} attention: `connector status --visits` lists them.")
    if inferred:
        _show_inferences(report)
    elif report.inferred:
        say(
            f"{count(report.inferred, 'batch was', 'batches were')} accepted by inference: `--inferred` lists them."
        )
    for one in report.reconciliations:
        say(_last_run(one.started_at, one.pipeline, one.exit_code, what="reconciliation"))
    say(f"The platform is {report.calibrated}.")
    for run in report.runs[:1]:
        say(_last_run(run.started_at, run.pipeline, run.exit_code))


def _show_inferences(report: StatusReport) -> None:
    """Batches that no answer confirmed: within the window somebody may have entered the same amount by hand."""
    if not report.inferences:
        say("No batch was accepted by inference.")
        return
    show_table(
        "Accepted by inference: the platform's total showed the batch, its answer was lost",
        ("batch", "visit", "rows", "yuan", "sent", "settled"),
        [
            (
                one.batch_id,
                one.number,
                one.rows,
                money(one.amount),
                moment(one.claimed_at),
                moment(one.settled_at),
            )
            for one in report.inferences
        ],
        right=("batch", "rows", "yuan"),
    )
    if report.inferred > len(report.inferences):
        say(f"These are the newest {len(report.inferences)} of {report.inferred:,}.")


def _last_run(started_at: str, pipelines: str, exit_code: int | None, *, what: str = "run") -> str:
    """The last run in one sentence."""
    ended = "under way, or its process died" if exit_code is None else f"exit code {exit_code}"
    return f"Last {what}: {moment(started_at)}, {pipelines.replace(',', ', ')}, {ended}."


def _attention(one: VisitTotals) -> str:
    """What there is to look at in one visit."""
    parts = [
        f"held: {one.reason} (`connector resolve {one.number or one.key}`)" if one.reason else "",
        "" if one.registered else "not registered",
        *(
            f"{number} {words}"
            for number, words in (
                (one.staged_rows, "waiting to be sent"),
                (one.doubt_rows, "in doubt"),
                (one.quarantined_rows, "in quarantine"),
                (one.changed, "changed in the HIS"),
                (one.vanished, "deleted in the HIS"),
            )
            if number
        ),
    ]
    return ", ".join(part for part in parts if part)


def show_quarantine(report: QuarantineReport, *, rows: bool, filtered: bool) -> None:
    """Reasons by frequency, or every row."""
    if not report.groups:
        say("No row in quarantine fits." if filtered else "Nothing is in quarantine.")
    elif rows:
        show_table(
            "Rows in quarantine",
            ("row", "mapping", "key", "visit", "what is wrong"),
            [
                (
                    one.record_id,
                    one.mapping,
                    one.key,
                    one.number or one.visit,
                    "\n".join(str(violation) for violation in one.violations),
                )
                for one in report.rows
            ],
            right=("row",),
            text="what is wrong",
        )
        if report.more:
            say(f"These are the first {len(report.rows)} rows; --limit shows more.")
        say("`connector quarantine show ROW` tells all of one row.")
    else:
        show_groups("Rows in quarantine, by reason", report.groups)
        say("`connector quarantine list --rows` shows each row. Rows that are mended go by themselves.")
    if report.set_aside and not rows:
        show_groups("Set aside: nothing to send", report.set_aside)


def show_changes(report: ChangesReport) -> None:
    """Rows that changed after upload: those that nothing takes back, and what is on its way."""
    if not report.marked and not report.unsettled:
        say("Nothing that was uploaded has changed in the HIS.")
    if report.marked:
        show_table(
            "Changed in the HIS after upload, left as uploaded",
            ("row", "mapping", "key", "visit", "what the HIS did"),
            [
                (
                    one.record_id,
                    one.mapping,
                    one.key,
                    one.number or one.visit,
                    f"changed it; seen {moment(one.changed_at)}"
                    if one.changed_at
                    else f"deleted it; seen {moment(one.vanished_at)}",
                )
                for one in report.marked
            ],
            right=("row",),
            text="what the HIS did",
        )
        say("`connector changes compensate ROW` takes deleted rows back, where the mapping compensates.")
    if report.unsettled:
        show_table(
            "To be taken back",
            ("row", "takes back", "mapping", "key", "visit", "yuan", "stands"),
            [
                (
                    one.record_id,
                    one.origin_id,
                    one.mapping,
                    one.key,
                    one.number,
                    money(one.amount),
                    one.state.value.replace("_", " "),
                )
                for one in report.unsettled
            ],
            right=("row", "takes back", "yuan"),
            text="key",
        )


def show_groups(title: str, groups: Sequence[Group]) -> None:
    """Reasons with their counts."""
    show_table(
        title,
        ("rows", "mapping", "field", "what is wrong"),
        [
            (
                one.count,
                one.mapping,
                f"{one.violation.path.rpartition('.')[2]} {one.violation.zh}".strip(),
                one.violation.message
                if one.violation.rule == _ASIDE
                else f"{one.violation.rule}: {one.violation.message}",
            )
            for one in groups
        ],
        right=("rows",),
        text="what is wrong",
    )


def show_record(report: RowReport) -> None:
    """One row: where it stands, what is wrong with it, every batch it was in, and what is sent."""
    row = report.record
    state = row.state.value.replace("_", " ")
    say(f"row {row.record_id}: {row.mapping}, key {row.key}, visit {row.number or row.visit}: {state}")
    if report.trace_id:
        say(f"  trace id on the platform's page: {report.trace_id}")
    if row.changed_at:
        say(f"  changed in the HIS since; seen {moment(row.changed_at)}")
    if row.vanished_at:
        say(f"  deleted in the HIS since; seen {moment(row.vanished_at)}")
    for violation in row.violations:
        say(f"  wrong: {violation}")
    for batch in row.journeys:
        say(
            f"  batch {batch.batch_id} ({batch.operation}, {count(batch.rows, 'row')}, {moment(batch.claimed_at)}): "
            f"{batch.state.value.replace('_', ' ')} {_evidence(batch.evidence, batch.reason)}".rstrip()
        )
        if batch.answer is not None:
            say(f"    the platform said: {batch.answer.code} {batch.answer.message}".rstrip())
    if report.payload is not None:
        _show_payload(report.payload, report.names)


def _evidence(evidence: str, reason: str) -> str:
    """Why a batch is settled as it is."""
    words = {
        "ack": "by a plain yes",
        "answer": "by the platform's answer",
        "counts": "by the platform's count",
        "not_sent": "because nothing was sent",
        "overwrites": "to go again",
        "totals": "by the platform's totals",
    }
    shown = words.get(evidence, evidence)
    return f"{shown}: {reason}" if reason else shown
