"""What the service's log says of a run, and of a reconciliation."""

import pytest

from connector.cli import serve
from connector.pipeline.serving import Served

AT = {"started_at": "2026-03-05T02:00:00+00:00", "ended_at": "2026-03-05T02:00:09+00:00"}


@pytest.mark.parametrize(
    ("served", "said"),
    [
        (
            Served("ward", 0, rows=2, batches=1, amount=300_000, registered=1, **AT),
            "ward: 2 rows in 1 batch sent, 30.00 yuan, 1 visit registered; complete",
        ),
        (
            Served("ward", 6, problem="rows_per_run", is_held_back=True, **AT),
            "ward: 0 rows in 0 batches sent, 0.00 yuan; stopped by a guard: rows_per_run",
        ),
        (
            Served("reconcile", 4, compared=2, equal=1, **AT),
            "reconcile: 2 visits compared, 1 equal; somebody has to look: `connector reconcile --all --differences`",
        ),
        (
            Served("reconcile", 1, compared=0, equal=0, problem="no answer", **AT),
            "reconcile: 0 visits compared, 0 equal; failed: no answer",
        ),
    ],
    ids=["run", "held back", "totals", "totals failed"],
)
def test_a_line_each(capsys, served, said):
    serve._show(served)
    assert " ".join(capsys.readouterr().out.split()).endswith(said)
