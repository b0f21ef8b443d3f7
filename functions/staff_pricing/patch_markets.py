"""PATCH /staff/markets: change the markets from now on."""

from shop.composition.staff_resources.markets import MARKETS
from shop.entrypoints.merge_patch import patch_endpoint

handler = patch_endpoint(MARKETS)
