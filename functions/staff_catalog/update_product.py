"""PUT /staff/products/{id}: replace the content of a product at the version that was read."""

from shop.composition.staff_resources.product import PRODUCT
from shop.entrypoints.merge_patch import put_endpoint

handler = put_endpoint(PRODUCT)
