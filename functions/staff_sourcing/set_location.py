"""PUT /staff/locations/{name}: create a location, or change it at the version that was read."""

from shop.composition.staff_resources.location import LOCATION
from shop.entrypoints.merge_patch import put_endpoint

handler = put_endpoint(LOCATION)
