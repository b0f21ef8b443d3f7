"""GET /staff/local-tax-rates/{state}: the sales tax below a state, and that of one ZIP code."""

from shop.entrypoints.http import Request, Response, endpoint
from shop.kernel.errors import InvalidRequest
from shop.pricing.store.rule_set_cache import rule_set_cache
from shop.tax.actions import get_local_rates
from shop.tax.schemas import LocalTaxRatesView
from shop.tax.store.cache import tax_table_cache
from shop.tax.store.local_rates import DynamoLocalRateRepository

repository = DynamoLocalRateRepository()
rule_source = rule_set_cache(tax_table_cache())


@endpoint()
def handler(request: Request[None]) -> Response:
    rates = get_local_rates(request.path["state"], repository=repository)
    version = request.query.get("version")
    if version is not None:
        if not (version.isascii() and version.isdigit() and len(version) < 10):
            raise InvalidRequest(
                "The version must be a whole number of at most 9 digits.",
                code="version_invalid",
                path="version",
            )
        rates = repository.get_version(rates.state, int(version))
    today = rule_source.rules(request.received_at).market_of("US").day(request.received_at)
    edition = rates.on(today)
    rate = edition.find(request.query.get("postal_code")) if edition is not None else None
    return Response(LocalTaxRatesView.of(rates, rate), headers={"ETag": f'"{rates.version}"'})
