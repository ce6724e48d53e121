"""A drafted mapping is YAML that says of every field what is missing, whatever the table is called."""

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.contract.library import contract
from connector.contract.spec import Field
from connector.errors import ConfigurationError
from connector.extract.describe import Table, TableColumn
from connector.pipeline.scaffold import _CONNECTOR, FILLS, _mapping, scaffold

words = st.text(st.characters().filter(str.isprintable), min_size=1, max_size=12)
comments = st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="\x00"), max_size=30)


@settings(max_examples=40)
@given(
    what=st.sampled_from(sorted(FILLS)),
    name=words,
    comment=comments,
    columns=st.lists(
        st.tuples(words, st.sampled_from(["INTEGER", "VARCHAR(20)", "DECIMAL(12, 2)"]), comments),
        min_size=1,
        max_size=5,
        unique_by=lambda column: column[0],
    ),
    keys=st.integers(0, 3),
)
def test_a_draft_is_yaml_whatever_the_names_and_comments(what, name, comment, columns, keys):
    table = Table(
        name,
        comment,
        tuple(TableColumn(n, native, nullable=True, comment=c) for n, native, c in columns),
        tuple(n for n, _, _ in columns[:keys]),
    )
    found = yaml.load(_mapping(what, table), Loader=yaml.BaseLoader)
    key = found["source"]["key"]
    assert found["source"]["table"] == name
    assert ([key] if isinstance(key, str) else key) == (list(table.key) or [""])
    assert found["fills"] == FILLS[what]
    assert found["fields"] == ""


@pytest.mark.parametrize("what", sorted(FILLS))
def test_every_field_of_the_node_is_a_line_with_its_chinese_name(what):
    text = _mapping(what, Table("T"))
    for path, child in contract().node(FILLS[what]).walk():
        if isinstance(child, Field) and path != "sessionid":
            assert f"# {path.rpartition('.')[2]}: ? # {child.zh}" in text


@pytest.mark.parametrize("what", sorted(FILLS))
def test_a_draft_is_filled_in_by_removing_the_marks(what):
    table = Table("T", "", (TableColumn("ZYH", "INTEGER", nullable=False),), ("ZYH",))
    text = _mapping(what, table)
    filled = [
        line.replace("# ", "", 1).replace(": ?", ": ZYH") if ": ? #" in line else line
        for line in text.splitlines()
    ]
    found = yaml.load("\n".join(filled), Loader=yaml.BaseLoader)
    assert len(found["fields"]) > 5
    assert set(found["fields"].values()) == {"ZYH"}


@pytest.mark.parametrize(
    ("what", "native", "key", "changes"),
    [
        ("charges", "BIGINT", ("A",), {"by": "sequence", "column": "A", "lookback": "5000"}),
        ("charges", "VARCHAR(20)", ("A",), {"by": "comparison"}),
        ("charges", "INTEGER", ("A", "B"), {"by": "comparison"}),
        ("charges", "INTEGER", (), {"by": "comparison"}),
        ("visits", "INTEGER", ("A",), {"by": "comparison"}),
    ],
)
def test_a_whole_number_key_is_followed_everything_else_compared(what, native, key, changes):
    columns = tuple(TableColumn(name, native, nullable=False) for name in "AB")
    found = yaml.load(_mapping(what, Table("T", "", columns, key)), Loader=yaml.BaseLoader)
    assert found["source"]["changes"] == changes


@given(words)
def test_settings_take_any_url(url):
    import json

    text = _CONNECTOR.format(url=json.dumps(url, ensure_ascii=False))
    assert yaml.load(text, Loader=yaml.BaseLoader)["his"]["url"] == url


def test_nothing_is_written_before_everything_is_known(tmp_path):
    with pytest.raises(ConfigurationError, match="WHAT being"):
        list(scaffold(tmp_path / "new", url=f"sqlite:///{tmp_path / 'his.db'}", tables=["nonsense"]))
    assert not (tmp_path / "new").exists()
