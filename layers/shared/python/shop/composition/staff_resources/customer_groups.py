"""The groups and segments of a customer."""

from typing import Any

from shop.customers.actions import set_customer_groups
from shop.customers.model import CustomerSegments, parse_customer_id
from shop.customers.schemas import CustomerGroupsBody, CustomerGroupsView
from shop.customers.store import DynamoCustomerSegmentRepository
from shop.entrypoints.http import Request, Response
from shop.entrypoints.merge_patch import EditableResource
from shop.kernel.optimistic_locking import require_version

customers = DynamoCustomerSegmentRepository()


def read(request: Request[Any]) -> Response:
    return _response(customers.get(parse_customer_id(request.path["id"])))


def replace(request: Request[CustomerGroupsBody]) -> Response:
    body = request.body
    customer = set_customer_groups(
        parse_customer_id(request.path["id"]),
        body.groups,
        body.segments,
        expected_version=require_version(request.headers.get("if-match"), body.version, minimum=0),
        customers=customers,
        at=request.received_at,
        actor=request.caller.owner,
    )
    return _response(customer)


def _response(customer: CustomerSegments) -> Response:
    return Response(CustomerGroupsView.of(customer), headers={"ETag": f'"{customer.version}"'})


CUSTOMER_GROUPS = EditableResource(
    schema=CustomerGroupsBody,
    read=read,
    replace=replace,
    read_only=("customer_id",),
    first_version=0,
)
