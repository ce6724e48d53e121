"""`connector quarantine`: rows that break a rule or were refused, grouped by reason, one by one, and released."""

from typing import Annotated

import typer

from connector.cli import show
from connector.cli.options import HERE, JsonOption, ProjectOption
from connector.cli.output import out, show_json

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
    json: JsonOption = False,
) -> int:
    """Group the rows by what is wrong, the most frequent reason first."""
    from connector.pipeline.overview import quarantined
    from connector.pipeline.parts import open_project

    report = quarantined(open_project(project), mapping=mapping, visit=visit, rule=rule)
    if json:
        show_json(report)
    else:
        show.show_quarantine(report, rows=rows)
    return 0


@app.command("show")
def show_row(
    row: Annotated[int, typer.Argument(help="The row's number, as `quarantine list --rows` shows it.")],
    project: ProjectOption = HERE,
    json: JsonOption = False,
) -> int:
    """Show one row: what is wrong with it, and its history."""
    from connector.pipeline.overview import quarantined_row
    from connector.pipeline.parts import open_project

    found = quarantined_row(open_project(project), row)
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
) -> int:
    """Let rows be tried again at the next run. Rows that still break a rule come back at once."""
    from connector.pipeline.overview import release
    from connector.pipeline.parts import open_project

    if not (mapping or visit or rule or everything):
        raise typer.BadParameter("say which rows: --mapping, --visit, --rule, or --all")
    released = release(open_project(project), mapping=mapping, visit=visit, rule=rule)
    out.print(f"{released} rows released; the next `connector run` tries them again.")
    return 0
