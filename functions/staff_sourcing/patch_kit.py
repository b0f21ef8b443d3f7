"""PATCH /staff/kits/{sku+}: change the parts of a kit."""

from shop.composition.staff_resources.kit import KIT
from shop.entrypoints.merge_patch import patch_endpoint

handler = patch_endpoint(KIT)
