"""`connector resolve`: what only a person can decide, with the numbers in front of them."""

import getpass
from typing import TYPE_CHECKING, Annotated

import typer

from connector.cli.options import HERE, JsonOption, PersonalOption, ProjectOption
from connector.cli.output import Bars, err, say, show_json, show_table
from connector.cli.prompting import is_yes
from connector.cli.stopping import Stopping
from connector.cli.words import count, moment, money

if TYPE_CHECKING:
    from connector.pipeline.cases import Case
    from connector.pipeline.deciding import Signature, Undecided, Wish
    from connector.pipeline.parts import Parts

_NOT_DECIDED, _TO_DECIDE = 1, 4

WhoOption = Annotated[str, typer.Option(help="Who decides; the user of this computer, if left out.")]
BecauseOption = Annotated[str, typer.Option(help="Why; it is kept with the decision.")]
YesOption = Annotated[bool, typer.Option("--yes", help="Do not ask before it is done.")]


def resolve(
    visit: Annotated[
        str, typer.Argument(help="The visit: its number, or its key in the HIS; else a list.")
    ] = "",
    accept: Annotated[
        str,
        typer.Option(
            help="Rows of the batch in doubt that ARE on the platform: all, none, or numbers by commas."
        ),
    ] = "",
    adopt: Annotated[
        str,
        typer.Option(help="Waiting rows that somebody entered on the web page: all, or numbers by commas."),
    ] = "",
    baseline: Annotated[
        bool, typer.Option("--baseline", help="What the platform holds more is something else, and stays.")
    ] = False,
    reset: Annotated[
        bool,
        typer.Option("--reset", help="Delete all fees of the visit at the next run, and send them anew."),
    ] = False,
    release: Annotated[bool, typer.Option("--release", help="Let a held visit be tried again.")] = False,
    withdraw: Annotated[
        bool,
        typer.Option("--withdraw", help="Do not carry out what is approved (a reset), if it has not begun."),
    ] = False,
    because: BecauseOption = "",
    who: WhoOption = "",
    yes: YesOption = False,
    project: ProjectOption = HERE,
    show_personal: PersonalOption = False,
    json: JsonOption = False,
) -> int:
    """Decide what arithmetic cannot.

    Without a visit: those that are held or in doubt. With one: the sums of ledger, batch and platform, the rows, and
    what may be decided. With a choice: decide it, with who and why; nothing that does not add up is taken. Exit code 4:
    there is something to decide.
    """
    from connector.pipeline.deciding import Wish
    from connector.pipeline.parts import open_project

    parts = open_project(project)
    wish = Wish(accept, adopt, baseline=baseline, reset=reset, release=release)
    if not visit:
        if wish.kind or withdraw:
            raise typer.BadParameter("say which visit is decided about")
        return _list(parts, json=json)
    if (wish.kind or withdraw) and not because.strip():
        raise typer.BadParameter('say why: --because "…" is kept with the decision')
    if withdraw:
        if wish.kind:
            raise typer.BadParameter("--withdraw stands alone: it only takes an approval back")
        return _withdraw(parts, visit, sign(who, because), json=json)
    return _resolve(parts, visit, wish, sign(who, because), yes=yes, show_personal=show_personal, json=json)


def sign(who: str, because: str) -> "Signature":
    """Who decides, and why."""
    from connector.pipeline.deciding import Signature

    return Signature(who.strip() or getpass.getuser(), because.strip())


def agree(lines: list[str], *, yes: bool) -> bool:
    """Whether a person, or --yes, wants it."""
    for line in lines:
        say(line, to=err)
    return yes or is_yes("Decide so? Type yes: ")


def _resolve(
    parts: "Parts",
    visit: str,
    wish: "Wish",
    signature: "Signature",
    *,
    yes: bool,
    show_personal: bool,
    json: bool,
) -> int:
    """Show the case; with a wish, ask and decide."""
    from connector.pipeline.deciding import decide, look

    with Stopping() as stopping, Bars(quiet=True) as bars:
        case, sentence = look(
            parts, visit, wish, show_personal=show_personal, progress=bars, is_stopping=stopping
        )
    if not wish.kind:
        _print(case, json=json)
        return _TO_DECIDE if case.reason or case.doubt or case.pending else 0
    if not json:
        show_case(case, choices=False)
    if not agree([sentence], yes=yes):
        say("Nothing was decided.", to=err)
        return _NOT_DECIDED
    with Stopping() as stopping, Bars(quiet=True) as bars:
        done = decide(parts, visit, wish, signature, seen=case, progress=bars, is_stopping=stopping)
    if json:
        show_json({"visit": case.visit, "decided": wish.kind, "who": signature.who, "then": done})
    else:
        say(f"Decided by {signature.who} and kept (`connector ledger decisions {case.visit}`).")
    return 0


