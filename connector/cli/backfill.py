"""`connector backfill`: the past is planned, agreed to, and uploaded at its own pace."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from connector.cli.options import HERE, JsonOption, ProjectOption
from connector.cli.output import Bars, err, out, say, show_json, show_table
from connector.cli.resolve import YesOption, agree
from connector.cli.show_run import show_breaches
from connector.cli.stopping import Stopping
from connector.cli.words import count, moment, money
from connector.errors import Stopped

if TYPE_CHECKING:
    from connector.pipeline.backfill import BackfillPlan, BackfillReport
    from connector.pipeline.backfill_state import ShardState
    from connector.pipeline.parts import Parts
    from connector.pipeline.shards import Span

_NOT_BEGUN, _STOPPED = 1, 130


def backfill(
    pipeline: Annotated[
        list[str] | None, typer.Argument(help="Pipelines to fill in; all, where none is named.")
    ] = None,
    first: Annotated[
        str, typer.Option("--from", help="Visits admitted on this day or later: 2024-01-01.")
    ] = "",
    last: Annotated[str, typer.Option("--to", help="Visits admitted on this day or before.")] = "",
    visits: Annotated[
        str,
        typer.Option(help="Only these visits, by their keys in the HIS: A,B,C, or @FILE with one a line."),
    ] = "",
    by: Annotated[str, typer.Option(help="How long a shard is: month, week or day.")] = "month",
    plan: Annotated[bool, typer.Option("--plan", help="Only say what it would do.")] = False,
    status: Annotated[
        bool, typer.Option("--status", help="Where backfills stand, shard by shard; nothing is begun.")
    ] = False,
    yes: YesOption = False,
    override: Annotated[
        list[str] | None, typer.Option(help="A guard that does not hold, by its name in connector.yaml.")
    ] = None,
    because: Annotated[str, typer.Option(help="Why it is overridden; the ledger keeps it.")] = "",
    project: ProjectOption = HERE,
    json: JsonOption = False,
) -> int:
    """Upload visits of the past, planned, at a pace of its own.

    Says first how many visits, rows, calls, yuan and hours it is, and asks. Runs of what is new go on in between. Whatever
    ends it (Ctrl-C, a guard, a power cut), the same command goes on where it stopped. Exit codes are those of `run`.
    """
    from connector.pipeline.guards import read_override
    from connector.pipeline.parts import open_project, person

    if status:
        return _show_standing(open_project(project), json=json)
    word = read_override(override or [], because, person())
    span = _read_span(pipeline or [], first, last, visits, by)
    parts = open_project(project)
    with Stopping() as stopping, Bars(quiet=json) as bars:
        found = _plan(parts, span, stopping=stopping, bars=bars, anew=plan)
    if found is None:
        say("Stopped; nothing was begun.", to=err)
        return _STOPPED
    if not json or not plan:
        _show_plan(found, to_err=json)
    if plan or not found.shards:
        if json:
            show_json(found)
        return 0
    if not found.number and not agree(["Everything of it will be sent to the platform."], yes=yes):
        say("Nothing was begun.", to=err)
        return _NOT_BEGUN
    from connector.pipeline.backfill import fill

    with Stopping() as stopping, Bars(quiet=json) as bars:
        report = fill(parts, found, progress=bars, is_stopping=stopping, override=word)
    if json:
        show_json(report)
    else:
        _show_report(report)
    return report.exit_code


def _read_span(pipelines: list[str], first: str, last: str, visits: str, by: str) -> Span:
    """What is meant; ConfigurationError for what cannot be."""
    from connector.errors import ConfigurationError
    from connector.pipeline.shards import make_span

    named: list[str] = []
    if visits.startswith("@"):
        file = Path(visits[1:])
        try:
            text = file.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigurationError(
                f"--visits {visits}: the file cannot be read as text in UTF-8 ({type(error).__name__})."
            ) from None
        named = text.replace(",", "\n").splitlines()
    elif visits:
        named = visits.split(",")
    return make_span(pipelines, first=first, last=last, by=by, visits=named if visits else None)


def _plan(parts: Parts, span: Span, *, stopping: Stopping, bars: Bars, anew: bool) -> BackfillPlan | None:
    """The plan; None where a stop was asked for."""
    from connector.pipeline.backfill import make_plan

    try:
        return make_plan(parts, span, progress=bars, is_stopping=stopping, anew=anew)
    except Stopped:
        return None


def _show_plan(plan: BackfillPlan, *, to_err: bool) -> None:
    """What it would do, in a few lines, and shard by shard."""
    from connector.pipeline.pace import in_words

    to = err if to_err else out
    if plan.number:
        left = f"{len(plan.shards)} of {plan.done + len(plan.shards)} shards"
        say(f"This backfill was begun before and goes on: {left} are left, as they were planned.", to=to)
    if plan.earliest:
        say(
            f"The HIS gives these pipelines visits admitted from {plan.earliest} to {plan.latest}"
            + (f", and {count(plan.undated, 'visit')} whose day cannot be read" if plan.undated else "")
            + ".",
            to=to,
        )
    if not plan.shards:
        say(f"No {plan.span.words}: there is nothing to do.", to=to)
        return
    if not to_err:
        columns = ("shard", "visits", "rows to send", "yuan", "calls", "sent before", "break a rule")
        show_table(
            f"Planned: {plan.span.words}",
            columns,
            [
                (one.name, one.visits, one.rows, money(one.amount), one.calls, one.sent_rows, one.bad_rows)
                for one in plan.shards
            ],
            right=columns[1:],
        )
    say(
        f"{count(plan.visits, 'visit')}, {count(plan.rows, 'row')}, {money(plan.amount)} yuan, about "
        f"{count(plan.calls, 'call')}; {in_words(plan.estimate.hours * 3600)} ({plan.estimate.because}).",
        to=to,
    )


def _show_report(report: BackfillReport) -> None:
    """What was sent, where every shard stands, and why it ended."""
    say(f"{count(report.rows, 'row')} sent by this command, {money(report.amount)} yuan.")
    if report.shards:
        _show_shards("Backfill", report.shards)
    show_breaches(report.breaches)
    if report.problem:
        say(f"Ended early: {report.problem}")


def _show_standing(parts: Parts, *, json: bool) -> int:
    from connector.pipeline.backfill import list_backfills

    found = list_backfills(parts)
    if json:
        show_json(found)
        return 0
    if not found:
        say("No backfill was begun in this project.")
    for one in found:
        _show_shards(f"Begun {moment(one.begun_at)}: {one.what}", one.shards)
        say(f"{one.done} of {len(one.shards)} shards are done.")
    return 0


def _show_shards(title: str, shards: tuple[ShardState, ...]) -> None:
    """One line a shard."""
    columns = (
        "shard",
        "state",
        "visits",
        "planned",
        "accepted",
        "yuan",
        "waiting",
        "doubt",
        "quarantined",
        "held",
    )
    show_table(
        title,
        columns,
        [
            (
                *(one.name, one.stage, one.visits, one.rows),
                *(one.accepted_rows, money(one.accepted), one.waiting_rows, one.doubt_rows),
                *(one.quarantined_rows, one.held),
            )
            for one in shards
        ],
        right=columns[2:],
    )
    if any(one.held for one in shards):
        say(
            "Held visits wait for a person: `connector resolve` says why; where they were uploaded before the connector"
        )
        say("came, `connector ledger import` marks their rows as sent.")
