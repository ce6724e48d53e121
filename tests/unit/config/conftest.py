"""A small project that is in order; each test spoils what it is about."""

import textwrap
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from connector.config.project import Project, load_project
from connector.contract.library import contract
from connector.errors import ConfigurationError, Fault

SETTINGS = """\
version: 1
his: {url: "env:HIS_URL"}
platform: {base_url: "http://127.0.0.1:8029/nm-his", username: demo, password: "env:PLATFORM_PASSWORD", key: "env:PLATFORM_KEY"}
ledger: {url: "sqlite:///ledger.db", key: "file:ledger.key"}
"""
ORDERS = """\
version: 1
mapping: orders
fills: sendMedInfo.advices.advice
source:
  table: ZY_BQYZ
  key: JLXH
  visit: ZYH
  changes: {by: timestamp, column: XGSJ, lookback: 2h, safety_lag: 60s}
fields:
  aae080: JLXH
  alk007: KSSJ
  alk009: {from: YZMC, shorten: true}
  alk016: YSXM
  alk017: HSXM
"""
CHARGES = """\
version: 1
mapping: charges
fills: sendMedInfo.meds.med
source:
  table: ZY_FYMX
  key: JLXH
  visit: ZYH
  changes: {by: sequence, column: JLXH, lookback: 5000}
  refund_of: TFXH
fields:
  alc400: CFH
  alc401: {from: FYRQ, read: "%Y%m%d%H:%M:%S", empty: ["0", "00000000"]}
  akc229: {value: "1"}
  alc402: {catalogue: centre_code}
  alc403: {catalogue: centre_name, outside: FYMC}
  aka063: {catalogue: category, outside: {from: FYXM, codes: fee-category}}
  aka065: {catalogue: level}
  alc404: {from: XMLX, codes: item-kind}
  alc405: {from: FYDJ, round: 4}
  alc406: FYSL
  alc407: ZJJE
  akc231: {from: TYMC, shorten: true}
  akc515: {from: [XMLX, FYXH], join: "-"}
  aae080: {from: YZXH, empty: "0", default: "999"}
  vmed: {catalogue: version}
"""
VISITS = """\
version: 1
mapping: visits
fills: register
source:
  sql: visits.sql
  key: ZYH
  visit: ZYH
  changes: {by: comparison}
  ended: CYRQ
fields:
  isnewinjure: XF
  aab001: DWBH
  aac001: GRBH
  aac002: SFZH
  aac003: BRXM
  aac004: BRXB
  aka130: {value: "21"}
  akc191: ZLLB
  akc190: ZYHM
  akc192: RYRQ
  alc028: JBBM
  alk023: KSMC
  ysbm: YSXM
  akc199: BQMC
  alk024: BRCH
"""
CATALOGUE = """\
version: 1
catalogue: centre
source: {table: YB_MLDZ}
key: [XMLX, FYXH]
facts: {centre_code: YBBM, centre_name: YBMC, level: {from: SFDJ, codes: item-level}, category: SFLB, version: VMED}
valid_from: {from: KSRQ, read: "%Y%m%d"}
valid_to: {from: JSRQ, read: "%Y%m%d", empty: "00000000"}
"""
FILES = {
    "connector.yaml": SETTINGS,
    "mappings/orders.yaml": ORDERS,
    "mappings/charges.yaml": CHARGES,
    "mappings/visits.yaml": VISITS,
    "mappings/visits.sql": "SELECT * FROM ZY_BRRY WHERE GSBZ = '1'\n",
    "pipelines/inpatient.yaml": "version: 1\npipeline: inpatient\nvisits: visits\nmappings: [orders, charges]\n",
    "codes/fee-category.yaml": 'version: 1\ncodes: fee-category\nmap: {"1": "11", "4": "32"}\n',
    "codes/item-kind.csv": "from,to\n1,0\n4,1\n5,9\n",
    "codes/item-level.yaml": 'version: 1\ncodes: item-level\nmap: {甲: "1", 乙: "2", 丙: "3"}\n',
    "catalogues/centre.yaml": CATALOGUE,
}


class Desk:
    """Writes a project's files and loads them."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.files: dict[str, str | bytes | None] = dict(FILES)

    def write(self, name: str, text: str | bytes | None) -> None:
        self.files[name] = textwrap.dedent(text) if isinstance(text, str) else text

    def swap(self, name: str, old: str, new: str) -> None:
        text = self.files[name]
        assert isinstance(text, str)
        assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {name}"
        self.files[name] = text.replace(old, new)

    def load(self, environ: Mapping[str, str] | None = None) -> Project:
        for name, text in self.files.items():
            path = self.directory / name
            if text is None:
                path.unlink(missing_ok=True)
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return load_project(self.directory, contract(), environ=environ or {})

    def faults(self) -> list[Fault]:
        with pytest.raises(ConfigurationError) as caught:
            self.load()
        return list(caught.value.faults)

    def fault(self) -> Fault:
        found = self.faults()
        assert len(found) == 1, "\n".join(map(str, found))
        return found[0]

    def at(self, fault: Fault) -> str:
        """What stands at the fault's place, to the end of the line of the file itself."""
        text = Path(fault.file).read_text(encoding="utf-8").splitlines()[fault.line - 1]
        return text[fault.column - 1 :]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


@pytest.fixture
def spoil(desk: Desk) -> Callable[[str, str, str], Fault]:
    """Swap one text in one file and give the only fault that this makes."""

    def change(name: str, old: str, new: str) -> Fault:
        desk.swap(name, old, new)
        return desk.fault()

    return change
