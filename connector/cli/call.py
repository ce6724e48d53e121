"""`connector call`: one interface of the platform, by hand."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from connector.cli.options import HERE, JsonOption, ProjectOption
from connector.cli.output import err, say, show_json, show_table
from connector.cli.prompting import ask, is_yes
from connector.cli.stopping import Stopping

if TYPE_CHECKING:
    from connector.contract.spec import Operation
    from connector.pipeline.calling import CallReport, Preview, Question, Request

_FAILED = 1
_EXPLAINED = {
    "accepted": "Accepted.",
    "rejected": "Refused.",
    "retryable": "Not now.",
    "session_lost": "The session was lost.",
    "not_sent": "Not sent.",
    "in_doubt": "In doubt.",
}


def call(
    method: Annotated[
        list[str] | None,
        typer.Argument(
            help="By method (getCure), section (4.4) or purpose (approve fees); all, if left out."
        ),
    ] = None,
    project: ProjectOption = HERE,
    data: Annotated[
        str, typer.Option("--data", help="The request, JSON or YAML: a file, or - for stdin.")
    ] = "",
    file: Annotated[Path | None, typer.Option(help="The document that 4.18 uploads.")] = None,
    template: Annotated[
        bool, typer.Option("--template", help="Print a filled example; send nothing.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the text, plain and sealed; send nothing.")
    ] = False,
    unchecked: Annotated[
        bool, typer.Option("--unchecked", help="Send it although it breaks rules of the document.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before something is changed.")] = False,
    force_behind_ledger: Annotated[
        bool,
        typer.Option(
            "--force-behind-ledger",
            help="Change the fees of a visit the ledger knows; its number is asked for.",
        ),
    ] = False,
    json: JsonOption = False,
) -> int:
    """Call one interface of the platform by hand.

    The request is held to the document first. Whatever changes something is asked about. Exit code 4: nobody
    knows whether it took effect.
    """
    from connector.contract.library import contract

    words = " ".join(method or [])
    if not words:
        return _show_all(json=json)
    operation = contract().find(words)
    if template:
        from connector.contract.template import write_template

        sys.stdout.write(write_template(operation))
        return 0
    return _call(
        operation,
        project,
        _read(data),
        file=file,
        dry_run=dry_run,
        unchecked=unchecked,
        yes=yes,
        force=force_behind_ledger,
        json=json,
    )


def _call(
    operation: "Operation",
    project: Path,
    data: dict[str, Any],
    *,
    file: Path | None,
    dry_run: bool,
    unchecked: bool,
    yes: bool,
    force: bool,
    json: bool,
) -> int:
    """Check, ask, send, show."""
    from connector.pipeline import calling
    from connector.pipeline.parts import open_project

    parts = open_project(project)
    request = calling.prepare(parts, operation, data, file=file, unchecked=unchecked)
    _tell_notes(request)
    if dry_run:
        return _show_preview(calling.preview(parts, request), json=json)
    question = calling.question_of(parts, request)
    if question is not None and not _agree(question, yes=yes, force=force):
        say("Nothing was sent.", to=err)
        return _FAILED
    with Stopping() as stopping:
        report = calling.send(parts, request, notify=_tell, is_stopping=stopping)
    return show_report(report, json=json)


def _read(data: str) -> dict[str, Any]:
    """The request; an empty one where none is named."""
    from connector.pipeline.request_file import read_request, read_request_file

    if not data:
        return {}
    return read_request(sys.stdin.buffer.read()) if data == "-" else read_request_file(Path(data))


def _tell(text: str) -> None:
    say(text, to=err)


def _tell_notes(request: "Request") -> None:
    for note in request.notes:
        _tell(note)
    for violation in request.violations:
        _tell(f"Unchecked: {violation}")


def _agree(question: "Question", *, yes: bool, force: bool) -> bool:
    """Whether a person, or --yes, wants it.

    What changes fees behind the ledger, or sends an invoice a second time, is never agreed to by --yes.
    """
    from connector.errors import ConfigurationError

    if question.behind_ledger:
        if not force:
            raise ConfigurationError(question.behind_ledger)
        for line in question.lines:
            _tell(line)
        return ask("Type the visit's number to send it behind the ledger's back: ") == question.visit
    if yes and not question.invoice:
        return True
    for line in question.lines:
        _tell(line)
    if question.invoice:
        return ask(f"Type the invoice's number ({question.invoice}) to send it again: ") == question.invoice
    return is_yes("Send it? Type yes: ", unanswered="Nobody answered; --yes sends without asking.")


def _show_all(*, json: bool) -> int:
    """Every interface with its purpose."""
    from connector.contract.library import contract

    every = contract().operations.values()
    if json:
        rows = [
            {
                "section": one.section,
                "method": one.method,
                "purpose": one.purpose,
                "effect": one.effect,
                "zh": one.zh,
            }
            for one in every
        ]
        show_json(rows)
        return 0
    show_table(
        "Interfaces of the platform",
        ("section", "method", "purpose", "effect"),
        [(one.section, one.method, one.purpose, one.effect) for one in every],
        text="purpose",
    )
    return 0


def _show_preview(preview: "Preview", *, json: bool) -> int:
    if json:
        show_json(preview)
        return 0
    say(f"Would be posted to {preview.url}; nothing was sent. The sessionid is a stand-in.")
    sys.stdout.write(f"\nplain\n{preview.plain}\n")
    if preview.sealed:
        sys.stdout.write(f"\nsealed (message)\n{preview.sealed}\n")
    if preview.document:
        sys.stdout.write(f"\nfile\n{preview.document}\n")
    return 0


def show_report(report: "CallReport", *, json: bool) -> int:
    """An answer, as JSON or a field a line; gives the exit code."""
    if json:
        names = ("method", "section", "verdict", "is_empty", "code", "message", "printed", "ours", "advice")
        told = {name: getattr(report, name) for name in (*names, "answer", "words")}
        show_json(told)
        return report.exit_code
    _show_verdict(report)
    for line in report.lines:
        sys.stdout.write(f"{line}\n")
    return report.exit_code


def _show_verdict(report: "CallReport") -> None:
    """The platform's own words first, the document's and ours beside them."""
    say("Nothing found." if report.is_empty else _EXPLAINED[report.verdict])
    said = f"{report.code} {report.message}".strip()
    if report.code or report.message:
        say(f"The platform says: {said}" if report.code else f"What came: {said}")
    if report.printed:
        say(f"The document says: {report.printed}")
    if report.ours:
        say(f"We say: {report.ours}")
    if report.advice:
        say(report.advice)
