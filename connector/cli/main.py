"""The command line's entry: nothing is loaded before somebody can stop it without a traceback."""

import logging
import sys

STOPPED = 130


def main() -> None:
    """Run one command and leave with its exit code."""
    logging.getLogger("httpx").setLevel(logging.WARNING)
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command; returns its exit code."""
    try:
        from connector.cli import app
    except KeyboardInterrupt:
        return STOPPED
    return app.run(arguments)
