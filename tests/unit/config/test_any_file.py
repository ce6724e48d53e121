"""Whatever stands in the files, loading ends in a project or in faults that have places."""

import re
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from connector.config.project import load_project
from connector.contract.library import contract
from connector.errors import ConfigurationError
from tests.unit.config.conftest import FILES

VALUE = re.compile(r"(?<=: )[^\s{}\[\],][^\n{}\[\],]*|\{[^{}\n]*\}|\[[^\[\]\n]*\]")
JUNK = st.one_of(
    st.sampled_from(
        [
            *("", "~", "[]", "{}", "[[]]", "{a: {b: c}}", '""', "' '", "-1", "[~]", "*x", "&x y", "!!int 1"),
            *("{1: 2, 1: 3}", "env:", "file:..", "sql: /", "..", "\x00", "%", "null: null", "register"),
            *("comparison", "centre", "9" * 30),
        ]
    ),
    st.text(max_size=12),
)


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from([name for name in FILES if name.endswith(".yaml")]),
    st.integers(0, 60),
    JUNK,
    st.booleans(),
)
def test_junk_for_a_value_is_read_or_told(name, place, junk, whole_line):
    text = FILES[name]
    spots = [found.span() for found in VALUE.finditer(text)]
    start, end = spots[place % len(spots)]
    if whole_line:
        end = text.find("\n", start)
    files = {**FILES, name: text[:start] + junk + text[end:]}
    with tempfile.TemporaryDirectory() as folder:
        for one, content in files.items():
            path = Path(folder) / one
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(content.encode("utf-8", "surrogatepass"))
        try:
            load_project(Path(folder), contract(), environ={})
        except ConfigurationError as error:
            for fault in error.faults:
                assert fault.file
                assert fault.message
                assert fault.line or fault.message.startswith("There is no directory")
