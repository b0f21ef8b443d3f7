"""PUT /staff/allocation-policy: set the policy that chooses the locations of paid orders."""

from shop.composition.staff_resources.allocation_policy import ALLOCATION_POLICY
from shop.entrypoints.merge_patch import put_endpoint

handler = put_endpoint(ALLOCATION_POLICY)
