"""PATCH /staff/locations/{name}: change fields of a location."""

from shop.composition.staff_resources.location import LOCATION
from shop.entrypoints.merge_patch import patch_endpoint

handler = patch_endpoint(LOCATION)
