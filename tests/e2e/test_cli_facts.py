"""`connector simulate --facts`: what the stand-in platform knows beforehand."""

from connector.cli.main import run


def test_the_command_refuses_a_bad_file_before_it_listens(tmp_path, capsys):
    path = tmp_path / "facts.yaml"
    path.write_text("others: x\n", encoding="utf-8")
    assert run(["simulate", "--port", "0", "-p", str(tmp_path), "--facts", str(path)]) != 0
    assert "others: say accept or refuse" in capsys.readouterr().err
