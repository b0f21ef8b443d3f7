"""Country and region codes, and the texts that stand for them."""

import subprocess
import sys
from pathlib import Path

import pytest

from shop.places.model.countries import (
    COUNTRIES,
    REGION_REQUIRED,
    US_REGIONS,
    Unmatched,
    find_country,
    find_region,
    is_region,
    parent_regions,
    validate_country,
)
from shop.places.model.place_names import TABLE, name_key

UNKNOWN, MISSING = Unmatched.UNKNOWN, Unmatched.MISSING


def test_there_are_249_alpha_2_country_codes_and_that_of_kosovo() -> None:
    assert len(COUNTRIES - {"XK"}) == 249
    assert "XK" in COUNTRIES
    assert all(len(code) == 2 and code.isupper() for code in COUNTRIES)


@pytest.mark.parametrize("text", ["EU", "XI", "XZ", "ZZ", "", " ", "Narnia", "Korea", "12"])
def test_other_texts_are_no_country(text: str) -> None:
    with pytest.raises(ValueError, match="ISO 3166-1"):
        validate_country(text)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("US", "US"),
        (" us ", "US"),
        ("USA", "US"),
        ("u.s.a.", "US"),
        ("United States of America", "US"),
        ("États-Unis", "US"),
        ("美国", "US"),
        ("UK", "GB"),
        ("England", "GB"),
        ("Great Britain", "GB"),
        ("Deutschland", "DE"),
        ("germany", "DE"),
        ("DEU", "DE"),
        ("Alemania", "DE"),
        ("Osterreich", "AT"),
        ("Österreich", "AT"),
        ("The Netherlands", "NL"),
        ("EL", "GR"),
        ("Czech Republic", "CZ"),
        ("Turkey", "TR"),
        ("Ivory Coast", "CI"),
        ("Cote d'Ivoire", "CI"),
        ("Côte d’Ivoire", "CI"),
        ("Saint Lucia", "LC"),
        ("St. Lucia", "LC"),
        ("Bosnia and Herzegovina", "BA"),
        ("South Korea", "KR"),
        ("Korea, Republic of", "KR"),
        ("中国", "CN"),
        ("中國", "CN"),
        ("Hong Kong", "HK"),
        ("日本", "JP"),
        ("Россия", "RU"),
        ("ＤＥ", "DE"),
        ("d\u200be", "DE"),
        ("\ufeffUSA", "US"),
        ("Guinea–Bissau", "GW"),
        ("Guinea\u2011Bissau", "GW"),
        ("Åland", "AX"),
        ("A\u030aland", "AX"),
        ("أندورا", "AD"),
        ("اندورا", "AD"),
        ("Azerbaycan", "AZ"),
        ("Azərbaycan", "AZ"),
        ("XK", "XK"),
        ("xkx", "XK"),
        ("Kosovo", "XK"),
        ("Republic of Kosovo", "XK"),
        ("Kosovë", "XK"),
        ("Косово", "XK"),
        ("Northern Ireland", "GB"),
    ],
)
def test_country_is_found_by_code_and_name(text: str, code: str) -> None:
    assert find_country(text) == code


@pytest.mark.parametrize(
    ("country", "text", "code"),
    [
        ("US", "TX", "TX"),
        ("US", "texas", "TX"),
        ("US", "Texas", "TX"),
        ("US", "US-TX", "TX"),
        ("US", "us-tx", "TX"),
        ("US", "US-Texas", "TX"),
        ("US", " TX ", "TX"),
        ("US", "Tex.", "TX"),
        ("US", "State of Texas", "TX"),
        ("US", "Washington State", "WA"),
        ("US", "Washington, D.C.", "DC"),
        ("US", "d.c.", "DC"),
        ("US", "N. Mex.", "NM"),
        ("US", "Hawaiʻi", "HI"),
        ("US", "Armed Forces Pacific", "AP"),
        ("US", "ＴＸ", "TX"),
        ("US", "US‑TX", "TX"),
        ("US", "US–Texas", "TX"),
        ("US", "T\u200bX", "TX"),
        ("PL", "Łódzkie", "10"),
        ("PL", "lodzkie", "10"),
        ("MT", "Il-Ħamrun", "18"),
        ("US", "Te\u00adxas", "TX"),
        ("CA", "Québec", "QC"),
        ("CA", "Quebec", "QC"),
        ("CA", "QUÉBEC", "QC"),
        ("CA", "Que\u0301bec", "QC"),
        ("CA", "CA-QC", "QC"),
        ("CA", "P.E.I.", "PE"),
        ("CA", "Newfoundland", "NL"),
        ("AU", "N.S.W.", "NSW"),
        ("AU", "new south wales", "NSW"),
        ("CN", "广东", "GD"),
        ("CN", "广东省", "GD"),
        ("CN", "Guangdong Sheng", "GD"),
        ("CN", "Guangdong Province", "GD"),
        ("CN", "GuangDong", "GD"),
        ("CN", "北京市", "BJ"),
        ("CN", "Shanxi", "SX"),
        ("CN", "Shaanxi", "SN"),
        ("CN", "内蒙古自治区", "NM"),
        ("JP", "東京都", "13"),
        ("JP", "Osaka Prefecture", "27"),
        ("JP", "13", "13"),
        ("IN", "Orissa", "OD"),
        ("IN", "IN-OR", "OD"),
        ("IN", "Tamil Nadu", "TN"),
        ("BR", "São Paulo", "SP"),
        ("BR", "sao paulo", "SP"),
        ("MX", "CDMX", "CMX"),
        ("MX", "Nuevo León", "NLE"),
        ("DE", "Bayern", "BY"),
        ("DE", "Bavaria", "BY"),
        ("DE", "Baden-Wuerttemberg", "BW"),
        ("DE", "by", "BY"),
        ("ES", "Asturias", "O"),
        ("ES", "A Coruña", "C"),
        ("ES", "La Coruña", "C"),
        ("FR", "75C", "75C"),
        ("FR", "Rhône", "69"),
        ("BE", "Bruxelles-Capitale", "BRU"),
        ("IT", "Lombardia", "25"),
        ("IE", "Dublin", "D"),
    ],
)
def test_region_is_found_by_code_and_name(country: str, text: str, code: str) -> None:
    assert find_region(country, text) == code


