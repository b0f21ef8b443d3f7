"""PATCH /staff/shipping: change fields of the shipping table."""

from shop.composition.staff_resources.shipping_table import SHIPPING_TABLE
from shop.entrypoints.merge_patch import patch_endpoint

handler = patch_endpoint(SHIPPING_TABLE)
