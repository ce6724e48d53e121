"""`connector trace`: from the id in a remark on the platform's web page to the row."""

from typing import Annotated

import typer

from connector.cli import show
from connector.cli.options import HERE, JsonOption, PersonalOption, ProjectOption
from connector.cli.output import err, say, show_json

_NOT_FOUND = 1


def trace(
    trace_id: Annotated[str, typer.Argument(help="The eight characters at the end of the remark.")],
    project: ProjectOption = HERE,
    show_personal: PersonalOption = False,
    json: JsonOption = False,
) -> int:
    """Find the row a remark on the platform's page belongs to.

    Its mapping, key and visit, where it stands, and every batch it was in.
    """
    from connector.pipeline.parts import open_project
    from connector.pipeline.tracing import find_trace

    found = find_trace(open_project(project), trace_id, show_personal=show_personal)
    if json:
        show_json(found)
    elif found:
        for one in found:
            show.show_record(one)
    else:
        say(f"No row of the ledger has the trace id {trace_id}.", to=err)
    return 0 if found else _NOT_FOUND
