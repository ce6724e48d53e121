"""A driver's error becomes one sentence; nothing of the driver's own text is in it but names."""

import sqlite3

import psycopg
import pymysql
import pytest
import sqlalchemy as sa

from connector.extract.faults import Place, explain, kind_of

PLACE = Place("The hospital's database his at 10.0.0.1:1433", "reader", "the table T (mapping m)", 120)
SECRET = "330101199001011234"


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (
            Exception("42S22", f"[42S22] Invalid column name 'ZJJX'. {SECRET} (207) (SQLExecDirectW)"),
            "column",
            "ZJJX",
        ),
        (
            Exception("42S02", f"[42S02] Invalid object name 'dbo.ZY'. {SECRET} (208) (SQLExecDirectW)"),
            "table",
            "dbo.ZY",
        ),
        (
            Exception(
                "28000", f"[28000] Login failed for user 'reader'. {SECRET} (18456) (SQLDriverConnect)"
            ),
            "password",
            "reader",
        ),
        (
            Exception("42000", "[42000] Cannot open database (4060) (SQLDriverConnect)"),
            "database",
            "no database",
        ),
        (
            Exception("HYT00", f"[HYT00] Query timeout expired {SECRET} (0) (SQLExecDirectW)"),
            "timeout",
            "120 s",
        ),
        (
            Exception("42000", "[42000] The SELECT permission was denied (229) (SQLExecDirectW)"),
            "denied",
            "grant SELECT",
        ),
        (
            Exception("42000", f"[42000] Incorrect syntax near '{SECRET}'. (102) (SQLExecDirectW)"),
            "syntax",
            "understand",
        ),
        (Exception("40001", f"[40001] deadlock {SECRET} (1222) (SQLFetch)"), "locked", "try again"),
        (
            Exception("IM002", "[IM002] Data source name not found (0) (SQLDriverConnect)"),
            "driver",
            "not installed",
        ),
        (Exception(f'ORA-00904: "ZJJX": invalid identifier {SECRET}'), "column", "ZJJX"),
        (Exception("ORA-00942: table or view does not exist"), "table", "does not exist"),
        (Exception("ORA-01017: invalid username/password; logon denied"), "password", "reader"),
        (
            pymysql.err.OperationalError(1054, f"Unknown column 'ZJJX' in 'field list' {SECRET}"),
            "column",
            "ZJJX",
        ),
        (
            pymysql.err.OperationalError(2003, "Can't connect to MySQL server on 'h' (111)"),
            "unreachable",
            "reached",
        ),
        (psycopg.errors.UndefinedColumn(f'column "zjjx" does not exist {SECRET}'), "column", "zjjx"),
        (psycopg.OperationalError("connection failed: Connection refused"), "unreachable", "reached"),
        (
            psycopg.OperationalError('FATAL:  password authentication failed for user "x"'),
            "password",
            "reader",
        ),
        (sqlite3.OperationalError("no such column: ZJJX"), "column", "ZJJX"),
        (UnicodeDecodeError("gbk", SECRET.encode(), 0, 1, "illegal"), "other", "UnicodeDecodeError"),
        (ValueError(f"day is out of range {SECRET}"), "other", "ValueError"),
    ],
)
def test_what_a_drivers_error_means(error, kind, words):
    wrapped = sa.exc.DBAPIError(f"SELECT '{SECRET}'", {"p": SECRET}, error)
    for one in (error, wrapped):
        assert kind_of(one) == kind
        text = str(explain(one, PLACE))
        assert words in text
        assert PLACE.database in text
        assert SECRET not in text
        assert "\n" not in text
