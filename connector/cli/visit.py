"""`connector visit`: visits one by one."""

from typing import TYPE_CHECKING, Annotated

import typer

from connector.cli import leaving, show_run
from connector.cli.decide import show_question
from connector.cli.leaving import VisitArgument
from connector.cli.options import HERE, JsonOption, PersonalOption, ProjectOption
from connector.cli.output import Bars, say, show_heading, show_json, show_table
from connector.cli.resolve import BecauseOption, WhoOption, sign
from connector.cli.stopping import Stopping
from connector.cli.undo import undo
from connector.cli.words import count, moment, money

if TYPE_CHECKING:
    from connector.pipeline.visiting import VisitLine, VisitReport

app = typer.Typer(help="Visits one by one: where each stands, what comes next.")
leaving.register(app)


@app.command(name="list")
def list_visits(
    project: ProjectOption = HERE,
    everything: Annotated[
        bool, typer.Option("--all", help="Those too that have ended and wait for nothing.")
    ] = False,
    json: JsonOption = False,
) -> int:
    """List visits, and what each waits for."""
    from connector.pipeline.parts import open_project
    from connector.pipeline.visiting import list_visits as find

    found = find(open_project(project), everything=everything)
    if json:
        show_json(found)
    elif not found:
        say("The ledger knows no visit." if everything else "No visit is open or waits for anything.")
    else:
        _show_list(found)
    return 0


@app.command()
def show(
    visit: VisitArgument,
    project: ProjectOption = HERE,
    show_personal: PersonalOption = False,
    json: JsonOption = False,
) -> int:
    """Show where a visit stands and what was done for it.

    Its questions and what people decided are shown too.
    """
    from connector.pipeline.parts import open_project
    from connector.pipeline.visiting import show_visit

    report = show_visit(open_project(project), visit, show_personal=show_personal)
    if json:
        show_json(report)
    else:
        _show(report)
    return 0


@app.command()
def step(
    visit: VisitArgument,
    again: Annotated[
        bool, typer.Option("--again", help="Send again what was taken back of it, or set aside.")
    ] = False,
    because: BecauseOption = "",
    who: WhoOption = "",
    project: ProjectOption = HERE,
    json: JsonOption = False,
) -> int:
    """Take one visit as far as it goes now.

    As `connector run` does, but nothing is sent of other visits. The exit code is about this visit.
    """
    from connector.pipeline.parts import open_project
    from connector.pipeline.visiting import step_visit

    if not again and (because or who):
        raise typer.BadParameter("--because and --who go with --again: nothing else is decided here")
    with Stopping() as stopping, Bars(quiet=json) as bars:
        report = step_visit(
            open_project(project),
            visit,
            again=sign(who, because) if again else None,
            progress=bars,
            is_stopping=stopping,
        )
    if json:
        show_json(report)
    else:
        show_run.show_run(report)
    return report.exit_code


@app.command(name="set-aside")
def set_visit_aside(
    visit: VisitArgument,
    because: BecauseOption = "",
    who: WhoOption = "",
    project: ProjectOption = HERE,
    json: JsonOption = False,
) -> int:
    """Say that a visit is not for the platform.

    It must not be registered there (`visit undo` takes that back). Nothing of it is sent and nothing waits for it, until
    `visit step --again`.
    """
    from connector.pipeline.parts import open_project
    from connector.pipeline.setting_aside import set_aside

    done = set_aside(open_project(project), visit, sign(who, because.strip()))
    if json:
        show_json(done)
    else:
        say(
            f"Visit {done.visit} is set aside, with {count(done.rows, 'row')}: nothing of it is sent. "
            f"`connector visit step {done.visit} --again` lets it go."
        )
    return 0


app.command()(undo)


def _show_list(found: "list[VisitLine]") -> None:
    """One line a visit."""
    show_table(
        "Visits",
        ("visit", "pipeline", "in the HIS", "registered", "rows sent", "yuan", "waits for"),
        [
            (
                line.totals.number or line.totals.key,
                line.pipeline,
                "open" if line.totals.is_open else "ended",
                "yes" if line.totals.registered else "no",
                line.totals.accepted_rows,
                money(line.totals.accepted),
                line.waits_for,
            )
            for line in found
        ],
        right=("rows sent", "yuan"),
        text="waits for",
    )


def _show(report: "VisitReport") -> None:
    """A visit for people."""
    _show_list([report.line])
    if report.steps:
        show_table(
            "What was done",
            ("when", "step", "interface", "chosen by"),
            [(moment(one.at), one.name, one.operation, one.how) for one in report.steps],
        )
    for question in report.questions:
        show_question(question)
    if report.decisions:
        show_heading("What people decided")
        for one in report.decisions:
            say(f"{moment(one.at)} {one.who}: {one.kind} {one.choice} ({one.reason or 'no reason given'})")
