"""The items of the ``pricing`` table.

====================================  ==================  ==========================================
PK                                    SK                  what
====================================  ==================  ==========================================
``PROMOTIONS``                        promotion id        a promotion, its version
``PROMOTION#<id>``                    version, 8 digits   what a promotion said, since when, by whom
``TAX``                               country             its tax rates, as staff keep them
``TAX#<country>``                     ``VERSION#<n>``     each version of them, written once
``BOOK``                              ``VERSION``         the rule book's version, a few bytes
``BOOK``                              ``RULES``           the rule book's promotions
``BOOK``                              ``POLICY``          its pricing policy: stacking, rounding
``POLICY``                            ``VERSION#<n>``     each version of that, written once
``PRICE_LISTS``                       list id             a price list with its past
``COUPON#<id>``                       ``HEAD``            a coupon
``COUPON#<id>``                       ``CODES#<…>``       up to 1,000 codes given out at once
``COUPON#<id>``                       ``BATCH#<…>``       a batch, and who is issuing it
``CODES_OF#<promotion>``              code                a code of its own, with limited uses
``CODE#<normal form>``                ``CODE``            a code: what it opens, what is left of it
``USED#<coupon>#<customer>``          ``COUNT``           uses of a coupon by one customer
``CUSTOMER#<id>``                     ``HEAD``            groups and segments of a customer
``FIRST#<customer>``                  ``COUNT``           whether the first order was had
``GROUP_BUY#<id>``                    ``HEAD``            a group that buys together, its seats
``GROUP_BUYS_DUE#<shard>``            deadline and id     groups that are not settled yet
``QUOTA#<promotion>``                 ``COUNT``           units of a flash sale sold
``HAD#<promotion>#<customer>``        ``COUNT``           units of it that one customer had
====================================  ==================  ==========================================
"""

import os

from pynamodb.attributes import BooleanAttribute, NumberAttribute, UnicodeAttribute

from shop.storage.connection import Row
from shop.storage.documents import CompressedJsonAttribute, EventsAttribute

PROMOTIONS, PRICE_LISTS = "PROMOTIONS", "PRICE_LISTS"
BOOK, VERSION, RULES, POLICY = "BOOK", "VERSION", "RULES", "POLICY"
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
    """On a promotion: it is, or was, on the calendar."""
    used = NumberAttribute(null=True)
    remaining = NumberAttribute(null=True)
    """On a code: uses left. What has no limit has :data:`shop.pricing.store.coupons.UNLIMITED`."""
    in_shards = NumberAttribute(null=True)
    """On a code or a quota: of its uses, those handed to the stockroom's bins; no longer left here,
    and for a quota among the used."""
    shard_count = NumberAttribute(null=True)
    """How many bins there are, roughly; absent where there never were any."""
    lease_until = NumberAttribute(null=True)
    """On a batch that is not done: up to when a call has it to itself, seconds since 1970."""
