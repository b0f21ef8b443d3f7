"""Country and region codes."""

import pytest

from shop.places.model.countries import COUNTRIES, is_region, validate_country


def test_there_are_249_alpha_2_country_codes() -> None:
    assert len(COUNTRIES) == 249
    assert all(len(code) == 2 and code.isupper() for code in COUNTRIES)


@pytest.mark.parametrize("code", ["EU", "XK", "ZZ", "UK", "us", ""])
def test_other_codes_are_no_country(code: str) -> None:
    with pytest.raises(ValueError, match="ISO 3166-1"):
        validate_country(code)


@pytest.mark.parametrize(
    ("country", "region", "known"),
    [
        pytest.param("US", "CA", True, id="state"),
        pytest.param("US", "AP", True, id="military mail"),
        pytest.param("US", "ZZ", False, id="unknown state"),
        pytest.param("DE", "BY", True, id="form of ISO 3166-2"),
        pytest.param("FR", "75C", True, id="three characters"),
        pytest.param("DE", "by", False, id="small letters"),
        pytest.param("DE", "BAYERN", False, id="too long"),
        pytest.param("DE", "", False, id="empty"),
    ],
)
def test_region_is_checked_by_list_or_by_form(country: str, region: str, known: bool) -> None:
    assert is_region(country, region) is known
