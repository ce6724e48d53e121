"""`connector ledger`: the ledger itself, and what people decided about it."""

from typing import Annotated

import typer

from connector.cli import ledger_care, old_business
from connector.cli.options import HERE, JsonOption, ProjectOption
from connector.cli.output import say, show_json, show_table
from connector.cli.words import moment

app = typer.Typer(help="The ledger itself.", no_args_is_help=True, rich_markup_mode=None)
ledger_care.register(app)


@app.command("decisions")
def list_decisions(
    visit: Annotated[str, typer.Argument(help="Only of this visit: its number, or its key in the HIS.")] = "",
    project: ProjectOption = HERE,
    limit: Annotated[int, typer.Option(min=1, help="At most so many, the newest first.")] = 100,
    json: JsonOption = False,
) -> int:
    """List what people decided.

    When, who, why, and the numbers they saw.
    """
    from connector.pipeline.decisions import list_decisions as find
    from connector.pipeline.parts import open_project

    found = find(open_project(project), visit, limit=limit)
    if json:
        show_json(found)
    elif not found:
        say("Nothing was decided by a person.")
    else:
        show_table(
            "Decisions",
            ("when", "who", "visit", "about", "choice", "why", "seen", "carried out"),
            [
                (
                    moment(one.at),
                    one.who,
                    one.visit,
                    one.kind,
                    one.choice,
                    one.reason,
                    ", ".join(f"{name} {value}" for name, value in one.numbers.items()),
                    moment(one.done_at) or "waits for the next run",
                )
                for one in found
            ],
            text="why",
        )
    return 0


app.command("baseline")(old_business.accept_baseline)
app.command("import")(old_business.import_rows)
