"""A project directory for the benchmark: the shipped catalogue and codes, charges straight from their table."""

from pathlib import Path

from connector.pipeline.scaffold import make_ledger
from connector.pipeline.shipped import copy_shipped
from tests.bench.naive import KEY, PASSWORD, USER

_CONNECTOR = """\
version: 1
his: {{url: "sqlite:///{his}"}}
platform: {{base_url: "{url}", username: {user}, password: "file:platform.password", key: "file:platform.key"}}
ledger: {{url: "sqlite:///ledger.db", key: "file:ledger.key"}}
delivery: {{batch_rows: {batch_rows}, visits_in_flight: {in_flight}, settle_s: 1, read_lag_s: 0}}
guards: {{rows_per_run: null, rows_per_day: null, yuan_per_run: null, yuan_per_day: null}}
"""

_CHARGES = """\
version: 1
mapping: bench-charges
fills: sendMedInfo.meds.med
source:
  table: ZY_FYMX
  key: JLXH
  visit: ZYH
  changes: {{by: sequence, column: JLXH, lookback: {lookback}}}
  refund_of: TFXH
fields:
  alc400: CFH
  alc401: {{from: FYRQ, read: "%Y%m%d%H:%M:%S"}}
  akc229: {{value: "1"}}
  alc402: {{catalogue: centre_code}}
  alc403: {{catalogue: centre_name, outside: {{from: FYMC}}}}
  aka063: {{catalogue: category}}
  aka065: {{catalogue: level}}
  alc404: {{from: XMLX, codes: item-kind}}
  alc405: {{from: FYDJ, round: 4}}
  alc406: FYSL
  alc407: ZJJE
  aka070: {{value: 无}}
  zka100: {{from: GG, default: 无, shorten: true}}
  akc231: {{from: FYMC, shorten: true}}
  akc515: {{from: [XMLX, FYXH, YPCD], join: "-"}}
  aae080: {{from: YZXH, empty: ["0"], default: "999"}}
  spreason: {{value: "0"}}
  vmed: {{catalogue: version}}
"""

_PIPELINE = "{version: 1, pipeline: bench, visits: inpatient-visits, mappings: [bench-charges]}\n"


def make_project(directory: Path, *, his: Path, url: str, batch_rows: int, in_flight: int) -> None:
    """Write the files and an empty ledger."""
    copy_shipped(directory)
    for folder, keep in (("mappings", "inpatient-visits"), ("pipelines", "bench")):
        for file in (directory / folder).iterdir():
            if file.stem != keep:
                file.unlink()
    texts = {
        "connector.yaml": _CONNECTOR.format(
            his=his, url=url, user=USER, batch_rows=batch_rows, in_flight=in_flight
        ),
        "pipelines/bench.yaml": _PIPELINE,
        "platform.password": PASSWORD,
        "platform.key": KEY,
    }
    for name, text in texts.items():
        (directory / name).write_text(text, encoding="utf-8")
    set_lookback(directory, 5000)
    for _ in make_ledger(directory):
        pass


def set_lookback(directory: Path, rows: int) -> None:
    """Write the mapping of the charges, so that so many rows before the watermark are read again."""
    file = directory / "mappings" / "bench-charges.yaml"
    file.write_text(_CHARGES.format(lookback=rows), encoding="utf-8")
