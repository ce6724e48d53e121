"""docs/simulator.md says what the code does: its tables are made from the code here, and compared."""

import re
from pathlib import Path

import yaml

from connector.contract.library import contract
from connector.simulator import answers
from connector.simulator.facts import RECORDS, default_facts, read_facts
from connector.simulator.faults import KINDS
from connector.simulator.operations import HANDLERS
from connector.simulator.plan import read_faults
from connector.simulator.refusals import CODES, SITUATIONS

PAGE = Path(__file__).parents[3] / "docs" / "simulator.md"


def operations_table() -> str:
    return "\n".join(
        f"| {one.section} | `{one.method}` {one.zh} | {one.purpose} |"
        for one in contract().operations.values()
        if one.method in HANDLERS
    )


def refusals_table() -> str:
    return "\n".join(
        f"| `{method}` | {'; '.join(f'{code}: {SITUATIONS[name]}' for name, code in codes.items())} |"
        for method, codes in CODES.items()
    )


def facts_table() -> str:
    known = default_facts()
    persons: dict[tuple[str, str], list[str]] = {}
    for name in RECORDS:
        for record in getattr(known, name):
            persons.setdefault((record["aac003"], record["aac002"]), []).append(name)
    return "\n".join(
        f"| {name} | {number} | {', '.join(f'{one} ({has.count(one)})' for one in dict.fromkeys(has))} |"
        for (name, number), has in persons.items()
    )


def styles_list() -> str:
    return "\n".join(f"- `{name}`: {does}" for name, does in answers.STYLES.items())


def faults_table() -> str:
    return "\n".join(
        f"| `{name}` | {kind.does}{' *(condition)*' if kind.condition else ''} | {', '.join(kind.operations)}"
        f"{'; nowhere else' if kind.bound else ''} | {', '.join(f'`{one}`' for one in kind.parameters)} |"
        for name, kind in KINDS.items()
    )


def test_the_page_has_every_interface_refusal_fact_style_and_fault_in_the_codes_words():
    page = PAGE.read_text(encoding="utf-8")
    for made in (operations_table(), refusals_table(), facts_table(), styles_list(), faults_table()):
        assert f"\n{made}\n" in page, f"put this into {PAGE.name}:\n{made}"


def test_every_interface_is_imitated():
    assert set(HANDLERS) == set(contract().operations)


def test_every_refusal_has_a_code_of_its_interface_and_words():
    for method, codes in CODES.items():
        assert contract().operation(method)
        assert set(codes) <= set(SITUATIONS)
        for code in codes.values():
            assert contract().error(method, code), (method, code)


def test_the_page_names_no_fault_that_is_none():
    page = PAGE.read_text(encoding="utf-8")
    named = set(re.findall(r"`([NP]\.[\w.]+)", page))
    assert named - {"N.", "P."} - {"P.manual_", "P.delay_beyond_W"} <= set(KINDS)


def test_the_pages_plan_and_facts_are_read(tmp_path):
    facts, plan = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    path = tmp_path / "plan.yaml"
    path.write_text(plan, encoding="utf-8")
    assert yaml.safe_load(plan)
    assert len(read_faults(path).rules) == 4
    path.write_text(facts, encoding="utf-8")
    known = read_facts(path)
    assert [len(getattr(known, name)) for name in RECORDS] == [1, 1, 1, 1, 1]


def test_every_code_the_page_names_is_the_documents():
    known = {entry.code for group in contract().error_groups for entry in group.entries}
    page = PAGE.read_text(encoding="utf-8")
    assert set(re.findall(r"\b\d{5,6}\b", page)) <= known
