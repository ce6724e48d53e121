"""A project directory as a whole: what is read, and that every fault of every file is told at once."""

from pathlib import Path

import pytest

from connector.config.mapping import Changes, Expression
from connector.config.project import load_mapping, load_project
from connector.contract.library import contract
from connector.errors import ConfigurationError

ROOT = Path(__file__).parents[3]


def test_a_project_in_order_is_read_whole(desk):
    project = desk.load({"HIS_URL": "sqlite:///his.db"})
    assert list(project.mappings) == ["charges", "orders", "visits"]
    assert project.pipelines["inpatient"].visits == "visits"
    assert project.pipelines["inpatient"].mappings == ("orders", "charges")
    assert project.code_maps["item-kind"].entries == {"1": "0", "4": "1", "5": "9"}
    assert project.read(project.settings.his.url) == "sqlite:///his.db"
    charges = project.mappings["charges"]
    assert charges.source.changes == Changes("sequence", "JLXH", lookback=5000)
    assert charges.source.refund_of == ("TFXH",)
    assert charges.fields["alc401"] == Expression(("FYRQ",), read="%Y%m%d%H:%M:%S", empty=("0", "00000000"))
    assert project.mappings["orders"].source.changes == Changes("timestamp", "XGSJ", 7200, 60)
    assert project.mappings["visits"].source.sql == "SELECT * FROM ZY_BRRY WHERE GSBZ = '1'"


def test_names_become_the_contracts_paths(desk):
    fields = desk.load().mappings["visits"].fields
    assert fields["isnewinjure"].columns == ("XF",)
    assert fields["kc21.akc190"].columns == ("ZYHM",)


def test_a_fact_is_looked_up_by_the_catalogues_key_unless_the_mapping_names_columns(desk):
    desk.swap(
        "mappings/charges.yaml", "aka065: {catalogue: level}", "aka065: {from: [A, B], catalogue: level}"
    )
    charges = desk.load().mappings["charges"]
    assert charges.catalogue == "centre"
    assert charges.fields["alc402"].columns == ("XMLX", "FYXH")
    assert charges.fields["aka065"].columns == ("A", "B")
    assert desk.load().mappings["orders"].catalogue is None


def test_columns_are_all_that_the_mapping_needs_each_once(desk):
    columns = desk.load().mappings["charges"].columns
    assert len(columns) == len(set(columns))
    assert set(columns) == {
        *("JLXH", "ZYH", "TFXH", "CFH", "FYRQ", "XMLX", "FYXH", "FYMC", "FYXM", "FYDJ", "FYSL", "ZJJE"),
        *("TYMC", "YZXH"),
    }
    assert set(desk.load().catalogues["centre"].columns) == {
        *("XMLX", "FYXH", "YBBM", "YBMC", "SFDJ", "SFLB", "VMED", "KSRQ", "JSRQ"),
    }
    assert {"CYRQ", "ZYH"} <= set(desk.load().mappings["visits"].columns)


def test_places_outlive_reading_under_both_names(desk):
    visits = desk.load().mappings["visits"]
    fault = visits.places.fault("not in the database", "fields", "kc21.akc190")
    assert desk.at(fault) == "ZYHM"
    assert fault.source == "  akc190: ZYHM"
    place = visits.places.find("columns", "DWBH")
    assert (place.line, place.source) == (12, "  aab001: DWBH")


def test_every_fault_of_every_file_comes_at_once(desk):
    desk.swap("connector.yaml", "username: demo", "user: demo")
    desk.swap("mappings/orders.yaml", "visit: ZYH", "vist: ZYH")
    desk.swap("mappings/orders.yaml", "alk016: YSXM", "alk0l6: YSXM")
    desk.swap("mappings/charges.yaml", "round: 4", "round: four")
    desk.swap("mappings/visits.yaml", "fills: register", "fills: registre")
    desk.swap("pipelines/inpatient.yaml", "[orders, charges]", "[orders, chargs]")
    desk.swap("codes/fee-category.yaml", '"4": "32"', '"4": "32", "4": "33"')
    desk.swap("catalogues/centre.yaml", "level: {", "levl: {")
    found = [(Path(one.file).name, one.message) for one in desk.faults()]
    assert found == [
        ("connector.yaml", "The key “username” is missing in platform."),
        ("connector.yaml", "The key “user” is not known in platform."),
        ("fee-category.yaml", "The key “4” stands twice: here, and first in line 3, column 18."),
        ("centre.yaml", "The key “levl” is not known in facts."),
        ("charges.yaml", "The catalogue centre has no fact level."),
        ("charges.yaml", "“round” must be a whole number in digits."),
        ("orders.yaml", "The key “visit” is missing in source."),
        ("orders.yaml", "The key “vist” is not known in source."),
        ("orders.yaml", "sendMedInfo.advices.advice has no field “alk0l6”."),
        ("visits.yaml", "The platform has no interface “registre”."),
        ("inpatient.yaml", "There is no mapping “chargs”."),
    ]
    for fault in desk.faults():
        assert fault.line
        assert fault.column
        assert fault.source
        assert str(fault).startswith(f"{fault.file}:{fault.line}:{fault.column}: ")


