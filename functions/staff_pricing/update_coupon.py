"""PUT /staff/coupons/{id}: change the limits and the window of a coupon."""

from shop.composition.staff_resources.coupon import COUPON
from shop.entrypoints.merge_patch import put_endpoint

handler = put_endpoint(COUPON)
