"""What a run comes to, in one number for scripts."""

import pytest

from connector.pipeline.overview import COMPLETE, QUARANTINED, UNSETTLED, Standing, judge


def standing(**more):
    rows = {"staged_rows": 0, "doubt_rows": 0, "quarantined_rows": 0, **more}
    return Standing("p", 1, 1, 0, 0, staged=0, doubt=0, set_aside_rows=0, changed=0, vanished=0, **rows)


@pytest.mark.parametrize(
    ("standings", "code"),
    [
        ([], COMPLETE),
        ([{}], COMPLETE),
        ([{"quarantined_rows": 1}], QUARANTINED),
        ([{"staged_rows": 1}], UNSETTLED),
        ([{"staged_rows": 1, "quarantined_rows": 1}], QUARANTINED),
        ([{"staged_rows": 1}, {"quarantined_rows": 1}], UNSETTLED),
        ([{"staged_rows": 1, "quarantined_rows": 1}, {}], QUARANTINED),
        ([{"doubt_rows": 1, "quarantined_rows": 1}], UNSETTLED),
        ([{"quarantined_rows": 1, "held": {"V1": "because"}}], UNSETTLED),
        ([{"quarantined_rows": 1}, {"questions": {"V1": "injury"}}], UNSETTLED),
    ],
)
def test_what_waits_is_explained_by_its_own_pipelines_quarantine_only(standings, code):
    assert judge(standing(**one) for one in standings) == code
