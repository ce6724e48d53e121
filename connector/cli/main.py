"""The command line's entry: one application, one place where errors become sentences and exit codes.

Exit codes: 0 complete · 1 failure · 2 wrong use or configuration · 3 rows quarantined · 4 rows in doubt or held
for a person · 5 another process holds the lease · 6 a guard stopped the run · 130 stopped by Ctrl-C.
"""

import logging
import sys
import tempfile
import traceback
from pathlib import Path

import typer

from connector.cli import commands
from connector.cli.output import err
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


def main() -> None:
    """Run one command and leave with its exit code."""
    logging.getLogger("httpx").setLevel(logging.WARNING)
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command; returns its exit code."""
    try:
        return int(app(args=arguments, standalone_mode=False) or 0)
    except (typer.Exit, typer.Abort, KeyboardInterrupt) as end:
        return _leave(end)
    except typer.TyperException as wrong:
        err.print(f"{wrong.format_message()} Say `connector --help`, or COMMAND --help.", markup=False)
        return 2
    except ConnectorError as error:
        err.print(str(error), markup=False)
        return error.exit_code
    except Exception as fault:  # noqa: BLE001 - the last door: a fault of ours must not end in a bare traceback
        return _report(fault)


def _leave(end: BaseException) -> int:
    """The exit code of a command that ended by itself or by Ctrl-C."""
    if isinstance(end, typer.Exit):
        return end.exit_code
    err.print("Stopped. What was under way is in the ledger; the next run goes on from there.")
    return 130


def _report(fault: Exception) -> int:
    """Write where a fault of ours arose to a file: code places only, no values, so no patient's data."""
    places = "".join(traceback.format_list(traceback.extract_tb(fault.__traceback__)))
    with tempfile.NamedTemporaryFile(
        "w", prefix="connector-fault-", suffix=".txt", delete=False, encoding="utf-8"
    ) as file:
        file.write(f"{type(fault).__name__}\n{places}")
    err.print(
        f"A fault in the connector itself ({type(fault).__name__}). Nothing was sent that is not in the ledger. "
        f"Please report it with the file {Path(file.name)}; it names places in the code and holds no data.",
        markup=False,
    )
    return 1
