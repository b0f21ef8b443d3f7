"""A price list."""

from typing import Any

from shop.composition.references import catalog_references
from shop.entrypoints.http import Request, Response
from shop.entrypoints.merge_patch import EditableResource
from shop.kernel.optimistic_locking import require_version
from shop.pricing.actions.price_lists import update_price_list
from shop.pricing.model.price_lists import PriceList
from shop.pricing.schemas.price_lists import PriceListChangeBody, PriceListView
from shop.pricing.store.price_lists import DynamoPriceListRepository

repository = DynamoPriceListRepository()
assortment = catalog_references()


def read(request: Request[Any]) -> Response:
    return _response(repository.get(request.path["id"]), request)


def replace(request: Request[PriceListChangeBody]) -> Response:
    id_ = request.path["id"]
    changed = update_price_list(
        id_,
        request.body.price_list(id_),
        expected_version=require_version(request.headers.get("if-match"), request.body.version),
        repository=repository,
        assortment=assortment,
        at=request.received_at,
    )
    return _response(changed, request)


def _response(price_list: PriceList, request: Request[Any]) -> Response:
    view = PriceListView.of(price_list, request.received_at)
    return Response(view, headers={"ETag": f'"{price_list.version}"'})


def parse(body: PriceListChangeBody, request: Request[Any]) -> PriceList:
    return body.price_list(request.path["id"])


PRICE_LIST = EditableResource(
    schema=PriceListChangeBody,
    read=read,
    replace=replace,
    read_only=("id", "status", "created_at", "revisions", "warnings"),
    parse=parse,
)
