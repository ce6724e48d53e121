"""Code maps in YAML and CSV, and catalogue files."""

from dataclasses import replace

import pytest

from connector.config.mapping import Expression

YAML = "codes/fee-category.yaml"
CSV = "codes/item-kind.csv"
CENTRE = "catalogues/centre.yaml"


def test_codes_are_text(desk):
    desk.write(
        YAML,
        'version: 1\ncodes: fee-category\nmap: {0012: "11", NO: "32", 1: 11, 01: 21, "1.0": 22, "~": 23}\n',
    )
    assert desk.load().code_maps["fee-category"].entries == {
        "0012": "11", "NO": "32", "1": "11", "01": "21", "1.0": "22", "~": "23"
    }  # fmt: skip


def test_a_csv_is_text_too(desk):
    desk.write(CSV, b'\xef\xbb\xbffrom,to\r\n0012,0\r\n"a, ""b""",1\r\n\r\n \xe4\xb8\xad \t, 9 \r\n')
    code_map = desk.load().code_maps["item-kind"]
    assert code_map.entries == {"0012": "0", 'a, "b"': "1", "中": "9"}
    assert code_map.otherwise is None


CSV_FAULTS = {
    "header": ("from,to", "from;to", "The first line of a code map must be: from,to", 1),
    "no header": ("from,to\n", "", "The first line of a code map must be: from,to", 1),
    "cells": ("4,1", "4,1,x", "There must be two cells, from and to, but there are 3.", 3),
    "twice": ("5,9", "1,9", "The code “1” stands twice: here, and first in line 2.", 4),
    "empty": ("5,9", " ,9", "An empty code is never translated.", 4),
    "quote": ("5,9", '"5"x,9', "This cannot be read as CSV.", 4),
}


@pytest.mark.parametrize("name", CSV_FAULTS)
def test_wrong_csv(desk, name):
    old, new, message, line = CSV_FAULTS[name]
    desk.swap(CSV, old, new)
    found = [one for one in desk.faults() if one.message == message]
    assert [one.line for one in found] == [line]


def test_an_empty_csv_is_told(desk):
    desk.write(CSV, "")
    assert desk.fault().message == "The file is empty."


def test_a_csvs_name_is_its_files(desk):
    desk.write("codes/Item Kind.csv", "from,to\n")
    assert "The file's name, which is the code map's" in desk.fault().message


YAML_FAULTS = {
    "no map": ('map: {"1": "11", "4": "32"}\n', "", "The key “map” is missing."),
    "list": ('{"1": "11", "4": "32"}', "[1]", "“map” must be a table of keys, but this is a list."),
    "null": ('"4": "32"', '"4": null', "“4” has no value."),
    "nested": ('"4": "32"', '"4": [32]', "“4” must be a single text, but this is a list."),
    "empty code": ('"4"', '" "', "An empty code is never translated."),
    "blanks": (
        '"4"',
        '" 4"',
        "The code “ 4” has blanks around it, but values are trimmed before they are translated.",
    ),
    "key": ("codes:", "code:", "The key “codes” is missing."),
}


@pytest.mark.parametrize("name", YAML_FAULTS)
def test_wrong_code_maps(desk, name):
    old, new, message = YAML_FAULTS[name]
    desk.swap(YAML, old, new)
    assert message in [one.message for one in desk.faults()]


def test_two_code_maps_of_one_name_name_both_files(desk):
    desk.write("codes/fee-category.csv", "from,to\n1,11\n")
    fault = desk.fault()
    assert fault.message.startswith("The name fee-category is taken already, by ")
    assert fault.file.endswith("fee-category.csv")


def test_a_catalogue_is_read_whole(desk):
    catalogue = desk.load().catalogues["centre"]
    assert (catalogue.table, catalogue.sql, catalogue.csv) == ("YB_MLDZ", None, None)
    assert catalogue.key == ("XMLX", "FYXH")
    assert catalogue.facts["level"] == Expression(("SFDJ",), codes="item-level")
    assert catalogue.valid_from == Expression(("KSRQ",), read="%Y%m%d")
    assert catalogue.valid_to == Expression(("JSRQ",), read="%Y%m%d", empty=("00000000",))
    assert catalogue.missing == "quarantine"
    assert replace(catalogue, missing="outside") != catalogue


def test_a_catalogue_may_be_a_select_or_a_csv(desk):
    desk.swap(CENTRE, "{table: YB_MLDZ}", "{sql: centre.sql}")
    desk.write("catalogues/centre.sql", "SELECT * FROM YB_MLDZ -- all;\n;\n")
    assert desk.load().catalogues["centre"].sql == "SELECT * FROM YB_MLDZ"
    desk.swap(CENTRE, "{sql: centre.sql}", "{csv: centre.csv}")
    desk.write("catalogues/centre.csv", "XMLX,FYXH,YBBM,YBMC,SFDJ,SFLB,VMED,KSRQ,JSRQ\n")
    assert desk.load().catalogues["centre"].csv == desk.directory / "catalogues/centre.csv"


def test_a_csv_must_have_the_columns_that_are_named(desk):
    desk.swap(CENTRE, "{table: YB_MLDZ}", "{csv: centre.csv}")
    desk.write("catalogues/centre.csv", "XMLX,FYXH,YBBM,YBMCH,SFDJ,SFLB,VMED,KSRQ,JSRQ\n")
    fault = desk.fault()
    assert (fault.message, fault.hint) == ("centre.csv has no column YBMC.", "Did you mean YBMCH?")
    assert desk.at(fault).startswith("YBMC, level")
    desk.write("catalogues/centre.csv", "XMLX,对照\n".encode("gbk"))
    assert desk.fault().hint == "It looks like GBK. Save it as UTF-8."


CENTRE_FAULTS = {
    "no source": ("source: {table: YB_MLDZ}", "source: {}", "It is not said where the rows come from."),
    "two sources": (
        "{table: YB_MLDZ}",
        "{table: A, csv: b.csv}",
        "Rows come from one place: “table”, “sql” or “csv”.",
    ),
    "no code": ("centre_code: YBBM, ", "", "The catalogue must say where the centre's code is."),
    "fact": ("version: VMED", "versoin: VMED", "The key “versoin” is not known in facts."),
    "constant": ("version: VMED", 'version: {value: "1"}', "The key “value” is not known in facts.version."),
    "codes": ("codes: item-level", "codes: item-levels", "There is no code map “item-levels”."),
    "date": (
        'KSRQ, read: "%Y%m%d"',
        'KSRQ, read: "%Y"',
        "“read” must say how a date is written, but %m, %d is missing.",
    ),
    "missing": (
        "version: 1\n",
        "version: 1\nmissing: skip\n",
        "“missing” must be one of quarantine, outside.",
    ),
    "no key": ("key: [XMLX, FYXH]\n", "", "The key “key” is missing."),
}


@pytest.mark.parametrize("name", CENTRE_FAULTS)
def test_wrong_catalogues(desk, name):
    old, new, message = CENTRE_FAULTS[name]
    desk.swap(CENTRE, old, new)
    found = [one for one in desk.faults() if one.message == message]
    assert len(found) == 1, "\n".join(map(str, desk.faults()))
    assert found[0].file == str(desk.directory / CENTRE)
