"""The commands: each parses its options, calls the hall, and shows what came back."""

from pathlib import Path
from typing import Annotated

import typer

from connector.cli import quarantine, show
from connector.cli.options import HERE, JsonOption, ProjectOption
from connector.cli.output import Bars, out, show_json
from connector.cli.stopping import Stopping


def register(app: typer.Typer) -> None:
    """Add every command to the application, in the order a newcomer meets them."""
    app.command()(demo)
    app.command()(init)
    app.command()(check)
    app.command()(preview)
    app.command(name="test")(test)
    app.command()(run)
    app.command()(status)
    app.add_typer(quarantine.app, name="quarantine")
    app.command()(simulate)


def demo(
    directory: Annotated[Path, typer.Option(help="Where to build the made-up hospital.")] = Path(
        "demo-hospital"
    ),
    seed: Annotated[int, typer.Option(help="The same seed makes the same hospital.")] = 7,
    json: JsonOption = False,
) -> int:
    """Show everything on a made-up hospital: two runs with changes in between, and the sums compared."""
    from connector.pipeline.demo import run_demo

    with Stopping() as stopping, Bars(quiet=json) as bars:
        report = run_demo(directory, seed=seed, progress=bars, is_stopping=stopping)
    if json:
        show_json(report)
    else:
        show.show_demo(report)
    return report.exit_code


def init(
    url: Annotated[
        str, typer.Option(help="The HIS's SQLAlchemy URL, or env:NAME; without it only the ledger is made.")
    ] = "",
    project: ProjectOption = HERE,
    table: Annotated[
        list[str] | None,
        typer.Option(help="A table to scaffold a mapping for, as WHAT=TABLE; WHAT: visits, orders, charges."),
    ] = None,
) -> int:
    """Make a project directory: ledger, key, settings, and mappings scaffolded from the database's tables."""
    from connector.pipeline.scaffold import scaffold

    for line in scaffold(project, url=url, tables=table or []):
        out.print(line, markup=False)
    return 0


def check(
    project: ProjectOption = HERE,
    offline: Annotated[
        bool, typer.Option("--offline", help="Only the files; do not ask the database.")
    ] = False,
    json: JsonOption = False,
) -> int:
    """Find everything that is wrong with the project's files, and with its mappings against the database."""
    from connector.pipeline.check import check_project
    from connector.pipeline.parts import open_project

    report = check_project(open_project(project), offline=offline)
    if json:
        show_json(report)
    else:
        show.show_check(report)
    return 0


def preview(
    mapping: Annotated[str, typer.Argument(help="The mapping to try.")],
    project: ProjectOption = HERE,
    rows: Annotated[int, typer.Option(min=1, help="How many rows to show.")] = 3,
    visit: Annotated[str, typer.Option(help="Only rows of this visit of the HIS.")] = "",
    key: Annotated[str, typer.Option(help="Only the row with this key.")] = "",
    show_personal: Annotated[
        bool, typer.Option("--show-personal", help="Show names, numbers and addresses of people too.")
    ] = False,
    json: JsonOption = False,
) -> int:
    """Show rows as they are read, what a mapping makes of them, and what is wrong. Nothing is written."""
    from connector.pipeline.parts import open_project
    from connector.pipeline.preview import preview as make

    found = make(open_project(project), mapping, rows=rows, visit=visit, key=key, show_personal=show_personal)
    if json:
        show_json(found)
    else:
        show.show_preview(found)
    return 0


def test(
    mapping: Annotated[
        list[str] | None, typer.Argument(help="Mappings to test; all, where none is named.")
    ] = None,
    project: ProjectOption = HERE,
    json: JsonOption = False,
) -> int:
    """Run the `tests:` of the mappings: rows in, payload or violations out. No database is needed."""
    from connector.pipeline.mapping_tests import run_tests
    from connector.pipeline.parts import open_project

    results = run_tests(open_project(project), mapping or [])
    if json:
        show_json(results)
    else:
        show.show_tests(results)
    return 1 if any(one.problems for one in results) else 0


def run(
    pipeline: Annotated[
        list[str] | None, typer.Argument(help="Pipelines to run; all, where none is named.")
    ] = None,
    project: ProjectOption = HERE,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Read and transform only; the ledger is opened read-only.")
    ] = False,
    json: JsonOption = False,
) -> int:
    """Stage what is new in the HIS, then deliver what is staged."""
    from connector.pipeline.parts import open_project
    from connector.pipeline.rehearse import rehearse
    from connector.pipeline.run import run as begin

    with Stopping() as stopping, Bars(quiet=json) as bars:
        job = rehearse if dry_run else begin
        report = job(open_project(project), pipeline or [], progress=bars, is_stopping=stopping)
    if json:
        show_json(report)
    else:
        show.show_run(report)
    return report.exit_code


def status(
    project: ProjectOption = HERE,
    visits: Annotated[
        bool, typer.Option("--visits", help="One line for each visit that needs attention.")
    ] = False,
    json: JsonOption = False,
) -> int:
    """Say where everything stands: sent, staged, in doubt, held, quarantined."""
    from connector.pipeline.overview import survey
    from connector.pipeline.parts import open_project

    report = survey(open_project(project))
    if json:
        show_json(report)
    else:
        show.show_status(report, visits=visits)
    return report.exit_code


def simulate(
    project: ProjectOption = HERE,
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="The port on 127.0.0.1; 0: any free one.")
    ] = 8029,
    state_file: Annotated[
        Path | None, typer.Option(help="Keep what is uploaded in this file, over a restart.")
    ] = None,
    fault: Annotated[
        list[str] | None,
        typer.Option(help="A fault, NAME[:OPERATION][@CALL], or a plan file; see docs/simulator.md."),
    ] = None,
    latency_s: Annotated[float, typer.Option(min=0.0, help="Seconds until each answer.")] = 0.0,
    answer_style: Annotated[str, typer.Option(help="How answers look; styles are joined by +.")] = "document",
) -> int:
    """Stand in for the platform on this computer, until Ctrl-C. A project's account and key are used."""
    from connector.pipeline.simulation import start_simulation

    simulation = start_simulation(
        project,
        port=port,
        state_file=state_file,
        faults=fault or [],
        latency_s=latency_s,
        answer_style=answer_style,
    )
    for line in simulation.introduction:
        out.print(line, markup=False)
    simulation.simulator.wait()
    return 0
