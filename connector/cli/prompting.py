"""Questions to whoever sits there: what was typed, and whether it is a yes."""

import sys

from connector.cli.output import err, say

_YES = frozenset({"y", "yes", "是"})


def ask(prompt: str) -> str:
    """What is typed, or handed over by another program; "" where nobody answers."""
    err.print(prompt, end="")
    answer = sys.stdin.readline().strip()
    if not sys.stdin.isatty():
        err.print()
    return answer


def is_yes(prompt: str, *, unanswered: str = "") -> bool:
    """Whether somebody types yes; `unanswered` is said where nobody does."""
    answer = ask(prompt)
    if unanswered and not answer:
        say(unanswered, to=err)
    return answer.casefold() in _YES
