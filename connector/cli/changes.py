"""`connector changes`: rows that the HIS changed after they were uploaded, and what a person decides about them."""

import getpass
from typing import Annotated

import typer

from connector.cli import show
from connector.cli.options import HERE, JsonOption, ProjectOption
from connector.cli.output import err, say, show_json
from connector.cli.prompting import is_yes
from connector.cli.words import count

app = typer.Typer(help="Rows that the HIS changed after upload.", no_args_is_help=True, rich_markup_mode=None)

ReasonOption = Annotated[str, typer.Option(help="Why; it is kept with the decision.")]
YesOption = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
WhoOption = Annotated[str, typer.Option(help="Who decides; the name of the account, if nothing is said.")]

_FAILED = 1


@app.command("list")
def list_changes(project: ProjectOption = HERE, json: JsonOption = False) -> int:
    """List rows that the HIS changed or deleted after upload, and what is being taken back."""
    from connector.pipeline import changes
    from connector.pipeline.parts import open_project

    report = changes.list_changes(open_project(project))
    if json:
        show_json(report)
    else:
        show.show_changes(report)
    return 0


@app.command("compensate")
def compensate(
    rows: Annotated[list[int], typer.Argument(help="Numbers of rows, as `changes list` shows them.")],
    project: ProjectOption = HERE,
    reason: ReasonOption = "",
    who: WhoOption = "",
    yes: YesOption = False,
    json: JsonOption = False,
) -> int:
    """Take back rows that are deleted in the HIS.

    Asked about first: a reading of the HIS that was cut off looks the same.
    """
    from connector.pipeline import changes
    from connector.pipeline.parts import open_project

    parts = open_project(project)
    for one in changes.choose_gone(parts, rows):
        say(f"row {one.record_id}: {one.mapping}, key {one.key}, visit {one.number or one.visit}", to=err)
    if not yes and not _agree(f"Take back {count(len(set(rows)), 'row')} from the platform?"):
        return _FAILED
    done = changes.compensate(parts, rows, who=who or getpass.getuser(), reason=reason)
    if json:
        show_json({"taken_back": done})
    else:
        say(f"{count(done, 'row')} will be taken back by the next `connector run`.")
    return 0


@app.command("approve")
def approve(
    visit: Annotated[str, typer.Argument(help="The visit: its number, or its key in the HIS.")],
    project: ProjectOption = HERE,
    reason: ReasonOption = "",
    who: WhoOption = "",
    yes: YesOption = False,
    json: JsonOption = False,
) -> int:
    """Let a visit go of which many rows changed at once.

    Without this it stays held: many changes at once may mean that the HIS was restored or its keys were reused.
    """
    from connector.pipeline import changes
    from connector.pipeline.parts import open_project

    parts = open_project(project)
    if not yes and not _agree(f"Take back and send anew everything that changed of visit {visit}?"):
        return _FAILED
    done = changes.approve(parts, visit, who=who or getpass.getuser(), reason=reason)
    if json:
        show_json({"approved": done})
    elif done:
        say(f"{count(done, 'row')} let go; the next `connector run` takes them back and sends the visit.")
    else:
        say("Nothing of this visit waits for approval.")
    return 0


def _agree(question: str) -> bool:
    """Ask a person; no answer is a no."""
    agreed = is_yes(f"{question} Type yes: ")
    if not agreed:
        say("Nothing was changed. --yes changes it without asking.", to=err)
    return agreed
