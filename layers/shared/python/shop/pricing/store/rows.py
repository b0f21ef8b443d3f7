"""The items of the ``pricing`` table.

=========================================  =================  ====================================
PK                                         SK                 content
=========================================  =================  ====================================
``PROMOTIONS``                             promotion id       a promotion and its version
``PROMOTION#<id>``                         version, 8 digits  a revision: content, event, actor
``RULE_SET``                               ``VERSION``        version of the rules, a few bytes
``RULE_SET``                               ``RULES``          published promotions
``RULE_SET``                               ``POLICY``         policy: stacking, rounding
``POLICY``                                 ``VERSION#<n>``    a version of the policy
``RULE_SET``                               ``MARKETS``        markets: countries, tax, time zone
``MARKETS``                                ``VERSION#<n>``    a version of the markets
``PRICE_LISTS``                            list id            a price list with its revisions
``COUPON#<id>``                            ``HEAD``           a coupon
``COUPONS``                                coupon id          an entry of the list of coupons
``COUPON#<id>``                            ``CODES#<…>``      up to 1,000 codes of a batch
``COUPON#<id>``                            ``BATCH#<…>``      a batch, and the lease of its issuer
``LIMITED_CODES#<promotion>``              code               a single code with a limit
``CODE#<normal form>``                     ``CODE``           a code: coupon, remaining uses
``CUSTOMER_USES#<coupon>#<customer>``      ``COUNT``          uses of a coupon by one customer
``FIRST_ORDER#<customer>``                 ``COUNT``          use of a first-order discount
``GROUP_BUY#<id>``                         ``HEAD``           a group buy and its seats
``GROUP_BUYS_DUE#<shard>``                 deadline and id    group buys that are not settled yet
``QUOTA#<promotion>``                      ``COUNT``          units of a flash sale sold
``CUSTOMER_QUOTA#<promotion>#<customer>``  ``COUNT``          units that one customer bought
=========================================  =================  ====================================
"""

import os

from pynamodb.attributes import BooleanAttribute, NumberAttribute, UnicodeAttribute

from shop.storage.connection import Row
from shop.storage.documents import CompressedJsonAttribute, EventsAttribute

PROMOTIONS, PRICE_LISTS, COUPONS = "PROMOTIONS", "PRICE_LISTS", "COUPONS"
RULE_SET, VERSION, RULES, POLICY = "RULE_SET", "VERSION", "RULES", "POLICY"
MARKETS = "MARKETS"
HEAD, CODE, COUNT = "HEAD", "CODE", "COUNT"


class PricingRow(Row):
    """Any item of the table."""

    class Meta:
        table_name = os.environ["TABLE_PRICING"]

    pk = UnicodeAttribute(hash_key=True, attr_name="PK")
    sk = UnicodeAttribute(range_key=True, attr_name="SK")
    version = NumberAttribute(null=True)
    doc = CompressedJsonAttribute(null=True)
    events = EventsAttribute(null=True)
    published = BooleanAttribute(null=True)
    """On a promotion: it was published, and may have ended."""
    used = NumberAttribute(null=True)
    remaining = NumberAttribute(null=True)
    """On a code: remaining uses; :data:`shop.pricing.store.coupons.UNLIMITED` without a limit."""
    in_shards = NumberAttribute(null=True)
    """On a code or quota: uses that were moved to shards. Orders cannot take them from the row; for
    a quota they count as used."""
    shard_count = NumberAttribute(null=True)
    """The approximate number of shards; absent if the counter was never sharded."""
    lease_until = NumberAttribute(null=True)
    """On an unfinished batch: the end of the lease of its call, in seconds since 1970."""
