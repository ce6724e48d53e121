"""`connector calibrate`: try what delivery rests on at a test platform."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from connector.cli.options import HERE, JsonOption, ProjectOption
from connector.cli.output import err, say, show_json, show_table
from connector.cli.stopping import Stopping

if TYPE_CHECKING:
    from connector.pipeline.calibrating import CalibrationReport
    from connector.pipeline.parts import Parts

_FAILED = 1


def calibrate(
    project: ProjectOption = HERE,
    data: Annotated[
        Path | None, typer.Option("--data", help="The test patient and two charges, YAML or JSON.")
    ] = None,
    template: Annotated[
        bool, typer.Option("--template", help="Print a filled example of --data; send nothing.")
    ] = False,
    this_is_a_test_platform: Annotated[
        bool,
        typer.Option(
            "--this-is-a-test-platform",
            help="Do not ask for the address to be typed: it is no production system.",
        ),
    ] = False,
    repeats: Annotated[
        int, typer.Option(min=1, max=1000, help="How often a total is read right after an upload.")
    ] = 10,
    sheet: Annotated[bool, typer.Option("--sheet", help="Try 4.16 too (A10), which approves fees.")] = False,
    leave: Annotated[
        bool,
        typer.Option(
            "--leave", help="Discharge the test visit and take it back (A9); needs `leave` in --data."
        ),
    ] = False,
    json: JsonOption = False,
) -> int:
    """Try at a TEST platform what delivery rests on.

    A visit is registered, tried on and removed; the results go into calibration.yaml, which every run follows.
    """
    from connector.errors import ConfigurationError
    from connector.pipeline import calibrating
    from connector.pipeline.parts import open_project

    if template:
        sys.stdout.write(calibrating.write_template())
        return 0
    if data is None:
        raise ConfigurationError(
            "Name the test patient with --data FILE; --template prints a filled example."
        )
    parts = open_project(project)
    wishes = calibrating.Wishes(repeats=repeats, sheet=sheet, leave=leave)
    patient = calibrating.read_data(parts, data, wishes)
    if not this_is_a_test_platform and not _is_declared(parts):
        say("Nothing was sent.", to=err)
        return _FAILED
    with Stopping() as stopping:
        report = calibrating.calibrate(parts, patient, wishes, notify=_tell, is_stopping=stopping)
    if json:
        show_json(report)
    else:
        _show(report)
    return report.exit_code


def _tell(text: str) -> None:
    say(text, to=err)


def _is_declared(parts: "Parts") -> bool:
    """Whether a person types the address of what is to be a test system."""
    platform = parts.project.settings.platform
    _tell(
        f"A visit with fees is registered at {platform.base_url} as {platform.username}, and removed again. Do this at "
        "a test system only."
    )
    err.print("Type its address to go on: ", end="")
    answer = sys.stdin.readline().strip().rstrip("/")
    if not sys.stdin.isatty():
        err.print()
    return answer == platform.base_url


def _show(report: "CalibrationReport") -> None:
    """Every assumption with what it came to."""
    from connector.config.calibration import ASSUMPTIONS

    if report.problem:
        say(f"It ended early: {report.problem}. Nothing was written.")
    show_table(
        "What the platform does",
        ("", "assumption", "result", "evidence"),
        [(name, ASSUMPTIONS[name], one.result, one.evidence) for name, one in report.findings.items()],
        text="evidence",
    )
    if report.file:
        say(
            f"Written to {report.file}; every run follows it. `connector check` says which settings it overrules."
        )
