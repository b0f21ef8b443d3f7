"""PATCH /staff/promotions/{id}: change fields of a promotion, within the limits of its status."""

from shop.composition.staff_resources.promotion import PROMOTION
from shop.entrypoints.merge_patch import patch_endpoint

handler = patch_endpoint(PROMOTION)
