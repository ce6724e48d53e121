"""What is printed fits a terminal, a file and a JSON reader."""

import io
import json
from dataclasses import dataclass, fields, is_dataclass
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

import connector.ledger.compensations
import connector.ledger.conclusions
import connector.ledger.overview
import connector.ledger.quarantine
import connector.pipeline.acceptance
import connector.pipeline.backfill
import connector.pipeline.backfill_state
import connector.pipeline.balance
import connector.pipeline.cases
import connector.pipeline.checklist
import connector.pipeline.demo
import connector.pipeline.demo_visits
import connector.pipeline.desk
import connector.pipeline.guards
import connector.pipeline.journal
import connector.pipeline.old_business
import connector.pipeline.overview
import connector.pipeline.run
import connector.pipeline.serving
import connector.pipeline.shards
import connector.pipeline.undo
import connector.pipeline.uploaded
import connector.records
from connector.cli import output, show, words
from connector.cli.output import Bars, say, show_json, show_table
from connector.pipeline.balance import CategorySums, Comparison, Kept
from connector.records import Reading


@pytest.fixture
def terminal(monkeypatch):
    """A terminal of 80 columns; what was drawn on it, in lines."""
    screen = io.StringIO()
    monkeypatch.setattr(output, "out", Console(file=screen, force_terminal=True, width=80, color_system=None))
    monkeypatch.setattr(show, "say", lambda text: say(text, to=output.out))
    return lambda: screen.getvalue().splitlines()


COLUMNS = ("mapping", "read", "others", "new", "changed", "known", "quarantined", "aside")


@settings(max_examples=40)
@given(
    st.lists(
        st.tuples(st.text("abcdefgh-", min_size=1, max_size=18), *[st.integers(0, 99999)] * 7), min_size=1
    )
)
def test_the_widest_table_of_numbers_fits_80_columns(rows):
    screen = io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(output, "out", Console(file=screen, force_terminal=True, width=80, color_system=None))
        show_table("t", COLUMNS, rows, right=COLUMNS[1:])
    lines = screen.getvalue().splitlines()
    assert all(cell_len(line) <= 80 for line in lines)
    for row in rows:
        assert any(all(str(cell) in line for cell in row) for line in lines)


def test_on_a_narrow_terminal_words_give_way_and_numbers_do_not(monkeypatch):
    screen = io.StringIO()
    monkeypatch.setattr(output, "out", Console(file=screen, force_terminal=True, width=60, color_system=None))
    show_table(
        "t", ("visit", "yuan"), [("a-very-long-number-of-a-visit" * 2, "123,456,789.12")], right=("yuan",)
    )
    assert "123,456,789.12" in screen.getvalue()
    assert "…" not in screen.getvalue()


def test_sentences_are_wrapped_between_words(terminal):
    show_table("t", ("rows", "what is wrong"), [(1, "several different words " * 8)], text="what is wrong")
    say("several different words " * 8, to=output.out)
    for line in terminal():
        assert cell_len(line) <= 80
        whole = {"several", "different", "words", "t", "rows", "what", "is", "wrong", "1", "─" * 78}
        assert set(line.split()) <= whole


def test_a_line_of_a_file_and_its_caret_are_not_wrapped(terminal):
    source = "    " + "x: 1, " * 30
    say(f"m.yaml:1:1: wrong\n{source}\n{' ' * 100}^", to=output.out)
    assert source.rstrip() in [line.rstrip() for line in terminal()]


def test_elsewhere_a_table_is_aligned_lines_without_any_drawing(capsys):
    show_table(
        "Title",
        ("name", "rows", "why"),
        [("收费项目", 5, "x" * 300), ("b", 12345, "one\ntwo")],
        right=("rows",),
        text="why",
    )
    lines = capsys.readouterr().out.splitlines()
    assert lines[1] == "Title"
    assert lines[2] == "name       rows  why"
    assert lines[3] == "收费项目      5  " + "x" * 300
    assert lines[4] == "b         12345  one; two"


def test_markup_in_a_cell_stays_text(capsys):
    show_table("[bold]t[/bold]", ("a",), [("[red]x[/red]",)])
    say(":warning: [link]")
    assert capsys.readouterr().out.splitlines()[1:] == [
        "[bold]t[/bold]",
        "a",
        "[red]x[/red]",
        ":warning: [link]",
    ]


@dataclass
class Box:
    inside: object


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Decimal("1E+3"), "1000"),
        (Decimal("0.10"), "0.10"),
        (2**70, 2**70),
        (b"\x00\xff", "00ff"),
        (float("nan"), "nan"),
        (float("inf"), "inf"),
        (0.5, 0.5),
        (("a", frozenset({1})), ["a", [1]]),
        (Path("a/b"), str(Path("a/b"))),
        (connector.records.State.IN_DOUBT, "in_doubt"),
        ({1: None, "b": True}, {"1": None, "b": True}),
        (
            Reading(1, (("11", 12345),), "m", "t"),
            {"total": "0.0001", "categories": {"11": "1.2345"}, "source": "m", "at": "t"},
        ),
    ],
)
def test_json_is_exact(capsys, value, expected):
    show_json(Box(value))
    out = capsys.readouterr().out
    assert json.loads(out, parse_constant=pytest.fail)["inside"] == expected


