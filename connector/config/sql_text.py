"""The text of a .sql file: one SELECT that can stand as a derived table."""

import re

from connector.config.page import Page, Spot

_TOKEN = re.compile(
    r"""--[^\n]*|/\*.*?\*/|'(?:[^']|'')*'|"(?:[^"]|"")*"|`[^`]*`|\[[^\]\n]*\]|[();]|\w+|\s+|.""",
    re.DOTALL,
)


def read_sql(page: Page) -> str:
    """The SELECT without what stands behind its last word; what cannot be a derived table is noted.

    It is read as `SELECT … FROM (it) …`: the reader pages and orders by itself, so an outer ORDER BY is refused
    (SQL Server does not even allow it), and so is anything but one SELECT.
    """
    words = _significant(page.text)
    if not words:
        page.complain(Spot(1, 1), "The file holds no SELECT.")
        return ""
    if words[-1][1] == ";":
        words.pop()
    first = words[0] if words else (0, "")
    if first[1].upper() not in ("SELECT", "WITH"):
        page.complain(_spot(page.text, first[0]), "The file must hold one SELECT and nothing else.")
    depth = 0
    for number, (place, word) in enumerate(words):
        depth += {"(": 1, ")": -1}.get(word, 0)
        following = words[number + 1][1].upper() if number + 1 < len(words) else ""
        if word == ";":
            page.complain(
                _spot(page.text, place), "The file must hold one SELECT, but a second statement follows."
            )
        elif depth == 0 and word.upper() == "ORDER" and following == "BY":
            page.complain(
                _spot(page.text, place),
                "The SELECT must not have an ORDER BY of its own.",
                "Leave it out: rows are read page by page in the order of cursor and key.",
            )
    if not words:
        return ""
    last_place, last_word = words[-1]
    return page.text[: last_place + len(last_word)].strip()


def _significant(text: str) -> list[tuple[int, str]]:
    """Words and marks with their places, without blanks and comments."""
    return [
        (found.start(), found[0])
        for found in _TOKEN.finditer(text)
        if not found[0].isspace() and not found[0].startswith(("--", "/*"))
    ]


def _spot(text: str, place: int) -> Spot:
    """A place in the text as line and column."""
    before = text[:place].replace("\r\n", "\n").replace("\r", "\n")
    return Spot(before.count("\n") + 1, len(before) - before.rfind("\n"))
