"""PATCH /staff/pricing-policy: change fields of the policy of stacking and rounding from now on."""

from shop.composition.staff_resources.pricing_policy import PRICING_POLICY
from shop.entrypoints.merge_patch import patch_endpoint

handler = patch_endpoint(PRICING_POLICY)
