"""The price calculation in the steps of docs/rules/pricing.md §2.

1. ``price``: price lists (:mod:`shop.pricing.model.price_lists`)
2. ``lines``: :mod:`.line_promotions`
3. ``sets``: :mod:`.bundle_promotions`
4. ``order``, 5. ``gifts``, 6. ``shipping``: :mod:`.order_promotions`
7. ``tax``: :mod:`.quote_taxes`

:mod:`.calculate` runs the steps. :mod:`.discount_codes` opens promotions before step 2.
:mod:`.stacking` decides in steps 2 to 6 which promotions apply together, and :mod:`.calculation`
has the state that all steps share.
"""

from shop.pricing.model.engine.calculate import calculate_quote

__all__ = ["calculate_quote"]
