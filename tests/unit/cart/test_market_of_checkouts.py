"""The market of a checkout: that of its destination, also where one country has two."""

import pytest

from shop.cart.model.pricing import PricingFacts
from shop.checkout.actions.offer_request import OfferRequest
from shop.places.model.destination import StatedPlace
from shop.pricing.model.rule_set import RuleSet


@pytest.mark.parametrize(
    ("place", "market"),
    [
        (StatedPlace("GB", None, None, "BT1 5GS"), "EU"),
        (StatedPlace("Northern Ireland"), "EU"),
        (StatedPlace("GB", "Northern Ireland"), "EU"),
        (StatedPlace("GB", None, None, "SW1A 1AA"), "WORLD"),
        (StatedPlace("DE"), "EU"),
        (StatedPlace(), RuleSet().markets[0].id),
    ],
)
def test_ship_date_and_prices_use_the_market_of_the_destination(
    place: StatedPlace, market: str
) -> None:
    # Given a checkout to a place
    request = OfferRequest("guest", (), (), place, True, None, None, "web", None)

    # When its market is needed for the ship date, and for the prices
    rules = RuleSet()
    priced = PricingFacts(destination=request.destination).market_in(rules)

    # Then both are the market of the destination
    assert request.market_in(rules).id == priced.id == market
