"""PUT /staff/customers/{id}/groups: replace the groups and segments of a customer."""

from shop.composition.staff_resources.customer_groups import CUSTOMER_GROUPS
from shop.entrypoints.merge_patch import put_endpoint

handler = put_endpoint(CUSTOMER_GROUPS)
