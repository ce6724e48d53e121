"""`connector call` on a ward: a person or a script at the command line, and requests of one stay."""

import io
import json

from connector.cli.main import run

NAME, IDENTITY = "张敏", "152824198204240045"
PDF = b"%PDF-1.4\n" + bytes(2000) + b"\n%%EOF\n"
ADMISSION = {
    "isnewinjure": "0",
    "kc21": {
        "aab001": "100435",
        "aac001": "10014152",
        "aac002": IDENTITY,
        "aac003": NAME,
        "aac004": "2",
        "aka130": "21",
        "akc191": "7",
        "akc190": "H1",
        "akc192": "2026-03-01",
        "alc028": "S82.201",
        "alca02": "2012282",
        "aae073": "10361076",
        "alk023": "骨科",
        "akc199": "3病房",
        "alk024": "12",
        "ysbm": "王医生",
        "sbkid": "A12345678",
        "akc666": "2",
        "bz": "",
    },
}
CHARGES = {
    "akc190": "V1",
    "advices": {"advice": []},
    "meds": {
        "med": [
            {
                "alc400": "C1",
                "alc401": "2026-03-02",
                "akc229": "1",
                "alc402": "XA12",
                "alc403": "项目",
                "aka065": "1",
                "alc404": "1",
                "alc405": "5",
                "alc406": "1",
                "alc407": "5",
                "zka100": "次",
                "akc231": "项目",
                "akc515": "I1",
                "aae080": "999",
                "vmed": "1",
            }
        ]
    },
}


class Hall:
    """A ward and its command line: `call(…)` gives exit code, stdout and stderr; `typed` is what stands on stdin."""

    def __init__(self, ward, monkeypatch, capsys):
        self.ward, self.platform = ward, ward.simulator
        self._monkeypatch, self._capsys = monkeypatch, capsys

    def call(self, *arguments, data=None, typed="", command="call"):
        if data is not None:
            file = self.ward.directory / "request.json"
            file.write_text(
                data if isinstance(data, str) else json.dumps(data, ensure_ascii=False), encoding="utf-8"
            )
            arguments = (*arguments, "--data", str(file))
        stdin = io.TextIOWrapper(io.BytesIO(typed.encode()), encoding="utf-8")
        self._monkeypatch.setattr("sys.stdin", stdin)
        code = run([command, *map(str, arguments), "-p", str(self.ward.directory)])
        printed = self._capsys.readouterr()
        assert "Traceback" not in printed.out + printed.err
        return code, printed.out, printed.err

    def forget(self):
        """What a command printed that came to no end."""
        self._capsys.readouterr()

    def heard(self):
        """Methods the platform was called with, without sessions."""
        return [method for method, _ in self.platform.calls if method not in ("login", "logout")]
