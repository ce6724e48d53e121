"""`connector visit undo`: take a visit back on the platform, step by step."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from connector.cli.options import HERE, JsonOption, ProjectOption
from connector.cli.output import Bars, err, say, show_heading, show_json, show_table
from connector.cli.prompting import is_yes
from connector.cli.resolve import BecauseOption, WhoOption, YesOption, sign
from connector.cli.stopping import Stopping
from connector.cli.words import money

if TYPE_CHECKING:
    from connector.pipeline.undo import UndoCase, UndoReport
    from connector.pipeline.undo_plan import Reach

_FAILED = 1


def undo(
    visit: Annotated[str, typer.Argument(help="The visit: its number, or its key in the HIS.")],
    to: Annotated[
        str, typer.Option(help="How far: leave, fees or registration; what came after it goes first.")
    ],
    because: BecauseOption = "",
    who: WhoOption = "",
    yes: YesOption = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be done; do nothing.")] = False,
    project: ProjectOption = HERE,
    json: JsonOption = False,
) -> int:
    """Take a visit back on the platform.

    Its leaving, its fees, its registration: what would be called and what each call removes is shown and asked about.
    Without its fees it is held, until `connector visit step VISIT --again`. Exit code 4: it did not come so far.
    """
    from connector.pipeline.parts import open_project
    from connector.pipeline.undo import look, take_back

    reach = _reach(to)
    if not (yes or dry_run or is_asked()):
        raise typer.BadParameter(
            "nobody can be asked here: --yes takes it back without asking, --dry-run shows what would be done"
        )
    parts = open_project(project)
    with Stopping() as stopping, Bars(quiet=True) as bars:
        case = look(parts, visit, reach, progress=bars, is_stopping=stopping)
    if not json or not yes:
        _show_case(case, quiet=json)
    if dry_run:
        if json:
            show_json(case)
        else:
            say("Nothing was taken back.")
        return 0
    if not yes and not is_yes("Take that back? Type yes: "):
        say("Nothing was taken back.", to=err)
        return _FAILED
    with Stopping() as stopping, Bars(quiet=json) as bars:
        report = take_back(
            parts, visit, reach, sign(who, because), seen=case, progress=bars, is_stopping=stopping
        )
    if json:
        show_json(report)
    else:
        _show_report(report)
    return report.exit_code


def is_asked() -> bool:
    """Whether somebody sits there who can be asked."""
    return sys.stdin.isatty()


def _reach(to: str) -> "Reach":
    """How far; BadParameter for another word."""
    from connector.pipeline.undo_plan import Reach

    if to not in list(Reach):
        raise typer.BadParameter(f"“{to}” is none of {', '.join(Reach)}", param_hint="--to")
    return Reach(to)


def _show_case(case: "UndoCase", *, quiet: bool) -> None:
    """The calls, what each removes, and what stays; on the standard error where the standard output is for JSON."""
    if quiet:
        for line in case.lines:
            say(f"{line.section} {line.method}: {line.removes}", to=err)
        for words in case.stays:
            say(f"Keep in mind: {words}.", to=err)
        return
    say(
        f"Visit {case.visit}: the ledger says {money(case.ledger)} yuan, the platform "
        + (f"{money(case.platform)}." if case.platform is not None else "does not list it.")
    )
    if case.since:
        say(f"This was decided at {case.since}, and has not come to its end.")
    show_table(
        "To be taken back, in this order",
        ("interface", "", "removes"),
        [(line.section, line.method, line.removes) for line in case.lines],
        text="removes",
    )
    if case.stays:
        show_heading("What to keep in mind")
        for words in case.stays:
            say(f"- {words}")
    say("")


def _show_report(report: "UndoReport") -> None:
    """How far it came."""
    if report.done:
        say(f"Taken back: {', '.join(report.done)}. Ledger and platform agree on it.")
    if report.left:
        say(f"Not taken back: {', '.join(report.left)}.")
    if report.problem:
        say(f"Why: {report.problem}")
    if report.then and report.then != report.problem:
        say(f"Visit {report.visit} is held: {report.then}.")
    elif not report.left:
        say(
            f"The next run sends what is new of visit {report.visit}; `connector visit leave {report.visit}` lets it leave "
            "again."
        )
