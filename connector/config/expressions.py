"""How one value is made, as YAML says it: `NAME: COLUMN` or `NAME: {from: …, …}`."""

import re

from connector.config.codes import FACTS
from connector.config.form import Form
from connector.config.mapping import Expression
from connector.config.near import propose
from connector.config.page import Page
from connector.config.yaml_reader import Item, Scalar
from connector.contract.spec import Lookup

_DIRECTIVES = ("%Y", "%m", "%d", "%H", "%M", "%S")
_DIRECTIVE = re.compile(r"%.?", re.DOTALL)
_MOST_DECIMALS = 12

STEPS = frozenset({"read", "empty", "codes", "round", "default", "shorten", "join", "lookup", "file"})
"""What may be done to the text of columns, in a field."""


def read_expression(
    form: Form, name: str, *, steps: frozenset[str] = STEPS, fact: bool = True, constant: bool = True
) -> Expression | None:
    """The value of the key `name`; None where nothing can be made of it (noted).

    `steps` says what may be done with it, `fact` whether it may come from the catalogue, `constant` whether it
    may be a constant.
    """
    item = form.item(name)
    if item is None:
        return None
    path = (*form.path, name)
    if isinstance(item, Scalar):
        scalar = form.single(item, f"“{name}”")
        column = None if scalar is None else form.not_blank(scalar, f"“{name}”")
        if column is None:
            return None
        note_column(form.page, column, item)
        return Expression(columns=(column,))
    inner = form.inner(item, f"“{name}”", path, form.table.entries[name][0].spot)
    return None if inner is None else _read_long(inner, steps, fact=fact, constant=constant)


def read_columns(form: Form, name: str, *, required: bool = False) -> tuple[str, ...]:
    """One column or a list of columns."""
    columns = form.words(name, required=required)
    for number, column in enumerate(columns):
        spot = form.page.spot((*form.path, name, str(number)))
        form.page.spots.setdefault(("columns", column), spot)
        if column in columns[:number]:
            form.page.complain(spot, f"The column {column} stands twice in “{name}”.")
    return columns


def note_column(page: Page, column: str, item: Item) -> None:
    """Remember where a column is named first."""
    page.spots.setdefault(("columns", column), item.spot)


def _read_long(form: Form, steps: frozenset[str], *, fact: bool, constant: bool) -> Expression:
    """The long form, step by step."""
    columns = read_columns(form, "from")
    made = Expression(
        columns=columns,
        value=form.text("value") if constant else None,
        read=_read_pattern(form) if "read" in steps else None,
        empty=form.words("empty", blank=True) if "empty" in steps else (),
        codes=form.word("codes") if "codes" in steps else None,
        catalogue=_read_fact(form) if fact else None,
        round=_read_round(form) if "round" in steps else None,
        default=form.text("default") if "default" in steps else None,
        shorten=form.flag("shorten") if "shorten" in steps else False,
        join=form.text("join") if "join" in steps else None,
        lookup=_read_lookup(form) if "lookup" in steps else None,
        file=form.flag("file") if "file" in steps else False,
        outside=read_expression(form, "outside", steps=steps - {"lookup", "file"}, fact=False)
        if fact
        else None,
    )
    form.close()
    _check_shape(form, made)
    return made


def _read_pattern(form: Form) -> str | None:
    """How a date is written in a text column: the six directives of strftime that make a date and a time."""
    scalar = form.scalar("read")
    if scalar is None:
        return None
    used = _DIRECTIVE.findall(scalar.text)
    unknown = [one for one in used if one not in _DIRECTIVES]
    twice = [one for one in _DIRECTIVES if used.count(one) > 1]
    lacking = [one for one in _DIRECTIVES[:3] if one not in used]
    if unknown or twice or lacking:
        what = (
            f"{unknown[0]} is not understood"
            if unknown
            else f"{twice[0]} stands twice"
            if twice
            else f"{', '.join(lacking)} is missing"
        )
        form.page.complain(
            scalar.spot,
            f"“read” must say how a date is written, but {what}.",
            'Use %Y %m %d %H %M %S, each at most once, for example "%Y%m%d%H:%M:%S".',
        )
        return None
    return scalar.text


def _read_fact(form: Form) -> str | None:
    """Which fact of the catalogue is wanted."""
    scalar = form.scalar("catalogue")
    if scalar is None:
        return None
    if scalar.text not in FACTS:
        form.page.complain(
            scalar.spot,
            f"A catalogue has no fact “{scalar.text}”.",
            propose(scalar.text, FACTS),
        )
        return None
    return scalar.text


def _read_lookup(form: Form) -> Lookup | None:
    """What the platform is asked for, where the HIS says nothing."""
    if form.item("lookup") is None:
        return None
    word = form.choice("lookup", tuple(Lookup), default="")
    return Lookup(word) if word else None


def _read_round(form: Form) -> int | None:
    """How many decimals to round to, half up."""
    if form.item("round") is None:
        return None
    return form.number("round", default=0, most=_MOST_DECIMALS)


def _check_shape(form: Form, made: Expression) -> None:
    """What fits together in one value and what does not."""
    if form.has("value"):
        others = [one for one in form.table.entries if one != "value"]
        if others:
            form.complain(f"“value” is a constant and stands alone, without “{others[0]}”.", at=others[0])
    elif not (form.has("from") or form.has("catalogue") or form.has("lookup")):
        form.complain(
            "It is not said where the value comes from.",
            "Write from: COLUMN, or value: TEXT for a constant.",
        )
    if form.has("lookup"):
        for step in ("catalogue", "default"):
            if form.has(step):
                form.complain(f"“{step}” does not go with “lookup”: it would always answer first.", at=step)
    if made.file:
        _check_file(form, made)
    if made.catalogue is None and not form.has("catalogue"):
        _check_columns(form, made)
    else:
        _check_lookup(form)


def _check_file(form: Form, made: Expression) -> None:
    """A file comes from one column, and nothing is done with it."""
    for other in form.table.entries:
        if other not in ("from", "file"):
            form.complain(f"“{other}” does not go with “file”, which is sent as it is.", at=other)
    if len(made.columns) > 1:
        form.complain("A file comes from one column: its path, or the file itself.", at="from")


def _check_columns(form: Form, made: Expression) -> None:
    """Several columns need `join`; `outside` needs a catalogue."""
    if len(made.columns) > 1 and made.join is None:
        form.complain(
            "Several columns make one value, but it is not said how.",
            'Add join: "," (or another text that stands between them).',
            at="from",
        )
    if form.has("join") and len(made.columns) == 1:
        form.complain("“join” glues several columns, but there is only one.", at="join")
    if form.has("outside"):
        form.complain(
            "“outside” needs “catalogue”: it is what an item outside the catalogue has.", at="outside"
        )


def _check_lookup(form: Form) -> None:
    """A fact of the catalogue is looked up, so nothing is read, glued or translated here."""
    for step in ("join", "read", "codes", "empty"):
        if form.has(step):
            form.complain(
                f"“{step}” does not go with “catalogue”.",
                "A fact is translated in the catalogue's own file." if step == "codes" else "",
                at=step,
            )
