"""`connector ledger check / backup / restore / export / accept`: the care of the one file that must not be lost."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from connector.cli.options import HERE, JsonOption, PersonalOption, ProjectOption
from connector.cli.output import err, say, show_json, show_table
from connector.cli.stopping import Stopping
from connector.cli.words import count, moment, money

if TYPE_CHECKING:  # a report's room is loaded by the command that makes it, not by `--help`
    from connector.pipeline.acceptance import Comparison, SuspectSums
    from connector.pipeline.ledger_care import CheckReport


def register(app: typer.Typer) -> None:
    """Add these commands to the group."""
    app.command()(check)
    app.command()(backup)
    app.command()(restore)
    app.command()(export)
    app.command()(accept)


def check(
    project: ProjectOption = HERE,
    deep: Annotated[
        bool, typer.Option("--deep", help="Open every sealed text, not only the newest of each kind.")
    ] = False,
    json: JsonOption = False,
) -> int:
    """Check whether the ledger is whole.

    The file, what must hold between its tables, its sealed texts, its witness. Nothing is changed; a run may be under
    way. The exit code is 1 where anything is broken.
    """
    from connector.pipeline.ledger_care import check_ledger
    from connector.pipeline.parts import open_project

    report = check_ledger(open_project(project), deep=deep)
    if json:
        show_json(report)
    else:
        _show_check(report)
    return report.exit_code


def _show_check(report: "CheckReport") -> None:
    """One line a check, what is broken below it."""
    size = f", {report.size_bytes / 2**20:,.1f} MB" if report.size_bytes else ""
    say(f"The ledger {report.place}, created {moment(report.created_at)}{size}:")
    for one in report.checks:
        say(f"{'BROKEN' if one.broken else 'ok    '} {one.name}")
        for part in one.broken:
            say(f"       {part}")
    broken = sum(bool(one.broken) for one in report.checks)
    if broken:
        say(
            f"{count(len(report.checks), 'check')}, {broken} failed. Send nothing from it: see docs/ledger.md."
        )
    else:
        say(f"{count(len(report.checks), 'check')}, nothing is broken.")
    if report.note:
        say(report.note)


def backup(
    file: Annotated[Path, typer.Argument(help="The new file to copy it to.")],
    project: ProjectOption = HERE,
    json: JsonOption = False,
) -> int:
    """Copy the ledger into a file, and check the copy.

    Also while a run is under way, and of a PostgreSQL ledger too. The copy needs the ledger's key to be read.
    """
    from connector.pipeline.ledger_care import back_up
    from connector.pipeline.parts import open_project

    report = back_up(open_project(project), file)
    if json:
        show_json(report)
    else:
        say(
            f"The ledger was copied to {report.file}, {report.size_bytes / 2**20:,.1f} MB; the copy passed "
            f"{count(report.checks, 'check')}. Keep its key elsewhere: without it the copy cannot be read."
        )
    return 0


def restore(
    file: Annotated[Path, typer.Argument(help="A copy that `connector ledger backup` made.")],
    project: ProjectOption = HERE,
    force: Annotated[bool, typer.Option("--force", help="Take a copy of another ledger, too.")] = False,
    json: JsonOption = False,
) -> int:
    """Put a copy in the ledger's place.

    The copy is checked first; the present file is kept under another name. If anything was sent since the copy was
    made, the next run holds every visit until it is compared with the platform (`accept`).
    """
    from connector.pipeline.ledger_care import restore as bring_back
    from connector.pipeline.parts import open_project

    report = bring_back(open_project(project), file, force=force)
    if json:
        show_json(report)
        return 0
    say(f"{file} is the ledger {report.file} now.")
    if report.aside is not None:
        say(f"What was there before is kept as {report.aside}.")
    say(report.caution or "By its witness nothing was sent since the copy was made.")
    return 0


def export(
    file: Annotated[
        Path | None, typer.Argument(help="The new file; where none is named, to the screen.")
    ] = None,
    project: ProjectOption = HERE,
    lines: Annotated[bool, typer.Option("--lines", help="One JSON document a line, instead of CSV.")] = False,
    show_personal: PersonalOption = False,
    json: JsonOption = False,
) -> int:
    """Write out every row: where it comes from, what became of it, and how that is known.

    With --show-personal also what is to be sent of a row, as long as that is kept.
    """
    from connector.pipeline.ledger_care import Form, export_ledger
    from connector.pipeline.parts import open_project

    form: Form = "jsonl" if lines or (json and file is None) else "csv"
    report = export_ledger(open_project(project), file or sys.stdout, form=form, show_personal=show_personal)
    if file is not None and json:
        show_json(report)
    elif file is not None:
        say(f"{count(report.rows, 'row')} written to {file}.")
    return 0


def accept(
    visit: Annotated[
        list[str] | None, typer.Argument(help="Visits to let go on; where none is named, all are shown.")
    ] = None,
    project: ProjectOption = HERE,
    matching: Annotated[
        bool, typer.Option("--matching", help="Let all visits go on of which both have the same total.")
    ] = False,
    reason: Annotated[str, typer.Option(help="Why; it is kept with the decision.")] = "",
    json: JsonOption = False,
) -> int:
    """Compare a restored ledger with the platform.

    Shows every visit that is held for it, with both totals, and lets those go on that a person accepts. Without a
    witness that can be read, this makes a new one, and every visit is held until it is compared.
    """
    from connector.pipeline.acceptance import accept as decide
    from connector.pipeline.acceptance import compare
    from connector.pipeline.parts import open_project

    if (visit or matching) and not reason.strip():
        raise typer.BadParameter("say why, with --reason: it is kept with the decision")
    parts = open_project(project)
    with Stopping() as stopping:
        comparison = compare(parts, notify=lambda text: say(text, to=err), is_stopping=stopping)
    accepted = (
        decide(parts, comparison, visit or [], matching=matching, reason=reason) if visit or matching else []
    )
    if json:
        show_json({"visits": comparison.visits, "accepted": [one.visit for one in accepted]})
    else:
        _show_comparison(comparison, accepted)
    return 4 if len(accepted) < len(comparison.visits) else 0


def _show_comparison(comparison: "Comparison", accepted: "list[SuspectSums]") -> None:
    """The visits with their numbers, and what to do."""
    if not comparison.visits:
        say("No visit is held because the ledger was restored.")
        return
    show_table(
        "Held because the ledger was restored",
        ("visit", "ledger", "in doubt", "platform", ""),
        [
            (
                one.visit,
                money(one.ledger),
                money(one.doubt),
                "not listed" if one.platform is None else money(one.platform),
                "accepted" if one in accepted else "agrees" if one.agrees else "DIFFERS",
            )
            for one in comparison.visits
        ],
        right=("ledger", "in doubt", "platform"),
    )
    if accepted:
        say(f"{count(len(accepted), 'visit')} accepted; the next `connector run` goes on with them.")
        return
    if any(one.agrees for one in comparison.visits):
        say(
            "Where both agree: `connector ledger accept --matching --reason …` lets them go on. It is likely, not certain, "
            "that nothing of them is missing: a charge and its refund that were sent meanwhile come to nothing."
        )
    if not all(one.agrees for one in comparison.visits):
        say("Where they differ: the platform has rows that this ledger does not know; see docs/ledger.md.")
