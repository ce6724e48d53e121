"""`connector ask`: what the platform lists for a span of days, and the drug share of a visit."""

from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from connector.cli.call import show_report
from connector.cli.options import HERE, JsonOption, PersonalOption, ProjectOption
from connector.cli.output import err, say, show_heading, show_json, show_table
from connector.cli.stopping import Stopping
from connector.cli.words import count, money

if TYPE_CHECKING:
    from connector.pipeline.asking import Days
    from connector.pipeline.parts import Parts
    from connector.pipeline.uploaded import UploadedReport

app = typer.Typer(
    help="Ask the platform for its lists; nothing is changed there.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

_DAY = ["%Y-%m-%d"]
SinceOption = Annotated[
    datetime | None, typer.Option(formats=_DAY, help="The first day; else the first of the month.")
]
UntilOption = Annotated[datetime | None, typer.Option(formats=_DAY, help="The last day; else today.")]


class ApplicationDay(StrEnum):
    """Which day of an application is meant."""

    APPLIED = "applied"
    APPROVED = "approved"


class VisitDay(StrEnum):
    """Which day of a visit is meant."""

    RECORDED = "recorded"
    ADMITTED = "admitted"
    DISCHARGED = "discharged"


@app.command()
def applications(
    project: ProjectOption = HERE,
    since: SinceOption = None,
    until: UntilOption = None,
    by: Annotated[ApplicationDay, typer.Option(help="The day that counts.")] = ApplicationDay.APPLIED,
    show_personal: PersonalOption = False,
    json: JsonOption = False,
) -> int:
    """List applications for further treatment (4.5), whatever became of them."""
    from connector.pipeline.asking import APPLICATIONS

    return _list(project, APPLICATIONS, by, since, until, show_personal=show_personal, json=json)


@app.command()
def reports(
    project: ProjectOption = HERE,
    since: SinceOption = None,
    until: UntilOption = None,
    show_personal: PersonalOption = False,
    json: JsonOption = False,
) -> int:
    """List accident reports (4.7) by the day on which the agency took them."""
    from connector.pipeline.asking import REPORTS

    return _list(project, REPORTS, "handled", since, until, show_personal=show_personal, json=json)


@app.command()
def visits(
    project: ProjectOption = HERE,
    since: SinceOption = None,
    until: UntilOption = None,
    by: Annotated[VisitDay, typer.Option(help="The day that counts.")] = VisitDay.RECORDED,
    differences: Annotated[
        bool, typer.Option("--differences", help="Show only visits that somebody has to look at.")
    ] = False,
    export: Annotated[
        Path | None, typer.Option(help="Write all of it to this new .csv or .xlsx file.")
    ] = None,
    json: JsonOption = False,
) -> int:
    """List the visits at the platform (4.15), and what differs from the ledger.

    Not in the ledger; registered by it and not listed; another total. Exit code 4: somebody has to look.
    """
    from connector.pipeline.asking import Asker
    from connector.pipeline.parts import open_project
    from connector.pipeline.uploaded import list_uploaded

    parts = open_project(project)
    days = _days(parts, since, until)
    with Stopping() as stopping:
        report = list_uploaded(parts, Asker(_tell, stopping), by, days, export)
    if json:
        show_json(report)
    else:
        _show_uploaded(report, differences=differences)
    return report.exit_code


@app.command("drug-share")
def drug_share(
    number: Annotated[
        str, typer.Argument(help="The visit: its number at the platform, or its key in the HIS.")
    ],
    project: ProjectOption = HERE,
    show_personal: PersonalOption = False,
    json: JsonOption = False,
) -> int:
    """Ask for the share of drugs in a rehabilitation visit's fees (4.17)."""
    from connector.pipeline import asking
    from connector.pipeline.parts import open_project
    from connector.pipeline.sheet import find_wanted

    parts = open_project(project)
    wanted = find_wanted(parts, number, cross_province=False)
    with Stopping() as stopping:
        asker = asking.Asker(_tell, stopping, show_personal)
        return show_report(asking.tell_drug_share(parts, asker, wanted.number), json=json)


def _list(
    project: Path,
    method: str,
    by: str,
    since: datetime | None,
    until: datetime | None,
    *,
    show_personal: bool,
    json: bool,
) -> int:
    """One of the platform's own lists."""
    from connector.pipeline import asking
    from connector.pipeline.parts import open_project

    parts = open_project(project)
    days = _days(parts, since, until)
    with Stopping() as stopping:
        asker = asking.Asker(_tell, stopping, show_personal)
        return show_report(asking.list_records(parts, asker, method, by, days), json=json)


def _days(parts: "Parts", since: datetime | None, until: datetime | None) -> "Days":
    from connector.pipeline.asking import choose_days

    return choose_days(parts, since.date() if since else None, until.date() if until else None)


def _tell(text: str) -> None:
    say(text, to=err)


def _show_uploaded(report: "UploadedReport", *, differences: bool) -> None:
    shown = [one for one in report.visits if one.finding.needs_a_person or not differences]
    if shown:
        columns = ("visit", "verdict", "platform", "ledger", "admitted", "discharged", "recorded", "audit")
        rows = [
            (
                one.visit,
                one.finding,
                *(money(one.platform), money(one.ledger)),
                *(one.admitted, one.discharged, one.recorded, one.audit),
            )
            for one in shown
        ]
        show_table("Visits at the platform and in the ledger, in yuan", columns, rows, right=columns[2:4])
    odd = sum(one.finding.needs_a_person for one in report.visits)
    show_heading(f"{count(report.listed, 'visit')} listed; {odd:,} to look at.")
    for file in report.files:
        say(f"Written: {file}")
