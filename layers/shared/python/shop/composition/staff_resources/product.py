"""The content of a product."""

from collections.abc import Mapping
from typing import Any

from shop.catalog.actions.product_admin import update_product
from shop.catalog.model import Product
from shop.catalog.schemas.admin import ProductBody
from shop.catalog.schemas.admin_views import ProductView
from shop.catalog.store import DynamoProductCatalog
from shop.entrypoints.http import Request, Response
from shop.entrypoints.merge_patch import EditableResource
from shop.kernel.optimistic_locking import require_version

catalog = DynamoProductCatalog()


def read(request: Request[Any]) -> Response:
    return _response(catalog.get(request.path["id"]))


def replace(request: Request[ProductBody]) -> Response:
    product = update_product(
        request.path["id"],
        request.body.draft(),
        expected_version=require_version(request.headers.get("if-match"), request.body.version),
        catalog=catalog,
        at=request.received_at,
    )
    return _response(product)


def _response(product: Product) -> Response:
    return Response(ProductView.of(product), headers={"ETag": f'"{product.version}"'})


def derive_description(
    merged: dict[str, Any], stored: dict[str, Any], patch: Mapping[str, Any]
) -> None:
    """Let a new description replace the former HTML, and new HTML the former description."""
    for name, derived in (("description", "html"), ("html", "description")):
        if name in patch and derived not in patch and merged.get(name) != stored.get(name):
            merged.pop(derived, None)


PRODUCT = EditableResource(
    schema=ProductBody,
    read=read,
    replace=replace,
    read_only=("id", "status", "created_at", "updated_at"),
    adjust=derive_description,
)
