"""What `run`, `run --dry-run` and `demo` print for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from connector.cli.output import say, show_heading, show_table
from connector.cli.show import show_files_in_doubt, show_groups, show_standings
from connector.cli.words import count, money

if TYPE_CHECKING:  # a report's room is loaded by the command that makes it, not by `--help`
    from collections.abc import Mapping, Sequence

    from connector.pipeline.balance import Comparison
    from connector.pipeline.demo import DemoReport
    from connector.pipeline.demo_visits import TakenBack, VisitsShown
    from connector.pipeline.desk import Report
    from connector.pipeline.guards import Breach
    from connector.pipeline.run import Rehearsed, RunReport
    from connector.pipeline.stage import Staged


def show_run(report: RunReport) -> None:
    """What was read, what was sent, and what is left; of a dry run, what would be."""
    dry = report.rehearsal is not None
    _show_staged(report.staged, "Would be read and staged" if dry else "Read and staged")
    if report.delivered:
        _show_sent(report.delivered, "Would be sent" if dry else "Sent")
    for delivered in report.delivered.values():
        if delivered.left:
            say(f"{count(delivered.left, 'visit')} left.")
        if delivered.settled:
            batches = count(delivered.settled, "batch", "batches")
            say(f"{batches} had no plain answer; the platform's totals settled what became of them.")
        _show_reasons("waits", delivered.waiting)
        show_held(delivered.held)
        _show_reasons("is worth a look", delivered.warnings)
    if report.rehearsal is not None:
        _show_rehearsal(report, report.rehearsal)
    else:
        show_standings(list(report.standings.values()))
        show_files_in_doubt(list(report.standings.values()))
    show_breaches(report.breaches)
    if report.problem:
        say(f"Ended early: {report.problem}")


def _show_staged(staged: Mapping[str, Staged], title: str) -> None:
    """One line a mapping, and what is unusual below."""
    columns = ("mapping", "read", "others", "new", "changed", "known", "quarantined", "aside")
    show_table(
        title,
        columns,
        [
            (
                name,
                one.read,
                one.others,
                one.counts.new + one.counts.requeued,
                one.counts.changed + one.counts.mapping_changed + one.counts.changed_after_upload,
                one.counts.unchanged,
                one.counts.quarantined,
                one.counts.set_aside,
            )
            for name, one in staged.items()
        ],
        right=columns[1:],
    )
    say("others: rows of other patients. known: as they were read before. aside: nothing to send.")
    for name, one in staged.items():
        for path, rows in one.shortened.items():
            say(f"{name}: {path} was shortened in {count(rows, 'row')}, as the mapping says.")
        if one.earlier:
            say(
                f"{name}: {count(one.earlier, 'visit')} admitted before the pipeline's `since` left to `connector backfill`."
            )
        if one.counts.compensated:
            say(
                f"{name}: {count(one.counts.compensated, 'row')} changed in the HIS after upload: taken back and sent anew."
            )
        if one.counts.changed_after_upload:
            say(
                f"{name}: {count(one.counts.changed_after_upload, 'row')} changed in the HIS after upload: left as uploaded."
            )
        if one.counts.mapping_changed:
            say(
                f"{name}: {count(one.counts.mapping_changed, 'row')} changed by the mapping, a code map or the catalogue: "
                "what waits takes it, what is on the platform stays."
            )
        if one.void:
            say(f"{name}: {count(one.void, 'row')} deleted in the HIS before being sent.")
        if one.vanished:
            say(f"{name}: {count(one.vanished, 'row')} on the platform, but deleted in the HIS since.")


def _show_sent(delivered: Mapping[str, Report], title: str) -> None:
    """One line a pipeline."""
    columns = ("pipeline", "visits registered", "batches", "rows", "yuan", "rows refused")
    show_table(
        title,
        columns,
        [
            (name, one.registered, one.batches, one.rows, money(one.amount), one.refused)
            for name, one in delivered.items()
        ],
        right=columns[1:],
    )


def show_held(held: Mapping[str, str]) -> None:
    """The visits that are held, why, and the command that shows what may be decided."""
    for name, reason in held.items():
        say(f"visit {name} is HELD for a person: {reason} (`connector resolve {name}`)")


def _show_reasons(word: str, reasons: Mapping[str, str]) -> None:
    for name, reason in reasons.items():
        say(f"visit {name} {word}: {reason}".replace(" : ", ": "))


def show_breaches(breaches: Sequence[Breach]) -> None:
    """What contributes most to each number that is too large."""
    for breach in (one for one in breaches if one.most):
        show_table(
            f"{breach.guard}: what contributes most",
            ("visit", "mapping", "rows", "yuan"),
            [(one.visit, one.mapping, f"{one.rows:,}", money(one.amount)) for one in breach.most],
            right=("rows", "yuan"),
        )


def _show_rehearsal(report: RunReport, rehearsed: Rehearsed) -> None:
    """How much would go, what would be kept back, and that nothing has happened."""
    if rehearsed.quarantine:
        show_groups("Would be in quarantine, by reason", rehearsed.quarantine)
    if not report.breaches:
        everything = report.delivered.values()
        rows = count(sum(one.rows for one in everything), "row")
        batches = count(sum(one.batches for one in everything), "batch", "batches")
        say(
            f"A run would send {rows} in {batches} to {count(rehearsed.visits, 'visit')}, "
            f"{money(sum(one.amount for one in everything))} yuan, if the platform takes everything."
        )
    if rehearsed.messages:
        say(f"{count(rehearsed.messages, 'message')} sealed, opened again and found the same.")
    say("Nothing was written and nothing was sent.")


def show_demo(report: DemoReport) -> None:
    """Both runs, the day between, what is held and why, and the three sums."""
    for number, one in enumerate(report.runs, start=1):
        show_heading(f"=== Run {number} ===")
        show_run(one)
        if number == 1 and report.changes:
            show_heading("=== A day goes by in the hospital ===")
            for change in report.changes:
                say(f"- {change}")
    if not report.sums:
        return
    show_visits(report.visits)
    show_heading("=== What is held, and why ===")
    show_groups("Rows in quarantine, by reason", report.quarantine)
    show_sums(report.sums)
    say(f"Everything is in {report.directory}; `connector status -p {report.directory}` shows it again.")


def show_visits(shown: VisitsShown) -> None:
    """A question and its answer, the visits that went all the way, and the one that was taken back."""
    show_heading("=== Visits, all the way ===")
    for one in shown.decided:
        say(
            f"Visit {one.visit} waited for a person: {one.asked} {one.fitting} of {one.candidates} candidates fitted; "
            f"`connector decide {one.visit} --choose {one.chosen}` took one. {count(one.rows, 'row')} went after it."
        )
    show_table(
        "One visit of each kind, from its registration to its settlement sheet",
        ("kind", "visit", "interfaces", "rows", "yuan", "sheet"),
        [
            (one.kind, one.visit, " → ".join(one.sections), one.rows, money(one.amount), one.sheet)
            for one in shown.journeys
        ],
        right=("rows", "yuan"),
        text="interfaces",
    )
    for kind in shown.lacking:
        say(f"No visit of this kind came so far: {kind}.")
    if shown.taken_back is not None:
        show_taken_back(shown.taken_back)


def show_taken_back(one: TakenBack) -> None:
    """The calls that took a leaving back, and what they left."""
    say(f"`connector visit undo {one.visit} --to leave` took back what came last:")
    for call in one.calls:
        say(f"- {call}")
    for words in one.stays:
        say(f"- it stays: {words}")
    say(f"Then it {'left again' if one.has_left_again else 'did not leave again'}.")


def show_sums(sums: Sequence[Comparison]) -> None:
    """HIS, ledger and platform a visit, and whether every fen is explained."""
    columns = ("visit", "HIS", "held back", "ledger", "platform", "equal")
    show_table(
        "HIS − held back = ledger = platform, in yuan",
        columns,
        [
            (
                one.visit,
                money(one.his),
                money(one.held),
                money(one.ledger),
                money(one.platform),
                "yes" if one.is_balanced else "NO",
            )
            for one in sums
        ],
        right=columns[1:5],
    )
    for one in sums:
        if one.kept_back:
            reasons = ", ".join(
                f"{count(kept.rows, 'row')} {why} ({money(kept.amount)})"
                for why, kept in one.kept_back.items()
            )
            say(f"held back of {one.visit}: {reasons}")
    his, held = sum(one.his for one in sums), sum(one.held for one in sums)
    ledger, platform = sum(one.ledger for one in sums), sum(one.platform or 0 for one in sums)
    balanced = all(one.is_balanced for one in sums)
    show_heading(
        f"HIS {money(his)} − held back {money(held)} = {money(his - held)}; ledger {money(ledger)}; "
        f"platform {money(platform)}: {'equal to the fen' if balanced else 'NOT equal, see above'}."
    )
