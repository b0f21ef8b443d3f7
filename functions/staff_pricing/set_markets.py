"""PUT /staff/markets: replace the markets from now on."""

from shop.composition.staff_resources.markets import MARKETS
from shop.entrypoints.merge_patch import put_endpoint

handler = put_endpoint(MARKETS)
