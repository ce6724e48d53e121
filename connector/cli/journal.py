"""`connector journal`: every call to the platform and its answer; listed, one in words, written to a file."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from connector.cli.options import HERE, JsonOption, PersonalOption, ProjectOption
from connector.cli.output import err, say, show_heading, show_json, show_table
from connector.cli.words import count, moment, money

if TYPE_CHECKING:
    from connector.pipeline.journal import CallList, CallReport

app = typer.Typer(
    help="Every call to the platform, and its answer.", no_args_is_help=True, rich_markup_mode=None
)

VisitOption = Annotated[
    str, typer.Option(help="Only calls about this visit: its number, or its key in the HIS.")
]
OperationOption = Annotated[
    str, typer.Option(help="Only this interface: method (sendMedInfo), section (4.10) or purpose.")
]
SinceOption = Annotated[str, typer.Option(help="From this day or moment on: 2026-03-01, “2026-03-01 08:30”.")]
UntilOption = Annotated[
    str, typer.Option(help="Up to this day, which is included, or up to before this moment.")
]
OutcomeOption = Annotated[
    str,
    typer.Option(
        help="accepted, rejected, retryable, session-lost, not-sent, in-doubt; failed is all but the first."
    ),
]


@app.command("list")
def list_calls(
    project: ProjectOption = HERE,
    visit: VisitOption = "",
    operation: OperationOption = "",
    since: SinceOption = "",
    until: UntilOption = "",
    outcome: OutcomeOption = "",
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="At most so many, the newest first.")] = 50,
    show_personal: PersonalOption = False,
    json: JsonOption = False,
) -> int:
    """List calls, the newest first."""
    from connector.pipeline import journal
    from connector.pipeline.parts import open_project

    parts = open_project(project)
    search = journal.read_search(
        parts.contract, visit=visit, operation=operation, since=since, until=until, outcome=outcome
    )
    found = journal.list_calls(parts, search, limit=limit, show_personal=show_personal)
    if json:
        show_json(found)
    else:
        _show_list(found)
    return 0


@app.command("show")
def show_call(
    number: Annotated[int, typer.Argument(help="The call's number, as `journal list` shows it.")],
    project: ProjectOption = HERE,
    show_personal: PersonalOption = False,
    json: JsonOption = False,
) -> int:
    """Show one call in words: what was sent, and what came."""
    from connector.pipeline.journal import show_call as find
    from connector.pipeline.parts import open_project

    report = find(open_project(project), number, show_personal=show_personal)
    if json:
        show_json(report)
    else:
        _show(report)
    return 0


@app.command("export")
def export_calls(
    to: Annotated[Path, typer.Option("--to", help="The file to write; it must not exist yet.")],
    project: ProjectOption = HERE,
    visit: VisitOption = "",
    operation: OperationOption = "",
    since: SinceOption = "",
    until: UntilOption = "",
    outcome: OutcomeOption = "",
    show_personal: PersonalOption = False,
    json: JsonOption = False,
) -> int:
    """Write calls to a file: JSON, one call a line, the oldest first."""
    from connector.pipeline import journal
    from connector.pipeline.parts import open_project

    parts = open_project(project)
    search = journal.read_search(
        parts.contract, visit=visit, operation=operation, since=since, until=until, outcome=outcome
    )
    calls = journal.export_calls(parts, search, to, show_personal=show_personal)
    if json:
        show_json({"calls": calls, "file": str(to)})
        return 0
    say(f"{count(calls, 'call')} written to {to}, which only this user can read.")
    if show_personal and calls:
        say("It names people: delete it when it is not needed any more.", to=err)
    return 0


def _show_list(found: "CallList") -> None:
    if not found.calls:
        say("No call fits.")
        return
    columns = ("call", "when", "interface", "visit", "outcome", "rows", "yuan", "ms", "the platform says")
    show_table(
        "Calls, the newest first",
        columns,
        [
            (
                one.id,
                moment(one.at),
                f"{one.section} {one.method}",
                one.visit,
                one.outcome.replace("_", " "),
                one.rows,
                money(one.amount) if one.amount else "",
                one.duration_ms,
                f"{one.code} {one.message}".strip(),
            )
            for one in found.calls
        ],
        right=("call", "rows", "yuan", "ms"),
        text="the platform says",
    )
    if found.more:
        say(f"These are the last {len(found.calls)} calls that fit; --limit shows more, --until goes back.")
    say("`connector journal show CALL` tells all of one.")


def _show(report: "CallReport") -> None:
    """When and what of it came; then the request and the answer, a field a line."""
    call = report.call
    about = f", visit {call.visit}" if call.visit else ""
    say(f"call {call.id}: {report.title}{about}")
    say(f"{moment(call.at)}, {call.duration_ms} ms: {call.outcome.replace('_', ' ')}")
    if call.batch_id is not None:
        amount = f", {money(call.amount)} yuan" if call.amount else ""
        say(f"batch {call.batch_id}: {count(call.rows or 0, 'row')}{amount}")
    said = f"{call.code} {call.message}".strip()
    if said:
        say(f"The platform says: {said}" if call.code else f"What came: {said}")
    if report.printed:
        say(f"The document says: {report.printed}")
    if report.ours:
        say(f"We say: {report.ours}")
    if report.advice:
        say(report.advice)
    _show_side("Sent", report.request_lines, "no fields")
    _show_side("Came", report.answer_lines, "no answer" if report.answer is None else "no more than that")


def _show_side(title: str, lines: Sequence[str], instead: str) -> None:
    show_heading(title)
    for line in lines or (instead,):
        sys.stdout.write(f"  {line}\n")
