"""Tax rates in DynamoDB: versions, concurrent changes, and the cache of the tax table."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest

from shop.kernel.errors import NotFound, VersionConflict
from shop.kernel.events import Event
from shop.places.model.destination import Destination
from shop.pricing.store.rule_set_cache import RuleSetCache
from shop.storage.prefetch import prefetch
from shop.tax.actions import get_tax_rates, set_tax_rates
from shop.tax.model.country_rates import CountryRates, RatesChange
from shop.tax.model.rates import BUNDLED_TAX_TABLE, TaxRate
from shop.tax.store.cache import TaxTableCache
from shop.tax.store.repository import DynamoTaxRateRepository
from shop.tax.store.rows import RATES, TaxRow
from tests.kit.aws_call_counter import count_calls
from tests.kit.shop import create_tables, mock_aws

pytestmark = pytest.mark.slow

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
TODAY = date(2026, 11, 22)
BRAZIL = TaxRate("BR", 170_000, since=TODAY)


@pytest.fixture(autouse=True)
def _tables() -> Iterator[None]:
    with mock_aws():
        create_tables()
        yield


@pytest.fixture
def repository() -> DynamoTaxRateRepository:
    return DynamoTaxRateRepository()


def change(
    repository: DynamoTaxRateRepository, *rates: TaxRate, version: int = 0, country: str = "BR"
) -> CountryRates:
    return set_tax_rates(
        country,
        RatesChange(rates, reason="budget"),
        expected_version=version,
        actor="ann",
        repository=repository,
        today=TODAY,
        at=NOW,
    )


def rate_of(cache: TaxTableCache, country: str) -> int:
    found = cache.table().rate("standard", Destination(country), TODAY)
    return found.rate if found else 0


def test_every_version_of_a_countrys_rates_is_stored(repository: DynamoTaxRateRepository) -> None:
    first = change(repository, BRAZIL)
    second = change(repository, TaxRate("BR", 180_000, since=TODAY), version=1)

    assert get_tax_rates("BR", repository=repository) == second
    assert repository.get_version("BR", 1) == first
    assert repository.get_version("BR", 0) == CountryRates.bundled("BR")
    assert repository.list_customized() == [second]
    with pytest.raises(NotFound):
        repository.get_version("BR", 3)


def test_change_carries_its_event(repository: DynamoTaxRateRepository) -> None:
    change(repository, BRAZIL)

    (event,) = TaxRow.get(RATES, "BR").events
    assert event == Event("tax:BR:1", "TaxRatesChanged", "BR", NOW, {"version": 1, "rates": 1})


def test_of_two_changes_of_one_version_the_second_is_rejected(
    repository: DynamoTaxRateRepository,
) -> None:
    # Given two staff users who read the bundled rates
    before = CountryRates.bundled("BR")
    first = before.update(RatesChange((BRAZIL,)), TODAY, at=NOW, actor="ann")
    second = before.update(
        RatesChange((TaxRate("BR", 1, since=TODAY),)), TODAY, at=NOW, actor="bob"
    )

    # When both save
    repository.save_all([first], [])
    with pytest.raises(VersionConflict):
        repository.save_all([second], [])

    # Then the first change is stored
    assert repository.get("BR") == first


def test_changes_of_two_countries_do_not_conflict(repository: DynamoTaxRateRepository) -> None:
    cache = TaxTableCache()

    change(repository, BRAZIL)
    change(repository, TaxRate("AR", 210_000, since=TODAY), country="AR")

    assert (rate_of(cache, "BR"), rate_of(cache, "AR")) == (170_000, 210_000)
    assert cache.version == 2


def test_cache_reads_the_rates_only_after_a_change(repository: DynamoTaxRateRepository) -> None:
    cache = TaxTableCache()

    with count_calls() as calls:
        assert cache.table() is BUNDLED_TAX_TABLE
    assert calls.names == ["dynamodb.GetItem tax"]

    change(repository, BRAZIL)
    with count_calls() as calls:
        table = cache.table()
    assert calls.names == ["dynamodb.GetItem tax", "dynamodb.Query tax"]
    with count_calls() as calls:
        assert cache.table() is table
    assert calls.names == ["dynamodb.GetItem tax"]


def test_version_row_may_be_prefetched(repository: DynamoTaxRateRepository) -> None:
    cache = TaxTableCache()
    change(repository, BRAZIL)

    with count_calls() as calls, prefetch(cache.read_set()):
        assert rate_of(cache, "BR") == 170_000

    assert calls.names == ["dynamodb.BatchGetItem tax", "dynamodb.Query tax"]


def test_change_of_rates_is_in_the_rule_set_within_three_seconds(
    repository: DynamoTaxRateRepository,
) -> None:
    # Given a rule set that was read before the change
    rule_sets = RuleSetCache(TaxTableCache())
    before = rule_sets.rules(NOW)
    change(repository, BRAZIL)

    # When it is read again within three seconds, then nothing is read
    with count_calls() as calls:
        assert rule_sets.rules(NOW + timedelta(seconds=2.9)) is before
    assert calls.names == []

    # When it is read after them, then one call reads both versions, and one the rates
    with count_calls() as calls:
        after = rule_sets.rules(NOW + timedelta(seconds=3))
    assert calls.names == ["dynamodb.BatchGetItem pricing+tax", "dynamodb.Query tax"]
    assert after.version != before.version
    found = after.tax.rate("standard", Destination("BR"), TODAY)
    assert found is not None
    assert found.rate == 170_000
