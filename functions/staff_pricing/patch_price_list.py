"""PATCH /staff/price-lists/{id}: change fields of a price list from now on."""

from shop.composition.staff_resources.price_list import PRICE_LIST
from shop.entrypoints.merge_patch import patch_endpoint

handler = patch_endpoint(PRICE_LIST)
