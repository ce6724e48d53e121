"""What a driver's error means, in one sentence for the person who has to mend it.

A driver's own text may hold values, statements or a password, so it is never passed on: names of tables and
columns are picked out of it, the rest is the error's number.
"""

import re
from dataclasses import dataclass

import sqlalchemy as sa

from connector.errors import SourceError

_KINDS: dict[str, tuple[str, ...]] = {
    "password": ("28P01", "28000", "1045", "1698", "18456", "1017"),
    "database": ("3D000", "1049", "4060"),
    "denied": ("42501", "1044", "1142", "1143", "229", "230", "1031"),
    "column": ("42703", "42S22", "1054", "207", "904"),
    "table": ("42P01", "42S02", "3F000", "1146", "208", "942"),
    "timeout": ("57014", "HYT00", "1969", "3024", "1317", "SQLITE_INTERRUPT", "1013"),
    "locked": ("55P03", "1205", "1222", "SQLITE_BUSY", "SQLITE_LOCKED"),
    "syntax": ("42601", "42000", "1064", "102", "156", "933"),
    "driver": ("IM002", "01000"),
    "unreachable": (
        *("08001", "08003", "08004", "08006", "08S01", "57P01", "57P02", "57P03", "HYT01"),
        *("2002", "2003", "2005", "2006", "2013", "12541", "12170", "53300", "1040"),
    ),
    "file": ("SQLITE_CANTOPEN", "SQLITE_NOTADB", "SQLITE_CORRUPT", "SQLITE_IOERR", "SQLITE_PERM"),
}
_KIND_OF = {code: kind for kind, codes in _KINDS.items() for code in codes}

_TEXTS: tuple[tuple[str, str], ...] = (
    ("password", r"password authentication failed|no password supplied|Access denied for user"),
    ("password", r'role "[^"]*" (does not exist|is not permitted to log in)|no pg_hba\.conf entry'),
    ("database", r'database "[^"]*" does not exist|Unknown database'),
    ("column", r"no such column|Unknown column|Invalid column name"),
    ("table", r"no such table|Invalid object name"),
    ("timeout", r"statement timeout|max_statement_time|\binterrupted\b|timeout expired$"),
    ("locked", r"database is locked|database table is locked"),
    ("syntax", r"syntax error|incomplete input|unrecognized token"),
    ("unreachable", r"[Cc]onnection refused|could not translate|[Cc]onnection timed? ?out|timeout expired"),
    ("unreachable", r"server closed the connection|[Cc]an't connect|Lost connection|gone away|is closed"),
    ("file", r"unable to open database|not a database|failed to open|malformed|disk I/O"),
)
"""Signs of a kind in texts of drivers that give no number."""

_NAMES = (
    r"no such (?:column|table): (\S+)",
    r"Unknown column '([^']+)'",
    r"Table '([^']+)' doesn't exist",
    r'(?:column|relation) "([^"]+)" does not exist',
    r"column ([\w.]+) does not exist",
    r"(?:column|object) name '([^']+)'",
    r'"?(\w+)"?: invalid identifier',
    r"denied (?:to user .* )?for (?:table|relation|view) [`'\"]?([\w.]+)",
)

_NATIVE = re.compile(r"Native error: (\d+)|\((\d+)\)(?: \(SQL\w+\))?\s*$|ORA-0*(\d+)")


@dataclass(frozen=True, slots=True)
class Place:
    """Where an error happened: database (host and name, no password), user, and what was read for which mapping."""

    database: str
    user: str = ""
    subject: str = ""
    timeout_s: int = 0


def kind_of(error: BaseException) -> str:
    """The kind of a driver's error (`_KINDS`), or `other`."""
    driver = _driver_error(error)
    if isinstance(driver, (ImportError, sa.exc.NoSuchModuleError)):
        return "driver"
    for code in _codes(driver):
        if code in _KIND_OF:
            return _KIND_OF[code]
    text = _text_of(driver)
    return next((kind for kind, sign in _TEXTS if re.search(sign, text)), "other")


def explain(error: BaseException, place: Place) -> SourceError:
    """The sentence for a driver's error at `place`."""
    kind = kind_of(error)
    name = _name_in(_text_of(_driver_error(error)))
    sentences = {
        "password": f"{place.database} refused the user {place.user!r}: check the user and the password in his.url",
        "database": f"{place.database}: the server has no database of that name; check his.url",
        "denied": f"{place.database} does not let the user {place.user!r} read {name or place.subject}: grant SELECT on it",
        "column": f"{place.database}: {place.subject} names the column {name or '(unnamed)'}, which does not exist",
        "table": f"{place.database}: {place.subject} names the table {name or '(unnamed)'}, which does not exist",
        "timeout": f"{place.database}: reading {place.subject} took longer than {place.timeout_s} s and was stopped; "
        "add an index on its cursor, key or visit column, or raise his.statement_timeout_s",
        "locked": f"{place.database}: {place.subject} is locked by another program; try again later",
        "syntax": f"{place.database} does not understand {place.subject}: try it in the database's own tool",
        "driver": f"{place.database}: the driver that his.url names is not installed on this machine",
        "unreachable": f"{place.database} cannot be reached: is the server running, and are host, port and network right?",
        "file": f"{place.database} cannot be opened: is it there, readable, and a SQLite database?",
    }
    about = place.subject or "the connection"
    other = f"{place.database} answered with an error about {about} ({_number_of(error)})"
    text = sentences.get(kind, other)
    return SourceError(text if text.endswith("?") else f"{text}.")


def _driver_error(error: BaseException) -> BaseException:
    if isinstance(error, sa.exc.DBAPIError) and error.orig is not None:
        return error.orig
    return error


def _codes(error: BaseException) -> list[str]:
    """Every number an error carries, the most telling first: the server's own before the standard's."""
    text = _text_of(error)
    codes = [group for match in _NATIVE.finditer(text) for group in match.groups() if group]
    codes += [str(argument) for argument in error.args[:1] if isinstance(argument, int)]
    codes += [str(getattr(error, name, None) or "") for name in ("sqlite_errorname", "sqlstate")]
    codes += [argument for argument in error.args[:1] if isinstance(argument, str)]
    return codes + re.findall(r"(?:State|SQLSTATE): (\w{5})", text)


def _text_of(error: BaseException) -> str:
    return " ".join(str(argument) for argument in error.args)


def _number_of(error: BaseException) -> str:
    driver = _driver_error(error)
    known = [code for code in _codes(driver) if re.fullmatch(r"\w{2,20}", code)]
    return ", ".join([type(driver).__name__, *dict.fromkeys(known)])


def _name_in(text: str) -> str:
    for pattern in _NAMES:
        match = re.search(pattern, text)
        if match:
            return match.group(1).rstrip(".,;")
    return ""
