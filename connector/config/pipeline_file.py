"""Reading a pipeline file."""

import pathlib

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
    form.close()
    return Pipeline(
        name, visits, mappings, path, page.places(), leave=leave, documents=documents, schedule=schedule
    )
