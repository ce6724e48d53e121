"""`connector settlement`: fetched on a person's word, kept in every version, printed with its state."""

import json
import stat
from decimal import Decimal

import pytest
from pypdf import PdfReader

from connector.pipeline import fonts
from tests.unit.pipeline.font_kit import build_font

ME = "张敏"


@pytest.fixture
def clinic(hall):
    """One visit with two charges at the platform; `use(…)` is the command."""

    def begin(**platform):
        place = hall(**platform)
        place.ward.stay(1, name=ME)
        place.ward.fee(1, "10.00")
        place.ward.fee(1, "20.50")
        assert place.ward.run().exit_code == 0
        place.platform.calls.clear()

        def use(*arguments, typed=""):
            return place.call(*arguments, typed=typed, command="settlement")

        return place, use

    return begin


def steps(place):
    with place.ward.parts().open_ledger(read_only=True) as ledger:
        return [step for step in ledger.steps.of(1) if step.name == "sheet"]


def test_nothing_is_fetched_before_somebody_said_yes(clinic):
    place, use = clinic()
    code, out, err = use("V1", typed="no\n")
    assert code == 1
    assert "APPROVES" in err
    assert "30.50 yuan of it are at the platform" in err
    assert err.rstrip().endswith("Nothing was sent.")
    assert (out, place.heard(), steps(place)) == ("", [], [])
    assert "--yes fetches without asking" in use("V1")[2]


def test_of_an_open_visit_it_is_provisional_approves_and_is_kept(clinic):
    place, use = clinic()
    code, out, _ = use("V1", typed="yes\n")
    assert code == 0
    assert out.startswith("PROVISIONAL: the agency has not audited")
    assert "尚未办理出院" in out
    assert "医疗费发生金额: 30.5000" in out
    assert "就医类型: 住院" in out
    assert "Kept as version 1." in out
    assert ME not in out
    assert place.heard() == ["getJSSheet"]
    (step,) = steps(place)
    assert (step.name, step.operation, step.details["rolltype"]) == ("sheet", "getJSSheet", "0")
    assert step.details["answer"]["kc21dto"]["aac003"] == ME
    assert any(one["event"] == "approve" for one in place.platform.state.journal)


def test_left_and_audited_every_version_is_listed_with_what_is_new(clinic):
    place, use = clinic()
    use("V1", "--yes")
    place.platform.add_fees_by_hand("V1", Decimal(5))
    place.platform.close_visit("V1")
    assert use("V1", "--yes", "--show-personal")[1].count(ME) == 1
    place.platform.audit("V1")
    code, out, _ = use("V1", "--yes")
    assert code == 0
    assert out.startswith("FINAL")
    assert "尚未办理出院" not in out
    place.platform.calls.clear()
    code, out, _ = use("V1", "--list", "--json")
    versions = json.loads(out)
    assert [one["audit"] for one in versions] == ["provisional", "provisional", "final"]
    assert [one["is_discharged"] for one in versions] == [False, True, True]
    assert versions[0]["changed"] == []
    assert {"出院日期", "医疗费发生金额"} <= set(versions[1]["changed"])
    assert "审核状态" in versions[2]["changed"]
    code, out, _ = use("1", "--version", "1")  # by the key in the HIS
    assert (code, out.splitlines()[0][:11]) == (0, "PROVISIONAL")
    assert place.platform.calls == []
    assert use("V1", "--version", "4")[0] == 2


def test_files_hold_the_sheet_and_are_the_users_own(clinic, tmp_path):
    place, use = clinic()
    font = build_font(tmp_path / "made.ttf", but="敏")
    connector = place.ward.directory / "connector.yaml"
    connector.write_text(
        connector.read_text(encoding="utf-8") + f"settlement: {{title: 包头市工伤结算单, fonts: {font}}}\n",
        encoding="utf-8",
    )
    html, pdf = tmp_path / "s.html", tmp_path / "s.pdf"
    code, out, _ = use("V1", "--yes", "--html", html, "--pdf", pdf, "--json")
    told = json.loads(out)
    assert (code, told["version"], told["audit"]) == (0, 1, "provisional")
    assert told["answer"]["kc21dto"]["aac003"] == "***"
    assert told["answer"]["kc21dto"]["alc407sum"] == "30.5000"
    assert told["words"]["kc21dto.aka130"] == "住院"
    page = html.read_text(encoding="utf-8")
    assert "包头市工伤结算单" in page
    assert ME in page
    text = PdfReader(pdf).pages[0].extract_text()
    assert "包头市工伤结算单" in text
    assert "30.5000" in text
    for file in (html, pdf):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    place.platform.calls.clear()
    assert use("V1", "--yes", "--html", html)[0] == 2  # found before anything is asked
    assert place.platform.calls == []


def test_without_a_font_for_the_pdf_nothing_is_fetched(clinic, tmp_path, monkeypatch):
    """Fetching approves (trap T109): what would fail afterwards has to fail before."""
    place, use = clinic()
    monkeypatch.setattr(fonts.choose_fonts, "__defaults__", ((), ()))  # this machine has none
    code, _, err = use("V1", "--yes", "--html", tmp_path / "s.html", "--pdf", tmp_path / "s.pdf")
    assert code == 2
    assert "No Chinese font is found" in err
    assert place.platform.calls == []
    assert list(tmp_path.glob("s.*")) == []


def test_a_visit_that_the_ledger_does_not_know_is_shown_and_not_kept(clinic):
    place, use = clinic()
    code, out, err = use("NOBODY", typed="yes\n")
    assert code == 1
    assert "shown, and not kept" in err
    assert "V240002" in out
    assert place.heard() == ["getJSSheet"]
    assert use("NOBODY", "--list")[0] == 2
    assert "may never be cancelled" in use("NOBODY", "--cross-province", typed="no\n")[2]
    assert use("V1", "--cross-province")[0] == 2


def test_a_platform_that_wants_the_discharge_first_is_told_in_words(clinic, tmp_path):
    place, use = clinic(sheet_needs_discharge=True)
    file = tmp_path / "s.html"
    code, out, _ = use("V1", "--yes", "--html", file)
    assert code == 1
    assert "还未出院" in out
    assert "not discharged" in out
    assert not file.exists()
    assert steps(place) == []