@given(st.integers(-(10**18), 10**18))
def test_money_in_json_is_its_exact_yuan(amount):
    sums = CategorySums("11", his=amount, accepted=1)
    found = output._document(
        Comparison("p", "k", "v", "", (sums,), (), None, "", kept_back={"r": Kept(1, amount)})
    )
    assert Decimal(found["his"]).scaleb(4) == amount
    assert Decimal(found["categories"][0]["his"]).scaleb(4) == amount
    assert Decimal(found["kept_back"]["r"]["amount"]).scaleb(4) == amount
    assert found["platform"] is None


def test_no_amount_leaves_as_a_bare_number():
    """Amounts are the whole numbers that no repr shows."""
    seen = 0
    for module in (
        connector.ledger.compensations,
        connector.ledger.conclusions,
        connector.ledger.overview,
        connector.ledger.quarantine,
        connector.pipeline.demo,
        connector.pipeline.desk,
        connector.pipeline.guards,
        connector.pipeline.overview,
        connector.pipeline.run,
        connector.pipeline.balance,
        connector.records,
    ):
        for shown in vars(module).values():
            if not (isinstance(shown, type) and is_dataclass(shown)) or shown.__name__ in (
                "StagedRecord",
                "Original",
            ):
                continue
            for one in fields(shown):
                if not one.repr and one.type in (int, "int", int | None, "int | None"):
                    seen += 1
                    assert one.name in output._MONEY[shown.__name__], (shown, one.name)
    assert seen > 10


def test_money_fields_are_fields():
    classes = {
        name: shown
        for module in (
            connector.ledger.compensations,
            connector.ledger.overview,
            connector.ledger.quarantine,
            connector.pipeline.overview,
            connector.pipeline.desk,
            connector.pipeline.demo,
            connector.pipeline.acceptance,
            connector.pipeline.backfill,
            connector.pipeline.backfill_state,
            connector.pipeline.balance,
            connector.pipeline.cases,
            connector.pipeline.checklist,
            connector.pipeline.guards,
            connector.pipeline.demo_visits,
            connector.pipeline.journal,
            connector.pipeline.old_business,
            connector.pipeline.serving,
            connector.pipeline.shards,
            connector.pipeline.undo,
            connector.pipeline.uploaded,
            connector.records,
        )
        for name, shown in vars(module).items()
    }
    for name, owned in (*output._MONEY.items(), *output._PROPERTIES.items()):
        assert all(hasattr(classes[name], one) or one in classes[name].__annotations__ for one in owned)


@pytest.mark.parametrize(
    ("amount", "text"),
    [(None, "–"), (0, "0.00"), (-9800, "-0.98"), (123456789100, "12,345,678.91"), (325, "0.0325")],
)
def test_money_in_words(amount, text):
    assert words.money(amount) == text


def test_counts_in_words():
    assert words.count(1, "row") == "1 row"
    assert words.count(0, "batch", "batches") == "0 batches"
    assert words.count(12345, "row") == "12,345 rows"


def test_a_moment_is_shown_in_this_computers_zone(monkeypatch):
    monkeypatch.setenv("TZ", "Asia/Shanghai")
    import time

    time.tzset()
    try:
        assert words.moment("2026-03-01T20:30:15.250+00:00") == "2026-03-02 04:30:15"
    finally:
        monkeypatch.delenv("TZ")
        time.tzset()
    assert words.moment("") == ""


def test_bars_are_lines_where_there_is_no_terminal(capsys):
    with Bars() as bars:
        bars.start("visits", 3)
        bars.advance("visits", 2)
        bars.note("a note")
        bars.advance("unannounced")
        bars.finish("visits")
        bars.finish("unannounced")
        bars.finish("never begun")
    assert capsys.readouterr().err.splitlines() == ["a note", "visits: 2", "unannounced: 1", "never begun: 0"]


def test_quiet_bars_say_nothing(capsys):
    with Bars(quiet=True) as bars:
        bars.start("visits", 3)
        bars.note("a note")
        bars.finish("visits")
    assert capsys.readouterr() == ("", "")


def test_bars_are_drawn_on_a_terminal(monkeypatch):
    screen = io.StringIO()
    monkeypatch.setattr(output, "err", Console(file=screen, force_terminal=True, width=80))
    with Bars() as bars:
        bars.start("visits", 4)
        bars.advance("visits", 3)
        bars._bars.refresh()
        bars.note("a note")
        bars.finish("visits")
    drawn = screen.getvalue()
    assert "3/4" in drawn
    assert "a note" in drawn
    assert drawn.endswith("\x1b[?25h") or "\x1b[?25h" in drawn  # the cursor is given back