def test_a_file_that_cannot_be_read_at_all_is_one_fault_and_no_more(desk):
    desk.write("codes/fee-category.yaml", "version: 1\ncodes: [\n")
    desk.write("catalogues/centre.yaml", b"version: 1\ncatalogue: \xd6\xd0\xd0\xc4\n")
    desk.write("mappings/orders.yaml", "")
    faults = desk.faults()
    assert [(Path(one.file).name, one.message) for one in faults] == [
        ("fee-category.yaml", "This cannot be read as YAML: a value, or a closing bracket, is missing."),
        ("centre.yaml", "The file is not UTF-8 text."),
        ("orders.yaml", "The file is empty."),
    ]
    assert (faults[1].line, faults[1].column) == (2, 12)
    assert faults[1].hint == "It looks like GBK. Save it as UTF-8."


@pytest.mark.parametrize(
    ("remove", "message"),
    [
        ("connector.yaml", "There is no connector.yaml in"),
        ("mappings/visits.sql", "visits.sql: There is no such file."),
    ],
)
def test_a_missing_file_is_named(desk, remove, message):
    desk.write(remove, None)
    assert message in desk.fault().message


def test_a_missing_directory_is_named(tmp_path):
    with pytest.raises(ConfigurationError, match="There is no project directory"):
        load_project(tmp_path / "nowhere", contract(), environ={})


def test_mappings_under_a_wrong_name_are_not_passed_over(desk):
    for name in [name for name in desk.files if name.startswith(("mappings/", "pipelines/"))]:
        desk.write(name.replace("mappings/", "mapping/"), desk.files.pop(name))
    fault = desk.faults()[0]
    assert "mappings" in fault.message
    assert fault.hint == "Did you mean mapping?"


def test_a_suffix_that_is_not_read_is_not_passed_over(desk):
    desk.write("mappings/more.yml", "version: 1\n")
    fault = desk.fault()
    assert fault.message == "The file's name must end in .yaml to be read."
    assert fault.file.endswith("more.yml")


def test_a_name_that_two_files_use_names_both(desk):
    desk.write("mappings/zz.yaml", desk.files["mappings/orders.yaml"])
    fault = desk.fault()
    assert fault.message.startswith("The name orders is taken already, by ")
    assert fault.message.endswith("orders.yaml.")
    assert (Path(fault.file).name, desk.at(fault)) == ("zz.yaml", "orders")


def test_a_mapping_that_two_pipelines_use_names_both(desk):
    desk.write("pipelines/more.yaml", "version: 1\npipeline: more\nvisits: visits\nmappings: [orders]\n")
    assert [one.message for one in desk.faults()] == [
        "The mapping visits is in the pipeline inpatient already.",
        "The mapping orders is in the pipeline inpatient already.",
    ]


def test_a_pipelines_visits_must_be_visits_and_the_rest_must_not(desk):
    desk.swap("pipelines/inpatient.yaml", "visits: visits", "visits: orders")
    desk.swap("pipelines/inpatient.yaml", "[orders, charges]", "[visits, charges]")
    assert [one.message for one in desk.faults()] == [
        "orders fills sendMedInfo, which registers no visit.",
        "visits fills the whole of register; only lists can be uploaded for a visit.",
    ]


def test_local_and_cross_province_do_not_mix(desk):
    desk.swap("mappings/orders.yaml", "sendMedInfo.", "sendBsMedInfo.")
    assert "one is for local people, the other for those of other provinces" in desk.fault().message


def test_one_mapping_can_be_read_by_itself(desk):
    desk.load()
    mapping = load_mapping(desk.directory / "mappings/orders.yaml", contract())
    assert mapping.name == "orders"
    with pytest.raises(ConfigurationError, match="There is no catalogue"):
        load_mapping(desk.directory / "mappings/charges.yaml", contract())


def test_the_shipped_files_are_in_order(desk):
    """The mappings that come with the connector, with the demo's kind of settings."""
    settings = desk.files["connector.yaml"]
    desk.files = {"connector.yaml": settings}
    for folder in ("mappings", "pipelines", "codes", "catalogues"):
        for path in (ROOT / folder).glob("*"):
            if path.is_file():
                desk.write(f"{folder}/{path.name}", path.read_bytes())
    assert desk.load().pipelines
