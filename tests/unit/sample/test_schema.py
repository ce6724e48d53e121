import sqlite3

import pytest

from connector.errors import ConfigurationError
from connector.sample.schema import statements, tables


def test_twenty_three_tables_every_column_with_its_chinese_comment():
    assert len(tables()) == 23
    for table in tables().values():
        assert table.comment, table.name
        for name, kind, comment in table.columns:
            assert kind, f"{table.name}.{name}"
            assert comment.strip(), f"{table.name}.{name}"
            assert not comment.isascii() or comment == "RH", f"{table.name}.{name}"


def test_no_line_of_the_schema_is_lost():
    columns = {name: len(table.columns) for name, table in tables().items()}
    assert columns["ZY_FYMX"] == columns["ZY_FYMX_N"] == 24
    assert columns["BA_BASY"] == 43
    assert all(
        constraint.startswith("PRIMARY KEY (")
        for table in tables().values()
        for constraint in table.constraints
    )


def test_sqlite_takes_every_statement():
    database = sqlite3.connect(":memory:")
    for statement in statements("sqlite"):
        database.execute(statement)
    made = database.execute("SELECT type, COUNT(*) FROM sqlite_master WHERE sql IS NOT NULL GROUP BY type")
    assert dict(made.fetchall()) == {"table": 23, "index": 8}
    database.close()


@pytest.mark.parametrize("engine", ["sqlite", "postgresql", "mysql", "mariadb"])
def test_every_token_is_filled_and_money_has_four_decimals(engine):
    text = "\n".join(statements(engine))
    assert "{" not in text
    assert text.count("DECIMAL(12,4)") == 9


def test_comments_go_where_the_engine_keeps_them():
    assert any(s == "COMMENT ON COLUMN ZY_FYMX.JLXH IS '记录序号'" for s in statements("postgresql"))
    mysql = next(s for s in statements("mysql", charset="gbk") if s.startswith("CREATE TABLE ZY_FYMX "))
    assert "JLXH BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY COMMENT '记录序号'" in mysql
    assert mysql.endswith("DEFAULT CHARSET=gbk COMMENT='住院费用明细'")
    assert not any("COMMENT" in s for s in statements("sqlite"))


def test_an_engine_without_types_is_named():
    with pytest.raises(ConfigurationError, match="oracle; use one of mysql, postgresql, sqlite"):
        list(statements("oracle"))
