"""`connector serve`: the pipelines run by themselves, one line a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from connector.cli.options import HERE, JsonOption, ProjectOption
from connector.cli.output import err, say, show_json_line
from connector.cli.stopping import Stopping
from connector.cli.words import count, moment, money

if TYPE_CHECKING:
    from connector.pipeline.serving import Served

_WORDS = {
    0: "complete",
    1: "failed",
    2: "wrong configuration",
    3: "rows are quarantined",
    4: "rows in doubt, or a visit held",
    5: "another process delivers",
    6: "stopped by a guard",
    130: "stopped",
}
"""What an exit code means, in the words of README."""
_TOTALS = {
    0: "nothing is left to explain, or the next run sends it",
    3: "only rows in quarantine stand between",
    4: "somebody has to look: `connector reconcile --all --differences`",
}
"""What the exit code of a reconciliation means."""


class _Notes:
    """Progress of a service: sentences only. Bars and counts of each step would fill its log."""

    def start(self, what: str, total: int | None) -> None:
        """Ignore."""

    def advance(self, what: str, units: int = 1) -> None:
        """Ignore."""

    def finish(self, what: str) -> None:
        """Ignore."""

    def note(self, text: str) -> None:
        """Print a sentence."""
        say(text, to=err)


def serve(
    pipeline: Annotated[
        list[str] | None,
        typer.Argument(help="Pipelines to serve; all that have a schedule, where none is named."),
    ] = None,
    project: ProjectOption = HERE,
    json: JsonOption = False,
) -> int:
    """Run the pipelines at the times their files say, until Ctrl-C.

    What goes wrong in a run is said, and tried again later; it does not end the service. Where connector.yaml says when
    (`reconcile:`), HIS, ledger and platform are compared too. With --json one line a run.
    """
    from connector.pipeline.parts import open_project
    from connector.pipeline.serving import serve as begin

    with Stopping() as stopping:
        code = begin(
            project,
            pipeline or [],
            open_parts=lambda: open_project(project),
            progress=_Notes(),
            is_stopping=stopping,
            tell=show_json_line if json else _show,
        )
    say("The service has ended. What was under way is in the ledger.", to=err)
    return code


def _show(served: Served) -> None:
    """One run in one line; what went wrong below it where that has several."""
    done, words = (_sent(served), _WORDS)
    if served.compared is not None:
        done = f"{count(served.compared, 'visit')} compared, {served.equal} equal"
        words = _WORDS | _TOTALS
    problem = f": {served.problem}" if served.problem else ""
    later = f" (next: {moment(served.next_at)})" if served.next_at else ""
    say(f"{moment(served.started_at)} {served.pipeline}: {done}; {words[served.exit_code]}{problem}{later}")


def _sent(served: Served) -> str:
    sent = f"{count(served.rows, 'row')} in {count(served.batches, 'batch', 'batches')} sent, {money(served.amount)} yuan"
    return f"{sent}, {count(served.registered, 'visit')} registered" if served.registered else sent
