"""PUT /staff/promotions/{id}: change a promotion, within the limits of its status."""

from shop.composition.staff_resources.promotion import PROMOTION
from shop.entrypoints.merge_patch import put_endpoint

handler = put_endpoint(PROMOTION)
