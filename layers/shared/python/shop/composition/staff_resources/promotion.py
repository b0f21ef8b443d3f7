"""A promotion."""

from typing import Any

from shop.composition.references import catalog_references
from shop.entrypoints.http import Request, Response
from shop.entrypoints.merge_patch import EditableResource
from shop.kernel.optimistic_locking import require_version
from shop.pricing.actions.promotions import update_promotion
from shop.pricing.model.promotions import Promotion
from shop.pricing.schemas.promotions import PromotionChangeBody, PromotionView, drop_former_defaults
from shop.pricing.store.promotions import DynamoPromotionRepository

promotions = DynamoPromotionRepository()
assortment = catalog_references()


def read(request: Request[Any]) -> Response:
    return _response(promotions.get(request.path["id"]), request)


def replace(request: Request[PromotionChangeBody]) -> Response:
    id_ = request.path["id"]
    changed = update_promotion(
        id_,
        request.body.promotion(id_),
        expected_version=require_version(request.headers.get("if-match"), request.body.version),
        promotions=promotions,
        assortment=assortment,
        at=request.received_at,
        actor=request.caller.owner,
    )
    return _response(changed, request)


def _response(promotion: Promotion, request: Request[Any]) -> Response:
    view = PromotionView.of(promotion, request.received_at)
    return Response(view, headers={"ETag": f'"{promotion.version}"'})


def parse(body: PromotionChangeBody, request: Request[Any]) -> Promotion:
    return body.promotion(request.path["id"])


PROMOTION = EditableResource(
    schema=PromotionChangeBody,
    read=read,
    replace=replace,
    read_only=(
        "id",
        "status",
        "published",
        "published_at",
        "ended_at",
        "revisions",
        "warnings",
    ),
    parse=parse,
    adjust=drop_former_defaults,
)
