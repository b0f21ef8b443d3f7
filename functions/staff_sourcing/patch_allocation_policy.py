"""PATCH /staff/allocation-policy: change fields of the policy of allocation."""

from shop.composition.staff_resources.allocation_policy import ALLOCATION_POLICY
from shop.entrypoints.merge_patch import patch_endpoint

handler = patch_endpoint(ALLOCATION_POLICY)
