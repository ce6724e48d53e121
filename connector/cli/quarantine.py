"""`connector quarantine`: rows that break a rule or were refused, grouped by reason, one by one, and released."""

from typing import Annotated

import typer

from connector.cli import show
from connector.cli.options import HERE, JsonOption, PersonalOption, ProjectOption
from connector.cli.output import say, show_json
from connector.cli.words import count

app = typer.Typer(help="Rows that break a rule or were refused.", no_args_is_help=True, rich_markup_mode=None)

MappingOption = Annotated[str, typer.Option(help="Only rows of this mapping.")]
VisitOption = Annotated[str, typer.Option(help="Only rows of this visit of the HIS.")]
RuleOption = Annotated[
    str, typer.Option(help="Only rows that break this rule, e.g. unmapped, required, refused.")
]


@app.command("list")
def list_rows(
    project: ProjectOption = HERE,
    mapping: MappingOption = "",
    visit: VisitOption = "",
    rule: RuleOption = "",
    rows: Annotated[
        bool, typer.Option("--rows", help="Every row instead of one line for each reason.")
    ] = False,
    limit: Annotated[int, typer.Option(min=1, help="At most so many rows.")] = 200,
    json: JsonOption = False,
) -> int:
    """List reasons, or rows, that are kept back."""
    from connector.pipeline.overview import quarantined
    from connector.pipeline.parts import open_project

    report = quarantined(open_project(project), mapping=mapping, visit=visit, rule=rule, limit=limit)
    if json:
        show_json(report)
    else:
        show.show_quarantine(report, rows=rows, filtered=bool(mapping or visit or rule))
    return 0


@app.command("show")
def show_row(
    row: Annotated[int, typer.Argument(help="The row's number, as `quarantine list --rows` shows it.")],
    project: ProjectOption = HERE,
    show_personal: PersonalOption = False,
    json: JsonOption = False,
) -> int:
    """Show one row: what is wrong with it, and its history."""
    from connector.pipeline import overview
    from connector.pipeline.parts import open_project

    found = overview.show_row(open_project(project), row, show_personal=show_personal)
    if json:
        show_json(found)
    else:
        show.show_record(found)
    return 0


@app.command("release")
def release_rows(
    project: ProjectOption = HERE,
    mapping: MappingOption = "",
    visit: VisitOption = "",
    rule: RuleOption = "",
    everything: Annotated[bool, typer.Option("--all", help="Release without any filter.")] = False,
    json: JsonOption = False,
) -> int:
    """Let rows be tried again at the next run.

    Rows that the platform refused are sent again. Rows that break a rule are read anew at every run anyway.
    """
    from connector.pipeline.overview import release
    from connector.pipeline.parts import open_project

    if not (mapping or visit or rule or everything):
        raise typer.BadParameter("say which rows: --mapping, --visit, --rule, or --all")
    released = release(open_project(project), mapping=mapping, visit=visit, rule=rule)
    if json:
        show_json({"released": released})
    elif released:
        say(f"{count(released, 'row')} released; the next `connector run` tries them again.")
    else:
        say("No row in quarantine fits.")
    return 0
