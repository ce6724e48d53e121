"""docs/simulator.md says what the code does: its tables are made from the code here, and compared."""

import re
from pathlib import Path

import yaml

from connector.contract.library import contract
from connector.simulator import answers
from connector.simulator.faults import KINDS
from connector.simulator.operations import HANDLERS, NOT_IMITATED
from connector.simulator.plan import read_faults

PAGE = Path(__file__).parents[3] / "docs" / "simulator.md"


def operations_table() -> str:
    return "\n".join(
        f"| {one.section} | `{one.method}` {one.zh} | {one.purpose} |"
        for one in contract().operations.values()
        if one.method in HANDLERS
    )


def styles_list() -> str:
    return "\n".join(f"- `{name}`: {does}" for name, does in answers.STYLES.items())


def faults_table() -> str:
    return "\n".join(
        f"| `{name}` | {kind.does}{' *(condition)*' if kind.condition else ''} | {', '.join(kind.operations)}"
        f"{'; nowhere else' if kind.bound else ''} | {', '.join(f'`{one}`' for one in kind.parameters)} |"
        for name, kind in KINDS.items()
    )


def test_the_page_has_every_interface_style_and_fault_in_the_codes_words():
    page = PAGE.read_text(encoding="utf-8")
    for made in (operations_table(), styles_list(), faults_table()):
        assert f"\n{made}\n" in page, f"put this into {PAGE.name}:\n{made}"


def test_the_page_names_no_fault_that_is_none():
    page = PAGE.read_text(encoding="utf-8")
    named = set(re.findall(r"`([NP]\.[\w.]+)", page))
    assert named - {"N.", "P."} - {"P.manual_", "P.delay_beyond_W"} <= set(KINDS)
    assert NOT_IMITATED in page


def test_the_pages_plan_is_a_plan(tmp_path):
    (plan,) = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert yaml.safe_load(plan)
    path = tmp_path / "plan.yaml"
    path.write_text(plan, encoding="utf-8")
    assert len(read_faults(path).rules) == 4


def test_every_code_the_page_names_is_the_documents():
    known = {entry.code for group in contract().error_groups for entry in group.entries}
    page = PAGE.read_text(encoding="utf-8")
    assert set(re.findall(r"\b\d{5,6}\b", page)) <= known | {NOT_IMITATED}
