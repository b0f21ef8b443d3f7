"""PUT /staff/pricing-policy: replace the policy of stacking and rounding from now on."""

from shop.composition.staff_resources.pricing_policy import PRICING_POLICY
from shop.entrypoints.merge_patch import put_endpoint

handler = put_endpoint(PRICING_POLICY)
