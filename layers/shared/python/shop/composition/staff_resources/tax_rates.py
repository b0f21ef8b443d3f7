"""The tax rates of a country."""

from collections.abc import Mapping
from typing import Any

from shop.composition.tax_warnings import tax_warnings
from shop.entrypoints.http import Request
from shop.entrypoints.merge_patch import EditableResource
from shop.kernel.optimistic_locking import require_version
from shop.pricing.store.rule_set_cache import rule_set_cache
from shop.tax.actions import get_tax_rates, set_tax_rates
from shop.tax.schemas import TaxRatesBody, TaxRatesView
from shop.tax.store.cache import tax_table_cache
from shop.tax.store.repository import DynamoTaxRateRepository

repository = DynamoTaxRateRepository()
rule_source = rule_set_cache(tax_table_cache())


def read(request: Request[Any]) -> TaxRatesView:
    rates = get_tax_rates(request.path["country"], repository=repository)
    rules = rule_source.rules(request.received_at)
    return TaxRatesView.of(rates, tax_warnings(rates, rules, request.received_at))


def replace(request: Request[TaxRatesBody]) -> TaxRatesView:
    country = get_tax_rates(request.path["country"], repository=repository).country
    rules = rule_source.rules(request.received_at)
    version = require_version(request.headers.get("if-match"), request.body.version, minimum=0)
    rates = set_tax_rates(
        country,
        request.body.parse(country),
        expected_version=version,
        actor=request.caller.username or "?",
        repository=repository,
        today=rules.market_of(country).day(request.received_at),
        at=request.received_at,
    )
    return TaxRatesView.of(rates, tax_warnings(rates, rules, request.received_at))


def remove_decisions(
    merged: dict[str, Any], stored: dict[str, Any], patch: Mapping[str, Any]
) -> None:
    """Let null remove all decisions: in a PUT, absent ones stay."""
    if "untaxed" in patch:
        merged.setdefault("untaxed", [])


TAX_RATES = EditableResource(
    schema=TaxRatesBody,
    read=read,
    replace=replace,
    read_only=("country", "at", "actor", "warnings", "states"),
    first_version=0,
    adjust=remove_decisions,
)
