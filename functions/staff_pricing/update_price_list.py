"""PUT /staff/price-lists/{id}: replace a price list from now on."""

from shop.composition.staff_resources.price_list import PRICE_LIST
from shop.entrypoints.merge_patch import put_endpoint

handler = put_endpoint(PRICE_LIST)
