"""PATCH /staff/stock-terms/{sku+}: change fields of the back-order or pre-order terms of a SKU."""

from shop.composition.staff_resources.backorder_terms import BACKORDER_TERMS
from shop.entrypoints.merge_patch import patch_endpoint

handler = patch_endpoint(BACKORDER_TERMS)
