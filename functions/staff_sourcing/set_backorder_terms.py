"""PUT /staff/stock-terms/{sku+}: set the back-order or pre-order terms of a SKU."""

from shop.composition.staff_resources.backorder_terms import BACKORDER_TERMS
from shop.entrypoints.merge_patch import put_endpoint

handler = put_endpoint(BACKORDER_TERMS)
