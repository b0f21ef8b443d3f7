"""PATCH /staff/coupons/{id}: change single limits or the window of a coupon."""

from shop.composition.staff_resources.coupon import COUPON
from shop.entrypoints.merge_patch import patch_endpoint

handler = patch_endpoint(COUPON)
