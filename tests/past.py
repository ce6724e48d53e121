"""A ward whose visits have a day of admission: the column `ward` of a stay holds it, so the ward's other tests stay as they are."""

from collections.abc import Mapping

from connector.pipeline.backfill import BackfillPlan, BackfillReport, fill, make_plan
from connector.pipeline.guards import NO_OVERRIDE, Override
from connector.pipeline.progress import Progress, Silent
from connector.pipeline.shards import make_span
from connector.pipeline.totals import compare_totals
from tests.ward import PIPELINE, STAYS, Ward

DATED = STAYS.replace('akc192: {value: "2026-03-01"}', 'akc192: {from: ward, read: "%Y-%m-%d"}').replace(
    "akc199: ward", "akc199: {value: 3病房}"
)


class Told(Silent):
    """Progress that remembers what it was told."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)


def date_stays(ward: Ward, *, since: str = "", backfill: str = "") -> None:
    """Let visits have a day of admission; runs take up those `since` a day, `backfill` is the section's content."""
    (ward.directory / "mappings" / "stays.yaml").write_text(DATED, encoding="utf-8")
    if since:
        text = PIPELINE.replace("}", f", since: {since}}}")
        (ward.directory / "pipelines" / "ward.yaml").write_text(text, encoding="utf-8")
    if backfill:
        file = ward.directory / "connector.yaml"
        file.write_text(file.read_text(encoding="utf-8") + f"backfill: {backfill}\n", encoding="utf-8")


def fill_year(ward: Ward, visits: Mapping[int, str], fees: int = 3) -> None:
    """Visits by their day of admission, with fees of different amounts and an order each."""
    for zyh, day in visits.items():
        ward.stay(zyh, ward=day)
        ward.order(zyh)
        for number in range(fees):
            ward.fee(zyh, f"{number * 3 + zyh}.37", item=f"XA{number}")


def plan(ward: Ward, first: str = "2024-01-01", last: str = "2024-12-31", **more) -> BackfillPlan:
    anew = more.pop("anew", False)
    asked = {"first": first, "last": last, "by": "month", "visits": None, **more}
    span = make_span(asked.pop("pipelines", []), **asked)
    return make_plan(ward.parts(), span, progress=Silent(), is_stopping=ward.stop.is_set, anew=anew)


def backfill(
    ward: Ward,
    first: str = "2024-01-01",
    last: str = "2024-12-31",
    *,
    progress: Progress | None = None,
    override: Override = NO_OVERRIDE,
    **more,
) -> BackfillReport:
    return fill(
        ward.parts(),
        plan(ward, first, last, **more),
        progress=progress or Silent(),
        is_stopping=ward.stop.is_set,
        override=override,
    )


def assert_equal(ward: Ward, visits) -> None:
    """HIS, ledger and platform hold the same rows of these visits, and of no others."""
    wanted = set(visits)
    for (zyh,) in ward.his.execute("SELECT zyh FROM stay"):
        assert ward.platform_rows(zyh) == (ward.his_rows(zyh) if zyh in wanted else {}), zyh
    parts = ward.parts()
    sums = {one.key: one for one in compare_totals(parts, list(parts.project.pipelines.values()))}
    for zyh in wanted:
        one = sums[str(zyh)]
        assert one.his == one.ledger == one.platform == ward.simulator.total(f"V{zyh}")
    rows = sum(sum(ward.his_rows(zyh).values()) for zyh in wanted)
    assert ward.simulator.rows_received == rows
