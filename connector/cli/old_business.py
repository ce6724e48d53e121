"""`connector ledger baseline` and `import`: what was on the platform before the connector came."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from connector.cli.options import HERE, JsonOption, ProjectOption
from connector.cli.output import Bars, err, say, show_json, show_table
from connector.cli.resolve import BecauseOption, WhoOption, YesOption, agree, sign
from connector.cli.stopping import Stopping
from connector.cli.words import count, money

if TYPE_CHECKING:
    from connector.pipeline.old_business import OldVisit, Pick
    from connector.pipeline.parts import Parts

_NOT_DECIDED, _SOME_LEFT = 1, 4

VisitsArgument = Annotated[
    list[str] | None, typer.Argument(help="Visits, by their number or their key in the HIS.")
]


def accept_baseline(
    visit: VisitsArgument = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Every visit of which the ledger has nothing accepted.")
    ] = False,
    because: BecauseOption = "",
    who: WhoOption = "",
    yes: YesOption = False,
    project: ProjectOption = HERE,
    json: JsonOption = False,
) -> int:
    """Accept what the platform holds of visits as not the connector's.

    From then on their totals must be that sum and what the connector sends. Rows that wait are sent on top of it; where
    they would explain the sum it is refused: `connector ledger import` marks them as sent. Exit code 4: some are left.
    """
    from connector.pipeline.parts import open_project

    if bool(visit) == everything:
        raise typer.BadParameter("say which visits, or --all")
    return _settle(open_project(project), visit or [], None, (who, because), yes=yes, json=json)


def import_rows(
    file: Annotated[
        Path | None,
        typer.Option(help="A CSV file with a column `key`, and perhaps `mapping`: the rows meant."),
    ] = None,
    visit: Annotated[
        list[str] | None, typer.Option(help="Only this visit; may be given several times.")
    ] = None,
    all_rows: Annotated[bool, typer.Option("--all-rows", help="All rows that wait.")] = False,
    up_to: Annotated[str, typer.Option(help="The rows that wait, up to this date (of the charge).")] = "",
    because: BecauseOption = "",
    who: WhoOption = "",
    yes: YesOption = False,
    project: ProjectOption = HERE,
    json: JsonOption = False,
) -> int:
    """Mark waiting rows as sent before the connector came.

    Nothing is sent. Only where the rows sum up to what the platform holds more than the ledger says; without --visit
    every visit of which the ledger has nothing accepted. Exit code 4: some are left.
    """
    from connector.pipeline.old_business import read_pick
    from connector.pipeline.parts import open_project

    parts = open_project(project)
    pick = read_pick(parts, file=file, everything=all_rows, until=up_to)
    return _settle(parts, visit or [], pick, (who, because), yes=yes, json=json)


def _settle(
    parts: "Parts",
    visits: list[str],
    pick: "Pick | None",
    signed: tuple[str, str],
    *,
    yes: bool,
    json: bool,
) -> int:
    """Show, ask, decide."""
    from connector.pipeline.old_business import look_at_old, settle_old

    if yes and not signed[1].strip():
        raise typer.BadParameter('say why: --because "…" is kept with the decision')
    with Stopping() as stopping, Bars(quiet=json) as bars:
        seen = look_at_old(parts, visits, pick, progress=bars, is_stopping=stopping)
    able = [one for one in seen if not one.why_not]
    if not json:
        _show(seen, is_import=pick is not None)
    if able and not signed[1].strip():
        say('Nothing was decided: say why with --because "…", it is kept with the decision.', to=err)
        return _NOT_DECIDED
    if able and not agree([_question(able, is_import=pick is not None)], yes=yes):
        say("Nothing was decided.", to=err)
        return _NOT_DECIDED
    with Stopping() as stopping, Bars(quiet=json) as bars:
        done = settle_old(parts, able, pick, sign(*signed), progress=bars, is_stopping=stopping)
    report = [*done, *(one for one in seen if one.why_not)]
    if json:
        show_json(report)
    elif able:
        _show_done(done)
    return 0 if all(one.done for one in report) else _SOME_LEFT


def _show_done(done: "list[OldVisit]") -> None:
    """What was decided, and what had moved meanwhile."""
    for one in done:
        if one.why_not:
            say(f"visit {one.visit}: {one.why_not}")
    decided = sum(one.done for one in done)
    say(f"{count(decided, 'visit')} decided and kept (`connector ledger decisions`).")


def _question(able: "list[OldVisit]", *, is_import: bool) -> str:
    """What is about to be decided, in one sentence."""
    visits = count(len(able), "visit")
    if is_import:
        rows, amount = sum(one.rows for one in able), sum(one.amount for one in able)
        return (
            f"{count(rows, 'row')} of {visits}, {money(amount)} yuan, will count as sent and never be sent."
        )
    waiting = sum(one.waiting_rows for one in able)
    return (
        f"{money(sum(one.surplus for one in able))} yuan of {visits} will count as not the connector's; "
        f"{count(waiting, 'row')} waiting there are sent on top of them."
    )


def _show(seen: "list[OldVisit]", *, is_import: bool) -> None:
    """One line a visit: the sums, and what can be done about them."""
    if not seen:
        say("The platform holds nothing of these visits beyond what the ledger says.")
        return
    columns = ["visit", "ledger", "platform", "more", "waiting rows", "waiting"]
    columns += ["rows meant", "sum meant"] if is_import else []
    shown = [
        (
            *(one.visit, money(one.ledger), money(one.platform), money(one.surplus)),
            *(one.waiting_rows, money(one.waiting)),
            *((one.rows, money(one.amount)) if is_import else ()),
            one.why_not or _remark(one, is_import=is_import),
        )
        for one in seen
    ]
    show_table(
        "On the platform, beyond the ledger", [*columns, "what"], shown, right=columns[1:], text="what"
    )


def _remark(one: "OldVisit", *, is_import: bool) -> str:
    """That it adds up, and what else would."""
    if not is_import:
        return "becomes the baseline"
    if len(one.cut_offs) > 1:
        return f"adds up; so do all rows up to {', '.join(one.cut_offs)}: look which is right"
    return "adds up"
