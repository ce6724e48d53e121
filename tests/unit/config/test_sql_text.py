"""A .sql file is one SELECT that can stand as a derived table."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.config.page import Page
from connector.config.sql_text import read_sql


def read(text):
    page = Page("a.sql", text)
    return read_sql(page), [(one.line, one.column, one.message) for one in page.faults()]


@pytest.mark.parametrize(
    ("text", "sql"),
    [
        ("SELECT 1", "SELECT 1"),
        ("\n-- 注释\nselect a from t -- end\n", "-- 注释\nselect a from t"),
        ("SELECT 1;\n", "SELECT 1"),
        ("SELECT ';' AS a; -- ;\n/* ; */", "SELECT ';' AS a"),
        ("WITH x AS (SELECT 1) SELECT * FROM x", "WITH x AS (SELECT 1) SELECT * FROM x"),
        ("SELECT ROW_NUMBER() OVER (ORDER BY a) FROM t", "SELECT ROW_NUMBER() OVER (ORDER BY a) FROM t"),
        ("SELECT 'ORDER BY' FROM t -- ORDER BY x", "SELECT 'ORDER BY' FROM t"),
        ('SELECT "ORDER" FROM [ORDER BY]', 'SELECT "ORDER" FROM [ORDER BY]'),
    ],
)
def test_one_select_is_taken_without_what_follows_it(text, sql):
    assert read(text) == (sql, [])


@pytest.mark.parametrize(
    ("text", "line", "column", "words"),
    [
        ("", 1, 1, "holds no SELECT"),
        ("-- nothing\n;\n", 1, 1, "one SELECT and nothing else"),
        ("-- x\nDELETE FROM t", 2, 1, "one SELECT and nothing else"),
        ("SELECT 1;\nDROP TABLE t;", 1, 9, "a second statement"),
        ("SELECT a\nFROM t\n  ORDER\n  BY a", 3, 3, "ORDER BY"),
        ("SELECT a FROM (SELECT b FROM t ORDER BY b) x order by a", 1, 46, "ORDER BY"),
    ],
)
def test_anything_else_is_told_with_its_place(text, line, column, words):
    _, (fault,) = read(text)
    assert fault[:2] == (line, column)
    assert words in fault[2]


@given(st.text(max_size=80))
def test_any_text_is_read_or_told(text):
    sql, faults = read(text)
    assert faults or sql.upper().lstrip().startswith(("SELECT", "WITH", "--", "/*"))
