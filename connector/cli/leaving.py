"""`connector visit checklist`, `leave` and `document`: the end of a visit, and what comes after it."""

from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from connector.cli import show_run
from connector.cli.call import show_report
from connector.cli.options import HERE, JsonOption, ProjectOption
from connector.cli.output import Bars, err, say, show_json, show_table
from connector.cli.prompting import is_yes
from connector.cli.resolve import BecauseOption, WhoOption, sign
from connector.cli.stopping import Stopping

if TYPE_CHECKING:
    from connector.pipeline.checklist import Checklist
    from connector.pipeline.documents import Document
    from connector.pipeline.letting_go import LeaveReport
    from connector.pipeline.parts import Parts

_FAILED, _STANDS_AGAINST = 1, 4

VisitArgument = Annotated[str, typer.Argument(help="The visit: its number, or its key in the HIS.")]
YesOption = Annotated[bool, typer.Option("--yes", help="Do not ask before.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(checklist)
    app.command()(leave)
    app.command()(document)


def checklist(visit: VisitArgument, project: ProjectOption = HERE, json: JsonOption = False) -> int:
    """Say what stands against a visit's leaving.

    The platform is asked for its total, and nothing else is sent. Exit code 4: something stands against it.
    """
    from connector.pipeline.letting_go import checklist_of
    from connector.pipeline.parts import open_project

    with Stopping() as stopping, Bars(quiet=True) as bars:
        found = checklist_of(open_project(project), visit, progress=bars, is_stopping=stopping)
    if json:
        show_json(found)
    else:
        show_checklist(found)
    return _STANDS_AGAINST if found.obstacles else 0


def leave(
    visit: VisitArgument,
    because: Annotated[str, typer.Option(help="Why; it is kept with the decision.")] = "",
    withdraw: Annotated[
        bool, typer.Option("--withdraw", help="Take that back, where it has not left yet.")
    ] = False,
    without_invoices: Annotated[
        bool,
        typer.Option(
            "--without-invoices", help="Send none: the platform has them, or gets them by `visit document`."
        ),
    ] = False,
    yes: YesOption = False,
    project: ProjectOption = HERE,
    json: JsonOption = False,
) -> int:
    """Let a visit leave that has ended in the HIS.

    What waits is sent, the fees are approved (4.12), the totals compared, the discharge sent with its records and
    invoices (4.13, 4.26). Where something stands against it, it leaves at the first run at which nothing does. Exit
    code 4: it has not left.
    """
    from connector.pipeline import letting_go
    from connector.pipeline.parts import open_project, person

    parts, word = open_project(project), letting_go.Word(person(), because.strip(), without_invoices)
    if withdraw:
        letting_go.withdraw(parts, visit, word)
        said = f"Visit {visit} does not leave by itself."
        show_json({"visit": visit, "then": said}) if json else say(said)
        return 0
    if not yes and not _agree(parts, visit):
        say("Nothing was done.", to=err)
        return _FAILED
    with Stopping() as stopping, Bars(quiet=json) as bars:
        report = letting_go.let_leave(parts, visit, word, progress=bars, is_stopping=stopping)
    if json:
        show_json(report)
    else:
        _show_leaving(visit, report)
    return report.exit_code


def document(
    visit: VisitArgument,
    file: Annotated[Path | None, typer.Argument(help="The file: pdf, png, jpg, bmp or gif.")] = None,
    *,
    number: Annotated[str, typer.Option(help="The invoice's number; a plan's own number.")],
    money: Annotated[str, typer.Option(help="What the invoice comes to, in yuan.")] = "",
    plan: Annotated[
        bool, typer.Option("--plan", help="It is a rehabilitation plan, not an invoice.")
    ] = False,
    again: Annotated[
        bool, typer.Option("--again", help="Somebody has looked: it is not on the platform.")
    ] = False,
    arrived: Annotated[
        bool, typer.Option("--arrived", help="Somebody has looked: it is there. Nothing is sent.")
    ] = False,
    because: BecauseOption = "",
    who: WhoOption = "",
    yes: YesOption = False,
    project: ProjectOption = HERE,
    json: JsonOption = False,
) -> int:
    """Upload a file of a visit that has left (4.18).

    A number goes once. Without an answer nobody knows whether it arrived, and it does not go again by itself: exit
    code 4, until a person has looked and says --again with the file, or --arrived without it.
    """
    from connector.pipeline import documents
    from connector.pipeline.parts import open_project

    if arrived:
        if file or money or plan or again:
            raise typer.BadParameter("--arrived goes with the --number alone: nothing is sent")
        seen = documents.confirm_arrival(open_project(project), visit, number, sign(who, because))
        said = f"The file {number} of visit {seen.name} counts as arrived."
        show_json({"visit": seen.name, "then": said}) if json else say(said)
        return 0
    if because or who:
        raise typer.BadParameter("--because and --who go with --arrived: nothing else is decided here")
    if file is None:
        raise typer.BadParameter("name the file")
    if plan == bool(money):
        raise typer.BadParameter("an invoice has --money, a --plan has none")
    try:
        amount = Decimal(money or "0")
    except InvalidOperation:
        raise typer.BadParameter(f"--money {money} is no amount in yuan") from None
    parts = open_project(project)
    paper = documents.Paper(file, number, amount, plan, again)
    prepared = documents.prepare_document(parts, visit, paper)
    if not yes and not _agree_to(prepared):
        say("Nothing was sent.", to=err)
        return _FAILED
    with Stopping() as stopping:
        report = documents.send_document(parts, prepared, notify=_tell, is_stopping=stopping)
    code = show_report(report, json=json)
    if code == _STANDS_AGAINST:
        _tell(
            f"Look at the visit on the platform's web page. Where {number} is not there, send it with --again, where it is "
            "there, say --arrived; it does not go again by itself."
        )
    return code


def show_checklist(found: "Checklist") -> None:
    """The list for people: what stands against it, what should have been seen, what is fine."""
    words = {"ok": "ok", "not": "NOT", "warning": "look"}
    show_table(
        f"Before visit {found.visit} leaves",
        ("", "what has to hold", "what was found", "what to do"),
        [(words[one.mark], one.name, one.found, one.advice) for one in found.items],
        text="what was found",
    )
    against = len(found.obstacles)
    say(
        "It may leave."
        if not against
        else f"{against} things stand against it."
        if against > 1
        else "One thing stands against it."
    )


def _agree(parts: "Parts", visit: str) -> bool:
    """Show what stands against it, then ask."""
    from connector.pipeline.letting_go import checklist_of

    with Stopping() as stopping, Bars(quiet=True) as bars:
        found = checklist_of(parts, visit, progress=bars, is_stopping=stopping)
    for one in (*found.obstacles, *found.warnings):
        _tell(one)
    _tell(
        f"Visit {found.visit} leaves: what waits is sent, its fees are approved (4.12), which cannot be taken back, and the "
        "patient is discharged at the platform."
    )
    if found.obstacles:
        _tell("Something stands against it: it leaves at the first run at which nothing does.")
    return _agrees("Let it leave? Type yes: ")


def _agree_to(prepared: "Document") -> bool:
    for line in prepared.question.lines:
        _tell(line)
    return _agrees("Send it? Type yes: ")


def _agrees(question: str) -> bool:
    return is_yes(question, unanswered="Nobody answered; --yes does it without asking.")


def _tell(text: str) -> None:
    say(text, to=err)


def _show_leaving(visit: str, report: "LeaveReport") -> None:
    """What was sent, and whether it has left."""
    show_run.show_run(report.run)
    if report.has_left:
        say(f"Visit {visit} has left.")
        return
    if report.checklist is not None:
        show_checklist(report.checklist)
    say(f"Visit {visit} has NOT left.")
