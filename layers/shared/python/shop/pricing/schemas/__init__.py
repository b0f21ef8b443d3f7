"""Prices, promotions, coupons and credits in the words of staff and shoppers: plain JSON."""
