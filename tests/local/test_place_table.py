"""The table of country and region names, written from its sources."""

from pathlib import Path

import pytest

from local.place_table import table_of

COUNTRIES = """\
alpha2,alpha3,name_en,aliases_en,name_native,name_de
CN,CHN,China,,中国,China
ES,ESP,Spain,,España,Spanien
US,USA,United States,US,United States,Vereinigte Staaten
XK,XKK,Kosovo,,Kosovë,Kosovo
ZZ,ZZZ,Unknown Region,,,
"""
REGIONS = """\
code,country,parent,name_en_cldr,name_iso,other_names
CN-SN,CN,,Shaanxi,Shaanxi Sheng,Shǎnxī (zho)
CN-SX,CN,,Shanxi,Shanxi Sheng,山西 (zho)
ES-A,ES,ES-VC,Alicante,Alicante/Alacant,
ES-LO,ES,ES-RI,La Rioja,La Rioja,
ES-RI,ES,,La Rioja,La Rioja,
ES-X,ES,,Twin,Twin,
ES-Y,ES,,Twin,Twin,
US-TX,US,,Texas,Texas,"Tejas (spa), The Lone Star State (eng)"
"""


@pytest.fixture
def blocks(tmp_path: Path) -> dict[str, list[str]]:
    (tmp_path / "countries.csv").write_text(COUNTRIES, encoding="utf-8")
    (tmp_path / "subdivisions.csv").write_text(REGIONS, encoding="utf-8")
    parts = table_of(tmp_path).split("[")[1:]
    return {part.partition("]")[0]: part.split("\n")[1:-1] for part in parts}


def line(block: list[str], code: str) -> str:
    (found,) = (each for each in block if each.startswith((f"{code}|", f"{code}<")))
    return found


def test_countries_have_their_names(
    blocks: dict[str, list[str]],
) -> None:
    assert line(blocks["countries"], "ES") == "ES|esp|espana|spain|spanien|"
    assert "usa|" in line(blocks["countries"], "US")
    assert "|kosovo|" in line(blocks["countries"], "XK")
    assert not any(each.startswith("ZZ") for each in blocks["countries"])


def test_names_are_split_and_nicknames_left_out(blocks: dict[str, list[str]]) -> None:
    assert line(blocks["ES"], "A") == "A<VC|alacant|alicante|alicantealacant|"
    assert line(blocks["US"], "TX") == "TX|tejas|tex|texas|"


def test_name_of_region_and_its_part_stands_for_the_part(blocks: dict[str, list[str]]) -> None:
    assert line(blocks["ES"], "LO") == "LO<RI|larioja|"
    assert line(blocks["ES"], "RI") == "RI|"


def test_first_name_precedes_another_name(blocks: dict[str, list[str]]) -> None:
    assert line(blocks["CN"], "SX") == "SX|shanxi|shanxisheng|山西|"
    assert line(blocks["CN"], "SN") == "SN|shaanxi|shaanxisheng|"


def test_name_of_two_regions_is_left_out(blocks: dict[str, list[str]]) -> None:
    assert line(blocks["ES"], "X") == "X|"
    assert line(blocks["ES"], "Y") == "Y|"


def test_military_mail_is_added_to_the_us(blocks: dict[str, list[str]]) -> None:
    assert line(blocks["US"], "AP") == "AP|armedforcespacific|"
