"""POST /staff/promotions/{id}/end: call a promotion off, at once and for good, as it was read."""

from shop.edge.http import Answer, Request, endpoint
from shop.kernel.versions import needed_version
from shop.pricing.actions.promotions import end_promotion
from shop.pricing.store.calendar import DynamoPromotions
from shop.pricing.wire.promotions import PromotionView
from shop.pricing.wire.shapes import VersionBody

promotions = DynamoPromotions()


@endpoint(VersionBody, optional=True)
def handler(request: Request[VersionBody]) -> Answer:
    after = end_promotion(
        request.path["id"],
        expected_version=needed_version(request.headers.get("if-match"), request.body.version),
        promotions=promotions,
        at=request.at,
        who=request.caller.owner,
    )
    return Answer(PromotionView.of(after, request.at), headers={"ETag": f'"{after.version}"'})
