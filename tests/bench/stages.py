"""Rows per second of each stage by itself, on one core: extract, transform, stage, seal, send.

Run as `python -m tests.bench.stages PROJECT BATCH_ROWS`; prints one JSON object. Seal is part of send, too.
"""

import json
import sys
import time
from contextlib import closing
from pathlib import Path

from connector.contract.envelope import form_body, seal
from connector.extract import lookup
from connector.pipeline import messages
from connector.pipeline.parts import open_project, real_clock
from connector.pipeline.queries import plans_of, query_of, read_catalogues
from connector.pipeline.sessions import SessionKeeper
from connector.transform.shape import transform
from tests.bench.project import KEY, USER

MAPPING = "bench-charges"
VISITS = "inpatient-visits"
SENT = 400
"""Batches that are sent."""


class Watch:
    """CPU and wall seconds of what is inside a `with`."""

    def __enter__(self):
        self.began = (time.process_time(), time.perf_counter())
        return self

    def __exit__(self, *_):
        self.cpu = time.process_time() - self.began[0]
        self.wall = time.perf_counter() - self.began[1]


def main() -> None:
    parts = open_project(Path(sys.argv[1]))
    size = int(sys.argv[2])
    figures: dict[str, dict[str, float]] = {}

    def note(stage: str, rows: int, watch: Watch) -> None:
        figures[stage] = {"rows": rows, "cpu_s": watch.cpu, "wall_s": watch.wall}

    with parts.open_hospital() as hospital, parts.open_ledger() as ledger:
        plans = plans_of(parts.project, parts.contract, read_catalogues(parts.project, hospital))
        visits = parts.project.mappings[VISITS]
        for chunk in lookup.read_all(hospital, query_of(visits)):
            block = transform(plans[VISITS], chunk.table).block
            ledger.stage_visits(block, open_keys=set(block.keys), run_id=0)
        query = query_of(parts.project.mappings[MAPPING])
        with Watch() as watch:
            chunks = list(lookup.read_all(hospital, query))
        rows = sum(chunk.table.num_rows for chunk in chunks)
        note("extract", rows, watch)
        with Watch() as watch:
            blocks = [transform(plans[MAPPING], chunk.table).block for chunk in chunks]
        note("transform", rows, watch)
        with Watch() as watch:
            for block in blocks:
                ledger.stage(block, visits=VISITS, watermark=None, run_id=0)
        note("stage", rows, watch)
        operation = parts.contract.operation("sendMedInfo")
        node = parts.contract.node("sendMedInfo.meds.med")
        payloads = [payload for block in blocks for payload in block.payloads]
        with Watch() as watch:
            bodies = [
                messages.fee_body(operation, node, "1", payloads[begin : begin + size])
                for begin in range(0, len(payloads), size)
            ]
            for body in bodies:
                form_body(seal(KEY, body))
        note("seal", rows, watch)
        clock = real_clock()
        with closing(parts.open_client()) as client:
            sessions = SessionKeeper(client, ledger, USER, now=clock.now, sleep=clock.sleep)
            sessions.open()
            sent = bodies[:SENT]
            with Watch() as watch:
                for body in sent:
                    client.call(operation, body, sessions.sessionid)
            note("send", len(sent) * size, watch)
            sessions.close()
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
