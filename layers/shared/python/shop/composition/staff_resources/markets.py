"""The markets of the shop."""

from typing import Any

from shop.entrypoints.http import Request, Response
from shop.entrypoints.merge_patch import EditableResource
from shop.kernel.optimistic_locking import require_version
from shop.pricing.actions.markets import update_markets
from shop.pricing.model.markets import MarketSettings, undecided_sales
from shop.pricing.model.rule_set import RuleSet
from shop.pricing.schemas.markets import MarketsBody, MarketsView
from shop.pricing.store.markets import DynamoMarketRepository
from shop.tax.store.cache import tax_table_cache

repository = DynamoMarketRepository()
tax = tax_table_cache()


def read(request: Request[Any]) -> Response:
    return _response(repository.get(), request)


def replace(request: Request[MarketsBody]) -> Response:
    body = request.body
    settings = update_markets(
        body.parse(),
        expected_version=require_version(request.headers.get("if-match"), body.version, minimum=0),
        actor=request.caller.username or "?",
        reason=body.reason,
        repository=repository,
        at=request.received_at,
    )
    return _response(settings, request)


def _response(settings: MarketSettings, request: Request[Any]) -> Response:
    rules = RuleSet(markets=settings.markets, tax=tax.table())
    sales = undecided_sales(rules, request.received_at)
    return Response(MarketsView.of(settings, sales), headers={"ETag": f'"{settings.version}"'})


MARKETS = EditableResource(
    schema=MarketsBody,
    read=read,
    replace=replace,
    read_only=("at", "actor", "warnings"),
    first_version=0,
)
