"""`connector reconcile`: HIS, ledger and platform compared, and doubts settled."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from connector.cli.options import HERE, JsonOption, ProjectOption
from connector.cli.output import Bars, err, say, show_heading, show_json, show_table
from connector.cli.prompting import is_yes
from connector.cli.show_run import show_held
from connector.cli.stopping import Stopping
from connector.cli.words import count, money

if TYPE_CHECKING:
    from connector.pipeline.balance import CategorySums, Comparison
    from connector.pipeline.parts import Parts
    from connector.pipeline.reconcile import ReconcileReport, Wishes

_FAILED = 1
_BESIDE = ("waiting", "doubt", "quarantined")


def reconcile(
    visit: Annotated[
        list[str] | None,
        typer.Argument(
            help="Visits, by the platform's number or the HIS's key; else all open or unproven ones."
        ),
    ] = None,
    pipeline: Annotated[
        list[str] | None, typer.Option(help="Only this pipeline; may be given several times.")
    ] = None,
    project: ProjectOption = HERE,
    settle: Annotated[
        bool, typer.Option("--settle", help="Settle what is in doubt first; this may take the settle time.")
    ] = False,
    approval: Annotated[
        bool,
        typer.Option("--approval", help="Ask 4.12 for the platform's categories: it APPROVES the fees."),
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before --approval.")] = False,
    everything: Annotated[bool, typer.Option("--all", help="Every visit the ledger knows.")] = False,
    differences: Annotated[
        bool, typer.Option("--differences", help="Show only visits with something to explain.")
    ] = False,
    export: Annotated[
        Path | None, typer.Option(help="Write all of it to this new .csv or .xlsx file too.")
    ] = None,
    json: JsonOption = False,
) -> int:
    """Compare HIS, ledger and platform, visit by visit.

    Sums by category, and every row that explains a difference. No charge is sent. Exit code 4: somebody has to
    look; 3: only the quarantine stands between; 0: equal, or equal after the next run.
    """
    from connector.pipeline.parts import open_project
    from connector.pipeline.reconcile import Wishes
    from connector.pipeline.reconcile import reconcile as begin

    wishes = Wishes(
        pipelines=tuple(pipeline or ()),
        visits=tuple(visit or ()),
        everything=everything,
        settles=settle,
        approves=approval,
        only_differences=differences,
        export=export,
    )
    parts = open_project(project)
    if approval and not _agree(parts, wishes, yes=yes):
        say("Nothing was sent.", to=err)
        return _FAILED
    with Stopping() as stopping, Bars(quiet=json) as bars:
        report = begin(parts, wishes, progress=bars, is_stopping=stopping)
    if json:
        show_json(report)
    else:
        _show(report)
    return report.exit_code


def _agree(parts: "Parts", wishes: "Wishes", *, yes: bool) -> bool:
    """Whether a person, or --yes, wants the visits approved."""
    from connector.pipeline.reconcile import count_approvals

    number = count_approvals(parts, wishes)
    if yes:
        return True
    say(
        f"4.12 approves the uploaded fees of up to {count(number, 'visit')}. No interface takes an approval back; "
        "fees may still be uploaded, and approved again.",
        to=err,
    )
    return is_yes("Approve? Type yes: ")


def _show(report: "ReconcileReport") -> None:
    """One line a visit and category, what explains the differences, and the sums."""
    for delivered in report.delivered.values():
        for name, reason in delivered.waiting.items():
            say(f"visit {name}: {reason}")
        show_held(delivered.held)
        if delivered.settled:
            say(f"{count(delivered.settled, 'batch', 'batches')} in doubt settled by the platform's totals.")
    if report.comparisons:
        _show_sums(report.comparisons)
    for one in report.comparisons:
        _show_rows(one)
    if report.problem:
        say(f"Ended early: {report.problem}")
        return
    show_heading(
        f"{count(report.compared, 'visit')} compared, {report.equal:,} equal. HIS {money(report.his)}; "
        f"ledger {money(report.ledger)}; platform {money(report.platform)}."
    )
    for file in report.files:
        say(f"Written: {file}")


def _show_sums(comparisons: "list[Comparison]") -> None:
    from connector.pipeline.sheets import verdict

    columns = (
        "visit",
        "category",
        "HIS",
        "waiting",
        "in doubt",
        "quarantined",
        "ledger",
        "platform",
        "verdict",
    )
    rows: list[tuple[object, ...]] = []
    for one in comparisons:
        beside = [sum(getattr(sums, name) for sums in one.categories) for name in _BESIDE]
        platform = "not listed" if one.platform is None and not one.unread else money(one.platform)
        rows.append(
            (
                one.visit,
                "all",
                money(one.his),
                *map(money, beside),
                money(one.ledger),
                platform,
                verdict(one),
            )
        )
        rows += [
            (
                "",
                sums.category or "(not told)",
                *map(
                    money,
                    (sums.his, sums.waiting, sums.doubt, sums.quarantined, sums.accepted, sums.platform),
                ),
                "",
            )
            for sums in one.categories
            if _says_something(sums)
        ]
    show_table("HIS, ledger and platform, in yuan", columns, rows, right=columns[2:8])


def _says_something(sums: "CategorySums") -> bool:
    """Whether a category is worth a line: equal ones are left to --json and --export, unless 4.12 was asked."""
    beside = any(getattr(sums, name) for name in _BESIDE)
    return bool(beside or sums.his != sums.accepted or sums.platform is not None)


def _show_rows(one: "Comparison") -> None:
    """What stands between the three sums of a visit."""
    if not one.differs:
        return
    show_heading(f"visit {one.visit}")
    if one.held_for:
        say(f"  held: {one.held_for}")
    if one.unread:
        say(f"  {one.unread}")
    if one.others:
        say(f"  {money(one.others)} of the ledger's sum belongs to no mapping that is compared.")
    if one.candidates:
        say(f"  The platform holds {money(one.surplus)} more than the ledger. Perhaps:")
        for candidate in one.candidates:
            say(f"    {candidate}")
    for row in one.rows:
        about = " ".join(part for part in (row.item, row.detail) if part)
        say(
            f"  {row.mapping} {row.key}: {row.why}; HIS {money(row.his)}, on the platform {money(row.accepted)}"
            f"{f' ({about})' if about else ''}"
        )
    if one.more:
        say(f"  and {count(one.more, 'more row')}; --export writes every one.")
