"""The command line: one application, one place where errors become sentences and exit codes.

Exit codes: 0 complete · 1 failure · 2 wrong use or configuration · 3 rows quarantined · 4 rows in doubt or held
for a person, or a question open · 5 another process holds the lease · 6 a guard stopped the run · 130 stopped by Ctrl-C.
"""

import itertools
import tempfile
import traceback
from pathlib import Path

import typer

from connector.cli import commands
from connector.cli.output import err, say
from connector.errors import ConnectorError

app = typer.Typer(
    name="connector",
    help="Uploads the treatment of injured workers to the work-injury insurance platform: "
    "nothing lost, nothing sent twice, and whatever is uncertain is visible.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
commands.register(app)

WRONG_USE, STOPPED = 2, 130
_IN_LEDGER = " What was under way is in the ledger; the next run goes on from there."


def _words(group: typer.Typer) -> set[str]:
    """The names of a group's commands, and of the groups in it."""
    words = {one.name or (one.callback.__name__ if one.callback else "") for one in group.registered_commands}
    for part in group.registered_groups:
        words |= {str(part.name)} | (_words(part.typer_instance) if part.typer_instance else set())
    return words


_COMMANDS = _words(app)


def run(arguments: list[str]) -> int:
    """Run one command; returns its exit code."""
    try:
        return int(app(args=arguments, prog_name="connector", standalone_mode=False) or 0)
    except typer.Exit as end:
        return _leave(end.exit_code, arguments)
    except (typer.Abort, KeyboardInterrupt):
        return _leave(STOPPED, arguments)
    except typer.TyperException as wrong:
        return _refuse(wrong, arguments)
    except ConnectorError as error:
        say(str(error), to=err)
        return error.exit_code
    except Exception as fault:  # noqa: BLE001 - the last door: a fault of ours must not end in a bare traceback
        return _report(fault)


def _leave(code: int, arguments: list[str]) -> int:
    """The exit code of a command that ended by itself or by Ctrl-C."""
    if code == STOPPED:
        delivers = bool({"run", "serve", "backfill", "demo", "reconcile"} & set(arguments[:1]))
        say("Stopped." + (_IN_LEDGER if delivers else ""), to=err)
    return code


def _refuse(wrong: typer.TyperException, arguments: list[str]) -> int:
    """Wrong use. Where only a command was missing, the message is the help itself, and says it all."""
    text = wrong.format_message().rstrip()
    if text.startswith("Usage:"):
        say(text, to=err)
    else:
        command = " ".join(itertools.takewhile(lambda word: word in _COMMANDS, arguments))
        say(f"{text}\n`{f'connector {command}'.strip()} --help` tells more.", to=err)
    return WRONG_USE


def _report(fault: Exception) -> int:
    """Write where a fault of ours arose to a file: code places only, no values, so no patient's data."""
    places = "".join(traceback.format_list(traceback.extract_tb(fault.__traceback__)))
    with tempfile.NamedTemporaryFile(
        "w", prefix="connector-fault-", suffix=".txt", delete=False, encoding="utf-8"
    ) as file:
        file.write(f"{type(fault).__name__}\n{places}")
    say(
        f"A fault in the connector itself ({type(fault).__name__}). Nothing was sent that is not in the ledger. "
        f"Please report it with the file {Path(file.name)}; it names places in the code and holds no data.",
        to=err,
    )
    return 1
