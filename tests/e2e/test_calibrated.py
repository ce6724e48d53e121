"""What calibration found out changes what delivery concludes, and nothing else."""

import pytest

from connector.config.calibration import ASSUMPTIONS, Account, Calibration, Finding
from connector.config.calibration_file import write_calibration
from connector.pipeline.totals import compare_totals


@pytest.fixture
def calibrated(start):
    """A ward with a calibration: assumptions not named are confirmed, but for A5."""

    def begin(*faults, **results):
        ward = start(platform={"faults": list(faults)})
        findings = {
            name: Finding({"A5": "refuted", **results}.get(name, "confirmed")) for name in ASSUMPTIONS
        }
        here = (Account(ward.simulator.url, "demo"),)
        text = write_calibration(Calibration("2026-03-01T00:00:00+08:00", here, findings, 900, 0))
        (ward.directory / "calibration.yaml").write_text(text, encoding="utf-8")
        ward.stay(1)
        return ward

    return begin


@pytest.mark.parametrize(("result", "code"), [("refuted", 0), ("confirmed", 4)])
def test_rows_rounded_one_by_one_widen_the_blur(calibrated, result, code):
    ward = calibrated("P.round.per_row", A6=result)
    for _ in range(4):
        ward.fee(1, "1.0050")
    report = ward.run()
    assert report.exit_code == code
    assert len(ward.simulator.fees("V1")) == 4
    parts = ward.parts()
    (comparison,) = compare_totals(parts, list(parts.project.pipelines.values()))
    assert comparison.agrees == (code == 0), "what is compared afterwards is judged by the same blur"


def test_a_platform_that_saves_whole_requests_takes_small_rows_with_others(calibrated):
    ward = calibrated(A5="confirmed")
    for amount in ("0.0040", "5.00", "0.0100", "6.00"):
        ward.fee(1, amount)
    assert ward.run().delivered["ward"].batches == 1
    assert ward.simulator.total("V1") == 110_140


def test_what_fits_a_part_of_a_whole_request_is_somebody_else_s_change(calibrated):
    ward = calibrated({"fault": "P.partial_silent", "keep": [0]}, A5="confirmed")
    ward.fee(1, "5.00")
    ward.fee(1, "6.00")
    report = ward.run()
    assert report.exit_code == 4
    assert "no part of the batch explains the total" in report.delivered["ward"].held["V1"]


def test_totals_that_tell_nothing_leave_every_doubt_to_a_person(calibrated):
    ward = calibrated("N.sent_no_answer", A8="refuted")
    ward.fee(1, "5.00")
    report = ward.run()
    assert report.exit_code == 4
    assert "not the sums of what is sent (A8)" in report.delivered["ward"].held["V1"]
    assert len(ward.simulator.fees("V1")) == 1
