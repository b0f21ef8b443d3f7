"""PATCH /staff/products/{id}: change fields of a product."""

from shop.composition.staff_resources.product import PRODUCT
from shop.entrypoints.merge_patch import patch_endpoint

handler = patch_endpoint(PRODUCT)
