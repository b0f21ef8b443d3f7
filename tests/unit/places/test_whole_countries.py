"""Settings without a region take a whole country: a part of one is rejected, with a remedy."""

from datetime import UTC, datetime
from typing import Any
from unittest.mock import create_autospec

import pytest
from pydantic import TypeAdapter, ValidationError

from shop.inventory.schemas.locations import Country
from shop.kernel.errors import InvalidRequest, NotFound
from shop.places.model.countries import Unmatched, find_whole_country, whole_country_detail
from shop.pricing.schemas.markets import TaxAreaCode
from shop.shipping.model import ShippingTable
from shop.tax.actions import StatedCountry, get_tax_rates, record_untaxed_decisions
from shop.tax.model.country_rates import CountryRates
from shop.tax.ports import TaxRateRepository

REPOSITORY = create_autospec(TaxRateRepository, instance=True)
REPOSITORY.get.side_effect = CountryRates.bundled
REPOSITORY.list_customized.return_value = []
PARTS = [("Scotland", "SCT"), ("scotland", "SCT"), (" England ", "ENG"), ("Wales", "WLS")]
NORTH = [("Northern Ireland", "NIR"), ("XI", "NIR"), ("xi", "NIR")]


@pytest.mark.parametrize(("text", "part"), PARTS + NORTH)
def test_part_is_no_whole_country(text: str, part: str) -> None:
    assert find_whole_country(text) is Unmatched.UNKNOWN
    detail = whole_country_detail(text)
    assert detail.startswith(f"{text.strip()} is a part of GB. Name GB")
    assert part in detail


@pytest.mark.parametrize("text", ["GB", "gb", "United Kingdom", "Great Britain", "UK", "Britain"])
def test_names_of_the_whole_country_have_its_code(text: str) -> None:
    assert find_whole_country(text) == "GB"


@pytest.mark.parametrize(("text", "part"), PARTS + NORTH)
def test_location_rejects_a_part(text: str, part: str) -> None:
    with pytest.raises(ValidationError, match="is a part of GB"):
        TypeAdapter(Country).validate_python(text)


@pytest.mark.parametrize(("text", "part"), PARTS)
def test_market_and_tax_settings_reject_a_part(text: str, part: str) -> None:
    with pytest.raises(ValidationError, match="is a part of GB"):
        TypeAdapter(TaxAreaCode).validate_python(text)
    with pytest.raises(NotFound, match="is a part of GB"):
        get_tax_rates(text, repository=REPOSITORY)


def test_untaxed_decision_rejects_a_part_and_records_nothing() -> None:
    with pytest.raises(InvalidRequest, match="is a part of GB") as caught:
        record_untaxed_decisions(
            [StatedCountry("CH", None), StatedCountry("Scotland", None)],
            "Not registered",
            undecided=lambda customized: [],
            actor="ann",
            repository=REPOSITORY,
            at=datetime(2026, 11, 22, tzinfo=UTC),
        )
    assert caught.value.problems[0].path == "$.countries[1].country"
    REPOSITORY.save_all.assert_not_called()


@pytest.mark.parametrize(("text", "part"), NORTH)
def test_market_and_tax_settings_know_northern_ireland(text: str, part: str) -> None:
    assert TypeAdapter(TaxAreaCode).validate_python(text) == "XI"
    assert get_tax_rates(text, repository=REPOSITORY).country == "XI"


@pytest.mark.parametrize("field", ["countries", "excluded_countries"])
@pytest.mark.parametrize(("text", "part"), PARTS + NORTH)
def test_shipping_rejects_a_part(text: str, part: str, field: str) -> None:
    table: dict[str, Any] = {"zones": [{"id": "uk", "countries": ["GB"]}], "methods": []}
    if field == "countries":
        table["zones"][0]["countries"] = [text]
    else:
        table[field] = [text]
    with pytest.raises(InvalidRequest) as caught:
        ShippingTable.from_dict(table)
    found = {one.path: one.detail for one in caught.value.problems}
    path = "$.zones[0].countries" if field == "countries" else f"$.{field}"
    assert part in found[path]