@pytest.mark.parametrize(
    ("country", "text", "result"),
    [
        ("US", None, MISSING),
        ("US", "", MISSING),
        ("US", "  ", MISSING),
        ("US", "-", MISSING),
        ("US", "ZZ", UNKNOWN),
        ("US", "Ontario", UNKNOWN),
        ("US", "US-", UNKNOWN),
        ("US", "CA-TX", UNKNOWN),
        ("US", "TX|NY", UNKNOWN),
        ("US", "TX\nNY", UNKNOWN),
        ("US", "New", UNKNOWN),
        ("CA", "TX", UNKNOWN),
        ("CA", "US-TX", UNKNOWN),
        ("DE", "Oberbayern", UNKNOWN),
        ("SG", "Texas", UNKNOWN),
        ("AX", "X", UNKNOWN),
        ("BG", "Sofia", UNKNOWN),
        ("AR", "Buenos Aires", UNKNOWN),
    ],
)
def test_other_text_is_never_guessed(country: str, text: str | None, result: Unmatched) -> None:
    assert find_region(country, text) is result


@pytest.mark.parametrize(
    ("city", "text", "postal_code", "result"),
    [
        pytest.param("APO", "AE", "09012", "AE", id="state"),
        pytest.param("Springfield", "ae", None, "AE", id="state without a military city"),
        pytest.param("FPO", None, "96349", "AP", id="by ZIP code"),
        pytest.param("DPO", "", "34004-1234", "AA", id="by ZIP+4"),
        pytest.param("APO AP", None, None, "AP", id="in the city"),
        pytest.param("apo, ae 09012", None, None, "AE", id="in the city, small letters"),
        pytest.param("APO", "NY", "09012", "AE", id="state of the former addresses"),
        pytest.param("APO", "NY", "10001", UNKNOWN, id="contradiction"),
        pytest.param("APO", None, None, MISSING, id="nothing else"),
        pytest.param("Apopka", "FL", "32703", "FL", id="another city"),
    ],
)
def test_military_mail_has_states_of_its_own(
    city: str, text: str | None, postal_code: str | None, result: str | Unmatched
) -> None:
    assert find_region("US", text, locality=city, postal_code=postal_code) == result


def test_military_city_is_one_in_the_us_only() -> None:
    assert find_region("PH", "Bohol", locality="APO") == "BOH"


@pytest.mark.parametrize(
    ("country", "region", "known"),
    [
        pytest.param("US", "CA", True, id="state"),
        pytest.param("US", "AP", True, id="military mail"),
        pytest.param("US", "ZZ", False, id="unknown state"),
        pytest.param("DE", "BY", True, id="another country"),
        pytest.param("FR", "75C", True, id="three characters"),
        pytest.param("DE", "ZZ", False, id="form of a code"),
        pytest.param("DE", "by", False, id="small letters"),
        pytest.param("DE", "", False, id="empty"),
        pytest.param("AX", "1", False, id="country without regions"),
    ],
)
def test_region_code_is_one_of_the_country(country: str, region: str, known: bool) -> None:
    assert is_region(country, region) is known


def test_parents_are_the_regions_around_a_region() -> None:
    assert parent_regions("ES", "TF") == ("CN",)
    assert parent_regions("FR", "69") == ("ARA",)
    assert parent_regions("US", "TX") == parent_regions("CN", "GD") == ()
    assert parent_regions("AX", "1") == ()


def test_every_region_of_the_us_is_in_the_table() -> None:
    assert all(find_region("US", f"US-{code}") == code for code in US_REGIONS)
    assert all(is_region(country, "ZZ9") is False for country in REGION_REQUIRED)


def test_table_names_its_sources_and_gives_each_name_to_one_code() -> None:
    text = TABLE.read_text(encoding="utf-8")
    header, _, blocks = text.partition("\n\n")
    assert "Unicode-3.0" in header
    assert "MIT" in header
    for block in blocks.split("\n["):
        names = [name for line in block.splitlines()[1:] for name in line.split("|")[1:-1]]
        assert len(names) == len(set(names)), block[:20]
        assert all(name == name_key(name) for name in names), block[:20]


def test_codes_are_found_without_the_table() -> None:
    program = """import sys
from shop.places.model.countries import find_country, find_region
assert (find_country(" us "), find_region("US", "tx")) == ("US", "TX")
assert "shop.places.model.place_names" not in sys.modules
find_region("US", "Texas")
assert "shop.places.model.place_names" in sys.modules"""
    layer = Path(__file__).resolve().parents[3] / "layers/shared/python"
    subprocess.run([sys.executable, "-c", program], env={"PYTHONPATH": str(layer)}, check=True)
