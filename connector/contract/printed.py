"""The printed form of 5.4, as data: labels in their places, each with the field of 4.16 that fills it."""

from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from pydantic import BaseModel, ConfigDict

from connector.contract.library import load_text

Labelled = Mapping[str, str]
"""Labels in their order, each with the name of the field."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class FormSection(_Frozen):
    """A heading, and rows of labelled cells below it."""

    title: str
    rows: tuple[Labelled, ...]


class FormItems(_Frozen):
    """The table of items: its heading, and the columns behind the running number."""

    title: str
    columns: Labelled


class PrintedForm(_Frozen):
    """The whole form."""

    title: str
    unit: str
    number: Labelled
    sections: tuple[FormSection, ...]
    items: FormItems


@cache
def settlement_form() -> PrintedForm:
    """The form of 5.4; read once."""
    return PrintedForm.model_validate(load_text(files("connector.contract") / "data" / "sheet.yaml"))
