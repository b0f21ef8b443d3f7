"""PUT /staff/kits/{sku+}: set the parts of a kit, at the version that was read."""

from shop.composition.staff_resources.kit import KIT
from shop.entrypoints.merge_patch import put_endpoint

handler = put_endpoint(KIT)
