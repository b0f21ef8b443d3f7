"""The shipping table."""

from typing import Any

from shop.entrypoints.http import Request
from shop.entrypoints.merge_patch import EditableResource
from shop.kernel.optimistic_locking import require_version
from shop.shipping.actions import set_shipping_table
from shop.shipping.model import ShippingTable
from shop.shipping.schemas import ShippingTableBody, ShippingTableView
from shop.shipping.store import DynamoShippingTableRepository

repository = DynamoShippingTableRepository()


def read(request: Request[Any]) -> ShippingTableView:
    return ShippingTableView.of(repository.get_current())


def replace(request: Request[ShippingTableBody]) -> ShippingTableView:
    new = set_shipping_table(
        request.body.table(),
        expected_version=require_version(
            request.headers.get("if-match"), request.body.version, minimum=0
        ),
        actor=request.caller.username or "?",
        reason=request.body.reason,
        repository=repository,
        at=request.received_at,
    )
    return ShippingTableView.of(new)


def parse(body: ShippingTableBody, request: Request[Any]) -> ShippingTable:
    return body.table()


SHIPPING_TABLE = EditableResource(
    schema=ShippingTableBody,
    read=read,
    replace=replace,
    read_only=("at", "actor", "bundled"),
    first_version=0,
    parse=parse,
)
