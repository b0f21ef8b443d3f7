"""The country and currency of a price history, as query parameters."""

import pytest

from shop.kernel.errors import InvalidRequest
from shop.pricing.schemas.price_lists import market_from_query


@pytest.mark.parametrize("text", ["US", "usa", " us ", "United States"])
def test_country_is_read_as_a_code(text: str) -> None:
    assert market_from_query({"country": text, "currency": "USD"}) == ("US", "USD")


def test_absent_parameters_are_none() -> None:
    assert market_from_query({}) == (None, None)


@pytest.mark.parametrize(
    ("query", "code"),
    [({"country": "Narnia"}, "country_unknown"), ({"currency": "usd"}, "currency_unknown")],
)
def test_other_texts_are_rejected(query: dict[str, str], code: str) -> None:
    with pytest.raises(InvalidRequest) as error:
        market_from_query(query)
    assert (error.value.code, error.value.problems[0].path) == (code, next(iter(query)))
