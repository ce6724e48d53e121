"""Reading a pipeline file."""

import pathlib
from datetime import date

from connector.config.form import Form, read_version
from connector.config.mapping_file import read_name
from connector.config.page import Page
from connector.config.pipeline import Pipeline
from connector.config.schedule import read_schedule
from connector.config.yaml_reader import read_yaml


def read_pipeline(page: Page, path: pathlib.Path) -> Pipeline | None:
    """The pipeline of a page; None where it is no table of keys at all."""
    table = read_yaml(page)
    if table is None:
        return None
    form = Form(page, table)
    read_version(form)
    name = read_name(form, "pipeline")
    visits = form.word("visits", required=True) or ""
    mappings = form.words("mappings", required=True)
    leave = form.word("leave") or ""
    documents = form.words("documents")
    schedule = read_schedule(form.form("schedule"))
    since = _read_since(form)
    form.close()
    return Pipeline(
        name,
        visits,
        mappings,
        path,
        page.places(),
        leave=leave,
        documents=documents,
        schedule=schedule,
        since=since,
    )


def _read_since(form: Form) -> date | None:
    """A day; None where none is named, or what is named is no day (noted)."""
    scalar = form.scalar("since")
    if scalar is None:
        return None
    try:
        return date.fromisoformat(scalar.text)
    except ValueError:
        form.page.complain(scalar.spot, "“since” must be a date.", "For example 2026-03-01.")
        return None
