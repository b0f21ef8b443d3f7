"""PUT /staff/shipping: replace the shipping table, at the version that was read."""

from shop.composition.staff_resources.shipping_table import SHIPPING_TABLE
from shop.entrypoints.merge_patch import put_endpoint

handler = put_endpoint(SHIPPING_TABLE)
