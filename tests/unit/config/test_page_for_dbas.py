"""docs/mappings.md: every file it shows is a file of one project, and that project is in order."""

import re
from pathlib import Path

import pytest

from connector.config.settings import CheckSettings, DeliverySettings, LifecycleSettings

PAGE = Path(__file__).parents[3] / "docs" / "mappings.md"
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
MARK = re.compile(r"(?:#|--) (\S+)\n")


@pytest.fixture
def shown(desk):
    """The project of the page."""
    desk.files = {}
    for language, text in BLOCK.findall(PAGE.read_text(encoding="utf-8")):
        if language:
            mark = MARK.match(text)
            assert mark, f"a block does not say which file it is: {text[:40]}"
            desk.write(mark[1], text[mark.end() :] if language == "csv" else text)
    return desk


def test_every_block_loads(shown):
    project = shown.load()
    assert set(project.mappings) == {
        *("charges", "visits", "orders", "leave", "admission-record", "invoices"),
        *("far-charges", "far-visits", "far-orders", "far-leave", "far-invoices"),
    }
    assert len([name for name in shown.files if name.endswith(".yaml")]) == 17


def test_the_values_it_calls_defaults_are_the_defaults(shown):
    read = shown.load().settings
    assert read.delivery == DeliverySettings()
    assert read.checks == CheckSettings()
    assert read.lifecycle == LifecycleSettings()


def test_the_mistake_it_shows_is_what_is_said(shown):
    shown.swap("mappings/charges.yaml", "  alc405:", "  alc4o5:")
    shown.swap("mappings/charges.yaml", 'alc405: "28.0000", ', "")
    fault = str(shown.fault()).removeprefix(f"{shown.directory}/")
    example = BLOCK.findall(PAGE.read_text(encoding="utf-8"))[-1][1]
    assert fault == example.rstrip()


def test_it_names_every_word_of_the_vocabulary():
    page = PAGE.read_text(encoding="utf-8")
    words = re.findall(
        r'(?:form|inner|source)\.(?:\w+)\(\s*"(\w+)"|read_\w+\(form, "(\w+)"|_read_column\(form, "(\w+)"',
        "\n".join(
            (PAGE.parents[1] / "connector" / "config" / name).read_text(encoding="utf-8")
            for name in (
                "mapping_file.py",
                "expressions.py",
                "codes_file.py",
                "pipeline_file.py",
                "settings_file.py",
                "platform_file.py",
            )
        ),
    )
    found = {word for group in words for word in group if word}
    assert len(found) > 40
    assert {word for word in found if word not in page} == set()
