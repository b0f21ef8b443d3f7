"""PATCH /staff/customers/{id}/groups: change the groups or the segments of a customer."""

from shop.composition.staff_resources.customer_groups import CUSTOMER_GROUPS
from shop.entrypoints.merge_patch import patch_endpoint

handler = patch_endpoint(CUSTOMER_GROUPS)
