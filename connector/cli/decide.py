"""`connector decide`: what only a person can choose for a visit, with the candidates in front of them."""

from typing import TYPE_CHECKING, Annotated

import typer

from connector.cli.options import HERE, JsonOption, PersonalOption, ProjectOption
from connector.cli.output import say, show_heading, show_json, show_table
from connector.cli.resolve import BecauseOption, WhoOption, sign
from connector.cli.words import moment

if TYPE_CHECKING:
    from connector.pipeline.answering import Option, Question

_TO_DECIDE = 4


def decide(
    visit: Annotated[
        str, typer.Argument(help="The visit: its number, or its key in the HIS; else a list.")
    ] = "",
    choose: Annotated[int, typer.Option(help="The number of the candidate that is meant.")] = 0,
    kind: Annotated[str, typer.Option(help="Which question: injury, application, report or filing.")] = "",
    because: BecauseOption = "",
    who: WhoOption = "",
    project: ProjectOption = HERE,
    show_personal: PersonalOption = False,
    json: JsonOption = False,
) -> int:
    """Answer a question about a visit.

    Without a visit: the open questions. With one: its candidates. With --choose: that one is meant, which is kept with
    who chose and why; one that does not fit needs --because. It can be chosen anew until the visit is registered. Exit
    code 4: a question is open.
    """
    from connector.pipeline.answering import answer_question, list_questions
    from connector.pipeline.parts import open_project

    parts = open_project(project)
    if choose:
        if not visit:
            raise typer.BadParameter("say which visit is decided about")
        done = answer_question(parts, visit, choose, sign(who, because), kind=kind)
        if json:
            show_json({"decided": done})
        else:
            say(done)
        return 0
    found = list_questions(parts, visit, show_personal=show_personal)
    if json:
        show_json(found)
    elif not found:
        say("There is no question about this visit." if visit else "No question is open.")
    elif visit:
        for one in found:
            show_question(one)
    else:
        _show_list(found)
    return _TO_DECIDE if any(one.is_open for one in found) else 0


def _show_list(found: "list[Question]") -> None:
    """One line a question."""
    show_table(
        "Open questions",
        ("visit", "pipeline", "since", "question", "candidates", "of them fit"),
        [
            (
                one.visit,
                one.pipeline,
                moment(one.asked_at),
                one.asked,
                len(one.options),
                sum(not option.faults for option in one.options),
            )
            for one in found
        ],
        right=("candidates", "of them fit"),
        text="question",
    )
    say("`connector decide VISIT` shows the candidates, `--choose N` takes one.")


def show_question(one: "Question") -> None:
    """A question with every candidate."""
    state = (
        f"open since {moment(one.asked_at)}"
        if one.is_open
        else f"answered at {moment(one.answered_at)}: candidate {one.chosen}"
    )
    show_heading(f"Visit {one.visit}, {one.kind}: {one.asked} ({state})")
    for option in one.options:
        _show_option(option)
    if one.is_open:
        say(f"`connector decide {one.visit} --choose N` takes one.")


def _show_option(option: "Option") -> None:
    """A candidate: whether it fits, and what it says."""
    say(f"{option.number}. " + (f"does not fit: {'; '.join(option.faults)}" if option.faults else "fits"))
    for name, chinese, text in option.fields:
        say(f"    {name} {chinese}: {text}".replace(" :", ":"))