def _withdraw(parts: "Parts", visit: str, signature: "Signature", *, json: bool) -> int:
    """Take an approval back; there is nothing to ask about, for it can be approved again."""
    from connector.pipeline.withdrawing import withdraw

    done = withdraw(parts, visit, signature)
    if json:
        show_json({"visit": visit, "decided": "withdraw", "who": signature.who, "then": done})
    else:
        say(done)
    return 0


def _list(parts: "Parts", *, json: bool) -> int:
    """The visits there is something to decide about."""
    from connector.pipeline.deciding import list_undecided

    found = list_undecided(parts)
    if json:
        show_json(found)
    elif not found:
        say("No visit is held, and nothing is in doubt.")
    else:
        show_undecided(found)
    return _TO_DECIDE if found else 0


def show_undecided(found: "list[Undecided]") -> None:
    """One line a visit."""
    show_table(
        "Held, or in doubt",
        ("visit", "pipeline", "why"),
        [(one.visit, one.pipeline, one.why) for one in found],
        text="why",
    )
    say("`connector resolve VISIT` shows the numbers of one, and what may be decided.")


def _print(case: "Case", *, json: bool) -> None:
    if json:
        show_json(case)
    else:
        show_case(case, choices=True)


def show_case(case: "Case", *, choices: bool) -> None:
    """A case for people: why, the numbers, the rows, the choices."""
    say(
        f"Visit {case.visit}"
        + (f" is held since {moment(case.held_at)}: {case.reason}" if case.reason else "")
    )
    sums = [("ledger: accepted", money(case.ledger - case.baseline))]
    if case.baseline:
        sums.append(("ledger: baseline", money(case.baseline)))
    if case.doubt is not None:
        sums.append((f"batch {case.doubt.batch_id} in doubt", money(case.doubt.amount)))
    sums.append(("platform", money(case.platform) if case.platform is not None else "not listed there"))
    show_table("The sums, in yuan", ("sum", "yuan"), sums, right=("yuan",), text="sum")
    if case.left:
        say(f"The patient left on {case.left}.")
    if case.doubt is not None:
        _show_doubt(case)
    say(case.fits)
    _show_rows(case)
    if choices:
        _show_choices(case)


def _show_doubt(case: "Case") -> None:
    """The batch in doubt."""
    doubt = case.doubt
    if doubt is None:
        return
    over = "it cannot take effect any more" if doubt.is_over else "it may still take effect"
    say(
        f"Batch {doubt.batch_id} ({doubt.operation}, {count(doubt.rows, 'row')}) was sent at {moment(doubt.since)}: "
        f"{doubt.answer}; {over}."
    )


def _show_rows(case: "Case") -> None:
    """The rows a decision may be about; those that would explain the total are marked."""
    if not case.rows:
        return
    marked = set(case.part) if len(case.part) < len(case.rows) else set()
    show_table(
        "Rows in doubt" if case.doubt else "Rows that wait, or were refused",
        ("row", "fits", "mapping", "key", "date", "item", "order", "category", "yuan"),
        [
            (
                row.number,
                "*" if row.number in marked else "",
                row.mapping,
                row.key,
                row.date,
                row.item,
                row.order,
                row.category,
                money(row.amount),
            )
            for row in case.rows
        ],
        right=("row", "yuan"),
        text="item",
    )
    if marked:
        say("*: just these rows would explain the platform's total. It is a proposal, no proof.")


def _show_choices(case: "Case") -> None:
    """What may be decided."""
    if case.pending:
        say(f"Nothing else can be decided: {case.pending}.")
    elif not case.choices:
        say("There is nothing to decide.")
    else:
        show_table(
            'What may be decided, each with --because "why"',
            ("choice", "what follows"),
            [(one.option, one.consequence) for one in case.choices],
            text="what follows",
        )
