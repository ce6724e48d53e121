"""The commands: each parses its options, calls the hall, and shows what came back."""

from pathlib import Path
from typing import Annotated

import typer

from connector.cli import (
    asking,
    backfill,
    calibrate,
    call,
    card,
    changes,
    decide,
    journal,
    ledger,
    quarantine,
    reconcile,
    resolve,
    serve,
    settlement,
    show,
    show_run,
    trace,
    visit,
)
from connector.cli.options import HERE, JsonOption, PersonalOption, ProjectOption
from connector.cli.output import Bars, say, show_json
from connector.cli.stopping import Stopping


def register(app: typer.Typer) -> None:
    """Add every command to the application, in the order a newcomer meets them."""
    app.command()(demo)
    app.command()(init)
    app.command()(check)
    app.command()(preview)
    app.command(name="test")(test)
    app.command()(run)
    app.command()(serve.serve)
    app.command()(backfill.backfill)
    app.command()(status)
    app.command()(reconcile.reconcile)
    app.add_typer(visit.app, name="visit")
    app.command()(decide.decide)
    app.command()(resolve.resolve)
    app.add_typer(quarantine.app, name="quarantine")
    app.add_typer(changes.app, name="changes")
    app.add_typer(ledger.app, name="ledger")
    app.add_typer(journal.app, name="journal")
    app.command()(trace.trace)
    app.command()(settlement.settlement)
    app.add_typer(asking.app, name="ask")
    app.command()(call.call)
    app.add_typer(card.app, name="card")
    app.command()(calibrate.calibrate)
    app.command()(simulate)


def demo(
    directory: Annotated[Path, typer.Option(help="The folder to build it in.")] = Path("demo-hospital"),
    seed: Annotated[int, typer.Option(help="The same seed makes the same hospital.")] = 7,
    json: JsonOption = False,
) -> int:
    """Show everything on a made-up hospital.

    Two runs with a day's changes in between, the simulated platform, and the sums of HIS, ledger and platform
    compared.
    """
    from connector.pipeline.demo import run_demo

    with Stopping() as stopping, Bars(quiet=json) as bars:
        report = run_demo(directory, seed=seed, progress=bars, is_stopping=stopping)
    if json:
        show_json(report)
    else:
        show_run.show_demo(report)
    return report.exit_code


def init(
    url: Annotated[str, typer.Option(help="The database's SQLAlchemy URL, or env:NAME.")] = "",
    project: ProjectOption = HERE,
    table: Annotated[
        list[str] | None,
        typer.Option(
            help="A table to draft a mapping for, as WHAT=TABLE; WHAT is visits, orders or charges."
        ),
    ] = None,
    json: JsonOption = False,
) -> int:
    """Make a project directory, with mappings drafted from tables.

    Settings, ledger, key and folders; with --url and --table also drafts of mappings: every field of the
    platform with its Chinese name, every column of the table. What exists is kept.
    """
    from connector.pipeline.scaffold import scaffold

    lines = scaffold(project, url=url, tables=table or [])
    if json:
        show_json({"done": list(lines)})
    else:
        for line in lines:
            say(line)
    return 0


def check(
    project: ProjectOption = HERE,
    offline: Annotated[
        bool, typer.Option("--offline", help="Only the files; do not ask the database.")
    ] = False,
    explain: Annotated[
        str, typer.Option(metavar="MAPPING", help="Tell where each field of this mapping comes from.")
    ] = "",
    json: JsonOption = False,
) -> int:
    """Find everything that is wrong in the project's files.

    Its mappings are also held against the columns and types of the database; with --explain the files alone are
    read, and the origin of each field of one mapping is told.
    """
    from connector.pipeline.check import check_project
    from connector.pipeline.origins import explain_mapping
    from connector.pipeline.parts import open_project

    if explain:
        origins = explain_mapping(open_project(project), explain)
        if json:
            show_json(origins)
        else:
            show.show_origins(origins)
        return 0
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
    show_personal: PersonalOption = False,
    json: JsonOption = False,
) -> int:
    """Show what a mapping makes of rows of the HIS.

    Rows as they are read, what would be sent, and what is wrong with them. Nothing is written.
    """
    from connector.pipeline.parts import open_project
    from connector.pipeline.preview import preview as make

    found = make(open_project(project), mapping, rows=rows, visit=visit, key=key, show_personal=show_personal)
    if json:
        show_json(found)
    else:
        wanted = f" of visit {visit}" if visit else f" with the key {key}" if key else ""
        show.show_preview(found, wanted=wanted)
    return 0


def test(
    mapping: Annotated[
        list[str] | None, typer.Argument(help="Mappings to test; all, where none is named.")
    ] = None,
    project: ProjectOption = HERE,
    json: JsonOption = False,
) -> int:
    """Run the tests that stand in the mappings.

    Rows in, payload or violations out. No database is needed.
    """
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
        bool, typer.Option("--dry-run", help="Do everything but write and send: say what would go.")
    ] = False,
    override: Annotated[
        list[str] | None,
        typer.Option(help="A guard that does not hold for this run, by its name in connector.yaml."),
    ] = None,
    because: Annotated[str, typer.Option(help="Why it is overridden; the ledger keeps it.")] = "",
    json: JsonOption = False,
) -> int:
    """Read what is new in the HIS, then send it.

    Made for a timer: it goes on where the last run ended. The exit code says what a person has to look at.
    """
    from connector.pipeline.guards import read_override
    from connector.pipeline.parts import open_project, person
    from connector.pipeline.rehearse import rehearse
    from connector.pipeline.run import run as begin

    word = read_override(override or [], because, person())
    with Stopping() as stopping, Bars(quiet=json) as bars:
        job = rehearse if dry_run else begin
        report = job(
            open_project(project), pipeline or [], progress=bars, is_stopping=stopping, override=word
        )
    if json:
        show_json(report)
    else:
        show_run.show_run(report)
    return report.exit_code


def status(
    project: ProjectOption = HERE,
    visits: Annotated[
        bool, typer.Option("--visits", help="One line for each visit that needs attention.")
    ] = False,
    inferred: Annotated[
        bool,
        typer.Option(
            "--inferred", help="List the batches accepted because the platform's total showed them."
        ),
    ] = False,
    json: JsonOption = False,
) -> int:
    """Say where everything stands.

    Rows sent, waiting, in doubt, in quarantine; visits held. The exit code is that of `run`.
    """
    from connector.pipeline.overview import survey
    from connector.pipeline.parts import open_project

    report = survey(open_project(project), inferences=show.MOST_INFERRED if inferred else 0)
    if json:
        show_json(report)
    else:
        show.show_status(report, visits=visits, inferred=inferred)
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
    facts: Annotated[
        Path | None,
        typer.Option(help="Persons, injuries, filings and cards the platform knows: a YAML file."),
    ] = None,
    latency_s: Annotated[float, typer.Option(min=0.0, help="Seconds until each answer.")] = 0.0,
    answer_style: Annotated[str, typer.Option(help="How answers look; styles are joined by +.")] = "document",
) -> int:
    """Stand in for the platform, until Ctrl-C.

    It takes the account and the key of the project, or of the demo where there is none.
    """
    from connector.pipeline.simulation import start_simulation

    simulation = start_simulation(
        project,
        port=port,
        state_file=state_file,
        faults=fault or [],
        facts=facts,
        latency_s=latency_s,
        answer_style=answer_style,
    )
    for line in simulation.introduction:
        say(line)
    simulation.simulator.wait()
    say("The simulated platform has ended.")
    return 0
