"""What the commands print for people: one function a report."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from connector.cli.output import out, show_table
from connector.records import yuan

if TYPE_CHECKING:  # a report's room is loaded by the command that makes it, not by `--help`
    from collections.abc import Mapping, Sequence

    from connector.pipeline.check import CheckReport
    from connector.pipeline.demo import DemoReport
    from connector.pipeline.mapping_tests import TestResult
    from connector.pipeline.overview import Group, QuarantineReport, RecordView, Standing, StatusReport
    from connector.pipeline.preview import Preview
    from connector.pipeline.run import RunReport
    from connector.pipeline.totals import VisitSums


def money(amount: int | None) -> str:
    """An amount scaled by 4, in yuan with two decimals (four where it has them); "–" for none."""
    if amount is None:
        return "–"
    exact = yuan(amount)
    return f"{exact:,.2f}" if exact == round(exact, 2) else f"{exact:,.4f}"


def show_check(report: CheckReport) -> None:
    """What was checked, when nothing is wrong."""
    out.print(f"{report.mappings} mappings, {report.pipelines} pipelines: nothing wrong.")
    if report.database:
        out.print(f"Held against {report.database}: every column is there, with a type that fits.")


def show_preview(rows: Sequence[Preview]) -> None:
    """Rows one below the other: read, made, wrong."""
    if not rows:
        out.print("No such rows.")
    for one in rows:
        out.print(f"[bold]row {one.key}[/bold]" if "[" not in one.key else f"row {one.key}")
        _print_pairs("read", one.row)
        if one.payload is not None:
            _print_pairs("payload", one.payload)
        if one.set_aside:
            out.print(f"  set aside: {one.set_aside}", markup=False)
        for violation in one.violations:
            out.print(f"  wrong: {violation}", markup=False)
        out.print()


def _print_pairs(title: str, pairs: Mapping[str, object]) -> None:
    out.print(f"  {title}:", markup=False)
    for name, value in pairs.items():
        shown = json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else value
        out.print(f"    {name}: {'' if shown is None else shown}", markup=False)


def show_tests(results: Sequence[TestResult]) -> None:
    """One line a test, and what was not as expected below it."""
    for one in results:
        out.print(f"{'FAILED' if one.problems else 'ok    '} {one.mapping}: {one.name}", markup=False)
        for problem in one.problems:
            out.print(f"       {problem}", markup=False)
    failed = sum(bool(one.problems) for one in results)
    out.print(f"{len(results)} tests, {failed} failed." if results else "The mappings have no tests.")


def show_run(report: RunReport) -> None:
    """What was read, what was sent, and what is left."""
    show_table(
        "Dry run: what would be staged" if report.rehearsal else "Staged",
        ("mapping", "read", "others", "new", "changed", "same", "quarantined", "set aside"),
        [
            (
                name,
                one.read,
                one.others,
                one.counts.new,
                one.counts.changed + one.counts.changed_after_upload,
                one.counts.unchanged,
                one.counts.quarantined,
                one.counts.set_aside,
            )
            for name, one in report.staged.items()
        ],
        right=("read", "others", "new", "changed", "same", "quarantined", "set aside"),
    )
    for mapping, staged in report.staged.items():
        for path, rows in staged.shortened.items():
            out.print(f"{mapping}: {path} was shortened in {rows} rows, as its mapping says.", markup=False)
    if report.rehearsal:
        out.print("Nothing was written and nothing was sent.")
        return
    if report.delivered:
        show_table(
            "Sent",
            ("pipeline", "registered", "batches", "rows", "amount", "refused rows"),
            [
                (name, one.registered, one.batches, one.rows, money(one.amount), one.refused)
                for name, one in report.delivered.items()
            ],
            right=("registered", "batches", "rows", "amount", "refused rows"),
        )
    for delivered in report.delivered.values():
        if delivered.settled:
            out.print(
                f"{delivered.settled} batches had no plain answer; the platform's totals settled them, "
                "nothing was sent on a guess."
            )
        _print_reasons("waits", delivered.waiting)
        _print_reasons("HELD", delivered.held)
        _print_reasons("the platform remarks", delivered.warnings)
    show_standings(list(report.standings.values()))
    if report.problem:
        out.print(f"Ended early: {report.problem}", markup=False)


def _print_reasons(word: str, reasons: Mapping[str, str]) -> None:
    for name, reason in reasons.items():
        out.print(f"visit {name} {word}: {reason}", markup=False)


def show_demo(report: DemoReport) -> None:
    """Both runs, the day between, what is held and why, and the three sums."""
    for number, one in enumerate(report.runs, start=1):
        out.rule(f"Run {number}", align="left")
        show_run(one)
        if number == 1 and report.changes:
            out.rule("A day goes by in the hospital", align="left")
            for change in report.changes:
                out.print(f"- {change}", markup=False)
    if not report.sums:
        return
    out.rule("What is held, and why", align="left")
    show_groups("Quarantined rows by reason", report.quarantine)
    show_sums(report.sums)
    out.print(
        f"Everything is in {report.directory}; `connector status -p {report.directory}` shows it again."
    )


def show_sums(sums: Sequence[VisitSums]) -> None:
    """HIS, ledger and platform a visit, and whether every fen is explained."""
    show_table(
        "HIS = ledger = platform",
        ("visit", "HIS", "held back", "ledger", "platform", "", "held back because"),
        [
            (
                one.visit,
                money(one.his),
                money(one.held),
                money(one.ledger),
                money(one.platform),
                "✓" if one.is_balanced else "✗",
                ", ".join(f"{rows} {why} ({money(amount)})" for why, (rows, amount) in one.kept_back.items()),
            )
            for one in sums
        ],
        right=("HIS", "held back", "ledger", "platform"),
    )
    his, held = sum(one.his for one in sums), sum(one.held for one in sums)
    ledger, platform = sum(one.ledger for one in sums), sum(one.platform or 0 for one in sums)
    balanced = all(one.is_balanced for one in sums)
    out.print(
        f"HIS {money(his)} − held back {money(held)} = {money(his - held)}; ledger {money(ledger)}; "
        f"platform {money(platform)}: {'equal to the fen' if balanced else 'NOT equal, see above'}."
    )


def show_standings(standings: Sequence[Standing]) -> None:
    """One line a pipeline."""
    show_table(
        "Where everything stands",
        (
            "pipeline",
            "visits",
            "registered",
            "accepted",
            "amount",
            "staged",
            "in doubt",
            "quarantined",
            "set aside",
            "changed in HIS",
        ),
        [
            (
                one.pipeline,
                one.visits,
                one.registered,
                one.accepted_rows,
                money(one.accepted),
                one.staged_rows,
                one.doubt_rows,
                one.quarantined_rows,
                one.set_aside_rows,
                one.changed + one.vanished,
            )
            for one in standings
        ],
        right=(
            "visits",
            "registered",
            "accepted",
            "amount",
            "staged",
            "in doubt",
            "quarantined",
            "set aside",
            "changed in HIS",
        ),
    )


def show_status(report: StatusReport, *, visits: bool) -> None:
    """Standings, what is in doubt, what needs attention, and the last runs."""
    show_standings(report.standings)
    for doubt in report.doubts:
        out.print(
            f"visit {doubt.number or doubt.key}: a batch of {doubt.rows} rows, {money(doubt.amount)}, is "
            f"{doubt.state.value} since {doubt.claimed_at} ({doubt.operation}); it is settled by the totals.",
            markup=False,
        )
    if visits:
        columns = (
            "visit",
            "pipeline",
            "registered",
            "staged",
            "in doubt",
            "quarantined",
            "changed",
            "held because",
        )
        show_table(
            "Visits that need attention",
            columns,
            [
                (
                    one.number or one.key,
                    pipeline,
                    "yes" if one.registered else "no",
                    one.staged_rows,
                    one.doubt_rows,
                    one.quarantined_rows,
                    one.changed + one.vanished,
                    one.reason,
                )
                for pipeline, one in report.visits
            ],
            right=("staged", "in doubt", "quarantined", "changed"),
        )
    elif report.visits:
        out.print(f"{len(report.visits)} visits need attention: `connector status --visits` lists them.")
    for run in report.runs[:1]:
        out.print(f"Last run: {run.started_at}, {run.pipeline}, exit code {run.exit_code}.", markup=False)


def show_quarantine(report: QuarantineReport, *, rows: bool) -> None:
    """Reasons by frequency, or every row."""
    if not report.groups:
        out.print("Nothing is quarantined.")
    elif rows:
        show_table(
            "Quarantined rows",
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
        )
        out.print("`connector quarantine show ROW` tells all of one row.")
    else:
        show_groups("Quarantined rows by reason", report.groups)
        out.print(
            "`connector quarantine list --rows` shows each row. Rows that were mended go by themselves."
        )
    if report.set_aside and not rows:
        show_groups("Set aside: nothing to send", report.set_aside)


def show_groups(title: str, groups: Sequence[Group]) -> None:
    """Reasons with their counts."""
    show_table(
        title,
        ("rows", "mapping", "field", "name", "rule", "reason"),
        [
            (
                one.count,
                one.mapping,
                one.violation.path,
                one.violation.zh,
                one.violation.rule,
                one.violation.message,
            )
            for one in groups
        ],
        right=("rows",),
    )


def show_record(row: RecordView) -> None:
    """One row: where it stands, what is wrong with it, and every batch it was in."""
    out.print(
        f"row {row.record_id}: {row.mapping}, key {row.key}, visit {row.number or row.visit}: {row.state.value}",
        markup=False,
    )
    for violation in row.violations:
        out.print(f"  wrong: {violation}", markup=False)
    for batch in row.journeys:
        out.print(
            f"  batch {batch.batch_id} ({batch.operation}, {batch.rows} rows, {batch.claimed_at}): "
            f"{batch.state.value} {batch.evidence} {batch.reason}".rstrip(),
            markup=False,
        )
        if batch.answer is not None:
            out.print(
                f"    the platform said: {batch.answer.code} {batch.answer.message}".rstrip(), markup=False
            )
