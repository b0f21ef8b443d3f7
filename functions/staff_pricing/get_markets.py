"""GET /staff/markets: the current markets, or a former version of them."""

from shop.entrypoints.http import Request, Response, endpoint
from shop.kernel.errors import InvalidRequest
from shop.pricing.model.markets import undecided_sales
from shop.pricing.model.rule_set import RuleSet
from shop.pricing.schemas.markets import MarketsView
from shop.pricing.store.markets import DynamoMarketRepository
from shop.tax.store.cache import tax_table_cache

repository = DynamoMarketRepository()
tax = tax_table_cache()


@endpoint()
def handler(request: Request[None]) -> Response:
    version = request.query.get("version")
    if version is None:
        settings = repository.get()
    elif version.isascii() and version.isdigit() and len(version) < 10:
        settings = repository.get_version(int(version))
    else:
        raise InvalidRequest(
            "The version must be a whole number of at most 9 digits.",
            code="version_invalid",
            path="version",
        )
    rules = RuleSet(markets=settings.markets, tax=tax.table())
    sales = undecided_sales(rules, request.received_at)
    return Response(MarketsView.of(settings, sales), headers={"ETag": f'"{settings.version}"'})
